"""Where metadata comes from: a URL, or a file in the operator's directory (requirements M1, M4).

Every hop of a fetch: the URL is checked, its host looked up, each address judged, and the connection goes to an address
that was judged. So neither a redirect nor a name server that changes its answer leads into a closed network.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

from config.logs import metadata_log
from config.settings import Network, Settings
from tenants.metadata_addresses import Address, Resolver, addresses_of, is_listed, system_resolver, why_closed
from tenants.metadata_connection import Reply, get
from tenants.metadata_errors import (
    MAX_METADATA_BYTES,
    AddressNotAllowed,
    FetchFailed,
    HTTPStatus,
    MetadataTooLarge,
    RedirectNotAllowed,
    TooManyRedirects,
    URLNotAllowed,
)
from tenants.metadata_url import Target, target_of

FETCH_SECONDS = 10.0
"""For the whole chain: look-ups, connections, redirects and the last byte."""
MAX_REDIRECTS = 3
MAX_ETAG_CHARACTERS = 256
MAX_LAST_MODIFIED_CHARACTERS = 100
"""A date has 29. Both are bounded by their columns, whose length PostgreSQL insists on."""
MAX_PATH_CHARACTERS = 500
MAX_ADDRESSES = 4
"""Tried for one hop, each with its share of the time."""

_HEADERS = {
    "User-Agent": "Vestibule",
    "Accept": "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1",
    "Accept-Encoding": "gzip",
}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK, _NOT_MODIFIED = 200, 304


@dataclass(frozen=True, slots=True)
class FetchedMetadata:
    """What a URL gave. `body` is None where nothing has changed; `etag` and `last_modified` are for the next time."""

    body: bytes | None
    etag: str | None
    last_modified: str | None
    not_modified: bool
    final_url: str


def fetch_metadata(
    url: str,
    *,
    settings: Settings,
    etag: str | None = None,
    last_modified: str | None = None,
    resolver: Resolver = system_resolver,
    seconds: float = FETCH_SECONDS,
    max_bytes: int = MAX_METADATA_BYTES,
    whose: int = 0,
) -> FetchedMetadata:
    """Fetch metadata over at most three redirects.

    Args:
        url: https, or http where the host's address is in `settings.metadata_allowed_networks`.
        etag: what came with the copy at hand; with it the server may answer that nothing has changed.
        last_modified: the same, for servers without ETag.
        resolver: host name to addresses; asked once for each hop.
        seconds: for everything together.
        max_bytes: of the document.
        whose: the tenant that named the URL.

    Raises:
        FetchRefused, MetadataTooLarge: each form under its own code, see tenants.metadata_errors.
    """
    deadline = time.monotonic() + seconds
    headers = dict(_HEADERS)
    if etag := _validator(etag, MAX_ETAG_CHARACTERS):
        headers["If-None-Match"] = etag
    if last_modified := _validator(last_modified, MAX_LAST_MODIFIED_CHARACTERS):
        headers["If-Modified-Since"] = last_modified
    target = target_of(url)
    for _ in range(MAX_REDIRECTS + 1):
        addresses = allowed_addresses(target, settings.metadata_allowed_networks, resolver, deadline, whose=whose)
        reply = get(target, addresses, headers, settings.metadata_ca_bundle, deadline, max_bytes)
        metadata_log.debug("answered", host=target.host, status=reply.status, octets=len(reply.body))
        if reply.status not in _REDIRECTS or "location" not in reply.headers:
            return _fetched(target, reply, headers)
        target = _redirected(target, reply.headers["location"])
    raise TooManyRedirects(f"more than {MAX_REDIRECTS} redirects", host=target.host)


@dataclass(frozen=True, slots=True)
class MetadataFile:
    """A file as it was read; `state` is another one whenever the file was written or replaced."""

    octets: bytes
    state: str


def read_metadata_file(path: str | Path, settings: Settings, max_bytes: int = MAX_METADATA_BYTES) -> MetadataFile:
    """Read a file below METADATA_DIRECTORY.

    Args:
        path: relative to that directory, or absolute and inside of it.

    Raises:
        URLNotAllowed: there is no such directory, or the path, links followed, leads out of it.
        FetchFailed: it is missing, not readable, not a regular file, or was written to meanwhile.
        MetadataTooLarge: more than `max_bytes`.
    """
    with _opened(path, settings) as descriptor:
        before = _state_of(descriptor)
        with open(descriptor, "rb", closefd=False) as file:
            octets = file.read(max_bytes + 1)
        if len(octets) > max_bytes:
            raise MetadataTooLarge(f"the file has more than {max_bytes} bytes")
        if _state_of(descriptor) != before:
            raise FetchFailed("the file was written to while it was read")
    return MetadataFile(octets, before)


def metadata_file_state(path: str | Path, settings: Settings) -> str:
    """What `read_metadata_file` would give as the state, without reading. Raises the same."""
    with _opened(path, settings) as descriptor:
        return _state_of(descriptor)


def _state_of(descriptor: int) -> str:
    status = os.fstat(descriptor)
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"


@contextmanager
def _opened(path: str | Path, settings: Settings) -> Iterator[int]:
    if settings.metadata_directory is None:
        raise URLNotAllowed("METADATA_DIRECTORY is not set, so that no file on the server can be read")
    if len(str(path)) > MAX_PATH_CHARACTERS:
        raise URLNotAllowed(f"the path has more than {MAX_PATH_CHARACTERS} characters")
    try:
        directory = settings.metadata_directory.resolve()
        resolved = (directory / path).resolve()
    except (OSError, ValueError, RuntimeError):  # a null character; links in a circle
        raise FetchFailed("the path cannot be followed") from None
    if not resolved.is_relative_to(directory):
        raise URLNotAllowed("the path leads out of METADATA_DIRECTORY")
    try:
        # Not blocking: opening a pipe would wait for whoever writes to it. No last link: it has been followed already.
        descriptor = os.open(resolved, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FetchFailed("the path is not that of a regular file")
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FetchFailed(f"the file cannot be read: {error.strerror}") from None


def allowed_addresses(
    target: Target, networks: Sequence[Network], resolver: Resolver, deadline: float, *, whose: int = 0
) -> tuple[Address, ...]:
    """The addresses of a hop that may be connected to. A host with an open and a closed one is reached by the open one.

    Args:
        networks: private ones that the operator has listed for this purpose.
        whose: the tenant that named the first one.
    """
    found = addresses_of(target.host, resolver, deadline, whose=whose)
    listed = [address for address in found if is_listed(address, networks)]
    allowed = [address for address in found if address in listed or why_closed(address) is None]
    if not allowed:
        raise AddressNotAllowed(f"{target.host} leads to {why_closed(found[0])}", host=target.host)
    if target.scheme == "http" and not listed:
        raise URLNotAllowed("it takes https: http is for networks that the operator has listed alone")
    return tuple(listed if target.scheme == "http" else allowed)[:MAX_ADDRESSES]


def _redirected(target: Target, location: str) -> Target:
    try:
        following = target_of(urljoin(target.url, location.strip()))
    except (URLNotAllowed, ValueError) as error:
        cause = error.cause if isinstance(error, URLNotAllowed) else "this is not a URL"
        raise RedirectNotAllowed(f"{target.host} redirects to {location!r:.200}: {cause}", host=target.host) from None
    if target.scheme == "https" and following.scheme == "http":
        raise RedirectNotAllowed(f"{target.host} redirects from https to http", host=target.host)
    return following


def _fetched(target: Target, reply: Reply, headers: Mapping[str, str]) -> FetchedMetadata:
    conditional = "If-None-Match" in headers or "If-Modified-Since" in headers
    not_modified = reply.status == _NOT_MODIFIED and conditional
    if reply.status != _OK and not not_modified:
        raise HTTPStatus(f"{target.host} answered with HTTP status {reply.status}", host=target.host, status=reply.status)
    return FetchedMetadata(
        body=None if not_modified else reply.body,
        etag=_validator(reply.headers.get("etag"), MAX_ETAG_CHARACTERS),
        last_modified=_validator(reply.headers.get("last-modified"), MAX_LAST_MODIFIED_CHARACTERS),
        not_modified=not_modified,
        final_url=target.url,
    )


def _validator(text: str | None, longest: int) -> str | None:
    """An ETag or a date that can be stored and sent back; anything odd is forgotten."""
    usable = text is not None and len(text) <= longest and text.isascii() and text.isprintable()
    return text if usable else None
