"""Commands for a tenant's own keys and for the keys that seal them, on the same flows as the API (I2, K1, K2)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Literal, TextIO

import click

from config.database import transaction
from config.resealing import reseal, sealed_by
from config.sealing import KeyRing
from tenants.cli_support import ManagementGroup, actor, now, show, the_tenant
from tenants.key_views import key_document, reader_document
from tenants.paging import is_row_id
from tenants.rollover.errors import NothingToGoBackTo, NotNext
from tenants.rollover.making import MAX_LIFETIME_DAYS, MIN_LIFETIME_DAYS, draft_key, require_turn
from tenants.rollover.pem import MAX_PEM, is_encrypted, read_key_pair
from tenants.rollover.reader_records import readers_of
from tenants.rollover.records import NEXT, OwnKey, keys_of
from tenants.rollover.stages import (
    DEFAULT_GRACE_DAYS,
    MAX_GRACE_DAYS,
    add_next_key,
    promote,
    require_key,
    retire,
    roll_back,
)
from tenants.rollover.timeline import rollovers_of, standing_of
from tenants.service_provider import ALLOWED_RSA_BITS, RSA_BITS
from tenants.staff_audit import StaffEventType, record_staff
from tenants.tenant_records import ManagedTenant
from tenants.wiring import keys

keys_commands = ManagementGroup("keys", help="A tenant's own keys, and the keys that secrets are sealed with.")
SLUG = click.argument("slug", metavar="MYDOMAIN")
USE = click.argument("use", metavar="signing|encryption", type=click.Choice(["signing", "encryption"]))
KEY = click.argument("key_id", metavar="KEY")
ANYWAY = click.option("--anyway", is_flag=True, help="Although it is warned of.")
Use = Literal["signing", "encryption"]


@keys_commands.command("list")
@SLUG
def list_command(slug: str) -> None:
    """List a tenant's own keys, and say what to do next."""
    for rollover in rollovers_of(the_tenant(slug).id, now()):
        click.echo(f"{rollover.use}: {rollover.advice}")
        for warning in rollover.warnings:
            click.echo(f"  ! {warning}")
        for one in rollover.standings:
            users = f"  used by {', '.join(one.still_used_by)}" if one.still_used_by else ""
            state = "erased" if one.key.is_erased else one.key.state
            seen = f"seen by {one.seen_by}"
            if one.key.state == NEXT:  # of others it says nothing: they were in the metadata that the readers came for
                seen += f", {one.seen_by_familiar} of them from before"
            click.echo(f"  {one.key.id}  {state:<8}  ends {one.key.ends_at:%Y-%m-%d}  {seen}{users}")


@keys_commands.command("next")
@SLUG
@USE
@click.option(
    "--lifetime-days",
    type=click.IntRange(MIN_LIFETIME_DAYS, MAX_LIFETIME_DAYS),
    default=MAX_LIFETIME_DAYS,
    show_default=True,
    help="Of its certificate.",
)
@click.option("--bits", type=click.Choice([str(bits) for bits in ALLOWED_RSA_BITS]), default=str(RSA_BITS), show_default=True)
def next_command(slug: str, use: Use, lifetime_days: int, bits: str) -> None:
    """Make the next key. It is published at once, and changes nothing else."""
    tenant = the_tenant(slug)
    pair = draft_key(tenant, use, now(), lifetime_days=lifetime_days, bits=int(bits))
    with transaction():
        made = add_next_key(tenant, use, pair, keys(), actor=actor(), now=now())
    _show(tenant, made)


@keys_commands.command("import")
@SLUG
@USE
@click.option("--key-file", required=True, type=click.File("r"), help="PEM; `-` reads standard input.")
@click.option("--certificate-file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM.")
def import_command(slug: str, use: Use, key_file: TextIO, certificate_file: Path) -> None:
    """Bring the next key along. Where it is encrypted, the passphrase is asked for, and never an argument."""
    tenant = the_tenant(slug)
    require_turn(tenant.id, use, now())
    private_key = key_file.read(MAX_PEM + 1)
    with certificate_file.open("rb") as file:
        certificate = file.read(MAX_PEM + 1).decode("ascii", "replace")
    passphrase = click.prompt("Passphrase", hide_input=True, err=True) if is_encrypted(private_key) else None
    pair = read_key_pair(use, private_key, certificate, passphrase, now())
    with transaction():
        made = add_next_key(tenant, use, pair, keys(), actor=actor(), now=now())
    _show(tenant, made)


@keys_commands.command("promote")
@SLUG
@USE
@click.option(
    "--grace-days",
    type=click.IntRange(0, MAX_GRACE_DAYS),
    default=DEFAULT_GRACE_DAYS,
    show_default=True,
    help="How long the present key goes on; 0 ends it now.",
)
@ANYWAY
def promote_command(slug: str, use: Use, grace_days: int, anyway: bool) -> None:
    """Let the next key take the active one's place."""
    tenant = the_tenant(slug)
    key = next((key for key in keys_of(tenant.id) if (key.use, key.state) == (use, NEXT)), None)
    if key is None:
        raise NotNext(f"there is no next {use} key; `vestibule keys next` makes one")
    with transaction():
        changed = promote(tenant, key.id, grace_days=grace_days, anyway=anyway, actor=actor(), now=now())
    _show(tenant, changed)


@keys_commands.command("retire")
@SLUG
@KEY
@ANYWAY
@click.option("--erase", is_flag=True, help="Erase the private half at once, not 7 days later.")
def retire_command(slug: str, key_id: str, anyway: bool, erase: bool) -> None:
    """End a retiring key, or discard the next one."""
    tenant = the_tenant(slug)
    with transaction():
        changed = retire(tenant, _row_id(key_id), anyway=anyway, erase=erase, actor=actor(), now=now())
    _show(tenant, changed)


@keys_commands.command("roll-back")
@SLUG
@USE
def roll_back_command(slug: str, use: Use) -> None:
    """Go back to the key that was active before."""
    tenant = the_tenant(slug)
    before = [key for key in keys_of(tenant.id) if key.use == use and key.replaced_at is not None]
    if not before:
        raise NothingToGoBackTo(f"no {use} key was replaced")
    latest = max(before, key=lambda key: key.replaced_at or dt.datetime.min.replace(tzinfo=dt.UTC))
    with transaction():
        changed = roll_back(tenant, latest.id, actor=actor(), now=now())
    _show(tenant, changed)


@keys_commands.command("show")
@SLUG
@KEY
def show_command(slug: str, key_id: str) -> None:
    """Show one key with its certificate; the private half is never shown."""
    tenant = the_tenant(slug)
    _show(tenant, require_key(tenant.id, _row_id(key_id)))


@keys_commands.command("readers")
@SLUG
def readers_command(slug: str) -> None:
    """List who has fetched the tenant's metadata, and which keys they saw."""
    show([reader_document(reader) for reader in readers_of(the_tenant(slug).id)])


@keys_commands.command("reseal")
@click.option("--check", is_flag=True, help="Only say which of SECRET_KEYS are in use.")
def reseal_command(check: bool) -> None:
    """Seal every secret in the database anew, with the first of SECRET_KEYS. The service may run meanwhile."""
    ring = keys()
    if not check:
        _reseal(ring)
    counts = sealed_by(ring)
    for name in ring.names:
        active = ", the active one" if name == ring.names[0] else ""
        advice = "" if counts.known[name] or active else ": it may be dropped from SECRET_KEYS"
        click.echo(f"{name}{active}: {counts.known[name]} in use{advice}")
    if counts.unknown:
        raise click.ClickException(f"{counts.unknown} are sealed with keys that SECRET_KEYS does not have.")


def _reseal(ring: KeyRing) -> None:
    """On record even where it is broken off: what was sealed anew until then has other octets than in yesterday's backup."""
    totals: dict[str, Any] = {"resealed": 0, "overtaken": 0, "broken": 0}
    try:
        for done in reseal(ring):
            other = f"{done.overtaken} changed meanwhile, {done.broken} do not open"
            click.echo(f"{done.column}: {done.resealed} sealed anew, {other}")
            totals = {name: count + getattr(done, name) for name, count in totals.items()}
    finally:
        with transaction():
            record_staff(StaffEventType.SECRETS_RESEALED, at=now(), actor=actor(), key=ring.names[0], **totals)


def _show(tenant: ManagedTenant, key: OwnKey) -> None:
    show(key_document(standing_of(tenant.id, key, now())))


def _row_id(text: str) -> str:
    if not is_row_id(text):
        raise NothingToGoBackTo("that is no key's id; `vestibule keys list` shows them")
    return text
