"""Real HTTP and HTTPS servers on loopback, each connection answered by a function that writes to the socket."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

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
            stream.settimeout(10)
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


@dataclass(frozen=True)
class Authority:
    """A certificate authority of a test run, with a file that can be trusted."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    folder: Path

    @property
    def bundle(self) -> Path:
        """The authority's certificate in a file."""
        return self.folder / "authority.pem"

    def context_for(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """A server's TLS context with a certificate for names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.now(dt.UTC)
        builder = _builder(names[0], self.certificate.subject, now - dt.timedelta(days=1 if expired else 0))
        alternatives = [_general_name(name) for name in names]
        certificate = (
            builder.public_key(key.public_key())
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{x509.random_serial_number()}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def make_authority(folder: Path) -> Authority:
    """A new certificate authority that nobody trusts by default."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test run")])
    certificate = (
        _builder("Authority of a test run", name, dt.datetime.now(dt.UTC))
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority = Authority(key, certificate, folder)
    authority.bundle.write_bytes(certificate.public_bytes(Encoding.PEM))
    return authority


def _builder(subject: str, issuer: x509.Name, now: dt.datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=2))
        .not_valid_after(now + dt.timedelta(hours=2))
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
