"""The servers that are asked for metadata, in a process of their own: neither their time nor their lock is anybody's here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

from tests.support.idp import ForgingIdP
from tests.support.many_providers import ManyProviders, many_providers

LOWEST_PRIORITY = 19
"""In life they are elsewhere: what they need of these cores comes last."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How often each number was asked for, and how many were at most at a time."""

    counts: Mapping[int, int]
    most_at_once: int


@dataclass(frozen=True, slots=True)
class MetadataServers:
    """The process, as the one that measures sees it; `known` gives its addresses and documents."""

    known: ManyProviders
    pipe: Connection

    def asked(self) -> Asked:
        """What was asked for so far."""
        self.pipe.send("asked")
        found: Asked = self.pipe.recv()
        return found


@contextmanager
def metadata_servers(idp: ForgingIdP, *, delay: float = 1.0, kinds: bool = True) -> Iterator[MetadataServers]:
    """Serve until the block ends. Begin it before anything that has threads or connections: the process is a fork."""
    here, there = get_context("fork").Pipe()
    process = get_context("fork").Process(target=_serve, args=(there, idp, delay, kinds), daemon=True)
    process.start()
    try:
        yield MetadataServers(ManyProviders(idp, delay, port=here.recv(), kinds=kinds), here)
    finally:
        here.send("end")
        process.join(10)


def _serve(pipe: Connection, idp: ForgingIdP, delay: float, kinds: bool) -> None:
    os.nice(LOWEST_PRIORITY)
    with many_providers(idp, delay=delay, kinds=kinds) as server:
        pipe.send(server.port)
        while pipe.recv() == "asked":
            pipe.send(Asked(dict(server.asked), server.most_at_once))
