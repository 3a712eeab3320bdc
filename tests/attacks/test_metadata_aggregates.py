"""Federations' lists as a weapon: what stands beside what was signed, twice, inside of extensions, or is just large."""

from __future__ import annotations

import datetime as dt

import pytest

from tenants.idp_metadata import read_idp_metadata
from tenants.metadata_aggregate import entity_document
from tenants.metadata_errors import MAX_AGGREGATE_BYTES, MetadataRefused
from tenants.metadata_signature import read_signer
from tenants.trust import IdPMetadata
from tests.attacks.test_metadata_signatures import EVIL, GOOD, NOW, OPERATOR, OTHER, entities, signed
from tests.support.keys import certificate_of, certificate_pem

SIGNER = read_signer(certificate_pem(certificate_of(OPERATOR)))
DAY = dt.timedelta(days=1)
MANY = "".join(OTHER.metadata_xml(entity_id=f"https://other{number}.test/idp") for number in range(40))
"""More than a parser reads at once: what is found must not depend on where its chunks end."""
LIST = entities(MANY, GOOD.metadata_xml(), MANY.replace("https://other", "https://third"), attributes='ID="all"')


def read(xml: str | bytes, entity_id: str | None = GOOD.entity_id, *, pinned: bool = True) -> IdPMetadata:
    """What a worker makes of a list."""
    octets = xml.encode() if isinstance(xml, str) else xml
    document = entity_document(octets, entity_id, SIGNER if pinned else None)
    assert len(document) < 10_000
    return read_idp_metadata(document, NOW, entity_id=entity_id)


def code_of(xml: str | bytes, entity_id: str | None = GOOD.entity_id, *, pinned: bool = False) -> str:
    """The code of the refusal."""
    with pytest.raises(MetadataRefused) as caught:
        read(xml, entity_id, pinned=pinned)
    return caught.value.code


def test_one_entity_of_many_is_found() -> None:
    """The same as in the list itself, signed or not, whichever it is, alone or in a list of lists."""
    for xml, pinned in ((LIST, False), (signed(LIST, "all"), True), (entities(entities(LIST)), False)):
        for name in (GOOD.entity_id, "https://other0.test/idp", "https://third39.test/idp", "https://other39.test/idp"):
            assert read(xml, name, pinned=pinned).entity_id == name
    assert read(LIST, pinned=False) == read_idp_metadata(LIST, NOW, entity_id=GOOD.entity_id)
    assert read(GOOD.metadata_xml(), None, pinned=False) == read_idp_metadata(GOOD.metadata_xml(), NOW)
    assert read(signed(GOOD.metadata_xml(id="one"), "one")).sso == read_idp_metadata(GOOD.metadata_xml(), NOW).sso


def test_what_was_not_signed_is_not_there() -> None:
    """Beside the signed list, put into it, or signed by somebody else."""
    inner = signed(entities(OTHER.metadata_xml(), attributes='ID="all"'), "all")
    assert code_of(entities(inner, GOOD.metadata_xml()), pinned=True) == "metadata_signature_missing"
    assert code_of(LIST, pinned=True) == "metadata_signature_missing"
    assert code_of(signed(LIST, "all", key=GOOD.key), pinned=True) == "metadata_signature_invalid"
    forged = signed(LIST, "all").replace(GOOD.sso_url.encode(), EVIL.sso_url.encode())
    assert code_of(forged, pinned=True) == "metadata_signature_invalid"


@pytest.mark.parametrize("pinned", [False, True])
def test_an_entity_stands_once_in_all_lists(pinned: bool) -> None:
    """Also where the two are far apart, and in different lists."""
    twice = entities(entities(GOOD.metadata_xml()), MANY, entities(EVIL.metadata_xml()), attributes='ID="all"')
    assert code_of(signed(twice, "all") if pinned else twice, pinned=pinned) == "entity_id_duplicate"


def test_one_inside_of_extensions_is_none() -> None:
    """Neither found nor counted, and the entity around it is read whole."""
    hidden = OTHER.metadata_xml(extra_xml=f"<md:Extensions>{EVIL.metadata_xml()}</md:Extensions>")
    assert code_of(entities(hidden)) == "entity_not_found"
    assert read(entities(hidden, GOOD.metadata_xml()), pinned=False).sso[0].location == GOOD.sso_url
    assert read(entities(hidden), OTHER.entity_id, pinned=False).entity_id == OTHER.entity_id
    listed = f"<md:Extensions>{entities(EVIL.metadata_xml())}</md:Extensions>"
    assert code_of(entities(listed, OTHER.metadata_xml())) == "entity_not_found"


def test_the_validity_of_every_list_around_it_holds() -> None:
    """Of the earliest; and what stands there cannot break out of its attribute."""
    soon, late = (NOW + DAY).isoformat(), (NOW - DAY).isoformat()
    xml = entities(entities(GOOD.metadata_xml(valid_until=NOW + 9 * DAY)), attributes=f'ID="all" validUntil="{soon}"')
    assert read(signed(xml, "all")).valid_until == NOW + DAY
    assert code_of(entities(entities(LIST, attributes=f'validUntil="{late}"'))) == "metadata_expired"
    assert code_of(entities(LIST, attributes="validUntil='&quot;/>&lt;x y=&quot;'")) == "metadata_invalid"
    assert read(entities(LIST, attributes='cacheDuration="PT2H"'), pinned=False).cache_duration_seconds == 7200


@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "xml_forbidden"),
        (LIST.replace("<md:Entity", "<?php x?><md:Entity", 1).encode(), "xml_forbidden"),
        (LIST.replace("</md:EntitiesDescriptor>", "<?php x?></md:EntitiesDescriptor>").encode(), "xml_forbidden"),
        (b'<?xml version="1.0" encoding="IBM037"?>' + LIST.encode("cp037"), "metadata_malformed"),
        (LIST.encode("utf-16"), "metadata_malformed"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + LIST.encode(), "metadata_malformed"),
        (LIST.encode()[:-20], "metadata_malformed"),
        (LIST.encode().replace(b"POST", b"\xff\xfe"), "metadata_malformed"),
        (b"<a/>", "metadata_invalid"),
        (b"", "metadata_malformed"),
        (b" " * (MAX_AGGREGATE_BYTES + 1), "too_large"),
        (b"<a>" * 300 + b"</a>" * 300, "metadata_malformed"),
    ],
    ids=["DTD", "PI", "PI at the end", "EBCDIC", "UTF-16", "Latin-1", "cut", "no UTF-8", "none", "empty", "large", "deep"],
)
def test_what_is_no_list_is_refused(xml: bytes, code: str, pinned: bool) -> None:
    """Each under its own code, before anything of it is believed."""
    assert code_of(xml, pinned=pinned) == code


def test_a_list_without_a_choice_says_what_there_is() -> None:
    """The first ones by name, and how many."""
    with pytest.raises(MetadataRefused) as caught:
        read(LIST, None, pinned=False)
    assert (caught.value.code, caught.value.detail["count"]) == ("entity_choice_required", 81)
    assert len(caught.value.detail["entity_ids"]) == 50
