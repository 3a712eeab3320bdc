"""Commands for files of people, their sessions, and joining them anew; on the same flows as API and console (I2)."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import click

from config.database import transaction
from identity.import_models import APPLYING, WAITING
from identity.import_records import ImportRow, page_of_lines
from identity.import_views import import_document, line_document
from identity.people import change_active, end_every_session, end_one_session, end_persons_sessions
from identity.people_csv import MAX_FILE
from identity.people_import import request_apply, require_import, run_import, start_import
from identity.people_letters import post_of
from identity.people_query import session_page
from identity.people_schemas import Relink
from identity.people_search import PeopleFilter, PeopleOrder, list_people
from identity.people_views import EXPORT_TYPES, export_lines
from identity.relinking import relink_person
from identity.session_records import SessionFilter
from identity.user_agents import device_words
from tenants import wiring
from tenants.audit import EventType, record
from tenants.cli_support import ManagementGroup, actor, checked, now, show, the_tenant
from tenants.organisations.records import organisations_of
from tenants.paging import MAX_LIMIT, is_row_id
from tenants.tenant_records import ManagedTenant

SHOWN_LINES = 100
POLL_SECONDS = 0.3
TENANT = click.option("--tenant", "slug", required=True, metavar="MYDOMAIN")
PERSON = click.argument("id_or_email", metavar="ID-OR-EMAIL")

people = ManagementGroup("people", help="Files of a tenant's people, and what is done for one of them.")
sessions = ManagementGroup("sessions", help="Open sessions.")


@people.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@TENANT
@click.option("--apply", "apply_it", is_flag=True, help="Apply the preview; without it nothing is changed.")
@click.option("--leave-out-refused", is_flag=True, help="Apply although some lines are refused.")
def import_command(file: Path, slug: str, apply_it: bool, leave_out_refused: bool) -> None:
    """Compare a CSV file of people with who is there, show what would be done, and with --apply do it."""
    tenant = the_tenant(slug)
    with file.open("rb") as opened:
        content = opened.read(MAX_FILE + 1)
    with transaction():
        started = start_import(tenant.id, content, file.name, actor=actor(), now=now())
    found = _work(tenant, started)
    if apply_it and found.fingerprint is not None:
        with transaction():
            found = request_apply(
                tenant.id,
                found.id,
                fingerprint=found.fingerprint,
                leave_out_refused=leave_out_refused,
                actor=actor(),
                now=now(),
            )
        found = _work(tenant, found)
    refused = page_of_lines(tenant.id, found.id, "refused", -1, SHOWN_LINES)
    tree = organisations_of(tenant.id)
    show({**import_document(found), "refused": [line_document(line, tree) for line in refused]})


@people.command("export")
@TENANT
@click.option("--form", type=click.Choice(sorted(EXPORT_TYPES)), default="csv", show_default=True)
def export_command(slug: str, form: str) -> None:
    """Write all people to standard output, in the form that `people import` takes."""
    tenant = the_tenant(slug)
    with transaction():
        record(tenant.id, EventType.PEOPLE_EXPORTED, at=now(), actor=actor(), form=form)
    for line in export_lines(tenant.id, form, PeopleFilter(), PeopleOrder()):
        click.echo(line, nl=False)


@people.command("deactivate")
@PERSON
@TENANT
def deactivate_command(id_or_email: str, slug: str) -> None:
    """Switch an account off: its sessions end at once, and no sign-in brings it back."""
    tenant = the_tenant(slug)
    user_id = person_id(tenant, id_or_email)
    with transaction():
        show(asdict(change_active(tenant.id, user_id, False, actor=actor(), now=now())))


@people.command("relink")
@PERSON
@TENANT
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--idp", help="Label of the identity provider that they come from now.")
@click.option("--directory", help="Or label of the directory.")
@click.option("--subject", help="As they are named there.")
@click.option("--next-sign-in", is_flag=True, help="By their next sign-in through that identity provider.")
def relink_command(
    id_or_email: str,
    slug: str,
    reason: str,
    idp: str | None,
    directory: str | None,
    subject: str | None,
    next_sign_in: bool,
) -> None:
    """Let a person's next sign-in join them anew, or say by what they are known. Their sessions end."""
    tenant = the_tenant(slug)
    named = {"identity_provider": idp, "directory": directory, "subject": subject, "next_sign_in": next_sign_in}
    body = checked(Relink, {"reason": reason, **named})
    user_id = person_id(tenant, id_or_email)
    with transaction():
        person = relink_person(
            tenant,
            user_id,
            post_of(wiring.settings(), wiring.keys()),
            why=body["reason"],
            identity_provider=body["identity_provider"],
            directory=body["directory"],
            subject=body["subject"],
            next_sign_in=body["next_sign_in"],
            actor=actor(),
            now=now(),
        )
    show(asdict(person))


@sessions.command("list")
@TENANT
@click.option("--person", "id_or_email", help="Of this person alone.")
def list_sessions_command(slug: str, id_or_email: str | None) -> None:
    """List open sessions, the one that lasts longest first."""
    tenant = the_tenant(slug)
    which = SessionFilter(user_id=person_id(tenant, id_or_email) if id_or_email else None)
    cursor: str | None = None
    while True:
        found, cursor = session_page(tenant, which, now(), cursor, MAX_LIMIT)
        for item in found:
            since = item.created_at.isoformat(timespec="seconds")
            click.echo(f"{item.id}\t{item.email}\t{since}\t{item.address}\t{device_words(item.user_agent, item.client)}")
        if cursor is None:
            return


@sessions.command("end")
@TENANT
@click.option("--id", "session_id", help="This session.")
@click.option("--person", "id_or_email", help="All of this person.")
@click.option("--all", "every_one", is_flag=True, help="All of the tenant.")
def end_sessions_command(slug: str, session_id: str | None, id_or_email: str | None, every_one: bool) -> None:
    """End sessions at once, on every worker."""
    if sum((session_id is not None, id_or_email is not None, every_one)) != 1:
        raise click.UsageError("Say which: --id, --person or --all.")
    tenant = the_tenant(slug)
    if session_id is not None and not is_row_id(session_id):
        raise click.UsageError(f"{session_id!r} is no id of a session. `vestibule sessions list --tenant {slug}` shows them.")
    user_id = person_id(tenant, id_or_email) if id_or_email is not None else ""
    ended = 1
    with transaction():
        if session_id is not None:
            end_one_session(tenant.id, session_id, actor=actor(), now=now())
        elif id_or_email is not None:
            ended = end_persons_sessions(tenant.id, user_id, actor=actor(), now=now())
        else:
            ended = end_every_session(tenant.id, actor=actor(), now=now())
    click.echo(f"{ended} ended")


def person_id(tenant: ManagedTenant, id_or_email: str) -> str:
    """The person whom a command names by id or e-mail address."""
    if is_row_id(id_or_email):
        return id_or_email
    email = id_or_email.strip().lower()
    found = list_people(tenant.id, PeopleFilter(email=email), PeopleOrder(), None, 1) if email.isascii() else []
    if not found:
        raise click.UsageError(
            f"Nobody of {tenant.slug!r} has this e-mail address. `vestibule user list {tenant.slug}` shows them all."
        )
    return found[0].person.id


def _work(tenant: ManagedTenant, item: ImportRow) -> ImportRow:
    """Do what waits for an import here and now; a worker of the service may be faster, and is then waited for."""
    while item.state in (WAITING, APPLYING):
        if not run_import(tenant.id, item.id, now()):
            time.sleep(POLL_SECONDS)
        item = require_import(tenant.id, item.id)
    return item
