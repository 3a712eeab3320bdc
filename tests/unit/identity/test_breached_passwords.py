"""A list of leaked passwords on this machine, in each of the forms that it comes in."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from identity.credentials.breached import ListBroken, is_breached

LEAKED = [f"leaked password number {number}" for number in range(200)]


def digits_of(password: str) -> str:
    """As the list has it."""
    return hashlib.sha1(password.encode()).hexdigest().upper()


@pytest.mark.parametrize("line", ["{0}:{1}\r\n", "{0}\n", "{0:.12}\n", "{0:.8}:{1}\n"])
def test_every_password_on_the_list_is_found_and_no_other(tmp_path: Path, line: str) -> None:
    """The first, the last and all between; of a list with or without a last line's end."""
    hashes = sorted(digits_of(password) for password in LEAKED)
    text = "".join(line.format(item, number + 1) for number, item in enumerate(hashes))
    for written in (text, text.rstrip("\r\n")):
        path = tmp_path / "list.txt"
        path.write_bytes(written.encode())
        assert all(is_breached(password, path) for password in LEAKED)
        assert not any(is_breached(f"another {number}", path) for number in range(200))


def test_a_list_of_one_or_none(tmp_path: Path) -> None:
    """Nothing is on an empty list."""
    path = tmp_path / "list.txt"
    path.write_text("")
    assert not is_breached("anything", path)
    path.write_text(digits_of("anything") + ":1\n")
    assert is_breached("anything", path)
    assert not is_breached("anything else", path)


@pytest.mark.parametrize("text", ["\n" * 5, "x" * 500, "ABC:1\nABD:1\n", "A" * 40 + "B" * 200 + "\n"])
def test_what_is_no_list_is_told_and_not_passed(tmp_path: Path, text: str) -> None:
    """A check that cannot be made is an error, not a good password."""
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(ListBroken):
        is_breached("anything", path)
    with pytest.raises(ListBroken):
        is_breached("anything", tmp_path / "missing.txt")
