"""A response is verified: from what anyone may have written to what the tenant's identity provider has signed.

`verify_response` is the only maker of an Assertion. Each step is a rule that holds or a refusal, in the order in which
receipts show them. Whatever is read after a signature is read from the octets that this signature covers, and from no
other place.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from lxml import etree

from identity.assertion import Assertion, Exchange
from identity.checks import ATTRIBUTES, DECRYPTION, DESTINATION, IN_RESPONSE_TO, ISSUER, VERSION, Receipt
from identity.saml.conditions import MAX_AGE, require_conditions, require_sensible_issue_instant
from identity.saml.decryption import decrypt, read_ciphertext
from identity.saml.names import ENCRYPTED_ASSERTION, ENTITY_FORMAT, NAME_ID, SAML
from identity.saml.names import ISSUER as ISSUER_TAG
from identity.saml.pysaml2_door import Chosen, require_same_reading
from identity.saml.statements import read_attributes, require_authentication, require_authn_context, require_fresh
from identity.saml.status import require_success
from identity.saml.subject import latest_confirmation, require_bearer_confirmation, require_name_id, require_subject
from identity.saml.unverified import UnverifiedResponse, masked_xml, read_response
from identity.saml.verification import Message, key_noter, require_one_assertion, verify_assertion, verify_message
from tenants.saml_settings import MAX_CLOCK_SKEW_SECONDS
from tenants.signed_xml.xml import child_of, text_of
from tenants.trust import SAMLTrust

__all__ = ["UnverifiedResponse", "masked_xml", "read_response", "verify_response"]

NAME_ID_SOURCE = "NameID"
REPLAY_MARGIN = dt.timedelta(seconds=MAX_CLOCK_SKEW_SECONDS)
"""The largest skew that a tenant may set: a used assertion is remembered until no setting would accept it any more."""


def verify_response(
    unverified: UnverifiedResponse, trust: SAMLTrust, exchange: Exchange | None, now: dt.datetime, receipt: Receipt
) -> Assertion:
    """Believe a response, or refuse it (SAML Profiles 4.1.4.3; requirements V2–V10, V12, V13).

    Args:
        exchange: the request that it answers; None for an unsolicited response.
        now: aware UTC; nothing here reads a clock.

    Raises:
        Refusal: of identity.errors; `receipt` then ends with the check that failed.
    """
    settings, provider = trust.settings, trust.service_provider
    skew = dt.timedelta(seconds=settings.clock_skew_seconds)
    request_id = exchange.request_id if exchange else None
    requested = exchange.authn_context_classes if exchange else settings.authn_context_class_ref

    # 1. Signatures. What is read from here on is what they cover.
    message = verify_message(unverified.root, trust, now, receipt)
    require_success(message.response, receipt)
    carrier = require_one_assertion(message, receipt)
    assertion = verify_assertion(carrier, message, trust, receipt)

    # 2. Whose message it is, for whom, and from when.
    _require_version(message.response, assertion, receipt)
    _require_issuer(message, carrier, assertion, trust.idp_entity_id, receipt)
    _require_destination(message, provider.acs_url, receipt)
    require_sensible_issue_instant(message.response, now, skew, receipt)
    issued = require_sensible_issue_instant(assertion, now, skew, receipt)

    # 3. Who it is about, and who may bring it.
    attributes = read_attributes(assertion, receipt)
    subject = require_subject(assertion, receipt)
    name_id = _name_id_of(subject, trust, receipt)
    name_id_text = _require_identity(name_id, attributes, settings.name_id_source, receipt)
    confirmation = require_bearer_confirmation(subject, provider.acs_url, request_id, now, skew, receipt)
    _require_answer_to(message.response, request_id, receipt)

    # 4. What it says, and under which conditions.
    conditions_end = require_conditions(assertion, provider.entity_id, now, skew, receipt)
    authentication = require_authentication(assertion, now, skew, receipt)
    require_authn_context(authentication.context, requested, settings, receipt)
    require_fresh(authentication.instant, exchange, now, skew, receipt)

    # 5. A second opinion on what was found good.
    chosen = Chosen(message.response, assertion, name_id, confirmation, authentication.statement)
    require_same_reading(chosen, provider, request_id, receipt)

    ends = (latest_confirmation(subject), conditions_end, min(issued, now + skew) + MAX_AGE)  # a survey may go on in 9999
    receipt.facts |= {
        "issuer": trust.idp_entity_id,
        "assertion_id": assertion.get("ID"),
        "authn_context": authentication.context,
    }
    return Assertion(
        id=assertion.get("ID", ""),
        issuer=trust.idp_entity_id,
        name_id=name_id_text,
        name_id_format="" if name_id is None else name_id.get("Format", ""),
        attributes=attributes,
        authn_context=authentication.context,
        authn_instant=authentication.instant,
        session_index=authentication.session_index,
        session_not_on_or_after=authentication.session_not_on_or_after,
        not_on_or_after=min(end for end in ends if end is not None) + REPLAY_MARGIN,
        in_response_to=request_id,
        issued_at=issued,
        name_qualifier=None if name_id is None else name_id.get("NameQualifier"),
        sp_name_qualifier=None if name_id is None else name_id.get("SPNameQualifier"),
    )


def _require_version(response: etree._Element, assertion: etree._Element, receipt: Receipt) -> None:
    for element in (response, assertion):
        receipt.require(VERSION, element.get("Version") == "2.0", "2.0", element.get("Version", "none"))


def _require_issuer(
    message: Message, carrier: etree._Element, assertion: etree._Element, entity_id: str, receipt: Receipt
) -> None:
    """The issuer is the identity provider, in both places; a response that is signed or holds a ciphertext has to name it."""
    issuers = [child_of(message.response, ISSUER_TAG), child_of(assertion, ISSUER_TAG)]
    if issuers[0] is None and not message.signed and carrier.tag != ENCRYPTED_ASSERTION:
        issuers = issuers[1:]
    for issuer in issuers:
        is_entity = issuer is not None and issuer.get("Format", ENTITY_FORMAT) == ENTITY_FORMAT
        actual = text_of(issuer) if is_entity else "no entity"
        receipt.require(ISSUER, is_entity and actual == entity_id, entity_id, actual)


def _require_destination(message: Message, acs_url: str, receipt: Receipt) -> None:
    """Exact wherever present, and present on a signed response (SAML Bindings 3.5.5.2)."""
    destination = message.response.get("Destination")
    held = destination == acs_url or (destination is None and not message.signed)
    receipt.require(DESTINATION, held, acs_url, destination or "none")


def _require_answer_to(response: etree._Element, request_id: str | None, receipt: Receipt) -> None:
    """The answer names the request; an unsolicited one names none (SAML Profiles 4.1.4.2, 4.1.5)."""
    answered = response.get("InResponseTo")
    receipt.require(IN_RESPONSE_TO, answered == request_id, request_id or "none", answered or "none")


def _name_id_of(subject: etree._Element, trust: SAMLTrust, receipt: Receipt) -> etree._Element | None:
    """The NameID, decrypted where it came as EncryptedID: the assertion's signature covers the ciphertext."""
    encrypted = child_of(subject, SAML + "EncryptedID")
    if encrypted is None:
        return child_of(subject, NAME_ID)
    with receipt.step(DECRYPTION):
        return decrypt(read_ciphertext(encrypted), NAME_ID, trust.open_decryption_keys(), key_noter(trust, receipt))


def _require_identity(
    name_id: etree._Element | None, attributes: Mapping[str, tuple[str, ...]], source: str, receipt: Receipt
) -> str:
    """What identifies the person is there: the NameID, or the attribute that the tenant chose instead (V12)."""
    text = require_name_id(name_id, source == NAME_ID_SOURCE, receipt)
    if source != NAME_ID_SOURCE:
        received = ", ".join(sorted(attributes)) or "no attributes"
        receipt.require(ATTRIBUTES, bool(attributes.get(source)), f"the subject in {source}", f"received: {received}")
    return text
