"""What one click can do about a refusal: a change of SAML settings, made as a draft to be tested, or the way to a page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tenants.saml_settings import MAX_CLOCK_SKEW_SECONDS, SAMLSettings

MAX_MAPPED = 4
"""Attributes that are offered to be the e-mail address, the likeliest first."""
SKEW_STEP = 60
_LIKE_AN_ADDRESS = (
    re.compile(r"e-?mail(?:address)?s?$", re.IGNORECASE),
    re.compile(r"(?:^|[/.:])mail$|0\.9\.2342\.19200300\.100\.1\.3$|1\.2\.840\.113549\.1\.9\.1$", re.IGNORECASE),
    re.compile(r"mail|principal|upn$", re.IGNORECASE),
    re.compile(r"claims/name$|login|username|(?:^|[/.:])uid$", re.IGNORECASE),
)


class Action(StrEnum):
    """What an offer does. Stable words; those with `settings` make a draft, the others lead to a page.

    RELINK_PERSON about somebody links their account to their next sign-in by the attempt's identity provider.
    """

    LEAVE_CLASS_BLANK = "leave_class_blank"
    ACCEPT_ANY_CLASS = "accept_any_class"
    LEAVE_NAME_ID_FORMAT_BLANK = "leave_name_id_format_blank"
    MAP_ATTRIBUTE = "map_attribute"
    CHOOSE_SUBJECT = "choose_subject"
    ALLOW_IDP_INITIATED = "allow_idp_initiated"
    ALLOW_NEW_PEOPLE = "allow_new_people"
    WIDEN_SKEW = "widen_skew"
    TAKE_RESPONSE_SIGNATURE = "take_response_signature"
    SYNC_METADATA = "sync_metadata"
    CONNECT_PROVIDER = "connect_provider"
    SHOW_OUR_VALUES = "show_our_values"
    PROVE_DOMAIN = "prove_domain"
    RELINK_PERSON = "relink_person"
    SHOW_PERSON = "show_person"
    ACTIVATE_PERSON = "activate_person"


@dataclass(frozen=True, slots=True)
class Offer:
    """One click. `settings`: what a draft would change, as the API takes it; empty for the way to a page. `about`: an id."""

    action: Action
    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    about: str | None = None

    def to_document(self) -> dict[str, Any]:
        """For the API."""
        return {"action": self.action.value, "label": self.label, "settings": dict(self.settings), "about": self.about}


LEAVE_CLASS_BLANK = Offer(Action.LEAVE_CLASS_BLANK, "Leave the class blank", {"authn_context_class_ref": ""})
ACCEPT_ANY_CLASS = Offer(Action.ACCEPT_ANY_CLASS, "Accept any way of signing in", {"require_authn_context": False})
LEAVE_FORMAT_BLANK = Offer(Action.LEAVE_NAME_ID_FORMAT_BLANK, "Leave the NameID format blank", {"name_id_format": ""})
ALLOW_IDP_INITIATED = Offer(
    Action.ALLOW_IDP_INITIATED, "Allow sign-ins that the identity provider starts", {"allow_idp_initiated": True}
)
ALLOW_NEW_PEOPLE = Offer(Action.ALLOW_NEW_PEOPLE, "Let sign-in make accounts", {"jit_provisioning": True})
TAKE_RESPONSE_SIGNATURE = Offer(
    Action.TAKE_RESPONSE_SIGNATURE,
    "Have the response signed in place of the assertion",
    {"want_assertions_signed": False, "want_messages_signed": True},
)
SYNC_METADATA = Offer(Action.SYNC_METADATA, "Fetch the metadata now")
CONNECT_PROVIDER = Offer(Action.CONNECT_PROVIDER, "Save other metadata")
SHOW_OUR_VALUES = Offer(Action.SHOW_OUR_VALUES, "Show the values to copy")
PROVE_DOMAIN = Offer(Action.PROVE_DOMAIN, "Go to e-mail domains")


def widen_skew(seconds: int, settings: SAMLSettings | None) -> tuple[Offer, ...]:
    """Room for clocks that are so far apart, in whole minutes; none where no setting would be enough."""
    wanted = -(-(seconds + 1) // SKEW_STEP) * SKEW_STEP
    present = settings.clock_skew_seconds if settings else 0
    if not present < wanted <= MAX_CLOCK_SKEW_SECONDS:
        return ()
    return (Offer(Action.WIDEN_SKEW, f"Allow {wanted} seconds of difference", {"clock_skew_seconds": wanted}),)


def map_email(received: Sequence[str], settings: SAMLSettings | None) -> tuple[Offer, ...]:
    """Each attribute that came and looks like an address, as one more name that e-mail is read from."""
    mapped = settings.attribute_map.email if settings else ()
    ranked = sorted((rank, name) for name in received if name not in mapped and (rank := _rank(name)) is not None)
    return tuple(
        Offer(
            Action.MAP_ATTRIBUTE, f"Read the e-mail address from {name}", {"attribute_map": {"email": [*mapped, name]}}
        )
        for _, name in ranked[:MAX_MAPPED]
    )  # fmt: skip


def _rank(name: str) -> int | None:
    return next((rank for rank, form in enumerate(_LIKE_AN_ADDRESS) if form.search(name)), None)
