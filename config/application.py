"""The application class: Flask, without work that no answer of this service needs.

What Flask and werkzeug do for each request in case somebody needs it (coroutines, a signed cookie's serialiser, a copy of all
headers, addresses in other alphabets) was a tenth of a sign-in. Whatever does need it goes the usual way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from werkzeug.datastructures import Headers, ImmutableMultiDict
from werkzeug.sansio.http import parse_cookie
from werkzeug.utils import cached_property

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PLAIN_LOCATION = re.compile(
    r"(?:https?://[a-z0-9]+(?:[.-][a-z0-9]+)*(?::[1-9][0-9]{0,3})?)?/(?!/)[A-Za-z0-9/._~%+&=?-]*", re.ASCII
)
"""Addresses that `iri_to_uri` leaves as they are."""
_BODILESS = frozenset({204, 304})


class Question(Request):
    """A request whose cookies come from their one header; werkzeug looks for that among all headers, name by name."""

    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """What the browser has kept for this host."""
        found = parse_cookie(self.environ.get("HTTP_COOKIE", ""), cls=self.dict_storage_class)
        return cast("ImmutableMultiDict[str, str]", found)


class Answer(Response):
    """A response whose headers go out as they are, where there is nothing to alter in them."""

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """The headers, with their Content-Length."""
        headers = self.headers
        present = {name.lower(): value for name, value in headers}  # asked one by one, each that is missing is an exception
        location = present.get("location")
        if (
            self.status_code < 200
            or self.status_code in _BODILESS
            or not self.is_sequence
            or (location is not None and not PLAIN_LOCATION.fullmatch(location))
            or "content-location" in present
        ):
            return super().get_wsgi_headers(environ)
        if "content-length" not in present:
            headers.add("Content-Length", str(sum(map(len, self.iter_encoded()))))
        return headers


class CookieSessions(SecureCookieSessionInterface):
    """Flask's signed cookie, whose serialiser is made for those who bring one or get one: people at the console."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """What the cookie holds; empty where there is none."""
        if app.secret_key and self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the cookie, where somebody looked at it or changed it."""
        if session or session.modified or session.accessed:
            super().save_session(app, session, response)


class Service(Flask):
    """Flask for views that are functions, and never coroutines."""

    request_class = Question
    response_class = Answer
    session_interface = CookieSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function, without asking of each at each request whether it is a coroutine."""
        return func
