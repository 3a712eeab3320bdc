"""Pages about one identity provider: they are reached from it, and have no place of their own in the menu."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from flask import redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.rendering import screen_url
from admin_ui.screen import TenantScreen, page
from tenants.paging import page_by_number
from tenants.roles import READ

SHOWN = 20


class Numbered(Protocol):
    """A version: `row.number` is its number."""

    @property
    def row(self) -> Any:
        """As it is kept."""


Item = TypeVar("Item", bound=Numbered)


class ProviderPages(TenantScreen):
    """A part of Authentication."""

    label, path, endpoint_name = "", "", ""
    part_of = "authentication"

    @page("/", READ)
    def index(self, asked: Asked) -> WerkzeugResponse:
        """Without an identity provider in the address there is only the list of them."""
        return redirect(screen_url("authentication.index", asked), 302)

    def versions_shown(
        self, found: Callable[[int | None, int], Sequence[Item]], scope: str
    ) -> tuple[Sequence[Item], str | None]:
        """A page of versions, newest first, from the cursor in the address on; and the cursor of the next page."""
        cursor = request.args.get("cursor") or None
        return page_by_number(found, lambda version: version.row.number, SHOWN, cursor, scope=scope)
