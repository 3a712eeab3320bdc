"""Background work keeps to its part of a core: CPU time against wall time, whatever number of threads it has."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from config.ending import ending
from config.pacing import CPU_SHARE, Budget, in_batches

SHARE, BURST = 0.25, 0.01
STEP_SECONDS, STEPS = 0.01, 10
FULL = 5


def _burn(seconds: float = STEP_SECONDS) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


def _steps(count: int) -> list[int]:
    """How many rows each step has: whole batches, and the last one."""
    return [FULL] * (count - 1) + [0]


def test_two_threads_together_take_no_more_than_their_part() -> None:
    """What they took over what time there was, less the burst, is at most the share."""
    budget = Budget(SHARE, BURST)

    def run(_number: int) -> float:
        left, began = _steps(STEPS // 2), time.thread_time()

        def step() -> int:
            _burn()
            return left.pop(0)

        in_batches(step, FULL, budget=budget)
        return time.thread_time() - began

    began = time.monotonic()
    with ThreadPoolExecutor(2) as threads:
        taken = sum(threads.map(run, range(2)))
    # Each may have begun its last step just before the other one was counted.
    assert time.monotonic() - began >= (taken - BURST - 3 * STEP_SECONDS) / SHARE
    assert taken >= STEPS * STEP_SECONDS


def test_many_short_runs_are_paced_as_one_long_run() -> None:
    """A job that finds less than a batch at each of many tenants is background work all the same."""
    budget, began = Budget(SHARE, BURST), time.monotonic()
    for _ in range(STEPS):
        in_batches(lambda: _burn() or 0, FULL, budget=budget)  # type: ignore[func-returns-value]
    assert time.monotonic() - began >= ((STEPS - 1) * STEP_SECONDS - BURST) / SHARE


def test_waiting_costs_nothing_and_a_quiet_time_is_a_burst_at_most() -> None:
    """A step that waits for a server takes nothing of the budget; what was not used is not saved up for later."""
    share = 0.01  # paid back so slowly that a busy machine, on which the next lines take long, changes nothing
    budget = Budget(share, BURST)
    with budget.counted():
        time.sleep(0.05)
    assert budget.rest_seconds() == 0
    with budget.counted():
        _burn(BURST + STEP_SECONDS)
    assert 0 < budget.rest_seconds() <= STEP_SECONDS * 3 / share


def test_what_somebody_waits_for_is_not_paced_and_the_end_ends_a_rest() -> None:
    """Without a budget only the rests between steps are left; a process that is to end does not wait for its budget."""
    taken = Budget(0.0001, 0.0)
    with taken.counted():
        _burn(0.001)
    ending.set()
    try:
        assert in_batches(lambda: FULL, FULL, budget=taken) == 0, "it rests, and is told meanwhile"
        assert in_batches(lambda: FULL, FULL, budget=None) == FULL
    finally:
        ending.clear()
    assert CPU_SHARE <= 0.1
