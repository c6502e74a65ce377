"""What is an address, what is a name, and whom a certificate is for: once, for every platform."""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_pton

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._der import Certificate

#: What host names are made of: RFC 1123 and, not by it but in use, the underscore.
CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def ip_address(name: str) -> bytes | None:
    """The IP address, of 4 or 16 bytes, that a name is the text of; None if it is a name.

    The zone of an IPv6 address says how to get there, not who that is (RFC 6874), and does not count.
    """
    try:
        return inet_pton(AF_INET6, name.partition("%")[0]) if ":" in name else inet_pton(AF_INET, name)
    except (OSError, ValueError):
        return None


def as_compared(name: str) -> str:
    """A name without the dot that ends it in the DNS, since certificates write none. An address with a dot is neither."""
    without_dot = name.removesuffix(".")
    return name if ip_address(without_dot) else without_dot


def is_for(leaf: Certificate, name: str, common_name: bool) -> bool:
    """Whether a certificate is for this name, as it is compared, or this address: RFC 6125, as strictly as OpenSSL.

    `common_name`: whether that of the subject counts where there is no DNS name. Raises `_der.Malformed`.
    """
    address = ip_address(name)
    if address:
        return address in leaf.addresses
    patterns = leaf.dns_names or (leaf.common_names if common_name else [])
    return _is_host_name(name.lower()) and any(_covers(pattern, name.lower()) for pattern in patterns)


def _is_host_name(name: str) -> bool:
    """Not an address in any spelling, nor what nobody can be called."""
    return bool(name) and CHARACTERS.issuperset(name) and ip_address(name.rstrip(".")) is None


def _covers(pattern: str, name: str) -> bool:
    """Equal or, where the left-most label is a wildcard and two or more follow, equal from the second on."""
    if not pattern.isascii():  # some letters have an ASCII one for their lower case
        return False
    label, _, domain = name.partition(".")
    is_wildcard = label and "." in domain.strip(".") and pattern.lower() == f"*.{domain}"
    return bool(is_wildcard) or pattern.lower() == name
