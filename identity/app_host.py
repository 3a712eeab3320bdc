"""Edges of the app host that people may come by: a quiet page, since everybody signs in at their organisation's own address."""

from __future__ import annotations

from flask import Blueprint, Response

from identity import pages
from tenants import web

app_host = Blueprint("app_host", __name__)
app_host.before_request(web.require_app_host)


@app_host.get("/")
def front_page() -> Response:
    """Where people who lost their way learn where to sign in; says nothing about who exists."""
    return pages.app_host_page()
