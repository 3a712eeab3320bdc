"""E-mail addresses and domains in the one form they are compared in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.email_domains import domain_of, normalise_domain, normalise_email
from tenants.errors import DomainInvalid


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("a.b.c.d.example", "a.b.c.d.example"),
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("3m.example", "3m.example"),
    ],
)
def test_a_domain_has_one_form(text: str, domain: str) -> None:
    """Case and spelling of an internationalised domain make no difference."""
    assert normalise_domain(text) == domain


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "example", "localhost", "example.com.", ".example.com", "a..example", "-a.example", "a-.example",
        "a_b.example",
        "a b.example", " example.com", "example.com\n", "127.0.0.1", "1.2.3.0x4", "[::1]", "::1", "example.com:25",
        "a@b.example",
        "*.example.com", "http://example.com", "exam\u00adple.com", "ｅｘａｍｐｌｅ.com", "example\u3002com", "xn--a.example",
        "xn---bbk.example", "ab--cd.example", "a" * 64 + ".example", "a." * 126 + "example", "ü" * 60 + ".example",
        "\ud800.example",
        "example.com\x00", "exa\u200bmple.com",
    ],
)  # fmt: skip
def test_what_cannot_be_a_domain_is_refused(text: str) -> None:
    """Single labels, addresses, dots in the wrong place and characters that are mapped or invisible are refused."""
    with pytest.raises(DomainInvalid):
        normalise_domain(text)


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("Ada@Example.com", "ada@example.com"),
        ("  ada@example.com\n", "ada@example.com"),
        ("ada.lovelace+sso@mail.example.com", "ada.lovelace+sso@mail.example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("o'neil@example.com", "o'neil@example.com"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_an_address_has_one_form(text: str, email: str) -> None:
    """Blanks around it, case and the domain's spelling make no difference."""
    assert normalise_email(text) == email
    assert domain_of(email) == email.split("@")[1]


@pytest.mark.parametrize(
    "text",
    [
        "", "ada", "@example.com", "ada@", "ada@@example.com", "ada@evil.example@example.com", "ada@example",
        "ada@127.0.0.1",
        "ada@[127.0.0.1]", ".ada@example.com", "ada.@example.com", "a..da@example.com", "a da@example.com",
        '"a da"@example.com',
        "ada <ada@example.com>", "ada@example.com,eve@example.com", "ada@example.com\nbcc: eve@example.com",
        "adä@example.com",
        "аda@example.com", "a" * 65 + "@example.com", "ada@" + "a." * 125 + "example", "ada\x00@example.com",
        "ada@example.com.",
        "ada(comment)@example.com", "ada@exam\u00adple.com", "\u212aada@example.com",
        "a" * 60 + "@" + "b" * 60 + ("." + "c" * 60) * 3,
    ],
)  # fmt: skip
def test_what_cannot_be_an_address_is_none(text: str) -> None:
    """Nothing with two readings is taken for an e-mail address."""
    assert normalise_email(text) is None


@given(st.text(max_size=80))
def test_whatever_comes_the_answer_is_stable(text: str) -> None:
    """No text makes it fail, and a normalised address is its own normal form."""
    email = normalise_email(text)
    if email is not None:
        assert normalise_email(email) == email
        assert email.isascii()
        assert email == email.lower()
        assert normalise_domain(domain_of(email)) == domain_of(email)
