"""Advice on refusals: an entry for every code, finer by what the receipt says, and clicks that make valid settings (D3)."""

from __future__ import annotations

from typing import Any

import pytest

from identity.advice import Advice, advice_of, all_advice
from identity.advice_facts import Circumstances
from identity.advice_offers import Action, map_email, widen_skew
from identity.advice_status import _BY_CODE as STATUSES
from identity.advice_words import ENTRIES, UNKNOWN, WHO_WORDS, Who
from identity.checks import CHECKS
from identity.status_words import _BY_CODE as SPOKEN
from tenants.saml_settings import SAMLSettings
from tenants.settings_changes import patched
from tests.unit.docs.pages import codes, page, tables

WHO = {"Person": Who.PERSON, "Tenant admin": Who.TENANT_ADMIN, "IdP admin": Who.IDP_ADMIN, "Staff": Who.STAFF}
BEFORE_ANY_ATTEMPT = {"test_link_invalid", "link_invalid"}
"""Codes of links: no attempt ends with them."""
AT_EVERY_DOOR = {"sign_in_failed", "sign_in_lost", "rate_limited"}
"""Codes that the page explains elsewhere, for the console's door as well."""
SETTINGS = SAMLSettings()
ACS = "https://acme.sp.test/saml/acs"
PINNED, CLAIMED = "a" * 64, "b" * 64
NOT_PINNED = f"none of the 1 pinned keys made this signature; it names a certificate of SHA-256 {CLAIMED}"


def advice(code: str, actual: str = "", expected: str = "", **facts: Any) -> Advice:
    """Advice on a receipt whose last check failed so."""
    check = next(check.id for check in CHECKS.values() if check.refusal.code == code)
    lines = [
        {"id": "xml", "code": "response_malformed", "passed": True, "expected": "", "actual": ""},
        {"id": check, "code": code, "passed": False, "expected": expected, "actual": actual},
    ]
    now = Circumstances(SETTINGS, (PINNED,), fetches_metadata=True, labels=frozenset({"acme", "acme-corp"}))
    return advice_of(code, {"checks": lines, "facts": facts}, now)


def words(found: Advice) -> str:
    """All that is said."""
    return " ".join((found.happened, found.todo, *found.details))


def actions(found: Advice) -> list[Action]:
    """What one click does."""
    return [offer.action for offer in found.offers]


def test_every_code_of_a_sign_in_has_an_entry_that_agrees_with_the_page() -> None:
    """docs/refusals.md and the console tell the same people; a check without an entry would leave an admin alone."""
    (rows,) = [
        rows for rows in tables(page("refusals.md")) if any("`signature_invalid`" in row.get("code", "") for row in rows)
    ]
    told = {code: row["who"] for row in rows for code in codes(row["code"])}
    assert told.keys() - BEFORE_ANY_ATTEMPT == ENTRIES.keys() - AT_EVERY_DOOR
    for code in ENTRIES.keys() & told.keys():
        assert ENTRIES[code].who is WHO[told[code]], code
    for check in CHECKS.values():
        assert check.refusal.code in ENTRIES, check.id


def test_everybody_who_can_mend_has_words() -> None:
    """And every sentence is one."""
    assert WHO_WORDS.keys() == set(Who)
    for entry in (*ENTRIES.values(), UNKNOWN):
        assert entry.happened.endswith(".")
        assert entry.todo.endswith(".")


def test_every_status_that_people_are_told_of_is_known_to_admins() -> None:
    """Two tables, one for each reader; a code in one is in the other."""
    assert STATUSES.keys() == SPOKEN.keys()


@pytest.mark.parametrize("status", STATUSES)
def test_a_status_is_explained(status: str) -> None:
    """In our words, with the identity provider's own ones marked as such; a click where a setting mends it."""
    entra = status.startswith("AADSTS")
    told = {
        "codes": ["urn:oasis:names:tc:SAML:2.0:status:" + status] if not entra else ["Responder"],
        "message": f"{status}: x",
    }
    found = advice("status_not_success", status=told)
    assert found.happened == STATUSES[status].happened
    assert f"Its own words: {status}: x" in found.details


@pytest.mark.parametrize("status", ["NoAuthnContext", "AADSTS75011"])
def test_a_class_that_cannot_be_had_is_left_blank_by_one_click(status: str) -> None:
    """The known failure with the known fix."""
    found = advice("status_not_success", status={"codes": [status], "message": f"{status}: no"})
    assert actions(found) == [Action.LEAVE_CLASS_BLANK]
    assert found.who is Who.TENANT_ADMIN
    assert patched(SETTINGS, found.offers[0].settings).authn_context_class_ref == ()


def test_a_status_that_nobody_knows_is_shown_as_it_came() -> None:
    """The entry of the code stands, with the identity provider's words."""
    found = advice("status_not_success", status={"codes": ["urn:x"], "message": "out of cheese"})
    assert found.happened == ENTRIES["status_not_success"].happened
    assert "out of cheese" in words(found)


def test_an_unknown_key_shows_both_fingerprints() -> None:
    """The certificate that the message names beside those that are trusted; a sync is offered."""
    found = advice("signature_invalid", NOT_PINNED)
    assert PINNED in words(found)
    assert CLAIMED in words(found)
    assert actions(found) == [Action.SYNC_METADATA, Action.CONNECT_PROVIDER]


def test_a_message_that_names_a_trusted_certificate_falsely_is_no_case_for_a_sync() -> None:
    """It was changed, or somebody lies about the key."""
    found = advice("signature_invalid", NOT_PINNED.replace(CLAIMED, PINNED))
    assert "attack" in found.todo
    assert actions(found) == []


def test_a_changed_message_is_told_so() -> None:
    """A digest of other content: no metadata mends that."""
    found = advice("signature_invalid", "the digest is that of other content")
    assert "changed after it was signed" in found.happened
    assert actions(found) == []


@pytest.mark.parametrize(
    ("actual", "told"),
    [
        (ACS + "/", "slash too many"),
        (ACS.replace("https", "http"), "http:// and not with https://"),
        (ACS.upper(), "Capital and small"),
        (ACS.replace("acme.", "acme-corp."), "address of this organisation"),
        (ACS.replace("acme.", "globex."), "another organisation at this service"),
        (ACS.replace("/acs", "/slo"), "the path is not"),
        (ACS.replace(".test", ".test:8443"), "port"),
        (f" {ACS}", "blanks"),
        ("https://elsewhere.example/saml/acs", "host is another one"),
    ],
)
def test_a_near_miss_is_told(actual: str, told: str) -> None:
    """For destination, recipient and audience alike, and among several audiences too."""
    for code in ("destination_mismatch", "recipient_mismatch"):
        assert told in words(advice(code, actual, ACS))
    found = advice("audience_mismatch", f"urn:x, {actual}", ACS)
    assert told in words(found)
    assert actions(found) == [Action.SHOW_OUR_VALUES]


@pytest.mark.parametrize(
    "actual", ["", "none", "urn:x", "https://[", "https://[::1", "x" * 10_000, "\u202eevil", "http://\x00"]
)
def test_what_is_no_near_miss_is_shown_as_it_came(actual: str) -> None:
    """Nothing that an attacker writes there breaks the advice."""
    assert advice("audience_mismatch", actual, ACS).happened == ENTRIES["audience_mismatch"].happened


def test_a_clock_that_is_ahead() -> None:
    """The message is dated later than it came: by how much, and the setting that allows it."""
    found = advice("not_yet_valid", "2026-06-01T12:03:03+00:00", "not after 2026-06-01T12:00:00+00:00", issued_seconds_ago=-183)
    assert "at least 3 minutes (183 seconds) ahead of ours" in words(found)
    assert found.offers[0].settings == {"clock_skew_seconds": 240}


def test_a_clock_that_is_behind() -> None:
    """Issued before it was asked for."""
    found = advice(
        "expired", "2026-06-01T12:00:00+00:00", "after 2026-06-01T12:02:00+00:00", issued_seconds_ago=420, asked_seconds_ago=20
    )
    assert "at least 7 minutes (400 seconds) behind ours" in words(found)
    assert "ended 2 minutes (120 seconds) before" in words(found)
    assert found.offers[0].settings == {"clock_skew_seconds": 180}


def test_a_message_that_lay_about_is_nobodys_clock() -> None:
    """Long after both: the person went back."""
    found = advice("expired", "x", "y", issued_seconds_ago=3_600, asked_seconds_ago=3_650)
    assert found.who is Who.PERSON
    assert "1 hour (3600 seconds)" in words(found)
    assert actions(found) == []


def test_no_setting_allows_any_difference() -> None:
    """Beyond five minutes clocks are to be set."""
    assert widen_skew(299, SETTINGS)[0].settings == {"clock_skew_seconds": 300}
    assert widen_skew(300, SETTINGS) == ()
    assert widen_skew(59, SETTINGS) == ()


@pytest.mark.parametrize(
    ("user_agent", "told"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 12_4 like Mac OS X) AppleWebKit/605", "Safari"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/605.1.15 (KHTML) Version/12.1 Safari/605.1.15", "Safari"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel; wv) AppleWebKit/537.36", "inside an app"),
        ("Mozilla/5.0 (Windows NT 10.0; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer"),
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/130", "blocks all cookies"),
        ("", "blocks all cookies"),
    ],
)
def test_a_lost_cookie_has_its_likely_reason(user_agent: str, told: str) -> None:
    """By what the browser calls itself; the usual reasons follow."""
    assert told in " ".join(advice("login_state_lost", "no login cookie", user_agent=user_agent).details[:1])


def test_another_browser_may_be_an_attack() -> None:
    """Two windows, or somebody who wants a person to be signed in as somebody else."""
    assert "somebody tried" in words(advice("login_state_lost", "another one"))


def test_a_missing_address_offers_the_names_that_came() -> None:
    """The likeliest first; what cannot be an address is not offered; the map that is there stays in front."""
    received = ["displayName", "urn:oid:1.2.3", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "upn"]
    found = advice("attribute_missing", "received", "e-mail from one of: mail", attributes_received=received)
    assert [offer.label.rpartition(" ")[2] for offer in found.offers] == [received[2], received[3]]
    assert patched(SETTINGS, found.offers[0].settings).attribute_map.email == (*SETTINGS.attribute_map.email, received[2])
    assert "displayName" in words(found)


def test_a_missing_subject_maps_no_address() -> None:
    """The subject is another setting."""
    found = advice("attribute_missing", "received", "the subject in uid", attributes_received=["mail2"])
    assert actions(found) == []


def test_a_message_without_attributes_is_the_identity_providers() -> None:
    """There is nothing to map."""
    assert advice("attribute_missing", "received", "e-mail from one of: mail").who is Who.IDP_ADMIN


def test_names_that_are_mapped_already_are_not_offered() -> None:
    """Nor more than a handful."""
    assert map_email(["mail"], SETTINGS) == ()
    assert len(map_email([f"mail{n}" for n in range(50)] + [f"email{n}" for n in range(50)], SETTINGS)) == 4


def test_people_are_named_by_their_id() -> None:
    """So that one click leads to them."""
    assert advice("user_inactive", user_id="x").offers[0].about == "x"
    assert advice("user_inactive").offers[0].about is None


@pytest.mark.parametrize("code", ENTRIES)
def test_no_fact_breaks_advice(code: str) -> None:
    """Receipts of former versions lack facts, and what a message says may be anything."""
    lines = [{"id": "x", "code": code, "passed": False, "expected": "", "actual": ""}]
    for facts in ({}, {"attributes_received": [], "status": {}, "issued_seconds_ago": None}):
        found = advice_of(code, {"checks": lines, "facts": facts}, Circumstances())
        assert found.to_document()["code"] == code
    assert advice_of("never_heard_of", {"checks": [], "facts": {}}, Circumstances()).happened == UNKNOWN.happened


def test_each_failed_check_of_several_has_its_advice() -> None:
    """In the order of the checks, each code once."""
    failed = ["expired", "audience_mismatch", "expired"]
    lines = [{"id": "x", "code": code, "passed": False, "expected": "a", "actual": "b"} for code in failed]
    lines.append({"id": "y", "code": "replayed", "passed": True, "expected": "", "actual": ""})
    assert [item.code for item in all_advice({"checks": lines, "facts": {}}, Circumstances())] == [
        "expired",
        "audience_mismatch",
    ]
