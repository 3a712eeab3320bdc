"""Which addresses metadata may be fetched from."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Sequence

import pytest

from tenants.metadata_addresses import MAX_LOOKUPS, MAX_OF_ONE_TENANT, addresses_of, is_listed, system_resolver, why_closed
from tenants.metadata_errors import FetchFailed, FetchTimeout


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1",
        "127.255.255.254", "168.63.129.16", "169.254.169.254", "169.254.0.1", "172.16.0.1", "172.31.255.255", "192.0.0.192",
        "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
        "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::2", "::7f00:1", "64:ff9b::a00:1", "64:ff9b::808:808",
        "64:ff9b:1::1", "100::1", "2001::1", "2001:0:5ef5:79fd::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::1",
        "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "4000::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_closed(address: str) -> None:
    """Private, loopback, link-local, shared, reserved, multicast and embedding addresses, and clouds' own services."""
    assert why_closed(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "168.63.129.17", "172.15.255.255", "172.32.0.0",
     "192.0.1.1", "223.255.255.255", "2001:200::1", "2001:4860:4860::8888", "2a00:1450::1", "2606:4700::1111"],
)  # fmt: skip
def test_public_addresses_are_open(address: str) -> None:
    """The neighbours of closed networks among them."""
    assert why_closed(ipaddress.ip_address(address)) is None


def resolved(*found: str, host: str = "idp.example.com") -> list[str]:
    """The addresses that a resolver's answer comes to."""
    return [str(address) for address in addresses_of(host, lambda _: found, time.monotonic() + 30)]


def test_embedded_ipv4_addresses_are_judged_as_what_they_are() -> None:
    """An IPv4-mapped address is the IPv4 address, for the closed networks and for the operator's list."""
    assert resolved("::ffff:10.0.0.1", "10.0.0.1", "::ffff:1.1.1.1") == ["10.0.0.1", "1.1.1.1"]
    (address,) = addresses_of("[x]", lambda _: ["::ffff:10.0.0.1"], time.monotonic() + 30)
    assert is_listed(address, (ipaddress.ip_network("10.0.0.0/8"),))
    assert not is_listed(address, (ipaddress.ip_network("::/0"), ipaddress.ip_network("10.1.0.0/16")))


@pytest.mark.parametrize("host", ["localhost", "acme.localhost", "a.b.localhost"])
def test_localhost_is_this_machine_whatever_a_name_server_says(host: str) -> None:
    """RFC 6761 6.3: no look-up is made."""
    assert resolved("1.1.1.1", host=host) == ["127.0.0.1", "::1"]


@pytest.mark.parametrize("host", ["10.0.0.1", "::1"])
def test_an_address_is_not_looked_up(host: str) -> None:
    """It stands for itself."""
    assert resolved("1.1.1.1", host=host) == [host]


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
def test_old_spellings_of_addresses_are_judged_by_where_they_lead(host: str) -> None:
    """The system reads them as loopback; so do we."""
    (address,) = addresses_of(host, system_resolver, time.monotonic() + 30)
    assert why_closed(address) == "the loopback address"


def test_a_name_that_does_not_exist_is_said() -> None:
    """An error of the resolver and an empty answer are both a failure at the stage of names."""

    def failing(host: str) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    def empty(host: str) -> Sequence[str]:
        return []

    for resolver in (failing, empty):
        with pytest.raises(FetchFailed) as caught:
            addresses_of("idp.example.com", resolver, time.monotonic() + 30)
        assert caught.value.detail["stage"] == "dns"


def test_a_resolver_that_hangs_is_left_behind_and_their_number_is_bounded() -> None:
    """The deadline holds for look-ups, and look-ups that hang do not pile up without end."""
    release = threading.Event()

    def hanging(host: str) -> Sequence[str]:
        release.wait(20)
        return ["1.1.1.1"]

    try:
        for _ in range(MAX_LOOKUPS + 2):
            started = time.monotonic()
            with pytest.raises(FetchTimeout) as caught:
                addresses_of("idp.example.com", hanging, started + 0.05)
            assert time.monotonic() - started < 10
            assert caught.value.detail["stage"] == "dns"
        assert sum(thread.name == "metadata-look-up" for thread in threading.enumerate()) <= MAX_LOOKUPS
    finally:
        release.set()
    assert resolved("1.1.1.1") == ["1.1.1.1"]


def test_name_servers_of_one_tenant_take_no_others_places() -> None:
    """However often what it has named is looked up and never answered, another tenant's names are found, and the service's."""
    release = threading.Event()

    def resolver(host: str) -> Sequence[str]:
        if host == "hangs.example":
            release.wait(20)
        return ["1.1.1.1"]

    try:
        for _ in range(MAX_LOOKUPS + 2):
            with pytest.raises(FetchTimeout):
                addresses_of("hangs.example", resolver, time.monotonic() + 0.02, whose=7)
        assert sum(thread.name == "metadata-look-up" for thread in threading.enumerate()) <= MAX_OF_ONE_TENANT
        for whose in (8, 0):
            found = addresses_of("answers.example", resolver, time.monotonic() + 30, whose=whose)
            assert [str(address) for address in found] == ["1.1.1.1"]
    finally:
        release.set()
    assert addresses_of("answers.example", resolver, time.monotonic() + 30, whose=7)
