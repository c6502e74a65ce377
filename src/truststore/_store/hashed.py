"""Directories that OpenSSL looks certificates up in: the names it asks for.

For an issuer, OpenSSL opens ``<hash>.0``, then ``<hash>.1``, and so on, until there is no such name (crypto/x509/by_dir.c): what
comes after a gap is never seen. Before 3.5 it also stopped at what it could not read, a broken link or junk. The hash is of the
subject's name, in lower case and without redundant blanks; ``openssl rehash`` makes the links. Up to OpenSSL 0.9.8 it was another hash,
which Android still has.
"""

from __future__ import annotations

import re
from ssl import OPENSSL_VERSION_INFO

from .. import _der

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: Whether what stands behind a name that cannot be read is found.
LOOKS_BEHIND_UNREADABLE = OPENSSL_VERSION_INFO >= (3, 5)

_NAME = re.compile(r"([0-9a-f]{8})\.(0|[1-9][0-9]{0,8})").fullmatch
#: And revocation lists, which OpenSSL looks for if told to check them.
is_looked_for = re.compile(r"[0-9a-f]{8}\.r?(?:0|[1-9][0-9]{0,8})").fullmatch


def names(listing: Iterable[str]) -> tuple[list[str], bool]:
    """The names of a directory that OpenSSL gets to, and whether there are others that it never gets to, behind a gap."""
    numbers: dict[str, list[int]] = {}
    for match in filter(None, map(_NAME, listing)):
        numbers.setdefault(match[1], []).append(int(match[2]))
    reached = [f"{digest}.{n}" for digest, found in numbers.items() for expected, n in enumerate(sorted(found)) if n == expected]
    return reached, len(reached) < sum(map(len, numbers.values()))


#: String types whose text is made comparable, and how their bytes are text (OpenSSL's ASN1_MASK_CANON).
_CHARSETS = {
    0x0C: "utf-8",
    0x13: "latin-1",
    0x14: "latin-1",
    0x16: "latin-1",
    0x1A: "latin-1",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
_UTF8_STRING = 0x0C
_BLANKS = " \t\n\v\f\r"


def subject_hash(certificate: bytes) -> str:
    """The name, up to the dot, under which OpenSSL looks for this certificate (X509_NAME_hash). Raises ValueError."""
    from hashlib import sha1  # a third of a millisecond that only user-given directories on Windows and macOS need

    (_, content), *_rest = _der.elements(certificate)
    (_, signed), *_rest = _der.elements(content)
    fields = [content for tag, content in _der.elements(signed) if tag != _der.VERSION]
    subject = fields[4] if len(fields) > 4 else b""
    canonical = b"".join(_relative_name(attributes) for _, attributes in _der.elements(subject))
    return sha1(canonical, usedforsecurity=False).digest()[3::-1].hex()


def _relative_name(attributes: bytes) -> bytes:
    return _element(_der.SET, b"".join(sorted(_attribute(content) for _, content in _der.elements(attributes))))


def _attribute(content: bytes) -> bytes:
    (_, kind), (tag, value) = _der.elements(content)
    if tag in _CHARSETS:
        tag, value = _UTF8_STRING, _comparable(value.decode(_CHARSETS[tag])).encode()
    return _element(_der.SEQUENCE, _element(_der.OID, kind) + _element(tag, value))


def _comparable(text: str) -> str:
    words = re.split(f"[{_BLANKS}]+", text.strip(_BLANKS))
    return "".join(chr(ord(char) + 32) if "A" <= char <= "Z" else char for char in " ".join(words))


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
