"""Commands on the pages exist with their options, and the examples of docs/api.md are run as they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from flask.cli import ScriptInfo

import command
from tenants.roles import Role
from tenants.saml_settings import SAMLSettings
from tenants.saml_settings_schemas import SettingsPatch
from tests.support.idp import ForgingIdP
from tests.support.world import World
from tests.unit.docs.pages import codes, commands, page, pages, table

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SUBSTITUTED = re.compile(r"\$\(((?:\.venv/bin/)?vestibule [^)]+)\)")


@ON_SQLITE
def test_every_command_on_a_page_exists(world: World, tmp_path: Path) -> None:
    """Each command and each of its options and values is one that `vestibule` takes."""
    info = ScriptInfo(create_app=lambda: world.app)
    found = 0
    for path in pages():
        for words in commands(path.read_text("utf-8")):
            for inner in _vestibules(words):
                _parse(inner, info, tmp_path)
                found += 1
    assert found > 25


@ON_SQLITE
def test_the_examples_of_the_api_page_work(world: World) -> None:
    """Every curl call is made, in order, and answered with a document and no refusal."""
    calls = [words for words in commands(page("api.md")) if words[0] == "curl" and "$API" in " ".join(words)]
    assert len(calls) > 8
    for words in calls:
        method, path, body = _call_of(words)
        answer = world.api(method, path, json=body) if body is not None else world.api(method, path)
        assert answer.status_code in (200, 201), f"{words}: {answer.get_data(as_text=True)}"


def test_every_setting_is_on_the_api_page_with_its_default() -> None:
    """The table of settings is complete, and says what a new identity provider has."""
    rows = table(page("api.md"), "setting", "values", "default")
    shown = {name: row["default"] for row in rows for name in codes(row["setting"])}
    assert shown.keys() == set(SettingsPatch().fields)
    defaults = SAMLSettings().to_document()
    for name in ("sign_requests", "require_authn_context", "jit_provisioning", "allow_idp_initiated", "force_authn"):
        assert shown[name] == json.dumps(defaults[name])
    for name in ("profile_update", "request_binding", "name_id_source", "authn_context_comparison"):
        assert shown[name] == f"`{defaults[name]}`"
    assert shown["clock_skew_seconds"] == str(defaults["clock_skew_seconds"])


def test_every_role_is_on_the_api_page() -> None:
    """And no other."""
    assert [codes(row["role"])[0] for row in table(page("api.md"), "role", "sees", "may")] == [role.value for role in Role]


def _vestibules(words: list[str]) -> list[list[str]]:
    """The `vestibule` commands in a command: itself, or those in `$(…)`."""
    if words[0] in ("vestibule", ".venv/bin/vestibule"):
        return [words[1:]]
    return [found.split()[1:] for word in words for found in SUBSTITUTED.findall(word)]


def _parse(words: list[str], info: ScriptInfo, folder: Path) -> None:
    """Parse as click would, without running; files that a command wants are made."""
    group: click.Command = command.vestibule
    context = click.Context(group, obj=info, info_name="vestibule")
    words = list(words)
    while isinstance(group, click.Group):
        name = words.pop(0)
        inner = group.get_command(context, name)
        assert inner is not None, f"vestibule … {name}: no such command"
        group, context = inner, click.Context(inner, info_name=name, parent=context, obj=info)
    for at in [at + 1 for at, word in enumerate(words) if word.startswith("--") and word.endswith("-file")]:
        words[at] = str(folder / Path(words[at]).name)
        Path(words[at]).touch()
    with context:  # closes the files that it opens
        group.parse_args(context, words)


def _call_of(words: list[str]) -> tuple[str, str, Mapping[str, Any] | None]:
    """Method, path and JSON body of a curl call."""
    assert "Authorization: Bearer $TOKEN" in words
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    (url,) = [word for word in words if word.startswith("$API")]
    if "-d" not in words:
        return method, url.removeprefix("$API"), None
    assert "Content-Type: application/json" in words
    text = words[words.index("-d") + 1]
    if text == "@idp.json":
        return method, url.removeprefix("$API"), {"display_name": "Demo", "metadata_xml": ForgingIdP().metadata_xml()}
    body: Mapping[str, Any] = json.loads(text)
    return method, url.removeprefix("$API"), body
