"""Keys brought along, by whom, and seen in the console; attacks by the wrong tenant, the wrong role, the wrong moment."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from flask.cli import ScriptInfo

from command import vestibule
from tests.flows.console.walking import token_of
from tests.flows.keys.support import done, in_state, keys_of, make_next, refused, states_of, step
from tests.flows.management.support import token_for
from tests.support.console import staff_client, tenant_client
from tests.support.keys import rsa_key
from tests.support.world import World
from tests.unit.tenants.test_brought_keys import certificate_of, pem_of

PAGE = "/admin/service-provider"


def _brought(use: str = "signing") -> dict[str, str]:
    key = rsa_key("brought")
    return {"use": use, "private_key": pem_of(key), "certificate": certificate_of(key, ends=4000)}


def test_a_key_that_is_brought_along_has_one_place(world: World) -> None:
    """It becomes the next key; neither another tenant, another use nor a later time takes the same pair again."""
    answer = world.api("POST", "/tenants/acme/imported-keys", json=_brought())
    assert answer.status_code == 201, answer.get_data(as_text=True)
    key = answer.get_json()
    assert (key["state"], key["imported"]) == ("next", True)
    assert "PRIVATE" not in answer.get_data(as_text=True)
    for slug, use in (("globex", "signing"), ("acme", "encryption"), ("globex", "encryption")):
        taken = world.api("POST", f"/tenants/{slug}/imported-keys", json=_brought(use))
        assert refused(taken) == (409, "key_taken")
        assert "acme" not in taken.get_data(as_text=True).replace("/tenants/acme", "")
    done(step(world, key, "promote", anyway=True))
    assert world.sign_in(world.browser()).status_code == 303
    done(step(world, in_state(world, "signing", "retiring"), "roll-back"))
    done(step(world, key, "retire", erase=True))
    assert refused(world.api("POST", "/tenants/acme/imported-keys", json=_brought())) == (409, "key_taken")
    log = str(world.api("GET", "/tenants/acme/events").get_json())
    assert "BEGIN" not in log


def test_what_is_wrong_with_it_is_said(world: World) -> None:
    """By field, as problem+json."""
    answer = world.api("POST", "/tenants/acme/imported-keys", json=_brought() | {"certificate": "nonsense"})
    assert refused(answer) == (422, "key_invalid")
    assert list(answer.get_json()["errors"]) == ["certificate"]
    assert states_of(world, "signing") == ["active"]


def test_who_may_and_whose(world: World) -> None:
    """A tenant's admin may; its viewer and support look; another tenant's admin finds nothing."""
    new = make_next(world, "signing")
    viewer, support = token_for(world, "viewer", "acme"), token_for(world, "support")
    far, admin = token_for(world, "admin", "globex"), token_for(world, "admin", "acme")
    for token in (viewer, support):
        assert world.api("GET", "/tenants/acme/keys", token).status_code == 200
        assert world.api("GET", "/tenants/acme/keys/readers", token).status_code == 200
        assert refused(step(world, new, "promote", token, anyway=True)) == (403, "forbidden")
        assert refused(world.api("POST", "/tenants/acme/keys", token, json={"use": "encryption"})) == (403, "forbidden")
    assert refused(step(world, new, "promote", far, anyway=True)) == (404, "not_found")
    crossed = world.api("POST", f"/tenants/globex/keys/{new['id']}/promote", far, json={"anyway": True})
    assert refused(crossed) == (404, "not_found")
    assert done(step(world, new, "promote", admin, anyway=True))["state"] == "active"


def test_the_page_leads_through_a_rollover_without_scripts(world: World) -> None:
    """Forms alone: make, a refusal that says why, promote, go back; a viewer sees it and has no button."""
    admin, viewer = tenant_client(world), tenant_client(world, role="viewer")
    token = token_of(admin, PAGE)

    def send(path: str, **fields: str) -> tuple[int, str]:
        answer = admin.post(f"{PAGE}{path}", data={"csrf_token": token, **fields}, follow_redirects=True)
        return answer.status_code, answer.get_data(as_text=True)

    status, text = send("/next", use="signing", lifetime_days="730", bits="2048")
    assert status == 200
    assert "The next key is in our metadata" in text
    new = in_state(world, "signing", "next")
    status, text = send(f"/{new['id']}/promote", grace_days="7")
    assert status == 409
    assert "Nobody who fetched the metadata before" in text
    status, text = send(f"/{new['id']}/promote", grace_days="7", anyway="on")
    assert status == 200
    assert "Retiring" in text
    old = in_state(world, "signing", "retiring")
    status, text = send(f"/{old['id']}/roll-back")
    assert status == 200
    assert "The former key is active again" in text
    assert send("/next", use="signing", lifetime_days="x", bits="5")[0] == 422
    seen = viewer.get(f"{PAGE}/").get_data(as_text=True)
    assert "What to do next" in seen
    assert "Promote this key" not in seen
    pem = viewer.get(f"{PAGE}/{new['id']}/certificate")
    assert pem.get_data(as_text=True).strip() == new["certificate"].strip()
    assert viewer.get(f"{PAGE}/import").status_code == 403
    assert staff_client(world, "support").get("/admin/tenants/acme/service-provider/").status_code == 200


def test_a_key_is_brought_by_form_and_never_shown_again(world: World) -> None:
    """Files, a wrong one first; the private half is in no answer."""
    admin = tenant_client(world)
    token = token_of(admin, PAGE)
    key = rsa_key("brought")
    for certificate, status in (("nonsense", 422), (certificate_of(key, ends=4000), 303)):
        fields = {"csrf_token": token, "use": "encryption", "passphrase": "secret words"}
        fields |= {"private_key": pem_of(key, "secret words"), "certificate": certificate}
        answer = admin.post(f"{PAGE}/import", data=fields)
        assert answer.status_code == status, answer.get_data(as_text=True)
        assert "PRIVATE KEY" not in answer.get_data(as_text=True)
        assert "secret words" not in answer.get_data(as_text=True)
    assert in_state(world, "encryption", "next")["imported"]


def test_the_commands_do_the_same(world: World, tmp_path: Path) -> None:
    """list, next, promote, roll-back, readers, retire; a refusal is a sentence and exit code 2."""

    def run(*words: str, **options: str) -> tuple[int, str]:
        info = ScriptInfo(create_app=lambda: world.app, set_debug_flag=False)
        result = CliRunner().invoke(vestibule, ["keys", *words], obj=info, **options)  # type: ignore[arg-type]
        return result.exit_code, result.output

    assert run("next", "acme", "signing")[0] == 0
    code, words = run("promote", "acme", "signing")
    assert code == 2
    assert "key_unfetched" in words
    assert run("promote", "acme", "signing", "--anyway")[0] == 0
    assert run("roll-back", "acme", "signing")[0] == 0
    assert run("promote", "acme", "signing", "--anyway")[0] == 0
    code, words = run("list", "acme")
    assert code == 0
    assert "retiring" in words
    assert "encryption:" in words
    old = in_state(world, "signing", "retiring")
    assert run("retire", "acme", old["id"], "--erase")[0] == 0
    assert run("readers", "acme") == (0, "[]\n")
    key = rsa_key("brought")
    (tmp_path / "key.pem").write_text(pem_of(key, "secret words"))
    (tmp_path / "certificate.pem").write_text(certificate_of(key, ends=4000))
    files = ["--key-file", str(tmp_path / "key.pem"), "--certificate-file", str(tmp_path / "certificate.pem")]
    code, words = run("import", "acme", "encryption", *files, input="wrong\n")
    assert code == 2
    assert "passphrase" in words
    code, words = run("import", "acme", "encryption", *files, input="secret words\n")
    assert code == 0
    assert "secret words" not in words
    assert "PRIVATE" not in words
    assert [one["state"] for one in keys_of(world, "encryption")] == ["next", "active"]
