"""Edges of operation on the app host: health, readiness, metrics."""

from __future__ import annotations

import datetime as dt
import functools
from collections import Counter

from flask import Blueprint, Response, jsonify

from config.clocks.records import living_clocks
from config.clocks.rows import SERVE, WORKER
from config.database import DATABASE_ERRORS, schema_is_current
from config.isolation import every_tenant
from config.metrics import Figure, metrics_page
from tenants import web
from tenants.errors import ServiceUnavailable
from tenants.refresh.figures import refresh_figures
from tenants.sync_intervals import service_sync_hours

FIGURES_SECONDS = 5

operation = Blueprint("operation", __name__)
operation.before_request(web.require_app_host)


@functools.lru_cache(maxsize=1)
def _figures(_database_url: str, _period: int) -> tuple[Figure, ...]:
    """What is true of the whole service; whoever asks again within five seconds is told the same."""
    now = dt.datetime.now(dt.UTC)
    with every_tenant():
        refresh = refresh_figures(now, service_sync_hours())
    age = (now - refresh.oldest_success).total_seconds() if refresh.oldest_success else 0
    kinds = Counter(clock.kind for clock in living_clocks(now))
    return (
        Figure("vestibule_metadata_due", "Identity providers whose metadata is to be fetched now.", refresh.due),
        Figure("vestibule_metadata_overdue", "Those that have been due for 15 minutes and more.", refresh.overdue),
        Figure("vestibule_metadata_failing", "Identity providers whose last fetch failed.", refresh.failing),
        Figure("vestibule_metadata_oldest_success_seconds", "Age of the copy that was found good the longest ago.", age),
        Figure("vestibule_job_workers", "Living processes of `vestibule worker`, on all machines.", kinds[WORKER]),
        Figure("vestibule_job_servers", "Living processes that run jobs beside requests, on all machines.", kinds[SERVE]),
    )


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
    """Prometheus metrics. Without a database there are those that processes have counted, and no others."""
    now = dt.datetime.now(dt.UTC)
    try:
        figures = _figures(web.settings().database_url, int(now.timestamp() // FIGURES_SECONDS))
    except DATABASE_ERRORS:
        figures = ()
    body, content_type = metrics_page(figures)
    return Response(body, content_type=content_type)
