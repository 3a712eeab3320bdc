"""The only door to a mail server: one message to one recipient, over verified TLS, with an end in time.

smtplib's time limit is that of one read. Here each reply gets what is left of the whole, so that a server that sends one
octet now and then holds nobody longer than one that says nothing.
"""

from __future__ import annotations

import io
import re
import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from config.mail_server import MailServer, Security
from tenants.notices.errors import DeliveryFailed

MAIL_SECONDS = 20.0
"""For everything together: connection, TLS, sign-in and the last reply."""
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
"""RFC 3463; the words around it are the server's own, and stay out."""


def send_mail(
    message: EmailMessage,
    server: MailServer,
    *,
    sender: str,
    recipient: str,
    ca_bundle: Path | None = None,
    seconds: float = MAIL_SECONDS,
) -> None:
    """Hand one message in.

    Args:
        sender: the envelope's, an address of ASCII; its domain is the name that we greet with.
        recipient: an address that normalise_email has given.

    Raises:
        DeliveryFailed
    """
    deadline = time.monotonic() + seconds
    with _faults(deadline):
        connection = _connected(server, sender.rpartition("@")[2], ca_bundle, deadline)
        try:
            if server.user is not None and server.password is not None:
                _sign_in(connection, server.user, server.password)
            connection.sendmail(sender, [recipient], message.as_bytes())
        finally:
            connection.close()  # QUIT would be another wait, and the message is accepted or not without it


def _connected(server: MailServer, own_name: str, ca_bundle: Path | None, deadline: float) -> _Bounded:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_bundle is not None:
        context.load_verify_locations(cafile=ca_bundle)
    if server.security is Security.TLS:
        return _BoundedTLS(server, own_name, deadline, context=context)
    connection = _Bounded(server, own_name, deadline)
    if server.security is Security.STARTTLS:
        try:
            connection.ehlo()
            if not connection.has_extn("starttls"):
                raise DeliveryFailed("mail_tls", "the server offers no STARTTLS")
            connection.bound()
            connection.starttls(context=context)
        except BaseException:
            connection.close()
            raise
    return connection


def _sign_in(connection: _Bounded, user: str, password: str) -> None:
    try:
        connection.login(user, password)
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError) as error:
        # Ours to mend, and no fault of the recipient's address: so it is tried again.
        raise DeliveryFailed("mail_login", _numbers_of(error)) from None


@contextmanager
def _faults(deadline: float) -> Iterator[None]:
    """Say the library's errors in our words."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()), (0, b""))
        raise _refused(code, words) from None
    except (smtplib.SMTPConnectError, smtplib.SMTPHeloError) as error:
        raise DeliveryFailed("mail_later", _numbers_of(error)) from None  # it refuses us, and not the recipient's address
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, error.smtp_error) from None
    except TimeoutError:
        raise DeliveryFailed("timeout") from None
    except ssl.SSLError as error:
        reason = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else "the handshake failed"
        raise DeliveryFailed("mail_tls", reason[:120]) from None
    except smtplib.SMTPException as error:
        if time.monotonic() >= deadline:  # which the library tells as a connection that was lost
            raise DeliveryFailed("timeout") from None
        raise DeliveryFailed("mail_broken", type(error).__name__) from None
    except (OSError, ValueError) as error:
        raise DeliveryFailed("unreachable", (getattr(error, "strerror", None) or type(error).__name__)[:120]) from None


def _refused(code: int, words: bytes | str) -> DeliveryFailed:
    """4xx: later; 5xx: never (RFC 5321 4.2.1)."""
    numbers = _with_enhanced(code, words)
    return DeliveryFailed("mail_refused", numbers, again=False) if 500 <= code < 600 else DeliveryFailed("mail_later", numbers)


def _numbers_of(error: Exception) -> str:
    return _with_enhanced(getattr(error, "smtp_code", 0), getattr(error, "smtp_error", b""))


def _with_enhanced(code: int, words: bytes | str) -> str:
    text = words.decode("ascii", "replace") if isinstance(words, bytes) else str(words)
    found = _ENHANCED.match(text)
    return f"{code} {found[0]}" if found else str(code) if code > 0 else ""


class _Bounded(smtplib.SMTP):
    """smtplib's client, each reply of which has to be there at a moment and not after a time."""

    def __init__(self, server: MailServer, own_name: str, deadline: float, **options: Any) -> None:
        self._deadline = deadline
        super().__init__(server.host, server.port, local_hostname=own_name, timeout=self._remaining(), **options)

    def getreply(self) -> tuple[int, bytes]:
        """One reply of the server."""
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_Replies(self))
        return super().getreply()

    def send(self, s: Any) -> None:
        """Send; a socket's time limit is that of all that is sent at once."""
        self.bound()
        super().send(s)

    def bound(self) -> None:
        """What comes next, such as the handshake as a whole, has to be done in the time that is left."""
        if self.sock is not None:
            self.sock.settimeout(self._remaining())

    def receive(self, buffer: Any) -> int:
        """What is there, within the time that is left."""
        if self.sock is None:
            return 0
        self.sock.settimeout(self._remaining())
        return self.sock.recv_into(buffer)

    def _remaining(self) -> float:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class _BoundedTLS(_Bounded, smtplib.SMTP_SSL):
    """The same, encrypted from the first octet on."""


class _Replies(io.RawIOBase):
    def __init__(self, connection: _Bounded) -> None:
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._connection.receive(buffer)
