"""The application class: Flask, without work that no answer of this service needs.

What Flask and werkzeug do for each request in case somebody needs it (coroutines, a signed cookie's serialiser, a copy of all
headers, addresses in other alphabets) was a tenth of a sign-in. Whatever does need it goes the usual way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import flask
from flask import Flask, Request, Response
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from werkzeug.datastructures import Headers, ImmutableMultiDict
from werkzeug.routing import MapAdapter
from werkzeug.sansio.http import parse_cookie
from werkzeug.utils import cached_property

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from flask.ctx import _AppCtxGlobals
    from flask.typing import ResponseReturnValue

PLAIN_LOCATION = re.compile(
    r"(?:https?://[a-z0-9]+(?:[.-][a-z0-9]+)*(?::[1-9][0-9]{0,3})?)?/(?!/)[A-Za-z0-9/._~%+&=?-]*", re.ASCII
)
"""Addresses that `iri_to_uri` leaves as they are."""
PLAIN_HOST = re.compile(r"(?:[a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}(?::[1-9][0-9]{0,4})?", re.ASCII)
"""Hosts that werkzeug and IDNA leave as they are."""
STANDARD_PORTS = (":80", ":443")
"""Of which werkzeug drops the one that its scheme has."""
_BODILESS = frozenset({204, 304})
_OF_A_PATH, _OF_A_QUERY = "/:@!$&'()*+,;=", "/:@!$&'()*+,;=?%[]"
"""What stands unescaped there, besides letters, digits, hyphen, dot, underscore and tilde (RFC 3986 3.3 and 3.4)."""

this_app: Callable[[], Flask] = cast("Any", flask.current_app)._get_current_object
this_request: Callable[[], Request] = cast("Any", flask.request)._get_current_object
this_g: Callable[[], _AppCtxGlobals] = cast("Any", flask.g)._get_current_object
"""What Flask's names stand for at this moment: each look at a name's attribute is four calls, this is two."""


def add_known(headers: Headers, fields: Iterable[tuple[str, str]]) -> None:
    """Add headers that this service made itself and has looked at once: werkzeug looks for line breaks in each, each time."""
    headers._list.extend(fields)  # tests/unit/config/test_application.py holds it against what `add` does


class Question(Request):
    """A request whose cookies come from their one header; werkzeug looks for that among all headers, name by name."""

    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """What the browser has kept for this host."""
        found = parse_cookie(self.environ.get("HTTP_COOKIE", ""), cls=self.dict_storage_class)
        return cast("ImmutableMultiDict[str, str]", found)

    @cached_property
    def full_path(self) -> str:
        """Path and query as an address has them. werkzeug gives the path without its escapes: a line break of a stranger's
        would be one in a header, and its question mark would begin a query."""
        return f"{quote(self.path, _OF_A_PATH)}?{quote(self.query_string, _OF_A_QUERY)}"

    def close(self) -> None:
        """Close uploaded files, where somebody looked at the form."""
        if "files" in self.__dict__:
            super().close()


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

    def get_app_iter(self, environ: WSGIEnvironment) -> Iterable[bytes]:
        """The body as it is, where nothing is to be closed after it."""
        if (
            self._on_close
            or not self.is_sequence
            or self.direct_passthrough
            or self.status_code < 200
            or self.status_code in _BODILESS
            or environ["REQUEST_METHOD"] == "HEAD"
        ):
            return super().get_app_iter(environ)
        return list(self.iter_encoded())


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

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Where this request's path is looked up, without taking a host to pieces that is plain, as nearly all are."""
        if request is None:
            return super().create_url_adapter(request)
        environ, config = request.environ, self.config
        host: str = environ.get("HTTP_HOST", "")
        if (
            not PLAIN_HOST.fullmatch(host)
            or not environ.get("PATH_INFO")
            or host.endswith(STANDARD_PORTS)
            or "HTTP_UPGRADE" in environ
            or config["TRUSTED_HOSTS"] is not None
            or config["SERVER_NAME"] is not None
            or self.url_map.host_matching
            or self.subdomain_matching
        ):
            return super().create_url_adapter(request)
        request.host = host
        place = (host, request.root_path, self.url_map.default_subdomain or "", request.scheme, request.path)
        return MapAdapter(self.url_map, *place, request.method, request.query_string.decode(errors="replace"))

    def make_response(self, rv: ResponseReturnValue) -> Response:
        """What a view gives, as a response; nearly always it is one."""
        return rv if isinstance(rv, Answer) else super().make_response(rv)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function, without asking of each at each request whether it is a coroutine."""
        return func
