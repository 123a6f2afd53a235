"""No special address is public, however it is written or wrapped; what is allowed is allowed and no more."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shelfwise.catalog.fetching.addresses import AddressRules, ascii_host, special_use
from shelfwise.errors import FetchError

NOBODY = AddressRules()
REFUSED = {
    "0.0.0.0": "unspecified",
    "10.1.2.3": "private",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "100.64.0.1": "shared",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "169.254.169.254": "link-local",
    "192.0.2.7": "documentation",
    "198.18.0.1": "measuring",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::7f00:1": "reserved",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fec0::1": "private",
    "fc00::1": "private",
    "fd12:3456::1": "private",
    "ff02::1": "multicast",
    "2001:db8::1": "documentation",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "tunnel",
    "100::1": "reserved",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:169.254.169.254": "link-local",
    "::ffff:0:10.0.0.1": "private",
    "64:ff9b::10.0.0.1": "private",
    "64:ff9b:1::8.8.8.8": "private",
    "2002:7f00:1::": "loopback",
    "2002:c0a8:101::1": "private",
    "2607:f8b0::5efe:10.0.0.1": "private",
    "2607:f8b0::200:5efe:192.168.0.1": "private",
}
PUBLIC = [
    "8.8.8.8",
    "93.184.216.34",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "169.253.0.1",
    "2606:2800:220:1:248:1893:25c8:1946",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
]


@pytest.mark.parametrize("address", REFUSED)
def test_special_addresses_are_refused(address: str) -> None:
    why = NOBODY.why_refused("shop.example", address)
    assert why is not None
    assert REFUSED[address] in why


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_not(address: str) -> None:
    assert NOBODY.why_refused("shop.example", address) is None


@pytest.mark.parametrize("text", ["", "localhost", "8.8.8", "8.8.8.8/8", "0x7f.1", "[::1]", "8.8.8.8 "])
def test_what_is_no_address_is_refused(text: str) -> None:
    assert NOBODY.why_refused("shop.example", text)


@given(st.ip_addresses(v=4))
@example(ipaddress.IPv4Address("192.0.0.9"))
def test_v4_agrees_with_the_standard_library(address: ipaddress.IPv4Address) -> None:
    """Whatever Python holds for not global is refused; a few blocks more are."""
    if not address.is_global or address.is_multicast:
        assert special_use(address)


@given(st.ip_addresses(v=6))
def test_v6_agrees_with_the_standard_library(address: ipaddress.IPv6Address) -> None:
    if not address.is_global or address.is_multicast:
        assert special_use(address)


@given(st.ip_addresses(v=4))
def test_a_wrapped_address_is_what_it_leads_to(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for wrapped in (
        ipaddress.IPv6Address(0xFFFF << 32 | number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | number << 80 | 1),
    ):
        assert special_use(wrapped) == special_use(address)


class TestAllowing:
    def test_a_host_by_name(self) -> None:
        rules = AddressRules.of(["Images.Shop.Internal."])
        assert rules.why_refused("images.shop.internal", "10.0.0.5") is None
        assert rules.why_refused("images.shop.internal.", "10.0.0.5") is None
        assert rules.why_refused("other.shop.internal", "10.0.0.5")
        assert rules.why_refused("evil-images.shop.internal", "10.0.0.5")
        assert rules.why_refused("images.shop.internal.evil.example", "10.0.0.5")

    def test_addresses_by_block(self) -> None:
        rules = AddressRules.of(["10.1.0.0/16", "::1", "[fd00::1]", "192.168.7.7"])
        for address in ("10.1.255.1", "::1", "fd00::1", "192.168.7.7", "::ffff:10.1.0.1", "2002:a01:1::"):
            assert rules.why_refused("any.example", address) is None
        for address in ("10.2.0.1", "fd00::2", "192.168.7.8", "127.0.0.1", "::ffff:10.2.0.1"):
            assert rules.why_refused("any.example", address)

    def test_a_block_does_not_allow_what_only_resembles_it(self) -> None:
        # A link-local address whose last bits are those of an allowed one.
        assert AddressRules.of(["10.0.0.0/8"]).why_refused("a.example", "fe80::5efe:10.0.0.1")

    def test_international_names(self) -> None:
        rules = AddressRules.of(["bücher.example"])
        assert rules.why_refused("xn--bcher-kva.example", "10.0.0.1") is None
        assert ascii_host("BÜCHER.example") == "xn--bcher-kva.example"

    @pytest.mark.parametrize(
        "wrong",
        ["http://shop.internal", "shop.internal/a", "shop.internal:80", "", "*", "a b", "10.0.0.0/99"],
    )
    def test_what_cannot_be_allowed_is_said(self, wrong: str) -> None:
        with pytest.raises(FetchError, match="expected a host name"):
            AddressRules.of([wrong])

    def test_ports(self) -> None:
        assert AddressRules.of([], [8080]).ports == {80, 443, 8080}
        for port in (0, -1, 65536):
            with pytest.raises(FetchError, match="ports from 1"):
                AddressRules.of([], [port])
