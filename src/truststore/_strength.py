"""Keys and signatures by OpenSSL's security levels, for chains that the system has verified.

Systems have rules of their own for what is weak, and none of them knows the level of a context. So the chain that the system built is
checked again, as OpenSSL checks its own (check_auth_level() in crypto/x509/x509_vfy.c): the leaf's key (66), then, from the leaf
on, each issuer's key (67) and each signature (68). The signature of a root, which it made itself, vouches for nothing and is left out.

That last signature is left out where the certificate names itself as its issuer; OpenSSL leaves out any that is the last.

Strength is counted in bits of security. What is not in the tables, or cannot be read, has none: from level 1 on it is refused, as OpenSSL
refuses keys and signatures that it does not know. So a kind that a system learns before this table does needs level 0, or a line here.
"""

from __future__ import annotations

from ssl import OPENSSL_VERSION_INFO

from . import _der
from ._verify_codes import CA_KEY_TOO_WEAK, EE_KEY_TOO_WEAK, SIGNATURE_TOO_WEAK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Level:
    """What a security level asks for: bits of security; and of a key, as many bits of the modulus, of p, of the curve and of q."""

    __slots__ = ("curve", "dsa", "rsa", "security")

    def __init__(self, security: int, *, rsa: int, dsa: int, curve: int) -> None:
        self.security, self.rsa, self.dsa, self.curve = security, rsa, dsa, curve


#: The shortest moduli of RSA keys. Its documentation names those of 1.1.1; OpenSSL 3 reckons by NIST SP 800-56B (revision 2, appendix D)
#: and rounds to the next multiple of eight (ossl_ifc_ffc_compute_security_bits() in crypto/rsa/rsa_lib.c), whence these.
MODULI = (0, 920, 1963, 2671, 6947, 13914) if OPENSSL_VERSION_INFO >= (3,) else (0, 1024, 2048, 3072, 7680, 15360)
#: By number. Of DSA keys it takes the round numbers (BN_security_bits()), of curves the order's size.
LEVELS = (
    Level(0, rsa=MODULI[0], dsa=0, curve=0),
    Level(80, rsa=MODULI[1], dsa=1024, curve=160),
    Level(112, rsa=MODULI[2], dsa=2048, curve=224),
    Level(128, rsa=MODULI[3], dsa=3072, curve=256),
    Level(192, rsa=MODULI[4], dsa=7680, curve=384),
    Level(256, rsa=MODULI[5], dsa=15360, curve=512),
)

RSA, RSA_FOR_PSS = _der.oid("1.2.840.113549.1.1.1"), _der.oid("1.2.840.113549.1.1.10")
DSA, CURVE = _der.oid("1.2.840.10040.4.1"), _der.oid("1.2.840.10045.2.1")

MD5, SHA1, SHA224, SHA256, SHA384, SHA512 = 39, 63, 112, 128, 192, 256  # half of the digest, where nobody has done better


def _table(*rows: tuple[str, int]) -> dict[bytes, int]:
    return {_der.oid(dotted): bits for dotted, bits in rows}


#: Algorithms that are both a key's and a signature's: Ed25519, Ed448 (RFC 8410), ML-DSA (FIPS 204).
PURE = _table(
    ("1.3.101.112", 128),
    ("1.3.101.113", 224),
    ("2.16.840.1.101.3.4.3.17", 128),
    ("2.16.840.1.101.3.4.3.18", 192),
    ("2.16.840.1.101.3.4.3.19", 256),
)
#: RFC 3279, 4055, 5758; the arc of NIST: https://csrc.nist.gov/projects/computer-security-objects-register/algorithm-registration
SIGNATURES = {
    **PURE,
    **_table(
        ("1.2.840.113549.1.1.4", MD5),  # RSA
        ("1.2.840.113549.1.1.5", SHA1),
        ("1.2.840.113549.1.1.14", SHA224),
        ("1.2.840.113549.1.1.11", SHA256),
        ("1.2.840.113549.1.1.12", SHA384),
        ("1.2.840.113549.1.1.13", SHA512),
        ("1.2.840.10045.4.1", SHA1),  # ECDSA
        ("1.2.840.10045.4.3.1", SHA224),
        ("1.2.840.10045.4.3.2", SHA256),
        ("1.2.840.10045.4.3.3", SHA384),
        ("1.2.840.10045.4.3.4", SHA512),
        ("1.2.840.10040.4.3", SHA1),  # DSA
        # DSA, and with SHA-3 DSA, ECDSA and RSA
        *((f"2.16.840.1.101.3.4.3.{row}", bits) for row, bits in enumerate((SHA224, SHA256, SHA384, SHA512) * 4, 1)),
    ),
}
PSS_HASH = 0xA0  # RSASSA-PSS-params' [0]
#: Hashes that RSASSA-PSS names in its parameters (RFC 4055, 2.1).
HASHES = _table(
    ("1.2.840.113549.2.5", MD5),
    ("1.3.14.3.2.26", SHA1),
    ("2.16.840.1.101.3.4.2.4", SHA224),
    ("2.16.840.1.101.3.4.2.1", SHA256),
    ("2.16.840.1.101.3.4.2.2", SHA384),
    ("2.16.840.1.101.3.4.2.3", SHA512),
    *((f"2.16.840.1.101.3.4.2.{row}", bits) for row, bits in enumerate((SHA224, SHA256, SHA384, SHA512), 7)),  # SHA-3
)


def weakness(chain: Sequence[_der.Certificate], level: int) -> tuple[int, int] | None:
    """OpenSSL's code for what is too weak, and in which certificate; None: nothing is. `chain` ends with its root."""
    wanted = LEVELS[min(level, len(LEVELS) - 1)].security
    for index, certificate in enumerate(chain):
        if key_strength(certificate.public_key) < wanted:
            return (CA_KEY_TOO_WEAK if index else EE_KEY_TOO_WEAK), index
        is_root = index == len(chain) - 1 and certificate.subject == certificate.issuer
        if not is_root and signature_strength(certificate) < wanted:
            return SIGNATURE_TOO_WEAK, index
    return None


# --- keys


def key_strength(public_key: bytes) -> int:
    """In bits of security, of what a SubjectPublicKeyInfo holds."""
    try:
        (_, algorithm), (_, key) = _der.elements(public_key)
        kind, parameters = _der.algorithm(algorithm)
        return _key_strength(kind, parameters, key[1:])  # after the count of unused bits
    except (_der.Malformed, ValueError):
        return 0


def _key_strength(kind: bytes, parameters: tuple[int, bytes], key: bytes) -> int:
    if kind in (RSA, RSA_FOR_PSS):
        modulus, _ = _numbers(_der.only(key, _der.SEQUENCE))
        return _reached(rsa=modulus)
    if kind == DSA and parameters[0] == _der.SEQUENCE:
        p, q, _ = _numbers(parameters[1])
        return _reached(dsa=p, curve=q)
    if kind == CURVE and parameters[0] == _der.OID:  # a curve that is spelled out may be any
        return _reached(curve=_coordinate(key))
    return PURE.get(kind, 0)


def _numbers(content: bytes) -> list[int]:
    """The sizes of the integers in a SEQUENCE, in bits."""
    return [int.from_bytes(value, "big").bit_length() for _, value in _der.elements(content)]


def _coordinate(point: bytes) -> int:
    """The bits of one coordinate of a point (SEC 1, 2.3.3), compressed or not."""
    compressed = point[:1] in (b"\x02", b"\x03")
    return (len(point) - 1) * (8 if compressed else 4)


def _reached(**sizes: int) -> int:
    """The bits of security of the highest level that these sizes reach."""
    return max(level.security for level in LEVELS if all(size >= getattr(level, name) for name, size in sizes.items()))


# --- signatures


def signature_strength(certificate: _der.Certificate) -> int:
    """In bits of security. The algorithm stands in a certificate twice, and the weaker counts."""
    return min(map(_signature_strength, certificate.signature_algorithms))


def _signature_strength(identifier: bytes) -> int:
    try:
        kind, (_, parameters) = _der.algorithm(identifier)
        return _of_hash(parameters) if kind == RSA_FOR_PSS else SIGNATURES.get(kind, 0)
    except _der.Malformed:
        return 0


def _of_hash(parameters: bytes) -> int:
    """Of RSASSA-PSS-params, whose [0] is the hash; without it that is SHA-1."""
    hashes = [content for tag, content in _der.elements(parameters) if tag == PSS_HASH]
    return min((HASHES.get(_der.algorithm(_der.only(one, _der.SEQUENCE))[0], 0) for one in hashes), default=SHA1)
