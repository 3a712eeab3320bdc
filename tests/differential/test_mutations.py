"""A short run of the fuzzer, the same each time; `make fuzz` runs a long one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.differential.fuzz import Mutation, judge, mutation
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
    assert codes.keys() >= {
        "signature_invalid",
        "signature_missing",
        "response_malformed",
        "xml_forbidden",
        "algorithm_not_allowed",
    }


@pytest.mark.parametrize("origin", origins(), ids=lambda origin: origin.name)
def test_an_unchanged_message_is_accepted_by_both(origin: Origin) -> None:
    """What mutations start from is accepted by product and oracle alike."""
    verdict = judge(Mutation(0, origin, (), origin.finish(origin.xml)))
    assert (verdict.code, verdict.finding) == ("accepted", None)


def test_the_judge_finds_other_content() -> None:
    """A verifier that believed a stranger would be found out: the judge compares what was read with what was signed."""
    origin = origins()[-1]
    fooled = replace(origin, assertion=replace(origin.assertion, name_id=MALLORY))
    verdict = judge(Mutation(0, fooled, (), origin.finish(origin.xml)))
    assert verdict.finding is not None
    assert verdict.finding.startswith("accepted with other content")
