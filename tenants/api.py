"""The management API is put together, and shows its own document: as OpenAPI and as a page."""

from __future__ import annotations

from flask import Flask, Response, current_app, jsonify

from tenants.api_blueprint import ManagementBlueprint, api_of, document_of
from tenants.api_console_roles import console_roles_api
from tenants.api_directories import directories_api
from tenants.api_docs import docs_page
from tenants.api_domains import domains_api
from tenants.api_events import events_api
from tenants.api_keys import keys_api
from tenants.api_logo import logo_api
from tenants.api_metadata import metadata_api
from tenants.api_notices import notices_api, service_notices_api
from tenants.api_providers import providers_api
from tenants.api_seals import seals_api
from tenants.api_settings import settings_api
from tenants.api_tenants import tenants_api
from tenants.api_tokens import tokens_api
from tenants.roles import OPEN

document_api = ManagementBlueprint("api_document", __name__, description="This document")


def install_api(app: Flask) -> None:
    """Put the operations of this package into the application."""
    for blueprint in (
        document_api,
        tenants_api,
        events_api,
        seals_api,
        tokens_api,
        logo_api,
        providers_api,
        settings_api,
        metadata_api,
        domains_api,
        directories_api,
        console_roles_api,
        notices_api,
        service_notices_api,
        keys_api,
    ):
        api_of(app).register_blueprint(blueprint)


@document_api.operation("GET", "/openapi.json", OPEN, answers={200: {"type": "object"}})
def openapi() -> Response:
    """This document."""
    return jsonify(document_of(current_app))


@document_api.operation("GET", "/docs", OPEN, answers={200: {"type": "string"}}, media_type="text/html")
def docs() -> Response:
    """This document as a page to read. It loads nothing, and runs no script."""
    return docs_page(document_of(current_app))
