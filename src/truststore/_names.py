"""What is an address, what is a name, and whether a certificate is for it: the same for every platform."""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_pton

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._der import Certificate

LETTERS_DIGITS_HYPHEN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
#: What host names are made of: RFC 1123 and, not by it but in use, the underscore.
CHARACTERS = LETTERS_DIGITS_HYPHEN | {"_", "."}


def ip_address(name: str) -> bytes | None:
    """The IP address, of 4 or 16 bytes, that a name is the text of; None if it is a name.

    An address with a zone (fe80::1%eth0) is not one, as in `ssl`: certificates have no zones, and in another zone it may be another host.
    """
    try:
        return None if "%" in name else inet_pton(AF_INET6 if ":" in name else AF_INET, name)
    except (OSError, ValueError):
        return None


def as_compared(name: str) -> str:
    """A name without its trailing dot, which certificates do not have. An address with a trailing dot is neither name nor address."""
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
    """Whether it can be a host name, and not an address in any spelling: what ends in a number may be taken for an address."""
    last = name.rstrip(".").rpartition(".")[2]
    return CHARACTERS.issuperset(name) and bool(last) and not last.isdigit()


def _covers(pattern: str, name: str) -> bool:
    if not pattern.isascii():  # some letters have an ASCII one for their lower case
        return False
    return pattern.lower() == name or _is_wildcard_for(pattern.lower(), name)


def _is_wildcard_for(pattern: str, name: str) -> bool:
    """Whether a star is its whole left-most label, followed by two or more labels that equal the name's."""
    labels = name.split(".")
    return len(labels) > 2 and pattern == ".".join(["*", *labels[1:]]) and all(map(_is_of_letters, labels))


def _is_of_letters(label: str) -> bool:
    """Letters, digits and, between them, hyphens: beside others, such as an underscore, OpenSSL has a star stand for itself."""
    return bool(label) and LETTERS_DIGITS_HYPHEN.issuperset(label) and label == label.strip("-")
