"""Oracles: whatever fails on a secret result fails in the same words, so that nobody learns a secret by asking.

All of it is judged before a database is asked, so it runs on SQLite alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.attacks.ciphers import (
    UNIFORM,
    Sealed,
    assertion_in,
    carrying,
    seal,
    sealed,
    wrap,
)
from tests.attacks.support import MALLORY, Pending, assert_refused, pending, settle
from tests.attacks.surgery import (
    ADA,
)
from tests.support.keys import certificate_of, rsa_key
from tests.support.world import World

FAILED = "decryption_failed"
EXPIRES = re.compile(r"Expires=[^;]+; ")
MALLORYS = rsa_key("mallory")


def observe(victim: Pending, ciphertexts: Iterable[Sealed]) -> set[tuple[int, str, str, str, str]]:
    """What an attacker and an administrator see of each: status, page, and the record."""
    seen = set()
    before = victim.world.rows()
    for one in ciphertexts:
        answer = victim.send(carrying(victim, one.xml))
        refused = assert_refused(victim.world, answer, FAILED, before)
        lines = ";".join(f"{line['id']} {line['actual'] if line['id'] != 'size' else ''}" for line in refused.lines)
        headers = str(sorted((name, value) for name, value in answer.headers if name not in {"Content-Security-Policy"}))
        headers = EXPIRES.sub("", headers)  # the clock's, two seconds later another one
        seen.add((answer.status_code, refused.page, refused.cause, lines, headers))
    victim.finish()
    return seen


def flipped(octets_: bytes, at: int, by: int) -> bytes:
    """One octet changed."""
    return octets_[:at] + bytes([octets_[at] ^ by]) + octets_[at + 1 :]


def test_no_altered_octet_of_cbc_tells_anything(arena: World) -> None:
    """A padding oracle asks which altered ciphertexts are padded well: with the switch on, all give one answer.

    First block, middle, last two blocks; and every value of the octet that decides about the padding (Vaudenay 2002).
    """
    victim = pending(settle(arena, allow_unsigned_cbc=True))
    good = sealed(victim, "aes128-cbc")
    size = len(good.octets)
    places = [*range(0, 48, 5), *range(size // 2, size // 2 + 16, 5), *range(size - 32, size, 3)]
    altered = [replace(good, octets=flipped(good.octets, at, by)) for at in places for by in (0x01, 0x80)]
    altered += [replace(good, octets=flipped(good.octets, size - 17, by)) for by in range(1, 256, 3)]
    seen = observe(victim, altered)
    assert len(seen) == 1
    assert next(iter(seen))[2] == UNIFORM


def test_no_cut_of_cbc_tells_anything(arena: World) -> None:
    """Blocks taken off, put in, exchanged; lengths that are no multiple; nothing at all."""
    victim = pending(settle(arena, allow_unsigned_cbc=True))
    good = sealed(victim, "aes256-cbc")
    whole = good.octets
    cuts = [b"", b"\0", whole[:15], whole[:16], whole[:17], whole[:31], whole[:32], whole[:-1], whole[:-16], whole[16:]]
    cuts += [whole + b"\0", whole + whole, whole + whole[-16:], whole[:16] + whole[32:], whole[16:32] + whole[:16] + whole[32:]]
    cuts += [os.urandom(len(whole)), bytes(len(whole)), whole[::-1]]
    assert len(observe(victim, [replace(good, octets=cut) for cut in cuts])) == 1


def test_no_altered_octet_of_gcm_tells_anything(arena: World) -> None:
    """Nonce, ciphertext and tag; tags cut to every length that some library accepts; none at all."""
    victim = pending(settle(arena))
    good = sealed(victim)
    whole = good.octets
    altered = [flipped(whole, at, 1) for at in [*range(12), 12, 100, *range(len(whole) - 16, len(whole))]]
    altered += [whole[:-cut] for cut in (1, 2, 3, 4, 8, 12, 15, 16, 17)]
    altered += [whole[:size] for size in (0, 1, 11, 12, 13, 28)]
    altered += [whole[1:], whole + b"\0", b"\0" + whole, whole[:12] + whole[:12] + whole[12:], os.urandom(len(whole))]
    altered += [whole[:-16] + bytes(16), whole[:-16] + whole[-4:] * 4]
    seen = observe(victim, [replace(good, octets=one) for one in altered])
    assert len(seen) == 1
    assert next(iter(seen))[2] == UNIFORM


def test_no_altered_key_tells_anything(arena: World) -> None:
    """Manger's and Bleichenbacher's oracles ask how an RSA block decrypts: wrong keys, lengths, paddings and labels alike."""
    victim = pending(settle(arena))
    good = sealed(victim)
    public = victim.encryption_certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    modulus = public.public_numbers().n
    wrapped = [flipped(good.wrapped, at, by) for at in (0, 1, 2, 128, 254, 255) for by in (1, 0x80)]
    wrapped += [b"", b"\0", good.wrapped[:-1], good.wrapped + b"\0", b"\0" + good.wrapped, os.urandom(256), bytes(256)]
    wrapped += [number.to_bytes(256, "big") for number in (1, 2, modulus - 1, modulus, modulus + 1, 2**2048 - 1)]
    wrapped += [public.encrypt(os.urandom(32), padding.PKCS1v15())]
    wrapped += [wrap(os.urandom(size), victim.encryption_certificate) for size in (0, 1, 8, 15, 16, 24, 31, 32, 33, 64)]
    wrapped += [wrap(os.urandom(32), certificate_of(MALLORYS)), wrap(os.urandom(32), victim.encryption_certificate, "sha256")]
    wrapped += [pow(2, 65537, modulus).to_bytes(256, "big")]
    seen = observe(victim, [replace(good, wrapped=one) for one in wrapped])
    assert len(seen) == 1
    assert next(iter(seen))[2] == UNIFORM


def test_content_and_key_fail_in_the_same_words(arena: World) -> None:
    """A bad key, a bad tag, bad padding, a bad plaintext and a good one without signature: one page, one record."""
    victim = pending(settle(arena, allow_unsigned_cbc=True))
    certificate = victim.encryption_certificate
    good = sealed(victim, "aes256-cbc")
    bare = assertion_in(victim.response(sign="none"))
    seen = observe(
        victim,
        [
            replace(good, wrapped=flipped(good.wrapped, 9, 1)),
            replace(good, octets=flipped(good.octets, len(good.octets) - 17, 0xFF)),
            replace(good, octets=flipped(good.octets, 40, 1)),
            replace(sealed(victim), octets=os.urandom(300)),
            seal("no XML", certificate, "aes256-cbc"),
            seal("", certificate, "aes256-cbc"),
            seal("<a/>", certificate, "aes256-cbc"),
            seal(bare, certificate, "aes256-cbc"),
            seal(bare.replace(ADA, MALLORY), certificate, "aes256-cbc"),
            seal(assertion_in(victim.response(signing_key=MALLORYS)), certificate, "aes256-cbc"),
            seal(assertion_in(victim.response(digest="sha1")), certificate, "aes256-cbc"),
            seal(assertion_in(victim.response()).replace(ADA, MALLORY), certificate, "aes256-cbc"),
        ],
    )
    assert len(seen) == 1
