"""The page on which a person lets an application on their device sign in: values in, a response out."""

from __future__ import annotations

from flask import Response

from identity.native_request import NativeRequest
from identity.page_rendering import render_page
from identity.pages import name_of
from identity.sessions import CurrentSession
from tenants.records import TenantView


def consent_page(tenant: TenantView, session: CurrentSession, asked: NativeRequest) -> Response:
    """Who asks, as whom, and where the answer goes. Nobody is signed in to an application without having said so.

    Source: RFC 8252, 8.6.
    """
    values = {
        "client": asked.client,
        "fields": asked.fields,
        "name": name_of(session.person),
        "email": session.person.email,
    }
    # Chromium holds the redirect that answers the form against this policy.
    return render_page("native.html", tenant, values, form_action=f"'self' {asked.form_action}")
