"""Identity providers' metadata: what is taken, what is refused under which code, and what is a warning."""

from __future__ import annotations

import datetime as dt
import json
import random
import subprocess
import sys
from collections.abc import Callable

import pytest

from tenants.idp_metadata import metadata_from_document, metadata_to_document, read_idp_metadata, warnings_of
from tenants.metadata_errors import MAX_METADATA_BYTES, MetadataRefused
from tenants.trust import Endpoint, IdPMetadata
from tests.unit.tenants import metadata_samples as samples
from tests.unit.tenants.metadata_samples import (
    ENTITY_ID,
    NOW,
    POST,
    REDIRECT,
    SLO,
    SOAP,
    SP_ROLE,
    SSO,
    entities,
    entity,
    role,
    service,
)

PRODUCTS: dict[Callable[[], str], tuple[str, int, int, int]] = {
    samples.entra: ("https://sts.windows.net/0b1c/", 2, 1, 1),
    samples.adfs: ("http://fs.example.com/adfs/services/trust", 2, 2, 2),
    samples.okta: ("http://www.okta.com/exk1", 2, 0, 1),
    samples.google: ("https://accounts.google.com/o/saml2?idpid=C01abc", 2, 0, 1),
    samples.keycloak: ("https://sso.example.com/realms/main", 2, 2, 1),
    samples.shibboleth: ("https://idp.example.org/idp/shibboleth", 2, 1, 2),
    samples.simplesamlphp: ("https://ssp.example.com/saml2/idp/metadata.php", 1, 1, 1),
}


def refusal_of(xml: bytes | str, entity_id: str | None = None, own_entity_id: str | None = None) -> MetadataRefused:
    """The refusal that a document meets; a test fails where it meets none."""
    with pytest.raises(MetadataRefused) as caught:
        read_idp_metadata(xml, NOW, entity_id=entity_id, own_entity_id=own_entity_id)
    refusal = caught.value
    assert refusal.status == 422
    assert refusal.cause
    json.dumps(refusal.detail)
    return refusal


def codes_of(metadata: IdPMetadata) -> list[str]:
    """The codes of the warnings, each of which says something."""
    assert all(set(warning) == {"code", "detail"} and warning["detail"] for warning in metadata.warnings)
    return [warning["code"] for warning in metadata.warnings]


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.__name__)
@pytest.mark.parametrize("as_bytes", [True, False])
def test_metadata_of_real_products_is_taken_without_a_warning(product: Callable[[], str], as_bytes: bool) -> None:
    """Each product's way of writing is read whole: endpoints, signing certificates, nothing to complain of."""
    text = product()
    metadata = read_idp_metadata(text.encode() if as_bytes else text, NOW, own_entity_id="https://acme.example/saml/metadata")
    entity_id, sso, slo, certificates = PRODUCTS[product]
    assert metadata.entity_id == entity_id
    assert (len(metadata.sso), len(metadata.slo), len(metadata.signing_certificates)) == (sso, slo, certificates)
    assert metadata.warnings == ()


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.__name__)
def test_the_stored_document_gives_the_same_value_back(product: Callable[[], str]) -> None:
    """What the database keeps as JSON is equal to what was read."""
    metadata = read_idp_metadata(product(), NOW)
    assert metadata_from_document(json.loads(json.dumps(metadata_to_document(metadata)))) == metadata


def test_everything_that_is_said_is_kept() -> None:
    """Order of endpoints, ResponseLocation, wishes, formats, validity and cache time come through."""
    services = (
        service("SingleLogoutService", REDIRECT, SLO, SLO + "/return")
        + service("SingleLogoutService", SOAP, SLO)
        + "<md:NameIDFormat> urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\n</md:NameIDFormat>"
        + service("SingleSignOnService", POST, SSO, "https://idp.example.com/ignored")
        + service("SingleSignOnService", REDIRECT, SSO + "?a=b&amp;c=d")
        + service("SingleSignOnService", POST, SSO)
    )
    text = entity(
        role(None, services, 'WantAuthnRequestsSigned="1" errorURL="javascript:alert(1)"'),
        attributes='validUntil="2027-01-01T00:00:00.123Z" cacheDuration="PT6H"',
    )
    metadata = read_idp_metadata(text, NOW)
    assert metadata.sso == (Endpoint(POST, SSO), Endpoint(REDIRECT, SSO + "?a=b&c=d"))
    assert metadata.slo == (Endpoint(REDIRECT, SLO, SLO + "/return"),)
    assert metadata.want_authn_requests_signed
    assert metadata.name_id_formats == ("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",)
    assert metadata.valid_until == dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
    assert metadata.cache_duration_seconds == 6 * 3600
    assert metadata.warnings == ()
    assert metadata_from_document(metadata_to_document(metadata)) == metadata


def test_pysaml2s_slow_schema_is_never_loaded() -> None:
    """Importing the reader stays cheap: no XML schema in pure Python, none of pysaml2's network code."""
    heavy = ("xmlschema", "saml2.xml.schema", "requests")
    code = f"import sys, tenants.idp_metadata; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# XML


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "   \n",
        "not xml",
        "<",
        entity()[:-5],
        entity() + entity(),
        entity() + "rest",
        entity().replace("md:IDPSSO", "mx:IDPSSO"),
        entity().replace("<ds:KeyInfo>", "<ds:KeyInfo>&undefined;"),
        entity().replace("<ds:KeyInfo>", "<ds:KeyInfo>\x00"),
        entity().replace("<ds:KeyInfo>", "<ds:KeyInfo>\ud800"),
        entity(attributes='ID="a" ID="b"'),
        entities(*["<md:EntitiesDescriptor>"] * 300, *["</md:EntitiesDescriptor>"] * 300),
        entity().encode("utf-16"),
        entity().encode("utf-16-be"),
        entity().encode("utf-32"),
        b"<?xml version='1.0' encoding='UTF-16'?>" + entity().encode(),
        b"<?xml version='1.0' encoding='EBCDIC-CP-US'?>" + entity().encode(),
        b"<?xml version='1.0' encoding='UTF-7'?>" + entity().encode(),
        b"\xef\xbb\xbf<?xml version='1.0' encoding='ISO-8859-1'?>" + entity().encode(),
        b"<?xml version='1.0' encoding='US-ASCII'?>" + entity(entity_id="https://idp.example.com/é").encode(),
        entity(entity_id="https://idp.example.com/é").encode("latin-1"),
        b"\x1f\x8b" + entity().encode(),
    ],
)
def test_what_is_not_one_well_formed_document_is_malformed(xml: bytes | str) -> None:
    """Truncated, doubled, mis-declared and wrongly encoded documents are told from those that mean something else."""
    assert refusal_of(xml).code == "metadata_malformed"


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html><html></html>",
        "\ufeff\n<html lang='en'><body></body></html>",
        '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html/>',
    ],
)
def test_a_web_page_is_called_one(text: str) -> None:
    """The page to sign in at is what people paste the address of most often; a certificate is what they give as a file."""
    assert (refusal_of(text).code, refusal_of(text.encode()).code) == ("metadata_web_page",) * 2
    assert "certificate" in refusal_of("-----BEGIN CERTIFICATE-----\nMIIB").cause
    assert refusal_of("<htmlish/>").code != "metadata_web_page"


@pytest.mark.parametrize("encoding", ["UTF-8", "utf-8", "US-ASCII", "ISO-8859-1", "iso-8859-1"])
def test_declared_encodings_of_bytes_are_honoured(encoding: str) -> None:
    """The same letters come out of UTF-8 and ISO-8859-1."""
    text = f"<?xml version='1.0' encoding='{encoding}'?>" + entity(
        entity_id="https://idp.example.com/" + "é" * ("8" in encoding)
    )
    octets = text.encode("latin-1" if "8859" in encoding else "utf-8")
    expected = "https://idp.example.com/é" if "8" in encoding else "https://idp.example.com/"
    assert read_idp_metadata(octets, NOW).entity_id == expected


@pytest.mark.parametrize(
    "prefix", ["", "\ufeff", "\n\n", "\ufeff<?xml version='1.0' encoding='UTF-16'?>", "<?xml version='1.0'?>"]
)
def test_pasted_text_is_text_whatever_it_declares(prefix: str) -> None:
    """A byte order mark, a line break in front and a declared encoding do no harm to text."""
    assert read_idp_metadata(prefix + entity(), NOW).entity_id == ENTITY_ID


LAUGHS = "<!DOCTYPE a [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]>"


@pytest.mark.parametrize(
    "xml",
    [
        "<!DOCTYPE md:EntityDescriptor>" + entity(),
        LAUGHS + entity(attributes='Name="&b;"'),
        LAUGHS + entity(entity_id="&b;"),
        f"<!DOCTYPE a SYSTEM 'file:///etc/passwd'>{entity()}".encode(),
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'http://169.254.169.254/'>]>" + entity().replace("<ds:KeyInfo>", "<ds:KeyInfo>&x;"),
        "<?xml-stylesheet href='x.xsl'?>" + entity(),
        entity() + "<?php phpinfo() ?>",
        entity().replace("<ds:KeyInfo>", "<ds:KeyInfo><?pi?>"),
    ],
)
def test_dtds_entities_and_processing_instructions_are_forbidden(xml: bytes | str) -> None:
    """What can reach beyond the document is refused by its own code, wherever it stands."""
    assert refusal_of(xml).code == "xml_forbidden"


def test_more_than_five_mebibytes_are_too_large() -> None:
    """The limit counts bytes, also of text whose characters take several."""
    text = entity()
    room = MAX_METADATA_BYTES - len(text.encode())
    assert read_idp_metadata(text + " " * room, NOW).entity_id == ENTITY_ID
    assert refusal_of(text + " " * (room + 1)).code == "too_large"
    assert refusal_of((text + " " * (room + 1)).encode()).code == "too_large"
    assert refusal_of(text.replace("<ds:KeyInfo>", "<ds:KeyInfo>" + "€" * (MAX_METADATA_BYTES // 3))).code == "too_large"


def test_comments_do_not_cut_a_value() -> None:
    """A comment inside of a certificate's or format's text leaves the text whole."""
    text = samples.base64_of(samples.good_certificate())
    commented = samples.key_descriptor(text[:40] + "<!-- x -->" + text[40:])
    assert len(read_idp_metadata(entity(role(commented)), NOW).signing_certificates) == 1


# which entity


@pytest.mark.parametrize(
    "xml",
    [
        "<EntityDescriptor entityID='https://idp.example.com'/>",
        '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"/>',
        role().replace("<md:IDPSSODescriptor", f"<md:IDPSSODescriptor {samples.NAMESPACES}"),
    ],
)
def test_what_is_no_metadata_is_invalid(xml: str) -> None:
    """A response, a stray role and what has no namespace are XML, but no metadata."""
    assert refusal_of(xml).code == "metadata_invalid"


OTHER = entity(entity_id="https://other.example.com")
SP = entity(SP_ROLE, entity_id="https://sp.example.com")


def test_one_identity_provider_among_others_needs_no_choice() -> None:
    """Service providers in the same file, at any depth, do not count."""
    assert read_idp_metadata(entities(SP, entities(entities(entity()))), NOW).entity_id == ENTITY_ID


def test_several_identity_providers_ask_which_one() -> None:
    """The refusal lists them, and the choice is obeyed."""
    text = entities(entity(), SP, OTHER)
    refusal = refusal_of(text)
    assert refusal.code == "entity_choice_required"
    assert refusal.detail == {"entity_ids": [ENTITY_ID, "https://other.example.com"], "count": 2}
    assert read_idp_metadata(text, NOW, entity_id="https://other.example.com").entity_id == "https://other.example.com"


def test_a_long_list_of_choices_is_bounded() -> None:
    """A federation's list is cut, its number is not."""
    refusal = refusal_of(entities(*(entity(entity_id=f"https://idp{number}.example.com") for number in range(60))))
    assert refusal.detail["count"] == 60
    assert len(refusal.detail["entity_ids"]) == 50


def test_a_chosen_entity_has_to_be_there() -> None:
    """A wrong choice says what there is, even where there is only one."""
    for text in (entity(), entities(entity(), SP)):
        refusal = refusal_of(text, entity_id="https://idp.example.com/METADATA")
        assert refusal.code == "entity_not_found"
        assert refusal.detail["entity_ids"] == [ENTITY_ID]


@pytest.mark.parametrize(
    "xml",
    [
        SP,
        entities(SP, entity(SP_ROLE, entity_id="https://sp2.example.com")),
        entities(),
        entity("<md:Organization/>"),
        entity(role(protocols=None)),
        entity(role(protocols="urn:oasis:names:tc:SAML:1.1:protocol")),
        entity(role(protocols=samples.SAML2 + "x")),
        entity(f"<md:Extensions>{role()}</md:Extensions>"),
        entities(f"<md:Extensions>{entity()}</md:Extensions>"),
    ],
)
def test_metadata_without_a_saml2_identity_provider_is_refused(xml: str) -> None:
    """A service provider, SAML 1.1 alone, and what only stands in Extensions are no identity provider."""
    assert refusal_of(xml).code == "idp_missing"


def test_a_chosen_service_provider_is_no_identity_provider() -> None:
    """The refusal names the roles that it has."""
    refusal = refusal_of(entities(entity(), SP), entity_id="https://sp.example.com")
    assert (refusal.code, refusal.detail["roles"]) == ("idp_missing", ["SPSSODescriptor"])


def test_the_saml2_role_is_found_beside_another() -> None:
    """A role for SAML 1.1 in front of it is passed by, with its keys and addresses."""
    old = role(
        samples.key_descriptor(samples.certificate_of(subject="old")),
        service("SingleSignOnService", POST, SSO + "/old"),
        protocols="urn:oasis:names:tc:SAML:1.1:protocol",
    )
    metadata = read_idp_metadata(entity(old, role()), NOW)
    assert metadata.sso == (Endpoint(REDIRECT, SSO),)
    assert len(metadata.signing_certificates) == 1


@pytest.mark.parametrize("entity_id", [None, ""])
def test_an_identity_provider_without_a_name_is_refused(entity_id: str | None) -> None:
    """Nothing could be compared with the issuer of a response."""
    assert refusal_of(entity(entity_id=entity_id)).code == "entity_id_missing"


@pytest.mark.parametrize(
    "entity_id",
    ["idp", "//idp.example.com", "https://idp.example.com/a b", " https://idp.example.com", "https:", "https://x/\u00a0",
     "https://x/\u200b", "https://x/\u202e", "https://idp.example.com/" + "a" * 1001, "1https://x", "https://x&#10;", "a/b:c"],
)  # fmt: skip
def test_an_entity_id_is_an_absolute_uri(entity_id: str) -> None:
    """Relative names, blanks, invisible characters and more than 1024 characters are refused."""
    assert refusal_of(entity(entity_id=entity_id)).code == "entity_id_invalid"


@pytest.mark.parametrize("entity_id", ["urn:example:idp", "https://x/" + "a" * 1014, "https://idp.example.com/ü", "spn:0b1c"])
def test_any_absolute_uri_is_an_entity_id(entity_id: str) -> None:
    """URNs, IRIs and 1024 characters are taken as they are."""
    assert read_idp_metadata(entity(entity_id=entity_id), NOW).entity_id == entity_id


def test_an_entity_id_stands_once() -> None:
    """The same name twice leaves open which one is meant, chosen or not, with or without the role."""
    assert refusal_of(entities(entity(), entity())).code == "entity_id_duplicate"
    assert refusal_of(entities(entity(), entities(entity()), OTHER), entity_id=ENTITY_ID).code == "entity_id_duplicate"
    assert refusal_of(entities(entity(SP_ROLE), entity())).code == "entity_id_duplicate"
    assert read_idp_metadata(entities(entity(), entity(), OTHER), NOW, entity_id="https://other.example.com")


def test_our_own_metadata_is_refused_as_ours() -> None:
    """Whoever pastes the service provider's metadata is told so, and nobody can be us."""
    own = "https://sp.example.com"
    assert refusal_of(SP, own_entity_id=own).code == "entity_id_own"
    assert refusal_of(entity(entity_id=own), own_entity_id=own).code == "entity_id_own"
    assert refusal_of(entities(entity(), SP), entity_id=own, own_entity_id=own).code == "entity_id_own"
    assert read_idp_metadata(entities(entity(), SP), NOW, own_entity_id=own).entity_id == ENTITY_ID


# validity

PAST = 'validUntil="2026-11-20T12:00:00Z"'
FUTURE = 'validUntil="2027-11-20T12:00:00Z"'


@pytest.mark.parametrize(
    "xml",
    [
        entity(attributes=PAST),
        entity(role(attributes=PAST)),
        entities(entity(attributes=FUTURE), attributes=PAST),
        entities(entities(entity()), attributes=PAST),
        entity(attributes='validUntil="2026-11-20T12:59:59+01:00"'),
        entity(attributes='validUntil="2026-11-20T11:59:59"'),
    ],
)
def test_expired_metadata_is_refused(xml: str) -> None:
    """The earliest validUntil on the way from the root to the role counts, also at the very moment."""
    refusal = refusal_of(xml)
    assert refusal.code == "metadata_expired"
    assert refusal.detail["valid_until"].startswith("2026-11-20T1")


def test_anothers_validity_does_not_matter() -> None:
    """An expired neighbour in the same file is not the one that was asked for."""
    text = entities(entity(entity_id="https://other.example.com", attributes=PAST), entity())
    assert read_idp_metadata(text, NOW, entity_id=ENTITY_ID).valid_until is None


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2027-13-01T00:00:00Z", "2027-01-01", "99999-01-01T00:00:00Z", "٢٠٢٧-01-01T00:00:00Z"]
)
def test_a_validity_that_is_no_time_is_invalid(text: str) -> None:
    """What cannot be read cannot be obeyed."""
    assert refusal_of(entity(attributes=f'validUntil="{text}"')).code == "metadata_invalid"


@pytest.mark.parametrize(
    ("text", "seconds", "warnings"),
    [
        ("PT6H", 21600, []),
        ("P1DT12H30M15.5S", 131415, []),
        ("PT1S", 3600, []),
        ("P1Y2M", 30 * 86400, []),
        ("P999999Y", 30 * 86400, []),
        ("-PT6H", None, ["cache_duration_ignored"]),
        ("P", None, ["cache_duration_ignored"]),
        ("PT", None, ["cache_duration_ignored"]),
        ("six hours", None, ["cache_duration_ignored"]),
    ],
)
def test_a_cache_duration_is_bounded(text: str, seconds: int | None, warnings: list[str]) -> None:
    """Between an hour and thirty days; what is none is said and ignored."""
    metadata = read_idp_metadata(entity(attributes=f'cacheDuration="{text}"'), NOW)
    assert metadata.cache_duration_seconds == seconds
    assert codes_of(metadata) == warnings


def test_the_shortest_cache_duration_on_the_way_counts() -> None:
    """A federation's wish holds for its members."""
    text = entities(entity(attributes='cacheDuration="PT8H"'), attributes='cacheDuration="PT2H"')
    assert read_idp_metadata(text, NOW).cache_duration_seconds == 7200


def test_metadata_that_expires_within_a_week_is_a_warning() -> None:
    """The warning comes with the date, and with time."""
    metadata = read_idp_metadata(entity(attributes='validUntil="2026-12-01T00:00:00Z"'), NOW)
    assert codes_of(metadata) == []
    later = warnings_of(metadata, NOW + dt.timedelta(days=5))
    assert [warning["code"] for warning in later] == ["metadata_expires_soon"]
    assert "2026-12-01" in later[0]["detail"]
    (over,) = warnings_of(metadata, dt.datetime(2026, 12, 1, tzinfo=dt.UTC))
    assert (over["code"], "was valid until 2026-12-01" in over["detail"]) == ("metadata_expired", True)


# endpoints


@pytest.mark.parametrize(
    "services",
    [
        "",
        service("SingleSignOnService", SOAP, SSO),
        service("SingleSignOnService", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact", SSO),
        service("SingleSignOnService", POST + " ", SSO),
        service("SingleLogoutService", POST, SLO),
        service("SingleSignOnService", POST, ""),
        f'<md:SingleSignOnService Location="{SSO}"/>',
        f'<md:SingleSignOnService Binding="{POST}"/>',
        f"<md:Extensions>{service('SingleSignOnService', POST, SSO)}</md:Extensions>",
    ],
)
def test_an_identity_provider_that_nobody_can_be_sent_to_is_refused(services: str) -> None:
    """It takes HTTP-POST or HTTP-Redirect, with a location."""
    assert refusal_of(entity(role(None, services))).code == "endpoint_missing"


BAD_LOCATIONS = [
    "javascript:alert(document.domain)", "JaVaScRiPt://idp.example.com/%0aalert(1)", "data:text/html,x", "vbscript:x",
    "file:///etc/passwd", "ftp://idp.example.com/", "/sso", "sso", "//idp.example.com/sso", "https:///sso", "https:sso",
    "https://user@idp.example.com/", "https://user:pw@idp.example.com/", "https://idp.example.com@evil.example/",
    "https://idp.example.com/#top", "https://idp.example.com/#", "https://idp.example.com/a b", " https://idp.example.com/",
    "https://idp.example.com/\u00a0", "https://idp.example.com&#10;.evil.example/", "https://idp.example.com\\@evil.example/",
    "https://idp.example.com/&lt;script>", "https://idp.example.com/&quot;x", "https://*.example.com/", "https://*/",
    "https://idp.example.com;script-src/", "https://idp.example.com:port/", "https://idp.example.com:0/",
    "https://idp.example.com:99999/",
    "https://[::1/", "https://[::1]x/", "https://[fe80::1%25eth0]/", "https://exämple.com/", "https://-x.example.com/",
    "https://a..b/", "http://", "https://idp.example.com/" + "a" * 2048, "java&#9;script:alert(1)", "blob:https://x/1",
]  # fmt: skip


@pytest.mark.parametrize("location", BAD_LOCATIONS)
@pytest.mark.parametrize("element", ["SingleSignOnService", "SingleLogoutService", "ResponseLocation"])
def test_a_location_that_no_browser_may_be_sent_to_is_refused(element: str, location: str) -> None:
    """Scripts, other schemes, user names, fragments and what browsers repair are refused, for sign-out as well."""
    if element == "ResponseLocation":
        bad = service("SingleLogoutService", POST, SLO, location)
    else:
        bad = service(element, POST, location)
    refusal = refusal_of(entity(role(None, service("SingleSignOnService", REDIRECT, SSO) + bad)))
    assert refusal.code == "endpoint_invalid"
    assert refusal.detail["element"] in ("SingleSignOnService", "SingleLogoutService")
    assert len(refusal.detail["location"]) <= 200


@pytest.mark.parametrize(
    "location",
    ["https://idp.example.com", "https://10.0.0.1:8443/a;b?c=d,e", "https://[2001:db8::1]:444/", "HTTPS://X_y.example/%20"],
)
def test_plain_locations_are_taken_as_they_are(location: str) -> None:
    """Nothing is rewritten, and where a browser goes may be a private address."""
    metadata = read_idp_metadata(entity(role(None, service("SingleSignOnService", POST, location))), NOW)
    assert metadata.sso == (Endpoint(POST, location),)
    assert metadata.warnings == ()


def test_an_unencrypted_location_is_a_warning() -> None:
    """http works, and is said once for each address, however many bindings it has."""
    addresses = service("SingleSignOnService", POST, "HTTP://idp.example.com/a")
    services = addresses + service("SingleLogoutService", POST, SLO, "http://idp.example.com/b")
    services += service("SingleSignOnService", REDIRECT, "HTTP://idp.example.com/a")
    metadata = read_idp_metadata(entity(role(None, services)), NOW)
    assert codes_of(metadata) == ["endpoint_insecure", "endpoint_insecure"]


def test_a_service_without_a_location_beside_a_good_one_is_a_warning() -> None:
    """It is left out."""
    services = service("SingleSignOnService", POST, SSO) + service("SingleLogoutService", POST, "")
    metadata = read_idp_metadata(entity(role(None, services)), NOW)
    assert (metadata.slo, codes_of(metadata)) == ((), ["endpoint_left_out"])


def test_locations_of_other_bindings_are_not_looked_at() -> None:
    """What is never used does not matter."""
    services = service("SingleSignOnService", POST, SSO) + service("SingleLogoutService", SOAP, "javascript:alert(1)")
    assert read_idp_metadata(entity(role(None, services)), NOW).slo == ()


def test_the_number_of_endpoints_is_bounded() -> None:
    """A file with thousands of addresses fills no table."""
    services = "".join(service("SingleSignOnService", POST, f"{SSO}/{number}") for number in range(500))
    assert len(read_idp_metadata(entity(role(None, services)), NOW).sso) == 10


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.__name__)
def test_no_damage_to_a_file_gets_past_the_refusals(product: Callable[[], str]) -> None:
    """Cut, doubled, swapped and overwritten, a file is taken or refused; no library's error comes out."""
    dice = random.Random(product.__name__)
    octets = product().encode()
    for _ in range(300):
        damaged = bytearray(octets)
        for _ in range(dice.randint(1, 4)):
            start, length = dice.randrange(len(damaged)), dice.choice((1, 2, 8, 60, 400))
            piece = bytes(damaged[start : start + length])
            other = dice.randrange(len(damaged))
            damaged[start : start + length] = dice.choice(
                (b"", piece * 2, dice.randbytes(length), damaged[other : other + length])
            )
        try:
            metadata = read_idp_metadata(bytes(damaged), NOW)
        except MetadataRefused:
            continue
        assert metadata_from_document(metadata_to_document(metadata)) == metadata
