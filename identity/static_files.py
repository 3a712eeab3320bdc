"""Static files of the pages: a few, kept in memory, each at a URL that names its content and so may be kept for ever."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path
from typing import NamedTuple

from flask import Response

from tenants.errors import NotFound

FOLDER = Path(__file__).with_name("static")
FOR_EVER = "public, max-age=31536000, immutable"
CHECK_AGAIN = "no-cache"
"""For a URL of other content than this worker has: an older or newer release next door serves it."""


class StaticFile(NamedTuple):
    """A file as it is sent."""

    version: str
    content: bytes
    media_type: str


class StaticFolder:
    """The files of one folder, below one path of every host."""

    def __init__(self, folder: Path, path: str) -> None:
        self._path = path
        self.url_rule = f"{path}/<version>/<name>"
        self._files = {file.name: _read(file) for file in sorted(folder.iterdir())}

    def url(self, name: str) -> str:
        """The path of a file, with its content's hash in it. KeyError for a name that there is not."""
        return f"{self._path}/{self._files[name].version}/{name}"

    def text(self, name: str) -> str:
        """A file's text, for a page that has to stand on its own."""
        return self._files[name].content.decode()

    def response(self, version: str, name: str) -> Response:
        """The file, kept for ever by browsers where the URL names what is sent."""
        file = self._files.get(name)
        if file is None:
            raise NotFound(f"no static file {name[:80]!r}")
        response = Response(file.content, content_type=f"{file.media_type}; charset=utf-8")
        response.headers["Cache-Control"] = FOR_EVER if version == file.version else CHECK_AGAIN
        return response


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return StaticFile(hashlib.sha256(content).hexdigest()[:16], content, media_type)


_OURS = StaticFolder(FOLDER, "/static")


def static_url(name: str) -> str:
    """The path of a static file of the pages."""
    return _OURS.url(name)


def static_text(name: str) -> str:
    """A static file's text, for a page that has to stand on its own."""
    return _OURS.text(name)


def static_response(version: str, name: str) -> Response:
    """A static file of the pages."""
    return _OURS.response(version, name)
