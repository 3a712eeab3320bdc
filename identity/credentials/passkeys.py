"""The one door to py_webauthn: options for a browser, and what its authenticator answers (WebAuthn Level 2, 7.1 and 7.2).

User verification is demanded always, so a passkey is both factors: something held, and a finger, face or PIN.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

CHALLENGE_BYTES = 32
_CREDENTIAL_ID = re.compile(r"[A-Za-z0-9_-]{1,1400}")
"""Base64url of 1,023 octets at most (WebAuthn Level 2, 4); whatever else is said is no id, and is looked up nowhere."""
MAX_ANSWER = 32 * 1024
"""Characters of what a browser sends; RSA keys and attestations included."""
TIMEOUT_MS = 120_000


class PasskeyInvalid(Exception):
    """An answer that proves nothing; the text is for logs."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who we are to an authenticator: one host, as configured or stored and never as a request says."""

    id: str
    origin: str
    name: str


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A credential that was just made."""

    credential_id: str
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class KnownPasskey:
    """A stored credential, and whose it is."""

    id: str
    owner_id: str
    credential_id: str
    public_key: bytes
    sign_count: int


def relying_party(origin: str, name: str) -> RelyingParty:
    """A host as a relying party; its passkeys work nowhere else (WebAuthn Level 2, 5.1.3)."""
    return RelyingParty(urlsplit(origin).hostname or "", origin, name)


def new_challenge() -> str:
    """256 random bits in base64url."""
    return secrets.token_urlsafe(CHALLENGE_BYTES)


def registration_options(
    party: RelyingParty, challenge: str, *, owner_id: str, email: str, name: str, known: Sequence[str]
) -> Mapping[str, Any]:
    """What a browser needs to make a passkey. Authenticators that hold one of `known` make no second one."""
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=owner_id.encode(),
        user_name=email,
        user_display_name=name,
        challenge=base64url_to_bytes(challenge),
        timeout=TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(item)) for item in known],
    )
    document: Mapping[str, Any] = json.loads(options_to_json(options))
    return document


def request_options(party: RelyingParty, challenge: str, known: Sequence[str] = ()) -> Mapping[str, Any]:
    """What a browser needs to use a passkey; with none known, the person chooses among all that they have for us."""
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=base64url_to_bytes(challenge),
        timeout=TIMEOUT_MS,
        allow_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(item)) for item in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    document: Mapping[str, Any] = json.loads(options_to_json(options))
    return document


def read_registration(party: RelyingParty, answer: str, challenge: str) -> NewPasskey:
    """The passkey that was made for this challenge.

    Raises:
        PasskeyInvalid
    """
    try:
        made = verify_registration_response(
            credential=_document(answer),
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except Exception as error:  # whatever the library and its parsers stumble over proves nothing
        raise PasskeyInvalid(f"registration: {type(error).__name__}: {str(error)[:120]}") from None
    return NewPasskey(bytes_to_base64url(made.credential_id), made.credential_public_key, made.sign_count)


def unverified_credential_id(answer: str) -> str:
    """Which credential an answer says that it is of; believed once the signature holds.

    Raises:
        PasskeyInvalid
    """
    claimed = _document(answer).get("id")
    if not isinstance(claimed, str) or not _CREDENTIAL_ID.fullmatch(claimed):
        raise PasskeyInvalid("no credential id")
    return claimed


def verify_passkey(party: RelyingParty, answer: str, challenge: str, known: KnownPasskey) -> int:
    """Prove that the holder of this credential answered this challenge just now; its new signature counter.

    A counter that does not go up is a clone's (WebAuthn 6.1.1): refused. So is another account's user handle.

    Raises:
        PasskeyInvalid
    """
    document = _document(answer)
    try:
        verified = verify_authentication_response(
            credential=document,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=known.public_key,
            credential_current_sign_count=known.sign_count,
            require_user_verification=True,
        )
        handle = document["response"].get("userHandle")
        owner = base64url_to_bytes(handle).decode() if handle else known.owner_id
    except Exception as error:  # as above
        raise PasskeyInvalid(f"answer: {type(error).__name__}: {str(error)[:120]}") from None
    if owner != known.owner_id or bytes_to_base64url(verified.credential_id) != known.credential_id:
        raise PasskeyInvalid("another account's, or another credential")
    return verified.new_sign_count


def _document(answer: str) -> dict[str, Any]:
    try:
        document = json.loads(answer) if len(answer) <= MAX_ANSWER else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise PasskeyInvalid("not an answer of an authenticator")
    return document
