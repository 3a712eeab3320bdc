"""The `vestibule` command: what an operator does from a shell, on the same functions as API and service."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from typing import Any

import click
import sqlalchemy as sa
from flask import Flask
from flask.cli import ScriptInfo

from admin_ui.audit_chains import renew_signatures, seal_events
from admin_ui.log_levels.levels import FOLLOW_SECONDS, follow_levels
from admin_ui.staff_purge import purge_staff
from config.database import DATABASE_ERRORS, db, schema_is_current
from config.development import apply_development_file
from config.logs import configure_logging
from config.looks import LOOK_SECONDS, Look
from config.migrate import NEWEST, migrate
from config.scheduler import Job, RunningClock, Where, ending, start_clock
from config.sealing import KeyRing
from config.serve import serve
from config.settings import Settings, SettingsInvalid, settings_from_environment
from config.worker import work
from identity.admin_addresses import admin_addresses
from identity.directories.syncing import run_due_directory_syncs
from identity.import_records import IMPORTS_LOOK
from identity.local_accounts.link_records import LINKS_LOOK
from identity.local_sign_in.asked_links import run_due_links
from identity.local_sign_in.door import Means
from identity.local_sign_in.keeping import purge_local_accounts
from identity.people_import import run_due_imports
from identity.purge import purge_expired
from identity.sign_in_counts import count_sign_ins
from tenants.directories.claims import DIRECTORIES_LOOK
from tenants.erasure import erase_deleted
from tenants.metadata_history.purge import purge_metadata
from tenants.metadata_readings import run_due_readings
from tenants.metadata_sync import run_due_lists, run_due_syncs
from tenants.notices.delivery_records import DELIVERIES_LOOK
from tenants.notices.ending import warn_of_endings
from tenants.notices.keeping import count_endings, purge_notices
from tenants.notices.sending import run_due_deliveries
from tenants.own_keys import opens_what_is_stored
from tenants.reading_records import READINGS_LOOK
from tenants.refresh.records import LISTS_LOOK, SYNCS_LOOK
from tenants.rollover.ending import look_after_keys
from tenants.sealing.signing import SealKeys
from wsgi import create_app

MIGRATE_FIRST = "The database has no schema, or that of another version: run `vestibule migrate` first."
KEYS_OF_ANOTHER = (
    "SECRET_KEYS does not open the private keys in this database, so nobody could sign in. Set the keys that it was made "
    "with; a key that is being replaced stays in the list, after the new one."
)
PURGE_SECONDS = 300
COUNT_SECONDS = 60
OWN_KEYS_SECONDS = 300
METADATA_PURGE_SECONDS = 3600
ERASURE_SECONDS = 3600
WARN_SECONDS = 60
SEAL_SECONDS = 30
SEAL_KEYS_SECONDS = 3_600
"""How soon every chain has a seal of a new key."""


class Vestibule(click.Group):
    """Our commands and those that the application registers; what the environment lacks is told in one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands; without settings, of those that need none."""
        names = set(super().list_commands(ctx))
        try:
            names |= set(_application(ctx).cli.list_commands(ctx))
        except SettingsInvalid as error:
            click.echo(f"{error}\n", err=True)
        return sorted(names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of ours, or one of the application's."""
        return super().get_command(ctx, cmd_name) or _application(ctx).cli.get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; what an operator can mend is a sentence and an exit code, not a traceback."""
        try:
            return super().invoke(ctx)
        except SettingsInvalid as error:
            raise click.ClickException(str(error)) from None
        except sa.exc.ProgrammingError:
            raise click.ClickException(MIGRATE_FIRST) from None
        except DATABASE_ERRORS as error:
            cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            unmade = "no such table" in cause or "unable to open database file" in cause
            advice = MIGRATE_FIRST if unmade else f"The database does not answer: {cause}"
            raise click.ClickException(advice) from None


@click.group(cls=Vestibule, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vestibule", message="%(version)s")
def vestibule() -> None:
    """Vestibule: the front door of a SaaS product. Settings come from the environment (docs/operation.md)."""


@vestibule.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes; each has 8 threads.")
@click.option("--jobs/--no-jobs", default=True, show_default=True, help="Without: `vestibule worker` has to run somewhere.")
@click.pass_context
def serve_command(ctx: click.Context, host: str, port: int, workers: int, jobs: bool) -> None:
    """Serve requests until told to end. TERM lets requests finish, INT does not."""
    app = _application(ctx)
    _require_usable_database(app)
    clocks: list[RunningClock] = []  # of one process each, after the fork

    def start() -> None:
        clocks.append(start_clock(app, jobs_of(app), shared=jobs))

    def stop() -> None:
        while clocks:
            clocks.pop().stop()

    serve(app, host=host, port=port, workers=workers, in_worker=start, at_end=stop)


@vestibule.command("worker")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Show this process's metrics there, on 127.0.0.1 alone.")
@click.pass_context
def worker_command(ctx: click.Context, metrics_port: int | None) -> None:
    """Run jobs until told to end, and answer no requests. One is enough; more share the work."""
    app = _application(ctx)
    _require_usable_database(app)
    work(app, jobs_of(app), metrics_port=metrics_port)


@vestibule.command("migrate")
@click.option("--to", "revision", default=NEWEST, show_default=True, help="Revision; `base` empties the database.")
def migrate_command(revision: str) -> None:
    """Bring the database to the newest schema. Safe to run twice, and by many at once."""
    settings = settings_from_environment()
    configure_logging(settings.log_level)
    migrate(settings.database_url, revision)


@vestibule.command("check")
@click.pass_context
def check_command(ctx: click.Context) -> None:
    """Say whether the service would start here: settings, database, schema, keys."""
    _require_usable_database(_application(ctx))
    click.echo("Settings, database, schema and keys are in order.")


def jobs_of(app: Flask) -> tuple[Job, ...]:
    """What is done every so often by every process with a clock; a due row is claimed by one of them.

    What must not run beside requests says `where="worker"`.
    """
    settings: Settings = app.extensions["vestibule_settings"]
    seal_keys: SealKeys = app.extensions["vestibule_seal_keys"]
    keys: KeyRing = app.extensions["vestibule_keys"]
    return (
        *_queues(settings, keys),
        Job("purge", PURGE_SECONDS, purge_expired),
        Job("own_keys", OWN_KEYS_SECONDS, lambda: look_after_keys(dt.datetime.now(dt.UTC))),
        Job("erasure", ERASURE_SECONDS, lambda: erase_deleted(dt.datetime.now(dt.UTC))),
        Job("staff_purge", PURGE_SECONDS, purge_staff),
        Job("local_purge", PURGE_SECONDS, lambda: purge_local_accounts(dt.datetime.now(dt.UTC))),
        Job("count_sign_ins", COUNT_SECONDS, count_sign_ins),
        Job("log_levels", FOLLOW_SECONDS, lambda: follow_levels(dt.datetime.now(dt.UTC)), where="everywhere"),
        Job("seal_events", SEAL_SECONDS, lambda: seal_events(seal_keys, dt.datetime.now(dt.UTC))),
        Job("seal_keys", SEAL_KEYS_SECONDS, lambda: renew_signatures(seal_keys, dt.datetime.now(dt.UTC))),
        Job("metadata_purge", METADATA_PURGE_SECONDS, lambda: purge_metadata(dt.datetime.now(dt.UTC))),
        Job("warnings", WARN_SECONDS, lambda: warn_of_endings(settings, keys, dt.datetime.now(dt.UTC), admin_addresses)),
        Job("notices_purge", PURGE_SECONDS, lambda: purge_notices(dt.datetime.now(dt.UTC))),
        Job("count_endings", PURGE_SECONDS, lambda: count_endings(dt.datetime.now(dt.UTC))),
    )


def _queues(settings: Settings, keys: KeyRing) -> tuple[Job, ...]:
    """Jobs that are looked for together, and run where something is due."""

    def clock() -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def queue(name: str, look: Look, run: Callable[[dt.datetime], object], where: Where = "anywhere") -> Job:
        return Job(name, LOOK_SECONDS, lambda: run(dt.datetime.now(dt.UTC)), where, look)

    return (
        queue("people_imports", IMPORTS_LOOK, run_due_imports),
        queue("metadata_readings", READINGS_LOOK, lambda now: run_due_readings(settings, now), "worker"),
        queue("metadata_lists", LISTS_LOOK, lambda now: run_due_lists(settings, now, ended=ending.is_set), "worker"),
        queue("metadata_sync", SYNCS_LOOK, lambda now: run_due_syncs(settings, now, ended=ending.is_set)),
        queue(
            "directory_sync",
            DIRECTORIES_LOOK,
            lambda _: run_due_directory_syncs(settings, keys, clock, ended=ending.is_set),
        ),
        queue("local_links", LINKS_LOOK, lambda now: run_due_links(Means(settings, keys, admin_addresses), now)),
        queue("deliveries", DELIVERIES_LOOK, lambda now: run_due_deliveries(settings, keys, now)),
    )


def main() -> None:
    """The entry point."""
    try:
        apply_development_file()
    except SettingsInvalid as error:
        sys.exit(f"Error: {error}")
    vestibule(obj=ScriptInfo(create_app=create_app, set_debug_flag=False))


def _application(ctx: click.Context) -> Flask:
    return ctx.ensure_object(ScriptInfo).load_app()


def _require_usable_database(app: Flask) -> None:
    """Disconnects again: the server forks, and a connection belongs to one process."""
    try:
        with app.app_context():
            if not schema_is_current():
                raise click.ClickException(MIGRATE_FIRST)
            if not opens_what_is_stored(app.extensions["vestibule_keys"]):
                raise click.ClickException(KEYS_OF_ANOTHER)
    finally:
        with app.app_context():  # only the end of the first one has given its connection back to the pool
            db.engine.dispose()


if __name__ == "__main__":
    main()
