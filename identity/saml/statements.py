"""What the assertion says: that somebody signed in, how, for how long, and their attributes (SAML Core 2.7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from identity.assertion import Exchange
from identity.checks import AUTHN_CONTEXT, AUTHN_STATEMENT, DECRYPTION, FRESH, SESSION_TIME, Receipt
from identity.errors import TimeInvalid
from identity.saml.conditions import read_instant
from identity.saml.names import ATTRIBUTE_VALUE, SAML
from identity.saml.times import shown
from tenants.saml_settings import SAMLSettings
from tenants.signed_xml.xml import BLANKS, child_of, text_of

RANKED_BY_EQUALITY = frozenset({"EXACT", "MINIMUM", "MAXIMUM"})
"""SAML ranks no classes: that one is as good as itself is all that can be known, and "better" never (SAML Core 3.3.2.2.1)."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """The first AuthnStatement, with the earliest SessionNotOnOrAfter of all: by our clock, so not in the past."""

    statement: etree._Element
    context: str
    instant: dt.datetime | None
    session_index: str | None
    session_not_on_or_after: dt.datetime | None


def require_authentication(assertion: etree._Element, now: dt.datetime, skew: dt.timedelta, receipt: Receipt) -> Authentication:
    """At least one AuthnStatement, and no session at the identity provider that is over already."""
    statements = assertion.findall(SAML + "AuthnStatement")
    receipt.require(AUTHN_STATEMENT, bool(statements), "an AuthnStatement", f"{len(statements) or 'none'}")
    found = [read_instant(statement, "SessionNotOnOrAfter", SESSION_TIME, receipt) for statement in statements]
    ends = min((end for end in found if end is not None), default=None)
    receipt.require(SESSION_TIME, ends is None or now - skew < ends, f"after {shown(now)}", shown(ends))
    if ends is not None and ends <= now:
        ends += skew  # over by our clock, and not yet by theirs: a session that is opened is not over at its birth
    first = statements[0]
    context = child_of(first, SAML + "AuthnContext")
    return Authentication(
        statement=first,
        context="" if context is None else text_of(child_of(context, SAML + "AuthnContextClassRef")),
        instant=read_instant(first, "AuthnInstant", AUTHN_STATEMENT, receipt),
        session_index=first.get("SessionIndex"),
        session_not_on_or_after=ends,
    )


def require_fresh(
    instant: dt.datetime | None, exchange: Exchange | None, now: dt.datetime, skew: dt.timedelta, receipt: Receipt
) -> None:
    """Where a new sign-in was demanded, it was made after that, by a clock that may differ by `skew` (SAML Core 2.7.2).

    Some identity providers do not know ForceAuthn, and a request that is not signed can lose it on its way: whoever sits down
    at a forgotten session would be taken for its owner.
    """
    if exchange is None or not exchange.fresh:
        return
    asked = (exchange.created_at or now).replace(microsecond=0)  # many clocks know whole seconds only
    receipt.require(FRESH, instant is not None and asked - skew <= instant, f"not before {shown(asked)}", shown(instant))
    assert instant is not None
    receipt.require(FRESH, instant - now <= skew, f"not after {shown(now)}", shown(instant), TimeInvalid)


def require_authn_context(returned: str, requested: tuple[str, ...], settings: SAMLSettings, receipt: Receipt) -> None:
    """The class that came is one that was asked for, where the tenant insists (V13) and has asked for any."""
    comparison = settings.authn_context_comparison
    wanted = f"{comparison} {', '.join(requested)}" if requested else "any"
    held = not requested or (returned in requested and comparison in RANKED_BY_EQUALITY)
    shown_class = returned or "no class"
    if settings.require_authn_context:
        receipt.require(AUTHN_CONTEXT, held, wanted, shown_class)
    else:
        receipt.passed(AUTHN_CONTEXT, f"any; asked for: {wanted}", shown_class)


def read_attributes(assertion: etree._Element, receipt: Receipt) -> Mapping[str, tuple[str, ...]]:
    """Attribute values by the Name on the wire, in order, each once, without the empty ones.

    EncryptedAttribute is refused: no one was seen to send it, and to pass over it would be to lose attributes silently.
    """
    encrypted = sum(1 for _ in assertion.iter(SAML + "EncryptedAttribute"))
    if encrypted:
        receipt.require(DECRYPTION, False, "attributes in the open, or the whole assertion encrypted", f"{encrypted} encrypted")
    attributes: dict[str, dict[str, None]] = {}
    for statement in assertion.iterchildren(SAML + "AttributeStatement"):
        for attribute in statement.iterchildren(SAML + "Attribute"):
            values = attributes.setdefault(attribute.get("Name", ""), {})
            for value in attribute.iterchildren(ATTRIBUTE_VALUE):
                if text := _value_of(value):
                    values[text] = None
    return {name: tuple(values) for name, values in attributes.items()}


def _value_of(value: etree._Element) -> str:
    """Text without layout around it; or that of the one element inside, as eduPersonTargetedID wraps a NameID.

    Anything deeper is no value.
    """
    if len(value) == 0:
        return text_of(value)
    if len(value) == 1 and len(value[0]) == 0 and not f"{value.text or ''}{value[0].tail or ''}".strip(BLANKS):
        return text_of(value[0])
    return ""
