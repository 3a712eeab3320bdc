"""Fetches run side by side in a bounded number of threads; claims and results go through the one thread that began them.

So a process needs one connection to the database however many fetches are under way, and none while it waits for a server.
Nothing more is claimed while the process has had its part of a core (config.pacing); what is claimed is always finished, so
that no lease runs out for it. Nobody can take all threads: of one tenant two fetches run at a time in a process, and identity
providers that failed the last time have half of the threads at most.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from config.pacing import BACKGROUND
from tenants.refresh.records import Candidate
from tenants.refresh.taking import Fetch

FETCH_THREADS = 16
FAILING_AT_ONCE = FETCH_THREADS // 2
TENANT_AT_ONCE = 2
CLAIMED_TOGETHER = 4
"""So many threads are to be free before so many are claimed in one transaction; or a second passes."""
LOOK_SECONDS = 1.0

Found = TypeVar("Found")


def run_side_by_side(
    claim: Callable[[int, Sequence[Fetch]], list[Fetch] | None],
    fetch: Callable[[Fetch], Found],
    finish: Callable[[Fetch, Found], object],
    *,
    ended: Callable[[], bool],
) -> int:
    """Claim, fetch and finish until nothing is due, and tell how many that was.

    Args:
        claim: takes up to so many beside those under way; None where nothing is due, and not only nothing left by others.
        fetch: in a thread of its own, without the database; it does not raise.
        ended: whether this process is to end: what is under way is finished, and nothing more is claimed.
    """

    def counted_fetch(one: Fetch) -> Found:
        with BACKGROUND.counted():
            return fetch(one)

    flying: dict[Future[Found], Fetch] = {}
    count, looked = 0, -LOOK_SECONDS
    with ThreadPoolExecutor(FETCH_THREADS, thread_name_prefix="refresh") as threads:
        while True:
            free, idle, rest = FETCH_THREADS - len(flying), False, BACKGROUND.rest_seconds()
            late = time.monotonic() - looked >= LOOK_SECONDS
            if free and not rest and not ended() and (free >= CLAIMED_TOGETHER or late):
                looked = time.monotonic()
                with BACKGROUND.counted():
                    claimed = claim(min(free, CLAIMED_TOGETHER), list(flying.values()))
                idle = claimed is None
                flying |= {threads.submit(counted_fetch, one): one for one in claimed or ()}
            if not flying and (idle or ended()):
                return count
            if not flying:
                time.sleep(min(rest, LOOK_SECONDS))
            for future in wait(flying, LOOK_SECONDS, FIRST_COMPLETED).done:
                with BACKGROUND.counted():
                    finish(flying.pop(future), future.result())
                count += 1


def crowding(flying: Sequence[Fetch]) -> frozenset[int]:
    """Tenants that have their part of the threads."""
    counts = Counter(fetch.provider.tenant_id for fetch in flying)
    return frozenset(tenant_id for tenant_id, count in counts.items() if count >= TENANT_AT_ONCE)


def choose(queues: Sequence[Sequence[Candidate]], free: int, flying: Sequence[Fetch]) -> list[tuple[int, str]]:
    """Which of those that are due to claim: of each queue in turn, by chance among its first ones."""
    tenants = Counter(fetch.provider.tenant_id for fetch in flying)
    failing = sum(fetch.provider.sync_failures > 0 for fetch in flying)
    chosen: dict[tuple[int, str], None] = {}
    for candidate in _in_turn(queues):
        if len(chosen) == free:
            break
        key = (candidate.tenant_id, candidate.idp_id)
        if key in chosen or tenants[candidate.tenant_id] >= TENANT_AT_ONCE:
            continue
        if candidate.failures and failing >= FAILING_AT_ONCE:
            continue
        tenants[candidate.tenant_id] += 1
        failing += candidate.failures > 0
        chosen[key] = None
    return list(chosen)


def _in_turn(queues: Collection[Sequence[Candidate]]) -> list[Candidate]:
    """One of each queue after the other. Shuffled: processes that look at the same moment then want different ones."""
    shuffled = [random.sample(list(queue), len(queue)) for queue in queues]
    longest = max(map(len, shuffled), default=0)
    return [queue[place] for place in range(longest) for queue in shuffled if place < len(queue)]
