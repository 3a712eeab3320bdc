"""Refusals of sign-ins by a directory. What a stranger reads never tells who exists."""

from __future__ import annotations

from tenants.errors import Refusal, Retry


class SignInFailed(Refusal):
    """The same for an unknown name, a wrong or empty password, an account that is switched off, and a name of two people."""

    code, status = "sign_in_failed", 403
    heading = "You could not be signed in"
    sentence = "That was not right. Check what you typed and try again."
    retry = Retry("Go to sign-in", "/")
