"""The management API as a whole: its document, its blueprints, and the one way in and out of every call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from http import HTTPStatus
from typing import Any

import marshmallow as ma
from flask import Flask, Response, g, request
from flask_smorest import Api, Blueprint
from flask_smorest.utils import prepare_response
from werkzeug.exceptions import HTTPException

from config.database import DATABASE_ERRORS
from config.logs import api_log
from tenants.api_auth import View, allow, judge_request, keep_for_staff, require_first
from tenants.errors import Refusal
from tenants.json_body import StrictParser
from tenants.problems import PROBLEM_JSON, problem_of, problem_of_database, problem_of_http
from tenants.roles import Permission
from tenants.schemas import Problem

API_PATH = "/api/v1"
API_VERSION = "1.0"
DESCRIPTION = (
    "Tenants, their identity providers and their people. Every call but those marked otherwise takes "
    "`Authorization: Bearer <token>`; make one with `vestibule token create`. Refusals are problem+json with a stable `code`."
)
PATH_PARAMETERS = {
    name: {"in": "path", "name": name, "required": True, "schema": {"type": "string"}, "description": description}
    for name, description in (
        ("slug", "MyDomain, in lower case"),
        ("name", "Label of the identity provider: 1 to 63 of a-z, 0-9 and hyphen"),
        ("user_id", "Id of the person"),
        ("attempt_id", "Id of the attempt"),
        ("token_id", "Id of the token, as lists show it"),
        ("number", "Number of a version"),
        ("trial_id", "Id of the test sign-in"),
        ("use_id", "Id of a use of break-glass"),
        ("reading_id", "Id of the reading, as a PUT that said 202 names it"),
        ("session_id", "Id of the session"),
        ("import_id", "Id of the import"),
        ("directory", "Label of the directory: 1 to 63 of a-z, 0-9 and hyphen"),
        ("domain", "E-mail domain, as the list has it"),
        ("organisation_id", "Id of the organisation"),
        ("link_id", "Id of the set-up link"),
        ("grant_id", "Id of the named role"),
        ("rule_id", "Id of the rule"),
        ("key_id", "Id of the key"),
        ("logger", "Name of a logger, with or without `vestibule.` in front"),
        ("contact_id", "Id of the address"),
        ("webhook_id", "Id of the webhook"),
        ("delivery_id", "Id of the delivery"),
        ("service_contact_id", "Id of staff's address"),
        ("service_webhook_id", "Id of staff's webhook"),
        ("service_delivery_id", "Id of the delivery to staff"),
    )
}


class ManagementAPI(Api):  # type: ignore[misc]  # flask-smorest has no types
    """The OpenAPI 3.1 document; refusals in it are problem+json, and errors are answered by the blueprints alone."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        """The application has its own for everything outside of this API."""

    def _register_responses(self) -> None:
        for status in HTTPStatus:
            response: dict[str, Any] = {"description": status.phrase}
            if status >= HTTPStatus.BAD_REQUEST:
                response["schema"] = Problem
            prepare_response(response, self.spec, PROBLEM_JSON)
            self.spec.components.response(status.name, response, lazy=True)


class ManagementBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    """Operations of the API: judged before they run, refused in one form, never kept by caches.

    `operation` is the only way to register one, so none is without a permission.
    """

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, name: str, import_name: str, *, description: str, **options: Any) -> None:
        super().__init__(name, import_name, url_prefix=API_PATH, description=description, **options)
        self.before_request(judge_request)
        self.after_request(_finish)
        self.register_error_handler(Refusal, problem_of)
        self.register_error_handler(HTTPException, problem_of_http)
        for error in DATABASE_ERRORS:
            self.register_error_handler(error, problem_of_database)

    def operation(
        self,
        method: str,
        path: str,
        permission: Permission,
        *,
        answers: Mapping[int, Any],
        body: type[ma.Schema] | None = None,
        query: type[ma.Schema] | None = None,
        refuses: Sequence[int] = (),
        for_staff: frozenset[str] = frozenset(),
        exists: Callable[..., object] | None = None,
        media_type: str | None = None,
        octets: Sequence[str] = (),
    ) -> Callable[[View], View]:
        """Register an operation with its document; what it may refuse with follows from what it takes.

        Args:
            answers: status -> form of the body; the first one is what a view answers that names no status.
            refuses: statuses besides those that follow.
            for_staff: fields of the body that staff alone may name.
            exists: refuses where the path names nothing below its tenant; it takes the view's arguments, before the body.
            octets: media types of a body that is no JSON, and that the view reads by itself.
        """
        refusals = {*refuses, *_refusals_of(path, permission, body, query)}
        parameters = [PATH_PARAMETERS[name] for name in re.findall(r"<(\w+)>", path)]

        def decorator(view: View) -> View:
            judged: Any = view
            for position, (status, form) in enumerate(answers.items()):
                register = self.response if position == 0 else self.alt_response
                judged = register(status, schema=form, content_type=media_type)(judged)
            if body is not None:
                judged = keep_for_staff(for_staff)(self.arguments(body)(judged))
            if query is not None:
                judged = self.arguments(query, location="query")(judged)
            judged = require_first(exists)(judged)
            for status in sorted(refusals):
                judged = self.alt_response(status, HTTPStatus(status).name)(judged)
            if permission.roles is None:
                judged = self.doc(security=[])(judged)
            if octets:
                content = {name: {"schema": {"type": "string", "format": "binary"}} for name in octets}
                judged = self.doc(requestBody={"required": True, "content": content})(judged)
            self.add_url_rule(path, view_func=allow(permission)(judged), methods=[method], parameters=parameters)
            return view

        return decorator


def _refusals_of(path: str, permission: Permission, body: Any, query: Any) -> set[int]:
    refusals = set() if permission.roles is None else {401, 403}
    if "<" in path:
        refusals.add(404)
    if body is not None:
        refusals |= {400, 413, 415, 422}
    if query is not None:
        refusals.add(422)
    return refusals


def api_of(app: Flask) -> Api:
    """The application's one management API; the first call makes it."""
    api = app.extensions.get("vestibule_api")
    if api is None:
        app.config.update(API_TITLE="Vestibule", API_VERSION=API_VERSION, OPENAPI_VERSION="3.1.0")
        bearer = {"type": "http", "scheme": "bearer", "description": "A token of `vestibule token create`"}
        options = {"info": {"description": DESCRIPTION}, "security": [{"bearer": []}], "servers": [{"url": "/"}]}
        api = app.extensions["vestibule_api"] = ManagementAPI(app, spec_kwargs=options)
        api.spec.components.security_scheme("bearer", bearer)
    return api


def document_of(app: Flask) -> dict[str, Any]:
    """The OpenAPI document as JSON."""
    document: dict[str, Any] = deepcopy(api_of(app).spec.to_dict())
    return document


def _finish(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    actor = g.caller.actor if "caller" in g else "nobody"
    api_log.info("call", actor=actor, operation=request.endpoint, method=request.method, status=response.status_code)
    return response
