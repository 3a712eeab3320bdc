"""Many tenants with an identity provider each, written into the database at once, and one server with all their metadata.

The server is as the world is: some answer late, some byte by byte, some elsewhere, some with an error or with something else.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import sqlalchemy as sa

from config.database import new_id, transaction, write
from config.isolation import every_tenant
from tenants.idp_metadata import metadata_to_document, read_idp_metadata
from tenants.metadata_models import MetadataVersion
from tenants.models import IdentityProvider, Tenant
from tenants.saml_settings import SAMLSettings
from tests.support.idp import ForgingIdP

ERROR, REDIRECT, LATE, SLOW_BODY, NOT_METADATA = range(5)
"""What a number means by its last digit; the others answer as they should."""
FAILING = frozenset({ERROR, NOT_METADATA})
_ENTITY = "https://idp-{number}.many.test/metadata"


@dataclass
class ManyProviders:
    """A running server. `asked` counts by number; `delay` is how late the late ones are."""

    idp: ForgingIdP
    delay: float
    port: int = 0
    asked: Counter[int] = field(default_factory=Counter)
    at_once: int = 0
    most_at_once: int = 0
    kinds: bool = True

    def url_of(self, number: int) -> str:
        """Where the metadata of one of them is."""
        return f"http://127.0.0.1:{self.port}/{number}"

    def document_of(self, number: int) -> str:
        """Its metadata."""
        return self.idp.metadata_xml(entity_id=_ENTITY.format(number=number))


@contextmanager
def many_providers(idp: ForgingIdP, *, delay: float = 0.3, kinds: bool = True) -> Iterator[ManyProviders]:
    """Serve on a free port until the block ends. Without `kinds` all answer as they should."""
    state = ManyProviders(idp, delay, kinds=kinds)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            *moved, last = self.path.strip("/").split("/")
            number = int(last)
            kind = number % 10 if state.kinds else None
            if not moved:
                with lock:
                    state.asked[number] += 1
                    state.at_once += 1
                    state.most_at_once = max(state.most_at_once, state.at_once)
            try:
                self._answer(number, kind, bool(moved))
            finally:
                if not moved:
                    with lock:
                        state.at_once -= 1

        def _answer(self, number: int, kind: int | None, moved: bool) -> None:
            if kind == REDIRECT and not moved:
                self.send_response(302)
                self.send_header("Location", f"/moved/{number}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if kind == LATE:
                time.sleep(state.delay)
            body = b"<html/>" if kind == NOT_METADATA else state.document_of(number).encode()
            self.send_response(503 if kind == ERROR else 200)
            self.send_header("Content-Type", "application/samlmetadata+xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            parts = 4 if kind == SLOW_BODY else 1
            size = -(-len(body) // parts)
            for start in range(0, len(body), size):
                if start:
                    time.sleep(state.delay / parts)
                self.wfile.write(body[start : start + size])

        def log_message(self, *_parts: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


def add_providers(
    server: ManyProviders, count: int, now: dt.datetime, *, fresh_from: dt.datetime, known: bool = False
) -> list[int]:
    """Write a tenant with an identity provider for each number below `count`, and give the tenants' ids.

    Args:
        known: the document that the server gives is the one in force already.
    """
    metadata = read_idp_metadata(server.document_of(0), now)
    document, settings = metadata_to_document(metadata), SAMLSettings().to_document()
    tenants, providers, versions = [], [], []
    with every_tenant(), transaction():
        for number in range(count):
            slug = f"many-{number}"
            row = {"slug": slug, "name": slug, "name_key": slug, "origin": f"http://{slug}.localhost", "created_at": now}
            tenant_id = write(sa.insert(Tenant.__table__).values(state="active", **row)).inserted_primary_key[0]  # type: ignore[index]
            tenants.append(tenant_id)
            entity_id, version_id, idp_id = _ENTITY.format(number=number), new_id(), new_id()
            xml = server.document_of(number).encode() if known else b""
            providers.append(
                {
                    "tenant_id": tenant_id,
                    "id": idp_id,
                    "name": "main",
                    "display_name": slug,
                    "enabled": True,
                    "entity_id": entity_id,
                    "metadata_url": server.url_of(number),
                    "metadata_version_id": version_id if known else None,
                    "metadata": document | {"entity_id": entity_id},
                    "settings": settings,
                    "created_at": now,
                    "fresh_from": fresh_from,
                }
            )
            versions.append(
                {
                    "tenant_id": tenant_id,
                    "id": version_id,
                    "idp_id": idp_id,
                    "source": "url",
                    "sha256": hashlib.sha256(xml).hexdigest(),
                    "xml": xml,
                    "number": 1,
                    "state": "accepted",
                    "document": document | {"entity_id": entity_id},
                    "created_at": now,
                    "created_by": "test",
                }
            )
        write(sa.insert(IdentityProvider.__table__), providers)
        if known:
            write(sa.insert(MetadataVersion.__table__), versions)
    return tenants
