"""Commands for attempts to sign in, and for responses in files, on the same flows as the API (I2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TextIO

import click

from config.database import transaction
from identity.attempt_records import AttemptFilter, page_of_attempts
from identity.attempt_schemas import AttemptsQuery
from identity.attempt_views import attempt_filter, explained_document, export_lines, verdict_document
from identity.diagnosis import diagnose, explain_attempt
from identity.pasted import MAX_PASTED_CHARACTERS
from tenants import web
from tenants.audit import EventType, record
from tenants.cli_support import ManagementGroup, actor, checked, now, show, the_tenant
from tenants.errors import NotFound
from tenants.records import find_tenant

attempts = ManagementGroup("attempts", help="Attempts to sign in, with their receipts.")
SLUG = click.argument("slug", metavar="MYDOMAIN")


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    """The filters of the list, for a command."""
    for option in reversed(
        (
            click.option("--code", help="Code of the refusal."),
            click.option("--result", type=click.Choice(["accepted", "refused"])),
            click.option("--email", help="Of the person."),
            click.option("--reference", help="As the page showed it."),
            click.option("--test/--no-test", default=None, help="Tests of settings alone, or none of them."),
            click.option("--since", help="2026-11-24T08:00:00Z; the first moment that counts."),
            click.option("--until", help="The first moment that does not count any more."),
        )
    ):
        command = option(command)
    return command


@attempts.command("list")
@SLUG
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@_filtered
def list_attempts_command(slug: str, limit: int, **asked: Any) -> None:
    """List attempts, newest first."""
    tenant = the_tenant(slug)
    for attempt in page_of_attempts(tenant.id, None, limit, _filter(tenant.id, asked)):
        at = attempt.at.isoformat(timespec="seconds")
        outcome = ("test: " if attempt.test else "") + (attempt.code or "accepted")
        way = attempt.idp or (f"{attempt.way} {attempt.directory}" if attempt.directory else attempt.way)
        click.echo(f"{attempt.id}\t{at}\t{attempt.reference}\t{outcome}\t{way}")


@attempts.command("export")
@SLUG
@click.option("--format", "form", default="jsonl", show_default=True, type=click.Choice(["jsonl", "csv"]))
@_filtered
def export_attempts_command(slug: str, form: str, **asked: Any) -> None:
    """Write attempts to standard output, newest first, without their receipts."""
    tenant = the_tenant(slug)
    filters = _filter(tenant.id, asked)
    with transaction():
        record(tenant.id, EventType.ATTEMPTS_EXPORTED, at=now(), actor=actor(), form=form)
    for text in export_lines(tenant.id, form, filters):
        click.echo(text, nl=False)


@attempts.command("show")
@SLUG
@click.argument("attempt_id", metavar="ID")
def show_attempt_command(slug: str, attempt_id: str) -> None:
    """Show one attempt with its receipt, and what to do about it."""
    tenant = the_tenant(slug)
    try:
        explained = explain_attempt(tenant.id, attempt_id)
    except NotFound:
        raise click.UsageError(f"There is no attempt of this id. `vestibule attempts list {slug}` shows them.") from None
    show(explained_document(explained))


@attempts.command("diagnose")
@SLUG
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"))
@click.option("--at", "moment", help="Judge as of this moment, 2026-11-24T08:00:00Z; now unless told.")
def diagnose_command(slug: str, file: TextIO, moment: str | None) -> None:
    """Judge a response in a file (`-` for standard input) as the ACS would, without effect."""
    view = find_tenant(the_tenant(slug).slug)
    at: dt.datetime | None = checked(AttemptsQuery, {"since": moment})["since"] if moment else None
    if view is None:
        raise click.UsageError("The tenant was deleted meanwhile.")
    pasted = file.read(MAX_PASTED_CHARACTERS + 1)
    show(verdict_document(diagnose(view, web.trusts().trust_of(view), pasted, at or now())))


def _filter(tenant_id: int, asked: dict[str, Any]) -> AttemptFilter:
    test = asked.pop("test")
    query = {name: value for name, value in asked.items() if value is not None}
    if test is not None:
        query["test"] = "true" if test else "false"
    return attempt_filter(tenant_id, checked(AttemptsQuery, query))
