"""One HTTP GET or POST to one address that was checked before, with an end in time and size.

The socket is opened here, to the address and not to the name, so that no second look-up can lead elsewhere (DNS
rebinding). `http.client` speaks over it; it knows no proxies, no cookies, no redirects and no name resolution of its own.
"""

from __future__ import annotations

import functools
import http.client
import io
import socket
import ssl
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tenants.metadata_addresses import Address
from tenants.metadata_errors import MAX_METADATA_BYTES, FetchFailed, FetchTimeout, MetadataTooLarge
from tenants.metadata_url import Target

READ_BYTES = 64 * 1024
AUTHORITIES_SECONDS = 300
"""For so long the certificate authorities are kept; one that was added or withdrawn counts after that, without a restart."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; the body only of a reply with status 200."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def get(
    target: Target,
    addresses: tuple[Address, ...],
    headers: Mapping[str, str],
    ca_bundle: Path | None,
    deadline: float,
    max_bytes: int = MAX_METADATA_BYTES,
) -> Reply:
    """Send one GET to the first of the addresses that takes a connection.

    Args:
        addresses: checked ones, at least one.
        ca_bundle: certificate authorities that hold beside the system's.
        max_bytes: of the body, inflated where it comes compressed.
        deadline: by time.monotonic, for everything together: connecting, TLS, sending and every byte of the reply.

    Raises:
        FetchTimeout, FetchFailed, MetadataTooLarge: with the stage that failed: connect, tls or http.
    """
    facts = {"host": target.host}
    with _connection(target, addresses, ca_bundle, deadline) as connection, _faults(facts, "http"):
        connection.request("GET", target.path, headers=_with_host(target, headers))
        response = connection.getresponse()
        body = _read_body(response, max_bytes) if response.status == 200 else b""
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


def post(
    target: Target,
    addresses: tuple[Address, ...],
    headers: Mapping[str, str],
    body: bytes,
    ca_bundle: Path | None,
    deadline: float,
) -> int:
    """Send one POST to the first of the addresses that takes a connection, and give the status alone: nothing else is read.

    Args:
        addresses: checked ones, at least one.
        deadline: by time.monotonic, for everything together.

    Raises:
        FetchTimeout, FetchFailed: with the stage that failed: connect, tls or http.
    """
    with _connection(target, addresses, ca_bundle, deadline) as connection, _faults({"host": target.host}, "http"):
        connection.request("POST", target.path, body=body, headers=_with_host(target, headers))
        return connection.getresponse().status


@contextmanager
def _connection(
    target: Target, addresses: tuple[Address, ...], ca_bundle: Path | None, deadline: float
) -> Iterator[http.client.HTTPConnection]:
    """A connection to one of the addresses, with TLS where the URL has it, and with an end to each read and write."""
    facts = {"host": target.host}
    with _faults(facts, "connect"):
        connected = _connect(target, addresses, deadline)
    with connected:
        with _faults(facts, "tls"):
            stream = _secure(connected, target.host, ca_bundle, deadline) if target.scheme == "https" else connected
        with stream:
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = cast(socket.socket, _BoundedSocket(stream, deadline))  # the three methods http.client calls
            yield connection


def _with_host(target: Target, headers: Mapping[str, str]) -> dict[str, str]:
    return {"Host": target.authority, "Connection": "close", **headers}


@contextmanager
def _faults(facts: Mapping[str, str], stage: str) -> Iterator[None]:
    """Say the library's errors in our words, with the stage at which they came."""
    try:
        yield
    except TimeoutError:
        raise FetchTimeout(f"{facts['host']}: no answer in time ({stage})", **facts, stage=stage) from None
    except ssl.SSLCertVerificationError as error:
        raise FetchFailed(f"{facts['host']}: {error.verify_message}", **facts, stage="tls") from None
    except http.client.HTTPException as error:
        # The kind of fault alone: its text may quote the reply, and whoever asked must not read what an inner server says.
        raise FetchFailed(
            f"{facts['host']}: the answer is not whole or not HTTP ({type(error).__name__})", **facts, stage=stage
        ) from None
    except (OSError, zlib.error, ValueError) as error:
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FetchFailed(f"{facts['host']}: {text} ({stage})"[:300], **facts, stage=stage) from None


def _connect(target: Target, addresses: tuple[Address, ...], deadline: float) -> socket.socket:
    """A connection to the first address that answers; each gets its share of the time that is left."""
    for position, address in enumerate(addresses):
        connected = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        try:
            connected.settimeout(_remaining(deadline) / (len(addresses) - position))
            connected.connect((str(address), target.port))
        except OSError:
            connected.close()
            if position == len(addresses) - 1:
                raise
        else:
            return connected
    raise OSError("there is no address")


def _secure(connected: socket.socket, host: str, ca_bundle: Path | None, deadline: float) -> ssl.SSLSocket:
    """TLS 1.2 or later, the server's certificate verified for the name in the URL (RFC 9525)."""
    context = _context_of(ca_bundle, int(time.monotonic() // AUTHORITIES_SECONDS))
    connected.settimeout(_remaining(deadline))  # OpenSSL's handshake as a whole has to be done within it
    return context.wrap_socket(connected, server_hostname=host)


@functools.lru_cache(maxsize=2)
def _context_of(ca_bundle: Path | None, _period: int) -> ssl.SSLContext:
    """Whom to trust: reading every authority of a system costs more than all the rest of a fetch."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_bundle is not None:
        context.load_verify_locations(cafile=ca_bundle)
    return context


def _read_body(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise ValueError(f"unknown Content-Encoding {encoding[:40]!r}")
    inflate = None if encoding == "identity" else zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    body, received = bytearray(), 0
    while octets := response.read(READ_BYTES):
        received += len(octets)
        body += inflate.decompress(octets, max_bytes + 1 - len(body)) if inflate else octets
        if received > max_bytes or len(body) > max_bytes:
            raise MetadataTooLarge(f"the server sent more than {max_bytes} bytes")
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    if inflate and (not inflate.eof or inflate.unused_data):
        raise ValueError("the compressed body is cut short or has something behind it")
    return bytes(body)


def _remaining(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


class _BoundedSocket:
    """What http.client needs of a socket. A timeout bounds one read only; here each read gets what is left of the whole."""

    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def makefile(self, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(_BoundedReader(self._stream, self._deadline))

    def sendall(self, octets: bytes) -> None:
        self._stream.settimeout(_remaining(self._deadline))
        self._stream.sendall(octets)

    def close(self) -> None:
        """Whoever opened the connection closes it: http.client lets go of it while the body is still being read."""


class _BoundedReader(io.RawIOBase):
    def __init__(self, stream: socket.socket, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._stream.settimeout(_remaining(self._deadline))
        return self._stream.recv_into(buffer)
