"""Whole sweeps of an attack at one pending sign-in, and the honest counterpart of an attack, which signs the person in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from identity.browsers import SESSION_COOKIE
from tests.attacks.support import Pending, foretell
from tests.support.browser import code_of


def accept(victim: Pending, **parts: Any) -> Mapping[str, Any]:
    """The identity provider's answer, changed by `parts`, signs the person in; gives what /session then says."""
    return accept_message(victim, victim.response(**parts))


def accept_message(victim: Pending, message: bytes | str, relay_state: str | None = None) -> Mapping[str, Any]:
    """The message signs the person in; gives what /session then says."""
    assert foretell(victim, message, relay_state) is None, "whoever pastes it is told that it would be refused"
    answer = victim.send(message, relay_state)
    assert answer.status_code == 303, code_of(answer)
    session = victim.browser.get("/session")
    assert session.status_code == 200, session.get_data(as_text=True)
    told: Mapping[str, Any] = session.get_json()
    return told


def refuse_each(victim: Pending, messages: Mapping[str, bytes | str], code: str | Collection[str]) -> None:
    """Each of many messages is refused with that code (or one of those), none leaves a row, and the honest answer still works.

    `assert_refused` looks closer, at one message at a time.
    """
    codes = {code} if isinstance(code, str) else set(code)
    before = victim.world.rows()
    for name, message in messages.items():
        foretold = foretell(victim, message)
        answer = victim.send(message)
        told = code_of(answer)
        assert foretold == told, f"{name!r}: whoever pastes it is told {foretold}, the ACS says {told}"
        assert told in codes, f"{name!r}: {answer.status_code} {told}"
        assert 400 <= answer.status_code < 500, name
        assert SESSION_COOKIE not in str(answer.headers), name
    assert victim.world.rows() == before
    victim.finish()
