"""Real HTTP and HTTPS servers on loopback, each connection answered by a function that writes to the socket."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Answer = Callable[[str, socket.socket], None]
"""Path of the request, and the socket to write to; the connection is closed afterwards."""


@dataclass
class Server:
    """A running server: where it is, and what it was asked."""

    address: str
    port: int
    requests: list[str] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str = "/", scheme: str = "http", host: str | None = None) -> str:
        """A URL that leads here."""
        name = host or (f"[{self.address}]" if ":" in self.address else self.address)
        return f"{scheme}://{name}:{self.port}{path}"


def reply(body: bytes = b"<metadata/>", status: str = "200 OK", **headers: str) -> Answer:
    """An answer with a length; header names are written with underscores."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    octets = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
    return lambda path, stream: stream.sendall(octets)


def raw(octets: bytes) -> Answer:
    """An answer of exactly these bytes."""
    return lambda path, stream: stream.sendall(octets)


def redirect(location: str, status: str = "302 Found") -> Answer:
    """An answer that leads elsewhere."""
    return reply(b"", status, Location=location)


def dripping(octets: bytes, drip: bytes, stop: threading.Event) -> Answer:
    """An answer that begins at once, goes on by a byte at a time and never ends."""

    def answer(path: str, stream: socket.socket) -> None:
        stream.sendall(octets)
        while not stop.wait(0.05):
            stream.sendall(drip)

    return answer


@contextmanager
def serving(answer: Answer, *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> Iterator[Server]:
    """A server on a free port of a loopback address, for as long as the block lasts."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            server.connections += 1
            stream: socket.socket = self.request
            stream.settimeout(60)
            try:
                if tls is not None:
                    stream = tls.wrap_socket(stream, server_side=True)
                request = b""
                while b"\r\n\r\n" not in request and request[:1] in (b"", b"G") and (octets := stream.recv(4096)):
                    request += octets  # what does not begin as a GET does is answered as it is
                server.requests.append(request.decode("latin-1"))
                answer(request.decode("latin-1").partition(" ")[2].partition(" ")[0], stream)
            except OSError:
                pass  # the client has left, which many tests are about
            finally:
                stream.close()

    class Listener(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False
        address_family = socket.AF_INET6 if ":" in address else socket.AF_INET

    with Listener((address, 0), Handler) as listener:
        server = Server(address, listener.server_address[1])
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
