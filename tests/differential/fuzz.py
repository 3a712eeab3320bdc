"""Seeded mutations of good messages, the product held against libxmlsec1:

    python -m tests.differential.fuzz --count 20000 --seed 1

Two rules, and no exceptions to either: nothing is accepted where the oracle refuses or that reads differently from what was
signed; and whatever comes, the answer is an assertion or a refusal. What breaks a rule is written down beside what is
needed to judge it again, and the run ends with 1.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from lxml import etree

from identity.checks import Receipt
from identity.saml.response import masked_xml, read_response
from tenants.errors import Refusal
from tests.differential.oracles import libxmlsec_accepts
from tests.differential.origins import Origin, origins
from tests.differential.text_mutations import TEXT_MUTATIONS
from tests.differential.tree_mutations import TREE_MUTATIONS
from tests.support.idp import encoded
from tests.support.keys import rsa_key
from tests.support.saml_trust import accept

CHUNK = 250
MAX_SECONDS = 2.0
"""One message takes a millisecond; what takes so much longer has found something that grows too fast."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One changed message. `index` with the run's seed makes the same changes again (keys and so signatures differ)."""

    index: int
    origin: Origin
    steps: tuple[str, ...]
    xml: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """`code` of the refusal, or "accepted". `finding` is what is wrong with that, or None."""

    code: str
    finding: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule, as it travels between processes and is written down."""

    seed: int
    index: int
    what: str
    origin: str
    steps: tuple[str, ...]
    xml: bytes
    origin_xml: bytes

    def __str__(self) -> str:
        return f"FINDING {self.index}: {self.what}; {self.origin}; {', '.join(self.steps)}"

    def keep(self, folder: Path) -> None:
        """Write the message, what it was made from, and how."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{self.seed}-{self.index}"
        (folder / f"{name}.xml").write_bytes(self.xml)
        (folder / f"{name}.origin.xml").write_bytes(self.origin_xml)
        about = {name: getattr(self, name) for name in ("seed", "index", "what", "origin", "steps")}
        (folder / f"{name}.json").write_text(json.dumps(about, indent=2))


def mutation(seed: int, index: int) -> Mutation:
    """The mutation of that number."""
    random = Random(f"{seed}:{index}")
    origin = random.choice(origins())
    xml, steps = origin.xml, []
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        xml, step = _changed_tree(random, xml) if random.random() < 0.45 else _changed_text(random, xml)
        steps.append(step)
    return Mutation(index, origin, tuple(steps), origin.finish(xml))


def judge(mutation: Mutation) -> Verdict:
    """Ask product and oracle, and compare."""
    begun = time.process_time()
    try:
        assertion = accept(mutation.xml, mutation.origin.trust)
    except Refusal as refusal:
        verdict = Verdict(refusal.code)
    except Exception as error:  # any other exception is the finding
        verdict = Verdict("crash", f"crash: {error!r}"[:300])
    else:
        verdict = Verdict("accepted")
        if assertion != mutation.origin.assertion:
            verdict = Verdict("accepted", f"accepted with other content: {assertion}")
        elif not libxmlsec_accepts(mutation.xml, mutation.origin.key, rsa_key("sp")):
            verdict = Verdict("accepted", "accepted where libxmlsec1 refuses")
    if time.process_time() - begun > MAX_SECONDS:
        return Verdict(verdict.code, f"took more than {MAX_SECONDS} seconds")
    return verdict if verdict.finding else Verdict(verdict.code, _masking_fault(mutation.xml))


def run(count: int, seed: int, processes: int, folder: Path) -> int:
    """Judge that many mutations, tell what came of them, and return the number of findings."""
    begun = time.monotonic()
    codes: Counter[str] = Counter()
    findings = 0
    origins()  # made before the processes fork, so that all have the same keys
    chunks = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for counted, found in pool.imap_unordered(partial(judge_all, seed), chunks):
            codes += counted
            findings += len(found)
            for finding in found:
                print(finding)
                finding.keep(folder)
    print(f"{count} mutations of {len(origins())} messages, seed {seed}, {time.monotonic() - begun:.0f} s: {findings} findings")
    print("\n".join(f"{number:8} {code}" for code, number in codes.most_common()))
    return findings


def judge_all(seed: int, indexes: Iterable[int]) -> tuple[Counter[str], list[Finding]]:
    """Judge the mutations of these numbers: how often each code came, and what was found."""
    codes: Counter[str] = Counter()
    found = []
    for index in indexes:
        changed = mutation(seed, index)
        verdict = judge(changed)
        codes[verdict.code] += 1
        if verdict.finding:
            origin = changed.origin
            found.append(Finding(seed, index, verdict.finding, origin.name, changed.steps, changed.xml, origin.xml))
    return codes, found


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; 1 when a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential.fuzz", description="Fuzz the SAML response verifier.")
    parser.add_argument("--count", type=int, default=20_000, help="number of mutations")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="where findings are written")
    chosen = parser.parse_args(arguments)
    return 1 if run(chosen.count, chosen.seed, chosen.processes, chosen.folder) else 0


def _changed_text(random: Random, xml: bytes) -> tuple[bytes, str]:
    change = random.choice(TEXT_MUTATIONS)
    return (change(random, xml) if xml else xml), change.__name__


def _changed_tree(random: Random, xml: bytes) -> tuple[bytes, str]:
    change = random.choice(TREE_MUTATIONS)
    try:
        root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))
        change(random, root)
        return etree.tostring(root), change.__name__
    except (etree.LxmlError, ValueError, TypeError):  # an earlier change left no tree, or a tree where this one is impossible
        return xml, f"{change.__name__} (impossible)"


def _masking_fault(xml: bytes) -> str | None:
    try:
        masked_xml(read_response(encoded(xml), Receipt()))
    except Refusal:
        return None
    except Exception as error:
        return f"crash in masking: {error!r}"[:300]
    return None


if __name__ == "__main__":
    sys.exit(main())
