"""Who the assertion is about, and whether the bearer who brings it here may use it (SAML Core 2.4, SAML Profiles 4.1.4.2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from identity.checks import CONFIRMATION, CONFIRMATION_TIME, IN_RESPONSE_TO, RECIPIENT, SUBJECT, Check, Receipt
from identity.errors import SubjectInvalid, TimeInvalid
from identity.saml.names import BEARER, CONFIRMATION_DATA, SAML, SUBJECT_CONFIRMATION
from identity.saml.times import read_time, shown
from tenants.errors import Refusal
from tenants.signed_xml.xml import child_of


class Line(NamedTuple):
    """One check of one confirmation, as `Receipt.require` takes it."""

    check: Check
    holds: bool
    expected: str
    actual: str
    refusal: type[Refusal] | None = None


def require_subject(assertion: etree._Element, receipt: Receipt) -> etree._Element:
    """The Subject, which the profile wants in each assertion."""
    subject = child_of(assertion, SAML + "Subject")
    receipt.require(SUBJECT, subject is not None, "a Subject", "none" if subject is None else "one")
    assert subject is not None
    return subject


def require_name_id(name_id: etree._Element | None, needed: bool, receipt: Receipt) -> str:
    """The NameID's text, whole and exactly as signed: two that differ by a blank are two people.

    Args:
        needed: no attribute is configured to identify people instead.
    """
    text = "" if name_id is None else name_id.text or ""
    present = text.strip() != ""
    actual = "one" if present else "none" if name_id is None else "an empty one"
    receipt.require(SUBJECT, present or not needed, "a NameID" if needed else "a NameID or an attribute", actual)
    return text if present else ""


def require_bearer_confirmation(
    subject: etree._Element, acs_url: str, request_id: str | None, now: dt.datetime, skew: dt.timedelta, receipt: Receipt
) -> etree._Element:
    """The first bearer confirmation that can be used; one is enough (SAML Core 2.4.1.1).

    The receipt tells the checks of that one, or, where none can be used, of the one that came furthest.
    """
    candidates = [item for item in subject.iterchildren(SUBJECT_CONFIRMATION) if item.get("Method") == BEARER]
    receipt.require(CONFIRMATION, bool(candidates), "a bearer SubjectConfirmation", otherwise="none")
    judged = [list(_judge(candidate, acs_url, request_id, now, skew)) for candidate in candidates]
    at, lines = max(enumerate(judged), key=lambda item: (all(line.holds for line in item[1]), len(item[1]), -item[0]))
    for line in lines:
        receipt.require(*line)
    return candidates[at]


def _judge(
    confirmation: etree._Element, acs_url: str, request_id: str | None, now: dt.datetime, skew: dt.timedelta
) -> Iterator[Line]:
    """The checks of one confirmation up to the first that fails. Its Address is ignored: people are behind proxies."""
    for line in _lines_of(confirmation, acs_url, request_id, now, skew):
        yield line
        if not line.holds:
            return


def _lines_of(
    confirmation: etree._Element, acs_url: str, request_id: str | None, now: dt.datetime, skew: dt.timedelta
) -> Iterator[Line]:
    found = child_of(confirmation, CONFIRMATION_DATA)
    actual = "none" if found is None else "one with NotBefore" if "NotBefore" in found.keys() else "one"  # noqa: SIM118
    yield Line(CONFIRMATION, actual == "one", "SubjectConfirmationData without NotBefore", actual)
    assert found is not None
    recipient = found.get("Recipient")
    yield Line(RECIPIENT, recipient == acs_url, acs_url, recipient or "none")
    yield _time_line(found.get("NotOnOrAfter"), now, skew)
    answered = found.get("InResponseTo")
    yield Line(IN_RESPONSE_TO, answered == request_id, request_id or "none", answered or "none")


def _time_line(text: str | None, now: dt.datetime, skew: dt.timedelta) -> Line:
    if text is None:
        return Line(CONFIRMATION_TIME, False, "NotOnOrAfter", "none", SubjectInvalid)
    try:
        ends = read_time(text)
    except TimeInvalid as refusal:
        return Line(CONFIRMATION_TIME, False, "NotOnOrAfter", refusal.cause, TimeInvalid)
    return Line(CONFIRMATION_TIME, now - skew < ends, f"after {shown(now)}", shown(ends))


def latest_confirmation(subject: etree._Element) -> dt.datetime | None:
    """The last moment that any bearer confirmation names: until then the assertion might be tried again."""
    ends = []
    for confirmation in subject.iterchildren(SUBJECT_CONFIRMATION):
        found = child_of(confirmation, CONFIRMATION_DATA)
        if confirmation.get("Method") == BEARER and found is not None and "NotOnOrAfter" in found.keys():  # noqa: SIM118
            try:
                ends.append(read_time(found.get("NotOnOrAfter", "")))
            except TimeInvalid:
                continue
    return max(ends, default=None)
