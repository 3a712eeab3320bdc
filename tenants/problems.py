"""How the management API refuses: `application/problem+json` (RFC 9457) with a stable code, whatever Accept says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, g
from werkzeug.exceptions import HTTPException

from config.logs import api_log
from tenants.errors import NotFound, RateLimited, Refusal, ServiceUnavailable, Unauthenticated
from tenants.management_errors import BodyMalformed, BodyTooLarge, MediaTypeUnsupported, MethodUnsupported
from tenants.metadata_errors import MetadataRefused

PROBLEM_JSON = "application/problem+json"
CHALLENGE = 'Bearer realm="vestibule"'
RETRY_AFTER_SECONDS = 30

_BY_STATUS: Mapping[int, type[Refusal]] = {
    404: NotFound,
    405: MethodUnsupported,
    413: BodyTooLarge,
    415: MediaTypeUnsupported,
}


def problem_of(refusal: Refusal) -> Response:
    """A refusal as a problem document. Facts about metadata are for whoever sent it; other causes stay private."""
    facts = {name: value for name, value in refusal.detail.items() if name != "errors"}
    about_metadata = isinstance(refusal, MetadataRefused) and refusal.cause
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "code": refusal.code,
        "detail": f"{refusal.sentence} ({refusal.cause})" if about_metadata else refusal.sentence,
        "errors": _errors_of(refusal.detail.get("errors")),
        "facts": json.loads(json.dumps(facts, default=str)),
        "reference": g.get("reference", ""),
    }
    response = Response(json.dumps(document), refusal.status, content_type=PROBLEM_JSON)
    if isinstance(refusal, Unauthenticated):
        response.headers["WWW-Authenticate"] = CHALLENGE
    if isinstance(refusal, RateLimited | ServiceUnavailable):
        response.headers["Retry-After"] = str(refusal.detail.get("retry_after", RETRY_AFTER_SECONDS))
    return response


def problem_of_http(error: HTTPException) -> Response:
    """An error of HTTP itself as a problem document."""
    response = problem_of(_BY_STATUS.get(error.code or 0, BodyMalformed)(f"HTTP {error.code}"))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def problem_of_database(error: Exception) -> Response:
    """A database that is locked, full or gone: nothing half done, and worth another try."""
    api_log.error("database_unavailable", error=type(error).__name__)
    return problem_of(ServiceUnavailable(type(error).__name__))


def _errors_of(errors: Any) -> dict[str, Any]:
    """Field -> sentences, always as a list or as a mapping by position."""
    if not isinstance(errors, Mapping):
        return {}
    return {str(name): [value] if isinstance(value, str) else value for name, value in errors.items()}
