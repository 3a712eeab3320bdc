"""The API's own document: OpenAPI 3.1, complete, and a page that loads nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from tests.support.world import World


def _open(world: World, path: str) -> Any:
    answer = world.app.test_client().get(f"/api/v1{path}", base_url="http://localhost:8000")
    assert answer.status_code == 200
    return answer


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in {"get", "put", "post", "patch", "delete"}
    ]


def test_the_document_has_every_operation_and_says_which_are_open(world: World) -> None:
    """Open ones carry an empty security, all others the bearer token of the whole."""
    document = _open(world, "/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    assert document["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    rules = {
        (method.lower(), re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in world.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(method, path) for method, path, _ in _operations(document)} == rules
    opened = {path for _, path, operation in _operations(document) if operation.get("security") == []}
    assert opened == {"/api/v1/openapi.json", "/api/v1/docs"}


def test_every_refusal_is_documented_as_a_problem(world: World) -> None:
    """401 and 403 wherever a token is needed, 404 wherever a tenant is named; each leads to the one schema."""
    document = _open(world, "/openapi.json").get_json()
    for method, path, operation in _operations(document):
        statuses = set(operation["responses"])
        if operation.get("security") != []:
            assert {"401", "403"} <= statuses, (method, path)
        if "{slug}" in path:
            assert "404" in statuses, (method, path)
        if "requestBody" in operation:
            of_json = "application/json" in operation["requestBody"]["content"]
            assert ({"400", "413", "415", "422"} if of_json else {"422"}) <= statuses, (method, path)
        for status in statuses:
            if status >= "400":
                shared = document["components"]["responses"][operation["responses"][status]["$ref"].rpartition("/")[2]]
                schema = shared["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}
        assert operation["summary"], (method, path)


class _Loads(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: set[str] = set()
        self.local: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids |= {values["id"] or ""} if "id" in values else set()
        href = values.get("href") or ""
        if tag in {"script", "link", "img", "iframe", "object", "embed", "form"} or "src" in values or "style" in values:
            self.found.append(tag)
        if href.startswith("#"):
            self.local.add(href[1:])
        elif href:
            assert href == "openapi.json"


def test_the_page_loads_nothing_and_its_style_is_the_one_that_the_policy_names(world: World) -> None:
    """No script, no other resource; every link within the page leads somewhere; each operation is on it."""
    answer = _open(world, "/docs")
    page = answer.get_data(as_text=True)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    reader = _Loads()
    reader.feed(page)
    assert reader.found == []
    assert reader.local <= reader.ids
    document = _open(world, "/openapi.json").get_json()
    assert all(path in page for path in document["paths"])
