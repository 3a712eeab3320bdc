"""An HTTP server on the loopback that hands out metadata, as an identity provider's would."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.authority import loopback_authority


@dataclass
class MetadataServer:
    """What it answers with can be changed while it runs; it counts what it was asked.

    `gate`: what each answer waits for; `meanwhile`: what happens before it. `location`: where it sends who asks.
    """

    url: str = ""
    body: str = ""
    status: int = 200
    etag: str | None = None
    gate: threading.Event | None = None
    """Until it is set, whoever asks waits; the answer is what it would have been when the question came."""
    meanwhile: Callable[[], object] = object
    location: str | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@contextmanager
def metadata_server(body: str = "", *, secure: bool = False) -> Iterator[MetadataServer]:
    """Serve on a free port until the block ends.

    Args:
        secure: over https, as new keys need it; `tests.support.authority` says whom to trust for that.
    """
    state = MetadataServer(body=body)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.paths.append(self.path)
            state.asked.append({name.lower(): value for name, value in self.headers.items()})
            body, gate = state.body, state.gate
            if gate is not None:
                gate.wait()
            state.meanwhile()
            if state.location is not None:
                self.send_response(302)
                self.send_header("Location", state.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            unchanged = state.etag is not None and self.headers.get("If-None-Match") == state.etag
            content = b"" if unchanged else body.encode()
            self.send_response(304 if unchanged else state.status)
            if state.etag:
                self.send_header("ETag", state.etag)
            self.send_header("Content-Type", "application/samlmetadata+xml")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_parts: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_parts: Any) -> None:
            """Whoever asked is dead."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if secure:
            server.socket = loopback_authority()[1].wrap_socket(server.socket, server_side=True)
        state.url = f"{'https' if secure else 'http'}://127.0.0.1:{server.server_address[1]}/metadata"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
