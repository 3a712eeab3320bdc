"""The page on which people see their devices: values in, a response out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from flask import Response

from identity.page_rendering import render_page
from identity.pages import moment_of, name_of
from identity.session_records import OpenSession
from identity.sessions import CurrentSession
from identity.user_agents import device_words
from tenants.records import TenantView


def account_page(
    tenant: TenantView, session: CurrentSession, devices: Sequence[OpenSession], *, now: dt.datetime, ended: int | None = None
) -> Response:
    """Who is signed in, on which devices, and how to end them.

    Args:
        ended: how many were ended just now; None where nobody asked.
    """
    rows = [
        {
            "id": device.id,
            "words": device_words(device.user_agent, device.client),
            "address": device.address,
            "here": device.id == session.id,
            "since": moment_of(device.created_at, now),
            "seen": moment_of(device.seen_at, now),
            "until": moment_of(device.expires_at, now),
        }
        for device in devices
    ]
    values = {"name": name_of(session.person), "email": session.person.email, "devices": rows, "ended": ended}
    return render_page("account.html", tenant, values)
