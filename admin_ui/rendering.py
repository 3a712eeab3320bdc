"""From a template and values to a page of the console: escaped, framed, under a policy that lets in our own files alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from flask import Response, current_app, flash, g, get_flashed_messages, request, url_for
from jinja2 import Environment, PackageLoader, StrictUndefined

from admin_ui.asked import Asked
from admin_ui.csrf import form_token
from admin_ui.stacked_tables import stacked
from admin_ui.words import FILTERS
from config.address_warnings import address_warnings
from identity.branding import organisation_initials, person_initials
from identity.error_pages import refusal_response, wants_problem
from identity.page_rendering import HTML, PRODUCT, brand_of
from identity.response_headers import security_headers
from identity.static_files import StaticFolder, static_url
from tenants import roles, web
from tenants.errors import Refusal
from tenants.records import TenantView
from tenants.roles import Permission, Role

STATIC = StaticFolder(Path(__file__).with_name("static"), "/admin/static")
THEME_COOKIE = "vestibule_theme"
THEMES = ("auto", "light", "dark")
GROUPS = ("Service", "Overview", "Identity management", "People", "Diagnosis", "Settings")
"""Headings of the menu, in this order; the first one is staff's."""
SCREENS = "vestibule_screens"
ROLE_WORDS: Mapping[Role, str] = {
    Role.STAFF: "Staff owner",
    Role.SUPPORT: "Staff support",
    Role.ADMIN: "Administrator",
    Role.VIEWER: "Viewer",
}

_environment = Environment(
    loader=PackageLoader("admin_ui", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
    extensions=["jinja2.ext.do"],
)
_environment.globals.update(product_mark=static_url("mark.svg"), shared_static=static_url)
_environment.globals.update(product=PRODUCT, static=STATIC.url, role_words=ROLE_WORDS, form_token=form_token, permissions=roles)
_environment.filters.update(initials=organisation_initials, person_initials=person_initials, stacked=stacked, **FILTERS)


class FramedScreen(Protocol):
    """What the frame has to know of the screen in it."""

    label: str
    icon: str
    group: str
    part_of: str
    endpoint: str
    prefixes: tuple[str, ...]

    def first_permission(self) -> Permission:
        """Who may see its first page."""

    def first_url(self, asked: Asked) -> str:
        """The address of its first page."""


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """A screen in the menu."""

    label: str
    icon: str
    url: str
    current: bool


def notify(sentence: str, kind: str = "ok") -> None:
    """Say something on the next page, about nobody by name: it waits in a cookie, and may be read by whoever comes next.

    Args:
        kind: ok, warn or error.
    """
    flash(sentence, kind)


def screen_url(endpoint: str, asked: Asked, **values: Any) -> str:
    """The address of a page. A tenant's page, for staff, is below its tenant; for the tenant's own people it is not."""
    found: FramedScreen | None = current_app.extensions[SCREENS].get(endpoint.partition(".")[0])
    if found is not None and len(found.prefixes) > 1 and asked.of_staff and "slug" not in values:
        values["slug"] = asked.tenant.slug
    return url_for(endpoint, **values)


def known_screen_url(endpoint: str, asked: Asked, **values: Any) -> str:
    """The address of a page that this person may see; "" where there is none."""
    found: FramedScreen | None = current_app.extensions[SCREENS].get(endpoint.partition(".")[0])
    if found is None or not asked.may(found.first_permission()):
        return ""
    return screen_url(endpoint, asked, **values)


def render_screen(
    template: str, asked: Asked, screen: FramedScreen, values: Mapping[str, Any], *, status: int = 200
) -> Response:
    """A page in the console's frame."""

    def url(endpoint: str, **arguments: Any) -> str:
        return screen_url(endpoint, asked, **arguments)

    html = _environment.get_template(f"admin_ui/{template}").render(
        asked=asked,
        screen=screen,
        menu=_menu(asked, screen),
        notices=get_flashed_messages(with_categories=True),
        address_warnings=_address_warnings() if asked.of_staff else (),
        theme=_theme(),
        url=url,
        reference=g.get("reference", ""),
        **values,
    )
    return _finish(html, status)


def render_plain(template: str, values: Mapping[str, Any], *, status: int = 200) -> Response:
    """A page without the frame: for those who are not signed in yet."""
    notices = get_flashed_messages(with_categories=True)
    html = _environment.get_template(f"admin_ui/{template}").render(
        notices=notices, address_warnings=_address_warnings(), theme=_theme(), **values
    )
    return _finish(html, status)


def render_branded(
    template: str, tenant: TenantView, values: Mapping[str, Any], *, status: int = 200, **policy: Any
) -> Response:
    """A page in a tenant's own look, without the frame: for those of its people who have no account here.

    Args:
        policy: what `security_headers` may allow besides.
    """
    notices = get_flashed_messages(with_categories=True)
    html = _environment.get_template(f"admin_ui/{template}").render(brand=brand_of(tenant), notices=notices, **values)
    response = Response(html, status, content_type=HTML)
    return security_headers(response, script="self", https=tenant.origin.startswith("https://"), **policy)


def refusal_screen(refusal: Refusal, asked: Asked, screen: FramedScreen) -> Response:
    """A refusal in the console's frame; problem+json for scripts."""
    if wants_problem(request.accept_mimetypes, for_programs=False):
        return refusal_response(
            refusal, tenant=None, reference=g.get("reference", ""), accepts=request.accept_mimetypes, for_programs=True
        )
    return render_screen("refusal.html", asked, screen, {"refusal": refusal}, status=refusal.status)


def json_answer(document: Mapping[str, Any], status: int = 200) -> Response:
    """An answer to a script of ours."""
    return security_headers(Response(json.dumps(document), status, content_type="application/json"))


def _finish(html: str, status: int) -> Response:
    response = Response(html, status, content_type=HTML)
    https = web.settings().app_url.startswith("https://")
    return security_headers(response, script="self", connect="self", https=https)


def _menu(asked: Asked, current: FramedScreen) -> Sequence[tuple[str, Sequence[MenuEntry]]]:
    """Groups of screens that this person may see here; KeyError for a screen of a group that there is not."""
    groups: dict[str, list[MenuEntry]] = {group: [] for group in GROUPS}
    for screen in current_app.extensions[SCREENS].values():
        of_tenant = len(screen.prefixes) > 1
        if not screen.group or not asked.may(screen.first_permission()):
            continue
        if (of_tenant and asked.managed is None) or (not of_tenant and not asked.of_staff):
            continue
        is_here = screen.endpoint == (current.part_of or current.endpoint)
        entry = MenuEntry(screen.label, screen.icon, screen.first_url(asked), is_here)
        groups[screen.group].append(entry)
    return [(group, entries) for group, entries in groups.items() if entries]


def _address_warnings() -> Sequence[str]:
    return address_warnings(web.settings(), arrived_secure=request.is_secure)


def _theme() -> str:
    chosen = request.cookies.get(THEME_COOKIE, "auto")
    return chosen if chosen in THEMES else "auto"


