"""The hash of a certificate's subject that names it in a hashed directory (crypto/x509/x509_cmp.c, X509_NAME_hash).

It is of the name in lower case and without redundant blanks. Up to OpenSSL 0.9.8 it was another hash, which Android still has.
"""

from __future__ import annotations

from .. import _der

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
_AS_SPACES = dict.fromkeys(map(ord, " \t\n\v\f\r"), " ")


def subject_hash(certificate: bytes) -> str:
    """The name, up to the dot, under which OpenSSL looks for this certificate (X509_NAME_hash). Raises ValueError."""
    from hashlib import sha1  # a third of a millisecond that only user-given directories need

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
    words = filter(None, text.translate(_AS_SPACES).split(" "))
    return "".join(chr(ord(char) + 32) if "A" <= char <= "Z" else char for char in " ".join(words))


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
