"""Where the time goes: one case in this process, without a server, under cProfile or split by what the code is about."""

from __future__ import annotations

import cProfile
import functools
import importlib
import io
import pstats
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any

from benchmarks.client import Answer
from benchmarks.in_process import Case
from benchmarks.tenancies import Tenancy
from config.settings import Settings
from entrance import create_entrance

SHOWN = 30
WARM = 30
STEPS = (
    "tenants.web:_begin_request",
    "tenants.web:_end_request",
    "tenants.web:trust",
    "tenants.records:find_tenant",
    "config.logs:log_request",
    "config.database:transaction",
    "config.connections:present_connection",
    "config.connections:send",
    "config.database:read",
    "config.database:write",
    "config.statements:Prepared.all",
    "config.statements:Prepared.write",
    "config.statements:Prepared.write_returning",
    "identity.acs_routes:_arrival",
    "identity.acs_routes:acs",
    "identity.routes:login",
    "identity.acs:accept_response",
    "identity.second_try:judge_with_present_keys",
    "identity.login:begin_login",
    "identity.login:_message",
    "identity.leaving_pages:post_form_page",
    "identity.response_headers:security_headers",
    "identity.exchanges:find_exchange",
    "identity.exchanges:add_exchange",
    "identity.exchanges:use_exchange",
    "identity.exchanges:use_assertion",
    "identity.saml.request:build_authn_request",
    "identity.saml.signing:sign_canonical",
    "identity.saml.signing:sign_octets",
    "identity.saml.bindings:redirect_url",
    "identity.saml.bindings:post_fields",
    "identity.saml.unverified:read_response",
    "identity.saml.unverified:masked_xml",
    "tenants.signed_xml.xml:parse",
    "tenants.signed_xml.xml:parse_canonical",
    "identity.saml.schema:require_schema",
    "identity.saml.response:verify_response",
    "tenants.signed_xml.signature:verify_enveloped",
    "tenants.signed_xml.signature:_verifies",
    "identity.saml.decryption:decrypt",
    "identity.saml.pysaml2_door:require_same_reading",
    "identity.profile:profile_of",
    "identity.profile:require_allowed",
    "identity.provisioning:provision",
    "identity.sessions:open_session",
    "identity.attempts:keep_receipt",
    "identity.checks:Receipt.to_document",
    "tenants.audit:record",
)
"""Functions whose own time is told, where they exist. Time below one of them belongs to the one below."""
SHARED = ("read", "write", "all", "write_returning")
"""Steps of everybody: told under whoever asked."""


def profile(settings: Settings, tenancies: Sequence[Tenancy], case: str, requests: int) -> str:
    """The functions of one case that take most time of their own."""
    measured = Case(create_entrance(settings), tenancies, case)
    profiler = cProfile.Profile(time.thread_time)  # its own clock counts the time of others
    measured.run(WARM, list)
    measured.run(requests, functools.partial(_under, profiler))
    text = io.StringIO()
    pstats.Stats(profiler, stream=text).sort_stats("tottime").print_stats(SHOWN)
    return text.getvalue()


def breakdown(settings: Settings, tenancies: Sequence[Tenancy], case: str, requests: int) -> list[tuple[str, float]]:
    """Microseconds of CPU by step, medians over the requests, most first; without gunicorn and PostgreSQL's own processes."""
    split = _Split()
    split.wrap_steps()
    app = create_entrance(settings)
    app.wsgi_app = split.timed("Flask, Werkzeug", app.wsgi_app)  # type: ignore[method-assign]
    measured = Case(app, tenancies, case)
    measured.run(WARM, list)
    told: list[dict[str, float]] = []

    def run(answers: Iterator[Answer]) -> None:
        for _ in range(requests):
            split.spent.clear()
            next(answers)
            told.append(dict(split.spent))

    measured.run(requests, run)
    names = {name for one in told for name in one}
    steps = [(name, median(one.get(name, 0.0) for one in told) / 1000) for name in names]
    return sorted(steps, key=lambda item: -item[1])


def _under(profiler: cProfile.Profile, answers: Iterator[Answer]) -> None:
    profiler.enable()
    for _ in answers:
        pass
    profiler.disable()


class _Split:
    """CPU time of this thread, each nanosecond told once: to the innermost step that was running."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._names: list[str] = []
        self._since = 0

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time told under `name`; that of SQL under whoever asked for it."""

        @functools.wraps(function)
        def wrapper(*arguments: Any, **keywords: Any) -> Any:
            own = f"{self._names[-1]}: {name}" if name in SHARED and self._names else name
            self._switch()
            self._names.append(own)
            try:
                return function(*arguments, **keywords)
            finally:
                self._switch()
                self._names.pop()

        return wrapper

    def wrap_steps(self) -> None:
        """Put a watch around every step, wherever it was imported to."""
        for step in STEPS:
            place, _, name = step.partition(":")
            owner: Any = importlib.import_module(place)
            *classes, name = name.split(".")
            for part in classes:
                owner = getattr(owner, part)
            function = getattr(owner, name, None)
            if function is None:
                continue
            watched = self.timed(name, function)
            setattr(owner, name, watched)
            for module in list(sys.modules.values()):
                for key, value in list(vars(module).items()) if module else ():
                    if value is function:
                        setattr(module, key, watched)

    def _switch(self) -> None:
        now = time.thread_time_ns()
        if self._names:
            self.spent[self._names[-1]] += now - self._since
        self._since = now
