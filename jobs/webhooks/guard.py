"""Which addresses may be called: pure rules over URLs, names and IP addresses.

Python's `is_global` is not asked: it calls NAT64, 6to4, IPv4-compatible, site-local and multicast
addresses global, and knows no cloud's own addresses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from jobs.webhooks.errors import WebhookUrlRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

HTTPS_PORT = 443
DEFAULT_PORTS = {"https": HTTPS_PORT, "http": 80}
LONGEST = 2_000
LONGEST_NAME = 253
PRINTABLE = re.compile(r"[!-~]+")
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # what resolvers take for a part of an IPv4 address
OWN_NAMES = ("localhost", "localdomain", "local", "internal", "home.arpa")

NOT_PUBLIC_4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and a cloud's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own services
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments, and a cloud's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
# Everything else embeds an IPv4 address, is local, multicast, or not handed out.
UNICAST_6 = IPv6Network("2000::/3")
NOT_PUBLIC_6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, ORCHID, benchmarks and other protocols
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # the 6bone, given back
        "3fff::/20",  # documentation
    )
]


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be called if all that its host resolves to may be."""

    scheme: str
    host: str
    port: int
    path: str
    literal: Address | None = None

    @property
    def standard(self) -> bool:
        """Https on its own port: all that the world outside is called by."""
        return self.scheme == "https" and self.port == HTTPS_PORT

    @property
    def authority(self) -> str:
        """As the Host header says it."""
        name = f"[{self.host}]" if isinstance(self.literal, IPv6Address) else self.host
        return name if self.port == DEFAULT_PORTS[self.scheme] else f"{name}:{self.port}"


def is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_4)
    return address in UNICAST_6 and not any(address in network for network in NOT_PUBLIC_6)


def read_url(url: str, allowed: Sequence[Network] = ()) -> Target:
    """The target of a URL that is acceptable as it is written; nothing is resolved."""
    target = _read(url)
    if target.literal is not None:
        check_addresses(target, [target.literal], allowed)
    elif not allowed:
        _check_outside(target)
    return target


def check_addresses(
    target: Target, addresses: Sequence[Address], allowed: Sequence[Network] = ()
) -> None:
    """Every one must be public, or in a network of the operator's choice."""
    if not addresses:
        raise WebhookUrlRefusedError("its name does not resolve.")
    foreign = [one for one in addresses if not any(one in network for network in allowed)]
    if not all(is_public(address) for address in foreign):
        raise WebhookUrlRefusedError("it does not lead to a public address.")
    if foreign and not target.standard:
        raise WebhookUrlRefusedError(f"only https on port {HTTPS_PORT} is called.")


def _check_outside(target: Target) -> None:
    """Names that mean something only inside a network are not resolved at all."""
    if not target.standard:
        raise WebhookUrlRefusedError(f"only https on port {HTTPS_PORT} is called.")
    own = any(f".{target.host}".endswith(f".{name}") for name in OWN_NAMES)
    if own or "." not in target.host:
        raise WebhookUrlRefusedError("its name is not a public one.")


def _read(url: str) -> Target:
    if not PRINTABLE.fullmatch(url) or len(url) > LONGEST:
        raise WebhookUrlRefusedError(
            f"up to {LONGEST:,} printable ASCII characters; names as Punycode, paths escaped."
        )
    if "\\" in url or "#" in url:
        raise WebhookUrlRefusedError("it may have neither a fragment nor a backslash.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise WebhookUrlRefusedError("it is no URL.") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise WebhookUrlRefusedError("it must begin with https://.")
    if "@" in parts.netloc:
        raise WebhookUrlRefusedError("it may carry no user name or password.")
    return _target(parts, DEFAULT_PORTS[parts.scheme] if port is None else port)


def _target(parts: SplitResult, port: int) -> Target:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = (parts.hostname or "").removesuffix(".")
    literal = _literal(host, bracketed=parts.netloc.startswith("["))
    return Target(parts.scheme, host, port, path, literal)


def _literal(host: str, *, bracketed: bool) -> Address | None:
    """The address a host spells out; None for a proper name."""
    try:
        if bracketed and "%" not in host:
            return IPv6Address(host)
        labels = host.split(".")
        if NUMBER.fullmatch(labels[-1]):
            return IPv4Address(host)  # four decimals; short, octal and hex forms are none
    except ValueError:
        raise WebhookUrlRefusedError("its host is neither a name nor an address.") from None
    if len(host) > LONGEST_NAME or not all(LABEL.fullmatch(label) for label in labels):
        raise WebhookUrlRefusedError("its host is neither a name nor an address.")
    return None
