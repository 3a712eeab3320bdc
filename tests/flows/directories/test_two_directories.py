"""A tenant with two directories: a name that both have is refused, and neither is given a password that may be the other's."""

from __future__ import annotations

from identity.directories.checks import PASSWORD
from identity.directories.signing_in import EnteredByDirectory
from tests.flows.directories.conftest import DirectoryWorld
from tests.support.organisations import accepted
from tests.support.slapd import GROUPS


def test_a_name_that_two_have_is_refused_until_an_administrator_says_whose(directories: DirectoryWorld) -> None:
    """The receipt names both, to administrators alone; a linked account is asked for in its own directory."""
    world, slapd = directories.world, directories.slapd
    directories.connect()
    assert directories.put(name="branch", base_dn=GROUPS).status_code == 201
    namesake, zoe = slapd.add("ada", container=GROUPS, mail="ada.b@acme.test"), slapd.add("zoe", container=GROUPS)
    try:
        assert directories.sign_in("ada") == "sign_in_failed"
        assert directories.receipt.lines[-1].actual == "one in each of branch, main"
        assert PASSWORD not in [line.check for line in directories.receipt.lines], "tried nowhere"
        newest = accepted(world.api("GET", "/tenants/acme/attempts"))["items"][0]
        advice = accepted(world.api("GET", f"/tenants/acme/attempts/{newest['id']}"))["advice"]
        assert advice["happened"].startswith("Several directories have this name: branch, main.")
        assert advice["who"] == "tenant_admin"
        assert isinstance(directories.sign_in("zoe"), EnteredByDirectory)
        assert directories.receipt.facts["directory"] == "branch"
        assert directories.sign_in("nobody") == "sign_in_failed"
        body = {"email": "ada@acme.test", "username": "ada"}
        ada = accepted(world.api("POST", "/tenants/acme/users", json=body))["id"]
        found = accepted(world.api("POST", "/tenants/acme/directories/main/test", json={"username": "ada"}))
        link = {"reason": "of the works", "directory": "main", "subject": found["samples"][0]["subject"]}
        accepted(world.api("POST", f"/tenants/acme/users/{ada}/relink", json=link))
        entered = directories.sign_in("ada")
        assert isinstance(entered, EnteredByDirectory)
        assert entered.person.id == ada
    finally:
        slapd.remove(namesake)
        slapd.remove(zoe)
