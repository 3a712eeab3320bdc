"""The production server: gunicorn as a library, with our logs and bounds."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger as GunicornLogger

from config.logs import start_log
from config.metrics import share_between_workers

THREADS = 8
GRACE_SECONDS = 20
"""How long requests that are being answered may take after the signal to end."""
SILENT_WORKER_SECONDS = 60
"""A worker that shows no life for so long is replaced; an answer takes as long as its slowest metadata fetch: 10 s."""
KEEP_ALIVE_SECONDS = 5
COLLECT_AFTER = 10_000
"""Objects that came and did not go; Python's own 700 are reached several times in one sign-in."""
BACKLOG = 512
MAX_REQUEST_LINE = 8190
"""Bytes; gunicorn's most. A LogoutRequest by HTTP-Redirect stands in it."""
MAX_HEADERS = 60
MAX_HEADER = 8190


def serve(
    app: Flask,
    *,
    host: str,
    port: int,
    workers: int,
    in_worker: Callable[[], object],
    at_end: Callable[[], object] = lambda: None,
) -> None:
    """Serve until told to end (TERM: gracefully; INT: at once), and exit.

    Args:
        app: made once and shared by fork; it must not have connected to anything yet.
        in_worker: called in every worker after its fork, to start what needs threads.
        at_end: called in every worker that ends in order, to stop them.
    """
    start_log.info("starting", host=host, port=port, workers=workers, threads=THREADS, pid=os.getpid())
    folder = Path(tempfile.mkdtemp(prefix="vestibule-metrics-"))
    if workers > 1:
        share_between_workers(folder)

    def on_exit(_arbiter: object) -> None:
        # A hook, and no `finally`: workers unwind this very stack when they end, and must not take the folder with them.
        shutil.rmtree(folder, ignore_errors=True)
        start_log.info("stopped", pid=os.getpid())

    def on_worker(_worker: object) -> None:
        in_worker()
        spare_collections()

    hooks = {"post_worker_init": on_worker, "worker_exit": lambda _arbiter, _worker: at_end(), "on_exit": on_exit}
    _Server(app, _options(host, port, workers) | hooks).run()


def spare_collections() -> None:
    """Leave what was loaded by now out of garbage collections, and have fewer: requests leave hardly any cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def _options(host: str, port: int, workers: int) -> dict[str, Any]:
    return {
        "bind": [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"],
        "workers": workers,
        "worker_class": "gthread",
        "threads": THREADS,
        "preload_app": True,
        "control_socket_disable": True,
        "backlog": BACKLOG,
        "timeout": SILENT_WORKER_SECONDS,
        "graceful_timeout": GRACE_SECONDS,
        "keepalive": KEEP_ALIVE_SECONDS,
        "limit_request_line": MAX_REQUEST_LINE,
        "limit_request_fields": MAX_HEADERS,
        "limit_request_field_size": MAX_HEADER,
        # Whom to believe about X-Forwarded-* is TRUSTED_PROXIES' business alone.
        "forwarded_allow_ips": "",
        "secure_scheme_headers": {},
        "logger_class": _Log,
        "accesslog": None,
    }


class _Log(GunicornLogger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's own words, through ours: warnings and worse, no access log."""

    def setup(self, cfg: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.propagate = True

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """The service has its own line for each answer; gunicorn would look up four settings to find that it has none."""


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, app: Flask, options: Mapping[str, Any]) -> None:
        self._app = app
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app
