"""What differs between two versions of an identity provider's metadata, in plain words.

Names in certificates and addresses are a stranger's words: they are bounded, and what cannot be printed is replaced.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenants.idp_metadata import metadata_to_document
from tenants.metadata_errors import EntityIDChanged
from tenants.metadata_keys import shown_subject
from tenants.trust import BINDING_POST, Endpoint, IdPMetadata, SigningCertificate

ENDPOINT_HOST_CHANGED = "endpoint_host_changed"
SIGNING_KEYS_REPLACED = "signing_keys_replaced"
SIGNING_KEY_UNPROTECTED = "signing_key_unprotected"
ADDRESS_UNPROTECTED = "address_unprotected"
NONE = "—"
MAX_VALUE = 300
_MEANING = ("entity_id", "sso", "slo", "certificates", "want_authn_requests_signed", "name_id_formats")
"""What a decision is about; validity alone is renewed every day by some and is never asked about."""


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """One difference: `kind` is a stable word, `label` says it to people, before and after are values or a dash."""

    kind: str
    label: str
    before: str
    after: str

    def to_document(self) -> dict[str, str]:
        """For JSON."""
        return {"kind": self.kind, "label": self.label, "before": self.before, "after": self.after}


def changes_between(before: IdPMetadata, after: IdPMetadata) -> list[MetadataChange]:
    """The differences, in the order of their weight: identity, keys, addresses, then the rest."""
    changes: list[MetadataChange] = []
    if before.entity_id != after.entity_id:
        changes.append(_change("entity_id", "Entity ID", before.entity_id, after.entity_id))
    changes += _keys(before.signing_certificates, after.signing_certificates)
    changes += _listed("sign_in_address", "Sign-in address", _places(before.sso), _places(after.sso))
    changes += _listed("sign_out_address", "Sign-out address", _places(before.slo), _places(after.slo))
    changes += _listed("name_id_format", "NameID format", before.name_id_formats, after.name_id_formats)
    for kind, label, old, new in (
        ("signed_requests", "Wants signed requests", *map(_yes_no, _both(before, after, "want_authn_requests_signed"))),
        ("valid_until", "Valid until", *map(_moment, _both(before, after, "valid_until"))),
        ("cache_duration", "May be kept for", *map(_seconds, _both(before, after, "cache_duration_seconds"))),
    ):
        if old != new:
            changes.append(_change(kind, label, old, new))
    return changes


def fingerprint_of(metadata: IdPMetadata) -> str:
    """The same for two documents that mean the same, whatever their validity, dates and layout."""
    document = metadata_to_document(metadata)
    meaning = {name: document[name] for name in _MEANING} | {"certificates": sorted(document["certificates"])}
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def why_waits(present: IdPMetadata, found: IdPMetadata, *, protected: bool) -> str | None:
    """The code of what somebody has to look at before it is taken; None: it is taken at once (M6).

    Another entity ID may be another identity provider, which would speak for everybody whom the former one has named: people
    are known by the connection and their name in it. Another host, or the same one without encryption, sends people and
    their passwords somewhere else. Keys of which none was known before are what a stolen domain would publish; a real
    rollover has both for a while. A new key beside a known one is taken from a protected channel alone, and so is another
    address at a known host: hosts are shared by many companies, whose sign-in pages differ by the path alone, and an open
    redirect is a path as well.

    Args:
        protected: nobody on the way can have changed it: it came by https or from a file, or its signature is pinned.
    """
    if found.entity_id != present.entity_id:
        return EntityIDChanged.code
    known = _hosts_of(present)
    if not _hosts_of(found) <= known | {(host, "https") for host, _ in known}:
        return ENDPOINT_HOST_CHANGED
    if not _keys_of(found) & _keys_of(present):
        return SIGNING_KEYS_REPLACED
    if not protected and not _keys_of(found) <= _keys_of(present):
        return SIGNING_KEY_UNPROTECTED
    if not protected and not _addresses_of(found) <= _addresses_of(present):
        return ADDRESS_UNPROTECTED
    return None


def documents_of(changes: Iterable[MetadataChange]) -> list[dict[str, str]]:
    """For JSON."""
    return [change.to_document() for change in changes]


def _both(before: IdPMetadata, after: IdPMetadata, name: str) -> tuple[Any, Any]:
    return getattr(before, name), getattr(after, name)


def _change(kind: str, label: str, before: str, after: str) -> MetadataChange:
    return MetadataChange(kind, label, _plain(before), _plain(after))


def _keys(before: tuple[SigningCertificate, ...], after: tuple[SigningCertificate, ...]) -> list[MetadataChange]:
    """Keys that came and went, and keys that stay under another certificate."""
    old, new = _by_key(before), _by_key(after)
    changes = [_change("key_added", "Signing key added", NONE, _named(new[key])) for key in new if key not in old]
    changes += [_change("key_removed", "Signing key removed", _named(old[key]), NONE) for key in old if key not in new]
    changes += [
        _change("certificate_renewed", "Certificate renewed, same key", _named(old[key]), _named(new[key]))
        for key in new
        if key in old and old[key].der != new[key].der
    ]
    return changes


def _listed(kind: str, label: str, before: Iterable[str], after: Iterable[str]) -> list[MetadataChange]:
    old, new = list(dict.fromkeys(before)), list(dict.fromkeys(after))
    changes = [_change(f"{kind}_added", f"{label} added", NONE, item) for item in new if item not in old]
    return changes + [_change(f"{kind}_removed", f"{label} removed", item, NONE) for item in old if item not in new]


def _places(endpoints: Iterable[Endpoint]) -> Iterable[str]:
    for endpoint in endpoints:
        answers = f", answers to {endpoint.response_location}" if endpoint.response_location else ""
        yield f"{'POST' if endpoint.binding == BINDING_POST else 'Redirect'} {endpoint.location}{answers}"


def _named(certificate: SigningCertificate) -> str:
    subject = shown_subject(x509.load_der_x509_certificate(certificate.der))[:120]
    dates = f"{certificate.not_before.date().isoformat()} to {certificate.not_after.date().isoformat()}"
    return f"SHA-256 {certificate.sha256}, valid {dates}, {subject or 'without a subject'}"


def _by_key(certificates: Iterable[SigningCertificate]) -> Mapping[bytes, SigningCertificate]:
    return {_public_key(certificate): certificate for certificate in certificates}


def _keys_of(metadata: IdPMetadata) -> frozenset[bytes]:
    return frozenset(_by_key(metadata.signing_certificates))


def _public_key(certificate: SigningCertificate) -> bytes:
    key = x509.load_der_x509_certificate(certificate.der).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _hosts_of(metadata: IdPMetadata) -> set[tuple[str | None, str]]:
    """Each host with the scheme by which it is reached."""
    hosts: set[tuple[str | None, str]] = set()
    for endpoint in (*metadata.sso, *metadata.slo):
        for url in filter(None, (endpoint.location, endpoint.response_location)):
            parts = urlsplit(url)
            hosts.add((parts.hostname, parts.scheme))
    return hosts


def _addresses_of(metadata: IdPMetadata) -> set[str]:
    """Where people and messages are sent; the same place with encryption is the same place."""
    places = [(endpoint.location, endpoint.response_location) for endpoint in (*metadata.sso, *metadata.slo)]
    return {urlsplit(url)._replace(scheme="").geturl() for place in places for url in place if url}


def _plain(text: str) -> str:
    printable = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return printable if len(printable) <= MAX_VALUE else printable[: MAX_VALUE - 1] + "…"


def _yes_no(value: bool) -> str:
    return "yes" if value else "does not say"


def _moment(value: dt.datetime | None) -> str:
    return value.isoformat(timespec="minutes") if value else "no end given"


def _seconds(value: int | None) -> str:
    return f"{value} seconds" if value else "does not say"
