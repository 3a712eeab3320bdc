"""Host headers, MyDomain labels and e-mail addresses: arbitrary text has one normal form or is refused."""

from __future__ import annotations

import string

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from config.settings import Settings
from tenants.email_domains import domain_of, normalise_domain, normalise_email
from tenants.errors import DomainInvalid, HostInvalid, SlugInvalid, SlugTaken
from tenants.hosts import HostKind, read_host, require_slug

SETTINGS = Settings(
    secret_keys={"test": bytes(32)}, app_url="https://login.example.com", tenant_url="https://{slug}.example.com"
)
LABEL = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=63)
ANY_TEXT = st.text(st.characters(), max_size=60)
HOSTILE = ANY_TEXT | st.builds("{}.example.com{}".format, st.text(max_size=12), st.text(max_size=6))
PIECES = st.sampled_from(
    [".", "@", ":", "/", "\\", "\r\n", "\x00", "%2e", "。", "İ", "ß", "xn--", "example.com", "acme", "[::1]", "1"]
)


@given(HOSTILE | st.lists(PIECES, max_size=8).map("".join))
@settings(max_examples=500)
@example("acme.example.com.")
@example("acme.example.com@evil.test")
@example("ACME.example.com:443")
def test_any_host_header_is_ours_or_refused(header: str) -> None:
    """A Host header names the app host, one tenant's label in lower case, or is refused."""
    try:
        kind, slug = read_host(header, SETTINGS)
    except HostInvalid:
        return
    host = header.lower().rpartition(":")[0] or header.lower() if ":" in header else header.lower()
    assert (kind, slug, host) in ((HostKind.APP, None, "login.example.com"), (HostKind.TENANT, slug, f"{slug}.example.com"))
    assert slug is None or (slug == slug.lower() and "." not in slug)


@given(LABEL)
@settings(max_examples=300)
def test_a_label_that_a_tenant_may_have_is_found_again(label: str) -> None:
    """Whatever require_slug lets a tenant have, its host leads to, in either case."""
    try:
        slug = require_slug(label, SETTINGS)
    except (SlugInvalid, SlugTaken):
        return
    assert slug == label.lower()
    for written in (slug, slug.upper()):
        assert read_host(f"{written}.example.com:8443", SETTINGS) == (HostKind.TENANT, slug)


@given(ANY_TEXT)
@settings(max_examples=300)
def test_any_label_is_taken_or_refused(text: str) -> None:
    """A MyDomain label is accepted or refused, never anything else, and what is accepted is its own normal form."""
    try:
        slug = require_slug(text, SETTINGS)
    except (SlugInvalid, SlugTaken):
        return
    assert require_slug(slug, SETTINGS) == slug


@given(ANY_TEXT | st.lists(PIECES, max_size=8).map("".join))
@settings(max_examples=400)
def test_a_domain_has_one_form(text: str) -> None:
    """A domain is refused, or has an ASCII form in lower case that is its own form."""
    try:
        domain = normalise_domain(text)
    except DomainInvalid:
        return
    assert domain.isascii()
    assert domain == domain.lower()
    assert normalise_domain(domain) == domain
    assert len(domain.split(".")) > 1


@given(
    st.text(st.characters(), max_size=60) | st.builds("{}@{}".format, st.text(max_size=20), st.text(max_size=20)) | st.emails()
)
@settings(max_examples=400)
def test_an_address_has_one_form(text: str) -> None:
    """An address is none, or has one form: lower case, one @, a domain in its own form."""
    email = normalise_email(text)
    assume(email is not None)
    assert email is not None
    assert normalise_email(email) == email
    assert email == email.lower()
    assert email.count("@") == 1
    assert normalise_domain(domain_of(email)) == domain_of(email)
