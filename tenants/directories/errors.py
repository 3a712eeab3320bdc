"""Why a directory gave no answer, and refusals of whoever looks after one."""

from __future__ import annotations

from enum import StrEnum

from tenants.errors import RELOAD, ConflictingState, RateLimited, Refusal


class Stage(StrEnum):
    """How far it went: a name is looked up, a connection opened and secured, the service's own account signed in, asked."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    BIND = "bind"
    SEARCH = "search"


class DirectoryFault(Exception):
    """A directory that did not do what it was asked.

    Args:
        stage: where it stopped.
        code: a stable word, see docs/directories.md.
        words: for whoever looks after the directory; holds no secret, and nothing that a stranger's server has said.
    """

    def __init__(self, stage: Stage, code: str, words: str) -> None:
        super().__init__(f"{stage.value}: {words} ({code})")
        self.stage, self.code, self.words = stage, code, words


class DirectoryUnavailable(Refusal):
    code, status = "directory_unavailable", 503
    heading = "Your organisation's directory does not answer"
    sentence = "The directory that holds your organisation's passwords cannot be asked just now, so nobody was signed in."
    advice = "Please try again in a few minutes. If it goes on, tell your organisation's administrator."
    retry = RELOAD


class SupportMissing(ConflictingState):
    code = "directory_support_missing"
    heading = "Directories cannot be asked here"
    sentence = "This service is installed without python-ldap, so that it can ask no directory."
    advice = "Whoever operates it can install the extra `ldap` (docs/directories.md)."


class DirectoryInUse(ConflictingState):
    sentence = "An organisation's people sign in by this directory. Choose another way for them first."


class DirectoryChanged(Refusal):
    """detail: version, the present one; None where the directory is gone."""

    code, status = "directory_changed", 409
    heading = "Somebody else changed this"
    sentence = "The directory is not as you were shown it: somebody has changed it meanwhile. Nothing of yours was saved."
    advice = "Load it again, and make your change to what is there now."


class DirectoryExists(Refusal):
    code, status, sentence = "directory_exists", 409, "There is a directory of this label already."


class TooManyDirectories(Refusal):
    code, status = "too_many", 409
    sentence = "There are as many directories as there may be, or may be made in a day. Remove one first, or wait."


class NotAskedAgain(RateLimited):
    sentence = "The directory was asked a moment ago. Please wait a little."
