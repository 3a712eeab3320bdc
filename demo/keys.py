"""What the demo makes once and keeps: the service's secret key and the identity provider's key pair."""

from __future__ import annotations

import base64
import datetime as dt
import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from config.settings import KEY_BYTES
from tenants.service_provider import load_private_key, new_key_pair


def secret_keys(path: Path) -> str:
    """The value of SECRET_KEYS, made at the first call."""
    if not path.exists():
        _write(path, f"demo:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}\n".encode())
    return path.read_text().strip()


def key_pair(folder: Path) -> tuple[Path, Path]:
    """Files of the identity provider's private key and certificate, made at the first call."""
    key_file, certificate_file = folder / "idp.key", folder / "idp.crt"
    if not (key_file.exists() and certificate_file.exists()):
        pair = new_key_pair("Demo identity provider", dt.datetime.now(dt.UTC), "signing")
        pem = load_private_key(pair.private_der).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        _write(key_file, pem)
        _write(certificate_file, pair.certificate_pem.encode())
    return key_file, certificate_file


def _write(path: Path, content: bytes) -> None:
    """For this user alone, and whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with open(fresh, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
    fresh.replace(path)
