"""What a directory was told to do, as the audit keeps it: enough to say afterwards where passwords went, and who was placed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

MAX_KEPT = 16_384
"""Characters of a setting that is kept as it was; of a longer one, and of certificates, there is the SHA-256."""
_DIGESTS = frozenset({"ca_certificates"})


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Setting -> from and to, for each that `after` names and that differs."""
    return {
        name: {"from": _kept(name, before.get(name)), "to": _kept(name, value)}
        for name, value in sorted(after.items())
        if value != before.get(name)
    }


def _kept(name: str, value: Any) -> Any:
    if value in (None, ""):
        return value
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if name not in _DIGESTS and len(text) <= MAX_KEPT:
        return value
    return {"sha256": hashlib.sha256((value if isinstance(value, str) else text).encode()).hexdigest()}
