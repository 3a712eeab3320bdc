"""What the tests of the documentation share: tables of a page, code blocks, and names that have to exist."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
CODE = re.compile(r"`([^`]+)`")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    """The text of a page."""
    return (DOCS / name).read_text("utf-8")


def pages() -> list[Path]:
    """Every page, the README too."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def tables(text: str) -> Iterator[list[dict[str, str]]]:
    """Each table of a page as rows of column -> cell."""
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in block.splitlines()]
        head, _, *rows = lines
        for row in rows:
            assert len(row) == len(head), f"a row with {len(row)} cells under {len(head)} columns: {row}"
        yield [dict(zip(head, row, strict=True)) for row in rows]


def table(text: str, first_column: str, *columns: str) -> list[dict[str, str]]:
    """The one table that begins with this column and has the others."""
    found = [rows for rows in tables(text) if next(iter(rows[0])) == first_column and set(columns) <= rows[0].keys()]
    assert len(found) == 1, f"{len(found)} tables with {first_column}"
    return found[0]


def codes(cell: str) -> list[str]:
    """What stands in back quotes."""
    return CODE.findall(cell)


def blocks(text: str, language: str) -> list[str]:
    """The code blocks in a language."""
    return [body for named, body in _FENCE.findall(text) if named == language]


def named(dotted: str) -> Any:
    """The object of a dotted name, such as `tenants.signed_xml.xml.parse`."""
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)


def require_test(reference: str) -> None:
    """Fail where `unit/x/test_y.py::test_z[case]` does not exist below tests/; a case has to stand in the file's text."""
    path, _, rest = reference.partition("::")
    name, _, case = rest.partition("[")
    text = (ROOT / "tests" / path).read_text("utf-8")
    functions = {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
    assert name in functions, f"{reference}: there is no such test"
    assert case.removesuffix("]") in text, f"{reference}: there is no such case"


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a page's shell blocks as lists of words; quoted words may go over several lines."""
    for block in blocks(text, "sh"):
        pending = ""
        for line in block.replace("\\\n", " ").splitlines():
            pending += line + "\n"
            try:
                words = shlex.split(pending, comments=True)
            except ValueError:  # a quotation that goes on
                continue
            pending = ""
            if words:
                yield words
        assert not pending, f"a quotation that never ends: {pending[:80]}"
