"""The guides in docs/how-to work: their commands are run, and a person signs in with the attributes that they name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa

from config.database import db
from config.isolation import every_tenant
from identity.models import User
from tests.support.idp import ForgingIdP
from tests.support.world import Organisation, World
from tests.unit.docs.pages import DOCS, ROOT, codes, commands, table, tables
from tests.unit.docs.refusal_codes import EVERY_CODE

GUIDES = sorted(path for path in (DOCS / "how-to").glob("*.md") if path.name not in ("index.md", "native.md"))
HEADINGS = ["What to enter there", "What to set here", "What arrives", "When it fails"]
VALUES = {"username": "ada", "email": "ada@acme.test", "first_name": "Ada", "last_name": "Lovelace", "phone": "+41 44 123 45"}
SUBJECT = "stays-for-ever-17"
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_every_guide_has_the_same_shape(guide: Path) -> None:
    """What to enter there, what to set here, what arrives, what goes wrong; and the codes in it are codes."""
    text = guide.read_text("utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert "our entity ID" in text
    assert "our ACS URL" in text or "our metadata URL" in text
    shown = {code for row in table(text, "what is seen", "why", "what to do") for code in codes(row["what is seen"])}
    assert shown & EVERY_CODE
    for code in shown:
        assert code in EVERY_CODE or not re.fullmatch(r"[a-z]+(_[a-z]+)+", code), code


@ON_SQLITE
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_person_signs_in_as_the_guide_says(guide: Path, world: World, tmp_path: Path) -> None:
    """Its commands are taken, and with the attributes that arrive by it every field is filled and the subject is right."""
    text = guide.read_text("utf-8")
    idp = ForgingIdP("https://idp.guide.test/metadata")
    metadata = tmp_path / "metadata.xml"
    metadata.write_text(idp.metadata_xml(), "utf-8")
    name = ""
    for words in commands(text):
        if words[:3] == ["vestibule", "idp", "put"]:
            name = words[4]
        _run(world, words, metadata)
    arriving = {row["field"]: codes(row["attribute"])[0] for row in table(text, "field", "attribute")}
    guided = Organisation("acme", "acme.test", idp)
    browser = world.browser(guided)
    started = browser.start(idp=name)
    xml = world.response(started, guided, name_id=_name_id(arriving), attributes=_attributes(arriving), sign="both")
    answer = browser.post_response(xml, started.relay_state)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    user = browser.get("/session").get_json()["user"]
    for field in arriving.keys() - {"subject"}:
        assert user[field] == (SUBJECT if arriving[field] == arriving["subject"] else VALUES[field])
    with world.app.app_context(), every_tenant():
        assert db.session.execute(sa.select(User.subject).where(User.id == user["id"])).scalar_one() == SUBJECT


@ON_SQLITE
def test_every_setting_in_the_tables_can_be_set(world: World) -> None:
    """Assignments in back quotes, wherever a guide advises one, are accepted; together where they stand together."""
    for guide in GUIDES:
        for rows in tables(guide.read_text("utf-8")):
            for cell in (cell for row in rows for cell in row.values()):
                for code in codes(cell):
                    if re.match(r"'?[a-z0-9_]+=", code):
                        _run(world, ["vestibule", "settings", "set", "acme", "main", *shlex.split(code)])


def _run(world: World, words: list[str], metadata: Path | None = None) -> None:
    """Run a `vestibule` command of a guide, with metadata from here instead of from where it says."""
    assert words[0] == "vestibule", words
    words = [word.replace("acme.example", "acme.test") for word in words[1:]]
    for option in ("--metadata-url", "--metadata-file"):
        if option in words:
            at = words.index(option)
            words[at : at + 2] = ["--metadata-file", str(metadata)]
    result = world.app.test_cli_runner().invoke(args=words)
    assert result.exit_code == 0, f"{words}: {result.output}"


def _name_id(arriving: Mapping[str, str]) -> str:
    return SUBJECT if arriving["subject"] == "NameID" else "another-each-time"


def _attributes(arriving: Mapping[str, str]) -> dict[str, list[str]]:
    attributes = {arriving[field]: [value] for field, value in VALUES.items() if field in arriving}
    attributes[arriving["subject"]] = [SUBJECT]
    attributes.pop("NameID", None)
    return attributes


def test_every_guide_is_in_the_list_of_guides() -> None:
    """Nobody finds a guide that the overview does not name, and the site's menu has them all."""
    overview = (DOCS / "how-to/index.md").read_text("utf-8")
    menu = (ROOT / "mkdocs.yml").read_text("utf-8")
    for guide in GUIDES:
        assert f"({guide.name})" in overview
        assert f"how-to/{guide.name}" in menu
