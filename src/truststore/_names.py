"""What is an address and what is a name: once, for every platform."""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_pton


def ip_address(name: str) -> bytes | None:
    """The IP address, of 4 or 16 bytes, that a name is the text of; None if it is a name."""
    try:
        return inet_pton(AF_INET6 if ":" in name else AF_INET, name)
    except (OSError, ValueError):
        return None


def without_zone(name: str) -> str:
    """An IPv6 address without its zone, which says how to get there, not who that is (RFC 6874); anything else as it is."""
    return name.partition("%")[0] if ":" in name else name


def as_compared(name: str) -> str:
    """A name without the dot that ends it in the DNS, since certificates write none. An address with a dot is neither."""
    without_dot = name.removesuffix(".")
    return name if ip_address(without_dot) else without_dot
