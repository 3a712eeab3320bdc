"""Every rate of the service stands in the security model as it is in the code, and nothing is counted that stands nowhere."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.unit.docs.pages import ROOT, codes, page, table

PACKAGES = ("config", "tenants", "identity", "admin_ui")


def rates_in(path: Path) -> dict[str, tuple[float, float]]:
    """`Rate("what", per_minute=…, burst=…)` in a module: what -> at once and a minute."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Rate":
            given = {keyword.arg: eval(ast.unparse(keyword.value)) for keyword in node.keywords}
            what = ast.literal_eval(node.args[0])
            assert len(what) <= 20
            found[what] = (given["burst"], given["per_minute"])
    return found


def test_every_rate_stands_in_the_security_model() -> None:
    """With its numbers."""
    code = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            code |= rates_in(path)
    said = {
        codes(row["what"])[0]: (float(row["at once"]), float(row["a minute"]))
        for row in table(page("security-model.md"), "what", "counted for", "at once", "a minute")
    }
    assert said == {what: pytest.approx(numbers, abs=0.01) for what, numbers in code.items()}
