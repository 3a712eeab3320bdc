"""The pages that a person sees: values in, a response out; only the routes of their style sheets look at a request.

Each page has one h1, a main landmark and no script but one line on the page that leaves for the identity provider, which
has a button too. Templates escape everything and stumble over a value that is missing.
"""

from __future__ import annotations

import datetime as dt
import functools
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, g, request
from markupsafe import escape

from identity.branding import brand_css, brand_version
from identity.errors import StatusNotSuccess
from identity.moments import relative_words, utc_machine, utc_words
from identity.page_rendering import html_of, page_of, render_page, source_of
from identity.provisioning import Person
from identity.response_headers import HSTS, POLICY, form_action_for, security_headers
from identity.sessions import CurrentSession
from identity.static_files import CHECK_AGAIN, FOR_EVER, static_response
from identity.status_words import StatusWords, words_of_status
from identity.trials import ShownTrial
from tenants.errors import NotFound, Refusal
from tenants.logo_marks import LOGO_PATH, mark_of
from tenants.logo_records import find_logo
from tenants.organisations.access import LDAP, LOCAL
from tenants.organisations.tree import OrganisationTree
from tenants.records import TenantView

SUBMIT_SCRIPT = "document.forms[0].submit()"
"""Runs while the page loads, so browsers put no step into their history that going back would be caught in."""
SUBMIT_SCRIPT_SOURCE = source_of(SUBMIT_SCRIPT)
MAX_LEAVING_PAGES = 512
"""At 4 KiB each, 2 MiB in each worker; drawing one takes 0.1 ms."""
_CUT = secrets.token_hex(16)
"""Stands for a field's value; nobody can have it in a name or an address."""


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
    status: int = 200,
) -> Response:
    """The ways to sign in, or who can make one where there is none.

    Args:
        target: the local path to come to after signing in.
        asked: what else the link to the sign-in asked for, such as a new sign-in; whichever way is chosen keeps it.
        signed_out: this browser has just left; the page says how far that went (a value of identity.logout.SignedOut).
        local: the form of local accounts, where anybody here has one.
        by_address: the form that leads by an address, where that makes a difference.
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
        "code": local.code if local else "",
    }
    policy = {"script": "self", "connect": "self"} if local else {}  # passkeys need a script of ours
    return render_page("sign_in.html", tenant, values, status=status, **policy)


def landing_page(tenant: TenantView, session: CurrentSession, *, now: dt.datetime, csrf_token: str | None = None) -> Response:
    """Who is signed in, through which identity provider, since when and until when; and the way out."""
    person = session.person
    values = {
        "name": name_of(person),
        "email": person.email,
        "provider": session.idp_display_name or WAY_WORDS[session.way],
        "since": moment_of(session.created_at, now),
        "until": moment_of(session.expires_at, now),
        "csrf_token": csrf_token,
        "own_password": session.way in ("local", "break_glass"),
    }
    return render_page("landing.html", tenant, values)


def post_form_page(tenant: TenantView, action: str, fields: Mapping[str, str]) -> Response:
    """A form that sends itself to an identity provider (SAML Bindings 3.5.4), or is sent by its button.

    Raises:
        ValueError: `action` is not an absolute http or https URL; metadata with another one is never accepted.
    """
    return _form_page(tenant, action, fields, "to sign in")


def logout_form_page(tenant: TenantView, action: str, fields: Mapping[str, str], *, framed_by: str | None) -> Response:
    """`post_form_page` for a logout message.

    Args:
        framed_by: the origin of an identity provider that has us answer inside a frame of its own page.
    """
    return _form_page(tenant, action, fields, "to sign out there too", framed_by=framed_by)


def logout_link_page(tenant: TenantView, location: str) -> Response:
    """A page that goes on to the identity provider by itself, or by its link.

    Not a redirect: it answers a form, and Chromium holds a form's redirects against the `form-action` of the page that it
    stood on, which cannot know where an identity provider sends people on to.
    """
    values = {"location": location, "host": urlsplit(location).hostname}
    return render_page("sign_out.html", tenant, values, referrer="strict-origin")


def login_link_page(tenant: TenantView, location: str) -> Response:
    """A page that goes on to the identity provider by itself, or by its link; where a form was answered, as above."""
    values = {"location": location, "host": urlsplit(location).hostname}
    return render_page("onward.html", tenant, values, referrer="strict-origin")


def _form_page(
    tenant: TenantView, action: str, fields: Mapping[str, str], purpose: str, *, framed_by: str | None = None
) -> Response:
    before, *after = _leaving_page(tenant, action, tuple(fields), purpose)
    html = before + "".join(f"{escape(value)}{rest}" for value, rest in zip(fields.values(), after, strict=True))
    form_action = form_action_for(action)
    return page_of(
        html, tenant, form_action=form_action, script=SUBMIT_SCRIPT_SOURCE, referrer="strict-origin", framed_by=framed_by
    )


@functools.lru_cache(maxsize=MAX_LEAVING_PAGES)
def _leaving_page(tenant: TenantView, action: str, names: tuple[str, ...], purpose: str) -> tuple[str, ...]:
    """The page of one tenant's version and one identity provider, cut where the values of its fields go."""
    values = {
        "purpose": purpose,
        "action": action,
        "fields": dict.fromkeys(names, _CUT),
        "host": urlsplit(action).hostname,
        "script": SUBMIT_SCRIPT,
    }
    return tuple(html_of("post_form.html", tenant, values).split(_CUT))


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


def install_pages(app: Flask) -> None:
    """Serve what the pages need, and give every answer of the service its security headers."""
    app.add_url_rule("/static/<version>/<name>", "static", static_response)
    app.add_url_rule("/brand.css", "brand", _brand_sheet)
    app.add_url_rule(LOGO_PATH.format(version="<version>"), "logo", _logo)
    app.after_request(_with_security_headers)


def _with_security_headers(response: Response) -> Response:
    """What has a policy has the other headers too; HTTPS may be known of the request alone."""
    if POLICY not in response.headers:
        return security_headers(response, https=request.is_secure)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    return response


def is_local_path(url: str) -> bool:
    """Whether a link stays on this host however a browser reads it: `//host`, backslashes and schemes do not."""
    return url.startswith("/") and not url.startswith("//") and "\\" not in url and url.isprintable()


def status_words_of(refusal: Refusal) -> StatusWords | None:
    """What the identity provider's own refusal means, where it is one that is known (V2)."""
    if not isinstance(refusal, StatusNotSuccess):
        return None
    return words_of_status(refusal.detail.get("status_codes", ()), refusal.detail.get("status_message", ""))


def _brand_sheet() -> Response:
    tenant: TenantView | None = g.get("tenant")
    if tenant is None:
        raise NotFound("a brand on the app host")
    response = Response(brand_css(tenant.brand_colour), content_type="text/css; charset=utf-8")
    known = request.args.get("v") == brand_version(tenant.brand_colour)
    response.headers["Cache-Control"] = FOR_EVER if known else CHECK_AGAIN
    return response


def _logo(version: str) -> Response:
    """The tenant's own logo, and no other's: the address names its content, but the host says whose it is."""
    tenant: TenantView | None = g.get("tenant")
    mark = mark_of(tenant.logo) if tenant is not None else None
    logo = find_logo(tenant.id) if tenant is not None and mark is not None and mark.version == version else None
    if logo is None or not logo.sha256.startswith(version):
        raise NotFound("no such logo")
    response = Response(logo.png, content_type="image/png")
    response.headers["Cache-Control"] = FOR_EVER
    return response


def name_of(person: Person) -> str:
    """What a person is called to their face."""
    return " ".join(filter(None, (person.first_name, person.last_name))) or person.username or person.email


def moment_of(moment: dt.datetime, now: dt.datetime) -> dict[str, str]:
    """A moment as the templates show it."""
    return {"machine": utc_machine(moment), "words": utc_words(moment), "relative": relative_words(moment, now)}
