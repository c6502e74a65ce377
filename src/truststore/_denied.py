"""Authorities that CPython always refuses: a deny list of public keys in `_ssl` (gh-160040, from 3.14.10 and 3.15.2 on).

OpenSSL's verification looks there, and refuses with X509_V_ERR_CERT_REJECTED; nothing else does, and nothing tells what is on the list.
So where the system verifies, OpenSSL is asked about each authority of the chain that the system built, or rather about a certificate made
for its key: one that is its own anchor, for any purpose and at any time, to which nobody objects but for the key. What the authority's
own certificate says would count, too, and could hide the answer.

It takes half a millisecond, once per authority, and a Python that has no list is asked but once: about a key that has been there from
the first. A key that OpenSSL cannot read is on no list of its.
"""

from __future__ import annotations

from _thread import allocate_lock
from functools import lru_cache
from ssl import SSLCertVerificationError, SSLError

from . import _der
from ._first_flight import verified_chain
from ._stdlib import PARTIAL_CHAIN, plain_context
from ._verify_codes import REJECTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: SubjectPublicKeyInfo's content: that of an intermediate authority of eMudhra's, which CPython's own test of the list uses.
LISTED = bytes.fromhex(
    "301006072a8648ce3d020106052b8104002203620004138251cd52ac9298c1c8aad977321deb97e709bd0b4ca0aca55dc8ad51dcfc9d1589a1597e3a5120e1ef"
    "d631c63e1835cacae29869a62e1631e8a28181ab56616dc45d918abc09f3ab0e63cf792aa4dced7387be37bba569549f1c02b270ed67"
)


def denied_in(chain: Sequence[bytes]) -> str | None:
    """The name of the first authority of this chain that CPython refuses; what is its own authority is one.

    Raises `Malformed` for what is no certificate.
    """
    for authority in chain[1:] or chain:
        if _is_denied(authority):
            return _der.name(_der.Certificate(authority).subject)
    return None


@lru_cache(maxsize=128)
def _is_denied(authority: bytes) -> bool:
    return _has_list() and _is_on_list(_der.Certificate(authority).public_key)


@lru_cache(maxsize=1)
def _has_list() -> bool:
    return _is_on_list(LISTED)


def _is_on_list(key: bytes) -> bool:
    certificate = _certificate_for(key)
    context = plain_context(0)
    try:
        context.load_verify_locations(cadata=certificate)
        verified_chain(context, allocate_lock(), (certificate,), None, PARTIAL_CHAIN, 0)
    except SSLCertVerificationError as error:
        return error.verify_code == REJECTED
    except SSLError:
        return False
    return False


# -- a certificate that holds nothing but a key -------------------------------------------------------------------------------------

UTF8_STRING, COMMON_NAME = 0x0C, bytes.fromhex("550403")
#: ecdsa-with-SHA256. There is no signature: OpenSSL verifies none of an anchor.
ALGORITHM = bytes.fromhex("300a06082a8648ce3d040302")
SERIAL_NUMBER, UNSIGNED = b"\x02\x01\x01", b"\x03\x01\x00"
ALWAYS = b"\x17\x0d500101000000Z\x18\x0f99991231235959Z"


def _certificate_for(key: bytes) -> bytes:
    validity, public_key = _sequence(ALWAYS), _sequence(key)
    to_be_signed = _sequence(SERIAL_NUMBER, ALGORITHM, _name(b"issuer"), validity, _name(b"subject"), public_key)
    return _sequence(to_be_signed, ALGORITHM, UNSIGNED)


def _name(text: bytes) -> bytes:
    attribute = _sequence(_element(_der.OID, COMMON_NAME), _element(UTF8_STRING, text))
    return _sequence(_element(_der.SET, attribute))


def _sequence(*elements: bytes) -> bytes:
    return _element(_der.SEQUENCE, b"".join(elements))


def _element(tag: int, content: bytes) -> bytes:
    """DER: a length from 128 on comes after the number of its bytes."""
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (length if len(content) < 0x80 else bytes([0x80 | len(length)]) + length) + content
