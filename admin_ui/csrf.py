"""Forms of the console come from its own pages: Flask-WTF's token, judged for every request that may change something."""

from __future__ import annotations

import base64
import datetime as dt

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Flask, request
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf

from admin_ui.errors import FormForged
from config.settings import Settings

STATE_COOKIE = "__Host-vestibule_console"
"""Holds the token's other half and notices for the next page: signed, and about nobody."""
FORM_LIFETIME = dt.timedelta(hours=12)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_csrf = CSRFProtect()


def install_csrf(app: Flask, settings: Settings) -> None:
    """Give the application a signed cookie and the token in it. Only the console judges it; SAML has its own ways."""
    derived = [_derive(key) for key in settings.secret_keys.values()]
    app.config.update(
        SECRET_KEY=derived[0],
        SECRET_KEY_FALLBACKS=derived[1:],
        SESSION_COOKIE_NAME=STATE_COOKIE,
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=int(FORM_LIFETIME.total_seconds()),
    )
    _csrf.init_app(app)


def require_own_form() -> None:
    """Refuse a request that may change something and does not come from a page of ours.

    Another tenant's host is the same *site*, so cookies may come with its forms; its pages cannot read our token.
    """
    if request.method in _SAFE_METHODS:
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise FormForged("a form of another site")
    try:
        _csrf.protect()
    except CSRFError as error:
        raise FormForged(str(error.description)) from None


def form_token() -> str:
    """The token of this browser's forms."""
    token: str = generate_csrf()
    return token


def _derive(key: bytes) -> str:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"vestibule console state").derive(key)
    return base64.urlsafe_b64encode(derived).decode()
