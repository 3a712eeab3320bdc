"""Values of directories: filters and what is typed into them, addresses, settings, entries."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.directories.entries import MAX_VALUE_OCTETS, entry_of, text_of
from tenants.directories.filters import (
    DN,
    MAX_DEPTH,
    USERNAME,
    FilterInvalid,
    escaped,
    filled,
    is_askable,
    require_filter,
)
from tenants.directories.settings import DirectorySettings, directory_settings_of
from tenants.directories.urls import DirectoryURL, URLInvalid, directory_url
from tenants.errors import SettingsInvalid

GOOD: dict[str, Any] = {"urls": ["ldaps://ldap.example.com"], "base_dn": "ou=people,dc=example,dc=com"}
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@given(st.text(max_size=60))
def test_whatever_is_typed_is_one_value_in_the_filter(typed: str) -> None:
    """The filter keeps its shape, and unescaping gives back exactly what was typed."""
    if any("\ud800" <= char <= "\udfff" for char in typed):
        return
    text = filled("(&(objectClass=person)(uid={username}))", username=typed)
    require_filter(text)
    value = text.removeprefix("(&(objectClass=person)(uid=").removesuffix("))")
    assert not set("()*\0") & set(value)
    octets, at = bytearray(), 0
    while at < len(value):
        if value[at] == "\\":
            octets.append(int(value[at + 1 : at + 3], 16))
            at += 3
        else:
            octets += value[at].encode()
            at += 1
    assert octets.decode() == typed


def test_filters_are_those_of_the_standard() -> None:
    """RFC 4515's own examples, and Active Directory's."""
    for text in (
        "(cn=Babs Jensen)",
        "(!(cn=Tim Howes))",
        "(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))",
        "(o=univ*of*mich*)",
        "(seeAlso=)",
        "(cn:caseExactMatch:=Fred Flintstone)",
        "(sn:dn:2.4.6.8.10:=Barney Rubble)",
        "(userAccountControl:1.2.840.113556.1.4.803:=2)",
        r"(o=Parens R Us \28for all your parenthetical needs\29)",
        "(age>=21)",
    ):
        require_filter(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "uid=x",
        "(uid=x",
        "(uid=x))",
        "(uid=x)(cn=y)",
        "(&)",
        "(!(a=b)(c=d))",
        "()",
        "(=x)",
        "(uid=a\\zz)",
        "(uid=a\x00)",
        "(" * 50 + ")" * 50,
        "(!" * (MAX_DEPTH + 2) + "(a=b)" + ")" * (MAX_DEPTH + 2),
        "(uid=" + "x" * 2000 + ")",
        "(uid={password})",
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    """Before any directory is asked."""
    with pytest.raises(FilterInvalid):
        require_filter(text)


@pytest.mark.parametrize("text", ["(uid=x)", "({username}=x)", "(uid:{username}:=x)", "{username}", "(&{username})"])
def test_the_name_stands_where_a_value_does(text: str) -> None:
    """A place anywhere else would let what is typed be syntax."""
    with pytest.raises(FilterInvalid):
        require_filter(text, place=USERNAME)
    require_filter("(|(uid={username})(mail={username}))", place=USERNAME)
    require_filter("(member={dn})", place=DN)


def test_names_that_no_directory_is_asked_for() -> None:
    """Empty, blank, too long, with control characters."""
    assert [is_askable(name) for name in ("", "  ", "a" * 321, "a\x00", "a\n", "a\u202eb")] == [False] * 6
    assert all(map(is_askable, ("ada", "ada@example.com", "Ünal Ö", "*")))
    assert escaped("a*(ü)\\") == "a\\2a\\28\\c3\\bc\\29\\5c"


def test_addresses_of_directories() -> None:
    """ldaps, or ldap with StartTLS; nothing else, and nothing behind host and port."""
    assert directory_url("ldaps://LDAP.example.com") == DirectoryURL("ldaps", "ldap.example.com", 636)
    assert directory_url("ldap://10.0.0.1:1389/").starttls
    assert str(directory_url("ldaps://[2001:db8::1]:6360")) == "ldaps://[2001:db8::1]:6360"
    for text in (
        "",
        "ldap.example.com",
        "ldapi://%2Fvar%2Frun%2Fldapi",
        "cldap://x.example",
        "http://x.example",
        "ldaps://",
        "ldaps://user:secret@x.example",
        "ldaps://x.example/dc=x??sub?(uid=*)",
        "ldaps://x.example:0",
        "ldaps://x.example:99999",
        "ldaps://x.example#y",
        "ldaps://x_y.example",
        "ldaps://-x.example",
        "ldaps://x.example\nldaps://y.example",
        "ldaps://ü.example",
        "ldaps://fe80::1%25eth0",
        "ldaps://" + "x" * 400,
    ):
        with pytest.raises(URLInvalid):
            directory_url(text)


def test_settings_come_and_go_as_json() -> None:
    """With defaults for what is left out."""
    changes = {"attribute_map": {"username": "sAMAccountName"}, "rule_attributes": ["department"]}
    settings = directory_settings_of(GOOD | changes)
    assert directory_settings_of(settings.to_document()) == settings
    assert settings.attribute_map.username == ("sAMAccountName",)
    assert settings.everybody == "(&(objectClass=person)(uid=*))"
    names = ["entryUUID", "sAMAccountName", "mail", "givenName", "sn", "telephoneNumber", "department"]
    assert settings.asked_attributes() == names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("urls", []),
        ("urls", ["ldap:x"]),
        ("urls", ["ldaps://a.example"] * 4),
        ("urls", "ldaps://a.example"),
        ("base_dn", ""),
        ("base_dn", "people"),
        ("base_dn", "dc=a\x00"),
        ("bind_dn", 5),
        ("ca_certificates", "none"),
        ("ca_certificates", CERTIFICATE),
        ("ca_certificates", "-----BEGIN PRIVATE KEY-----"),
        ("user_filter", "(uid=*)"),
        ("user_filter", ""),
        ("scope", "base"),
        ("subject_attribute", ""),
        ("subject_attribute", "a b"),
        ("subject_attribute", "userPassword"),
        ("attribute_map", {"email": []}),
        ("attribute_map", {"shoe_size": ["x"]}),
        ("attribute_map", {"phone": ["unicodePwd"]}),
        ("attribute_map", []),
        ("group_attribute", "member of"),
        ("group_filter", "(member={dn})"),
        ("group_filter", "(member=x)"),
        ("rule_attributes", ["x"] * 21),
        ("rule_attributes", ["krbPrincipalKey"]),
        ("disabled_filter", "off"),
        ("sync_filter", "(uid={username})"),
        ("sync_hours", 0),
        ("sync_hours", 169),
        ("sync_hours", True),
        ("max_gone_percent", 101),
        ("jit_provisioning", 1),
        ("profile_update", "never"),
        ("shoe_size", 46),
    ],
)
def test_settings_that_are_wrong_cannot_exist(name: str, value: object) -> None:
    """Each is refused with a sentence for its field."""
    with pytest.raises(SettingsInvalid) as refused:
        directory_settings_of(GOOD | {name: value})
    assert len(refused.value.detail["errors"]) == 1


def test_settings_need_servers_and_a_base() -> None:
    """Nothing else has no default."""
    with pytest.raises(SettingsInvalid):
        directory_settings_of({})
    assert DirectorySettings(urls=("ldaps://a.example",), base_dn="dc=a").sync_hours is None


def test_entries_are_texts_under_the_names_that_were_asked_for() -> None:
    """Whatever letters a directory writes them in; GUIDs as Active Directory shows them; octets in hexadecimal digits."""
    guid = uuid.uuid4()
    values = {"GIVENNAME": [b"Ada"], "objectguid": [guid.bytes_le], "mail;lang-en": [b"a@b.test"], "other": [b"x"]}
    entry = entry_of("cn=ada", values, ["givenName", "objectGUID", "mail"])
    assert entry.attributes == {"givenName": ("Ada",), "objectGUID": (str(guid),), "mail": ("a@b.test",)}
    assert text_of("objectsid", b"\x01\xff\x00") == "01ff00"
    assert text_of("cn", b"a\x00b") == "610062"
    assert text_of("cn", bytes(MAX_VALUE_OCTETS + 1)) is None
    assert entry.first(("surname", "mail")) == "a@b.test"
