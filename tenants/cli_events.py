"""Commands for audit events, on the same flows as the API (I2)."""

from __future__ import annotations

import click

from config.database import transaction
from tenants.audit import EventType, record
from tenants.cli_support import ManagementGroup, actor, checked, now, show, the_tenant
from tenants.event_records import EventFilter, page_of_events
from tenants.event_schemas import EventsExportQuery
from tenants.event_views import event_document, event_filter, export_lines

events = ManagementGroup("events", help="What happened at a tenant.")
SLUG = click.argument("slug", metavar="MYDOMAIN")
TYPE = click.option("--type", help="For example sign_in.refused.")
ACTOR = click.option("--actor", help="The whole of it.")
SINCE = click.option("--since", help="2026-11-24T08:00:00Z; the first moment that counts.")
UNTIL = click.option("--until", help="The first moment that does not count any more.")


@events.command("list")
@SLUG
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@TYPE
@ACTOR
@SINCE
@UNTIL
def list_events_command(slug: str, limit: int, **asked: str | None) -> None:
    """List audit events, newest first."""
    show([event_document(event) for event in page_of_events(the_tenant(slug).id, None, limit, _filter(asked))])


@events.command("export")
@SLUG
@click.option("--format", "form", default="jsonl", show_default=True, type=click.Choice(["jsonl", "csv", "sealed"]))
@TYPE
@ACTOR
@SINCE
@UNTIL
def export_events_command(slug: str, form: str, **asked: str | None) -> None:
    """Write audit events to standard output, newest first. `sealed` is JSONL that `vestibule audit verify --file` takes."""
    tenant, filters = the_tenant(slug), _filter(asked)
    with transaction():
        record(tenant.id, EventType.EVENTS_EXPORTED, at=now(), actor=actor(), form=form)
    for text in export_lines(tenant.id, form, filters):
        click.echo(text, nl=False)


def _filter(asked: dict[str, str | None]) -> EventFilter:
    return event_filter(checked(EventsExportQuery, {name: value for name, value in asked.items() if value is not None}))
