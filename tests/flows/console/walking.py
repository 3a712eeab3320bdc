"""A walk over every address of the console: what there is, and how to ask for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from admin_ui.rendering import SCREENS
from admin_ui.screen import Screen, StaffScreen, TenantScreen
from tenants.roles import Permission
from tests.support.browser import Browser

_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')
_ARGUMENT = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")


@dataclass(frozen=True)
class Address:
    """One page of the console by one method; `path` still has its arguments in angle brackets."""

    screen: Screen
    endpoint: str
    path: str
    method: str
    permission: Permission

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"

    @property
    def arguments(self) -> Sequence[str]:
        """Names of its arguments besides the tenant's slug."""
        return [name for name in _ARGUMENT.findall(self.path) if name != "slug"]

    def filled(self, value: str, slug: str = "acme") -> str:
        """Its path with the same value in every argument."""
        return _ARGUMENT.sub(lambda found: slug if found[1] == "slug" else value, self.path)


def addresses(app: Flask) -> Iterator[Address]:
    """Every page of every screen, by every method that it takes."""
    screens = app.extensions[SCREENS]
    for rule in app.url_map.iter_rules():
        screen = screens.get(rule.endpoint.partition(".")[0])
        if screen is not None:
            yield from _of_rule(app, rule, screen)


def _of_rule(app: Flask, rule: Rule, screen: Screen) -> Iterator[Address]:
    view = app.view_functions[rule.endpoint]
    permission = getattr(view, "permission")  # noqa: B009 an attribute that the decorator sets
    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
        yield Address(screen, rule.endpoint, rule.rule, method, permission)


def of_staff(app: Flask) -> list[Address]:
    """Addresses of staff's own screens."""
    return [item for item in addresses(app) if isinstance(item.screen, StaffScreen)]


def of_tenants(app: Flask, *, below_slug: bool) -> list[Address]:
    """Addresses of tenants' screens: on their own hosts, or for staff on the app host."""
    found = [item for item in addresses(app) if isinstance(item.screen, TenantScreen)]
    return [item for item in found if item.path.startswith("/admin/tenants/<slug>") is below_slug]




def token_of(browser: Browser, page: str) -> str:
    """The token of this browser's forms, from a page that it may see."""
    answer = browser.get(page, follow_redirects=True)
    found = _TOKEN.search(answer.get_data(as_text=True))
    assert found is not None, f"{page}: {answer.status} without a token"
    return found[1]


def ask(browser: Browser, method: str, path: str, form: Mapping[str, str] | None = None) -> TestResponse:
    """A request as a page's own form makes it."""
    return browser.get(path) if method == "GET" else browser.post(path, data=dict(form or {}))
