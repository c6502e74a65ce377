"""The certificate factory of all tests.

    root = Authority.new()
    intermediate = root.authority(path_length=0)
    leaf = intermediate.issue("www.example.test", "127.0.0.1")
    leaf.chain                  # as a server sends it: leaf and intermediates, without the root
    leaf.server_context()       # an ssl.SSLContext that serves it

Defaults are what every platform accepts from a private authority: RSA-2048 and SHA-256, serverAuth, valid since yesterday for 397
days (Apple takes at most 398 from a root of its own, 825 from others). No two authorities share a name or a key (unless told to),
since Windows remembers the ones it has met and finds issuers by either; leaves of one kind share theirs, since making keys is slow.

`Profile` lists everything that can be wrong with a certificate.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import ipaddress
import os
import secrets
import ssl
import tempfile
import warnings
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    from cryptography.hazmat.primitives.asymmetric import mldsa

    #: Keys whose signatures name no hash.
    Pure: TypeAlias = ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey | mldsa.MLDSA65PrivateKey
    #: An x25519.X25519PrivateKey, which cannot sign, is typed as one that can.
    Key: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey | Pure

#: The clock of all certificates: one moment for the whole process.
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)

SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING
ANY_PURPOSE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE

KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
FOR_AUTHORITIES = ("digital_signature", "key_cert_sign", "crl_sign")
FOR_SERVERS = ("digital_signature", "key_encipherment")

#: An extension that nobody knows, under the arc for examples.
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.1"), b"\x05\x00")

#: Signatures that `cryptography` no longer makes (last byte of the OID in 1.2.840.113549.1.1).
SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")
SHA256_WITH_RSA_SIGNATURE = b"\x30\x0d" + SHA256_WITH_RSA + b"\x05\x00"
#: What a key is for: any algorithm of RSA, or RSA-PSS alone.
RSA_KEY, PSS_KEY = bytes.fromhex("300d06092a864886f70d0101010500"), bytes.fromhex("300b06092a864886f70d01010a")
OBSOLETE: dict[str, tuple[bytes, hashes.HashAlgorithm]] = {
    "md5": (bytes.fromhex("06092a864886f70d010104"), hashes.MD5()),
    "sha1": (bytes.fromhex("06092a864886f70d010105"), hashes.SHA1()),
}
MODERN: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def _mldsa65() -> Key:
    from cryptography.hazmat.primitives.asymmetric import mldsa  # older versions of `cryptography` have none

    return mldsa.MLDSA65PrivateKey.generate()


KEYS: dict[str, Callable[[], Key]] = {
    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa3072": lambda: rsa.generate_private_key(65537, 3072),
    "p192": lambda: ec.generate_private_key(ec.SECP192R1()),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "brainpool256": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
    "dsa2048": lambda: dsa.generate_private_key(2048),
    "mldsa65": _mldsa65,
    "x25519": x25519.X25519PrivateKey.generate,  # type: ignore[dict-item]  # agrees on secrets, and signs nothing
}


@dataclasses.dataclass(frozen=True)
class Profile:
    """What a certificate says. None leaves the extension out."""

    names: Sequence[str | x509.GeneralName] = ()
    #: The subject's CN; authorities get one that is unique.
    common_name: str | None = None
    #: The whole subject, for names that no sane authority would write.
    subject: x509.Name | None = None
    key: str = "rsa2048"
    #: Of its issuer's signature: sha256, sha384, sha512, sha1, md5; sha256-pss for RSA-PSS.
    hash: str = "sha256"
    #: In days from now.
    starts: float = -1
    ends: float = 396
    purposes: Sequence[x509.ObjectIdentifier] | None = None
    key_usage: Sequence[str] | None = None
    #: Basic constraints.
    ca: bool | None = None
    path_length: int | None = None
    #: Name constraints.
    permitted: Sequence[str] = ()
    excluded: Sequence[str] = ()
    #: A critical extension that nobody knows.
    unknown_critical: bool = False
    #: Where to fetch the issuer's certificate, and its revocation list.
    issuer_url: str | None = None
    crl_url: str | None = None
    #: Subject and authority key identifiers.
    identifiers: bool = True


SERVER = Profile(purposes=(SERVER_AUTH,), key_usage=FOR_SERVERS, ca=False)
AUTHORITY = Profile(key_usage=FOR_AUTHORITIES, ca=True)


class Certificate:
    """A certificate, its private key, and who issued it (None: itself)."""

    def __init__(self, der: bytes, key: Key | None = None, issuer: Authority | None = None) -> None:
        self.der, self.key, self.issuer = der, key, issuer

    @functools.cached_property
    def parsed(self) -> x509.Certificate:
        """As `cryptography` reads it."""
        return x509.load_der_x509_certificate(self.der)

    @property
    def pem(self) -> str:
        return ssl.DER_cert_to_PEM_cert(self.der)

    @property
    def key_pem(self) -> str:
        assert self.key is not None, "a certificate without a private key"
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(encoding, form, serialization.NoEncryption()).decode()

    @property
    def chain(self) -> tuple[Certificate, ...]:
        """As a server sends it: this one and the intermediates, without the root."""
        return (self, *self.issuer.chain) if self.issuer else ()

    @property
    def root(self) -> Certificate:
        return self.issuer.root if self.issuer else self

    def with_bad_signature(self) -> Certificate:
        """The same, with the last bit of its signature wrong."""
        return Certificate(self.der[:-1] + bytes([self.der[-1] ^ 1]), self.key, self.issuer)

    def for_pss(self) -> Certificate:
        """The same, for a key that signs by RSA-PSS alone (RFC 4055, 1.2). It and its issuer's key are RSA."""
        assert self.issuer and isinstance(self.issuer.key, rsa.RSAPrivateKey)
        signed = _rewritten(self.parsed.tbs_certificate_bytes, RSA_KEY, PSS_KEY)
        signature = self.issuer.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        der = _element(0x30, signed + SHA256_WITH_RSA_SIGNATURE + _element(3, b"\0" + signature))
        return CertificateForPss(der, self.key, self.issuer)

    def server_context(self, chain: Sequence[Certificate] = ()) -> ssl.SSLContext:
        """A context that serves this certificate, or exactly `chain`; however weak."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        descriptor, path = tempfile.mkstemp(suffix=".pem")
        try:
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(self.chain_and_key(chain))
            context.load_cert_chain(path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(path)
        return context

    def chain_and_key(self, chain: Sequence[Certificate] = ()) -> str:
        """What a certificate file for a server holds: private key, certificate, intermediates."""
        return self.key_pem + pem_file(chain or self.chain or [self])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.parsed.subject.rfc4514_string()}>"


class CertificateForPss(Certificate):
    """Its key signs by RSA-PSS alone."""

    @property
    def key_pem(self) -> str:
        assert self.key is not None, "a certificate without a private key"
        encoding, form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
        der = _rewritten(self.key.private_bytes(encoding, form, serialization.NoEncryption()), RSA_KEY, PSS_KEY)
        return ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", "PRIVATE KEY")


class Authority(Certificate):
    """A certificate that issues others."""

    @classmethod
    def new(cls, name: str = "Root", *, private_key: Key | None = None, **profile: Any) -> Authority:
        """A self-signed authority. `private_key`: an existing one, for two roots that share it."""
        wanted = _authority_profile(name, profile)
        key = private_key or KEYS[wanted.key]()
        return cls(_certificate(wanted, key, None), key, None)

    def authority(self, name: str = "Intermediate", *, private_key: Key | None = None, **profile: Any) -> Authority:
        """An intermediate that this one issues."""
        wanted = _authority_profile(name, profile)
        key = private_key or KEYS[wanted.key]()
        return Authority(_certificate(wanted, key, self), key, self)

    def issue(self, *names: str | x509.GeneralName, **profile: Any) -> Certificate:
        """A server's certificate. Names that read as addresses become iPAddress, other text dNSName."""
        wanted = dataclasses.replace(SERVER, names=names, **profile)
        key = _leaf_key(wanted.key)
        return Certificate(_certificate(wanted, key, self), key, self)

    def crl(self, *revoked: Certificate, starts: float = -1, ends: float = 30) -> bytes:
        """A list of revoked certificates (DER), possibly empty."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.parsed.subject)
        builder = builder.last_update(NOW + datetime.timedelta(starts)).next_update(NOW + datetime.timedelta(ends))
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._private_key.public_key())
        builder = builder.add_extension(identifier, critical=False).add_extension(x509.CRLNumber(1), critical=False)
        for certificate in revoked:
            serial = certificate.parsed.serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW + datetime.timedelta(-1)).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self._private_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    @property
    def _private_key(self) -> Key:
        assert self.key is not None, "an authority without a private key"
        return self.key


def self_signed(*names: str | x509.GeneralName, **profile: Any) -> Certificate:
    """A server's certificate that vouches for itself. Its key is its own."""
    wanted = dataclasses.replace(SERVER, names=names, **profile)
    if wanted.subject is None and wanted.common_name is None:
        wanted = dataclasses.replace(wanted, common_name=_unique("Self-signed"))
    key = KEYS[wanted.key]()
    return Certificate(_certificate(wanted, key, None), key, None)


def pem_file(certificates: Iterable[Certificate]) -> str:
    return "".join(certificate.pem for certificate in certificates)


@functools.cache
def _leaf_key(kind: str) -> Key:
    return KEYS[kind]()


def _unique(name: str) -> str:
    return f"{name} {secrets.token_hex(6)}"


def _authority_profile(name: str, profile: dict[str, Any]) -> Profile:
    return dataclasses.replace(AUTHORITY, **{"common_name": _unique(name), **profile})


def _certificate(profile: Profile, key: Key, issuer: Authority | None) -> bytes:
    subject = profile.subject if profile.subject is not None else _subject(profile)
    signer = issuer._private_key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.parsed.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + datetime.timedelta(profile.starts))
        .not_valid_after(NOW + datetime.timedelta(profile.ends))
    )
    for extension, critical in _extensions(profile, key, signer):
        builder = builder.add_extension(extension, critical)
    return _sign(builder, signer, profile.hash)


def _sign(builder: x509.CertificateBuilder, signer: Key, algorithm: str) -> bytes:
    """Sign; for MD5 and SHA-1, which `cryptography` refuses, write the algorithm and the signature into the finished DER."""
    if isinstance(signer, ec.EllipticCurvePrivateKey):
        return _sign_at_full_length(builder, signer, algorithm)
    if not isinstance(signer, (rsa.RSAPrivateKey, dsa.DSAPrivateKey)):  # keys whose signatures name no hash
        return builder.sign(signer, None).public_bytes(serialization.Encoding.DER)
    if algorithm == "sha256-pss":
        assert isinstance(signer, rsa.RSAPrivateKey)
        rsa_padding = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
        return builder.sign(signer, hashes.SHA256(), rsa_padding=rsa_padding).public_bytes(serialization.Encoding.DER)
    if algorithm not in OBSOLETE:
        return builder.sign(signer, MODERN[algorithm]).public_bytes(serialization.Encoding.DER)
    assert isinstance(signer, rsa.RSAPrivateKey)
    identifier, obsolete = OBSOLETE[algorithm]
    modern = builder.sign(signer, hashes.SHA256())
    der = modern.public_bytes(serialization.Encoding.DER).replace(SHA256_WITH_RSA, identifier)
    signed = modern.tbs_certificate_bytes.replace(SHA256_WITH_RSA, identifier)
    return der.replace(modern.signature, signer.sign(signed, padding.PKCS1v15(), obsolete))


def _rewritten(der: bytes, old: bytes, new: bytes) -> bytes:
    """With `new` for each element that is `old`, and the lengths around it put right."""
    written = b""
    while der:
        start = 2 + (der[1] & 0x7F if der[1] & 0x80 else 0)
        end = start + (int.from_bytes(der[2:start], "big") if der[1] & 0x80 else der[1])
        element, der = der[:end], der[end:]
        constructed = element[0] & 0x20 and element != old
        written += _element(element[0], _rewritten(element[start:], old, new)) if constructed else element.replace(old, new)
    return written


def _element(tag: int, content: bytes) -> bytes:
    """DER."""
    size = len(content)
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([size]) if size < 0x80 else bytes([0x80 | len(length)]) + length) + content


def _sign_at_full_length(builder: x509.CertificateBuilder, signer: ec.EllipticCurvePrivateKey, algorithm: str) -> bytes:
    """Sign until no number of the signature begins with a zero byte: Wine 8 takes such for broken, once in two hundred."""
    size = (signer.key_size + 7) // 8
    while True:
        certificate = builder.sign(signer, MODERN[algorithm])
        if all((number.bit_length() + 7) // 8 == size for number in decode_dss_signature(certificate.signature)):
            return certificate.public_bytes(serialization.Encoding.DER)


def _subject(profile: Profile) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "truststore tests")]
    if profile.common_name is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # more than 64 characters are meant
            attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, profile.common_name, _validate=False))
    return x509.Name(attributes)


def _extensions(profile: Profile, key: Key, signer: Key) -> Iterable[tuple[x509.ExtensionType, bool]]:
    if profile.ca is not None:
        yield x509.BasicConstraints(profile.ca, profile.path_length), True
    if profile.names:
        yield x509.SubjectAlternativeName([_general_name(name) for name in profile.names]), False
    if profile.purposes is not None:
        yield x509.ExtendedKeyUsage(profile.purposes), False
    if profile.key_usage is not None:
        yield x509.KeyUsage(**{usage: usage in profile.key_usage for usage in KEY_USAGES}), True
    if profile.permitted or profile.excluded:
        permitted, excluded = ([_subtree(name) for name in names] or None for names in (profile.permitted, profile.excluded))
        yield x509.NameConstraints(permitted, excluded), True
    if profile.unknown_critical:
        yield UNKNOWN, True
    if profile.issuer_url:
        location = x509.UniformResourceIdentifier(profile.issuer_url)
        yield x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, location)]), False
    if profile.crl_url:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(profile.crl_url)], None, None, None)
        yield x509.CRLDistributionPoints([point]), False
    if profile.identifiers:
        yield x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
        yield x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False


def _general_name(name: str | x509.GeneralName) -> x509.GeneralName:
    if isinstance(name, x509.GeneralName):
        return name
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _subtree(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_network(name))
    except ValueError:
        return x509.DNSName(name)
