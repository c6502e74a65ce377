"""Reading PEM files as OpenSSL does, where it is certain what it does: files can be compared and counted without loading them.

OpenSSL's reader (crypto/pem/pem_lib.c) takes more than the plain form that every tool writes, in ways that differ between versions.
Here only the plain form is read: a BEGIN line, lines of base64, the END line; with any line ends, trailing blanks, and anything
else between the blocks. What is not in that form gets the answer "only OpenSSL can say", never a guess: `damage` asks OpenSSL.
"""

from __future__ import annotations

import binascii
import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    #: A certificate, and OpenSSL's own settings that stood behind it in a "trusted" block (openssl-x509(1), "Trust Settings").
    Block = tuple[bytes, bytes]

_BEGIN, _END, _DASHES = b"-----BEGIN ", b"-----END ", b"-----"
_WITH_SETTINGS = b"TRUSTED CERTIFICATE"
REVOCATION_LIST = b"-----BEGIN X509 CRL-----"
_LABELS = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE", _WITH_SETTINGS})

_LETTERS, _DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"0123456789"
_IN_LABELS, _BASE64 = _LETTERS + _DIGITS + b" ", _LETTERS + _LETTERS.lower() + _DIGITS + b"+/"
#: What a line may begin with, and what it may end with.
_BLANKS, _BLANKS_BEHIND = b" \t", b" \t\r"
_PADDING = frozenset({b"", b"=", b"=="})
#: What a certificate in DER begins with.
_SEQUENCE = 0x30

_AT_ONCE = 1 << 16
# A FIFO in a file's place must not stop the program: opening it would wait for a writer.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


#: A file with more is no store: the largest that companies have are a few megabytes.
LARGEST = 16 << 20


def contents(path: str) -> bytes:
    """The bytes of a regular file. Raises OSError if it cannot be read, is too large or something else; never waits."""
    descriptor = os.open(path, _READ)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            code = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
            raise OSError(code, "Not a regular file", path)
        return _all(descriptor, status.st_size, path)
    finally:
        os.close(descriptor)


def _all(descriptor: int, size: int, path: str) -> bytes:
    """It may grow meanwhile, and the kernel's own files are larger than they say."""
    parts, total = [], 0
    while max(size, total) <= LARGEST and (part := os.read(descriptor, max(size + 1, _AT_ONCE))):
        parts.append(part)
        total += len(part)
    if max(size, total) > LARGEST:
        raise OSError(errno.EFBIG, f"More than {LARGEST >> 20} MiB", path)
    return b"".join(parts)


def blocks(data: bytes, decoded: dict[bytes, bytes] | None = None) -> list[Block] | None:
    """The certificates in a PEM file's bytes; None: it is not in plain form, and only OpenSSL can say.

    `decoded` remembers what stood for what, for whoever reads several files with the same certificates.
    """
    before, *parts = data.split(_BEGIN)
    if b"\0" in data or _END in before or not _are_at_line_starts(before, parts):
        return None
    decoded = {} if decoded is None else decoded
    certificates = []
    for label, body in map(_label_and_body, parts):
        if label in _LABELS:
            der = decoded[body] = decoded.get(body) or _decoded(body) or _decoded(_without_blanks(body))
            size = der_size(der)
            if not size or (size < len(der) and label != _WITH_SETTINGS):
                return None
            certificates.append((der[:size], der[size:]))
        elif not _is_base64(_without_blanks(body)):
            return None
    return certificates


def _are_at_line_starts(before: bytes, parts: list[bytes]) -> bool:
    """Of the marks that stood between these."""
    return (not before or not parts or before.endswith(b"\n")) and all(part.endswith(b"\n") for part in parts[:-1])


def _label_and_body(part: bytes) -> tuple[bytes, bytes]:
    """Of what stands behind "BEGIN": the label, and the lines up to the one that ends the block; no body if one of these two is odd."""
    label, _, rest = part.partition(_DASHES)
    within, end, behind = rest.partition(b"\n" + _END + label + _DASHES)
    blanks, _, body = within.partition(b"\n")
    blanks += behind.partition(b"\n")[0]
    is_plain = label and end and not label.translate(None, _IN_LABELS) and not blanks.strip(_BLANKS_BEHIND) and _END not in behind
    return label, body if is_plain else b""


# The lines of a body. An empty one, or one with a colon, is what OpenSSL calls a header, so there must be none; and padding on no line but
# the last, behind something.


def _without_blanks(body: bytes) -> bytes:
    return b"\n".join(line.lstrip(_BLANKS).rstrip(_BLANKS_BEHIND) for line in body.split(b"\n"))


def _is_base64(body: bytes) -> bool:
    padding = body.translate(None, _BASE64).lstrip(b"\n")
    return padding in _PADDING and body.endswith(padding) and _has_plain_lines(body)


def _has_plain_lines(body: bytes) -> bool:
    return b"\n\n" not in b"\n" + body + b"\n" and not body.endswith((b"\n=", b"\n=="))


def _decoded(body: bytes) -> bytes:
    """What the base64 says; nothing if characters are missing or none of base64's: binascii overlooks these, but tells less then."""
    size = len(body) - body.count(b"\n")
    expected = size // 4 * 3 - body.endswith(b"=") - body.endswith(b"==")
    try:
        der = binascii.a2b_base64(body)
    except binascii.Error:
        return b""
    return der if size % 4 == 0 and len(der) == expected and _has_plain_lines(body) else b""


def plain_certificates(data: bytes) -> tuple[bytes, ...] | None:
    """The certificates that OpenSSL would load for verifying servers, no duplicates; None: only OpenSSL can say, or they are none."""
    found = blocks(data) or []
    if not found or len(found) != data.count(_BEGIN) or not all(_is_shaped(certificate) for certificate, _ in found):
        return None
    return tuple(dict.fromkeys(certificate for certificate, settings in found if vouches_for_servers(settings)))


def concatenated(data: bytes) -> Iterator[bytes]:
    """Certificates (DER) that stand one after the other."""
    start = 0
    while size := der_size(data[start : start + 6], len(data) - start):
        yield data[start : start + size]
        start += size


def der_size(der: bytes, available: int | None = None) -> int:
    """The length of the DER sequence that begins here, its header included; 0: there is none, or not all of it."""
    if len(der) < 2 or der[0] != _SEQUENCE or der[1] == 0x80 or der[1] > 0x84:
        return 0
    octets = der[1] & 0x7F if der[1] & 0x80 else 0
    size = 2 + octets + (int.from_bytes(der[2 : 2 + octets], "big") if octets else der[1])
    return size if size <= (len(der) if available is None else available) else 0


def _is_shaped(der: bytes) -> bool:
    """Whether this has a certificate's outer form, which a request, a revocation list, or a file that was cut off has not.

    A certificate's parts, and what the signed one begins with: serial number, algorithm, issuer, validity, subject, key (RFC 5280, 4.1).
    """
    from .. import _der  # for public bundles only

    parts_of_one, fields_of_one = (_der.SEQUENCE, _der.SEQUENCE, _der.BIT_STRING), (_der.INTEGER, *[_der.SEQUENCE] * 5)
    try:
        ((_, content),) = _der.elements(der)
        parts = list(_der.elements(content))
        fields = tuple(tag for tag, _ in _der.elements(parts[0][1]) if tag != _der.VERSION)
    except (ValueError, IndexError):
        return False
    return tuple(tag for tag, _ in parts) == parts_of_one and fields[:6] == fields_of_one


_SERVER_AUTH, _ANY_PURPOSE = bytes.fromhex("2b06010505070301"), bytes.fromhex("551d2500")
_REJECTED = 0xA0  # X509_CERT_AUX's [0]


def vouches_for_servers(settings: bytes) -> bool:
    """Whether the settings (X509_CERT_AUX) let it vouch for TLS servers (crypto/x509/x509_trust.c, obj_trust). In doubt not."""
    if not settings:
        return True
    from .. import _der  # hardly any block has settings

    try:
        ((_, content),) = _der.elements(settings)
        uses = {
            tag: {oid for _, oid in _der.elements(oids)}
            for tag, oids in _der.elements(content)
            if tag in (_der.SEQUENCE, _REJECTED)
        }
    except (_der.Malformed, ValueError):
        return False
    servers = {_SERVER_AUTH, _ANY_PURPOSE}
    return not servers & uses.get(_REJECTED, set()) and (_der.SEQUENCE not in uses or bool(servers & uses[_der.SEQUENCE]))
