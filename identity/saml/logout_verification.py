"""A logout message is verified: from what anyone may have written to what the tenant's identity provider has signed.

Everything is read from what a signature covers: the canonical octets of a posted message, or the inflated octets of a
query that is signed as a whole. A message without a signature is nobody's (SAML Profiles 4.4.3.5, 4.4.4.1).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from lxml import etree

from identity.errors import LogoutInvalid, SignatureMissing
from identity.saml.conditions import MAX_AGE as ASSERTION_AGE
from identity.saml.decryption import decrypt, read_ciphertext
from identity.saml.names import ENTITY_FORMAT, ISSUER, NAME_ID, SAML, SAMLP, SUCCESS
from identity.saml.times import read_time, shown
from identity.saml.unverified_logout import UnverifiedLogout
from tenants.saml_settings import MAX_CLOCK_SKEW_SECONDS
from tenants.signed_xml.errors import SignatureInvalid
from tenants.signed_xml.names import SIGNATURE
from tenants.signed_xml.signature import require_no_stray_signature, verify_enveloped, verify_octets
from tenants.signed_xml.xml import child_of, parse_canonical, text_of
from tenants.trust import SAMLTrust

MAX_AGE = dt.timedelta(minutes=10)
"""How old a message may be, besides the clock skew: a browser carries it straight from there to here."""
MAX_SESSION_INDEXES = 100
PARTIAL_LOGOUT = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """The identity provider says that a person's sessions end: those named, or all of them where none is named.

    `remembered_until`: until then the same message could be accepted again, whatever the skew, or an assertion that was
    written before it could still arrive.
    """

    id: str
    name_id: str = field(repr=False)
    session_indexes: tuple[str, ...] = field(repr=False)
    relay_state: str = field(repr=False)
    by_redirect: bool
    issued_at: dt.datetime
    remembered_until: dt.datetime


@dataclass(frozen=True, slots=True)
class LogoutResponse:
    """The identity provider answers a request of ours. `everywhere`: it could tell everybody else."""

    in_response_to: str
    everywhere: bool


def verify_logout(unverified: UnverifiedLogout, trust: SAMLTrust, now: dt.datetime) -> LogoutRequest | LogoutResponse:
    """Believe a logout message, or refuse it (SAML Core 3.7, SAML Profiles 4.4; requirement S3).

    Args:
        trust: of the identity provider that the message names as its issuer.
        now: aware UTC.

    Raises:
        SignatureMissing, SignatureInvalid, AlgorithmNotAllowed, TimeInvalid, DecryptionFailed
        LogoutInvalid: everything else that is not as it has to be.
    """
    message = _signed_message(unverified, trust, now)
    _require(message.get("Version") == "2.0", "a version other than 2.0")
    issuer = child_of(message, ISSUER)
    is_entity = issuer is not None and issuer.get("Format", ENTITY_FORMAT) == ENTITY_FORMAT
    _require(is_entity and text_of(issuer) == trust.idp_entity_id, "an issuer other than the identity provider")
    # Present on whatever is signed (SAML Bindings 3.4.5.2, 3.5.5.2), and here everything is.
    destination = message.get("Destination")
    _require(destination == trust.service_provider.slo_url, f"sent to {destination or 'nowhere'}")
    issued = _require_recent(message, trust, now)
    if unverified.is_request:
        return _request_of(message, unverified, trust, issued, now)
    return LogoutResponse(_answered(message), everywhere=_is_whole_success(message))


def _signed_message(unverified: UnverifiedLogout, trust: SAMLTrust, now: dt.datetime) -> etree._Element:
    """The tree to read from."""
    exception = trust.settings.sha1_exception
    allow_sha1 = exception is not None and exception.until > now
    root = unverified.root
    if not unverified.by_redirect:
        require_no_stray_signature(root, [root])
        if child_of(root, SIGNATURE) is None:
            raise SignatureMissing("a posted logout message without a signature")
        return parse_canonical(verify_enveloped(root, trust.signing_keys, allow_sha1).octets)
    if unverified.query is None:
        raise SignatureMissing("a logout message by Redirect without Signature and SigAlg")
    if next(root.iter(SIGNATURE), None) is not None:  # SAML Bindings 3.4.4.1: it is to be removed before
        raise SignatureInvalid("a Signature inside a message by Redirect")
    verify_octets(unverified.query.octets, unverified.query.value, unverified.query.method, trust.signing_keys, allow_sha1)
    return root


def _request_of(
    message: etree._Element, unverified: UnverifiedLogout, trust: SAMLTrust, issued: dt.datetime, now: dt.datetime
) -> LogoutRequest:
    skew = dt.timedelta(seconds=trust.settings.clock_skew_seconds)
    ends = message.get("NotOnOrAfter")
    _require(ends is None or now - skew < read_time(ends), f"over since {ends}")
    indexes = [text_of(element) for element in message.iterchildren(SAMLP + "SessionIndex")]
    _require(len(indexes) <= MAX_SESSION_INDEXES, f"{len(indexes)} sessions named")
    _require(all(indexes), "an empty SessionIndex, which must not stand for all of them")
    return LogoutRequest(
        id=message.get("ID", ""),
        name_id=_name_id_of(message, trust),
        session_indexes=tuple(dict.fromkeys(indexes)),
        relay_state=unverified.relay_state,
        by_redirect=unverified.by_redirect,
        issued_at=issued,
        remembered_until=issued + ASSERTION_AGE + dt.timedelta(seconds=MAX_CLOCK_SKEW_SECONDS),
    )


def _name_id_of(message: etree._Element, trust: SAMLTrust) -> str:
    """The NameID, whole and exactly as signed; decrypted where it came as EncryptedID, whose ciphertext is signed."""
    name_id = child_of(message, NAME_ID)
    encrypted = child_of(message, SAML + "EncryptedID")
    if encrypted is not None:
        name_id = decrypt(read_ciphertext(encrypted), NAME_ID, trust.open_decryption_keys())
    text = "" if name_id is None else name_id.text or ""
    _require(text.strip() != "", "nobody named by a NameID")
    return text


def _require_recent(message: etree._Element, trust: SAMLTrust, now: dt.datetime) -> dt.datetime:
    skew = dt.timedelta(seconds=trust.settings.clock_skew_seconds)
    issued = read_time(message.get("IssueInstant", ""))
    _require(now - skew - MAX_AGE < issued <= now + skew, f"issued {shown(issued)}, and it is {shown(now)}")
    return issued


def _answered(message: etree._Element) -> str:
    answered = message.get("InResponseTo", "")
    _require(answered != "", "an answer to nothing")
    return answered


def _is_whole_success(message: etree._Element) -> bool:
    codes = [code.get("Value") for code in message.iterfind(f"{SAMLP}Status//{SAMLP}StatusCode")]
    return bool(codes) and codes[0] == SUCCESS and PARTIAL_LOGOUT not in codes


def _require(holds: bool, cause: str) -> None:
    if not holds:
        raise LogoutInvalid(cause[:300])
