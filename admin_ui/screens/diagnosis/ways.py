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
    """An offer as this person may take it: a page, or a form whose button it is.

    `draft`: the form makes a draft. `confirm`: it does something at once, after this question.
    """

    offer: Offer
    address: str
    draft: bool = False
    confirm: str = ""


_PAGES: Mapping[Action, tuple[str, str]] = {
    Action.SYNC_METADATA: ("authentication.show", "name"),
    Action.CONNECT_PROVIDER: ("connection.edit", "name"),
    Action.SHOW_OUR_VALUES: ("keys.index", ""),
    Action.PROVE_DOMAIN: ("domains.index", ""),
    Action.RELINK_PERSON: ("people.show", "user_id"),
    Action.SHOW_PERSON: ("people.show", "user_id"),
    Action.ACTIVATE_PERSON: ("people.show", "user_id"),
}
"""Endpoint, and the argument of it that an identity provider's name or a person's id is."""
_ELSE: Mapping[Action, str] = {Action.CONNECT_PROVIDER: "connection.index", Action.RELINK_PERSON: "people.index"}
"""Where to look where it is not known which one."""


SURE = "Whoever comes next with this address is this person from then on. Every session of theirs ends."


def ways_of(advice: Advice, asked: Asked, idp: str | None, attempt_id: str | None) -> Sequence[Way]:
    """The offers that this person can take: changes for those who may configure, pages for those who may see them.

    Args:
        attempt_id: what the advice is about; None where nothing was kept of it. Changes are then made where they always
            are: what the offer was of cannot be looked up again.
    """
    found, changes = [], idp is not None and asked.may(CONFIGURE)
    for offer in advice.offers:
        if offer.settings:
            if changes and attempt_id is None:
                found.append(Way(offer, known_screen_url("saml_attributes.edit", asked, name=idp)))
            elif changes:
                found.append(Way(offer, known_screen_url("attempts.draft", asked, attempt_id=attempt_id), draft=True))
        elif offer.action is Action.RELINK_PERSON and offer.about is not None and changes and attempt_id is not None:
            found.append(Way(offer, known_screen_url("attempts.relink", asked, attempt_id=attempt_id), confirm=SURE))
        elif address := _page(offer, asked, idp):
            found.append(Way(offer, address))
    return found


def _page(offer: Offer, asked: Asked, idp: str | None) -> str:
    endpoint, argument = _PAGES[offer.action]
    value = {"name": idp, "user_id": offer.about}.get(argument)
    if argument and value is None:
        endpoint = _ELSE.get(offer.action, "")
        return known_screen_url(endpoint, asked) if endpoint else ""
    return known_screen_url(endpoint, asked, **({argument: value} if argument else {}))
