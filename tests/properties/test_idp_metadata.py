"""Metadata from anybody: read, or refused under a code of its own; never another exception."""

from __future__ import annotations

import datetime as dt
import json
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tenants.idp_metadata import metadata_from_document, metadata_to_document, read_idp_metadata
from tenants.metadata_errors import MetadataRefused
from tests.differential.text_mutations import TEXT_MUTATIONS
from tests.support.idp import POST, REDIRECT, ForgingIdP

NOW = dt.datetime(2026, 6, 1, 12, 0, tzinfo=dt.UTC)
URLS = st.sampled_from(
    ["https://idp.acme.test/sso", "http://idp.acme.test/sso?a=1&b=2", "javascript:alert(1)", "/sso", "", "https://"]
)


def read_or_refuse(xml: bytes | str) -> None:
    """Read it; where that works, the stored form gives the same again."""
    try:
        metadata = read_idp_metadata(xml, NOW)
    except MetadataRefused:
        return
    assert metadata_from_document(json.loads(json.dumps(metadata_to_document(metadata)))) == metadata
    assert metadata.signing_certificates
    assert all(endpoint.location.startswith(("https://", "http://")) for endpoint in metadata.sso)


@given(st.binary(max_size=200) | st.text(st.characters(), max_size=200))
@settings(max_examples=300)
@example(b"")
@example("\ufeff")
@example("<a>\ud800</a>")
@example(b"<?xml version='1.0' encoding='utf-16'?><a/>")
def test_arbitrary_input_is_refused(xml: bytes | str) -> None:
    """Arbitrary octets and text are refused."""
    read_or_refuse(xml)


@given(st.integers(0, 2**32), st.integers(1, 3))
@settings(max_examples=400)
def test_broken_metadata_is_read_or_refused(seed: int, steps: int) -> None:
    """Good metadata with changes of every kind in it is read or refused."""
    random = Random(seed)
    xml = ForgingIdP().metadata_xml(valid_until=NOW + dt.timedelta(days=30), cache_duration="PT6H").encode()
    for _ in range(steps):
        xml = random.choice(TEXT_MUTATIONS)(random, xml) if xml else xml
    read_or_refuse(xml)
    read_or_refuse(xml.decode("utf-8", "replace"))


@given(
    entity_id=st.text(max_size=40) | st.just("https://idp.acme.test/metadata"),
    sso=st.lists(st.tuples(st.sampled_from([POST, REDIRECT, "urn:x"]), URLS | st.text(max_size=30)), max_size=3),
    valid_until=st.text(max_size=20) | st.just("2027-01-01T00:00:00Z"),
    cache_duration=st.text(max_size=10) | st.sampled_from(["P1Y", "PT0S", "-PT1H", "P99999999999Y", "PT1H"]),
)
@settings(max_examples=300)
def test_odd_values_are_read_or_refused(
    entity_id: str, sso: list[tuple[str, str]], valid_until: str, cache_duration: str
) -> None:
    """Arbitrary entity IDs, endpoints and times in otherwise good metadata are read or refused."""
    read_or_refuse(
        ForgingIdP().metadata_xml(entity_id=entity_id, sso=sso, valid_until=valid_until, cache_duration=cache_duration)
    )
