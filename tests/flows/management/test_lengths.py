"""Texts longer than their columns: SQLite would take them, PostgreSQL would fail; both refuse, or leave away what is no use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from config.database import db
from config.isolation import every_tenant
from tenants.models import IdentityProvider, Tenant
from tests.flows.management.support import MAIN, allow_loopback, code_in, put
from tests.support.world import World


@contextmanager
def _served(content: str, headers: dict[str, str]) -> Iterator[str]:
    """One document with these headers, at the URL given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            for name, value in {**headers, "Content-Length": str(len(content.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_parts: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/metadata"
        finally:
            server.shutdown()
            thread.join()


def _stored(world: World) -> Any:
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        columns = sa.select(IdentityProvider.etag, IdentityProvider.last_modified).join_from(Tenant, IdentityProvider)
        return connection.execute(columns.where(Tenant.slug == "acme")).one()


def _run(world: World, *arguments: str) -> tuple[int, str]:
    result = world.app.test_cli_runner().invoke(args=list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize("length", [29, 100, 101, 256, 257, 4000])
def test_validators_of_a_metadata_server(world: World, length: int) -> None:
    """An ETag and a date that cannot be stored are forgotten; the metadata is taken all the same."""
    allow_loopback(world)
    headers = {"ETag": '"' + "e" * (length - 2) + '"', "Last-Modified": "M" * length}
    with _served(world.acme.idp.metadata_xml(), headers) as url:
        assert put(world, metadata_url=url).status_code == 200
    etag, last_modified = _stored(world)
    assert len(etag or "") in (0, length)
    assert len(last_modified or "") in (0, length)
    assert (last_modified is None) == (length > 100)


def test_a_metadata_url_as_long_as_can_be(world: World) -> None:
    """2000 characters by API and by command, and not one more."""
    allow_loopback(world)
    with _served(world.acme.idp.metadata_xml(), {}) as url:
        longest = url + "?" + "q" * (2000 - len(url) - 1)
        assert put(world, metadata_url=longest).status_code == 200
        assert put(world, metadata_url=longest + "q").status_code == 422
        command = ("idp", "put", "acme", "main", "--display-name", "Main", "--metadata-url")
        assert _run(world, *command, longest)[0] == 0
        code, output = _run(world, *command, longest + "q")
        assert (code, "url_not_allowed" in output) == (2, True)


def test_a_metadata_path_as_long_as_can_be(world: World, tmp_path: Path) -> None:
    """500 characters, however it is given."""
    allow_loopback(world, metadata_directory=tmp_path)
    (tmp_path / "idp.xml").write_text(world.acme.idp.metadata_xml())
    longest, too_long = "./" * 246 + "/idp.xml", "./" * 246 + "//idp.xml"
    assert len(longest) == 500
    assert put(world, metadata_path=longest).status_code == 200
    command = ("idp", "put", "acme", "main", "--display-name", "Main", "--metadata-path")
    assert _run(world, *command, too_long)[0] == 2
    assert code_in(put(world, metadata_path=too_long)) == (422, "validation_failed")


@pytest.mark.parametrize("text", ["", "x" * 501, "x" * 100_000, "\udcff"])
def test_reasons_and_names_of_a_command(world: World, text: str) -> None:
    """A command refuses what the API refuses, with a sentence and not with a traceback."""
    for arguments in (
        ("tenant", "create", "new", "--name", "New", "--domain", "new.test", "--reason", text),
        ("tenant", "create", "new", "--name", text),
        ("tenant", "create", text, "--name", "New"),
        ("tenant", "domains", "acme", "acme.test", "more.test", "--reason", text),
        ("tenant", "domains", "acme", text),
        ("tenant", "rename", "acme", "--name", text),
        ("tenant", "rename", "acme", "--mydomain", text),
        ("tenant", "show", text),
        ("idp", "show", "acme", text),
        ("user", "deactivate", "acme", text),
        ("attempts", "show", "acme", text),
        ("token", "revoke", text),
        ("settings", "set", "acme", "main", f"name_id_source={text}"),
    ):
        assert _run(world, *arguments)[0] == 2, arguments
    assert world.api("GET", MAIN).status_code == 200
