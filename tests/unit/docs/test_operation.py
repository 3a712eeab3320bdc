"""docs/operation.md names every setting, logger and metric that there is."""

from __future__ import annotations

import inspect
import re

from config import development, logs, metrics, settings
from config.settings import Settings, settings_from_environment
from tenants import operation
from tests.unit.docs.pages import codes, page, table

PAGE = page("operation.md")
KEY = "k1:" + "A" * 43 + "="


def test_every_setting_is_described_with_its_default() -> None:
    """What the code reads from the environment, and nothing else."""
    rows = {codes(row["variable"])[0]: row["default"] for row in table(PAGE, "variable", "meaning", "default")}
    read = set(re.findall(r'environment\.get\("([A-Z_]+)"', inspect.getsource(settings)))
    assert rows.keys() == read
    defaults = settings_from_environment({"SECRET_KEYS": KEY})
    assert codes(rows["APP_URL"]) == [defaults.app_url]
    assert codes(rows["TENANT_URL"]) == [defaults.tenant_url]
    assert codes(rows["TRUSTED_PROXIES"]) == [str(defaults.trusted_proxies)]
    assert codes(rows["LOG_LEVEL"]) == [defaults.log_level]
    assert codes(rows["DATABASE_URL"]) == [Settings.__dataclass_fields__["database_url"].default]


def test_every_logger_is_described() -> None:
    """The names are an interface."""
    shown = {codes(row["logger"])[0] for row in table(PAGE, "logger", "says")}
    assert shown == {f"{logs.ROOT}.{area}" for area in logs.LOGGERS}


_COUNTERS = (
    *(metrics.SIGN_INS, metrics.LOGIN_STARTS, metrics.JOB_FAILURES, metrics.ROWS_REMOVED),
    *(metrics.KEY_REFETCHES, metrics.METADATA_SYNCS, metrics.DIRECTORY_SYNCS, metrics.DELIVERIES),
)


def test_every_metric_that_is_described_exists() -> None:
    """Names as Prometheus shows them."""
    counters = {f"{metric._name}_total" for metric in _COUNTERS}
    shown = {codes(row["metric"])[0] for row in table(PAGE, "metric", "labels")}
    figures = set(re.findall(r'Figure\("(\w+)"', inspect.getsource(operation)))
    assert len(figures) >= 6
    timed = (metrics.REQUESTS, metrics.JOB_SECONDS, metrics.SEAL_LAG, metrics.ENDING, metrics.DIRECTORY_SECONDS)
    others = {metric._name for metric in timed}
    assert shown == counters | figures | others


def test_the_development_file_is_described() -> None:
    """Its place is said, so that nobody deploys one, and how `./run` is given more; how one process runs is not in it."""
    assert f"`{development.DEVELOPMENT_FILE}`" in PAGE
    (given,) = re.findall(r"^([A-Z_]+=.*) \./run$", PAGE, re.MULTILINE)
    assert {part.partition("=")[0] for part in given.split()} <= set(development.VARIABLES)
    read = set(re.findall(r'environment\.get\(\s*"([A-Z_]+)"', inspect.getsource(settings)))
    assert read - set(development.VARIABLES) == {"TRUSTED_PROXIES", "RATE_LIMITS", "LOG_LEVEL"}
