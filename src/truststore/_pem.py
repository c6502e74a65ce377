"""Reading certificates as OpenSSL does, so that what is counted, compared and collected is what OpenSSL loads.

OpenSSL's reader (crypto/pem/pem_lib.c) takes more than the plain form that every tool writes, in ways that differ between versions.
Here only the plain form is read: a BEGIN line, lines of base64, the END line; with any line ends, trailing blanks, and anything
else between the blocks. What is not in that form gets the answer "only OpenSSL can say", never a guess, and OpenSSL is asked.
"""

from __future__ import annotations

import binascii
import errno
import os
import re
import ssl
import stat
from _ssl import _SSLContext

from . import _der, _hashed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

#: A block in plain form. A line may have blanks at its ends; an empty line, or one with a colon, is what OpenSSL calls a header.
_BLOCK = re.compile(
    rb"^-----BEGIN ([A-Z0-9 ]+)-----[ \t\r]*\n"
    rb"((?:[ \t]*[A-Za-z0-9+/]+={0,2}[ \t\r]*\n)+)"
    rb"-----END \1-----[ \t\r]*$",
    re.MULTILINE,
)
_BEGIN = b"-----BEGIN "
_PLAIN = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE"})
_WITH_SETTINGS = b"TRUSTED CERTIFICATE"

# A FIFO in a file's place must not stop the program: opening it would wait for a writer.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def contents(path: Path) -> bytes:
    """The bytes of a regular file. Raises OSError if it cannot be read or is something else; never waits."""
    descriptor = os.open(path, _READ)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            code = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
            raise OSError(code, "Not a regular file", os.fsdecode(path))
        parts = []
        while part := os.read(descriptor, status.st_size + 1):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def certificates(data: bytes) -> list[bytes] | None:
    """The certificates (DER) in a PEM text; None: it is not in plain form, and only OpenSSL can say."""
    blocks = _blocks(data)
    return None if blocks is None else [certificate for certificate, _ in blocks]


def count(path: str) -> int:
    """How many different certificates OpenSSL loads from a PEM file. Raises OSError (ssl.SSLError is one)."""
    found = certificates(contents(path))
    return len(set(found)) if found else _ask_openssl(cafile=path)


def read_certificates(cafile: Path | None = None, capath: Path | None = None, cadata: str | bytes | None = None) -> list[bytes]:
    """The certificates (DER, no duplicates) that `SSLContext.load_verify_locations`, called with the same, makes anchors for TLS servers.

    It raises what that raises, with the file's name. Left out are certificates that a "trusted" block excludes from the purpose of
    verifying servers (openssl-x509(1), "Trust Settings"), and those of `capath` that OpenSSL would not find by their names.
    What OpenSSL accepts although it is not in plain form is an ssl.SSLError too: it is better not loaded than loaded in part.
    A `cafile` that is not a regular file is an OSError, where OpenSSL may wait for it forever.
    """
    if cafile is None and capath is None and cadata is None:
        raise TypeError("cafile, capath and cadata cannot be all omitted")
    found: list[bytes] = []
    if cadata is not None:
        found += _from_text(cadata) if isinstance(cadata, str) else _from_der(bytes(cadata))
    if cafile is not None:
        found += _from_file(cafile)
    if capath is not None:
        for directory in os.fsdecode(capath).split(os.pathsep):
            found += _from_directory(directory) if directory else ()
    return list(dict.fromkeys(found))


def _from_text(text: str) -> list[bytes]:
    expected = _ask_openssl(cadata=text)
    blocks = [block for block in _blocks(text.encode("ascii"), _PLAIN) or ()]
    return _agreed(blocks, expected, "cadata")


def _from_der(data: bytes) -> list[bytes]:
    expected = _ask_openssl(cadata=data)
    blocks, start = [], 0
    while size := _size(data[start:]):
        blocks.append((data[start : start + size], b""))
        start += size
    return _agreed(blocks, expected, "cadata")


def _from_file(path: Path) -> list[bytes]:
    data, name = contents(path), os.fsdecode(path)
    return _agreed(_blocks(data) or [], _ask_openssl(cafile=name), name)


def _from_directory(directory: str) -> Iterator[bytes]:
    try:
        names = _hashed.names(directory)
    except OSError:  # as OpenSSL: it may appear later
        return
    stopped = set()
    for name in names:
        digest = name.partition(".")[0]
        try:
            if digest not in stopped:
                yield from (found for found in _from_file(os.path.join(directory, name)) if _hashed.subject_hash(found) == digest)
        except (OSError, _der.Malformed, UnicodeError):
            stopped.add(digest)  # OpenSSL does not look behind what it cannot read


def _agreed(blocks: list[tuple[bytes, bytes]], expected: int, where: str) -> list[bytes]:
    """Those of the blocks that may vouch for servers, if OpenSSL has loaded as many."""
    if len({certificate for certificate, _ in blocks}) != expected:
        raise ssl.SSLError(ssl.SSL_ERROR_SSL, f"{where}: not plain PEM, rewrite it with 'openssl x509' (OpenSSL reads {expected} certificates)")
    return [certificate for certificate, settings in blocks if _vouches_for_servers(settings)]


def _ask_openssl(cafile: str | None = None, cadata: str | bytes | None = None) -> int:
    """How many certificates OpenSSL loads. Raises what `load_verify_locations` raises, with the file's name."""
    scratch = _SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        scratch.load_verify_locations(cafile, None, cadata)
    except OSError as error:
        error.filename = cafile
        if isinstance(error, ssl.SSLError) and cafile:
            error.strerror = f"{error.strerror}: {cafile}"
        raise
    return scratch.cert_store_stats()["x509"]


def _blocks(data: bytes, plain: frozenset[bytes] = _PLAIN | {_WITH_SETTINGS}) -> list[tuple[bytes, bytes]] | None:
    """(certificate, OpenSSL's settings behind it) of each block with one of these labels; None: not in plain form."""
    found = _BLOCK.findall(data)
    if len(found) != data.count(_BEGIN):
        return None
    blocks = []
    for label, body in found:
        if label in plain:
            der = _decoded(body)
            size = _size(der)
            if not size or (size < len(der) and label != _WITH_SETTINGS):
                return None
            blocks.append((der[:size], der[size:]))
    return blocks


def _decoded(body: bytes) -> bytes:
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        return b""


def _size(der: bytes) -> int:
    """The length of the DER sequence that `der` begins with, its header included; 0: there is none."""
    if len(der) < 2 or der[0] != _der.SEQUENCE:
        return 0
    octets = der[1] & 0x7F if der[1] & 0x80 else 0
    size = 2 + octets + (int.from_bytes(der[2 : 2 + octets], "big") if octets else der[1])
    return size if size <= len(der) else 0


SERVER_AUTH = bytes.fromhex("2b06010505070301")
ANY_PURPOSE = bytes.fromhex("551d2500")


def _vouches_for_servers(settings: bytes) -> bool:
    """Whether OpenSSL's settings (X509_CERT_AUX) leave the certificate an anchor for TLS servers (crypto/x509/x509_trust.c, obj_trust)."""
    if not settings:
        return True
    try:
        ((_, content),) = _der.elements(settings)
        fields = list(_der.elements(content))
        trusted = [oid for tag, oids in fields if tag == _der.SEQUENCE for _, oid in _der.elements(oids)]
        rejected = [oid for tag, oids in fields if tag == 0xA0 for _, oid in _der.elements(oids)]
    except (_der.Malformed, ValueError):
        return False
    return not {SERVER_AUTH, ANY_PURPOSE} & set(rejected) and (not trusted or bool({SERVER_AUTH, ANY_PURPOSE} & set(trusted)))
