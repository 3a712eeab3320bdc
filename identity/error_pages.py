"""How a refusal reaches whoever asked: a page for people, problem+json (RFC 9457) for programs; decided by Accept."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from config.logs import access_log
from identity.errors import MethodNotAllowed, NotSignedIn, RequestInvalid, TooLarge
from identity.native_request import SIGN_OUT_PATH, TOKEN_PATH
from identity.pages import error_page, status_words_of
from identity.response_headers import security_headers
from tenants.errors import Forbidden, InternalError, NotFound, RateLimited, Refusal, ServiceUnavailable
from tenants.records import TenantView

PROBLEM_JSON = "application/problem+json"
FOR_PEOPLE, FOR_PROGRAMS = ("text/html",), (PROBLEM_JSON, "application/json")
PROGRAM_PATHS = ("/api/", "/session", TOKEN_PATH, SIGN_OUT_PATH, "/client-config.json", "/healthz", "/readyz", "/metrics")
"""Where programs ask: JSON unless they say that they want a page."""
RETRY_AFTER_SECONDS = 30

_BY_STATUS: dict[int, type[Refusal]] = {
    401: NotSignedIn,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    429: RateLimited,
    503: ServiceUnavailable,
}
_KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")


def install_error_pages(app: Flask) -> None:
    """Answer every refusal, every HTTP error and every mistake of ours in the same way."""
    app.register_error_handler(Refusal, _on_refusal)
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(Exception, _on_mistake)


def refusal_response(
    refusal: Refusal,
    *,
    tenant: TenantView | None,
    reference: str,
    accepts: MIMEAccept,
    for_programs: bool = False,
    retry_url: str | None = None,
    status: int | None = None,
) -> Response:
    """The refusal as a page or as problem+json.

    Args:
        tenant: whose host it is; None where that is not known.
        reference: what support can look up.
        accepts: the request's Accept header.
        for_programs: JSON where Accept leaves it open.
        retry_url: a local path that may help, for the page's button.
        status: where the answer has a finer one than the refusal.
    """
    if wants_problem(accepts, for_programs=for_programs):
        response = _problem(refusal, reference, status or refusal.status)
    else:
        response = error_page(tenant, refusal, reference=reference, retry_url=retry_url, status=status)
    response.headers.add("Vary", "Accept")
    if "allow" in refusal.detail:
        response.headers["Allow"] = refusal.detail["allow"]
    if isinstance(refusal, RateLimited | ServiceUnavailable):
        response.headers["Retry-After"] = str(refusal.detail.get("retry_after", RETRY_AFTER_SECONDS))
    return response


def wants_problem(accepts: MIMEAccept, *, for_programs: bool) -> bool:
    """Whether Accept prefers JSON to a page; a tie goes to what this address is for.

    A type named outright goes before one that only a wildcard lets in, at the same q (RFC 9110 12.5.1).
    """
    ordered = (*FOR_PROGRAMS, *FOR_PEOPLE) if for_programs else (*FOR_PEOPLE, *FOR_PROGRAMS)
    return accepts.best_match(ordered, default=ordered[0]) in FOR_PROGRAMS


def refusal_of(error: HTTPException) -> Refusal:
    """A refusal with plain words for an error of HTTP itself."""
    code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    fallback = InternalError if code >= HTTPStatus.INTERNAL_SERVER_ERROR else RequestInvalid
    return _BY_STATUS.get(code, fallback)(f"HTTP {code}: {error.name}")


def _problem(refusal: Refusal, reference: str, status: int) -> Response:
    words = status_words_of(refusal)
    document: dict[str, Any] = {
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": refusal.code,
        "detail": words.sentence if words else refusal.sentence,
        "reference": reference,
    }
    if words:
        document["provider_code"] = words.code
    if "attributes_received" in refusal.detail:
        document["attributes_received"] = refusal.detail["attributes_received"]
    response = Response(json.dumps(document), status, content_type=PROBLEM_JSON)
    if isinstance(refusal, NotSignedIn):
        response.headers["WWW-Authenticate"] = 'Bearer realm="vestibule"'
    return security_headers(response)


def _on_refusal(refusal: Refusal) -> Response:
    return _answer(refusal)


def _on_http_error(error: HTTPException) -> WerkzeugResponse:
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response(request.environ)  # a redirect that werkzeug raises
    response = _answer(refusal_of(error), status=error.code)
    for name, value in error.get_headers(request.environ):
        if name in _KEPT_HEADERS:
            response.headers[name] = value
    return response


def _on_mistake(mistake: Exception) -> Response:
    access_log.error("mistake", exc_info=mistake)
    return _answer(InternalError(type(mistake).__name__))


def _answer(refusal: Refusal, status: int | None = None) -> Response:
    again: str | None = g.get("retry_url")
    if refusal.retry is not None and refusal.retry.path is None:
        again = request.full_path.rstrip("?") if request.method == "GET" else "/"
    return refusal_response(
        refusal,
        tenant=g.get("tenant"),
        reference=g.get("reference", ""),
        accepts=request.accept_mimetypes,
        for_programs=request.path.startswith(PROGRAM_PATHS),
        retry_url=again,
        status=status,
    )
