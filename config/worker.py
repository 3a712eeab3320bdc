"""`vestibule worker`: a process that runs jobs and answers no requests."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Sequence

from flask import Flask
from prometheus_client import start_http_server

from config.clocks.rows import WORKER
from config.logs import start_log
from config.scheduler import Job, start_clock

NICENESS = 5
"""Processes that answer people come first where the processor does not suffice for all. Not more: whoever writes holds
SQLite's one lock, and must get on with it."""
METRICS_ADDRESS = "127.0.0.1"


def work(app: Flask, jobs: Sequence[Job], *, metrics_port: int | None = None) -> None:
    """Run jobs until told to end (TERM or INT): what runs is finished, and nothing new is begun.

    Args:
        metrics_port: where the numbers of this process are shown, on the loopback alone; nowhere if None.
    """
    os.nice(NICENESS)
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    if metrics_port is not None:
        start_http_server(metrics_port, METRICS_ADDRESS)
    start_log.info("working", pid=os.getpid(), metrics_port=metrics_port)
    clock = start_clock(app, jobs, kind=WORKER)
    gc.freeze()
    told.wait()
    clock.stop()
    start_log.info("stopped", pid=os.getpid())
