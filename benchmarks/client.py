"""A browser that costs next to nothing: one keep-alive connection, one request at a time."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Self

RECEIVE = 65536
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)\r\n")
_COOKIE = re.compile(rb"(?i)\r\nset-cookie: *([^;\r\n]+)")
_LOCATION = re.compile(rb"(?i)\r\nlocation: *([^\r\n]+)\r\n")


class UnexpectedAnswer(RuntimeError):
    """The service did not do what was to be measured."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `cookies` as a Cookie header would hold them."""

    status: int
    location: str
    cookies: str
    body: bytes


class Connection:
    """One connection to a server on a loopback port. It opens again by itself when the server has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close it; servers keep an idle one for a few seconds only, so each phase begins with a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, request: bytes, *, expected: int) -> Answer:
        """Send a whole request and read the answer to it.

        Raises:
            UnexpectedAnswer: another status than the one expected.
        """
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        answer = self._read(self._socket)
        if answer.status != expected:
            raise UnexpectedAnswer(f"{answer.status} where {expected} was expected: {answer.body[:2000]!r}")
        return answer

    def _read(self, stream: socket.socket) -> Answer:
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more(stream)
        head, body = received[: end + 2], received[end + 4 :]
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        while len(body) < length:
            body += self._more(stream)
        location = _LOCATION.search(head)
        return Answer(
            status=int(head[9:12]),
            location=location[1].decode() if location else "",
            cookies=b"; ".join(_COOKIE.findall(head)).decode(),
            body=body,
        )

    @staticmethod
    def _more(stream: socket.socket) -> bytes:
        received = stream.recv(RECEIVE)
        if not received:
            raise UnexpectedAnswer("the server closed the connection")
        return received


def get(host: str, path: str, cookies: str = "") -> bytes:
    """A GET as a browser sends it."""
    return f"GET {path} HTTP/1.1\r\n{_headers(host, cookies)}\r\n".encode()


def post(host: str, path: str, form: str, cookies: str = "") -> bytes:
    """A POST of an urlencoded form from another site, as a browser sends it."""
    more = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n"
    return f"POST {path} HTTP/1.1\r\n{_headers(host, cookies)}{more}\r\n{form}".encode()


def _headers(host: str, cookies: str) -> str:
    cookie = f"Cookie: {cookies}\r\n" if cookies else ""
    return (
        f"Host: {host}\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
        "Accept-Language: en-GB,en;q=0.5\r\n"
        "Accept-Encoding: gzip, deflate\r\n"
        "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: cross-site\r\n"
        f"Upgrade-Insecure-Requests: 1\r\n{cookie}"
    )
