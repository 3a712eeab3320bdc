"""The API against its own document: schemathesis makes calls that fit it and calls that do not, and finds nothing.

Paths lead to acme's real objects, so that bodies and queries get past the first look-up; what a call does to the ways
there (a new MyDomain) is put back after it. Deleting is tried with made-up names: acme is needed to the end.
"""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.config import (
    ChecksConfig,
    PositiveDataAcceptanceConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from schemathesis.schemas import BaseSchema

from tests.attacks.support import Rows
from tests.support.world import World, settings_for
from wsgi import create_app

EXAMPLES = 15
REFUSED_FOR_WHAT_IT_SAYS = ["2xx", "400", "401", "403", "404", "409", "422", "429"]
"""A body of the right form may still be refused: metadata that is none, a domain that is another's. Never with 5xx."""

QUIET = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
ACME = {"slug": "acme", "name": "main", "user_id": "a-person-of-acme", "attempt_id": "an-attempt-of-acme"}
"""The last two stand for ids that only a running service knows."""

load_all_checks()


def _schema() -> BaseSchema:
    """The document is the same whatever the database holds."""
    app = create_app(settings_for("sqlite:///:memory:"))
    project = ProjectConfig(
        parameters={f"path.{name}": value for name, value in ACME.items()},
        checks=ChecksConfig(positive_data_acceptance=PositiveDataAcceptanceConfig(expected_statuses=REFUSED_FOR_WHAT_IT_SAYS)),
    )
    config = SchemathesisConfig(seed=1, projects=ProjectsConfig(default=project))
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, config=config)


schema = _schema()


@pytest.fixture
def ids(world: World) -> dict[str, str]:
    """The path parameters of what there is at acme."""
    world.sign_in(world.browser())
    return ACME | {
        "user_id": world.api("GET", "/tenants/acme/users").get_json()["items"][0]["id"],
        "attempt_id": world.api("GET", "/tenants/acme/attempts").get_json()["items"][0]["id"],
    }


def _call(case: schemathesis.Case, world: World, ids: dict[str, str]) -> None:
    """Call this test's own service and judge the answer by the document."""
    case.path_parameters = {name: ids.get(name, value) for name, value in case.path_parameters.items()}
    response = case.call_and_validate(headers={"Authorization": f"Bearer {world.staff_token}"}, app=world.app)
    if case.method == "PATCH" and case.path.endswith("{slug}") and response.status_code == 200:
        slug = response.json()["slug"]
        assert world.api("PATCH", f"/tenants/{slug}", json={"slug": "acme"}).status_code == 200


@schema.exclude(method="DELETE").parametrize()
@QUIET
def test_every_call_is_answered_as_documented(case: schemathesis.Case, world: World, ids: dict[str, str]) -> None:
    """Statuses, media types and bodies are documented ones; what fits is taken, what does not is refused."""
    _call(case, world, ids)


@pytest.fixture
def before(world: World) -> Rows:
    """What there is before the first call."""
    return world.rows()


@schema.include(method="DELETE").parametrize()
@QUIET
def test_deleting_what_is_not_there_is_answered_as_documented(case: schemathesis.Case, world: World, before: Rows) -> None:
    """404 in the documented form, and no row has changed."""
    _call(case, world, ACME | {"slug": "nobody"})
    assert world.rows() == before
