"""Metadata of an identity provider: from what was pasted, fetched or read to what is trusted (requirements M1, M5).

The order of a reading: safe XML, the one entity that is meant, its validity, its signing keys, its endpoints. What cannot
be lived with is refused under a stable code; everything else that is wrong comes as a warning.

The metadata schema is not enforced: Microsoft's files have role types of WS-Federation that no SAML schema knows, and others
have elements out of order. What is relied on is checked here, and nothing else is read.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace
from sys import intern
from typing import Any
from xml.etree.ElementTree import ParseError

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree
from saml2 import SAMLError, md

from tenants.metadata_endpoints import read_endpoints, require_sign_in_endpoint
from tenants.metadata_entities import ChosenEntity, choose_entity, read_duration_seconds, valid_until_of
from tenants.metadata_errors import MetadataInvalid, MetadataOutOfDate
from tenants.metadata_keys import dated_warnings, read_signing_certificates, signing_certificate_of
from tenants.metadata_signature import MetadataSigner, signed_octets
from tenants.metadata_xml import read_metadata_xml
from tenants.signed_xml.xml import parse_canonical
from tenants.trust import Endpoint, IdPMetadata, PublicKey

MIN_CACHE_SECONDS = 3600
MAX_CACHE_SECONDS = 30 * 86400
"""A cacheDuration outside of an hour to thirty days is taken as the nearer of the two."""
MAX_NAME_ID_FORMATS = 20
MAX_URI_CHARACTERS = 1024
EXPIRY_NOTICE = dt.timedelta(days=7)

_DATED = frozenset(
    {
        *("metadata_expires_soon", "metadata_expired"),
        *("certificate_expired", "certificate_expires_soon", "certificate_not_yet_valid"),
    }
)

Warnings = list[dict[str, str]]


def read_idp_metadata(
    xml: bytes | str,
    now: dt.datetime,
    *,
    entity_id: str | None = None,
    own_entity_id: str | None = None,
    signer: MetadataSigner | None = None,
) -> IdPMetadata:
    """The identity provider that a metadata document describes.

    Args:
        xml: at most 5 MiB; for text a declared encoding is ignored.
        now: metadata and its certificates are judged at this time.
        entity_id: which one is meant, where there are several.
        own_entity_id: that of the tenant's service provider, which is refused.
        signer: whose signature it needs; nothing but what that covers is read then.

    Raises:
        MetadataRefused: each form under its own code, see tenants.metadata_errors.
    """
    root = read_metadata_xml(xml)
    entity = choose_entity(root, entity_id, own_entity_id)
    if signer is not None:
        entity = _signed_entity(root, entity, own_entity_id, signer)
    valid_until = valid_until_of(entity.scopes)
    if valid_until is not None and valid_until <= now:
        raise MetadataOutOfDate(f"validUntil was {valid_until.isoformat()}", valid_until=valid_until.isoformat())
    warnings: Warnings = []
    certificates = read_signing_certificates(entity.role, warnings)
    role = _parse_role(entity.role)
    sso_services = [(service.binding or "", service.location or "", None) for service in role.single_sign_on_service]
    sso = read_endpoints("SingleSignOnService", sso_services, warnings)
    require_sign_in_endpoint(sso, (binding for binding, _, _ in sso_services))
    slo_services = [
        (service.binding or "", service.location or "", service.response_location) for service in role.single_logout_service
    ]
    metadata = IdPMetadata(
        entity_id=entity.entity_id,
        sso=sso,
        slo=read_endpoints("SingleLogoutService", slo_services, warnings),
        signing_certificates=certificates,
        want_authn_requests_signed=role.want_authn_requests_signed in ("true", "1"),
        valid_until=valid_until,
        cache_duration_seconds=_cache_seconds(entity.scopes, warnings),
        name_id_formats=_name_id_formats(role),
        warnings=tuple(warnings),
    )
    return replace(metadata, warnings=warnings_of(metadata, now))


def warnings_of(metadata: IdPMetadata, now: dt.datetime) -> tuple[Mapping[str, str], ...]:
    """What is worth saying about metadata at this moment: what was found when it was read, and what dates say now."""
    lasting = [warning for warning in metadata.warnings if warning["code"] not in _DATED]
    dated = dated_warnings(metadata.signing_certificates, now)
    if metadata.valid_until is not None and metadata.valid_until <= now:
        day = metadata.valid_until.isoformat(timespec="minutes")
        detail = f"The metadata was valid until {day}: nobody can sign in until it is renewed."
        dated.append({"code": "metadata_expired", "detail": detail})
    elif metadata.valid_until is not None and metadata.valid_until <= now + EXPIRY_NOTICE:
        day = metadata.valid_until.isoformat(timespec="minutes")
        dated.append(
            {"code": "metadata_expires_soon", "detail": f"The metadata is valid until {day}. Nobody can sign in after."}
        )
    return (*lasting, *dated)


def public_keys_of(metadata: IdPMetadata) -> tuple[PublicKey, ...]:
    """The keys that verify what the identity provider signs, each once, in the order of its certificates."""
    keys: dict[bytes, PublicKey] = {}
    for certificate in metadata.signing_certificates:
        key = x509.load_der_x509_certificate(certificate.der).public_key()
        if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):  # others are refused when metadata is read
            keys.setdefault(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), key)
    return tuple(keys.values())


def key_ends_of(metadata: IdPMetadata, keys: tuple[PublicKey, ...]) -> tuple[dt.datetime, ...]:
    """For each of `public_keys_of` the moment at which the last of its certificates ends."""
    ends: dict[bytes, dt.datetime] = {}
    for certificate in metadata.signing_certificates:
        key = _octets_of(x509.load_der_x509_certificate(certificate.der).public_key())
        ends[key] = max(certificate.not_after, ends.get(key, certificate.not_after))
    return tuple(ends[_octets_of(key)] for key in keys)


def _octets_of(key: Any) -> bytes:
    octets: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return octets


def metadata_to_document(metadata: IdPMetadata) -> dict[str, Any]:
    """The stored JSON form; certificates stand in it whole, what follows from them does not."""
    return {
        "entity_id": metadata.entity_id,
        "sso": [_endpoint_document(endpoint) for endpoint in metadata.sso],
        "slo": [_endpoint_document(endpoint) for endpoint in metadata.slo],
        "certificates": [base64.b64encode(certificate.der).decode() for certificate in metadata.signing_certificates],
        "want_authn_requests_signed": metadata.want_authn_requests_signed,
        "valid_until": metadata.valid_until.isoformat() if metadata.valid_until else None,
        "cache_duration_seconds": metadata.cache_duration_seconds,
        "name_id_formats": list(metadata.name_id_formats),
        "warnings": [dict(warning) for warning in metadata.warnings],
    }


def metadata_from_document(document: Mapping[str, Any]) -> IdPMetadata:
    """The value of a stored document, equal to the one that was stored."""
    valid_until = document["valid_until"]
    return IdPMetadata(
        entity_id=document["entity_id"],
        sso=tuple(_endpoint_of(endpoint) for endpoint in document["sso"]),
        slo=tuple(_endpoint_of(endpoint) for endpoint in document["slo"]),
        signing_certificates=tuple(
            signing_certificate_of(x509.load_der_x509_certificate(base64.b64decode(text))) for text in document["certificates"]
        ),
        want_authn_requests_signed=document["want_authn_requests_signed"],
        valid_until=dt.datetime.fromisoformat(valid_until) if valid_until else None,
        cache_duration_seconds=document["cache_duration_seconds"],
        name_id_formats=tuple(document["name_id_formats"]),
        warnings=tuple(document["warnings"]),
    )


def _signed_entity(
    unverified_root: etree._Element, unverified: ChosenEntity, own_entity_id: str | None, signer: MetadataSigner
) -> ChosenEntity:
    """The entity of that name as it stands in what the signer has signed."""
    octets = signed_octets(unverified_root, unverified.scopes[:-1], signer)
    return choose_entity(parse_canonical(octets), unverified.entity_id, own_entity_id)


def _endpoint_document(endpoint: Endpoint) -> dict[str, str]:
    document = {"binding": endpoint.binding, "location": endpoint.location}
    return document | ({"response_location": endpoint.response_location} if endpoint.response_location else {})


def _endpoint_of(document: Mapping[str, str]) -> Endpoint:
    """With the one text of its binding: 10,000 cached tenants would have 20,000."""
    return Endpoint(**{**document, "binding": intern(document["binding"])})


def _parse_role(role: etree._Element) -> md.IDPSSODescriptor:
    """pysaml2's object for an IDPSSODescriptor, made from bytes that our own parser has found harmless."""
    try:
        parsed = md.idpsso_descriptor_from_string(etree.tostring(role, with_tail=False))
    except (ParseError, SAMLError, AttributeError, TypeError, ValueError) as error:
        raise MetadataInvalid(f"the IDPSSODescriptor cannot be read: {type(error).__name__}") from None
    if parsed is None:
        raise MetadataInvalid("the IDPSSODescriptor cannot be read")
    return parsed


def _cache_seconds(scopes: Iterable[etree._Element], warnings: Warnings) -> int | None:
    """The shortest cacheDuration that holds for the identity provider (SAML Metadata 2.3.1)."""
    durations = []
    for text in filter(None, (scope.get("cacheDuration") for scope in scopes)):
        seconds = read_duration_seconds(text)
        if seconds is None:
            warnings.append({"code": "cache_duration_ignored", "detail": f"cacheDuration {text!r:.80} is not a duration."})
        else:
            durations.append(min(max(seconds, MIN_CACHE_SECONDS), MAX_CACHE_SECONDS))
    return min(durations, default=None)


def _name_id_formats(role: md.IDPSSODescriptor) -> tuple[str, ...]:
    texts = [(name_id_format.text or "").strip() for name_id_format in role.name_id_format]
    formats = dict.fromkeys(text for text in texts if 0 < len(text) <= MAX_URI_CHARACTERS)
    return tuple(formats)[:MAX_NAME_ID_FORMATS]
