"""Directories that OpenSSL looks certificates up in: the names it asks for.

For an issuer, OpenSSL opens ``<hash>.0``, then ``<hash>.1``, and so on, until there is no such name (crypto/x509/by_dir.c): what
comes after a gap is never seen. Before 3.5 it also stopped at what it could not read, a broken link or junk. The hash is that of
`subjects`; ``openssl rehash`` makes the links.
"""

from __future__ import annotations

from ssl import OPENSSL_VERSION_INFO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: Whether what stands behind a name that cannot be read is found.
LOOKS_BEHIND_UNREADABLE = OPENSSL_VERSION_INFO >= (3, 5)

_DIGITS, _HEX_DIGITS = frozenset("0123456789"), frozenset("0123456789abcdef")
#: OpenSSL counts up to there.
_MOST_DIGITS = 9


def is_looked_for(name: str) -> bool:
    """Whether OpenSSL may look for it: a certificate or, if told to check them, a revocation list."""
    digest, _, number = name.partition(".")
    return _is_number(number[number.startswith("r") :]) and _is_digest(digest)


def _is_digest(text: str) -> bool:
    return len(text) == 8 and _HEX_DIGITS.issuperset(text)


def _is_number(text: str) -> bool:
    return bool(text) and _DIGITS.issuperset(text) and (text[0] != "0" or text == "0") and len(text) <= _MOST_DIGITS


def names(listing: Iterable[str]) -> tuple[list[str], bool]:
    """The names of a directory that OpenSSL gets to, and whether there are others that it never gets to, behind a gap."""
    numbers: dict[str, list[int]] = {}
    for name in listing:
        digest, _, number = name.partition(".")
        if _is_number(number) and _is_digest(digest):
            numbers.setdefault(digest, []).append(int(number))
    reached = [f"{digest}.{n}" for digest, found in numbers.items() for expected, n in enumerate(sorted(found)) if n == expected]
    return reached, len(reached) < sum(map(len, numbers.values()))
