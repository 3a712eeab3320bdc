"""When, for whom and under which conditions a message is valid (SAML Core 2.3.3, 2.5, 3.2.2)."""

from __future__ import annotations

import datetime as dt

from lxml import etree

from identity.checks import (
    AUDIENCE,
    CONDITIONS,
    CONDITIONS_KNOWN,
    ISSUE_INSTANT,
    NOT_BEFORE,
    NOT_ON_OR_AFTER,
    Check,
    Receipt,
)
from identity.errors import Expired, TimeInvalid
from identity.saml.names import SAML
from identity.saml.schema import KNOWN_CONDITIONS
from identity.saml.times import read_time, shown
from tenants.signed_xml.xml import child_of, text_of

MAX_AGE = dt.timedelta(days=1)
"""How long after its IssueInstant a message may be used, whatever else it says; replays are remembered as long."""


def read_instant(element: etree._Element, name: str, check: Check, receipt: Receipt) -> dt.datetime | None:
    """A time attribute that may be left out; one that makes no sense fails the check that needs it.

    Raises:
        TimeInvalid
    """
    text = element.get(name)
    try:
        return None if text is None else read_time(text)
    except TimeInvalid as refusal:
        receipt.require(check, False, f"{name}, if any, a time", refusal.cause, TimeInvalid)
        raise


def require_sensible_issue_instant(
    element: etree._Element, now: dt.datetime, skew: dt.timedelta, receipt: Receipt
) -> dt.datetime:
    """Not from the future (`time_invalid`), and not older than MAX_AGE (`expired`). Returns the instant."""
    issued = read_instant(element, "IssueInstant", ISSUE_INSTANT, receipt) or dt.datetime.min.replace(tzinfo=dt.UTC)
    receipt.facts["issued_seconds_ago"] = round((now - issued).total_seconds())  # support reads from it whose clock is off
    expected, actual = f"at most {skew.seconds} seconds after, and a day before, {shown(now)}", shown(issued)
    receipt.require(ISSUE_INSTANT, issued - now <= skew, expected, actual)
    receipt.require(ISSUE_INSTANT, now - issued <= MAX_AGE + skew, expected, actual, Expired)
    return issued


def require_conditions(
    assertion: etree._Element, entity_id: str, now: dt.datetime, skew: dt.timedelta, receipt: Receipt
) -> dt.datetime | None:
    """Conditions are there, each is understood, and each holds. Returns their NotOnOrAfter.

    OneTimeUse holds because every assertion is used once here; ProxyRestriction because none is issued on the strength of
    another (SAML Core 2.5.1.5, 2.5.1.6).
    """
    conditions = child_of(assertion, SAML + "Conditions")
    receipt.require(CONDITIONS, conditions is not None, "Conditions", "none" if conditions is None else "present")
    assert conditions is not None
    unknown = [etree.QName(item).localname for item in conditions if item.tag not in KNOWN_CONDITIONS]
    receipt.require(CONDITIONS_KNOWN, not unknown, "conditions that are understood", ", ".join(unknown) or "these")
    ends = _require_period(conditions, now, skew, receipt)
    _require_audience(conditions, entity_id, receipt)
    return ends


def _require_period(conditions: etree._Element, now: dt.datetime, skew: dt.timedelta, receipt: Receipt) -> dt.datetime | None:
    begins = read_instant(conditions, "NotBefore", NOT_BEFORE, receipt)
    ends = read_instant(conditions, "NotOnOrAfter", NOT_ON_OR_AFTER, receipt)
    early = begins is not None and begins > now + skew
    over = ends is not None and ends <= now - skew
    if begins is not None and ends is not None and begins >= ends and (early or not over):  # what is merely late is told so
        receipt.require(NOT_BEFORE, False, f"before {shown(ends)}", shown(begins), TimeInvalid)
    receipt.require(NOT_BEFORE, not early, f"not after {shown(now)}", shown(begins))
    receipt.require(NOT_ON_OR_AFTER, not over, f"after {shown(now)}", shown(ends))
    return ends


def _require_audience(conditions: etree._Element, entity_id: str, receipt: Receipt) -> None:
    """Every AudienceRestriction has to name us (SAML Core 2.5.1.4: they are joined by "and", the audiences of one by "or")."""
    restrictions = [
        [text_of(audience) for audience in restriction.iterchildren(SAML + "Audience")]
        for restriction in conditions.iterchildren(SAML + "AudienceRestriction")
    ]
    receipt.require(AUDIENCE, bool(restrictions), f"an AudienceRestriction with {entity_id}", otherwise="none")
    for audiences in restrictions:
        receipt.require(AUDIENCE, entity_id in audiences, entity_id, ", ".join(audiences))
