"""The door to the mail server: encrypted or not at all, in time, and each fault under its own code."""

from __future__ import annotations

import datetime as dt
import time
from email.headerregistry import Address
from pathlib import Path

import pytest

from config.mail_server import Security, mail_server_of, sender_of
from tenants.notices.errors import DeliveryFailed
from tenants.notices.letters import Letter, message_of
from tenants.notices.mail_door import send_mail
from tests.support.authority import Authority, make_authority
from tests.support.mail_server import MailServer, mail_server

NOW = dt.datetime(2026, 11, 29, 12, 0, tzinfo=dt.UTC)
SENDER = Address("Vestibule", addr_spec="no-reply@vestibule.test")
ID = "01999999-9999-7999-8999-999999999999"
LETTER = Letter("A subject", ("First – with a dash.", "Second."), ("See it", "https://console.test/x?a=1&b=2"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that nobody trusts by default."""
    return make_authority(tmp_path_factory.mktemp("mail"))


def send(server: MailServer, bundle: Path | None = None, *, seconds: float = 5, **url: str) -> None:
    """One mail, as the job sends it."""
    message = message_of(LETTER, SENDER, "ada@acme.test", ID, NOW)
    send_mail(
        message,
        mail_server_of(server.url(**url)),
        sender=SENDER.addr_spec,
        recipient="ada@acme.test",
        ca_bundle=bundle,
        seconds=seconds,
    )


def failure_of(server: MailServer, bundle: Path | None = None, *, seconds: float = 5, **url: str) -> DeliveryFailed:
    """How it failed."""
    with pytest.raises(DeliveryFailed) as caught:
        send(server, bundle, seconds=seconds, **url)
    return caught.value


def test_a_mail_arrives_whole_over_starttls_and_a_sign_in(authority: Authority) -> None:
    """Encrypted before the password is said; headers, text and HTML as they were meant; the id is the delivery's."""
    with mail_server(authority.context_for("127.0.0.1")) as server:
        server.user, server.password = "vestibule", "p@ss word"
        send(server, authority.bundle, login="vestibule:p%40ss%20word@", options="?tls=required")
    (mail,) = server.received
    assert (mail.sender, mail.recipient, mail.encrypted, mail.user) == (SENDER.addr_spec, "ada@acme.test", True, "vestibule")
    assert mail.message["Message-ID"] == "<msg_01999999999979998999999999999999@vestibule.test>"
    assert (mail.message["Subject"], mail.message["Auto-Submitted"]) == ("A subject", "auto-generated")
    assert mail.text == "First – with a dash.\n\nSecond.\n\nSee it:\nhttps://console.test/x?a=1&b=2\n"
    html = mail.message.get_body(("html",))
    assert html is not None
    assert 'href="https://console.test/x?a=1&amp;b=2"' in html.get_content()
    assert [line.partition(" ")[0].upper() for line in server.commands[:4]] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


def test_tls_from_the_first_octet(authority: Authority) -> None:
    """smtps."""
    with mail_server(authority.context_for("127.0.0.1"), encrypted=True) as server:
        send(server, authority.bundle, scheme="smtps")
    assert [mail.encrypted for mail in server.received] == [True]


def test_without_encryption_nothing_is_sent_but_to_this_machine(authority: Authority) -> None:
    """A server that offers no STARTTLS, or one that anybody could be, gets no mail; the loopback may, unasked."""
    with mail_server(authority.context_for("127.0.0.1")) as server:
        server.offers_starttls = False
        assert failure_of(server, authority.bundle, options="?tls=required").code == "mail_tls"
        assert not [line for line in server.commands if not line.startswith("ehlo")]
        server.offers_starttls = True
        for bundle, names in ((None, "127.0.0.1"), (authority.bundle, "mail.elsewhere.test")):
            with mail_server(authority.context_for(names)) as other:
                failure = failure_of(other, bundle, options="?tls=required")
                assert (failure.code, failure.again) == ("mail_tls", True)
                assert not other.received
        send(server)
        assert [mail.encrypted for mail in server.received] == [False]


@pytest.mark.parametrize(
    ("word", "reply", "code", "again", "detail"),
    [
        ("CONNECT", "421 busy", "mail_later", True, "421"),
        ("CONNECT", "554 go away", "mail_later", True, "554"),
        ("MAIL", "451 4.3.0 try later", "mail_later", True, "451 4.3.0"),
        ("RCPT", "450 4.2.1 <secret words>", "mail_later", True, "450 4.2.1"),
        ("RCPT", "550 5.1.1 <secret words>", "mail_refused", False, "550 5.1.1"),
        ("DATA", "452 4.3.1 full", "mail_later", True, "452 4.3.1"),
        ("END", "554 5.7.1 spam", "mail_refused", False, "554 5.7.1"),
        ("DATA", "nonsense", "mail_later", True, ""),
    ],
)
def test_a_refusal_is_for_now_or_for_ever(word: str, reply: str, code: str, again: bool, detail: str) -> None:
    """4xx is tried again and 5xx given up; the server's own words are not kept."""
    with mail_server() as server:
        server.replies[word] = reply
        failure = failure_of(server)
        assert (failure.code, failure.again) == (code, again)
        assert failure.detail == detail or not detail
        assert not server.received


def test_a_wrong_password_is_ours_to_mend() -> None:
    """It is tried again, since no recipient's address is at fault."""
    with mail_server() as server:
        server.user, server.password = "vestibule", "right"
        failure = failure_of(server, login="vestibule:wrong@")
        assert (failure.code, failure.detail, failure.again) == ("mail_login", "535 5.7.8", True)


def test_nobody_listens_and_nobody_ends() -> None:
    """A closed port is told at once; a server that sends an octet now and then holds us no longer than a silent one."""
    with mail_server() as server:
        server.drips = True
        begun = time.monotonic()
        assert failure_of(server, seconds=0.4).code == "timeout"
        assert time.monotonic() - begun < 8
        closed = MailServer(port=server.port)
    assert failure_of(closed).code == "unreachable"


@pytest.mark.parametrize(
    "name",
    ["Acme\r\nBcc: eve@evil.test", "Acme\nX-Evil: 1", "Acme\x00\x0b\x85\u2028Bcc: eve@evil.test", "\u202eemcA", "a" * 500],
)
def test_a_name_adds_no_header(name: str) -> None:
    """What tenants call themselves stands in one bounded line, and nowhere else."""
    letter = Letter(f"{name}: ends", (f"{name} ends.",))
    octets = message_of(letter, SENDER, "ada@acme.test", ID, NOW).as_bytes()
    head = octets.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")]
    assert sorted(names) == sorted(
        [b"From", b"To", b"Subject", b"Date", b"Message-ID", b"Auto-Submitted", b"MIME-Version", b"Content-Type"]
    )
    assert b"\xe2\x80\xae" not in octets


@pytest.mark.parametrize(
    ("url", "security", "port"),
    [
        ("smtp://mail.example.com", Security.STARTTLS, 587),
        ("smtp://user:p%40ss@mail.example.com:2525", Security.STARTTLS, 2525),
        ("smtps://mail.example.com/", Security.TLS, 465),
        ("smtp://127.0.0.1:25", Security.OFF, 25),
        ("smtp://[::1]", Security.OFF, 587),
        ("smtp://localhost?tls=required", Security.STARTTLS, 587),
        ("smtp://mail.example.com?tls=off", Security.OFF, 587),
    ],
)
def test_how_mail_is_kept_from_others(url: str, security: Security, port: int) -> None:
    """STARTTLS is required unless it is this machine, or the operator has written otherwise."""
    server = mail_server_of(url)
    assert (server.security, server.port) == (security, port)
    assert "p@ss" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        *("http://mail.example.com", "mail.example.com:25", "smtp://", "smtp://host:0", "smtp://host:x", "smtp://host/path"),
        *("smtp://host?tls=maybe", "smtp://host?x=1", "smtps://host?tls=off", "smtp://user@host", "smtp://ho\r\nst"),
        *("smtp://user:secret@mail.example.com?tls=off", "smtp://h\u00f6st", "smtp://host#f"),
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    """The service does not start, and says why without the password."""
    with pytest.raises(ValueError, match="SMTP_URL") as caught:
        mail_server_of(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "x", "a@b@c", "<a@b.test", "Name a@b.test", "A <a@b.test>\r\nBcc: x@y.z", "a b@c.test"]
)
def test_a_sender_that_is_none(text: str) -> None:
    """Nobody's mail begins with that."""
    with pytest.raises(ValueError, match="MAIL_FROM"):
        sender_of(text)


def test_senders() -> None:
    """With and without a name."""
    assert str(sender_of("no-reply@example.com")) == "no-reply@example.com"
    assert str(sender_of("Vestibule <no-reply@example.com>")) == "Vestibule <no-reply@example.com>"
