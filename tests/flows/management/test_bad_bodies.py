"""Bodies that are wrong in form: refused with a code, never a mistake of ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flows.management.support import MAIN, code_in, put
from tests.support.world import World


def _post(world: World, body: bytes, content_type: str | None = "application/json") -> tuple[int, str]:
    return code_in(world.api("POST", "/tenants", data=body, content_type=content_type))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"slug": NaN}',
        b'{"slug": Infinity}',
        b'{"slug": "a", "slug": "b"}',
        b"[" * 100_000,
        b'{"name":' * 40 + b"1" + b"}" * 40,
        b'{"name": ' + b"9" * 5_000 + b"}",
        b'{"slug": "\x00"}',
        b'"\xed\xa0\x80"',
    ],
)
def test_what_is_not_plain_json_is_400(world: World, body: bytes) -> None:
    """Cut, doubled, too deep, of another encoding."""
    assert _post(world, body) == (400, "body_malformed")


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"x"', b"true", b"{}"])
def test_json_of_another_kind_is_422(world: World, body: bytes) -> None:
    """It takes an object, with what is required in it."""
    assert _post(world, body) == (422, "validation_failed")


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/xml", "json"])
def test_another_media_type_is_415(world: World, media_type: str | None) -> None:
    """So that no form of a foreign page is ever taken for a call."""
    assert _post(world, b'{"slug":"initech","name":"I","email_domains":[]}', media_type) == (415, "media_type_unsupported")


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "\udfff"])
@pytest.mark.parametrize("field", ["slug", "name", "reason", "email_domains"])
def test_text_that_no_database_holds_is_422_and_the_field_is_named(world: World, text: str, field: str) -> None:
    """NUL and half surrogates, anywhere."""
    body: dict[str, Any] = {"slug": "initech", "name": "Initech", "email_domains": [], "reason": "r"}
    body[field] = [text] if field == "email_domains" else text
    refused = world.api("POST", "/tenants", json=body)
    assert code_in(refused) == (422, "validation_failed")
    assert list(refused.get_json()["errors"]) == [field]


def test_a_field_name_is_text_too(world: World) -> None:
    """An unknown field whose name holds NUL is refused like any other."""
    assert code_in(world.api("POST", "/tenants", json={"a\x00": 1}))[0] == 422


def test_a_body_of_more_than_6_mib_is_413(world: World) -> None:
    """With its length told and without."""
    body = b'{"name": "' + b"x" * (6 * 1024 * 1024) + b'"}'
    assert _post(world, body) == (413, "too_large")


def test_metadata_of_more_than_5_mib_is_422_with_its_own_code(world: World) -> None:
    """The body may be larger than the metadata in it."""
    assert code_in(put(world, metadata_xml="<a>" + "x" * (5 * 1024 * 1024) + "</a>")) == (422, "too_large")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=1_0",
        "limit=٣",
        "limit=",
        "emial=a",
        "email=%00",
        "email=" + "a" * 300,
    ],
)
def test_a_query_that_is_not_understood_is_422(world: World, query: str) -> None:
    """A mistyped filter never lists everybody."""
    assert code_in(world.api("GET", f"/tenants/acme/users?{query}")) == (422, "validation_failed")


def test_another_method_is_405_and_says_which_there_are(world: World) -> None:
    """In the same form as every refusal."""
    refused = world.api("PUT", "/tenants/acme/users")
    assert code_in(refused) == (405, "method_not_allowed")
    assert "GET" in refused.headers["Allow"]


def test_an_address_that_is_none_is_404_in_the_same_form(world: World) -> None:
    """Below /api/ everything is for programs."""
    assert code_in(world.api("GET", "/nothing"))[0] == 404
    assert code_in(world.api("GET", MAIN + "/nothing"))[0] == 404


def test_answers_are_not_kept_by_caches(world: World) -> None:
    """Neither good ones nor refusals."""
    for path in ("/tenants/acme", "/tenants/nobody"):
        assert world.api("GET", path).headers["Cache-Control"] == "no-store"
