"""Ended certificates: trusted by their key, unless the settings refuse them; then their keys verify nothing (K3)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from identity.checks import KEY_DATES, Receipt
from identity.saml.response import read_response, verify_response
from tenants.errors import Refusal
from tenants.idp_metadata import key_ends_of, public_keys_of, read_idp_metadata
from tests.support.idp import encoded
from tests.support.keys import certificate_of, rsa_key
from tests.unit.saml.judging import ENTITY_ID, EXCHANGE, IDP, MINUTE, NOW, SP_CERTIFICATE, response, trust_of

OTHER = rsa_key("next").public_key()
SECOND = dt.timedelta(seconds=1)


def verdict(xml: bytes, *ends: dt.datetime, keys: tuple[object, ...] = (IDP.public_key,)) -> tuple[str, Receipt]:
    """`accepted` or the refusal's code, where the keys' certificates end so."""
    trust, receipt = replace(trust_of(), signing_keys=keys, key_ends=ends), Receipt()  # type: ignore[arg-type]
    try:
        verify_response(read_response(encoded(xml), receipt), trust, EXCHANGE, NOW, receipt)
    except Refusal as refusal:
        return refusal.code, receipt
    return "accepted", receipt


def test_a_key_counts_while_one_of_its_certificates_does() -> None:
    """To the second; and without the setting there is no date to ask for, and no line about one."""
    code, receipt = verdict(response(), NOW + SECOND)
    assert (code, [line.check for line in receipt.lines if line.check is KEY_DATES]) == ("accepted", [KEY_DATES])
    code, receipt = verdict(response())
    assert (code, KEY_DATES in [line.check for line in receipt.lines]) == ("accepted", False)
    assert verdict(response(), NOW - MINUTE, NOW + MINUTE, keys=(OTHER, IDP.public_key))[0] == "accepted"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "signing_certificate_expired"),
        ({"sign": "response"}, "signing_certificate_expired"),
        ({"encrypt": "aes256-cbc", "encryption_certificate": SP_CERTIFICATE}, "decryption_failed"),
    ],
    ids=["assertion", "response", "CBC stays uniform"],
)
def test_an_ended_key_verifies_nothing(changes: dict[str, object], code: str) -> None:
    """Neither alone nor beside one that counts; what a stranger signed is a forgery still."""
    assert verdict(response(**changes), NOW)[0] == "signing_certificate_expired"
    assert verdict(response(**changes), NOW, NOW + MINUTE, keys=(IDP.public_key, OTHER))[0] == code
    stranger = response(signing_key=rsa_key("stranger"))
    assert verdict(stranger, NOW, NOW + MINUTE, keys=(IDP.public_key, OTHER))[0] == "signature_invalid"


def test_the_last_certificate_of_a_key_is_the_one_that_counts() -> None:
    """A renewed certificate of the same key goes on where the first one ended."""
    ends = [NOW + dt.timedelta(days=days) for days in (3, 9, 5)]
    certificates = [certificate_of(IDP.key, not_after=end) for end in ends]
    other = certificate_of(rsa_key("next"), not_after=ends[0])
    metadata = read_idp_metadata(IDP.metadata_xml(certificates=[*certificates, other]), NOW, own_entity_id=ENTITY_ID)
    keys = public_keys_of(metadata)
    assert key_ends_of(metadata, keys) == (ends[1], ends[0])
