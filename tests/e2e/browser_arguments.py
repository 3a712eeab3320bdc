"""How tests start Debian's Chromium: as root, without a network of its own, with every `*.localhost` at home."""

from __future__ import annotations

CHROMIUM = "/usr/bin/chromium"
"""By its path, so that no browser that Playwright fetched is found first; one stands here on some machines all the same.

The tests hold in either: none relies on fonts, on a version, or on a stylesheet being there as soon as text is.
"""
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.localhost 127.0.0.1",
)
