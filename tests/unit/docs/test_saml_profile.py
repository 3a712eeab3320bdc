"""docs/saml-profile.md is true: one line for each check, codes, functions, tests and bounds that exist."""

from __future__ import annotations

import datetime as dt
import inspect
import re

import pytest

from identity import checks
from identity.checks import Check
from tests.unit.docs.pages import ROOT, codes, named, page, require_test, table
from tests.unit.docs.refusal_codes import EVERY_CODE

PAGE = page("saml-profile.md")
CHECKS = {name: value for name, value in vars(checks).items() if isinstance(value, Check)}
LINES = {codes(row["check"])[0]: row for row in table(PAGE, "check", "what must hold")}
BOUNDS = table(PAGE, "what", "bound", "constant")
UNITS = {"KiB": 1024, "MiB": 1024 * 1024, "bytes": 1}
SPANS = {"seconds": 1, "minutes": 60, "day": 86_400, "days": 86_400}


def test_each_check_has_one_line_in_the_order_of_the_list() -> None:
    """No check is missing, none is there twice, none is made up."""
    rows = table(PAGE, "check", "what must hold")
    assert [codes(row["check"]) for row in rows] == [[check.id] for check in CHECKS.values()]


@pytest.mark.parametrize("name", CHECKS)
def test_a_line_says_what_the_check_says(name: str) -> None:
    """Section and first code are the check's own; other codes exist; so do function and tests; the function makes the check."""
    check, row = CHECKS[name], LINES[CHECKS[name].id]
    assert row["section"] == check.section
    assert len(row["what must hold"]) > 10
    shown = codes(row["code"])
    assert shown[0] == check.refusal.code
    assert set(shown) <= EVERY_CODE
    place = re.fullmatch(r"`(.+)`<br>good `(.+)`<br>bad `(.+)`", row["function, good test, bad test"])
    assert place, row
    dotted, good, bad = place.groups()
    assert _serves(dotted, name), f"{dotted} neither makes the check {name} nor is called where it is made"
    require_test(good)
    require_test(bad)


@pytest.mark.parametrize("row", BOUNDS, ids=[row["constant"].strip("`") for row in BOUNDS])
def test_bounds_are_those_of_the_code(row: dict[str, str]) -> None:
    """Each bound is the value of its constant."""
    (dotted,) = codes(row["constant"])
    value = named(dotted)
    number, _, unit = row["bound"].partition(" ")
    if isinstance(value, dt.timedelta):
        assert value == dt.timedelta(seconds=int(number) * SPANS[unit])
    else:
        assert value == int(number) * UNITS.get(unit, 1)


def test_every_family_of_attacks_is_listed() -> None:
    """One line for each file, and a file for each line."""
    listed = [codes(row["file"])[0] for row in table(PAGE, "family", "file")]
    assert sorted(listed) == sorted(path.name for path in (ROOT / "tests/attacks").glob("test_*.py"))


def test_every_code_on_the_page_is_one() -> None:
    """Words in back quotes that look like a code of a refusal in the checks' table are explained in refusals.md."""
    explained = set(re.findall(r"^\| `([a-z_]+)` \| \d{3} \|", page("refusals.md"), re.MULTILINE))
    for row in LINES.values():
        assert set(codes(row["code"])) <= explained


def _serves(dotted: str, constant: str) -> bool:
    """Whether the function makes the check, or a function that makes it calls it."""
    function = named(dotted)
    if re.search(rf"\b{constant}\b", inspect.getsource(function)):
        return True
    short = dotted.rpartition(".")[2]
    makers = (
        inspect.getsource(item)
        for module in map(named, ("identity.saml.unverified", "identity.saml.verification", "identity.saml.response"))
        for item in vars(module).values()
        if inspect.isfunction(item)
    )
    return any(re.search(rf"\b{constant}\b", source) and f"{short}(" in source for source in makers)
