"""A tenant of 1,000 organisations, ten deep, with 100,000 people: `python -m benchmarks.organisations [URL]`.

CPU of the service and, on PostgreSQL, of the process that serves its connection; the least of a few.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from config.database import db, transaction, write
from config.isolation import every_tenant
from identity.models import User
from tenants.organisations.records import organisations_of
from tests.conftest import Template, dispose, seed, world_of
from tests.support.console import tenant_client
from tests.support.idp import ForgingIdP
from tests.support.organisations import fill_organisations, patch
from tests.support.people import fill_people
from tests.support.world import World, settings_for
from wsgi import create_app

PEOPLE, CHAINS, ACME = 100_000, 100, 1
TRIES = 5
Row = tuple[str, float, str]


def main() -> None:
    """Measure on SQLite in a folder of its own, or on the empty database that is named."""
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/organisations.db"
        idps = (ForgingIdP(entity_id="https://a.test/m"), ForgingIdP(entity_id="https://b.test/m"))
        staff_token = seed(url, idps)
        app = create_app(settings_for(url))
        chains = fill_organisations(app, ACME, CHAINS)
        fill_people(app, ACME, "acme.test", PEOPLE)
        _spread(app, [one for chain in chains for one in chain])
        world = world_of(app, Template(source="", staff_token=staff_token), idps)
        for what, milliseconds, size in [*_pages(world, chains), *_calls(world, chains), *_tree(world, chains)]:
            print(f"| {what} | {milliseconds:.2f} ms | {size} |")
        dispose(app)


def _spread(app: Flask, organisations: list[str]) -> None:
    """Half of the people belong to one organisation, the others evenly to all of them."""
    with app.app_context(), every_tenant():
        with transaction() as connection:
            listed = list(connection.execute(sa.select(User.id).where(User.tenant_id == ACME)).scalars())
        statement = sa.update(User.__table__).where(User.tenant_id == ACME, User.id == sa.bindparam("of_user"))
        moves = [
            {"of_user": user_id, "to": organisations[-1] if at % 2 else organisations[(at // 2) % len(organisations)]}
            for at, user_id in enumerate(listed)
        ]
        with transaction():
            write(statement.values(organisation_id=sa.bindparam("to")), moves)
        with transaction():
            write(sa.text("ANALYZE users"))


def _pages(world: World, chains: list[list[str]]) -> list[Row]:
    admin, deep, large = tenant_client(world), chains[7][8], chains[-1][-1]
    with world.app.app_context():
        someone = world.api("GET", "/tenants/acme/users?email=u000007@acme.test").get_json()["items"][0]["id"]
    pages = {
        "the tree": "/admin/organisations/",
        "the tree, opened nine deep": f"/admin/organisations/?open={deep}",
        "a search that finds 900": "/admin/organisations/?q=level",
        "one organisation's page": f"/admin/organisations/{deep}",
        "the page of the one with half of the people": f"/admin/organisations/{large}",
        "the form of its place": f"/admin/organisations/{deep}/place",
        "people, all": "/admin/people/",
        "people of the one with half of them": f"/admin/people/?organisation={large}",
        "people of one with fifty": f"/admin/people/?organisation={deep}",
        "a person's page": f"/admin/people/{someone}",
    }
    found = []
    for what, path in pages.items():
        size = len(admin.get(path).get_data())
        found.append((f"console: {what}", _cost(world, lambda path=path: admin.get(path)), f"{size / 1024:.0f} KiB"))  # type: ignore[misc]
    return found


def _calls(world: World, chains: list[list[str]]) -> list[Row]:
    listing = "/tenants/acme/organisations?limit=200"
    branch, homes = chains[3][1], [chains[4][0], chains[3][0]]
    moves = iter(range(1_000))

    def move() -> None:
        answer = patch(world, branch, parent_id=homes[next(moves) % 2])
        assert answer.status_code == 200, answer.get_data(as_text=True)

    return [
        ("API: a page of 200 organisations", _cost(world, lambda: world.api("GET", listing)), ""),
        ("API: a search among them", _cost(world, lambda: world.api("GET", f"{listing}&search=level 9")), ""),
        ("API: a branch nine deep moves", _cost(world, move), ""),
    ]


def _tree(world: World, chains: list[list[str]]) -> list[Row]:
    with world.app.app_context():
        tree, deepest = organisations_of(ACME), chains[-1][-1]
        first = _cost(world, lambda: organisations_of(ACME).access_of(deepest))
        tree.access_of(deepest)
        again = _cost(world, lambda: [tree.access_of(deepest) for _ in range(10_000)]) / 10_000
    return [
        ("the tree read, and what holds ten deep: once for each version of a tenant", first, ""),
        ("what holds ten deep, with each sign-in after that", again, ""),
    ]


def _cpu(pid: int | None) -> float:
    if pid is None:
        return time.process_time()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _cost(world: World, call: Callable[[], object]) -> float:
    with world.app.app_context():
        pid = None
        if db.engine.dialect.name == "postgresql":
            with transaction() as connection:
                pid = int(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())
        costs = []
        for _ in range(TRIES):
            began = _cpu(pid)
            call()
            costs.append(_cpu(pid) - began)
    return min(costs) * 1000


if __name__ == "__main__":
    main()
