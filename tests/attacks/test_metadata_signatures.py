"""Metadata that has to be signed: what is unsigned, signed by others, wrapped, put beside or around is never read (M5)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from tenants.idp_metadata import read_idp_metadata
from tenants.metadata_errors import MetadataRefused
from tenants.metadata_signature import read_signer
from tenants.trust import IdPMetadata
from tests.support.idp import ForgingIdP
from tests.support.keys import certificate_of, certificate_pem, ec_key, private_pem, rsa_key
from tests.support.xml_signing import EXCLUSIVE, sign, signature_template

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
OPERATOR = rsa_key("federation")
SIGNER = read_signer(certificate_pem(certificate_of(OPERATOR)))
GOOD = ForgingIdP("https://good.test/idp", sso_url="https://good.test/sso", slo_url="https://good.test/slo")
EVIL = ForgingIdP("https://good.test/idp", rsa_key("evil"), sso_url="https://evil.test/sso", slo_url="https://evil.test/slo")
OTHER = ForgingIdP("https://other.test/idp", rsa_key("other"))
MD = 'xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"'


def entities(*inside: str | bytes, attributes: str = "") -> str:
    """An EntitiesDescriptor around what is given."""
    texts = "".join(item.decode() if isinstance(item, bytes) else item for item in inside)
    return f"<md:EntitiesDescriptor {MD} {attributes}>{texts}</md:EntitiesDescriptor>"


def signed(xml: str | bytes, id: str, **options: object) -> bytes:
    """Signed by the federation's operator, unless another key is given."""
    key = options.pop("key", OPERATOR)
    return sign(xml, id, key, **options)  # type: ignore[arg-type]  # as the test names them


def read(xml: bytes | str, entity_id: str | None = GOOD.entity_id) -> IdPMetadata:
    """Read as saving and every fetch do where a certificate is pinned."""
    return read_idp_metadata(xml, NOW, entity_id=entity_id, own_entity_id="https://acme.test/saml", signer=SIGNER)


def code_of(xml: bytes | str) -> str:
    """The code of the refusal."""
    with pytest.raises(MetadataRefused) as caught:
        read(xml)
    return caught.value.code


ALONE = signed(GOOD.metadata_xml(id="one"), "one")
SIGNATURE = ALONE[ALONE.index(b"<ds:Signature") : ALONE.index(b"</ds:Signature>") + len(b"</ds:Signature>")].decode()


def test_what_is_signed_is_read_wherever_the_signature_stands() -> None:
    """On the entity, on the list around it, on a list of lists; by RSA and by ECDSA; other signatures beside do not matter."""
    listed = entities(GOOD.metadata_xml(), OTHER.metadata_xml(), attributes='ID="all"')
    nested = entities(entities(GOOD.metadata_xml()), entities(OTHER.metadata_xml()), attributes='ID="all"')
    by_registrar = sign(OTHER.metadata_xml(id="two"), "two", OTHER.key)
    both = entities(sign(GOOD.metadata_xml(id="one"), "one", OTHER.key), by_registrar, attributes='ID="all"')
    for xml in (ALONE, signed(listed, "all"), signed(nested, "all"), entities(ALONE, by_registrar), signed(both, "all")):
        metadata = read(xml)
        assert metadata.entity_id == GOOD.entity_id
        assert {endpoint.location for endpoint in metadata.sso} == {GOOD.sso_url}
    on_curve = read_signer(certificate_pem(certificate_of(ec_key("federation"))))
    xml = sign(GOOD.metadata_xml(id="one"), "one", ec_key("federation"))
    assert read_idp_metadata(xml, NOW, signer=on_curve).entity_id == GOOD.entity_id


@pytest.mark.parametrize(
    "make",
    [
        GOOD.metadata_xml,
        lambda: entities(GOOD.metadata_xml(), signed(OTHER.metadata_xml(id="one"), "one")),
        lambda: entities(entities(signed(OTHER.metadata_xml(id="one"), "one"), attributes='ID="in"'), GOOD.metadata_xml()),
        lambda: entities(GOOD.metadata_xml(), SIGNATURE.join(("<md:Extensions>", "</md:Extensions>"))),
        lambda: GOOD.metadata_xml(role_xml=SIGNATURE),
    ],
    ids=["no signature", "another entity is signed", "outside of the signed list", "in extensions", "inside of the role"],
)
def test_what_no_signature_covers_is_missing_one(make: Callable[[], str]) -> None:
    """A signature somewhere else in the document proves nothing about this entity."""
    assert code_of(make()) == "metadata_signature_missing"


def evil_around_good() -> str:
    """The signed original inside of Extensions of a forged entity, which has a copy of its signature."""
    text = EVIL.metadata_xml(id="one", extra_xml=f"<md:Extensions>{ALONE.decode()}</md:Extensions>")
    at = text.index(">") + 1
    return text[:at] + SIGNATURE + text[at:]


def evil_with_its_own_id() -> str:
    """A forged entity with another ID, and with the signature over the original, which stands behind it."""
    text = EVIL.metadata_xml(id="evil")
    at = text.index(">") + 1
    return entities(text[:at] + SIGNATURE + text[at:], ALONE.decode().replace(GOOD.entity_id, "https://moved.test"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: signed(GOOD.metadata_xml(id="one"), "one", key=GOOD.key),
        lambda: signed(GOOD.metadata_xml(id="one"), "one", key=EVIL.key, certificate=certificate_of(OPERATOR)),
        lambda: signed(GOOD.metadata_xml(id="one"), "one", signature="rsa-sha1", digest="sha1"),
        lambda: signed(GOOD.metadata_xml(id="one"), "one", digest="sha1"),
        lambda: signed(GOOD.metadata_xml(id="one"), "one", key=certificate_pem(certificate_of(OPERATOR)).encode()),
        lambda: ALONE.replace(b"good.test/sso", b"evil.test/sso"),
        lambda: ALONE.replace(b"</md:EntityDescriptor>", b"<md:Extensions/></md:EntityDescriptor>"),
        lambda: ALONE.replace(b'ID="one"', b'ID="two"'),
        lambda: ALONE.replace(SIGNATURE.encode(), SIGNATURE.encode() * 2),
        lambda: sign(
            GOOD.metadata_xml(id="one"), "one", OPERATOR, template=signature_template("one", uri="", transforms=(EXCLUSIVE,))
        ),
        evil_around_good,
        evil_with_its_own_id,
        lambda: entities(ALONE, '<md:Extensions ID="one"/>'),
        lambda: entities(ALONE, f'<md:AffiliationDescriptor xml:id="one" {MD}/>'),
        lambda: signed(entities(GOOD.metadata_xml(), attributes='ID="all"'), "all").replace(
            b"<md:EntityDescriptor", EVIL.metadata_xml().replace(GOOD.entity_id, "x:y").encode() + b"<md:EntityDescriptor", 1
        ),
    ],
    ids=[
        "by the identity provider itself",
        "by another key that names the pinned certificate",
        "sha1",
        "digest by sha1",
        "hmac with the certificate as the secret",
        "endpoint changed",
        "something added",
        "another ID",
        "two signatures",
        "over the whole document",
        "wrapped",
        "a signature over somebody else",
        "the ID twice",
        "the ID twice by another name",
        "an entity put into the signed list",
    ],
)
def test_a_signature_that_does_not_hold_refuses(make: Callable[[], bytes | str]) -> None:
    """Under one code, whatever is wrong with it."""
    assert code_of(make()) == "metadata_signature_invalid"


def test_what_stands_around_the_signed_part_is_not_read() -> None:
    """Validity and duration of an unsigned list say nothing; those of every signed level hold."""
    late = f'validUntil="{(NOW - DAY).isoformat()}"'
    assert read(entities(ALONE, attributes=f'{late} cacheDuration="PT2H"')).cache_duration_seconds is None
    assert read(entities(ALONE, attributes=late)).valid_until is None
    inner = entities(GOOD.metadata_xml(valid_until=NOW + 9 * DAY), attributes=late)
    assert code_of(signed(entities(inner, attributes='ID="all"'), "all")) == "metadata_expired"
    soon = f'validUntil="{(NOW + DAY).isoformat()}"'
    outer = entities(entities(GOOD.metadata_xml(valid_until=NOW + 9 * DAY)), attributes=f'ID="all" {soon}')
    assert read(signed(outer, "all")).valid_until == NOW + DAY


def test_an_entity_stands_once() -> None:
    """A forged twin, signed or not, beside the signed one: nobody guesses which is meant."""
    assert code_of(entities(ALONE, EVIL.metadata_xml())) == "entity_id_duplicate"
    assert code_of(entities(EVIL.metadata_xml(), ALONE)) == "entity_id_duplicate"
    twice = entities(GOOD.metadata_xml(), EVIL.metadata_xml(), attributes='ID="all"')
    assert code_of(signed(twice, "all")) == "entity_id_duplicate"


def test_what_costs_too_much_to_canonicalise_is_refused_before() -> None:
    """Attributes, declarations and depth are bounded, though the signature's own value is that of an honest file."""
    wide = " ".join(f'a{number}=""' for number in range(100))
    spaces = " ".join(f'xmlns:a{number}="urn:{number}"' for number in range(100))
    deep = "<md:Extensions>" * 80 + "</md:Extensions>" * 80
    for inside in (f"<md:Extensions {wide}/>", f"<md:Extensions {spaces}/>", deep):
        bomb = ALONE.replace(b"</md:EntityDescriptor>", inside.encode() + b"</md:EntityDescriptor>")
        assert code_of(bomb) == "metadata_signature_invalid"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        certificate_pem(certificate_of(OPERATOR)) * 2,
        certificate_pem(certificate_of(OPERATOR)) + private_pem(OPERATOR).decode(),
        certificate_pem(certificate_of(rsa_key("weak", 1024))),
        "-----BEGIN CERTIFICATE-----" + "A" * 30_000,
    ],
    ids=["nothing", "damaged", "two", "with a private key", "weak", "long"],
)
def test_what_cannot_be_pinned(text: str) -> None:
    """One good certificate, or a refusal that keeps nothing."""
    with pytest.raises(MetadataRefused) as caught:
        read_signer(text)
    assert caught.value.code == "signer_invalid"


def test_what_is_pinned_is_shown() -> None:
    """The subject without what cannot be printed; and KeyInfo, which nobody believes, is told to the administrator."""
    hostile = read_signer(certificate_pem(certificate_of(OPERATOR, "<b>\u202eevil\x07")))
    assert hostile.subject.isascii() is False
    assert "\u202e" not in hostile.subject
    assert "\x07" not in hostile.subject
    xml = sign(GOOD.metadata_xml(id="one"), "one", GOOD.key, certificate=GOOD.certificate)
    with pytest.raises(MetadataRefused) as caught:
        read(xml)
    assert "it names a certificate of SHA-256" in caught.value.cause
