"""MyDomain labels and the Host header."""

from __future__ import annotations

import pytest

from config.settings import Settings
from tenants.errors import HostInvalid, SlugInvalid, SlugTaken
from tenants.hosts import RESERVED_SLUGS, HostKind, read_host, require_slug

KEYS = {"k1": bytes(32)}
LOCAL = Settings(secret_keys=KEYS)
PUBLIC = Settings(secret_keys=KEYS, app_url="https://front.example.com", tenant_url="https://{slug}.id.example.com:8443")
SIBLINGS = Settings(secret_keys=KEYS, app_url="https://front.example.com", tenant_url="https://{slug}.example.com")


@pytest.mark.parametrize(
    ("text", "slug"),
    [("acme", "acme"), ("ACME", "acme"), ("a-1", "a-1"), ("test", "test"), ("3m-europe", "3m-europe"), ("a" * 63, "a" * 63)],
)
def test_a_label_becomes_a_slug_in_lower_case(text: str, slug: str) -> None:
    """Letters, digits and hyphens in either case make a MyDomain."""
    assert require_slug(text) == slug


@pytest.mark.parametrize(
    "text",
    [
        "", "ab", "a" * 64, "-acme", "acme-", "ac me", " acme", "acme\n", "acme.eu", "ac_me", "_dmarc", "acmé", "аcme",
        "acme\u212a", "acme\x00", "xn--acme", "XN--acme-epa", "ab--cd", "acme/..", "acme:80", "１２３",
    ],
)  # fmt: skip
def test_what_cannot_be_a_label_is_refused(text: str) -> None:
    """Wrong lengths, characters, edges and look-alikes are refused as invalid."""
    with pytest.raises(SlugInvalid):
        require_slug(text)


@pytest.mark.parametrize("text", ["www", "ADMIN", "api", "sso", "status", "support", "mail", "docs", "wpad", "mta-sts"])
def test_reserved_labels_are_refused_as_taken(text: str) -> None:
    """Nobody gets a MyDomain that looks like the service itself, in whatever case it is typed."""
    with pytest.raises(SlugTaken):
        require_slug(text)


def test_reserved_labels_are_written_in_the_form_that_they_are_compared_in() -> None:
    """A reserved word with a capital or a blank would never match anything."""
    assert all(word == word.strip().lower() and word.isascii() for word in RESERVED_SLUGS)


def test_the_app_hosts_own_label_is_reserved_where_tenants_are_its_siblings() -> None:
    """A tenant called like the app host would have a host that leads elsewhere."""
    with pytest.raises(SlugTaken):
        require_slug("front", SIBLINGS)
    assert require_slug("front", PUBLIC) == "front"
    assert require_slug("front") == "front"


@pytest.mark.parametrize("host", ["localhost:8000", "localhost", "LocalHost:8000", "localhost:54321"])
def test_the_app_host_is_known_by_its_name(host: str) -> None:
    """Case and port make no difference."""
    assert read_host(host, LOCAL) == (HostKind.APP, None)


@pytest.mark.parametrize("host", ["acme.localhost:8000", "acme.localhost", "ACME.LOCALHOST:1"])
def test_a_tenant_host_gives_its_slug(host: str) -> None:
    """One label under the tenants' domain is a tenant's, in whatever case it is sent."""
    assert read_host(host, LOCAL) == (HostKind.TENANT, "acme")


def test_both_patterns_may_share_a_domain() -> None:
    """The app host wins over a tenant of the same name."""
    assert read_host("front.example.com", SIBLINGS) == (HostKind.APP, None)
    assert read_host("acme.example.com", SIBLINGS) == (HostKind.TENANT, "acme")
    assert read_host("acme.id.example.com", PUBLIC) == (HostKind.TENANT, "acme")


@pytest.mark.parametrize(
    "host",
    [
        "", ":8000", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000", "2130706433", "evil.example", "localhost.",
        "acme.localhost.", "a.b.localhost", ".localhost", "acme..localhost", "acme.localhost.evil.example",
        "evil.example/acme.localhost", "user@acme.localhost", "acme.localhost@evil.example", "acme.localhost:",
        "acme.localhost:80:80", "acme.localhost:x", "acme.localhost:123456", "-acme.localhost", "acme-.localhost",
        "ac_me.localhost", "acme.localhost ", " acme.localhost", "acme.localhost\n", "acme.localhost\r\nX: y",
        "acme.localhost,globex.localhost", "acmé.localhost", "acme\u3002localhost", "a" * 64 + ".localhost",
        "a." * 200 + "localhost", "acme.localhost#", "acme.localhost?x", "acme%2elocalhost", "acme.localhost\x00",
    ],
)  # fmt: skip
def test_any_other_host_is_refused(host: str) -> None:
    """Whatever is neither the app host nor exactly one label under the tenants' domain is nobody's."""
    with pytest.raises(HostInvalid):
        read_host(host, LOCAL)


def test_a_domain_that_only_ends_like_ours_is_not_ours() -> None:
    """The whole domain is compared, not its end."""
    for host in ("acme.notid.example.com", "id.example.com", "acme.id.example.com.example", "front.example.com.id.example.com"):
        with pytest.raises(HostInvalid):
            read_host(host, PUBLIC)
