"""The way to a directory: a connection to an address that was checked, TLS that is verified, bounds in time and size.

libldap would look the name up again, connect wherever that leads, and judge certificates by a configuration of its own. So
it gets one end of a pair of sockets, and nothing to decide: a thread carries what it says through TLS to the address that
was checked, and ends when its time or its octets are used up. See docs/adr/010.
"""

from __future__ import annotations

import contextlib
import functools
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tenants.directories.errors import DirectoryFault, Stage
from tenants.directories.urls import DirectoryURL
from tenants.metadata_addresses import Address

READ_BYTES = 64 * 1024
LOOK_SECONDS = 0.25
"""How long a deadline may have passed before it is noticed."""
MAX_STARTTLS_ANSWER = 4096
STARTTLS = bytes.fromhex("301d 0201 01 7718 8016".replace(" ", "")) + b"1.3.6.1.4.1.1466.20037"
"""LDAPMessage 1: ExtendedRequest of StartTLS (RFC 4511 sections 4.12, 4.14.1)."""
SYSTEM_PERIOD = 3600


class Link:
    """What is between libldap and a directory. `until` and `octets_left` are looked at while it carries."""

    def __init__(self, until: float, octets_left: int) -> None:
        self.until = until
        self.octets_left = octets_left
        self.fault: DirectoryFault | None = None
        """Why it ended, where that was its own doing."""


@contextmanager
def linked(
    url: DirectoryURL, addresses: tuple[Address, ...], trust: str | None, until: float, octets: int
) -> Iterator[tuple[int, Link]]:
    """Open a secured connection, and give the descriptor that libldap may have (and closes) with what bounds it.

    Args:
        addresses: checked ones, tried in their order.
        trust: certificate authorities in PEM; None: the system's.
        until: by time.monotonic, for connecting and TLS; later ones are set on the link.
        octets: that may come from the directory in all.

    Raises:
        DirectoryFault: of the stages connect and tls.
    """
    with _connected(url, addresses, until) as plain:
        if url.starttls:
            _start_tls(plain, until)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = _context(trust).wrap_bio(incoming, outgoing, server_hostname=url.host)
        _shake_hands(plain, tls, incoming, outgoing, url.host, until)
        near, far = socket.socketpair()
        link = Link(until, octets)
        carrier = threading.Thread(
            target=_carry, args=(near, plain, tls, incoming, outgoing, link), name="directory", daemon=True
        )
        carrier.start()
        try:
            yield far.detach(), link
        finally:
            link.until = 0.0
            for side in (near, plain):
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
            carrier.join()
            near.close()


@contextmanager
def _connected(url: DirectoryURL, addresses: tuple[Address, ...], until: float) -> Iterator[socket.socket]:
    """A connection to the first address that answers; each gets its share of the time that is left."""
    fault = DirectoryFault(Stage.CONNECT, "unreachable", f"{url.host} has no address that may be connected to")
    for position, address in enumerate(addresses):
        plain = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        try:
            plain.settimeout(max(0.05, until - time.monotonic()) / (len(addresses) - position))
            plain.connect((str(address), url.port))
        except TimeoutError:
            plain.close()
            fault = DirectoryFault(Stage.CONNECT, "timeout", f"{url.authority} took no connection in time")
        except OSError as error:
            plain.close()
            fault = DirectoryFault(Stage.CONNECT, "unreachable", f"{url.authority}: {error.strerror or 'no connection'}")
        else:
            with plain:
                yield plain
            return
    raise fault


def _start_tls(plain: socket.socket, until: float) -> None:
    """Ask for TLS in the clear; nothing else is ever said in the clear, whatever the answer is.

    Anything behind the answer was put there before TLS, by whoever, and ends it (the fault of CVE-2011-0411 and its kin).
    """
    answer = b""
    try:
        plain.settimeout(max(0.05, until - time.monotonic()))
        plain.sendall(STARTTLS)
        while len(answer) < _length_of(answer):
            plain.settimeout(max(0.05, until - time.monotonic()))
            octets = plain.recv(MAX_STARTTLS_ANSWER)
            if not octets or len(answer) + len(octets) > MAX_STARTTLS_ANSWER:
                raise DirectoryFault(Stage.TLS, "starttls_refused", "the server broke off when it was asked for StartTLS")
            answer += octets
            if time.monotonic() >= until:
                raise TimeoutError
    except TimeoutError:
        raise DirectoryFault(Stage.TLS, "timeout", "the server did not answer StartTLS in time") from None
    except OSError as error:
        raise DirectoryFault(Stage.TLS, "starttls_refused", f"StartTLS: {error.strerror or 'broken off'}") from None
    if len(answer) > _length_of(answer):
        raise DirectoryFault(Stage.TLS, "starttls_injected", "something came behind the answer to StartTLS, before TLS")
    if not _is_success(answer):
        raise DirectoryFault(Stage.TLS, "starttls_refused", "the server does not do StartTLS; nothing was sent in the clear")


def _length_of(message: bytes) -> int:
    """Octets of the BER element that begins here, its head included; more than there are as long as that is not known."""
    if len(message) < 2:
        return 2
    if message[1] < 0x80:
        return 2 + message[1]
    count = message[1] & 0x7F
    if message[0] != 0x30 or not 1 <= count <= 4:
        raise DirectoryFault(Stage.TLS, "starttls_refused", "the answer to StartTLS is no LDAP message")
    if len(message) < 2 + count:
        return 2 + count
    return 2 + count + int.from_bytes(message[2 : 2 + count])


def _is_success(message: bytes) -> bool:
    """Whether it is an ExtendedResponse to message 1 with resultCode 0; the shape is fixed, so anything else is none."""
    body = _content(message, 0x30)
    if body is None or body[:3] != b"\x02\x01\x01":
        return False
    response = _content(body[3:], 0x78)
    return response is not None and response[:3] == b"\x0a\x01\x00"


def _content(element: bytes, tag: int) -> bytes | None:
    if len(element) < 2 or element[0] != tag or len(element) < _length_of(element):
        return None
    head = 2 if element[1] < 0x80 else 2 + (element[1] & 0x7F)
    return element[head : _length_of(element)]


def _shake_hands(
    plain: socket.socket, tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, host: str, until: float
) -> None:
    try:
        while True:
            try:
                tls.do_handshake()
                plain.sendall(outgoing.read())
                return
            except ssl.SSLWantReadError:
                plain.settimeout(max(0.05, until - time.monotonic()))
                plain.sendall(outgoing.read())
                octets = plain.recv(READ_BYTES)
                if time.monotonic() >= until:
                    raise TimeoutError from None
                if not octets:
                    raise DirectoryFault(Stage.TLS, "tls_broken", f"{host} broke off while TLS began") from None
                incoming.write(octets)
    except TimeoutError:
        raise DirectoryFault(Stage.TLS, "timeout", f"{host} did not finish TLS in time") from None
    except ssl.SSLCertVerificationError as error:
        code = "wrong_host_name" if error.verify_code in _NAME_MISMATCH else "certificate_not_trusted"
        raise DirectoryFault(Stage.TLS, code, f"{host}: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise DirectoryFault(Stage.TLS, "tls_broken", f"{host}: {error.reason or 'no TLS'}") from None
    except OSError as error:
        raise DirectoryFault(Stage.TLS, "tls_broken", f"{host}: {error.strerror or 'broken off'}") from None


_NAME_MISMATCH = (62, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL."""


def _context(trust: str | None) -> ssl.SSLContext:
    return _contexts(trust, int(time.monotonic() // SYSTEM_PERIOD))


@functools.lru_cache(maxsize=32)
def _contexts(trust: str | None, _period: int) -> ssl.SSLContext:
    """TLS 1.2 or later, the certificate verified for the name in the URL (RFC 9525, RFC 4513 section 3.1.3).

    A tenant's own authorities count instead of the system's: whoever names one trusts that one.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if trust is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cadata=trust)
    return context


def _carry(
    near: socket.socket,
    plain: socket.socket,
    tls: ssl.SSLObject,
    incoming: ssl.MemoryBIO,
    outgoing: ssl.MemoryBIO,
    link: Link,
) -> None:
    """Carry octets both ways until one side ends, or the bounds are met; libldap then reads the end of its stream."""
    try:
        while True:
            ready, _, _ = select.select((near, plain), (), (), LOOK_SECONDS)
            if time.monotonic() >= link.until:
                link.fault = DirectoryFault(Stage.SEARCH, "timeout", "the directory did not answer in time")
                return
            for side in (near, plain):
                side.settimeout(max(0.05, link.until - time.monotonic()))
            if near in ready:
                octets = near.recv(READ_BYTES)
                if not octets:
                    return
                tls.write(octets)
            if plain in ready:
                octets = plain.recv(READ_BYTES)
                link.octets_left -= len(octets)
                if not octets:
                    return
                if link.octets_left < 0:
                    link.fault = DirectoryFault(Stage.SEARCH, "too_large", "the directory answered with too much")
                    return
                incoming.write(octets)
                near.sendall(_decrypted(tls))
            if outgoing.pending:
                plain.sendall(outgoing.read())
    except (OSError, ValueError):  # ssl.SSLError is an OSError; ValueError: closed meanwhile
        return
    finally:
        with contextlib.suppress(OSError):
            near.shutdown(socket.SHUT_RDWR)


def _decrypted(tls: ssl.SSLObject) -> bytes:
    found = bytearray()
    with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
        while octets := tls.read(READ_BYTES):
            found += octets
    return bytes(found)
