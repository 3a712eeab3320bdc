"""`make bench` cannot break unseen: its smallest path runs here, in this process, on real requests."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

import benchmarks
from benchmarks.floor import floor_app
from benchmarks.in_process import CASES, Case
from benchmarks.phases import Person, Started, arrivals
from benchmarks.profiling import STEPS
from benchmarks.rounds import Row
from benchmarks.table import table
from benchmarks.tenancies import PLAIN, SECRET_KEYS, Tenancy, fill, make_keys
from config.settings import Settings
from tests.support.world import utc_now
from wsgi import create_app

TENANTS = 4
REQUESTS = 2


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, tuple[Tenancy, ...]]:
    """A database as the benchmark fills it, and the tenants in it."""
    url = f"sqlite:///{tmp_path_factory.mktemp('bench')}/bench.db"
    return Settings(secret_keys=SECRET_KEYS, database_url=url), fill(url, TENANTS, make_keys(2, utc_now()), utc_now())


@pytest.mark.parametrize("module", [found.name for found in pkgutil.iter_modules(benchmarks.__path__)])
def test_every_module_can_be_imported(module: str) -> None:
    """What it names in the product and in the tests' support is there."""
    assert importlib.import_module(f"benchmarks.{module}").__doc__


@pytest.mark.parametrize("step", STEPS)
def test_every_step_that_is_told_exists(step: str) -> None:
    """A function that was renamed would vanish from the breakdown, and its time would be another's."""
    place, _, name = step.partition(":")
    owner = importlib.import_module(place)
    for part in name.split("."):
        owner = getattr(owner, part)
    assert callable(owner)


@pytest.mark.parametrize("case", CASES)
def test_every_case_is_answered(measured: tuple[Settings, tuple[Tenancy, ...]], case: str) -> None:
    """Each kind of request that is measured does what it should; another answer than that says nothing about speed."""
    settings, tenancies = measured
    statuses: list[int] = []
    Case(create_app(settings), tenancies, case).run(REQUESTS, lambda sent: statuses.extend(answer.status for answer in sent))
    assert statuses == [{"start": 200, "redirect": 302}.get(case, 303)] * REQUESTS


def test_the_floor_answers_what_the_product_is_asked(measured: tuple[Settings, tuple[Tenancy, ...]]) -> None:
    """It takes the same response, signed by the same identity provider, and keeps one row for each request."""
    _, tenancies = measured
    tenancy, kept = tenancies[PLAIN], []
    idp_key = tenancy.idp.public_key
    assert isinstance(idp_key, rsa.RSAPublicKey)
    client = floor_app(lambda *row: kept.append(row), idp_key, tenancy.own_key).test_client()
    (arrival,) = arrivals([Started(Person(tenancy, "ada"), "_" + "0" * 40, "r" * 32, "")])
    form = arrival.rpartition(b"\r\n\r\n")[2]
    answers = [
        client.get("/post"),
        client.get("/redirect"),
        client.post("/saml/acs", data=form, content_type="application/x-www-form-urlencoded"),
    ]
    assert [answer.status_code for answer in answers] == [200, 302, 303]
    assert len(kept) == len(answers)


def test_the_table_judges_by_the_median_of_neighbours() -> None:
    """A row over its aim says so."""
    row = Row("sign-in", 1.75)
    for floor, product in ((1.0, 2.0), (2.0, 3.0), (1.0, 9.0)):
        row.add(floor, product)
    assert row.ratio == 2.0
    assert "over" in table("sqlite", [row])
