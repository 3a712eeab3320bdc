"""Refusals of those who manage people: what console, API and command line will not do."""

from __future__ import annotations

from tenants.errors import Refusal

EMAIL_IN_USE = "This e-mail address is in use by another account."
USERNAME_IN_USE = "Another person of this organisation has this username."


class EmailInUse(Refusal):
    """Whether the account is here or elsewhere is never said (P3)."""

    code, status, sentence = "email_conflict", 409, EMAIL_IN_USE


class UsernameInUse(Refusal):
    code, status, sentence = "username_conflict", 409, USERNAME_IN_USE


class SubjectInUse(Refusal):
    code, status = "subject_conflict", 409
    sentence = "Another person of this organisation comes from this identity provider under this subject."


class ImportRefused(Refusal):
    """A file of people that cannot be read. detail: errors, `file` -> where and why, for whoever sent it."""

    code, status, sentence = "file_invalid", 422, "This file of people cannot be read."

    def __init__(self, cause: str) -> None:
        super().__init__(cause, errors={"file": [f"{cause[:1].upper()}{cause[1:]}."]})


class ImportTooLarge(Refusal):
    code, status, sentence = "too_large", 413, "The file is larger than 16 MiB."


class ImportNotReady(Refusal):
    code, status = "import_not_ready", 409
    sentence = "This import is not waiting to be applied. Look at it again."


class ImportOutdated(Refusal):
    code, status = "import_outdated", 409
    sentence = "This is not the preview that is there now. Look at it again before it is applied."


class ImportHasRefusals(Refusal):
    """detail: refused, the number of lines."""

    code, status = "import_has_refusals", 409
    sentence = "Some lines of the file cannot be taken. Say that they are to be left out, or mend the file."


class TooManyImports(Refusal):
    code, status = "too_many_imports", 409
    sentence = "Too many files wait to be applied. Apply or remove one first."
