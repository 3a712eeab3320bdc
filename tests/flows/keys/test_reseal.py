"""Every secret at rest is sealed anew while people sign in, and none is forgotten."""

from __future__ import annotations

import ast
import dataclasses
import threading
from pathlib import Path

import sqlalchemy as sa
from click.testing import CliRunner
from flask.cli import ScriptInfo

from admin_ui.staff_events import staff_events
from admin_ui.staff_sign_in import totp_place
from command import vestibule
from config.database import Base, db, transaction, write
from config.isolation import every_tenant
from config.resealing import reseal, sealed_by, sealed_columns
from config.sealing import SEALED, KeyRing, SealedTo
from config.settings import Settings
from identity.local_accounts.account_records import totp_place as local_totp_place
from tenants.records import key_place
from tests.support.console import staff_id
from tests.support.world import SECRET_KEYS, World
from wsgi import create_app

NEW = {"new": b"fedcba9876543210fedcba9876543210"}
ROOT = Path(__file__).resolve().parents[3]


def test_every_sealed_column_says_so() -> None:
    """By its name and by its `info`; what it is sealed to is what the code seals it to."""
    every = [column for table in Base.metadata.sorted_tables for column in table.columns]
    named = {column for column in every if "sealed" in column.name and isinstance(column.type, sa.String)}
    assert {column for column in named if SEALED not in column.info} == set()
    places = {str(column): sealed_to for column, sealed_to in sealed_columns()}
    assert places["service_provider_key.sealed_private_key"].place({"tenant_id": 7, "id": "x"}) == key_place(7, "x")
    assert places["staff_account.sealed_totp_secret"].place({"id": "x"}) == totp_place("x")
    assert places["local_account.sealed_totp_secret"].place({"tenant_id": 7, "user_id": "x"}) == local_totp_place(7, "x")
    assert all(isinstance(place, SealedTo) for place in places.values())


SEALING = {
    *("tenants/rollover/making.py", "admin_ui/enrolment.py"),
    "identity/credentials/offers.py",
    *("identity/trial_outcome.py", "config/resealing.py"),
    *("tenants/notices/webhooks.py", "tenants/notices/outbox.py"),
    *("tenants/directories/managing.py", "identity/local_sign_in/links.py"),
    *("identity/login_hints.py", "identity/front_door/finding.py"),  # in addresses and forms, for minutes
}
"""Where something is sealed: a new place here needs a column that says so, or is no column's."""


def test_nothing_is_sealed_elsewhere() -> None:
    """A call of `seal` in a module that is not known here may fill a column that is forgotten."""
    found = set()
    for package in ("config", "tenants", "identity", "admin_ui"):
        for path in (ROOT / package).rglob("*.py"):
            calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
            if any(isinstance(call.func, ast.Attribute) and call.func.attr == "seal" for call in calls):
                found.add(str(path.relative_to(ROOT)))
    assert found == SEALING


def test_reseal_runs_while_people_sign_in(world: World) -> None:
    """Nobody is refused meanwhile, what was sealed opens with the new key alone, and a second run finds nothing."""
    both = KeyRing(NEW | SECRET_KEYS)
    account = staff_id(world)
    old = KeyRing(SECRET_KEYS)
    with world.app.app_context(), transaction():
        values = {"sealed_totp_secret": old.seal(b"JBSWY3DP", totp_place(account))}
        table = Base.metadata.tables["staff_account"]
        write(sa.update(table).where(table.c.id == account).values(**values))
    settings = world.app.extensions["vestibule_settings"]
    live = create_app(_with_keys(settings, NEW | SECRET_KEYS))
    served = World(live, world.acme, world.globex, world.staff_token)
    outcomes: list[int] = []
    stop = threading.Event()

    def sign_in() -> None:
        while not stop.is_set():
            outcomes.append(served.sign_in(served.browser()).status_code)

    people = threading.Thread(target=sign_in)
    people.start()
    with live.app_context():
        done = {one.column: one for one in reseal(both)}
        assert done["service_provider_key.sealed_private_key"].resealed == 4
        assert done["staff_account.sealed_totp_secret"].resealed >= 1
        assert sum(one.broken + one.overtaken for one in done.values()) == 0
        counts = sealed_by(both)
        assert counts.known["test"] == 0
        assert counts.known["new"] >= 5
        assert counts.unknown == 0
        assert all(one.resealed == 0 for one in reseal(both))
    stop.set()
    people.join()
    assert outcomes
    assert set(outcomes) == {303}
    alone = create_app(_with_keys(settings, NEW))
    after = World(alone, world.acme, world.globex, world.staff_token)
    assert after.sign_in(after.browser()).status_code == 303
    with alone.app_context():
        assert sealed_by(KeyRing({"other": bytes(32)})).unknown >= 5
    for app in (live, alone):
        with app.app_context():
            db.engine.dispose()


def test_a_value_that_changed_meanwhile_is_not_overwritten(world: World) -> None:
    """Compare and set: what the service wrote after it was read stays; what opens nowhere is counted and left."""
    both = KeyRing(NEW | SECRET_KEYS)
    table = Base.metadata.tables["service_provider_key"]
    with world.app.app_context(), every_tenant():
        with transaction():
            first = write(sa.select(table.c.id).order_by(table.c.tenant_id, table.c.id).limit(1)).scalar_one()
            write(sa.update(table).where(table.c.id == first).values(sealed_private_key="v1.gone.AAAA"))
        walked = {one.column: one for one in reseal(both)}["service_provider_key.sealed_private_key"]
        assert (walked.resealed, walked.broken) == (3, 1)
        assert sealed_by(both).unknown == 1


def test_the_command_says_which_key_may_go(world: World) -> None:
    """And fails where something is sealed with a key that nobody has."""
    info = ScriptInfo(create_app=lambda: world.app, set_debug_flag=False)
    result = CliRunner().invoke(vestibule, ["keys", "reseal"], obj=info)
    assert result.exit_code == 0, result.output
    assert "test, the active one: 4 in use" in result.output
    assert CliRunner().invoke(vestibule, ["keys", "reseal", "--check"], obj=info).exit_code == 0
    with world.app.app_context():
        (event,) = staff_events(None, 10)  # looking alone is none
    assert (event.type, event.actor.partition(":")[0]) == ("secrets.resealed", "cli")
    assert event.detail == {"key": "test", "resealed": 0, "overtaken": 0, "broken": 0}


def _with_keys(settings: Settings, keys: dict[str, bytes]) -> Settings:
    return dataclasses.replace(settings, secret_keys=keys)
