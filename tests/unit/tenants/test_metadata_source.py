"""Fetching metadata: from real servers on loopback, with every way of not answering."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.settings import Settings
from tenants import metadata_connection
from tenants.metadata_addresses import system_resolver
from tenants.metadata_errors import MAX_METADATA_BYTES, MetadataRefused
from tenants.metadata_source import fetch_metadata
from tests.support.authority import Authority, make_authority
from tests.unit.tenants.metadata_servers import dripping, raw, redirect, reply, serving

LOOPBACK = ("127.0.0.1/32", "::1/128")


def settings_with(*networks: str, ca_bundle: Path | None = None) -> Settings:
    """Settings that allow fetching from these networks."""
    allowed = tuple(ipaddress.ip_network(network) for network in networks)
    return Settings(secret_keys={"k1": bytes(32)}, metadata_allowed_networks=allowed, metadata_ca_bundle=ca_bundle)


ALLOWED = settings_with(*LOOPBACK)


def refusal_of(
    url: str, settings: Settings = ALLOWED, *, resolver: dict[str, Sequence[str]] | None = None, seconds: float = 5
) -> MetadataRefused:
    """The refusal that a fetch meets, within the time that it was given."""
    started = time.monotonic()
    look_up = system_resolver if resolver is None else resolver.__getitem__
    with pytest.raises(MetadataRefused) as caught:
        fetch_metadata(url, settings=settings, seconds=seconds, resolver=look_up)
    assert time.monotonic() - started < seconds + 10
    assert caught.value.status == 422
    assert caught.value.cause
    return caught.value


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    """Ends servers that would go on for ever."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that only this module's settings trust."""
    return make_authority(tmp_path_factory.mktemp("authority"))


def test_metadata_comes_with_what_is_needed_next_time() -> None:
    """Body, ETag, Last-Modified and the address in the end; the request names what it takes and carries nothing else."""
    date = "Fri, 20 Nov 2026 12:00:00 GMT"
    with serving(reply(ETag='"v1"', Last_Modified=date, Set_Cookie="a=b")) as server:
        fetched = fetch_metadata(server.url("/md?a=b#c"), settings=ALLOWED)
        again = fetch_metadata(server.url(), settings=ALLOWED)
    assert (fetched.body, fetched.etag, fetched.last_modified, fetched.not_modified) == (b"<metadata/>", '"v1"', date, False)
    assert fetched.final_url == server.url("/md?a=b")
    assert again.body == fetched.body
    first, second = (request.lower() for request in server.requests)
    assert first.startswith("get /md?a=b http/1.1\r\n")
    assert f"\r\nhost: 127.0.0.1:{server.port}\r\n" in first
    assert "\r\naccept: application/samlmetadata+xml" in first
    assert "\r\nuser-agent: vestibule\r\n" in first
    assert not any(name in first + second for name in ("cookie", "referer", "authorization", "if-none-match", "python"))


def test_what_has_not_changed_is_not_fetched_again() -> None:
    """304 is an answer to a conditional request only."""
    with serving(reply(b"", "304 Not Modified", ETag='"v1"')) as server:
        fetched = fetch_metadata(server.url(), settings=ALLOWED, etag='"v1"', last_modified="Fri, 20 Nov 2026 12:00:00 GMT")
        assert (fetched.not_modified, fetched.body, fetched.etag) == (True, None, '"v1"')
        assert refusal_of(server.url()).code == "http_status"
    assert 'If-None-Match: "v1"' in server.requests[0]
    assert "If-Modified-Since: Fri, 20 Nov 2026 12:00:00 GMT" in server.requests[0]


def test_odd_validators_are_neither_kept_nor_sent() -> None:
    """A header that another server made up cannot smuggle a second one."""
    with serving(reply(ETag="x" * 300, Last_Modified="caf\xe9")) as server:
        fetched = fetch_metadata(server.url(), settings=ALLOWED, etag='"a"\r\nX-Evil: 1', last_modified="é")
    assert (fetched.etag, fetched.last_modified) == (None, None)
    assert "Evil" not in server.requests[0]
    assert "If-" not in server.requests[0]


@pytest.mark.parametrize(
    "url",
    [
        "", "idp.example.com", "/md", "//127.0.0.1/", "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/",
        "data:,x",
        "javascript:x", "https://", "https:///md", "https://user@127.0.0.1/", "https://user:pw@127.0.0.1/",
        "https://@127.0.0.1/",
        "https://127.0.0.1:0/", "https://127.0.0.1:99999/", "https://127.0.0.1:x/", "https://127.0.0.1/a b",
        "https://127.0.0.1/\r\nX: y",
        "\thttps://127.0.0.1/", "https://127.0.0.1\\@evil.example/", "https://[::1/", "https://[::1]x/",
        "https://[fe80::1%25lo]/",
        "https://localhost./", "https://a_b*.example/", "https://127.0.0.1/é", "https://" + "a" * 2050,
        "https://exa\u00a0mple/",
        "https://\u2488com/", "https://evil.example%2f@127.0.0.1/", "https://evil.example%00.example/",
    ],
)  # fmt: skip
def test_what_is_not_a_plain_url_is_not_asked(url: str) -> None:
    """Other schemes, user names, odd ports and characters are refused before any name is looked up."""
    assert refusal_of(url, resolver={}).code == "url_not_allowed"


CLOSED = {
    "private": ["10.1.2.3"],
    "mixed": ["10.1.2.3", "169.254.169.254"],
    "mapped": ["::ffff:127.0.0.1"],
    "nat64": ["64:ff9b::a00:1"],
}


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "10.0.0.1", "169.254.169.254", "localhost",
     "acme.localhost", "0.0.0.0", "[::]", "[fd00:ec2::254]", "100.100.100.200", *CLOSED],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_closed_networks_are_refused_by_address_and_by_name(scheme: str, host: str) -> None:
    """Whatever a name leads to is judged, and the answer does not tell the address."""
    refusal = refusal_of(f"{scheme}://{host}/", settings_with(), resolver=dict(CLOSED))
    assert refusal.code == "address_not_allowed"
    assert "10.1.2.3" not in refusal.cause
    assert set(refusal.detail) == {"host"}


def test_no_connection_is_made_to_a_closed_address() -> None:
    """The server that listens there is never disturbed."""
    with serving(reply()) as server:
        assert refusal_of(server.url(), settings_with("127.0.0.2/32")).code == "address_not_allowed"
        assert server.connections == 0


def test_a_listed_ipv4_network_covers_the_mapped_form() -> None:
    """The connection goes to the IPv4 address."""
    with serving(reply()) as server:
        url = server.url(host="[::ffff:127.0.0.1]")
        assert fetch_metadata(url, settings=settings_with("127.0.0.0/8")).body == b"<metadata/>"
        assert refusal_of(url, settings_with("::1/128")).code == "address_not_allowed"


def test_listed_networks_are_reached_by_name_and_over_ipv6() -> None:
    """localhost and names under it lead to loopback, and nowhere else."""
    with serving(reply(), address="::1") as server:
        assert fetch_metadata(server.url(), settings=ALLOWED).body == b"<metadata/>"
        assert fetch_metadata(server.url(host="idp.localhost"), settings=ALLOWED).body == b"<metadata/>"
    assert f"Host: [::1]:{server.port}" in server.requests[0]
    assert f"Host: idp.localhost:{server.port}" in server.requests[1]


def test_of_several_addresses_an_allowed_one_is_used() -> None:
    """A closed address beside it is never tried; one that refuses the connection is passed by."""
    with serving(reply()) as server:
        resolver = {"idp.example.com": ["10.0.0.1", "127.0.0.3", "127.0.0.1"]}
        settings = settings_with("127.0.0.0/8")
        url = server.url(host="idp.example.com")
        assert fetch_metadata(url, settings=settings, resolver=resolver.__getitem__).body == b"<metadata/>"


def test_a_name_server_that_changes_its_answer_changes_nothing() -> None:
    """DNS rebinding: the name is looked up once for a hop, and the connection goes to the address that was judged."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    asked: list[str] = []

    def rebinding(host: str) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    with serving(reply()) as server:
        fetched = fetch_metadata(server.url(host="rebind.example"), settings=settings_with("127.0.0.1/32"), resolver=rebinding)
    assert fetched.body == b"<metadata/>"
    assert asked == ["rebind.example"]


def test_a_name_that_turns_inside_at_the_redirect_is_refused() -> None:
    """Each hop is judged anew, also on the same host."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    with serving(redirect("/again")) as server, pytest.raises(MetadataRefused) as caught:
        fetch_metadata(
            server.url(host="rebind.example"), settings=settings_with("127.0.0.1/32"), resolver=lambda _: next(answers)
        )
    assert caught.value.code == "address_not_allowed"
    assert server.connections == 1


def test_http_is_for_listed_networks_alone() -> None:
    """A public server takes https; no connection is made to it otherwise."""
    assert refusal_of("http://idp.example.com/", resolver={"idp.example.com": ["1.1.1.1"]}).code == "url_not_allowed"


# redirects


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_redirects_are_followed(status: str) -> None:
    """Relative and absolute, three of them."""
    steps = {"/": "/a?x=1", "/a?x=1": "b", "/b": "//127.0.0.1:{port}/end"}

    def answer(path: str, stream: socket.socket) -> None:
        follow = redirect(steps[path].format(port=server.port), status) if path in steps else reply()
        follow(path, stream)

    with serving(answer) as server:
        assert fetch_metadata(server.url(), settings=ALLOWED).final_url == server.url("/end")


def test_a_fourth_redirect_is_one_too_many() -> None:
    """A loop ends after four requests."""
    with serving(redirect("/")) as server:
        assert refusal_of(server.url()).code == "too_many_redirects"
        assert len(server.requests) == 4


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.2:{port}/", "http://[::1]:{port}/", "http://169.254.169.254/latest", "http://2130706434:{port}/"],
)
def test_a_redirect_into_another_network_is_refused(location: str) -> None:
    """Only the one that is listed may be reached, whoever sends us."""
    with serving(reply(), address="127.0.0.2") as inside, serving(redirect(location.format(port=inside.port))) as server:
        assert refusal_of(server.url(), settings_with("127.0.0.1/32")).code == "address_not_allowed"
        assert inside.connections == 0


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "http://u:p@127.0.0.1/",
        "javascript:x",
        "http://[/",
        "http://a b/",
        "/\xe9",
        "gopher://x",
    ],
)
def test_a_redirect_to_what_is_no_plain_url_is_refused(location: str) -> None:
    """The address was not the administrator's choice, and the code says so."""
    with serving(redirect(location)) as server:
        assert refusal_of(server.url()).code == "redirect_not_allowed"


def test_a_redirect_from_https_to_http_is_refused(authority: Authority) -> None:
    """Even where http would be allowed: whoever asked for https gets nothing less."""
    settings = settings_with(*LOOPBACK, ca_bundle=authority.bundle)
    with serving(reply()) as plain, serving(redirect(plain.url()), tls=authority.context_for("127.0.0.1")) as secure:
        assert refusal_of(secure.url(scheme="https"), settings).code == "redirect_not_allowed"
        assert plain.connections == 0
    with (
        serving(reply(), tls=authority.context_for("127.0.0.1")) as secure,
        serving(redirect(secure.url(scheme="https"))) as plain,
    ):
        assert fetch_metadata(plain.url(), settings=settings).final_url == secure.url(scheme="https")


@pytest.mark.parametrize(
    "status", ["404 Not Found", "500 Oops", "401 Who", "204 Nothing", "206 Partial", "300 Choices", "302 Nowhere", "201 Made"]
)
def test_any_other_status_is_said(status: str) -> None:
    """Whatever is not 200 is no metadata, a redirect without a Location among them."""
    with serving(reply(b"", status)) as server:
        refusal = refusal_of(server.url())
    assert (refusal.code, refusal.detail["status"]) == ("http_status", int(status[:3]))


# TLS


def test_tls_is_verified_for_the_name_in_the_url(authority: Authority) -> None:
    """With the operator's authority it works; the name goes out as server name and Host although we connect to an address."""
    names: list[str | None] = []
    context = authority.context_for("idp.example.com")
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    settings = settings_with("127.0.0.1/32", ca_bundle=authority.bundle)
    with serving(reply(), tls=context) as server:
        url = server.url(scheme="https", host="idp.example.com")
        fetched = fetch_metadata(url, settings=settings, resolver=lambda _: ["127.0.0.1"])
    assert fetched.body == b"<metadata/>"
    assert names == ["idp.example.com"]
    assert f"Host: idp.example.com:{server.port}" in server.requests[0]


def test_the_operators_authorities_are_trusted_beside_the_systems(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment adds its own (M4): an identity provider on the Internet is reached all the same."""
    of_system = make_authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(of_system.bundle))
    metadata_connection._context_of.cache_clear()
    settings = settings_with("127.0.0.1/32", ca_bundle=authority.bundle)
    for vouching in (authority, of_system):
        with serving(reply(), tls=vouching.context_for("127.0.0.1")) as server:
            assert fetch_metadata(server.url(scheme="https"), settings=settings).body == b"<metadata/>"
    metadata_connection._context_of.cache_clear()


@pytest.mark.parametrize("fault", ["authority", "name", "expired", "address"])
def test_a_wrong_certificate_is_refused(authority: Authority, fault: str) -> None:
    """Unknown authority, another name, another address, out of date: nothing is sent."""
    context = authority.context_for("other.example.com" if fault == "name" else "127.0.0.1", expired=fault == "expired")
    settings = settings_with("127.0.0.0/8", ca_bundle=None if fault == "authority" else authority.bundle)
    address = "127.0.0.2" if fault == "address" else "127.0.0.1"
    with serving(reply(), tls=context, address=address) as server:
        refusal = refusal_of(server.url(scheme="https"), settings)
    assert (refusal.code, refusal.detail["stage"]) == ("fetch_failed", "tls")
    assert server.requests == []


def test_a_server_without_tls_is_said(authority: Authority) -> None:
    """Plain HTTP at an https URL fails at the stage of TLS."""
    with serving(reply()) as server:
        refusal = refusal_of(server.url(scheme="https"))
    assert (refusal.code, refusal.detail["stage"]) == ("fetch_failed", "tls")


# time


def test_a_port_that_nobody_listens_on_is_said() -> None:
    """The stage tells it from a fault of names or of TLS."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        refusal = refusal_of(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert (refusal.code, refusal.detail["stage"]) == ("fetch_failed", "connect")


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        (b"", b""),
        (b"HTTP/1.1 200", b"x"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
def test_a_server_that_drips_runs_out_of_time(
    authority: Authority, stop: threading.Event, tls: bool, begin: bytes, drip: bytes
) -> None:
    """One deadline for everything: a byte now and then does not extend it, in whatever part of the answer."""
    context = authority.context_for("127.0.0.1") if tls else None
    settings = settings_with(*LOOPBACK, ca_bundle=authority.bundle)
    with serving(dripping(begin, drip, stop), tls=context) as server:
        for seconds in (0.6, 3, 15):
            refusal = refusal_of(server.url(scheme="https" if tls else "http"), settings, seconds=seconds)
            if refusal.detail["stage"] == "http":
                break  # on a busy machine, the connection itself may take the time that is for the answer
    assert (refusal.code, refusal.detail["stage"]) == ("fetch_timeout", "http")


def test_a_handshake_that_hangs_runs_out_of_time(stop: threading.Event) -> None:
    """A server that takes the connection and says nothing to our hello, or a byte now and then."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = refusal_of(f"https://127.0.0.1:{listener.getsockname()[1]}/", seconds=0.5)
    with serving(dripping(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc", b"\x03", stop)) as server:
        slow = refusal_of(server.url(scheme="https"), seconds=0.5)
    for refusal in (silent, slow):
        assert (refusal.code, refusal.detail["stage"]) == ("fetch_timeout", "tls")


def test_redirects_share_one_deadline() -> None:
    """Four slow hops together take no longer than one may."""

    def slow(path: str, stream: socket.socket) -> None:
        time.sleep(0.3)
        redirect("/")(path, stream)

    with serving(slow) as server:
        assert refusal_of(server.url(), seconds=0.7).code == "fetch_timeout"
        assert len(server.requests) <= 3


def test_a_look_up_that_hangs_runs_out_of_time(stop: threading.Event) -> None:
    """The system's resolver takes no time limit; the fetch has one nevertheless."""

    def hanging(host: str) -> Sequence[str]:
        stop.wait(20)
        return ["127.0.0.1"]

    started = time.monotonic()
    with pytest.raises(MetadataRefused) as caught:
        fetch_metadata("https://idp.example.com/", settings=ALLOWED, resolver=hanging, seconds=0.3)
    assert (caught.value.code, caught.value.detail["stage"]) == ("fetch_timeout", "dns")
    assert time.monotonic() - started < 10


# size and form


def chunked(body: bytes, size: int = 50_000) -> bytes:
    """A body in chunks."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def in_every_form(body: bytes) -> dict[str, bytes]:
    """The same body with a length, in chunks, until the connection ends, and compressed."""
    packed = gzip.compress(body)
    return {
        "length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body),
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body),
        "until_end": b"HTTP/1.0 200 OK\r\n\r\n" + body,
        "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(packed), packed),
        "gzip_chunked": b"HTTP/1.1 200 OK\r\nContent-Encoding: GZIP\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunked(packed, 100),
    }


@pytest.mark.parametrize("form", in_every_form(b""))
def test_bodies_come_whole_in_every_form_up_to_the_limit(form: str) -> None:
    """Five mebibytes pass, one byte more does not, however it is sent."""
    body = b"<a>" + b"x" * (MAX_METADATA_BYTES - 7) + b"</a>"
    with serving(raw(in_every_form(body)[form])) as server:
        assert fetch_metadata(server.url(), settings=ALLOWED).body == body
    with serving(raw(in_every_form(body + b"\n")[form])) as server:
        assert refusal_of(server.url()).code == "too_large"


def test_a_bomb_is_stopped_while_it_is_unpacked() -> None:
    """A bomb of blanks, two hundred times as large as it looks, costs neither time nor memory."""
    bomb = gzip.compress(b" " * (128 * 1024 * 1024), compresslevel=1)
    with serving(reply(bomb, Content_Encoding="gzip")) as server:
        assert refusal_of(server.url(), seconds=3).code == "too_large"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x00" * 100,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/9.9 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n<cut",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<cut",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<cut\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n<cut\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n<cut\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nnot gzip",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"<a/>", mtime=0)[:-6],
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"<a/>", mtime=0) + b"more",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"<a/>" * 20, mtime=0)[:-1] + b"x",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n<a/>",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\n<a/>",
    ],
)
def test_answers_that_are_broken_or_cut_short_fail(octets: bytes) -> None:
    """Half a body is never taken for a whole one, and no library's error gets out."""
    with serving(raw(octets)) as server:
        refusal = refusal_of(server.url())
    assert (refusal.code, refusal.detail["stage"]) == ("fetch_failed", "http")
    assert "OpenSSH" not in str(refusal)  # an inner server's words are not for whoever asked


def test_many_fetches_at_once_do_not_disturb_each_other() -> None:
    """Threads share nothing."""

    def answer(path: str, stream: socket.socket) -> None:
        reply(path.encode() * 1000)(path, stream)

    def fetch(number: int) -> bool:
        return fetch_metadata(server.url(f"/{number}"), settings=ALLOWED).body == f"/{number}".encode() * 1000

    with serving(answer) as server, ThreadPoolExecutor(16) as pool:
        assert all(pool.map(fetch, range(64)))


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would look names up again, and decide by itself where to connect."""
    with serving(reply(b"proxy")) as proxy, serving(reply(b"<direct/>")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        assert fetch_metadata(server.url(), settings=ALLOWED).body == b"<direct/>"
        assert proxy.connections == 0
