"""What an application on a person's own device asks for: checked whole at its birth (RFC 8252, RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from identity.errors import NativeRequestInvalid

AUTHORIZE_PATH, TOKEN_PATH, SIGN_OUT_PATH = "/native/authorize", "/native/token", "/native/logout"
REDIRECT_PATH = "/callback"
"""The one path that codes are sent to, at a loopback address and any port (RFC 8252, 7.3 and 8.4)."""
CODE_PARAMETER, METHOD = "code", "S256"
MAX_PORT = 65_535
CLIENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,58}[A-Za-z0-9])?")
"""ASCII alone: no name that looks like another, or that turns the sentence around it."""
_REDIRECT = re.compile(r"http://(127\.0\.0\.1|\[::1\]):([1-9][0-9]{0,4})" + re.escape(REDIRECT_PATH))
"""Never `localhost`, which a name server or a hosts file may lead elsewhere (RFC 8252, 8.3)."""
_STATE = re.compile(r"[A-Za-z0-9._~+/=-]{8,256}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_NAMES = ("response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method")


@dataclass(frozen=True, slots=True)
class NativeRequest:
    """Who asks, where the code goes, and what it is bound to. `client` is what the application calls itself: nobody vouches."""

    client: str
    redirect_uri: str
    state: str
    challenge: str

    @property
    def fields(self) -> dict[str, str]:
        """As it came, for a form that asks the same."""
        values = (CODE_PARAMETER, self.client, self.redirect_uri, self.state, self.challenge, METHOD)
        return dict(zip(_NAMES, values, strict=True))

    @property
    def path(self) -> str:
        """The local path that asks the same."""
        return f"{AUTHORIZE_PATH}?{urlencode(self.fields)}"

    @property
    def form_action(self) -> str:
        """Where the page's form may end (CSP). Its grammar has no place for an IPv6 literal."""
        origin = self.redirect_uri.removesuffix(REDIRECT_PATH)
        return "http:" if "[" in origin else origin

    def answer(self, issuer: str, **values: str) -> str:
        """The address that tells the application; `iss` says whose answer it is (RFC 9207)."""
        return f"{self.redirect_uri}?{urlencode({**values, 'state': self.state, 'iss': issuer})}"


@dataclass(frozen=True, slots=True)
class Redemption:
    """A code that comes back, with what proves that it comes from where it was asked for."""

    code: str
    verifier: str
    redirect_uri: str
    client: str

    def __repr__(self) -> str:
        return f"Redemption(client={self.client!r})"


def read_native_request(fields: Sequence[tuple[str, str]]) -> NativeRequest:
    """Read what an application asks for. Parameters of other names are passed over, as RFC 6749 3.1 wants it.

    Raises:
        NativeRequestInvalid: one is missing, comes twice, or is not as it has to be. Nobody is sent anywhere.
    """
    given = _once(fields, _NAMES)
    _require(given["response_type"] == CODE_PARAMETER, "response_type is not code")
    _require(given["code_challenge_method"] == METHOD, "code_challenge_method is not S256")
    _require(_CHALLENGE.fullmatch(given["code_challenge"]), "code_challenge is no SHA-256 in base64url")
    _require(_STATE.fullmatch(given["state"]), "state has not 8 to 256 characters of base64 or base64url")
    _require(CLIENT.fullmatch(given["client_id"]), "client_id is no plain name of 60 characters at most")
    _require(is_loopback(given["redirect_uri"]), f"redirect_uri is not http://127.0.0.1:PORT{REDIRECT_PATH}")
    return NativeRequest(given["client_id"], given["redirect_uri"], given["state"], given["code_challenge"])


def read_redemption(fields: Sequence[tuple[str, str]]) -> Redemption:
    """Read what is sent to the token's address.

    Raises:
        NativeRequestInvalid
    """
    given = _once(fields, ("grant_type", "code", "code_verifier", "redirect_uri", "client_id"))
    _require(given["grant_type"] == "authorization_code", "grant_type is not authorization_code")
    _require(_CHALLENGE.fullmatch(given["code"]), "code is none of ours")
    _require(_VERIFIER.fullmatch(given["code_verifier"]), "code_verifier has not 43 to 128 unreserved characters")
    return Redemption(given["code"], given["code_verifier"], given["redirect_uri"], given["client_id"])


def is_loopback(uri: str) -> bool:
    """Whether a code may be sent there: this very device, by a number and not by a name."""
    found = _REDIRECT.fullmatch(uri)
    return found is not None and int(found[2]) <= MAX_PORT


def proves(verifier: str, challenge: str) -> bool:
    """Whether whoever has the verifier has asked with the challenge (RFC 7636, 4.6)."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(digest, challenge)


def addresses_at(origin: str) -> dict[str, Any]:
    """What a native client has to know of a tenant's host, for its configuration document."""
    return {
        "issuer": origin,
        "authorize_url": origin + AUTHORIZE_PATH,
        "token_url": origin + TOKEN_PATH,
        "session_url": origin + "/session",
        "logout_url": origin + SIGN_OUT_PATH,
        "redirect_path": REDIRECT_PATH,
        "code_challenge_methods": [METHOD],
    }


def _once(fields: Sequence[tuple[str, str]], names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in fields:
        if name in names:
            _require(name not in found, f"{name} twice")
            found[name] = value
    for name in names:
        _require(name in found, f"no {name}")
    return found


def _require(holds: object, cause: str) -> None:
    if not holds:
        raise NativeRequestInvalid(cause)
