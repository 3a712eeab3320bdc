"""A directory that answers, and whose answers are none: it signs nobody in, breaks nothing, and is told what it is."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tenants.directories.door import OpenDirectory, _handle
from tenants.directories.errors import DirectoryFault
from tenants.directories.settings import DirectorySettings
from tenants.directories.transport import Link
from tests.flows.directories.conftest import DirectoryWorld
from tests.support.hostile_directory import BIND, BOUND, DONE, SEARCH, SUCCESS, ber, hostile_directory, over_tls, scripted
from tests.support.slapd import PEOPLE

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

PAGED = ber(0x04, b"1.2.840.113556.1.4.319")
ROUNDS = int(os.environ.get("VESTIBULE_FUZZ_ROUNDS", "300"))


def entry(dn: bytes, **attributes: Sequence[bytes]) -> bytes:
    """A SearchResultEntry (RFC 4511 section 4.5.2)."""
    listed = (
        ber(0x30, ber(0x04, name.encode()), ber(0x31, *(ber(0x04, value) for value in values)))
        for name, values in attributes.items()
    )
    return ber(0x64, ber(0x04, dn), ber(0x30, *listed))


ADA = entry(f"uid=ada,{PEOPLE}".encode(), uid=[b"ada"], entryUUID=[b"1-1"], mail=[b"ada@acme.test"])
"""As it should be."""
UNREADABLE = ber(0x64, ber(0x04, b"uid=ada"), ber(0x30, ber(0x30, ber(0x04, b"mail\xff"), ber(0x31))))
PAGE = ber(0xA0, ber(0x30, PAGED, ber(0x04, b"\x30\x05\x02\x01\x00\x04\x00")))


@ON_SQLITE
@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([entry(b"uid=\xff\xfe,dc=acme", uid=[b"ada"]), DONE], "directory_unavailable"),
        ([UNREADABLE, DONE], "directory_unavailable"),
        ([DONE + ber(0xA0, ber(0x30, PAGED, ber(0x04, b"\x30\x05\x02")))], "directory_unavailable"),
        ([DONE + ber(0xA0, ber(0x30, PAGED))], "directory_unavailable"),
        ([ADA, ADA, DONE], "sign_in_failed"),
        ([DONE], "sign_in_failed"),
        ([entry(b"", uid=[b"ada"], entryUUID=[b"1-1"], mail=[b"ada@acme.test"]), DONE], "sign_in_failed"),
        ([entry(b"uid=ada", uid=[b"ada"], entryUUID=[b""], mail=[b"ada@acme.test"]), DONE], "attribute_missing"),
        ([entry(b"uid=ada", uid=[b"ada"], entryUUID=[b"x" * 1025], mail=[b"ada@acme.test"]), DONE], "subject_invalid"),
        ([entry(b"uid=ada", entryUUID=[b"1-1"], mail=[b"ada@acme.test\x00@evil.test"]), DONE], "email_invalid"),
    ],
)
def test_answers_that_are_none(
    directories: DirectoryWorld, tmp_path: Path, found: Sequence[bytes], code: str
) -> None:
    """Names and controls that cannot be read, two entries, no entry, nobody's name, no subject: refused, and never a 500."""
    with hostile_directory(over_tls(tmp_path, scripted({BIND: [BOUND], SEARCH: found}))) as hostile:
        directories.connect(urls=[f"ldaps://localhost:{hostile.port}"])
        assert directories.sign_in("ada") == code, directories.receipt.facts
        came = directories.sync()
        assert came["result"] in ("ok", "failed"), came
    assert (directories.world.count("users"), directories.world.count("session")) == (0, 0)


@ON_SQLITE
def test_a_control_that_cannot_be_read_is_no_answer_to_a_bind(directories: DirectoryWorld, tmp_path: Path) -> None:
    """Neither to the service's own nor to a person's."""
    broken = ber(0x61, SUCCESS) + ber(0xA0, ber(0x30, PAGED, ber(0x04, b"\xff\xff")))
    with hostile_directory(over_tls(tmp_path, scripted({BIND: [broken], SEARCH: [ADA, DONE]}))) as hostile:
        directories.connect(urls=[f"ldaps://localhost:{hostile.port}"])
        assert directories.sign_in("ada") == "directory_unavailable"
        assert directories.receipt.facts["fault"] == "malformed"


def test_mutated_answers_end_in_a_fault_or_an_answer() -> None:
    """Octets of good answers turned, cut and doubled: libldap and its binding neither end the process nor raise their own."""
    chance = random.Random(42)
    good = ber(0x30, b"\x02\x01\x01", ADA) + ber(0x30, b"\x02\x01\x01", DONE, PAGE)
    settings = DirectorySettings(("ldaps://a.example",), PEOPLE)
    answers = faults = 0
    for _ in range(ROUNDS):
        octets = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(octets))
            kind = chance.randrange(3)
            if kind == 0:
                octets[at] = chance.randrange(256)
            elif kind == 1:
                del octets[at : at + chance.randint(1, 4)]
            else:
                octets[at:at] = octets[at : at + chance.randint(1, 8)]
        near, far = socket.socketpair()
        near.sendall(bytes(octets))
        near.shutdown(socket.SHUT_WR)
        reading = threading.Thread(target=near.recv, args=(1,))
        reading.start()
        directory = OpenDirectory(settings.servers[0], settings, _handle(far.detach()), Link(0.0, 0))
        try:
            for _ in directory.pages("(uid=*)", settings.asked_attributes()):
                answers += 1
        except DirectoryFault:
            faults += 1
        finally:
            reading.join()
            near.close()
    assert faults > ROUNDS // 3
