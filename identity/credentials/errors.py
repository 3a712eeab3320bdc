"""Refusals of credentials that are chosen or proved anew."""

from __future__ import annotations

from tenants.errors import Refusal


class PasswordNotAllowed(Refusal):
    """detail: errors, field -> sentences."""

    code, status, sentence = "password_not_allowed", 422, "This password cannot be used."


class SecondFactorInvalid(Refusal):
    """detail: errors, field -> sentences."""

    code, status = "second_factor_invalid", 422
    sentence = "The second factor could not be confirmed. Nothing was changed."
