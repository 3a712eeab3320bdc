"""Refusals of the console."""

from __future__ import annotations

from tenants.errors import Refusal


class FormForged(Refusal):
    code, status = "csrf_failed", 400
    heading = "This form cannot be used any more"
    sentence = "The form was too old, or came from another page. Nothing was changed."
    advice = "Go back, load the page again and repeat what you did."


class FormTooLarge(Refusal):
    code, status = "too_large", 413
    heading = "That was too large"
    sentence = "What was sent is larger than this page takes. Nothing was changed."
    advice = "Go back: the page says how large a file may be. Choose a smaller one, or send it in parts."


class ConsoleForbidden(Refusal):
    code, status = "forbidden", 403
    heading = "Your role does not allow this"
    sentence = "You are signed in, but your role in this console does not allow what you asked for. Nothing was changed."
    advice = "Ask an administrator of your organisation to do it, or to give you another role."


class NoConsoleRole(Refusal):
    code, status = "forbidden", 403
    heading = "The console is for administrators"
    sentence = "You are signed in, but you have no role in your organisation's console."
    advice = "If you look after sign-in for your organisation, ask one of its administrators for a role."
