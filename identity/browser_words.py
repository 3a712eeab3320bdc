"""Why a browser may have lost the cookie of a sign-in, from what it calls itself (D3)."""

from __future__ import annotations

import re

_OLD_SAFARI = re.compile(r"(?:iPhone|iPad|iPod).*OS 12_|Mac OS X 10_14_?\d*\).*Version/\S+ Safari/")
"""iOS 12 and macOS 10.14: they take SameSite=None for Strict and never send the cookie (WebKit bug 198181)."""
_INSIDE_AN_APP = re.compile(r"; wv\)|FBA[NV]/|Instagram|Line/|Teams/|Outlook|MicroMessenger|GSA/")
_OLD_WINDOWS = re.compile(r"Trident/|MSIE ")

OFTEN = (
    (
        "The usual reasons: the browser blocks all cookies; the page stood in a frame of another site; or a mail or chat app "
        "opened a small browser of its own, and the identity provider's app went on in the real one."
    ),
    "If it concerns everybody, look for a proxy that drops Set-Cookie or the Secure attribute.",
)


def lost_cookie_words(user_agent: str) -> tuple[str, ...]:
    """The likeliest reason first; `user_agent` is anybody's claim, and good enough for a hint."""
    if _OLD_SAFARI.search(user_agent):
        return ("This Safari (iOS 12, macOS 10.14) has a known fault with SameSite=None cookies: a newer one has not.", *OFTEN)
    if _INSIDE_AN_APP.search(user_agent):
        return ("This was a browser inside an app: open the link in the device's own browser.", *OFTEN)
    if _OLD_WINDOWS.search(user_agent):
        return ("Internet Explorer keeps cookies of its zones apart: use a browser of this decade.", *OFTEN)
    return OFTEN
