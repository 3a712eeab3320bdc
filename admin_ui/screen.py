"""What every screen of the console is: a Flask-Admin view whose pages name who may see them, judged before they run.

The order is fixed: the host, who asks, that a form is our own, the role, the tenant, and how long ago they proved who they
are. A foreign tenant and an unknown one are the same. A view without a permission cannot be registered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar

from flask import Blueprint, Response, g, redirect, request
from flask_admin import Admin, BaseView, expose
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.access_errors import SignInAgain
from admin_ui.asked import Asked
from admin_ui.csrf import require_own_form
from admin_ui.door import CONSOLE_PATH, console_principal
from admin_ui.errors import ConsoleForbidden, FormTooLarge
from admin_ui.principals import require_recent
from admin_ui.proof import proof_screen
from admin_ui.rendering import refusal_screen, render_screen, screen_url
from config.database import DATABASE_ERRORS
from tenants import web
from tenants.errors import NotFound, Refusal, ServiceUnavailable
from tenants.hosts import HostKind
from tenants.roles import Permission
from tenants.tenant_records import ManagedTenant, find_managed_tenant, find_managed_tenant_by_id

View = TypeVar("View", bound=Callable[..., Any])
MAX_FORM = 1024 * 1024
"""Bytes of a form; a page that takes a file says otherwise."""
MAX_FORM_PARTS = 1_000


def page(
    url: str,
    permission: Permission,
    *,
    methods: Iterable[str] = ("GET",),
    max_body: int = MAX_FORM,
    fresh: bool = False,
) -> Callable[[View], View]:
    """Make a method a page of its screen.

    Args:
        url: below the screen's own path, beginning with a slash.
        permission: who may; judged before the method runs.
        max_body: bytes that a request may have.
        fresh: it takes a proof of the last 15 minutes that this is who it was: whoever finds an open console, or has its
            cookie, does not get to come back to it.
    """

    def decorator(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]  # read by _run_view
        view.max_body = max_body  # type: ignore[attr-defined]
        view.fresh = fresh  # type: ignore[attr-defined]
        exposed: View = expose(url, methods=tuple(methods))(view)
        return exposed

    return decorator


class Screen(BaseView):  # type: ignore[misc]  # Flask-Admin's metaclass has no types
    """A part of the console. `path` is below /admin; `group` is its heading in the menu, "" keeps it out of there.

    `part_of` is the endpoint of the screen whose place in the menu is shown as the present one, for those that have none.
    """

    label: ClassVar[str]
    path: ClassVar[str]
    endpoint_name: ClassVar[str]
    icon: ClassVar[str] = "home"
    group: ClassVar[str] = ""
    part_of: ClassVar[str] = ""
    prefixes: ClassVar[tuple[str, ...]] = ("",)

    def __init__(self) -> None:
        super().__init__(name=self.label, category=self.group or None, endpoint=self.endpoint_name, url=CONSOLE_PATH)

    def create_blueprint(self, admin: Admin) -> Blueprint:
        """The screen's addresses. Flask-Admin would add its own static files, which nothing of ours loads."""
        self.admin = admin
        self.blueprint = Blueprint(self.endpoint, __name__, url_prefix=CONSOLE_PATH)
        for url, name, methods in self._urls:
            view = getattr(self, name)
            if not isinstance(getattr(view, "permission", None), Permission):
                raise TypeError(f"{type(self).__name__}.{name} does not say who may see it")
            for prefix in self.prefixes:
                self.blueprint.add_url_rule(prefix + self.path + url, name, view, methods=methods, strict_slashes=False)
        return self.blueprint

    def tenant_for(self, slug: str | None) -> ManagedTenant | None:
        """The tenant that an address means; refuses an address that is not for this host, and by itself every one."""
        raise NotFound(f"a screen of neither kind, for {slug!r}")

    def first_permission(self) -> Permission:
        """Who may see the screen's first page, and so its place in the menu."""
        permission: Permission = getattr(self, self._default_view).permission
        return permission

    def first_url(self, asked: Asked) -> str:
        """The address of the screen's first page."""
        return self.url_of(self._default_view, asked)

    def url_of(self, name: str, asked: Asked, /, **values: Any) -> str:
        """The address of one of this screen's pages."""
        return screen_url(f"{self.endpoint}.{name}", asked, **values)

    def render(self, template: str, asked: Asked, *, status: int = 200, **values: Any) -> Response:
        """A page in the console's frame; `template` is below templates/admin_ui."""
        return render_screen(template, asked, self, values, status=status)

    def see_other(self, name: str, asked: Asked, /, **values: Any) -> WerkzeugResponse:
        """After a form: lead to a page of this screen, so that loading it again repeats nothing."""
        return redirect(self.url_of(name, asked, **values), 303)

    def _handle_view(self, name: str, /, **_arguments: Any) -> None:
        """Flask-Admin asks whether the view is accessible; `_run_view` judges, since it knows what is asked."""

    def _run_view(self, view: Callable[..., Any], *_args: Any, **arguments: Any) -> Any:
        request.max_content_length = view.max_body  # type: ignore[attr-defined]
        request.max_form_parts = MAX_FORM_PARTS
        principal = console_principal()
        if isinstance(principal, WerkzeugResponse):
            return principal
        asked = Asked(principal, None, dt.datetime.now(dt.UTC))
        try:
            require_own_form()
            if not view.permission.allows(principal.role):  # type: ignore[attr-defined]
                raise ConsoleForbidden(f"{principal.role} at {request.endpoint}")
            asked = Asked(principal, self.tenant_for(arguments.pop("slug", None)), asked.now)
            if view.fresh:  # type: ignore[attr-defined]
                require_recent(principal, asked.now)
            return view(self, asked, **arguments)
        except SignInAgain as refusal:
            return proof_screen(refusal, asked, self)
        except Refusal as refusal:
            return refusal_screen(refusal, asked, self)
        except RequestEntityTooLarge:  # told by the length of the form, before any of it was read
            return refusal_screen(FormTooLarge("a form of more than the page takes"), asked, self)
        except DATABASE_ERRORS as error:
            return refusal_screen(ServiceUnavailable(type(error).__name__), asked, self)


class StaffScreen(Screen):
    """A screen about the service as a whole, on the app host."""

    def tenant_for(self, slug: str | None) -> None:
        """None: it is about no tenant."""
        if g.host_kind is not HostKind.APP or slug is not None:
            raise NotFound("staff's screen on a tenant host")


class TenantScreen(Screen):
    """A screen about one tenant: for staff on the app host, below /admin/tenants/<slug>; for its people on its own host."""

    prefixes = ("/tenants/<slug>", "")

    def tenant_for(self, slug: str | None) -> ManagedTenant:
        """The tenant in the address, or the one whose host this is; the address of the other host's kind is not there."""
        if g.host_kind is HostKind.APP:
            found = find_managed_tenant(slug) if slug is not None else None
        else:
            found = find_managed_tenant_by_id(web.tenant().id) if slug is None else None
        if found is None:
            raise NotFound("unknown tenant")
        return found
