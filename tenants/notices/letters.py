"""Letters: mail as plain text and as simple HTML, with headers that nothing can be added to."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from typing import Any

from tenants.notices.signing import message_id

MAX_SUBJECT = 150
MAX_PARAGRAPHS = 20
WIDTH = 76


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says. `link`: an address that stands by itself, with the words of its button."""

    subject: str
    paragraphs: tuple[str, ...]
    link: tuple[str, str] | None = field(default=None, repr=False)

    def to_document(self) -> dict[str, Any]:
        """JSON form, for the outbox; `letter_of` reads it back."""
        link = list(self.link) if self.link else None
        return {"subject": self.subject, "paragraphs": list(self.paragraphs), "link": link}


def letter_of(document: Mapping[str, Any]) -> Letter:
    """The letter of a stored document."""
    link = document["link"]
    return Letter(document["subject"], tuple(document["paragraphs"]), (link[0], link[1]) if link else None)


def message_of(letter: Letter, sender: Address, recipient: str, delivery_id: str, now: dt.datetime) -> EmailMessage:
    """The message. Its Message-ID is the same in every attempt, so that a repetition can be told.

    Names in a subject were typed by tenants: what could end a header or turn its direction is a blank in one line here, and
    the library refuses what would be left.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = one_line(letter.subject)[:MAX_SUBJECT]
    message["Date"] = now
    message["Message-ID"] = f"<{message_id(delivery_id)}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: answering machines keep quiet
    message.set_content(_text_of(letter))
    message.add_alternative(_html_of(letter), subtype="html")
    return message


def one_line(text: str) -> str:
    """A text without line breaks, control characters and marks of direction."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _text_of(letter: Letter) -> str:
    parts = [textwrap.fill(one_line(text), WIDTH, break_long_words=False, break_on_hyphens=False) for text in letter.paragraphs]
    if letter.link:
        parts.append(f"{letter.link[0]}:\n{letter.link[1]}")
    return "\n\n".join(parts) + "\n"


def _html_of(letter: Letter) -> str:
    body = "".join(f"<p>{escape(one_line(text))}</p>" for text in letter.paragraphs)
    if letter.link:
        address = escape(letter.link[1])
        body += f'<p><a href="{address}">{escape(letter.link[0])}</a></p><p>{address}</p>'
    style = "font-family:system-ui,sans-serif;line-height:1.5;max-width:38em"
    return f'<!doctype html><html lang="en"><body style="{style}">{body}</body></html>\n'
