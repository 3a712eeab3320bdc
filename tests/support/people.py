"""People in bulk: whole and valid rows, past the flows, for tests and measurements of lists."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from flask import Flask

from config.database import new_id, transaction, write
from config.isolation import every_tenant
from identity.models import EmailAddress, SessionRow, User
from identity.people_keys import keys_of
from tenants.models import IdentityProvider

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
FIRST = ("Ada", "Bjørn", "Chloé", "Dan", "Eve", "Fatima", "Gustav", "Hana", "Ivo", "José")
LAST = ("Lovelace", "Müller", "O'Brien", "Žižek", "Nguyen", "Smith", "García", "Kowalski", "Yılmaz", "Weiß", "Tanaka")
BATCH = 5_000


def fill_people(app: Flask, tenant_id: int, domain: str, count: int, *, sessions: int = 0) -> None:
    """Add so many people to a tenant, a fifth of them never signed in, one of a thousand switched off; and open sessions."""
    with app.app_context(), every_tenant():
        idp_id = _idp_of(tenant_id)
        rows = list(_rows(tenant_id, idp_id, domain, count))
        for start in range(0, count, BATCH):
            part = rows[start : start + BATCH]
            addresses = [{"email": row["email"], "tenant_id": tenant_id, "user_id": row["id"]} for row in part]
            with transaction():
                write(sa.insert(User.__table__), part)
                if start == 0:
                    write(sa.text("ANALYZE users"))  # as autovacuum would: or each foreign key reads half an index
                write(sa.insert(EmailAddress.__table__), addresses)
        for start in range(0, sessions, BATCH):
            with transaction():
                write(sa.insert(SessionRow.__table__), [_session(row, idp_id) for row in rows[start : start + BATCH]])
        with transaction():
            write(sa.text("ANALYZE users"))
        with transaction():
            write(sa.text("ANALYZE session"))


def _idp_of(tenant_id: int) -> str:
    with transaction() as connection:
        found: str = connection.execute(
            sa.select(IdentityProvider.id).where(IdentityProvider.tenant_id == tenant_id)
        ).scalar_one()
        return found


def _rows(tenant_id: int, idp_id: str, domain: str, count: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(count)
    for number in range(count):
        first, last = chance.choice(FIRST), chance.choice(LAST) + chance.choice("abcdefghijklmnopqrstuvwxyz")
        named = {
            "username": f"u{number:06d}",
            "email": f"u{number:06d}@{domain}",
            "first_name": first,
            "last_name": last,
        }
        here = number % 5 > 0
        yield {
            "tenant_id": tenant_id,
            "id": new_id(),
            "idp_id": idp_id if here else None,
            "subject": f"{domain} {number}" if here else None,
            "name_id": f"u{number:06d}" if here else None,
            **named,
            "phone": None,
            "active": number % 1_000 > 0,
            "created_at": NOW,
            "last_login_at": NOW - dt.timedelta(minutes=chance.randrange(500_000)) if here else None,
            **keys_of(named),
        }


def _session(person: dict[str, Any], idp_id: str) -> dict[str, Any]:
    now = dt.datetime.now(dt.UTC)
    return {
        "tenant_id": person["tenant_id"],
        "token_hash": person["id"].replace("-", "") * 2,
        "id": new_id(),
        "user_id": person["id"],
        "idp_id": idp_id,
        "name_id": person["username"],
        "name_id_format": "",
        "session_index": None,
        "authn_context": "",
        "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
        "address": "192.0.2.7",
        "created_at": now,
        "seen_at": now,
        "expires_at": now + dt.timedelta(hours=20),
    }
