"""Refusals of notices, and why a delivery did not arrive."""

from __future__ import annotations

from tenants.errors import ConflictingState, Refusal


class ContactExists(Refusal):
    code, status, sentence = "contact_exists", 409, "This address gets the notices already."


class TooManyContacts(Refusal):
    code, status, sentence = "too_many", 409, "There are as many addresses as there may be. Remove one first."


class TooManyWebhooks(Refusal):
    code, status, sentence = "too_many", 409, "There are as many webhooks as there may be. Remove one first."


class MailNotSetUp(ConflictingState):
    sentence = "This service has no mail server (SMTP_URL), so that no mail can be sent."


class NothingToSend(ConflictingState):
    sentence = "There is nothing left of this delivery that could be sent again."


class DeliveryFailed(Exception):
    """A delivery that did not arrive.

    Args:
        code: a stable word, shown to whoever looks after it.
        detail: a few words without secrets, and without what a stranger's server says.
        again: whether another try may help.
    """

    def __init__(self, code: str, detail: str = "", *, again: bool = True) -> None:
        super().__init__(code)
        self.code, self.detail, self.again = code, detail, again
