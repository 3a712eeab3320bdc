"""The development file: what `./run` ran with last, so that `vestibule` by hand works on the same service.

Only the `vestibule` command reads it, from the folder that it is called in, and only where SECRET_KEYS is not set: a
deployment sets it. A variable that is set always wins.
"""

from __future__ import annotations

import os
import stat
from collections.abc import MutableMapping
from pathlib import Path

from config.settings import SettingsInvalid

DEVELOPMENT_FILE = Path("var/development.env")
VARIABLES = (
    *("SECRET_KEYS", "DATABASE_URL", "APP_URL", "TENANT_URL", "STAFF_TENANT", "DNS_RESOLVERS", "SMTP_URL", "MAIL_FROM"),
    *("METADATA_ALLOWED_NETWORKS", "METADATA_DIRECTORY", "METADATA_CA_BUNDLE", "NOTICE_CA_BUNDLE", "BREACHED_PASSWORDS"),
    *("WEBHOOK_ALLOWED_NETWORKS", "DIRECTORY_ALLOWED_NETWORKS"),
)
"""What a service on a developer's machine is made of; how it is run (log level, proxies, limits) is each process's own."""
MAX_FILE = 64 * 1024
"""Bytes."""


def apply_development_file(environment: MutableMapping[str, str] = os.environ, path: Path = DEVELOPMENT_FILE) -> bool:
    """Set what is not set yet, and tell whether the file was used.

    Raises:
        SettingsInvalid: the file holds secrets and others could read or write it, or it holds anything else.
    """
    if environment.get("SECRET_KEYS") or not path.exists():
        return False
    for name, value in _read(path).items():
        if not environment.get(name):
            environment[name] = value
    return True


def write_development_file(values: dict[str, str], path: Path = DEVELOPMENT_FILE) -> None:
    """Write it in one piece, for this user alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    text = "# Written by ./run; read by `vestibule` in this folder where SECRET_KEYS is not set. Not for production.\n"
    text += "".join(f"{name}={values[name]}\n" for name in VARIABLES if name in values)
    with open(fresh, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    fresh.replace(path)


def _read(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        facts = os.fstat(file.fileno())
        if facts.st_uid not in (os.geteuid(), 0) or stat.S_IMODE(facts.st_mode) & 0o077:
            raise SettingsInvalid(f"{path} holds secrets and must belong to you alone: chmod 600 {path}")
        text = file.read(MAX_FILE).decode("utf-8", "replace")
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if line.strip() and not line.startswith("#"):
            if not equals or name not in VARIABLES:
                raise SettingsInvalid(f"{path}: {name[:40]!r} is not one of {', '.join(VARIABLES)}")
            values[name] = value
    return values
