"""Records of exchanges: requests that wait for their answer, and assertions that were used."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import read
from config.statements import Prepared
from identity.assertion import Assertion, Exchange
from identity.models import ExchangeRow, UsedAssertion

EXCHANGE_LIFETIME = dt.timedelta(minutes=10)
"""How long a person may take at the identity provider; the browser's login cookie lives as long."""

_INSERT = Prepared(
    {  # a row that comes twice is one row: `write_alone` may send it again
        "postgresql": postgresql.insert(ExchangeRow.__table__).on_conflict_do_nothing(),
        "sqlite": sqlite.insert(ExchangeRow.__table__).on_conflict_do_nothing(),
    }
)
_COLUMNS = (
    ExchangeRow.request_id,
    ExchangeRow.tenant_id,
    ExchangeRow.idp_id,
    ExchangeRow.browser_hash,
    ExchangeRow.relay_state_hash,
    ExchangeRow.target,
    ExchangeRow.authn_context_classes,
    ExchangeRow.solicited,
    ExchangeRow.trial_id,
    ExchangeRow.fresh,
    ExchangeRow.created_at,
)
_UNEXPIRED = (ExchangeRow.tenant_id == sa.bindparam("tenant_id"), ExchangeRow.expires_at > sa.bindparam("now"))
_FIND_BY_REQUEST = Prepared(
    sa.select(*_COLUMNS).where(
        *_UNEXPIRED, ExchangeRow.request_id == sa.bindparam("request_id"), ExchangeRow.solicited.is_(True)
    )
)
_FIND_BY_RELAY_STATE = Prepared(
    sa.select(*_COLUMNS).where(
        *_UNEXPIRED, ExchangeRow.relay_state_hash == sa.bindparam("relay_state_hash"), ExchangeRow.solicited.is_(False)
    )
)
_WAITS = sa.select(ExchangeRow.request_id).where(
    ExchangeRow.tenant_id == sa.bindparam("of_tenant"),
    ExchangeRow.request_id == sa.bindparam("of_request"),
    ExchangeRow.used_at.is_(None),
)
_CLOSE = Prepared(
    sa.update(ExchangeRow)
    .where(
        ExchangeRow.tenant_id == sa.bindparam("of_tenant"),
        ExchangeRow.request_id == sa.bindparam("of_request"),
        ExchangeRow.used_at.is_(None),
    )
    .values(used_at=sa.bindparam("now"))
)
_USE = Prepared(
    {
        "postgresql": postgresql.insert(UsedAssertion.__table__).on_conflict_do_nothing(),
        "sqlite": sqlite.insert(UsedAssertion.__table__).on_conflict_do_nothing(),
    }
)


def hash_of(secret: str) -> str:
    """SHA-256 in hex: what is kept of a secret that only its owner holds."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add_exchange(exchange: Exchange, *, now: dt.datetime) -> None:
    """Remember a request that is about to be sent, in the transaction that is open."""
    _INSERT.write(_row_of(exchange, now))


def add_exchange_alone(exchange: Exchange, *, now: dt.datetime) -> None:
    """The same where nothing else is written: a transaction of its own."""
    _INSERT.write_alone(_row_of(exchange, now))


def _row_of(exchange: Exchange, now: dt.datetime) -> dict[str, Any]:
    return {
        "tenant_id": exchange.tenant_id,
        "request_id": exchange.request_id,
        "idp_id": exchange.idp_id,
        "browser_hash": exchange.browser_hash,
        "relay_state_hash": exchange.relay_state_hash,
        "target": exchange.target,
        "authn_context_classes": exchange.authn_context_classes,
        "solicited": exchange.solicited,
        "created_at": now,
        "expires_at": now + EXCHANGE_LIFETIME,
        "used_at": None,
        "trial_id": exchange.trial_id,
        "fresh": exchange.fresh,
    }


def find_exchange(tenant_id: int, request_id: str, now: dt.datetime) -> Exchange | None:
    """The pending or used exchange of this tenant that a response claims to answer."""
    return _exchange_of(_FIND_BY_REQUEST.one_or_none({"tenant_id": tenant_id, "request_id": request_id, "now": now}))


def find_exchange_by_relay_state(tenant_id: int, relay_state: str, now: dt.datetime) -> Exchange | None:
    """The exchange that a RelayState token stands for where the identity provider starts sign-ins by itself (Q7)."""
    key = hash_of(relay_state)
    return _exchange_of(_FIND_BY_RELAY_STATE.one_or_none({"tenant_id": tenant_id, "relay_state_hash": key, "now": now}))


def _exchange_of(row: Any) -> Exchange | None:
    if row is None:
        return None
    return Exchange(**row._asdict() | {"authn_context_classes": tuple(row.authn_context_classes)})


def is_unanswered(exchange: Exchange) -> bool:
    """Whether a request waits for its answer still."""
    parameters = {"of_tenant": exchange.tenant_id, "of_request": exchange.request_id}
    return read(_WAITS, parameters).first() is not None


def use_exchange(exchange: Exchange, now: dt.datetime) -> bool:
    """Close the exchange; False where another answer did so before."""
    parameters = {"of_tenant": exchange.tenant_id, "of_request": exchange.request_id, "now": now}
    return _CLOSE.write(parameters) == 1


def use_assertion(tenant_id: int, idp_id: str, assertion: Assertion) -> bool:
    """Note that the assertion signed somebody in; False where it did so before, on any worker (V11)."""
    parameters = {
        "tenant_id": tenant_id,
        "idp_id": idp_id,
        "assertion_hash": hash_of(assertion.id),
        "expires_at": assertion.not_on_or_after,
    }
    return _USE.write(parameters) == 1
