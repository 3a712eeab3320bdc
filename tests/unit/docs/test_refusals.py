"""docs/refusals.md is complete: every code that the product knows, with its status, and none besides."""

from __future__ import annotations

import re
from pathlib import Path

from tenants.metadata_history.changes import (
    ADDRESS_UNPROTECTED,
    ENDPOINT_HOST_CHANGED,
    SIGNING_KEY_UNPROTECTED,
    SIGNING_KEYS_REPLACED,
)
from tenants.metadata_history.taking import CHANGE_REFUSED, ROLLED_BACK
from tests.unit.docs.pages import ROOT, codes, page, tables
from tests.unit.docs.refusal_codes import EVERY_CODE, STATUSES

PAGE = page("refusals.md")
WHO = {"Person", "Tenant admin", "IdP admin", "Staff", "Operator"}
ROWS = [row for rows in tables(PAGE) for row in rows if "status" in row]


def test_every_code_is_explained_with_each_of_its_statuses() -> None:
    """What the classes say and what the page says is the same."""
    shown: dict[str, set[int]] = {}
    for row in ROWS:
        (code,) = codes(row["code"])
        shown.setdefault(code, set()).add(int(row["status"]))
    assert shown == STATUSES


def test_every_line_says_who_and_how() -> None:
    """No line is without an answer to what can be done, and by whom."""
    for row in ROWS:
        assert row["who"] in WHO
        assert len(row["what it means"]) > 10, row
        assert len(row["how it is mended"]) > 3, row


def test_every_warning_about_metadata_is_explained() -> None:
    """Warnings have codes of their own; all that the code can add are in the table."""
    rows, waiting = (rows for rows in tables(PAGE) if "status" not in rows[0])
    shown = {code for row in rows for code in codes(row["code"])}
    written = {
        code
        for path in Path(ROOT, "tenants").glob("metadata_*.py")
        for code in re.findall(r'"code": "([a-z_]+)"', path.read_text("utf-8"))
    } | set(re.findall(r'"code": "([a-z_]+)"', Path(ROOT, "tenants/idp_metadata.py").read_text("utf-8")))
    assert shown == written | {"key_too_weak", "key_not_allowed", "certificate_invalid"}
    waits = {code for row in waiting for code in codes(row["code"])}
    unprotected = {ADDRESS_UNPROTECTED, SIGNING_KEY_UNPROTECTED}
    assert waits == {"entity_id_changed", ENDPOINT_HOST_CHANGED, SIGNING_KEYS_REPLACED, ROLLED_BACK} | unprotected
    assert CHANGE_REFUSED in PAGE


def test_no_page_names_a_code_that_is_none() -> None:
    """A setting, a field or a code in back quotes: what ends like a code is one."""
    for path in (ROOT / "docs").rglob("*.md"):
        for word in re.findall(r"`([a-z_]+_(?:invalid|mismatch|missing|expired|allowed|failed))`", path.read_text("utf-8")):
            assert word in EVERY_CODE | {"certificate_expired"} or word in OTHERS, f"{path.name}: {word}"


OTHERS = frozenset({"job_failed"})
"""Words of the log."""
