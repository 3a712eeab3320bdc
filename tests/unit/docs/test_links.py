"""Links lead somewhere: files, headings and pictures that are there; the site's menu has every page that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.docs.pages import DOCS, ROOT, pages

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
ELSEWHERE = re.compile(r"[a-z]+://|mailto:")
NOT_OURS = re.compile(r"TODO|FIXME|coming soon", re.IGNORECASE)
MAX_PICTURE = 100 * 1024
"""Bytes."""


def _without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def _anchors(text: str) -> set[str]:
    """Headings as Markdown readers name them: lower case, blanks as hyphens, no punctuation."""
    headings = re.findall(r"^#+ (.+)$", _without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    """A file of the repository, and a heading in it where one is named."""
    text = _without_code(path.read_text("utf-8"))
    for target in LINK.findall(text):
        if ELSEWHERE.match(target):
            continue
        name, _, anchor = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        assert found.is_file(), f"{target}: no such file"
        assert found.is_relative_to(ROOT)
        if anchor:
            assert anchor in _anchors(found.read_text("utf-8")), f"{target}: no such heading"


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_speak_of_the_product_alone(path: Path) -> None:
    """One title, no place of somebody's machine, nothing that is yet to come."""
    text = path.read_text("utf-8")
    assert len(re.findall(r"^# ", _without_code(text), re.MULTILINE)) == 1
    assert not NOT_OURS.search(text)


def test_the_menu_names_pages_that_exist() -> None:
    """And each page but those that are linked from others stands in it."""
    menu = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE))
    there = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert menu <= there
    assert there - menu <= {"performance.md"}


def test_pictures_are_small() -> None:
    """A page opens at once on a slow line."""
    pictures = list((DOCS / "images").iterdir())
    assert pictures
    for picture in pictures:
        assert picture.stat().st_size < MAX_PICTURE, picture.name
