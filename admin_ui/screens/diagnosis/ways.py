"""Where the offers of advice lead in the console: to a draft of settings, or to the page that has what is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from admin_ui.asked import Asked
from admin_ui.rendering import known_screen_url
from identity.advice import Advice
from identity.advice_offers import Action, Offer
from tenants.roles import CONFIGURE


@dataclass(frozen=True, slots=True)
class Way:
    """An offer as this person may take it. `draft`: by a form, whose button it is; else `address` is a page."""

    offer: Offer
    address: str
    draft: bool


_PAGES: Mapping[Action, tuple[str, str]] = {
    Action.SYNC_METADATA: ("authentication.show", "name"),
    Action.CONNECT_PROVIDER: ("connection.edit", "name"),
    Action.SHOW_OUR_VALUES: ("keys.index", ""),
    Action.PROVE_DOMAIN: ("domains.index", ""),
    Action.RELINK_PERSON: ("people.show", "user_id"),
    Action.ACTIVATE_PERSON: ("people.show", "user_id"),
}
"""Endpoint, and the argument of it that an identity provider's name or a person's id is."""
_ELSE: Mapping[Action, str] = {Action.CONNECT_PROVIDER: "connection.index", Action.RELINK_PERSON: "people.index"}
"""Where to look where it is not known which one."""


def ways_of(advice: Advice, asked: Asked, idp: str | None) -> Sequence[Way]:
    """The offers that this person can take: changes for those who may configure, pages for those who may see them."""
    found = []
    for offer in advice.offers:
        if offer.settings:
            if idp is not None and asked.may(CONFIGURE):
                found.append(Way(offer, "", draft=True))
        elif address := _page(offer, asked, idp):
            found.append(Way(offer, address, draft=False))
    return found


def _page(offer: Offer, asked: Asked, idp: str | None) -> str:
    endpoint, argument = _PAGES[offer.action]
    value = {"name": idp, "user_id": offer.about}.get(argument)
    if argument and value is None:
        endpoint = _ELSE.get(offer.action, "")
        return known_screen_url(endpoint, asked) if endpoint else ""
    return known_screen_url(endpoint, asked, **({argument: value} if argument else {}))
