"""Edges of operation on the app host: health, readiness, metrics."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from config.database import DATABASE_ERRORS, schema_is_current
from config.metrics import metrics_page
from tenants import web
from tenants.errors import ServiceUnavailable

operation = Blueprint("operation", __name__)
operation.before_request(web.require_app_host)


@operation.get("/healthz")
def healthz() -> Response:
    """The process answers; says nothing about the database, or a restart would be tried where none helps."""
    return jsonify(status="ok")


@operation.get("/readyz")
def readyz() -> Response:
    """The database answers and has the schema that this code is made for: send requests here."""
    try:
        current = schema_is_current()
    except DATABASE_ERRORS as error:
        raise ServiceUnavailable(f"database: {type(error).__name__}") from error
    if not current:
        raise ServiceUnavailable("the database has another schema: run `vestibule migrate`")
    return jsonify(status="ready")


@operation.get("/metrics")
def metrics() -> Response:
    """Prometheus metrics."""
    body, content_type = metrics_page()
    return Response(body, content_type=content_type)
