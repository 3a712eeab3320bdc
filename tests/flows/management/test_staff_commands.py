"""`vestibule staff`: the first owner, and what to do when a device is lost."""

from __future__ import annotations

import re

from tests.support.browser import code_of
from tests.support.staff import Colleague
from tests.support.world import World

CREATE = ["staff", "create", "--email", "Sam@Vestibule.test", "--name", "Sam", "--role", "staff"]


def test_the_first_owner_is_made_by_command(world: World) -> None:
    """The link alone on standard output; it leads into the console; a second account of the address is refused."""
    run = world.app.test_cli_runner().invoke
    made = run(args=CREATE)
    assert made.exit_code == 0, made.output
    link = made.stdout.strip()
    assert re.fullmatch(r"http://localhost:8000/admin/invitation/[\w-]{43}", link)
    sam = Colleague(world)
    assert "Welcome" in sam.page(link.removeprefix("http://localhost:8000"))
    again = run(args=CREATE)
    assert (again.exit_code, "staff_exists" in again.output) == (2, True)
    assert "invited\tsam@vestibule.test\tSam" in run(args=["staff", "list"]).output
    assert link.rpartition("/")[2] not in repr(world.rows())


def test_a_reset_by_command_saves_the_last_owner(world: World) -> None:
    """Whoever has lost everything gets a new link from whoever has the machine."""
    sam = Colleague(world).enrolled()
    run = world.app.test_cli_runner().invoke
    reset = run(args=["staff", "reset", sam.email])
    assert reset.exit_code == 0, reset.output
    assert not sam.is_in()
    assert Colleague(world).browser.get(reset.stdout.strip().removeprefix("http://localhost:8000")).status_code == 200


def test_the_last_owner_is_not_switched_off_by_command_either(world: World) -> None:
    """Told so with exit code 2; a second owner may go."""
    sam = Colleague(world).enrolled()
    run = world.app.test_cli_runner().invoke
    refused = run(args=["staff", "deactivate", sam.email])
    assert (refused.exit_code, "state_conflict" in refused.output) == (2, True)
    assert sam.is_in()
    joan = Colleague(world, "joan@vestibule.test").enrolled()
    assert run(args=["staff", "deactivate", joan.email]).exit_code == 0
    assert not joan.is_in()
    assert code_of(joan.give_password()) is None
    assert run(args=["staff", "activate", joan.email]).exit_code == 0
    assert joan.sign_in().status_code == 303
    unknown = run(args=["staff", "reset", "nobody@vestibule.test"])
    assert (unknown.exit_code, "no such account" in unknown.output) == (2, True)
