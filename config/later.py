"""An application that is put together when somebody first asks for it: who never does, never pays for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Later:
    """A WSGI application, made by the first request that it gets; whoever else comes meanwhile waits for that.

    It is handed out whole or not at all: nobody meets one that is half made, and one that could not be made is tried again
    by the next request.
    """

    def __init__(self, make: Callable[[], WSGIApplication]) -> None:
        self._make = make
        self._made: WSGIApplication | None = None
        self._lock = threading.Lock()

    def made(self) -> WSGIApplication:
        """The application; it is made if nobody has asked for it before."""
        if self._made is None:
            with self._lock:
                if self._made is None:
                    self._made = self._make()
        return self._made

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        return self.made()(environ, start_response)


def by_path(
    prefixes: tuple[str, ...], but: frozenset[str], *, there: WSGIApplication, elsewhere: WSGIApplication
) -> WSGIApplication:
    """One application of two: what begins with one of the prefixes goes `there`, except for a few whole paths."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        chosen = there if path.startswith(prefixes) and path not in but else elsewhere
        return chosen(environ, start_response)

    return application
