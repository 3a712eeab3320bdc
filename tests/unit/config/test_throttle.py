"""The bound on how often something is done for one key."""

from __future__ import annotations

from config.throttle import Throttle


def test_a_burst_then_the_rate() -> None:
    """Three at once, then one each second, however long nothing happened before."""
    throttle = Throttle(per_minute=60, burst=3)
    assert [throttle.lets_through("a", 0.0) for _ in range(5)] == [True, True, True, False, False]
    assert throttle.lets_through("a", 0.5) is False
    assert throttle.lets_through("a", 1.0) is True
    assert [throttle.lets_through("a", 1000.0) for _ in range(4)] == [True, True, True, False]


def test_keys_do_not_share() -> None:
    """One tenant's nonsense takes nothing from another."""
    throttle = Throttle(per_minute=60, burst=1)
    assert throttle.lets_through(1, 0.0)
    assert throttle.lets_through(2, 0.0)
    assert not throttle.lets_through(1, 0.0)


def test_only_so_many_keys_are_kept() -> None:
    """Memory is bounded; the least recently asked for goes first."""
    throttle = Throttle(per_minute=0.001, burst=1, keys=2)
    assert all(throttle.lets_through(key, 0.0) for key in (1, 2, 3))
    assert not throttle.lets_through(3, 0.0)
    assert throttle.lets_through(1, 0.0)
