"""Metadata from a file on the server: only from the operator's directory."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from config.settings import Settings
from tenants.metadata_errors import MAX_METADATA_BYTES, MetadataRefused
from tenants.metadata_source import read_metadata_file


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with a file, a folder and links, beside a file that is nobody's business."""
    (tmp_path / "secret.xml").write_bytes(b"secret")
    (tmp_path / "metadata-old").mkdir()
    (tmp_path / "metadata-old" / "a.xml").write_bytes(b"secret")
    directory = tmp_path / "metadata"
    (directory / "acme").mkdir(parents=True)
    (directory / "acme" / "idp.xml").write_bytes(b"<a/>")
    (directory / "inside.xml").symlink_to("acme/idp.xml")
    (directory / "outside.xml").symlink_to("../secret.xml")
    (directory / "up").symlink_to("..")
    (directory / "circle").symlink_to("circle")
    os.mkfifo(directory / "pipe")
    return directory


def settings_of(directory: Path | None) -> Settings:
    """Settings with this metadata directory."""
    return Settings(secret_keys={"k1": bytes(32)}, metadata_directory=directory)


def code_of(path: str | Path, directory: Path | None) -> str:
    """The code of the refusal that a path meets."""
    with pytest.raises(MetadataRefused) as caught:
        read_metadata_file(path, settings_of(directory))
    assert caught.value.cause
    assert "secret" not in caught.value.cause
    return caught.value.code


def test_files_below_the_directory_are_read(directory: Path, tmp_path: Path) -> None:
    """By relative and absolute path, through a link that stays inside, and where the directory itself is a link."""
    for path in ("acme/idp.xml", "./acme/../acme/idp.xml", "inside.xml", directory / "acme" / "idp.xml"):
        assert read_metadata_file(path, settings_of(directory)).octets == b"<a/>"
    link = tmp_path / "link"
    link.symlink_to(directory)
    assert read_metadata_file("acme/idp.xml", settings_of(link)).octets == b"<a/>"


@pytest.mark.parametrize(
    "path",
    ["../secret.xml", "/etc/passwd", "/etc/no-such-file", "acme/../../secret.xml", "outside.xml", "up/secret.xml",
     "../metadata-old/a.xml", "../no-such-file", "..", "/", "/proc/self/environ", "~/x/../../../../../etc/passwd"],
)  # fmt: skip
def test_no_path_leads_out(directory: Path, path: str) -> None:
    """Neither dots, nor absolute paths, nor links; and the answer is the same whether the file exists or not."""
    assert code_of(path, directory) == "url_not_allowed"


@pytest.mark.parametrize(
    "path", ["missing.xml", "acme", "", ".", "pipe", "circle", "a\x00b", "a" * 300, "acme/idp.xml/x", "\ud800"]
)
def test_what_is_no_readable_file_fails(directory: Path, path: str) -> None:
    """Missing files, folders, pipes and links in a circle; nothing waits for a pipe's other end."""
    assert code_of(path, directory) == "fetch_failed"


def test_a_socket_is_no_file(directory: Path) -> None:
    """Only regular files are read."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "socket"))
        assert code_of("socket", directory) == "fetch_failed"


def test_without_a_directory_nothing_is_read(directory: Path) -> None:
    """METADATA_DIRECTORY is off by default."""
    assert code_of(directory / "acme" / "idp.xml", None) == "url_not_allowed"


def test_five_mebibytes_are_the_limit(directory: Path) -> None:
    """A file of the limit's size passes, one byte more does not."""
    file = directory / "large.xml"
    file.write_bytes(b" " * MAX_METADATA_BYTES)
    assert len(read_metadata_file("large.xml", settings_of(directory)).octets) == MAX_METADATA_BYTES
    file.write_bytes(b" " * (MAX_METADATA_BYTES + 1))
    assert code_of("large.xml", directory) == "too_large"


def test_no_descriptor_is_left_open(directory: Path) -> None:
    """Refusals close what they opened."""
    before = len(os.listdir("/proc/self/fd"))
    for path in ("acme", "pipe", "missing.xml", "inside.xml"):
        try:
            read_metadata_file(path, settings_of(directory))
        except MetadataRefused:
            continue
    assert len(os.listdir("/proc/self/fd")) == before
