"""Memory of cached tenants: fill the cache of a fresh process and see what the kernel had to give for it.

Resident memory, because most of it is OpenSSL's, which Python does not count. Each tenant signs once and verifies once:
OpenSSL keeps what it computed on a key's first use.
"""

from __future__ import annotations

import argparse
import gc

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from flask import Flask

from benchmarks.cpu import resident_bytes
from benchmarks.tenancies import slug_of
from config.settings import settings_from_environment
from entrance import create_entrance
from tenants.records import find_tenant
from tenants.trusts import TrustCache

WARM_SHARE = 10
"""A tenth more tenants are cached before it counts: they fill pools, arenas and caches of the libraries."""
MESSAGE = b"anything"


def bytes_for_each(app: Flask, count: int) -> tuple[float, float]:
    """Bytes of resident memory for each of `count` tenants: cached only, and after each has signed and verified once."""
    slugs = [slug_of(number) for number in range(count + count // WARM_SHARE)]
    counted = slugs[-count:]
    _visit(app, slugs[:-count], used=True)
    empty = _settled()
    _visit(app, counted, used=False)
    cached = _settled()
    _visit(app, counted, used=True)
    return (cached - empty) / count, (_settled() - empty) / count


def _visit(app: Flask, slugs: list[str], *, used: bool) -> None:
    cache: TrustCache = app.extensions["vestibule_trusts"]
    for slug in slugs:
        with app.app_context():
            tenant = find_tenant(slug)
            assert tenant
            trust = cache.trust_of(tenant).providers[0]
            if used:
                key = trust.signing_keys[0]
                assert isinstance(key, rsa.RSAPublicKey)
                trust.open_signing_key().sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())
                key.encrypt(MESSAGE, padding.PKCS1v15())  # the same public operation as verifying


def _settled() -> int:
    gc.collect()
    return resident_bytes()


def main() -> None:
    """Print both numbers, on the database that the environment names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("count", type=int)
    cached, used = bytes_for_each(create_entrance(settings_from_environment()), parser.parse_args().count)
    print(cached, used)


if __name__ == "__main__":
    main()
