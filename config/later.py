"""An application that is put together when somebody first asks for it: who never does, never pays for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from config.logs import start_log

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REST_SECONDS = 5.0
"""After one that could not be made: a try can take a second of one processor, which sign-ins need."""


class Later:
    """A WSGI application, made by the first request that it gets; whoever else comes meanwhile waits for that.

    It is handed out whole or not at all: nobody meets one that is half made. Where it could not be made, `without` answers,
    and a later request tries again.
    """

    def __init__(self, make: Callable[[], WSGIApplication], *, rest: float = REST_SECONDS) -> None:
        self._make, self._rest = make, rest
        self._made: WSGIApplication | None = None
        self._failed_at: float | None = None
        self._lock = threading.Lock()

    def made(self) -> WSGIApplication:
        """The application; it is made if nobody has asked for it before."""
        if self._made is None:
            with self._lock:
                if self._made is None:
                    self._made = self._make()
        return self._made

    def made_or_none(self) -> WSGIApplication | None:
        """The application; None where it could not be made, or could not a moment ago. The log says why."""
        if self._made is None:
            with self._lock:
                if self._made is None and not self._rests():
                    self._try()
        return self._made

    def or_else(self, without: WSGIApplication) -> WSGIApplication:
        """An application that answers by this one, or by another one as long as this one cannot be made."""

        def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            return (self.made_or_none() or without)(environ, start_response)

        return application

    def _rests(self) -> bool:
        return self._failed_at is not None and time.monotonic() - self._failed_at < self._rest

    def _try(self) -> None:
        try:
            self._made = self._make()
        except Exception as error:
            self._failed_at = time.monotonic()
            start_log.error("not_made", exc_info=error)


def by_path(
    prefixes: tuple[str, ...], but: frozenset[str], *, there: WSGIApplication, elsewhere: WSGIApplication
) -> WSGIApplication:
    """One application of two: what begins with one of the prefixes goes `there`, except for a few whole paths."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        chosen = there if path.startswith(prefixes) and path not in but else elsewhere
        return chosen(environ, start_response)

    return application
