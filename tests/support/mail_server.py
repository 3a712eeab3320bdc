"""A mail server on the loopback: it takes mail as real ones do, and refuses, delays or breaks off where it is told to."""

from __future__ import annotations

import base64
import email
import email.policy
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage


@dataclass(frozen=True)
class Received:
    """One mail that was taken."""

    sender: str
    recipient: str
    encrypted: bool
    user: str | None
    message: EmailMessage

    @property
    def text(self) -> str:
        """Its plain text."""
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


@dataclass
class MailServer:
    """What it does can be changed while it runs. `replies`: a command's first word to the reply in place of the usual one."""

    port: int = 0
    offers_starttls: bool = True
    user: str | None = None
    password: str | None = None
    replies: dict[str, str] = field(default_factory=dict)
    drips: bool = False
    connections: int = 0
    received: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def url(self, scheme: str = "smtp", login: str = "", options: str = "") -> str:
        """The SMTP_URL that leads here."""
        return f"{scheme}://{login}127.0.0.1:{self.port}{options}"


@contextmanager
def mail_server(context: ssl.SSLContext | None = None, *, encrypted: bool = False) -> Iterator[MailServer]:
    """Serve on a free port until the block ends.

    Args:
        context: for STARTTLS, or for everything where `encrypted`.
    """
    state, stopped = MailServer(), threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            state.connections += 1
            try:
                self._talk()
            except (OSError, ValueError):
                pass  # the client has left, which many tests are about
            finally:
                self.request.close()

        def _talk(self) -> None:
            self.secured, self.signed_in = False, None
            self.request.settimeout(60)
            if encrypted and context is not None:
                self._secure(context)
            if state.drips:
                while not stopped.wait(0.02):
                    self.wfile.write(b"2")
                    self.wfile.flush()
            self._say(state.replies.get("CONNECT", "220 mail.test ready"))
            sender = recipient = ""
            while line := self.rfile.readline(2000).decode("ascii", "replace").strip():
                word = line.partition(" ")[0].upper()
                state.commands.append(line)
                if word in state.replies:
                    self._say(state.replies[word])
                elif word in ("EHLO", "HELO"):
                    self._greet()
                elif word == "STARTTLS" and context is not None:
                    self._say("220 go ahead")
                    self._secure(context)
                elif word == "AUTH":
                    self._sign_in(line)
                elif word == "MAIL":
                    if state.user and self.signed_in is None:
                        self._say("530 5.7.0 sign in first")
                        continue
                    sender = line.partition("<")[2].partition(">")[0]
                    self._say("250 2.1.0 ok")
                elif word == "RCPT":
                    recipient = line.partition("<")[2].partition(">")[0]
                    self._say("250 2.1.5 ok")
                elif word == "DATA":
                    self._say("354 go on")
                    self._take(sender, recipient)
                elif word == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok")

        def _say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")
            self.wfile.flush()

        def _greet(self) -> None:
            lines = ["mail.test", "8BITMIME", "AUTH PLAIN"]
            lines += ["STARTTLS"] if context is not None and state.offers_starttls and not self.secured else []
            for position, text in enumerate(lines):
                self._say(f"250{' ' if position == len(lines) - 1 else '-'}{text}")

        def _secure(self, chosen: ssl.SSLContext) -> None:
            self.request = chosen.wrap_socket(self.request, server_side=True)
            self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb")
            self.secured = True

        def _sign_in(self, line: str) -> None:
            _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
            right = (user, password) == (state.user, state.password)
            self.signed_in = user if right else None
            self._say("235 2.7.0 ok" if right else "535 5.7.8 no such user or password")

        def _take(self, sender: str, recipient: str) -> None:
            octets = b""
            while not octets.endswith(b"\r\n.\r\n"):
                octets += self.rfile.readline(100_000)
            octets = octets.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
            message = email.message_from_bytes(octets, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            if "END" not in state.replies:
                state.received.append(Received(sender, recipient, self.secured, self.signed_in, message))
            self._say(state.replies.get("END", "250 2.0.0 taken"))

    class Listener(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False

    with Listener(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            stopped.set()
            server.shutdown()
            thread.join()
