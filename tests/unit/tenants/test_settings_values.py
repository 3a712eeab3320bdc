"""SAML settings as values: what is odd about them, what differs between two, and the name of exactly these."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tenants.saml_settings import SAMLSettings, SHA1Exception
from tenants.settings_changes import carried_over, changes_between, fingerprint_of, patched, summed
from tenants.settings_documents import settings_from_document
from tenants.settings_warnings import warnings_of

SHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"
RSA_SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"
URN = "urn:oasis:names:tc:SAML:2.0:ac:classes:"


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"digest_method": SHA1, "signature_method": RSA_SHA1}, ["digest_weak", "signature_weak"]),
        ({"digest_method": SHA512}, ["algorithms_differ"]),
        ({"digest_method": SHA1, "signature_method": RSA_SHA1, "sign_requests": False}, ["requests_unsigned"]),
        ({"authn_context_class_ref": (URN + "Future",)}, ["class_unknown"]),
        ({"authn_context_class_ref": ("urn:oasis:names:tc:SAML:1.2:ac:classes:Password",)}, ["class_unknown"]),
        ({"authn_context_class_ref": ("https://refeds.org/profile/mfa",)}, ["class_foreign"]),
        ({"authn_context_class_ref": (), "authn_context_comparison": "MINIMUM"}, ["comparison_unused"]),
        ({"authn_context_class_ref": (), "require_authn_context": True}, ["class_demand_unused"]),
        ({"require_authn_context": True, "authn_context_comparison": "BETTER"}, ["class_demand_exact"]),
        ({"name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"}, ["subject_transient"]),
        ({"allow_idp_initiated": True}, ["unsolicited_allowed"]),
        (
            {"allow_idp_initiated": True, "idp_login_url": "http://idp.test/"},
            ["unsolicited_allowed", "requests_unsent", "login_url_plain"],
        ),
        ({"allow_idp_initiated": True, "force_authn": True}, ["force_unsolicited", "unsolicited_allowed"]),
        ({"allow_unsigned_cbc": True}, ["cbc_unsigned"]),
        ({"sha1_exception": SHA1Exception(dt.datetime(2030, 1, 1, tzinfo=dt.UTC), "old")}, ["sha1_allowed"]),
    ],
)
def test_what_is_odd_is_said(changes: dict[str, Any], codes: list[str]) -> None:
    """Each with its code and a sentence, about a setting that there is."""
    settings = SAMLSettings(**changes)
    found = warnings_of(settings)
    assert [item.code for item in found] == codes
    assert all(hasattr(settings, item.field) and item.sentence.endswith(".") for item in found)


def test_a_fingerprint_names_settings_and_not_their_spelling() -> None:
    """Short and long class names are the same settings; each change is another one."""
    short, long = (settings_from_document({"authn_context_class_ref": name}) for name in ("X509", URN + "X509"))
    assert fingerprint_of(short) == fingerprint_of(long)
    assert fingerprint_of(short) != fingerprint_of(SAMLSettings())
    assert fingerprint_of(SAMLSettings()) == fingerprint_of(settings_from_document(SAMLSettings().to_document()))


def test_a_draft_is_carried_over_change_by_change() -> None:
    """What only one side changed is taken from it; what both changed is the draft's."""
    base = SAMLSettings()
    ours = patched(base, {"force_authn": True, "clock_skew_seconds": 10})
    theirs = patched(base, {"jit_provisioning": False, "clock_skew_seconds": 20})
    merged = carried_over(base, ours, theirs)
    assert set(changes_between(base, merged)) == {"force_authn", "clock_skew_seconds", "jit_provisioning"}
    assert merged.clock_skew_seconds == 10


def test_edits_are_summed_up() -> None:
    """From the first to the last; what was taken back is no change."""
    edits = [{"a": {"from": 1, "to": 2}, "b": {"from": 1, "to": 2}}, {"a": {"from": 2, "to": 3}, "b": {"from": 2, "to": 1}}]
    assert summed(edits) == {"a": {"from": 1, "to": 3}}
