"""Finer advice: for a code, what the facts of one receipt say about why (D3). What is a guess says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from identity.advice_facts import Circumstances, Failure, Finding
from identity.advice_messages import (
    on_address,
    on_early,
    on_issuer,
    on_late,
    on_missing_signature,
    on_signature,
    on_unknown_request,
)
from identity.advice_offers import (
    ACCEPT_ANY_CLASS,
    ALLOW_IDP_INITIATED,
    ALLOW_NEW_PEOPLE,
    CONNECT_PROVIDER,
    LEAVE_CLASS_BLANK,
    PROVE_DOMAIN,
    SYNC_METADATA,
    Action,
    Offer,
    map_email,
)
from identity.advice_status import finding_of_status
from identity.advice_words import BY_LINE, Who
from identity.browser_words import lost_cookie_words
from identity.checks import ADDRESS_OWNER, HELD_BY

MAX_NAMES = 20


def _lost(failure: Failure, _now: Circumstances) -> Finding:
    if failure.actual == "another one":
        return Finding(
            "Another browser began this sign-in than the one that finished it.",
            "Start again, and finish in the same window. If nobody changed windows, somebody tried to have a person sign in "
            "as somebody else: keep the receipt.",
        )
    told = lost_cookie_words(str(failure.facts.get("user_agent", "")))
    return Finding("The browser did not bring back the cookie that it was given at the beginning.", details=told)


def _class(failure: Failure, _now: Circumstances) -> Finding:
    told = (f"Asked for: {failure.expected}. It came: {failure.actual}.",)
    return Finding(details=told, offers=(ACCEPT_ANY_CLASS, LEAVE_CLASS_BLANK))


def _stale(failure: Failure, _now: Circumstances) -> Finding:
    return Finding(details=(f"The person was to sign in {failure.expected}. They did at: {failure.actual}.",))


def _attribute(failure: Failure, now: Circumstances) -> Finding:
    received = [name for name in failure.facts.get("attributes_received", ()) if isinstance(name, str)]
    if not received:
        return Finding(
            "The message has no attributes at all.", "Release the e-mail address at the identity provider.", Who.IDP_ADMIN
        )
    shown = ", ".join(received[:MAX_NAMES]) + (", …" if len(received) > MAX_NAMES else "")
    wanted = failure.expected[:1].upper() + failure.expected[1:]
    offers = map_email(received, now.settings) if failure.expected.startswith("e-mail") else ()
    return Finding(details=(f"{wanted}.", f"These came: {shown}."), offers=offers)


def _domain(failure: Failure, _now: Circumstances) -> Finding:
    told = f"The address is at {failure.actual}; proven are {failure.expected.removeprefix('one of: ')}."
    return Finding(details=(told,), offers=(PROVE_DOMAIN,), who=Who.TENANT_ADMIN)


def _person(action: Action, label: str) -> Callable[[Failure, Circumstances], Finding]:
    def found(failure: Failure, _now: Circumstances) -> Finding:
        user_id = failure.facts.get("user_id")
        return Finding(offers=(Offer(action, label, about=user_id if isinstance(user_id, str) else None),))

    return found


def _taken(failure: Failure, _now: Circumstances) -> Finding:
    owner, came = failure.facts.get(ADDRESS_OWNER), failure.facts.get("user_id")
    if not isinstance(owner, str):
        return Finding(offers=(Offer(Action.RELINK_PERSON, "Look for the person"),))
    if came is not None:
        return Finding(
            "The identity provider has given this person an address that is another one's of your people.",
            "Correct the address of one of the two.",
            offers=(Offer(Action.SHOW_PERSON, "Go to whoever has the address", about=owner),),
        )
    return Finding(
        "The e-mail address belongs to one of your people, who is known by something else: a password here, or another name.",
        "If whoever came is this very person, link the account, and have them sign in once more. Ask them first: once it is "
        "linked, whoever comes with this address or username is that person.",
        offers=(
            Offer(Action.RELINK_PERSON, "Link the account to their next sign-in", about=owner),
            Offer(Action.SHOW_PERSON, "Go to the person", about=owner),
        ),
    )


def _not_in(failure: Failure, _now: Circumstances) -> Finding:
    """The line that failed says what was wrong, of a directory or of a local account."""
    told, holders = BY_LINE.get(failure.check), failure.facts.get(HELD_BY)
    if holders:
        names = ", ".join(map(str, holders))
        return Finding(
            f"Several directories have this name: {names}. None was given the password.",
            "Have the person sign in by e-mail address, if the filters find it. Or link their account to the entry in one "
            "directory (People, Relink): that one alone is asked for them from then on.",
            Who.TENANT_ADMIN,
        )
    user_id = failure.facts.get("user_id")
    offers = (Offer(Action.SHOW_PERSON, "Go to the person", about=user_id),) if isinstance(user_id, str) else ()
    return Finding(told.happened, told.todo, told.who, offers=offers) if told else Finding(offers=offers)


REASONS: Mapping[str, Callable[[Failure, Circumstances], Finding]] = {
    "status_not_success": finding_of_status,
    "signature_invalid": on_signature,
    "signature_missing": on_missing_signature,
    "audience_mismatch": on_address,
    "destination_mismatch": on_address,
    "recipient_mismatch": on_address,
    "issuer_mismatch": on_issuer,
    "in_response_to_mismatch": on_unknown_request,
    "login_state_lost": _lost,
    "expired": on_late,
    "not_yet_valid": on_early,
    "time_invalid": on_early,
    "authn_context_mismatch": _class,
    "sign_in_not_fresh": _stale,
    "attribute_missing": _attribute,
    "email_domain_not_allowed": _domain,
    "email_conflict": _taken,
    "sign_in_failed": _not_in,
    "user_inactive": _person(Action.ACTIVATE_PERSON, "Go to the person"),
    "unsolicited_not_allowed": lambda _failure, _now: Finding(offers=(ALLOW_IDP_INITIATED,)),
    "user_not_provisioned": lambda _failure, _now: Finding(offers=(ALLOW_NEW_PEOPLE,)),
    "identity_provider_missing": lambda _failure, _now: Finding(offers=(CONNECT_PROVIDER,)),
    "metadata_expired": lambda _failure, now: Finding(
        offers=(SYNC_METADATA, CONNECT_PROVIDER) if now.fetches_metadata else (CONNECT_PROVIDER,)
    ),
}
