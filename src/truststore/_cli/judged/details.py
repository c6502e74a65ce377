"""More of what a certificate says, in words. Nothing here decides anything; what cannot be read is left out."""

from __future__ import annotations

import hashlib
import socket
from datetime import datetime, timezone
from typing import NamedTuple

from ... import _der
from ..._der import oid
from .. import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: Keys, by their algorithm: what they are called. Of some the parameters say more (RFC 3279, 5480, 8410, 9881).
KEYS = {
    oid("1.2.840.113549.1.1.1"): "RSA",
    oid("1.2.840.113549.1.1.10"): "RSA-PSS",
    oid("1.2.840.10040.4.1"): "DSA",
    oid("1.3.101.112"): "Ed25519",
    oid("1.3.101.113"): "Ed448",
    oid("2.16.840.1.101.3.4.3.17"): "ML-DSA-44",
    oid("2.16.840.1.101.3.4.3.18"): "ML-DSA-65",
    oid("2.16.840.1.101.3.4.3.19"): "ML-DSA-87",
}
ELLIPTIC_CURVE = oid("1.2.840.10045.2.1")
CURVES = {
    oid("1.2.840.10045.3.1.1"): "P-192",
    oid("1.3.132.0.33"): "P-224",
    oid("1.2.840.10045.3.1.7"): "P-256",
    oid("1.3.132.0.34"): "P-384",
    oid("1.3.132.0.35"): "P-521",
    oid("1.3.132.0.10"): "secp256k1",
}
#: Signatures that are no longer trusted.
WEAK_SIGNATURES = {
    oid("1.2.840.113549.1.1.4"): "MD5",
    oid("1.2.840.113549.1.1.5"): "SHA-1",
    oid("1.2.840.10045.4.1"): "SHA-1",
}
PURPOSES = {
    oid("1.3.6.1.5.5.7.3.1"): "servers",
    oid("1.3.6.1.5.5.7.3.2"): "clients",
    oid("1.3.6.1.5.5.7.3.3"): "code signing",
    oid("1.3.6.1.5.5.7.3.4"): "e-mail",
    oid("1.3.6.1.5.5.7.3.8"): "time stamps",
    oid("1.3.6.1.5.5.7.3.9"): "OCSP",
    oid("2.5.29.37.0"): "anything",
}
FOR_SERVERS, FOR_ANYTHING = oid("1.3.6.1.5.5.7.3.1"), oid("2.5.29.37.0")
#: Extensions (RFC 5280, RFC 6962).
SUBJECT_KEY, AUTHORITY_KEY, KEY_USAGE, BASIC_CONSTRAINTS = oid("2.5.29.14"), oid("2.5.29.35"), oid("2.5.29.15"), oid("2.5.29.19")
AUTHORITY_INFORMATION, TIMESTAMPS = oid("1.3.6.1.5.5.7.1.1"), oid("1.3.6.1.4.1.11129.2.4.2")
ISSUERS_CERTIFICATE, URL = oid("1.3.6.1.5.5.7.48.2"), 0x86


class Extension(NamedTuple):
    """Of a certificate."""

    critical: bool
    content: bytes


class Details:
    """Of one certificate. Raises `_der.Malformed` if it cannot be read."""

    def __init__(self, der: bytes) -> None:
        self.der = der
        self.certificate = _der.Certificate(der)
        self.subject, self.issuer = _der.name(self.certificate.subject), _der.name(self.certificate.issuer)
        self.begins, self.ends = _moment(self.certificate.not_before), _moment(self.certificate.not_after)

    @property
    def sha256(self) -> str:
        """Of the whole certificate, in lower case."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def names_itself(self) -> bool:
        """Whether it says that it was issued by itself."""
        return self.certificate.subject == self.certificate.issuer

    @property
    def names(self) -> list[str]:
        """The names and addresses that it is for."""
        try:
            addresses = [
                socket.inet_ntop(socket.AF_INET6 if len(each) == 16 else socket.AF_INET, each) for each in self._addresses()
            ]
            return [*self.certificate.dns_names, *addresses]
        except _der.Malformed:
            return []

    def _addresses(self) -> list[bytes]:
        return [each for each in self.certificate.addresses if len(each) in (4, 16)]

    @property
    def key(self) -> str:
        """Its kind of key, and how large it is."""
        try:
            return _key(self.certificate.public_key)
        except (_der.Malformed, ValueError):
            return "a key that cannot be read"

    @property
    def weak_signature(self) -> str | None:
        """What is weak about its signature, which is its issuer's."""
        try:
            algorithm = list(_der.elements(next(_der.elements(self.der))[1]))[1][1]
            return WEAK_SIGNATURES.get(next(_der.elements(algorithm))[1])
        except (_der.Malformed, IndexError, StopIteration):
            return None

    @property
    def purposes(self) -> list[str]:
        """What it is for and nothing else; none: that is not said."""
        try:
            return sorted(PURPOSES.get(each, "others") for each in self.certificate.purposes)
        except _der.Malformed:
            return []

    @property
    def is_for_servers(self) -> bool:
        """Whether it says so, or says nothing."""
        try:
            said = self.certificate.purposes
        except _der.Malformed:
            return False
        return not said or FOR_SERVERS in said or FOR_ANYTHING in said

    @property
    def extensions(self) -> Mapping[bytes, Extension]:
        """By their identifiers."""
        try:
            return {
                fields[0][1]: Extension(len(fields) > 2, fields[-1][1])
                for fields in self._fields_of_extensions()
                if len(fields) > 1
            }
        except _der.Malformed:
            return {}

    def _fields_of_extensions(self) -> list[list[tuple[int, bytes]]]:
        content = next((content for tag, content in _fields(self.der) if tag == _der.EXTENSIONS), b"")
        listed = [each for _, sequence in _der.elements(content) for each in _der.elements(sequence)]
        return [list(_der.elements(extension)) for _, extension in listed]

    @property
    def is_by_public_authority(self) -> bool:
        """Whether it carries timestamps of logs, which public authorities put into all that they issue for servers (RFC 6962)."""
        return TIMESTAMPS in self.extensions

    @property
    def issuer_url(self) -> str | None:
        """Where its issuer's certificate can be downloaded, as it says."""
        extension = self.extensions.get(AUTHORITY_INFORMATION)
        try:
            [(_, places)] = _der.elements(extension.content if extension else b"")
            for _, place in _der.elements(places):
                method, location = _der.elements(place)
                if method[1] == ISSUERS_CERTIFICATE and location[0] == URL:
                    return say.shown(location[1].decode("latin-1"))
        except (_der.Malformed, ValueError):
            return None
        return None


def read(der: bytes) -> Details | None:
    """The details, if it can be read."""
    try:
        return Details(der)
    except ValueError:  # _der.Malformed, and days that no calendar has
        return None


def _fields(der: bytes) -> list[tuple[int, bytes]]:
    """Of a TBSCertificate."""
    [(_, parts)] = _der.elements(der)
    return list(_der.elements(next(_der.elements(parts))[1]))


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)


def _key(public_key: bytes) -> str:
    (_, algorithm), (_, bits) = _der.elements(public_key)
    (_, kind), *parameters = _der.elements(algorithm)
    if kind == ELLIPTIC_CURVE:
        return f"EC {CURVES.get(parameters[0][1], 'of a curve without a name here')}" if parameters else "EC"
    name = KEYS.get(kind, "a key of an unknown kind")
    if not name.startswith("RSA"):
        return name
    [(_, numbers)] = _der.elements(bits[1:])
    modulus = next(_der.elements(numbers))[1]
    return f"{name} {int.from_bytes(modulus, 'big').bit_length()}"


# -- time -------------------------------------------------------------------------------------------------------------------------


def now() -> datetime:
    """By this machine's clock."""
    return datetime.now(timezone.utc).replace(microsecond=0)


UNITS = (("year", 365 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def span(seconds: float) -> str:
    """A length of time, in the largest unit that it has two of, or one."""
    for unit, size in UNITS:
        count = int(seconds // size)
        if count >= 2 or (count == 1 and unit == "second"):
            return f"{count} {unit}{'s' * (count != 1)}"
    return "no time"


def life(details: Details, moment: datetime) -> str:
    """From when to when it is valid, and how long is left."""
    dates = f"{details.begins:%Y-%m-%d} to {details.ends:%Y-%m-%d}"
    if moment > details.ends:
        return f"{dates}, EXPIRED {span((moment - details.ends).total_seconds())} ago"
    if moment < details.begins:
        return f"{dates}, NOT YET VALID for {span((details.begins - moment).total_seconds())}"
    return f"{dates}, {span((details.ends - moment).total_seconds())} left"
