"""Files with certificates, as people have them and as nobody should; and what OpenSSL makes of one."""

from __future__ import annotations

import base64
import ssl
from typing import TYPE_CHECKING, Any

from certificates import ANY_PURPOSE, CLIENT_AUTH, SERVER_AUTH, Authority, Certificate, self_signed
from properties import st

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography import x509

FIRST, SECOND, THIRD = (Authority.new(name, key="p256") for name in ("First", "Second", "Third"))
LEAF = self_signed("localhost", key="p256")
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def body(certificate: Certificate) -> str:
    return certificate.pem[len(BEGIN) + 1 : -len(END) - 1]


def block(content: bytes, label: str = "CERTIFICATE") -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(content).decode()}-----END {label}-----\n"


def trusted(
    certificate: Certificate, trust: Sequence[x509.ObjectIdentifier] = (), reject: Sequence[x509.ObjectIdentifier] = ()
) -> str:
    """OpenSSL's own kind of block: behind the certificate, what it is trusted for."""
    settings = b""
    if trust:
        settings += element(0x30, b"".join(map(encoded, trust)))
    if reject:
        settings += element(0xA0, b"".join(map(encoded, reject)))
    return block(certificate.der + (element(0x30, settings) if settings else b""), "TRUSTED CERTIFICATE")


def padded(certificate: Certificate) -> str:
    """A "trusted" block that ends with two signs of padding: with it stands a name as long as that takes."""
    of_sizes = (certificate.der + element(0x30, element(0x0C, b"a" * size)) for size in range(3))
    return block(next(content for content in of_sizes if len(content) % 3 == 1), "TRUSTED CERTIFICATE")


def element(tag: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes((tag, len(content))) + content


def encoded(oid: x509.ObjectIdentifier) -> bytes:
    known = {SERVER_AUTH: "2b06010505070301", CLIENT_AUTH: "2b06010505070302", ANY_PURPOSE: "551d2500"}
    return element(6, bytes.fromhex(known[oid]))


A, B, L, PADDED = FIRST.pem, SECOND.pem, LEAF.pem, padded(FIRST)
CRL = block(FIRST.crl(), "X509 CRL")

#: Files as people have them, and as nobody should.
TEXTS: dict[str, str | bytes] = {
    "one": A,
    "several": A + B + L,
    "twice the same": A + A,
    "CRLF": (A + L).replace("\n", "\r\n"),
    "CR": (A + L).replace("\n", "\r"),
    "no newline at the end": A + L.rstrip("\n"),
    "text around": f"# First\n{A}subject=CN = Leaf\nissuer: x\n\n{L}bye",
    "text like a header around": f"Bag Attributes\n    friendlyName: x\n{A}",
    "bytes of any charset around": b"\xff\xfe\xe9\n" + A.encode() + b"\xe9\n" + L.encode(),
    "byte order mark": b"\xef\xbb\xbf" + A.encode(),
    "byte order mark and leaf": b"\xef\xbb\xbf" + A.encode() + L.encode(),
    "blanks at line ends": (A + L).replace("\n", " \t\n"),
    "blanks at line starts of the body": f"{BEGIN}\n  " + body(LEAF).rstrip().replace("\n", "\n  ") + f"\n{END}\n",
    "blanks before BEGIN": f"  {A}",
    "form feeds at line ends": A.replace("\n", "\f\n"),
    "one long line": f"{BEGIN}\n{body(FIRST).replace(chr(10), '')}\n{END}\n{BEGIN}\n{body(LEAF).replace(chr(10), '')}\n{END}\n",
    "short lines": f"{BEGIN}\n" + "".join(f"{char}\n" for char in body(FIRST) if char != "\n") + f"{END}\n",
    "old label": A.replace("CERTIFICATE", "X509 CERTIFICATE"),
    "trusted, no settings": trusted(FIRST) + L,
    "trusted for servers": trusted(FIRST, [SERVER_AUTH]) + L,
    "other blocks": f"{CRL}{FIRST.key_pem}{A}{FIRST.key_pem}{L}",
    "unknown block": block(b"hello", "SOMETHING") + A,
    "unknown block, bad": "-----BEGIN SOMETHING-----\nhello!\n-----END SOMETHING-----\n" + A,
    "bad private key": block(b"hello", "RSA PRIVATE KEY") + A,
    "revocation list alone": CRL,
    "empty": "",
    "blank": " \n\n",
    "no BEGIN": body(FIRST) + END,
    "lower case": A.lower(),
    "empty line behind BEGIN": A.replace("-----\n", "-----\n\n", 1),
    "empty line within": A[:200] + "\n\n" + A[200:],
    "header": A.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\n", 1),
    "comment within": A[:92] + "\n# comment\n" + A[92:],
    "cut off": A + B[:300],
    "no END": A + L.replace(END, ""),
    "another END": A + L.replace(END, "-----END X509 CERTIFICATE-----"),
    "two on a line": A.rstrip("\n") + B,
    "text behind END": A.rstrip("\n") + "bye\n" + B,
    "text before BEGIN": "see " + A + B,
    "text before BEGIN, of a length that hides it from OpenSSL": "x" * 254 + A + B,
    "empty label": "-----BEGIN -----\n" + A,
    "almost BEGIN": "-----\n-----BEGIN\n-----BEGIN-----\n" + A,
    "not base64": A + L.replace("\nM", "\n!M", 1),
    "padding within": A + L.replace("\n", "=\n", 3),
    "padding within, in the place of three characters": A[:78] + "MAA=\n" + A[81:],
    "characters missing before padding": PADDED[:580] + PADDED[583:],
    "padding missing": f"{BEGIN}\nMAA\n{END}\n",
    "base64 of nothing": f"{A}{BEGIN}\n{END}\n",
    "base64 of something else": A + block(b"\x30\x03\x02\x01\x00"),
    "bytes behind the certificate": A + block(LEAF.der + b"\x00"),
    "certificate cut off": A + block(LEAF.der[:-1]),
    "length indefinite": A + block(b"\x30\x80" + LEAF.der[4:] + b"\x00\x00"),
    "NUL within": A[:100] + "\0" + A[100:] + B,
    "NUL between": A + "\0\n" + B,
    "NUL between, leaf": A + "\0\n" + L,
}


def openssl(**arguments: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(**arguments)
    return context


FRAGMENTS = [
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "\0",
    "\f",
    ":",
    "#",
    "=",
    "A",
    "-",
    BEGIN,
    END,
    BEGIN + "\n",
    END + "\n",
    "-----",
    "-----BEGIN ",
    "x" * 253,
    "x" * 254,
    "\ufeff",
    "MAA=\n",
    "a: b\n",
]


def junk(data: st.DataObject, blocks: list[str], mutate: bool = True) -> bytes:
    """Blocks and what may stand around and, if wanted, within them."""
    anything = st.one_of(st.sampled_from(blocks), st.sampled_from(FRAGMENTS), st.text(max_size=5))
    text = "".join(data.draw(st.lists(anything, max_size=8)))
    if mutate and text and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(text) - 1))
        text = text[:at] + data.draw(st.one_of(st.sampled_from(FRAGMENTS), st.just(""))) + text[at + data.draw(st.integers(0, 3)) :]
    return text.encode()


def write(folder: Path, text: str | bytes) -> str:
    path = folder / "file.pem"
    path.write_bytes(text.encode("ascii") if isinstance(text, str) else text)
    return str(path)
