"""Which addresses may be connected to: the public internet, and what a person has allowed besides.

A catalog from a stranger must not make this machine ask its own network for things. So what is judged is the
numeric address a connection is about to be made to, never the name in a URL: names can lead anywhere.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from shelfwise.errors import FetchError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

WEB_PORTS = frozenset({80, 443})

# IANA's special-purpose address registries, with what to call each block; the first that fits is named.
_REFUSED_V4 = [
    (IPv4Network(block), what)
    for block, what in (
        ("0.0.0.0/8", "an unspecified address"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "a shared address behind a provider's NAT"),
        ("127.0.0.0/8", "a loopback address"),
        ("169.254.0.0/16", "a link-local address"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "an address for documentation"),
        ("192.88.99.0/24", "a reserved address"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "an address for measuring networks"),
        ("198.51.100.0/24", "an address for documentation"),
        ("203.0.113.0/24", "an address for documentation"),
        ("224.0.0.0/4", "a multicast address"),
        ("255.255.255.255/32", "the broadcast address"),
        ("240.0.0.0/4", "a reserved address"),
    )
]
_REFUSED_V6 = [
    (IPv6Network(block), what)
    for block, what in (
        ("::/128", "an unspecified address"),
        ("::1/128", "a loopback address"),
        ("64:ff9b:1::/48", "a private address (local NAT64)"),
        ("2001::/32", "a tunnel's address (Teredo)"),
        ("2001::/23", "a reserved address"),
        ("2001:db8::/32", "an address for documentation"),
        ("3fff::/20", "an address for documentation"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a private address"),
        ("ff00::/8", "a multicast address"),
    )
]
_PUBLIC_V6 = IPv6Network("2000::/3")
"""All that is assigned to the public internet; the rest of IPv6 is reserved."""

# IPv6 blocks whose addresses lead to the IPv4 address within them: (block, bits to the right of it).
_EMBEDDING = (
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # IPv4-translated
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
_ISATAP = (0x00005EFE, 0x02005EFE)  # bits 64 to 95 of an address whose last 32 are an IPv4 address

_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE)


class AddressRefusedError(FetchError):
    """A URL, or the address it leads to, that is not asked for anything."""


@dataclass(frozen=True)
class AddressRules:
    """What may be connected to.

    Attributes
    ----------
    names
        Hosts whose addresses may be any, in lower case: a shop's own machines.
    networks
        Addresses that may be connected to although they are not public, whatever host they belong to.
    ports
        The only ports.
    """

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = field(default=WEB_PORTS)

    @classmethod
    def of(cls, allow_hosts: Iterable[str] = (), allow_ports: Iterable[int] = ()) -> AddressRules:
        """The rules with what a person allows besides: host names, addresses, CIDR blocks; ports 1–65535.

        Raises FetchError for what is none of these.
        """
        names, networks = set(), []
        for given in allow_hosts:
            text = given.strip().removeprefix("[").removesuffix("]")
            network = _network(text)
            if network is not None:
                networks.append(network)
            elif "/" not in text and ":" not in text and _HOST_NAME.fullmatch(ascii_host(text)):
                names.add(ascii_host(text))
            else:
                raise FetchError(
                    f"expected a host name, an address or a block such as 10.0.0.0/8 to allow, got '{given}'; "
                    "give it without a scheme, a port or a path (ports are allowed one by one)"
                )
        ports = frozenset(allow_ports)
        if any(not 0 < port < 1 << 16 for port in ports):
            raise FetchError(f"expected ports from 1 to 65535, got {sorted(ports)}")
        return cls(frozenset(names), tuple(networks), WEB_PORTS | ports)

    def why_refused(self, host: str, address: str) -> str | None:
        """Why ``address``, to which ``host`` resolved, is not connected to; None where it may be.

        ``address`` is numeric, IPv6 with or without a scope. What is no address is refused as well.
        """
        try:
            numeric = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return f"'{address[:60]}' is no numeric address"
        if ascii_host(host) in self.names:
            return None
        leads_to = embedded_v4(numeric) if isinstance(numeric, IPv6Address) else None
        if any(_within(one, network) for one in (numeric, leads_to) if one for network in self.networks):
            return None
        what = special_use(numeric)
        if what is None:
            return None
        if leads_to is not None:
            return f"{numeric} leads to {leads_to}, which is {what}"
        return f"{numeric} is {what}"


def special_use(address: Address) -> str | None:
    """What a special address is, as "a loopback address"; None for one of the public internet.

    An IPv6 address that leads to an IPv4 one is what that one is.
    """
    if isinstance(address, IPv4Address):
        return next((what for network, what in _REFUSED_V4 if address in network), None)
    leads_to = embedded_v4(address)
    if leads_to is not None:
        return special_use(leads_to)
    for network, what in _REFUSED_V6:
        if address in network:
            return what
    if address not in _PUBLIC_V6:
        return "a reserved address"
    number = int(address)
    return special_use(IPv4Address(number & 0xFFFFFFFF)) if number >> 32 & 0xFFFFFFFF in _ISATAP else None


def embedded_v4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to: mapped, translated, NAT64 or 6to4."""
    for network, right in _EMBEDDING:
        if address in network:
            return IPv4Address(int(address) >> right & 0xFFFFFFFF)
    return None


def ascii_host(host: str) -> str:
    """A host's name as it is compared: lower case, IDNA, without the dot at the end."""
    name = host.strip().lower().removesuffix(".")
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _within(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network
