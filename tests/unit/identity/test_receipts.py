"""Receipts as they are stored, and as people read them."""

from __future__ import annotations

import json

import pytest

from identity.checks import AUDIENCE, BROWSER, CHECKS, FORM, ISSUE_INSTANT, MAX_SHOWN, ONE_ASSERTION, Receipt, shown_receipt
from identity.errors import Expired, LoginStateLost

WHOLE = {
    "checks": [
        ["form", True, "", "", "request_invalid"],
        ["one_assertion", True, "1", "1", "assertion_invalid"],
        ["audience", True, "us", "us, them", "audience_mismatch"],
        ["issue_instant", True, "at most a day before", "now", "expired"],
        ["browser", False, "the browser that began", "no login cookie", "login_state_lost"],
    ],
    "facts": {"idp": "main"},
}
"""As receipts were stored before 2026-11-30."""


def made() -> Receipt:
    """The same receipt, of today."""
    receipt = Receipt()
    receipt.facts["idp"] = "main"
    receipt.passed(FORM)
    receipt.require(ONE_ASSERTION, True, "1", "1")
    receipt.require(AUDIENCE, True, "us", "us, them")
    receipt.require(ISSUE_INSTANT, True, "at most a day before", "now", Expired)
    with pytest.raises(LoginStateLost):
        receipt.require(BROWSER, False, "the browser that began", otherwise="no login cookie")
    return receipt


def test_a_stored_receipt_says_all_that_was_checked() -> None:
    """Short lines and whole ones, which older receipts have alone, are read alike."""
    stored = json.loads(json.dumps(made().to_document()))
    assert stored["checks"][:3] == ["form", ["one_assertion", "1"], ["audience", "us", "us, them"]]
    assert shown_receipt(stored) == shown_receipt(WHOLE)
    assert [line["passed"] for line in shown_receipt(stored)["checks"]] == [True] * 4 + [False]


def test_no_line_is_taken_for_another() -> None:
    """Whatever a check expected and got, and by which code: what is read is what was noted, cut and without NUL."""
    texts = ("", "none", "a\x00b", "x" * (MAX_SHOWN + 1))
    for check in CHECKS.values():
        for expected in texts:
            for actual in texts:
                for refusal in (None, Expired):
                    receipt = Receipt()
                    receipt.require(check, True, expected, actual, refusal)
                    (line,) = shown_receipt(json.loads(json.dumps(receipt.to_document())))["checks"]
                    seen = (expected.replace("\x00", "")[:MAX_SHOWN], actual.replace("\x00", "")[:MAX_SHOWN])
                    assert (line["id"], line["expected"], line["actual"], line["passed"]) == (check.id, *seen, True)
                    assert line["code"] == (refusal or check.refusal).code
