"""Servers that are no directory as they should be: they strip, inject, drip, flood, or say nothing."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.keys import certificate_pem, private_pem, rsa_key
from tests.support.slapd import authority_and_leaf

REFUSED = bytes.fromhex("300c02010178070a010204000400")
"""ExtendedResponse to message 1: protocolError."""
GRANTED = bytes.fromhex("300c02010178070a010004000400")
"""ExtendedResponse to message 1: success."""
BIND_GRANTED = bytes.fromhex("300c02010161070a010004000400")
"""BindResponse to message 1: success."""


@dataclass
class Hostile:
    """What it heard, of all connections."""

    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def octets(self) -> bytes:
        """All of it."""
        return b"".join(self.heard)


Manner = Callable[[socket.socket, Hostile], None]


@contextmanager
def hostile_directory(manner: Manner) -> Iterator[Hostile]:
    """Listen on a free port of the loopback, and treat each connection in this manner, until the block ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    hostile = Hostile(port=listening.getsockname()[1])
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(60)
            manner(connection, hostile)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                hostile.connections += 1
                thread = threading.Thread(target=serve, args=(connection,))
                threads.append(thread)
                thread.start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield hostile
    finally:
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join()
        for thread in threads:
            thread.join()


def strip_starttls(connection: socket.socket, hostile: Hostile) -> None:
    """Refuse StartTLS, and take whatever comes in the clear."""
    hostile.heard.append(connection.recv(4096))
    connection.sendall(REFUSED)
    while octets := connection.recv(4096):
        hostile.heard.append(octets)
        connection.sendall(BIND_GRANTED)


def inject_behind_starttls(connection: socket.socket, hostile: Hostile) -> None:
    """Grant StartTLS, with the answer to a bind behind it, in the clear."""
    hostile.heard.append(connection.recv(4096))
    connection.sendall(GRANTED + BIND_GRANTED)
    while octets := connection.recv(4096):
        hostile.heard.append(octets)


def answer_nonsense(connection: socket.socket, hostile: Hostile) -> None:
    """Something that is no LDAP."""
    hostile.heard.append(connection.recv(4096))
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def say_nothing(connection: socket.socket, hostile: Hostile) -> None:
    """Take everything, and never answer."""
    while octets := connection.recv(4096):
        hostile.heard.append(octets)


def over_tls(folder: Path, inner: Manner) -> Manner:
    """The same behind TLS, with a certificate for localhost by the tests' own authority."""
    _, leaf = authority_and_leaf(["localhost"])
    (folder / "leaf.pem").write_text(certificate_pem(leaf))
    (folder / "leaf.key").write_bytes(private_pem(rsa_key("slapd")))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")

    def manner(connection: socket.socket, hostile: Hostile) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            inner(secured, hostile)

    return manner


def ber(tag: int, *parts: bytes) -> bytes:
    """An element of BER in definite form."""
    content = b"".join(parts)
    length = len(content).to_bytes(4)
    return bytes([tag]) + (bytes([len(content)]) if len(content) < 0x80 else b"\x84" + length) + content


BIND, SEARCH = 0x60, 0x63
SUCCESS = ber(0x0A, b"\x00") + ber(0x04) + ber(0x04)
BOUND, DONE = ber(0x61, SUCCESS), ber(0x65, SUCCESS)


def scripted(answers: Mapping[int, Sequence[bytes]]) -> Manner:
    """Answer each operation by its tag: each text is what stands behind the number of the message it answers."""

    def manner(connection: socket.socket, hostile: Hostile) -> None:
        while octets := connection.recv(65_536):
            hostile.heard.append(octets)
            head = 2 if octets[1] < 0x80 else 2 + (octets[1] & 0x7F)
            number = octets[head : head + 2 + octets[head + 1]]
            operation = octets[head + len(number)]
            connection.sendall(b"".join(ber(0x30, number, text) for text in answers.get(operation, ())))

    return manner


def drip(connection: socket.socket, hostile: Hostile) -> None:
    """An answer of which an octet comes now and then, so that no single wait is long."""
    hostile.heard.append(connection.recv(4096))
    for octet in b"\x30\x84\x00\x00\x10\x00" + bytes(2000):
        connection.sendall(bytes([octet]))
        threading.Event().wait(0.05)


def flood(connection: socket.socket, hostile: Hostile) -> None:
    """An answer of two gigabytes."""
    hostile.heard.append(connection.recv(4096))
    connection.sendall(b"\x30\x84\x7f\xff\xff\xff\x02\x01\x01\x61\x84\x7f\xff\xff\xf0")
    for _ in range(100_000):
        connection.sendall(bytes(65_536))
