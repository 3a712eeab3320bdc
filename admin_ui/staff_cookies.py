"""The cookies of staff on the app host, and what a request brings to its door."""

from __future__ import annotations

import datetime as dt

from flask import request
from werkzeug.wrappers import Response

from admin_ui.console_sessions import STAFF_COOKIE
from admin_ui.sign_in_records import LIFETIME, SIGN_IN_COOKIE
from admin_ui.staff_entry import Door
from identity.browsers import browser_facts
from tenants import web


def door() -> Door:
    """This request's."""
    return Door(
        browser=browser_facts(),
        now=dt.datetime.now(dt.UTC),
        former=staff_token(),
        limited=web.settings().rate_limits,
    )


def staff_token() -> str:
    """What the session cookie holds."""
    return request.cookies.get(STAFF_COOKIE, "")


def sign_in_secret() -> str:
    """What the cookie of a sign-in under way holds."""
    return request.cookies.get(SIGN_IN_COOKIE, "")


def keep_staff_token(response: Response, token: str) -> None:
    """Hand a session to the browser; it ends with the browser, or sooner."""
    _set(response, STAFF_COOKIE, token, None)


def keep_sign_in_secret(response: Response, secret: str) -> None:
    """Hand a sign-in under way to the browser."""
    _set(response, SIGN_IN_COOKIE, secret, int(LIFETIME.total_seconds()))


def forget_staff_token(response: Response) -> None:
    """Take the session's cookie away."""
    response.delete_cookie(STAFF_COOKIE, path="/", secure=True, httponly=True, samesite="Lax")


def forget_sign_in_secret(response: Response) -> None:
    """Take the cookie of a finished sign-in away."""
    response.delete_cookie(SIGN_IN_COOKIE, path="/", secure=True, httponly=True, samesite="Lax")


def _set(response: Response, name: str, value: str, max_age: int | None) -> None:
    """`__Host-`: this host alone, over HTTPS (or a loopback name), so that no sibling subdomain can set or read it."""
    response.set_cookie(name, value, max_age=max_age, path="/", secure=True, httponly=True, samesite="Lax")
