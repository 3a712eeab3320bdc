"""Who comes to a set-up page: the edge that judges host, form and link before a page runs, and shows refusals kindly.

The order is fixed: the host, that a form is our own, the link that this browser has claimed. The link's cookie opens these
pages and nothing else: no other part of the service looks at it.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import redirect, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.csrf import require_own_form
from admin_ui.setup.rendering import done_page, refusal_page
from config.database import DATABASE_ERRORS
from tenants import web
from tenants.errors import NotFound, Refusal, ServiceUnavailable
from tenants.metadata_errors import MAX_METADATA_BYTES, MetadataTooLarge
from tenants.onboarding.errors import SetupLinkDone
from tenants.onboarding.link_records import LinkRow
from tenants.onboarding.links import actor_of, require_setup
from tenants.records import TenantView
from tenants.tenant_records import ManagedTenant, find_managed_tenant_by_id

SETUP_COOKIE = "__Host-vestibule_setup"
MAX_FORM = 64 * 1024
UPLOAD_PATH, MAX_UPLOAD = "/setup/connect", MAX_METADATA_BYTES + 64 * 1024
Page = Callable[..., WerkzeugResponse]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of the browser that has claimed a link."""

    view: TenantView
    tenant: ManagedTenant
    link: LinkRow
    now: dt.datetime

    @property
    def actor(self) -> str:
        """How audit events name what is done."""
        return actor_of(self.link)


def own_host() -> TenantView:
    """The tenant whose host this is, which is not suspended."""
    longest = MAX_UPLOAD if request.path == UPLOAD_PATH else MAX_FORM
    request.max_content_length = request.max_form_memory_size = longest
    return web.tenant()


def to_present_host(view: TenantView) -> WerkzeugResponse | None:
    """A former MyDomain leads to the present one, where the cookie is (T1)."""
    if view.canonical:
        return None
    return redirect(web.settings().tenant_origin(view.slug) + request.full_path.rstrip("?"), 302)


def visited(page: Page) -> Page:
    """Make a function of a visit a page of the set-up."""

    @functools.wraps(page)
    def judged(**arguments: Any) -> WerkzeugResponse:
        view, now = own_host(), dt.datetime.now(dt.UTC)
        if elsewhere := to_present_host(view):
            return elsewhere
        try:
            require_own_form()
            link = require_setup(view.id, view.state, request.cookies.get(SETUP_COOKIE), now)
            tenant = find_managed_tenant_by_id(view.id)
            if tenant is None:
                raise NotFound("deleted meanwhile")
            return page(Visit(view, tenant, link, now), **arguments)
        except SetupLinkDone as done:
            return done_page(view) if request.method == "GET" else refusal_page(view, done)
        except Refusal as refusal:
            return refusal_page(view, refusal)
        except RequestEntityTooLarge:  # told by the length of the form, before any of it was read
            if request.path != UPLOAD_PATH:
                raise
            return refusal_page(view, MetadataTooLarge("a form of more than that"), back=request.path)
        except DATABASE_ERRORS as error:
            return refusal_page(view, ServiceUnavailable(type(error).__name__))

    return judged
