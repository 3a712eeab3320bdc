"""Every refusal that the product knows: code -> the statuses that it comes with."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import admin_ui
import identity
import tenants
from identity.errors import StaleSignIn, WrongAccount
from tenants.domain_errors import DomainUnproven
from tenants.errors import Refusal
from tenants.signed_xml.errors import SignInRefusal

BASES = frozenset({SignInRefusal, StaleSignIn, WrongAccount, DomainUnproven})
"""Classes that others are made of; nobody raises them."""


def refusals() -> Iterator[type[Refusal]]:
    """All subclasses of Refusal in the product, wherever they stand."""
    for package in (tenants, identity, admin_ui):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    yield from _below(Refusal)


def _below(refusal: type[Refusal]) -> Iterator[type[Refusal]]:
    for subclass in refusal.__subclasses__():
        if subclass.__module__.partition(".")[0] in ("tenants", "identity", "admin_ui") and subclass not in BASES:
            yield subclass
        yield from _below(subclass)


STATUSES: dict[str, set[int]] = {}
for _refusal in refusals():
    STATUSES.setdefault(_refusal.code, set()).add(_refusal.status)
EVERY_CODE = frozenset(STATUSES)
