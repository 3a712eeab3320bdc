"""The pages that a person sees: values in, a response out.

Each page has one h1, a main landmark and no script but one line on the page that leaves for the identity provider, which
has a button too. Templates escape everything and stumble over a value that is missing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

from flask import Response

from identity.errors import StatusNotSuccess
from identity.moments import relative_words, utc_machine, utc_words
from identity.page_rendering import render_page
from identity.provisioning import Person
from identity.sessions import CurrentSession
from identity.status_words import StatusWords, words_of_status
from identity.trials import ShownTrial
from tenants.errors import Refusal
from tenants.organisations.access import LDAP, LOCAL
from tenants.organisations.tree import OrganisationTree
from tenants.records import TenantView

WOULD: Mapping[str, str] = {
    "new": "A new account would have been made for this person, and they would be signed in.",
    "joined": "This person would have joined the account that was prepared for them, and would be signed in.",
    "updated": "This person has an account; what changed about them would have been updated, and they would be signed in.",
    "unchanged": "This person has an account, and would be signed in.",
}
FIELD_WORDS: Mapping[str, str] = {
    "subject": "Subject",
    "username": "Username",
    "email": "E-mail",
    "first_name": "First name",
    "last_name": "Last name",
    "phone": "Phone",
}
WAY_WORDS: Mapping[str, str] = {
    "sso": "Your identity provider",
    "ldap": "Your organisation's directory",
    "local": "A password for this service",
    "break_glass": "Emergency access",
}
"""How somebody signed in, where no identity provider's name says it."""


class ProviderChoice(Protocol):
    """An identity provider as the sign-in page shows it; a SAMLTrust is one."""

    @property
    def idp_name(self) -> str:
        """Its name in links."""

    @property
    def idp_display_name(self) -> str:
        """Its name for people."""


NO_FAULTS: Mapping[str, Sequence[str]] = {}
NOTHING_ASKED: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class LocalForm:
    """The form for a name and a password: what was typed, and what was wrong with it (field -> sentences).

    `accounts`: somebody here has an account of this service's own, with passkeys and a password that can be forgotten here.
    """

    name: str = ""
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    code: str = ""
    accounts: bool = True


def password_form(
    organisations: OrganisationTree, name: str = "", errors: Mapping[str, Sequence[str]] = NO_FAULTS, code: str = ""
) -> LocalForm | None:
    """The form, where an organisation of the tenant has local accounts or signs in by a directory."""
    accounts = organisations.allows_anywhere(LOCAL)
    return LocalForm(name, errors, code, accounts) if accounts or organisations.allows_anywhere(LDAP) else None


@dataclass(frozen=True, slots=True)
class AddressForm:
    """Leads to an identity provider by an address's domain. `led_nowhere`: the one that was typed leads to none."""

    led_nowhere: bool = False


def sign_in_page(
    tenant: TenantView,
    providers: Sequence[ProviderChoice],
    *,
    target: str,
    asked: Mapping[str, str] = NOTHING_ASKED,
    signed_out: str = "",
    local: LocalForm | None = None,
    by_address: AddressForm | None = None,
    switched_off: bool = False,
    status: int = 200,
) -> Response:
    """The ways to sign in, or who can make one where there is none.

    Args:
        target: the local path to come to after signing in.
        asked: what else the link to the sign-in asked for, such as a new sign-in; whichever way is chosen keeps it.
        signed_out: this browser has just left; the page says how far that went (a value of identity.logout.SignedOut).
        local: the form of local accounts, where anybody here has one.
        by_address: the form that leads by an address, where that makes a difference.
        switched_off: there are identity providers, and all of them are switched off: that is said, and who can help.
    """
    choices = [
        {
            "name": provider.idp_display_name,
            "url": "/saml/login?" + urlencode({"next": target, "idp": provider.idp_name, **asked}),
        }
        for provider in providers
    ]
    values = {
        "choices": choices,
        "signed_out": signed_out,
        "local": local,
        "target": target,
        "asked": asked,
        "by_address": by_address,
        "switched_off": switched_off,
        "code": local.code if local else "",
    }
    policy = {"script": "self", "connect": "self"} if local else {}  # passkeys need a script of ours
    return render_page("sign_in.html", tenant, values, status=status, **policy)


def landing_page(
    tenant: TenantView, session: CurrentSession, *, now: dt.datetime, console: bool = False, csrf_token: str | None = None
) -> Response:
    """Who is signed in, through which identity provider, since when and until when; and the ways on and out.

    `console`: they have a role in it.
    """
    person = session.person
    values = {
        "name": name_of(person),
        "email": person.email,
        "provider": session.idp_display_name or WAY_WORDS[session.way],
        "since": moment_of(session.created_at, now),
        "until": moment_of(session.expires_at, now),
        "csrf_token": csrf_token,
        "own_password": session.way in ("local", "break_glass"),
        "console": console,
    }
    return render_page("landing.html", tenant, values)


def error_page(
    tenant: TenantView | None, refusal: Refusal, *, reference: str, retry_url: str | None = None, status: int | None = None
) -> Response:
    """What was refused, what can be done and by whom, and what support looks it up by.

    Args:
        tenant: None where it is not known: then the page is nobody's, and says nothing about who exists.
        retry_url: a local path that may help; the refusal's own where it is not given.
        status: where the answer has a finer one than the refusal.
    """
    words = status_words_of(refusal)
    retry = refusal.retry
    url = retry_url or (retry.path if retry and tenant else None)
    values = {
        "code": refusal.code,
        "reference": reference,
        "heading": refusal.heading,
        "sentence": words.sentence if words else refusal.sentence,
        "advice": (words.advice if words else "") or refusal.advice,
        "provider_code": words.code if words else "",
        "attributes_received": refusal.detail.get("attributes_received"),
        "retry_label": retry.label if retry else "",
        "retry_url": url if retry and url and is_local_path(url) else None,
    }
    return render_page("error.html", tenant, values, status=status or refusal.status)


def trial_page(tenant: TenantView, shown: ShownTrial) -> Response:
    """How a test sign-in went, for the browser that made it: what would have happened, and each check."""
    trial = shown.trial
    attributes = shown.values["attributes"] if shown.values else {}
    values = {
        "trial": trial,
        "sentence": WOULD[trial.outcome["would"]] if trial.passed else "",
        "person": (shown.values or {}).get("person") or trial.outcome.get("person", {}),
        "attributes": [
            {**item, "values": attributes.get(item["name"], item["values"])} for item in trial.outcome.get("attributes", ())
        ],
        "checks": shown.receipt.receipt["checks"] if shown.receipt else (),
        "fields": FIELD_WORDS,
    }
    return render_page("trial.html", tenant, values)


def is_local_path(url: str) -> bool:
    """Whether a link stays on this host however a browser reads it: `//host`, backslashes and schemes do not."""
    return url.startswith("/") and not url.startswith("//") and "\\" not in url and url.isprintable()


def status_words_of(refusal: Refusal) -> StatusWords | None:
    """What the identity provider's own refusal means, where it is one that is known (V2)."""
    if not isinstance(refusal, StatusNotSuccess):
        return None
    return words_of_status(refusal.detail.get("status_codes", ()), refusal.detail.get("status_message", ""))


def name_of(person: Person) -> str:
    """What a person is called to their face."""
    return " ".join(filter(None, (person.first_name, person.last_name))) or person.username or person.email


def moment_of(moment: dt.datetime, now: dt.datetime) -> dict[str, str]:
    """A moment as the templates show it."""
    return {"machine": utc_machine(moment), "words": utc_words(moment), "relative": relative_words(moment, now)}
