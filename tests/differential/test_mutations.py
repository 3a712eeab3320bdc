"""A short run of the fuzzer, the same each time; `make fuzz` runs a long one."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.differential.fuzz import Finding, Mutation, judge, mutation
from tests.differential.origins import Origin, origins
from tests.differential.tree_mutations import MALLORY

SEED = 20_261_124
SHARES, SHARE = 6, 100


@pytest.mark.parametrize("share", range(SHARES))
def test_no_mutation_is_accepted_with_other_content(share: int) -> None:
    """Nothing is accepted where libxmlsec1 refuses or that reads differently, and nothing ends otherwise than by a refusal."""
    for index in range(share * SHARE, (share + 1) * SHARE):
        changed = mutation(SEED, index)
        verdict = judge(changed)
        assert verdict.finding is None, f"{changed.origin.name}: {', '.join(changed.steps)}: {verdict.finding}"


def test_mutations_reach_every_part_of_the_verifier() -> None:
    """The run is worth something: some mutations are accepted, and the others are refused for many different reasons."""
    codes = Counter(judge(mutation(SEED + 1, index)).code for index in range(300))
    assert codes["accepted"] > 5
    for code in ("signature_invalid", "signature_missing", "response_malformed", "xml_forbidden", "algorithm_not_allowed"):
        assert codes[code] > 0, code


@pytest.mark.parametrize("origin", origins(), ids=lambda origin: origin.name)
def test_an_unchanged_message_is_accepted_by_both(origin: Origin) -> None:
    """What mutations start from is accepted by product and oracle alike."""
    verdict = judge(Mutation(0, origin, (), origin.finish(origin.xml)))
    assert (verdict.code, verdict.finding) == ("accepted", None)


def test_a_finding_travels_and_is_written_down(tmp_path: Path) -> None:
    """What a process of the fuzzer finds reaches the one that writes it, with all that is needed to judge it again."""
    origin = origins()[0]
    finding = Finding(1, 7, "accepted with other content", origin.name, ("put_evil_twin",), b"<a/>", origin.xml)
    pickle.loads(pickle.dumps(finding)).keep(tmp_path / "new")
    assert (tmp_path / "new" / "1-7.xml").read_bytes() == b"<a/>"
    assert (tmp_path / "new" / "1-7.origin.xml").read_bytes() == origin.xml
    about = json.loads((tmp_path / "new" / "1-7.json").read_text())
    assert (about["index"], about["what"], about["steps"]) == (7, "accepted with other content", ["put_evil_twin"])
    assert str(finding).startswith("FINDING 7")


def test_the_judge_finds_other_content() -> None:
    """A verifier that believed a stranger would be found out: the judge compares what was read with what was signed."""
    origin = origins()[-1]
    fooled = replace(origin, assertion=replace(origin.assertion, name_id=MALLORY))
    verdict = judge(Mutation(0, fooled, (), origin.finish(origin.xml)))
    assert verdict.finding is not None
    assert verdict.finding.startswith("accepted with other content")
