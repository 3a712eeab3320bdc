"""The `vestibule` command: what an operator does from a shell, on the same functions as API and service."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import click
import sqlalchemy as sa
from flask import Flask
from flask.cli import ScriptInfo

from config.database import DATABASE_ERRORS, db, schema_is_current
from config.development import DEVELOPMENT_FILE, apply_development_file
from config.later import Later
from config.logs import configure_logging
from config.settings import Settings, SettingsInvalid, settings_from_environment
from entrance import create_entrance, lead_on
from tenants.own_keys import opens_what_is_stored

if TYPE_CHECKING:
    from config.scheduler import RunningClock

# What one command alone needs is imported there: `serve` answers soon, and needs neither Alembic nor the console for that.

KEYS_OF_ANOTHER = (
    "SECRET_KEYS does not open the private keys in this database, so nobody could sign in. Set the keys that it was made "
    "with; a key that is being replaced stays in the list, after the new one."
)
JOBS_AFTER_SECONDS = 1.0
"""From a worker's start until its jobs begin: it answers first."""


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
            raise click.ClickException(_migrate_first()) from None
        except DATABASE_ERRORS as error:
            cause = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            unmade = "no such table" in cause or "unable to open database file" in cause
            advice = _migrate_first() if unmade else f"The database does not answer: {cause}"
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
def serve_command(host: str, port: int, workers: int, jobs: bool) -> None:
    """Serve requests until told to end. TERM lets requests finish, INT does not."""
    from config.serve import serve, spare_collections  # noqa: PLC0415

    settings = settings_from_environment()
    entrance = create_entrance(settings)
    _require_usable_database(entrance)

    def make_whole() -> Flask:
        whole = _whole(settings, beside=entrance)
        spare_collections()
        return whole

    whole, clock = Later(make_whole), _Clock(entrance, shared=jobs)
    if workers > 1:  # made before they are, so that they share what it takes
        whole.made()
        clock.prepare()
    lead_on(entrance, whole)
    serve(entrance, host=host, port=port, workers=workers, in_worker=clock.start_soon, at_end=clock.stop)


class _Clock:
    """The jobs of one process that answers requests; they begin when it has had the time to."""

    def __init__(self, app: Flask, *, shared: bool) -> None:
        self._app = app
        self._shared = shared
        self._timer: threading.Timer | None = None
        self._running: list[RunningClock] = []

    def prepare(self) -> None:
        """Load what the jobs need."""
        import jobs  # noqa: F401, PLC0415

    def start_soon(self) -> None:
        """After the fork: begin in a moment."""
        self._timer = threading.Timer(JOBS_AFTER_SECONDS, self._start)
        self._timer.daemon = True
        self._timer.start()

    def _start(self) -> None:
        from config.scheduler import start_clock  # noqa: PLC0415
        from jobs import jobs_of  # noqa: PLC0415

        self._running.append(start_clock(self._app, jobs_of(self._app), shared=self._shared))

    def stop(self) -> None:
        """End them in order."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        while self._running:
            self._running.pop().stop()


@vestibule.command("worker")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Show this process's metrics there, on 127.0.0.1 alone.")
@click.pass_context
def worker_command(ctx: click.Context, metrics_port: int | None) -> None:
    """Run jobs until told to end, and answer no requests. One is enough; more share the work."""
    from config.worker import work  # noqa: PLC0415
    from jobs import jobs_of  # noqa: PLC0415

    app = _application(ctx)
    _require_usable_database(app)
    work(app, jobs_of(app), metrics_port=metrics_port)


@vestibule.command("migrate")
@click.option("--to", "revision", default="head", show_default=True, help="Revision; `base` empties the database.")
def migrate_command(revision: str) -> None:
    """Bring the database to the newest schema. Safe to run twice, and by many at once."""
    from config.migrate import migrate  # noqa: PLC0415

    settings = settings_from_environment()
    configure_logging(settings.log_level)
    migrate(settings.database_url, revision)


@vestibule.command("check")
@click.pass_context
def check_command(ctx: click.Context) -> None:
    """Say whether the service would start here: settings, database, schema, keys."""
    _require_usable_database(_application(ctx))
    click.echo("Settings, database, schema and keys are in order.")


def main() -> None:
    """The entry point."""
    try:
        apply_development_file()
    except SettingsInvalid as error:
        sys.exit(f"Error: {error}")
    vestibule(obj=ScriptInfo(create_app=_whole, set_debug_flag=False))


def _whole(settings: Settings | None = None, *, beside: Flask | None = None) -> Flask:
    """The whole service."""
    from wsgi import create_app  # noqa: PLC0415

    return create_app(settings, beside=beside)


def _application(ctx: click.Context) -> Flask:
    return ctx.ensure_object(ScriptInfo).load_app()


def _migrate_first() -> str:
    """What to do about a database that is not there yet or of another version; which one was meant, without its password."""
    url = sa.make_url(settings_from_environment().database_url).render_as_string(hide_password=True)
    chosen = "" if os.environ.get("DATABASE_URL") else ", which it is where DATABASE_URL is not set,"
    sentence = f"The database {url}{chosen} has no schema, or that of another version: run `vestibule migrate` first."
    if DEVELOPMENT_FILE.exists() and not os.environ.get("DATABASE_URL"):  # else it would have been taken from there
        sentence += f" What ./run made is another one: {DEVELOPMENT_FILE} counts only where SECRET_KEYS is not set."
    return sentence


def _require_usable_database(app: Flask) -> None:
    """Disconnects again: the server forks, and a connection belongs to one process."""
    try:
        with app.app_context():
            if not schema_is_current():
                raise click.ClickException(_migrate_first())
            if not opens_what_is_stored(app.extensions["vestibule_keys"]):
                raise click.ClickException(KEYS_OF_ANOTHER)
    finally:
        with app.app_context():  # only the end of the first one has given its connection back to the pool
            db.engine.dispose()


if __name__ == "__main__":
    main()
