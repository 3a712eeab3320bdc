"""Tenants in bulk: whole and valid rows, with keys from a small stock that are sealed anew for each."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa

from config.database import engine_options, new_id, prepare_engine
from config.isolation import every_tenant
from config.migrate import migrate
from config.sealing import KeyRing
from tenants.idp_metadata import metadata_to_document, read_idp_metadata
from tenants.models import ACTIVE, EmailDomain, IdentityProvider, MyDomain, ServiceProviderKey, Tenant
from tenants.records import key_place
from tenants.saml_settings import SAMLSettings
from tenants.service_provider import NewKeyPair, load_private_key, new_key_pair
from tests.support.idp import ForgingIdP
from tests.support.keys import rsa_key

SECRET_KEYS = {"bench": b"0123456789abcdef0123456789abcdef"}
ORIGIN = "http://{slug}.localhost:8000"
REDIRECT, BOTH_SIGNED, PLAIN = 0, 1, 2
"""Numbers of the tenants with settings of their own; every tenant from PLAIN on has the defaults."""
SETTINGS = {REDIRECT: SAMLSettings(request_binding="redirect"), BOTH_SIGNED: SAMLSettings(want_messages_signed=True)}
BATCH = 1000
SETTLE_SECONDS = 0.3
"""Until PostgreSQL's process for a closed connection has ended: the kernel's account of ended ones is coarse."""


@dataclass(frozen=True)
class KeyStock:
    """Key pairs of service providers and identity providers, handed out in turn."""

    pairs: tuple[NewKeyPair, ...]
    idp_keys: tuple[rsa.RSAPrivateKey, ...]

    @cached_property
    def own_keys(self) -> tuple[rsa.RSAPrivateKey, ...]:
        """The private keys of the pairs."""
        return tuple(load_private_key(pair.private_der) for pair in self.pairs)


def make_keys(count: int, now: dt.datetime) -> KeyStock:
    """So many pairs for service providers, and as many keys for identity providers."""
    return KeyStock(
        pairs=tuple(new_key_pair(f"bench {number}", now, "signing") for number in range(count)),
        idp_keys=tuple(rsa_key(f"bench idp {number}") for number in range(count)),
    )


def slug_of(number: int) -> str:
    """The MyDomain of the tenant with that number."""
    return f"t{number:05d}"


@dataclass(frozen=True)
class Tenancy:
    """One tenant as those around it see it: its host, its identity provider, the key that it is written to."""

    number: int
    keys: KeyStock

    @property
    def slug(self) -> str:
        """Its MyDomain."""
        return slug_of(self.number)

    @property
    def host(self) -> str:
        """What its people's browsers send as Host."""
        return f"{self.slug}.localhost:8000"

    @property
    def origin(self) -> str:
        """Where its people go."""
        return ORIGIN.format(slug=self.slug)

    @property
    def domain(self) -> str:
        """Its e-mail domain."""
        return f"{self.slug}.test"

    @property
    def pair(self) -> NewKeyPair:
        """Its own key pair, for both uses."""
        return self.keys.pairs[self.number % len(self.keys.pairs)]

    @property
    def own_key(self) -> rsa.RSAPrivateKey:
        """The private half of it."""
        return self.keys.own_keys[self.number % len(self.keys.pairs)]

    @property
    def idp(self) -> ForgingIdP:
        """Its identity provider: an entity of its own, with a key of the stock."""
        name = f"https://idp-{self.slug}.test"
        key = self.keys.idp_keys[self.number % len(self.keys.idp_keys)]
        return ForgingIdP(f"{name}/metadata", key, sso_url=f"{name}/sso", slo_url=f"{name}/slo")


def fill(url: str, count: int, keys: KeyStock, now: dt.datetime) -> tuple[Tenancy, ...]:
    """Migrate an empty database and put so many tenants into it, each with an identity provider, keys and a proven domain."""
    migrate(url)
    tenancies = tuple(Tenancy(number, keys) for number in range(count))
    engine = sa.create_engine(url, **engine_options(url))
    prepare_engine(engine)
    ring, documents = KeyRing(SECRET_KEYS), _metadata_documents(keys, now)
    with every_tenant():
        for start in range(0, count, BATCH):
            with engine.execution_options(writing=True).begin() as connection:
                _insert(connection, tenancies[start : start + BATCH], ring, documents, now)
    engine.dispose()
    tidy(url)
    return tenancies


def tidy(url: str) -> None:
    """What autovacuum does in production, and must do: a plan that was made while a table was empty scans it when it is not.

    The throw-away cluster has autovacuum switched off, so that it does not fall into one round or another.
    """
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            connection.execute(sa.text(f'ALTER DATABASE "{engine.url.database}" SET synchronous_commit = on'))
            connection.execute(sa.text("VACUUM ANALYZE"))
    engine.dispose()
    time.sleep(SETTLE_SECONDS)


def _insert(
    connection: sa.Connection, tenancies: tuple[Tenancy, ...], ring: KeyRing, documents: list[dict[str, Any]], now: dt.datetime
) -> None:
    tables: dict[Any, Any] = {
        Tenant: (_tenant_row(one, now) for one in tenancies),
        MyDomain: ({"slug": one.slug, "tenant_id": one.number + 1} for one in tenancies),
        EmailDomain: (_domain_row(one, now) for one in tenancies),
        IdentityProvider: (_provider_row(one, documents, now) for one in tenancies),
        ServiceProviderKey: (row for one in tenancies for row in _key_rows(one, ring, now)),
    }
    for model, rows in tables.items():
        connection.execute(sa.insert(model.__table__), list(rows))


def _tenant_row(one: Tenancy, now: dt.datetime) -> dict[str, Any]:
    name = f"Organisation {one.number}"
    return {"id": one.number + 1, "slug": one.slug, "name": name, "state": ACTIVE, "origin": one.origin, "created_at": now}


def _domain_row(one: Tenancy, now: dt.datetime) -> dict[str, Any]:
    return {"domain": one.domain, "tenant_id": one.number + 1, "proof": "attested", "proven_at": now, "created_at": now}


def _provider_row(one: Tenancy, documents: list[dict[str, Any]], now: dt.datetime) -> dict[str, Any]:
    """Metadata as it was read once for each key; names and addresses are put in."""
    document, idp = documents[one.number % len(documents)], one.idp
    places = {"sso": idp.sso_url, "slo": idp.slo_url}
    moved = {kind: [endpoint | {"location": place} for endpoint in document[kind]] for kind, place in places.items()}
    return {
        "tenant_id": one.number + 1,
        "name": "main",
        "display_name": "Company login",
        "entity_id": idp.entity_id,
        "metadata": document | moved | {"entity_id": idp.entity_id},
        "settings": SETTINGS.get(one.number, SAMLSettings()).to_document(),
        "created_at": now,
    }


def _key_rows(one: Tenancy, ring: KeyRing, now: dt.datetime) -> Iterator[dict[str, Any]]:
    for use in ("signing", "encryption"):
        key_id = new_id()
        yield {
            "tenant_id": one.number + 1,
            "id": key_id,
            "use": use,
            "certificate": one.pair.certificate_pem,
            "ends_at": one.pair.ends_at,
            "sealed_private_key": ring.seal(one.pair.private_der, key_place(one.number + 1, key_id)),
            "created_at": now,
        }


def _metadata_documents(keys: KeyStock, now: dt.datetime) -> list[dict[str, Any]]:
    """One document for each key: reading 10,000 would take longer than everything else here."""
    idps = (ForgingIdP("https://idp.bench.test/metadata", key) for key in keys.idp_keys)
    return [metadata_to_document(replace(read_idp_metadata(idp.metadata_xml(), now), warnings=())) for idp in idps]
