"""Which network addresses may be called. Names are not trusted: the address actually connected to is
checked.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Link-local as a whole, and the metadata services that cloud vendors put elsewhere. Refused always.
METADATA_NETWORKS: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "169.254.0.0/16",
        "fe80::/10",
        "fd00:ec2::/32",
        "fd20:ce::254/128",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
    )
)
METADATA_NAMES = frozenset(
    {"metadata.google.internal", "metadata.goog", "metadata", "instance-data", "instance-data.ec2.internal"}
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(ValueError):
    """This address must not be called. The text is a sentence for the person who typed the URL."""


def unwrap(ip: str) -> Address:
    """The address, or the IPv4 address that an IPv6 form of it leads to."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address in _NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def refuse_metadata(host: str) -> None:
    """Raise `AddressRefused` for a cloud metadata service, given as a name or an IP address."""
    name = host.rstrip(".").lower()
    try:
        address = unwrap(name)
    except ValueError:
        is_metadata = name in METADATA_NAMES
    else:
        is_metadata = any(address in network for network in METADATA_NETWORKS)
    if is_metadata:
        raise AddressRefused("This address belongs to the machine's own cloud services and is never called.")


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """CIDRs as networks. Raises ValueError for anything else."""
    return tuple(ipaddress.ip_network(text.strip(), strict=False) for text in texts if text.strip())


def guard_for(url: str, allowed: Iterable[Network] = ()) -> Callable[[str], None]:
    """The guard for a URL typed by a person: https and public, except inside the allowed networks.

    Hand it to `RestClient` as ``address_guard``. It raises `AddressRefused`.
    """
    networks = tuple(allowed)
    is_https = urlsplit(url).scheme == "https"

    def guard(ip: str) -> None:
        refuse_metadata(ip)
        address = unwrap(ip)
        if any(address in network for network in networks):
            return
        if not address.is_global or address.is_multicast:
            raise AddressRefused("This address is not public. Ask an operator to allow its network.")
        if not is_https:
            raise AddressRefused("Only https addresses are called on the public internet.")

    return guard


def split_base(base_url: str) -> tuple[str, str, str]:
    """Origin, path and query of a base URL; three empty strings when it is none."""
    try:
        parts = urlsplit(base_url.strip())
        is_usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        return "", "", ""
    if not is_usable or "@" in parts.netloc or not parts.netloc.isprintable() or " " in base_url.strip():
        return "", "", ""
    return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/"), parts.query
