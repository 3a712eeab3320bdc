"""A tenant with something of every kind in it, made through the API: what walks across tenants try to reach."""

from __future__ import annotations

import base64
from typing import Any

import sqlalchemy as sa
from cryptography import x509
from lxml import etree

from config.database import new_id, transaction, write
from identity.credentials import factors
from identity.credentials.attempts import count_attempt
from identity.credentials.passkeys import NewPasskey
from identity.credentials.patience import counters_of
from identity.exchanges import hash_of
from identity.local_accounts import account_records, break_glass_records, factor_records, link_records, sign_in_records
from identity.models import User
from identity.people_import import run_due_imports
from identity.placement.records import keep_readings
from tenants.directories.records import find_directory
from tenants.idp_metadata import read_idp_metadata
from tenants.idp_records import change_provider, find_provider
from tenants.metadata_history.taking import take
from tenants.metadata_intake import MetadataSource, ReadMetadata, SourceKind
from tenants.models import IdentityProvider
from tenants.organisations.models import Organisation as OrganisationRow
from tenants.reading_records import add_reading
from tenants.records import find_tenant
from tenants.setup_models import SetupLink
from tests.support.browser import Browser
from tests.support.logout import request_parts, request_xml, signed_query
from tests.support.native import Application
from tests.support.pictures import picture
from tests.support.world import Organisation, World, utc_now

MARK = "mark-of-"
"""Stands, with the tenant's slug behind it, in everything that can be shown of it."""


def mark_of(organisation: Organisation) -> str:
    """The words that no other tenant may ever see."""
    return MARK + organisation.slug


def furnish(world: World, organisation: Organisation) -> dict[str, str]:
    """Leave rows of every kind at a tenant, and give what names one of each in an address."""
    mark, tenant = mark_of(organisation), f"/tenants/{organisation.slug}"
    main = f"{tenant}/identity-providers/main"
    email = f"{mark}@{organisation.domain}"
    attributes = {"mail": [email], "givenName": [mark], "sn": [mark], "uid": [mark]}
    assert world.sign_in(world.browser(organisation), organisation, name_id=mark, attributes=attributes).status_code == 303
    refused = world.sign_in(world.browser(organisation), organisation, attributes={"mail": [f"{mark}@elsewhere.test"]})
    assert refused.status_code == 403
    person = _one(world, f"{tenant}/users", search=mark)
    waiting = _made(world, f"{tenant}/email-domains", {"domain": f"{mark}.example"})
    assert waiting["state"] == "waiting"
    drafted = world.api("PATCH", f"{main}/saml-settings/draft", json={"clock_skew_seconds": 61})
    assert drafted.status_code in (200, 201), drafted.get_data(as_text=True)
    values = {
        "slug": organisation.slug,
        "name": "main",
        "number": "1",
        "logger": "vestibule.identity.saml",
        "domain": organisation.domain,
        "user_id": person["id"],
        "session_id": _one(world, f"{tenant}/users/{person['id']}/sessions")["id"],
        "attempt_id": _one(world, f"{tenant}/attempts")["id"],
        "key_id": _key(world, organisation),
        "grant_id": _made(world, f"{tenant}/console-grants", {"email": email, "role": "viewer"})["id"],
        "rule_id": _made(
            world,
            f"{tenant}/role-rules",
            {"idp": "main", "attribute": f"{mark}-attribute", "value": "no-such-value", "role": "viewer"},
        )["id"],
        "link_id": _link(world, organisation, email),
        "token_id": _made(world, f"{tenant}/tokens", {"role": "viewer", "label": mark, "expires_in": "1h"})["id"],
        "import_id": _import(world, tenant, email),
        "reading_id": _reading(world, organisation),
        "contact_id": _made(world, f"{tenant}/notifications/contacts", {"email": email})["id"],
        "directory": _directory(world, organisation),
        **_webhook(world, f"{tenant}/notifications", f"https://{mark}.example/hook"),
        **_of_service(world),
        "trial_id": _made(world, f"{main}/saml-settings/tests", {})["id"],
    }
    _native_client(world, organisation)
    values |= _local_account(world, organisation, str(person["id"]))
    below = _organisations(world, organisation, str(person["id"]))
    values["organisation_id"] = below
    rule = {"attribute": f"{mark}-attribute", "values": ["no-such-value"], "organisation": below, "role": "viewer"}
    placed = world.api("PUT", f"{main}/placement-rules", json={"rules": [rule]})
    assert placed.status_code == 200, placed.get_data(as_text=True)
    _directory_rule(world, organisation, rule, str(person["id"]))
    _sign_out(world, organisation)
    let_metadata_wait(world, organisation)
    logo = world.api("PUT", f"{tenant}/logo", data=picture(), content_type="image/png")
    assert logo.status_code in (200, 201), logo.get_data(as_text=True)
    return values


def _organisations(world: World, organisation: Organisation, user_id: str) -> str:
    """An organisation below another one, with a person in it and an identity provider whose people come there; its id."""
    mark, above, below = mark_of(organisation), new_id(), new_id()
    with world.app.app_context(), transaction():
        tenant = find_tenant(organisation.slug)
        assert tenant is not None
        shared = {"tenant_id": tenant.id, "name": mark, "name_key": mark, "created_at": utc_now(), "settings": {}}
        write(sa.insert(OrganisationRow).values(id=above, parent_id=None, depth=1, **shared))
        write(sa.insert(OrganisationRow).values(id=below, parent_id=above, depth=2, **shared))
        write(sa.update(User).where(User.tenant_id == tenant.id, User.id == user_id).values(organisation_id=below))
        provider = sa.update(IdentityProvider).where(IdentityProvider.tenant_id == tenant.id)
        write(provider.values(organisation_id=below))
    return below


def _native_client(world: World, organisation: Organisation) -> None:
    """An application on somebody's device, and a code that waits for it."""
    browser, application = world.browser(organisation), Application(client=mark_of(organisation))
    person = f"{mark_of(organisation)}-native"
    who = {"name_id": person, "attributes": {"mail": [f"{person}@{organisation.domain}"]}}
    assert world.sign_in(browser, organisation, **who).status_code == 303
    application.token(browser)
    user_id = browser.get("/session").get_json()["user"]["id"]
    path = f"/tenants/{organisation.slug}/users/{user_id}"
    assert world.api("PATCH", path, json={"active": False}).status_code == 200
    assert world.api("PATCH", path, json={"active": True}).status_code == 200
    assert world.sign_in(browser, organisation, **who).status_code == 303
    application.code(browser)


def _local_account(world: World, organisation: Organisation, user_id: str) -> dict[str, str]:
    """The person's local account, all that can belong to one, and a name for break-glass, used once."""
    mark, now = mark_of(organisation), utc_now()
    with world.app.app_context(), transaction():
        tenant = find_tenant(organisation.slug)
        assert tenant is not None
        account_records.add_account(tenant.id, user_id, created_by=mark, now=now)
        account_records.change_account(tenant.id, user_id, {"password_hash": "none", "password_set_at": now})
        passkey = NewPasskey(f"{mark}-credential", b"key", 0)
        assert factors.add_passkey(factor_records.factors_of(tenant.id, user_id), passkey, mark, now)
        factors.replace_recovery_codes(factor_records.factors_of(tenant.id, user_id), [hash_of(mark)], now)
        sign_in_records.begin(tenant.id, "local", f"/{mark}", now, user_id=user_id)
        sign_in_records.remember_browser(tenant.id, user_id, "", now)
        link_records.add_link(tenant.id, user_id, "reset", now)
        link_records.ask_for_link(tenant.id, mark, now)
        counters = counters_of("password", mark, "192.0.2.1", known_address=False)
        count_attempt(account_records.ledger_of(tenant.id), counters, now)
        break_glass_records.name_admin(tenant.id, user_id, f"{mark} is on call", named_by=mark, now=now)
        use_id = break_glass_records.add_use(tenant.id, user_id, new_id(), f"{mark} needs it", mark, "192.0.2.1", now)
    return {"use_id": use_id}


def _sign_out(world: World, organisation: Organisation) -> None:
    """Somebody signs out here, and somebody at the identity provider."""
    browser = world.browser(organisation)
    hidden = {"encrypt": "aes256-gcm", "encryption_certificate": _certificate(browser)}  # so that a key has been used
    person = f"{mark_of(organisation)}-leaving"
    who = {"name_id": person, "attributes": {"mail": [f"{person}@{organisation.domain}"]}}
    assert world.sign_in(browser, organisation, **who, **hidden).status_code == 303
    assert browser.post("/logout").location.startswith("/saml/logout?")
    leaving = request_xml(request_parts(organisation, name_id=f"{mark_of(organisation)}-gone"))
    assert browser.get("/saml/slo?" + signed_query(leaving, organisation.idp.key)).status_code in (200, 303)


def _certificate(browser: Browser) -> x509.Certificate:
    """What the tenant's metadata tells everybody to encrypt with."""
    metadata = etree.fromstring(browser.get("/saml/metadata").get_data())
    found = metadata.findtext(".//{*}KeyDescriptor[@use='encryption']//{*}X509Certificate") or ""
    return x509.load_der_x509_certificate(base64.b64decode(found))


def _webhook(world: World, path: str, url: str) -> dict[str, str]:
    """A webhook, and a delivery that waits for it."""
    webhook_id = str(_made(world, f"{path}/webhooks", {"url": url})["id"])
    queued = world.api("POST", f"{path}/webhooks/{webhook_id}/test")
    assert queued.status_code == 202, queued.get_data(as_text=True)
    return {"webhook_id": webhook_id, "delivery_id": str(queued.get_json()["delivery"])}


def _directory(world: World, organisation: Organisation) -> str:
    """A directory at an address that nobody may ask."""
    mark = mark_of(organisation)
    body = {"urls": ["ldaps://127.0.0.1:1"], "base_dn": f"dc={mark}", "bind_dn": f"cn={mark}", "password": mark}
    saved = world.api(
        "PUT", f"/tenants/{organisation.slug}/directories/main", json={"display_name": mark, "sync_hours": 6, **body}
    )
    assert saved.status_code in (200, 201), saved.get_data(as_text=True)
    return "main"


def _directory_rule(world: World, organisation: Organisation, rule: dict[str, Any], user_id: str) -> None:
    """A rule of the directory, and what its last sync would have read of somebody."""
    path = f"/tenants/{organisation.slug}/directories/main/placement-rules"
    placed = world.api("PUT", path, json={"rules": [{**rule, "attribute": "ou"}]})
    assert placed.status_code == 200, placed.get_data(as_text=True)
    with world.app.app_context(), transaction():
        tenant = find_tenant(organisation.slug)
        assert tenant is not None
        found = find_directory(tenant.id, "main")
        assert found is not None
        keep_readings(tenant.id, found.id, {user_id: mark_of(organisation)})


def _of_service(world: World) -> dict[str, str]:
    """Staff's own address for notices, webhook and delivery: the same whichever tenant they stand beside."""
    path = "/notifications"
    if not world.api("GET", f"{path}/webhooks").get_json()["items"]:
        _made(world, f"{path}/contacts", {"email": "noc@staff.example"})
        _webhook(world, path, "https://staff.example/hook")
    return {
        "service_contact_id": str(_one(world, f"{path}/contacts")["id"]),
        "service_webhook_id": str(_one(world, f"{path}/webhooks")["id"]),
        "service_delivery_id": str(_one(world, f"{path}/deliveries")["id"]),
    }


def _one(world: World, path: str, **query: str) -> dict[str, Any]:
    answer = world.api("GET", path, query_string=query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    first: dict[str, Any] = answer.get_json()["items"][0]
    return first


def _made(world: World, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = world.api("POST", path, json=body)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def _key(world: World, organisation: Organisation) -> str:
    """The next signing key, which a reader of metadata with the tenant's mark has seen, and no identity provider has used."""
    made = _made(world, f"/tenants/{organisation.slug}/keys", {"use": "signing", "lifetime_days": 400})
    world.browser(organisation).get("/saml/metadata", headers={"User-Agent": mark_of(organisation)})
    return str(made["id"])


def _import(world: World, tenant: str, email: str) -> str:
    """A file of people that waits to be looked at."""
    table = f"email,first_name\n{email},Changed\n".encode()
    answer = world.api("POST", f"{tenant}/people-imports", data=table, content_type="text/csv")
    assert answer.status_code in (201, 202), answer.get_data(as_text=True)
    with world.app.app_context():
        run_due_imports(utc_now())
    return str(answer.get_json()["id"])


def _link(world: World, organisation: Organisation, email: str) -> str:
    """A set-up link of a tenant whose onboarding is over: none is made any more, but those that were stay on record."""
    link_id = new_id()
    with world.app.app_context():
        tenant = find_tenant(organisation.slug)
        assert tenant is not None
        row = {"tenant_id": tenant.id, "id": link_id, "token_hash": new_id(), "email": email, "created_by": "test"}
        with transaction():
            write(sa.insert(SetupLink.__table__).values(row | {"created_at": utc_now(), "expires_at": utc_now()}))
    return link_id


def _reading(world: World, organisation: Organisation) -> str:
    """A federation's list that a worker is to read."""
    with world.app.app_context():
        tenant = find_tenant(organisation.slug)
        assert tenant is not None
        with transaction():
            return add_reading(tenant.id, mark_of(organisation)[:63], {}, actor="test", now=utc_now())


def let_metadata_wait(world: World, organisation: Organisation) -> None:
    """What a fetch found, and what waits for somebody because it leads to another host."""
    with world.app.app_context():
        tenant = find_tenant(organisation.slug)
        provider = find_provider(tenant.id, "main") if tenant else None
        assert provider is not None
        endpoint = ("urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", f"https://{mark_of(organisation)}.test/sso")
        xml = organisation.idp.metadata_xml(sso=[endpoint]).encode()
        found = ReadMetadata(MetadataSource(SourceKind.XML, ""), xml, read_idp_metadata(xml, utc_now()))
        with transaction():
            change_provider(provider.tenant_id, provider.id, take(provider, found, actor="test", now=utc_now()).values)
