"""Edges of the management API for log levels: staff owners' own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from admin_ui.log_levels.levels import logger_view, logger_views, require_logger, reset_level, set_level
from admin_ui.log_levels.schemas import LogLevelList, LogLevelPut, LogLevelView, logger_document
from config.database import transaction
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint, api_of
from tenants.roles import ONBOARD
from tenants.tokens import read_duration

LOG_LEVELS = "/log-levels"
ONE = f"{LOG_LEVELS}/<logger>"

log_levels_api = ManagementBlueprint("api_log_levels", __name__, description="Levels of the service's own loggers, for a while")


def install_log_level_api(app: Flask) -> None:
    """Put these operations into the application."""
    api_of(app).register_blueprint(log_levels_api)


@log_levels_api.operation("GET", LOG_LEVELS, ONBOARD, answers={200: LogLevelList})
def get_log_levels() -> dict[str, Any]:
    """List all loggers, and the level that each has now in every process."""
    return {"items": [logger_document(view) for view in logger_views(now())]}


@log_levels_api.operation("GET", ONE, ONBOARD, answers={200: LogLevelView})
def get_log_level(logger: str) -> dict[str, Any]:
    """Show one logger; its name may leave `vestibule.` out."""
    return logger_document(logger_view(logger, now()))


@log_levels_api.operation("PUT", ONE, ONBOARD, body=LogLevelPut, answers={200: LogLevelView}, exists=require_logger)
def put_log_level(body: Mapping[str, Any], logger: str) -> dict[str, Any]:
    """Give a logger a level for a while; it holds in every process within 5 seconds and falls back by itself."""
    duration = read_duration(body["expires_in"])
    with transaction():
        return logger_document(set_level(logger, body["level"], duration, actor=caller().actor, now=now()))


@log_levels_api.operation("DELETE", ONE, ONBOARD, answers={200: LogLevelView}, exists=require_logger)
def delete_log_level(logger: str) -> dict[str, Any]:
    """Let a logger fall back now; one that nobody has set stays as it is."""
    with transaction():
        return logger_document(reset_level(logger, actor=caller().actor, now=now()))
