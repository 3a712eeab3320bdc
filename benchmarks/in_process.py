"""One kind of request, sent straight into the application: no server, no socket."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flask import Flask

from benchmarks.client import Answer, UnexpectedAnswer
from benchmarks.phases import Measured, Person, arrivals, started, starts
from benchmarks.rounds import CIPHER
from benchmarks.tenancies import BOTH_SIGNED, PLAIN, REDIRECT, Tenancy

CASES = ("start", "redirect", "sign-in", "new", "both", "encrypted")
Measure = Callable[[Iterator[Answer]], object]


class Case:
    """Requests of one kind, sent straight into the application."""

    def __init__(self, app: Flask, tenancies: Sequence[Tenancy], case: str) -> None:
        self._app = app
        self._case = case
        self._tenancy = tenancies[{"redirect": REDIRECT, "both": BOTH_SIGNED}.get(case, PLAIN)]

    def run(self, requests: int, measure: Measure) -> None:
        """Send so many, the ones that count through `measure`."""
        prefix = f"{time.time_ns()}-" if self._case == "new" else "p"
        people = [Person(self._tenancy, f"{prefix}{number}") for number in range(requests)]
        first = (self._answer(request) for request in starts(people))
        if self._case in ("start", "redirect"):
            measure(first)
            return
        begun = started(people, Measured(0.0, tuple(first)))
        sign, cipher = "both" if self._case == "both" else "assertion", CIPHER if self._case == "encrypted" else None
        measure(self._answer(request) for request in arrivals(begun, sign=sign, encrypt=cipher))

    def _answer(self, request: bytes) -> Answer:
        status: list[str] = []
        headers: list[tuple[str, str]] = []

        def begin(line: str, fields: list[tuple[str, str]], _error: Any = None) -> Any:
            status.append(line)
            headers.extend(fields)

        body = self._app(_environ(request), begin)
        answer = Answer(
            status=int(status[0][:3]),
            location=next((value for name, value in headers if name == "Location"), ""),
            cookies="; ".join(value.partition(";")[0] for name, value in headers if name == "Set-Cookie"),
            body=b"".join(body),
        )
        if hasattr(body, "close"):
            body.close()
        if answer.status >= 400:
            raise UnexpectedAnswer(answer.body.decode())
        return answer


def _environ(request: bytes) -> dict[str, Any]:
    head, _, body = request.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    method, target, protocol = line.split(" ")
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": protocol,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for field in fields:
        name, _, value = field.partition(": ")
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ
