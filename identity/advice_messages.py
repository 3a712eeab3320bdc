"""Finer advice on what is wrong with a message: signatures, addresses, requests, times (D3)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from identity.advice_clocks import clock_of, seconds_between, span_words
from identity.advice_facts import Circumstances, Failure, Finding
from identity.advice_offers import (
    CONNECT_PROVIDER,
    SHOW_OUR_VALUES,
    SYNC_METADATA,
    TAKE_RESPONSE_SIGNATURE,
    widen_skew,
)
from identity.advice_words import Who
from identity.near_misses import near_miss

_NAMED_CERTIFICATE = re.compile(r"certificate of SHA-256 ([0-9a-f]{64})")
RENEW = "If the identity provider has a new certificate, fetch or save its metadata. If not, treat it as an attack."
_REFETCHED: Mapping[str, str] = {
    "new_keys": "The metadata was fetched again at once, with new keys ({new}), and the message judged once more.",
    "nothing_new": "The metadata was fetched again at once: it has no other key.",
    "waits_for_approval": "The metadata was fetched again at once: what it says now ({code}) waits for somebody to approve it.",
    "failed": "The metadata could not be fetched again at that moment ({code}).",
    "within_minute": "The metadata was not fetched again: it had been within the minute before.",
    "busy": "The metadata was not fetched again: too many sign-ins waited for that, or another fetch took too long.",
    "queued": "The metadata comes out of a federation's list, which is fetched aside: try again in a minute or two.",
    "no_source": "The metadata comes from no address that could be asked again.",
}
FRESH = 120
"""Seconds within which an honest answer comes: it is issued when the person is done at the identity provider."""


def on_signature(failure: Failure, now: Circumstances) -> Finding:
    """A key that is not pinned, a message that was changed, or another fault of a signature."""
    named = _NAMED_CERTIFICATE.search(failure.actual)
    if "digest" in failure.actual:
        return Finding(
            happened="The message was changed after it was signed.",
            todo="Look for a proxy, plug-in or script that rewrites the form. If there is none, treat it as an attack.",
            who=Who.IDP_ADMIN,
        )
    if "pinned keys" not in failure.actual:
        return Finding(details=(f"The receipt says: {failure.actual}.",))
    renew = (SYNC_METADATA, CONNECT_PROVIDER) if now.fetches_metadata else (CONNECT_PROVIDER,)
    pinned = "Certificates that are trusted now, by SHA-256: " + (", ".join(now.pinned) or "none") + "."
    refetched = refetch_words(failure.facts.get("metadata_refetch"))
    first = "Unknown key: sync now. " if now.fetches_metadata and not refetched else ""
    if named is None:
        return Finding(
            happened="None of the keys that are trusted made this signature, and the message does not say which one did.",
            todo=f"{first}{RENEW}" if first else "",
            details=(*refetched, pinned),
            offers=renew,
        )
    told = f"The message names a certificate of SHA-256 {named[1]}. Anyone can write that; it is shown and never believed."
    if named[1] in now.pinned:
        return Finding(
            happened="The message names a certificate that is trusted, but another key made the signature, or it was changed.",
            todo="If the certificate was renewed at both ends since, try again. If not, treat it as an attack.",
            details=(told, pinned),
        )
    return Finding(
        happened="The signature was made with a key that is not trusted: the identity provider has a new certificate, or it is "
        "not the identity provider.",
        todo=f"{first}Compare the fingerprint with the one at the identity provider. If they are the same, fetch or save its "
        "metadata.",
        details=(*refetched, told, pinned),
        offers=renew,
    )


def refetch_words(refetch: object) -> tuple[str, ...]:
    """What became of fetching the metadata again at that sign-in, as a sentence; none where nobody tried."""
    if not isinstance(refetch, Mapping):
        return ()
    words = _REFETCHED.get(str(refetch.get("outcome")), "")
    return (words.format(new=refetch.get("new_keys"), code=refetch.get("code")),) if words else ()


def on_missing_signature(failure: Failure, now: Circumstances) -> Finding:
    """Which signature is missing, and whether the other one is there."""
    if failure.expected.endswith("the assertion") and now.settings and now.settings.want_assertions_signed:
        signed = failure.facts.get("response_signature_method")
        told = ("The response around it is signed.",) if signed else ("Nothing in the message is signed.",)
        return Finding("The assertion is not signed.", details=told, offers=(TAKE_RESPONSE_SIGNATURE,) if signed else ())
    return Finding(f"There is no signature on the {failure.expected.rpartition(' ')[2]}.")


def on_address(failure: Failure, now: Circumstances) -> Finding:
    """Of an audience, a recipient or a destination; several audiences are looked at one by one."""
    expected = failure.expected.rpartition(" ")[2]
    misses = (near_miss(expected, actual, now.labels) for actual in failure.actual.split(", "))
    near = next((words for words in misses if words), "")
    details = (f"Expected {expected}, and {failure.actual or 'nothing'} came.", near)
    return Finding(details=tuple(filter(None, details)), offers=(SHOW_OUR_VALUES,))


def on_issuer(failure: Failure, _now: Circumstances) -> Finding:
    """Another identity provider, or nearly the right one."""
    expected = failure.expected.removeprefix("one of: ")
    near = next((words for item in expected.split(", ") if (words := near_miss(item, failure.actual))), "")
    details = (f"Expected {expected}, and {failure.actual} came.", near)
    return Finding(details=tuple(filter(None, details)), offers=(CONNECT_PROVIDER,))


def on_unknown_request(failure: Failure, _now: Circumstances) -> Finding:
    """Answered before, forgotten, or not named at all."""
    if failure.actual == "one answered before":
        return Finding(
            "The request was answered before: the person went back, or sent the form twice.", "Start again from this service."
        )
    if failure.actual == "none":
        return Finding(
            "The answer does not say which request it belongs to, though one of ours began it.",
            "Have the identity provider put the request's ID into InResponseTo.",
            Who.IDP_ADMIN,
        )
    if failure.expected == "none":
        return Finding(
            "It answers a request that we do not know: one that is older than ten minutes, or none of ours.",
            details=("Requests are remembered for ten minutes, so a response that is looked at later always ends here.",),
        )
    return Finding()


def on_late(failure: Failure, now: Circumstances) -> Finding:
    """A clock that is behind, or a message that lay about."""
    clock, age = clock_of(failure.facts), failure.facts.get("issued_seconds_ago")
    over = seconds_between(failure.expected, failure.actual)
    ended = (f"It ended {span_words(over)} before it came.",) if over is not None else ()
    if clock is not None and not clock.ahead:
        offers = widen_skew(over or 0, now.settings)
        return Finding("The identity provider's clock is behind ours.", details=(clock.words, *ended), offers=offers)
    if isinstance(age, int) and age > FRESH:
        return Finding(
            "The message had lain about before it came here.",
            "Start again. It comes from going back to an old page, or from a message that was kept and sent later.",
            Who.PERSON,
            (f"It was issued {span_words(age)} before.", *ended),
        )
    return Finding(details=ended)


def on_early(failure: Failure, now: Circumstances) -> Finding:
    """A clock that is ahead."""
    clock, early = clock_of(failure.facts), seconds_between(failure.actual, failure.expected)
    if clock is None or not clock.ahead:
        began = (f"It begins {span_words(early)} after it came.",) if early else ()
        return Finding(details=began, offers=widen_skew(early, now.settings) if early else ())
    ahead = max(clock.seconds, early or 0)
    return Finding(
        "The identity provider's clock is ahead of ours.", details=(clock.words,), offers=widen_skew(ahead, now.settings)
    )
