"""Seals by API, command line and file: who may, what is told, and what an export shows by itself (L2)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tenants.sealing import chains, examination, sealer
from tests.attacks.support import on_sqlite
from tests.flows.management.support import code_in, token_for
from tests.support.tampering import KEYS, Attacker, add_events, event_ids, seal
from tests.support.world import World

EVENTS = "/tenants/acme/events"


@pytest.fixture
def sealed(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Seals of three events each at acme, one event that waits, and a sealed one at globex."""
    monkeypatch.setattr(sealer, "BATCH", 3)
    add_events(world, 6, note="=HYPERLINK(1)")
    seal(world)
    add_events(world, 1)
    seal(world, "globex")
    return world


def test_seals_are_listed_and_verified_part_by_part(sealed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part says where the next begins; the last one has the anchor that an auditor keeps."""
    listed = sealed.api("GET", f"{EVENTS}/seals?limit=2").get_json()
    assert [item["number"] for item in listed["items"]] == [3, 2]
    assert listed["waiting"] == 1
    rest = sealed.api("GET", listed["next"].removeprefix("/api/v1")).get_json()
    assert [item["number"] for item in rest["items"]] == [1]
    monkeypatch.setattr(chains, "SEALS_OF_A_PART", 2)
    parts, since = [], None
    while not parts or since is not None:
        answer = sealed.api("POST", f"{EVENTS}/verify", json={"since": since})
        assert answer.status_code == 200, answer.get_data(as_text=True)
        parts.append(answer.get_json())
        since = parts[-1]["next"]
    assert [(part["intact"], part["seals"]) for part in parts] == [(True, 2), (True, 1)]
    assert parts[-1]["anchor"] == listed["items"][0]["anchor"]
    monkeypatch.setattr(examination, "CHUNK", 1)
    monkeypatch.setattr(examination, "CHUNKS_OF_A_PART", 2)
    add_events(sealed, 3)
    assert sealed.api("POST", f"{EVENTS}/verify", json={"since": parts[-1]["anchor"]}).get_json()["waiting"] == 2
    attacker = Attacker(sealed)
    attacker.drop_triggers()
    event_id = event_ids(sealed, 1)[4]
    attacker.change(event_id, reason="other")
    found = sealed.api("POST", f"{EVENTS}/verify", json={}).get_json()
    assert (found["intact"], found["faults"]) == (False, 1)
    (finding,) = found["findings"]
    assert (finding["fault"], finding["seal"], finding["event"]) == ("event_changed", 2, event_id)


@on_sqlite
def test_who_may_verify_and_with_what(sealed: World) -> None:
    """Viewers see seals; anchors of another tenant, or none at all, are refused."""
    viewer, admin = token_for(sealed, "viewer", "acme"), token_for(sealed, "admin", "acme")
    foreign = sealed.api("GET", "/tenants/globex/events/seals").get_json()["items"][0]["anchor"]
    assert sealed.api("GET", f"{EVENTS}/seals", viewer).status_code == 200
    assert code_in(sealed.api("POST", f"{EVENTS}/verify", viewer, json={})) == (403, "forbidden")
    assert sealed.api("POST", f"{EVENTS}/verify", admin, json={}).status_code == 200
    for since in (foreign, "v1_1_0_" + "0" * 64, "x", "v1_1_1"):
        assert code_in(sealed.api("POST", f"{EVENTS}/verify", admin, json={"since": since})) == (422, "anchor_invalid")
    assert code_in(sealed.api("GET", "/tenants/globex/events/seals", admin)) == (404, "not_found")


@on_sqlite
def test_the_command_line_names_what_was_changed(sealed: World) -> None:
    """Exit code 0 for a whole chain, 1 for a broken one, 2 for a mistake; all chains, one, or staff's."""
    run = sealed.app.test_cli_runner().invoke
    whole = run(args=["audit", "verify"])
    assert whole.exit_code == 0, whole.output
    named = [line.partition(":")[0] for line in whole.output.splitlines() if ": intact;" in line]
    assert named == ["acme", "globex", "(staff)"]
    anchor = run(args=["audit", "anchors", "acme"]).output.split()[0]
    assert anchor.startswith("v1_1_3_")
    assert run(args=["audit", "verify", "acme", "--from", anchor, "--anchor", anchor]).exit_code == 0
    assert run(args=["audit", "verify", "globex", "--anchor", anchor]).exit_code == 2
    assert run(args=["audit", "verify", "acme", "--anchor", "v1"]).exit_code == 2
    assert run(args=["audit", "verify", "acme", "--staff"]).exit_code == 2
    assert run(args=["audit", "verify", "nobody"]).exit_code == 2
    assert run(args=["audit", "keys"]).output.split() == ["test", KEYS.active]
    attacker = Attacker(sealed)
    attacker.drop_triggers()
    event_id = event_ids(sealed, 1)[1]
    attacker.remove(event_id)
    broken = run(args=["audit", "verify", "acme"])
    assert broken.exit_code == 1
    assert f"event_removed: event {event_id} (seal 1)" in broken.output


def test_an_export_is_verified_by_itself(sealed: World, tmp_path: Path) -> None:
    """Without the database: a line that was changed, taken out or put in is named; a filtered one is verified in parts."""
    run, path = sealed.app.test_cli_runner().invoke, tmp_path / "export.jsonl"
    lines = run(args=["events", "export", "acme", "--format", "sealed"]).output.splitlines(keepends=True)
    assert lines == sealed.api("GET", f"{EVENTS}-sealed.jsonl").get_data(as_text=True).splitlines(keepends=True)[1:]

    def verdict(changed: list[str], *more: str) -> tuple[int, str]:
        path.write_text("".join(changed))
        result = run(args=["audit", "verify", "--file", str(path), *more])
        return result.exit_code, result.output

    code, output = verdict(lines)
    assert code == 0, output
    assert "9 events in 3 seals, 2 wait" in output
    place = next(at for at, line in enumerate(lines) if '"seal": 2' in line and '"id"' in line)
    event = json.loads(lines[place])
    changed = json.dumps(event | {"actor": "nobody"}) + "\n"
    seals = [at for at, line in enumerate(lines) if line.startswith('{"seal"')]
    forged = json.loads(lines[seals[0]])
    forged["seal"]["events"].pop()
    newest = json.loads(lines[seals[0]])["seal"]
    for tampered, expected in (
        ([*lines[:place], changed, *lines[place + 1 :]], f"event_changed: event {event['id']} (seal 2)"),
        ([*lines[:place], *lines[place + 1 :]], f"event_removed: event {event['id']} (seal 2)"),
        ([*lines[: place + 1], *lines[place:]], f"event_added: event {event['id']} (seal 2)"),
        ([*lines[: seals[0]], json.dumps(forged) + "\n", *lines[seals[0] + 1 :]], "seal_changed: seal 3"),
        ([line for at, line in enumerate(lines) if at != seals[1]], "seal_removed: seal 2"),
        (["nonsense\n", *lines], "line 1 is no event"),
        ([], "the file is empty"),
    ):
        code, output = verdict(tampered)
        assert code == 1, expected
        assert expected in output
    anchor = f"v1_1_3_{newest['hash']}"
    assert verdict(lines, "--anchor", anchor)[0] == 0
    assert verdict(lines[seals[1] :], "--anchor", anchor)[0] == 1, "cut off at its newest end"
    filtered = run(args=["events", "export", "acme", "--format", "sealed", "--type", "tenant.created"]).output.splitlines(True)
    assert verdict(filtered, "--partial")[0] == 0
    assert verdict(filtered)[0] == 1


@on_sqlite
def test_a_spreadsheet_of_events_is_what_it_was(sealed: World) -> None:
    """Seals change nothing of the CSV: no cell of it is a formula, and it has the columns that it had."""
    text = sealed.api("GET", f"{EVENTS}.csv").get_data(as_text=True).removeprefix("\ufeff")
    assert text.splitlines()[0] == "id,at,type,reason,actor,detail"
    assert all(not cell.startswith(("=", '"=')) for line in text.splitlines() for cell in line.split(","))
    plain = [json.loads(line) for line in sealed.api("GET", f"{EVENTS}.jsonl").get_data(as_text=True).splitlines()]
    assert {frozenset(item) for item in plain} == {frozenset({"id", "at", "type", "reason", "actor", "detail"})}
