"""What the log says of a sign-in's checks: which one, what was expected, what came; of people and keys nothing (L1).

The receipt tells tenants' administrators more. The log leaves the service for wherever logs are collected, so a value of the
message stands in it only where its check is about addresses, times, identifiers or algorithms.
"""

from __future__ import annotations

from config.log_values import MASK, without_addresses, without_secrets
from config.logs import saml_log, says_debug
from identity import checks
from identity.checks import MAX_SHOWN, Check, CheckMade, Receipt

TOLD: frozenset[Check] = frozenset(
    {
        *(checks.FORM, checks.SIZE, checks.UNIQUE_IDS, checks.KIND, checks.PROVIDER, checks.METADATA),
        *(checks.SIGNATURE_PLACES, checks.RESPONSE_SIGNATURE, checks.ASSERTION_SIGNATURE, checks.SIGNED),
        *(checks.ONE_ASSERTION, checks.DECRYPTION, checks.VERSION, checks.ISSUER, checks.DESTINATION, checks.ISSUE_INSTANT),
        *(checks.CONFIRMATION, checks.RECIPIENT, checks.CONFIRMATION_TIME, checks.IN_RESPONSE_TO, checks.UNSOLICITED),
        *(checks.BROWSER, checks.CONDITIONS, checks.CONDITIONS_KNOWN, checks.NOT_BEFORE, checks.NOT_ON_OR_AFTER),
        *(checks.AUDIENCE, checks.AUTHN_STATEMENT, checks.SESSION_TIME, checks.AUTHN_CONTEXT, checks.SECOND_READING),
        *(checks.UNUSED, checks.RELAY_STATE, checks.SUBJECT, checks.ATTRIBUTES, checks.EMAIL, checks.EMAIL_OWNER),
        *(checks.PROVISIONED, checks.ACTIVE),
    }
)
"""Checks whose words hold no value of a person. A new check is masked until somebody has looked at it.

Not among them: what a parser quotes from a message, what the identity provider says of a person who was refused, the domain
of somebody's address.
"""


QUOTING = frozenset({"response_malformed", "xml_forbidden"})
"""Codes whose causes may quote elements of a message."""


def log_checks(tenant_id: int, receipt: Receipt) -> None:
    """Write a line of level DEBUG for each check that was made, in order; nothing, and at no cost, at other levels."""
    if not says_debug("identity.saml"):
        return
    idp = receipt.facts.get("idp")
    for line in receipt.lines:
        saml_log.debug(
            "check",
            tenant_id=tenant_id,
            idp=idp,
            check=line.check.id,
            passed=line.passed,
            code="" if line.passed else line.code,
            expected=line.expected[:MAX_SHOWN],  # our own words and settings
            actual=told_actual(line, receipt),
        )


def told_cause(cause: str, receipt: Receipt) -> str:
    """The cause of a refusal as the log may have it; the receipt has it whole."""
    failed = next((line for line in reversed(receipt.lines) if line.passed is False), None)
    if failed is None or failed.check in TOLD:
        return _without_people(cause)
    return f"{failed.check.claim}: {told_actual(failed, receipt)}"


def kept_cause(cause: str, code: str, receipt: Receipt) -> str:
    """The cause of a refusal as the audit may have it, which is sealed, and lasts longer than receipts do.

    What a parser quotes from a message, and what the identity provider says of somebody, are in the receipt alone.
    """
    failed = next((line for line in reversed(receipt.lines) if line.passed is False), None)
    if failed is not None and (code in QUOTING or failed.check is checks.STATUS):
        return f"{failed.check.claim}: {told_actual(failed, receipt)}"
    return _without_people(cause)


def told_logout_cause(cause: str) -> str:
    """The cause of a refused logout as log and audit may have it: what a parser quotes from the message stays out."""
    code = cause.partition(":")[0]
    return f"{code}: {MASK}" if code in QUOTING else _without_people(cause)


def told_actual(line: CheckMade, receipt: Receipt) -> str:
    """What came, as far as it is nobody's own."""
    if line.actual == line.expected:
        return line.actual[:MAX_SHOWN]
    if line.check in TOLD:
        return _without_people(line.actual)
    if line.check is checks.STATUS:
        codes = receipt.facts.get("status", {}).get("codes", ())
        return _without_people(", ".join(codes)) if codes else line.expected
    return MASK if line.actual else ""


def _without_people(text: str) -> str:
    """Of a text that may quote a message: addresses of people, and what a query calls a token."""
    text = without_addresses(text[:MAX_SHOWN])
    return without_secrets(text) if "=" in text else text
