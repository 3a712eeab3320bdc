"""The command for log levels: `vestibule log` lists them, `vestibule log identity.saml DEBUG --for 30m` sets one."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import with_appcontext

from admin_ui.log_levels.levels import FOLLOW_SECONDS, LoggerView, logger_view, logger_views, reset_level, set_level
from config.database import transaction
from config.log_levels import LEVELS
from config.logs import ROOT
from tenants.cli_support import EXIT_REFUSED, actor, now, refusal_words
from tenants.errors import Refusal
from tenants.tokens import read_duration

DEFAULT_DURATION = "30m"
WITHIN = f"It holds in every process within {2 * FOLLOW_SECONDS + 1} seconds."


def install_log_level_commands(app: Flask) -> None:
    """Give the application this command."""
    app.cli.add_command(log_command)


@click.command("log")
@click.argument("logger", required=False)
@click.argument("level", required=False, type=click.Choice(LEVELS, case_sensitive=False))
@click.option("--for", "duration", default=DEFAULT_DURATION, show_default=True, help="How long: 45s, 30m, 2h; a day at most.")
@click.option("--reset", is_flag=True, help="Let the logger fall back now.")
@with_appcontext
@click.pass_context
def log_command(ctx: click.Context, logger: str | None, level: str | None, duration: str, reset: bool) -> None:
    """List loggers and their levels, or give one a level for a while.

    LOGGER is a name of the list, with or without `vestibule.` in front; left out before a LEVEL, all loggers are meant.
    """
    if logger is not None and level is None and logger.upper() in LEVELS:
        logger, level = ROOT, logger.upper()
    if reset and level is not None:
        raise click.UsageError("--reset goes without a level.")
    try:
        _run(logger, level, duration, reset=reset)
    except Refusal as refusal:
        click.echo(f"Error: {refusal_words(refusal)}", err=True)
        ctx.exit(EXIT_REFUSED)


def _run(logger: str | None, level: str | None, duration: str, *, reset: bool) -> None:
    if reset:
        with transaction():
            view = reset_level(logger or ROOT, actor=actor(), now=now())
        click.echo(_line(view))
        click.echo(WITHIN, err=True)
    elif logger is None:
        for view in logger_views(now()):
            click.echo(_line(view))
    elif level is None:
        click.echo(_line(logger_view(logger, now())))
    else:
        with transaction():
            view = set_level(logger, level.upper(), read_duration(duration), actor=actor(), now=now())
        click.echo(_line(view))
        click.echo(WITHIN, err=True)


def _line(view: LoggerView) -> str:
    kept = view.kept
    until = f"until {kept.level.until.isoformat(timespec='seconds')}, set by {kept.set_by}" if kept else ""
    return f"{view.name}\t{view.level}\t{until or '-'}\t{view.says}"
