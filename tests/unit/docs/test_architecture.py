"""docs/architecture.md is true: modules, tables, jobs and the function of a sign-in are those of the code."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import admin_ui
import config
import identity
import tenants
from config.database import Base
from config.isolation import scoped_tables
from jobs import jobs_of
from tests.support.world import settings_for
from tests.unit.docs.pages import ROOT, blocks, codes, page, table
from wsgi import create_app

PAGE = page("architecture.md")
MODULES = {
    module.name
    for package in (config, tenants, identity, admin_ui)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.ispkg
}


def test_every_module_stands_in_one_place() -> None:
    """The table of modules names each of them once, and no other."""
    (rows,) = [table(PAGE, "layer", "modules")]
    named = [name for row in rows for name in codes(row["modules"])]
    assert sorted(named) == sorted(MODULES)


def test_every_table_is_described() -> None:
    """All tables, and which of them are not a tenant's alone."""
    rows = table(PAGE, "table", "a row is", "kept")
    assert sorted(codes(row["table"])[0] for row in rows) == sorted(Base.metadata.tables)
    (sentence,) = re.findall(r"^(.*)are not scoped to a tenant by their keys", PAGE, re.MULTILINE)
    assert set(codes(sentence)) == set(Base.metadata.tables) - scoped_tables()


def test_every_job_is_described(tmp_path: Path) -> None:
    """Names and intervals are those that workers start."""
    app = create_app(settings_for(f"sqlite:///{tmp_path / 'x.db'}"))
    rows = table(PAGE, "job", "every")
    shown = {codes(row["job"])[0]: float(row["every"].split()[0]) for row in rows}
    assert shown == {job.name: job.seconds for job in jobs_of(app)}
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def test_the_function_of_a_sign_in_is_quoted_as_it_is() -> None:
    """The page shows the pipeline itself, not a picture of it."""
    quoted = blocks(PAGE, "python")
    modules = ("identity/acs.py", "identity/acs.py", "identity/judging.py", "identity/second_try.py")
    for text, path in zip(quoted, modules, strict=True):
        assert text.rstrip() in (ROOT / path).read_text("utf-8")


def test_the_ladder_is_that_of_the_contracts() -> None:
    """import-linter checks what the page says."""
    contracts = (ROOT / "setup.cfg").read_text("utf-8")
    assert "`admin_ui > identity > tenants > config`" in PAGE
    assert "name = admin_ui > identity > tenants > config" in contracts
    for promise in ("two-doors-to-pysaml2", "sql-in-records", "web-at-the-edge", "one-door-to-the-network", "contract:pure"):
        assert promise in contracts


def test_names_in_back_quotes_exist() -> None:
    """Dotted names of our packages, wherever they stand on a page, are modules or names in one."""
    for path in (ROOT / "docs").rglob("*.md"):
        for name in re.findall(r"`((?:config|tenants|identity|admin_ui)(?:\.\w+)+)`", path.read_text("utf-8")):
            head, _, last = name.rpartition(".")
            if name in MODULES or (ROOT / name.replace(".", "/")).is_dir():
                continue
            assert head in MODULES, f"{path.name}: {name}"
            source = (ROOT / (head.replace(".", "/") + ".py")).read_text("utf-8")
            assert re.search(rf"^(?:class |def |async def )?{last}\b", source, re.MULTILINE), f"{path.name}: {name}"
