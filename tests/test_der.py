"""What is read from certificates, against what `cryptography` reads; and that nothing a peer can send gets beyond `Malformed`."""

from __future__ import annotations

import contextlib
import datetime
import functools
import re
import ssl
import unicodedata
from typing import TYPE_CHECKING, Any

import cases
import pytest
from certificates import SERVER_AUTH, Authority, self_signed
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from many import examples
from properties import given, settings, st

from truststore import _der

if TYPE_CHECKING:
    from collections.abc import Callable

#: Names of attributes as _der writes them, by OID.
KEYS = {
    NameOID.COMMON_NAME: "CN",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COUNTRY_NAME: "C",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.EMAIL_ADDRESS: "emailAddress",
}


@functools.cache
def public_roots() -> list[bytes]:
    certifi = pytest.importorskip("certifi", reason="certifi is not installed")
    with open(certifi.where(), encoding="utf-8") as file:
        blocks = re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", file.read(), re.DOTALL)
    return [ssl.PEM_cert_to_DER_cert(block) for block in blocks]


@functools.cache
def of_the_table() -> list[bytes]:
    return list({der for case in cases.CASES for der in case.world().ders})


def assert_read_alike(der: bytes) -> None:
    ours, theirs = _der.Certificate(der), x509.load_der_x509_certificate(der)
    assert ours.not_before == _text(theirs.not_valid_before_utc)
    assert ours.not_after == _text(theirs.not_valid_after_utc)
    assert b"\x30" + _length(ours.subject) + ours.subject == theirs.subject.public_bytes()
    assert b"\x30" + _length(ours.issuer) + ours.issuer == theirs.issuer.public_bytes()
    assert _der.name(ours.subject) == _name(theirs.subject)
    assert _der.name(ours.issuer) == _name(theirs.issuer)
    assert ours.dns_names == _alternative_names(theirs, x509.DNSName)
    assert ours.addresses == [address.packed for address in _alternative_names(theirs, x509.IPAddress)]


def _text(moment: datetime.datetime) -> str:
    return moment.strftime("%Y%m%d%H%M%SZ")


def _length(content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([len(content)])
    size = (len(content).bit_length() + 7) // 8
    return bytes([0x80 | size]) + len(content).to_bytes(size, "big")


def _name(name: x509.Name) -> str:
    parts = []
    for attribute in name:
        key = KEYS.get(attribute.oid) or "OID." + _encoded(attribute.oid).hex()
        parts.append(f"{key}={attribute.value!s}")
    return ", ".join(parts) or "(no name)"


def _encoded(oid: x509.ObjectIdentifier) -> bytes:
    """X.690, 8.19."""
    first, second, *others = map(int, oid.dotted_string.split("."))
    encoded = bytearray()
    for number in (40 * first + second, *others):
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(number & 0x7F | 0x80)
        encoded += bytes(reversed(digits))
    return bytes(encoded)


def _alternative_names(certificate: x509.Certificate, kind: type) -> list:  # type: ignore[type-arg]
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return extension.value.get_values_for_type(kind)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")  # serial numbers that are not positive
def test_public_roots() -> None:
    assert len(public_roots()) > 100
    for der in public_roots():
        assert_read_alike(der)


@pytest.mark.filterwarnings("ignore:Attribute's length")  # one common name has 2000 characters
def test_certificates_of_the_table() -> None:
    assert len(of_the_table()) > 150
    for der in of_the_table():
        assert_read_alike(der)


@pytest.mark.parametrize("year", [1951, 1999, 2000, 2049, 2050, 2999])
def test_times(year: int) -> None:
    """UTCTime to 2049, GeneralizedTime from 2050 (RFC 5280, 4.1.2.5)."""
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Time")])
    moment = datetime.datetime(year, 2, 3, 4, 5, 6)  # noqa: DTZ001 - naive means UTC there
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, moment, moment.replace(month=12))
    certificate = _der.Certificate(builder.sign(key, None).public_bytes(Encoding.DER))
    assert (certificate.not_before, certificate.not_after) == (f"{year}0203040506Z", f"{year}1203040506Z")


def test_first_version_has_no_extensions() -> None:
    """X.509 v1, as some old roots are: no version field, no extension."""
    modern = _der.elements(self_signed("www.example.test").der)
    ((_, outer),) = modern
    body, *signature = _der.elements(outer)
    fields = [element for element in _der.elements(body[1]) if element[0] not in (_der.VERSION, _der.EXTENSIONS)]
    old = _der.Certificate(tlv(0x30, tlv(0x30, *fields), *signature))
    assert (old.dns_names, old.addresses) == ([], [])
    assert _der.name(old.subject).startswith("O=truststore tests, CN=Self-signed ")


def tlv(tag: int, *parts: bytes | tuple[int, bytes]) -> bytes:
    """An element of these parts, each an element itself, encoded or as (tag, content)."""
    content = b"".join(part if isinstance(part, bytes) else tlv(part[0], part[1]) for part in parts)
    return bytes([tag]) + _length(content) + content


# Names as text: the peer chooses every character. -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "encoding"),
    [
        (_ASN1Type.UTF8String, "utf-8"),
        (_ASN1Type.BMPString, "utf-16-be"),
        (_ASN1Type.UniversalString, "utf-32-be"),
        (_ASN1Type.PrintableString, "ascii"),
        (_ASN1Type.IA5String, "ascii"),
        (_ASN1Type.T61String, "latin-1"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_string_types(kind: _ASN1Type, encoding: str) -> None:
    text = "Root" if encoding == "ascii" else "R\u00f6\u00f6t"
    assert _der.name(common_name(kind.value, text.encode(encoding))) == f"CN={text}"


def common_name(tag: int, value: bytes) -> bytes:
    return tlv(0x31, tlv(0x30, tlv(0x06, bytes.fromhex("550403")), tlv(tag, value)))


def test_two_attributes_in_one_set() -> None:
    both = [tlv(0x30, tlv(0x06, bytes.fromhex(oid)), tlv(0x0C, value)) for oid, value in (("550403", b"a"), ("55040a", b"b"))]
    assert _der.name(tlv(0x31, *both)) == "CN=a, O=b"


def test_empty_name() -> None:
    assert _der.name(b"") == "(no name)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\r\nb", r"a\r\nb"),
        ("a\0b", r"a\x00b"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2028", r"\u2028"),
        ("\U000e0041", r"\U000e0041"),
        ("it's", "it's"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert _der.name(common_name(0x0C, text.encode())) == f"CN={shown}"


@given(st.binary(max_size=40), st.sampled_from([0x0C, 0x13, 0x14, 0x16, 0x1C, 0x1E, 0x02]))
def test_any_text_is_printable(value: bytes, tag: int) -> None:
    text = _der.name(common_name(tag, value))
    assert text.startswith("CN=")
    assert not [char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


# Whatever is not well-formed is `Malformed`, and nothing else. -------------------------------------------------------


def read_everything(der: bytes) -> None:
    certificate = _der.Certificate(der)
    questions: list[Callable[[], object]] = [
        lambda: _der.name(certificate.subject),
        lambda: _der.name(certificate.issuer),
        lambda: certificate.dns_names,
        lambda: certificate.addresses,
        lambda: certificate.purposes,
    ]
    for question in questions:
        with contextlib.suppress(_der.Malformed):
            assert question() is not None


@given(st.binary(max_size=200))
def test_noise(noise: bytes) -> None:
    with contextlib.suppress(_der.Malformed):
        read_everything(noise)


@settings(max_examples=examples(1000), deadline=None)
@given(st.data())
def test_damaged_certificates(data: st.DataObject) -> None:
    der = bytearray(data.draw(st.sampled_from(of_the_table())))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(der) - 1))
        der[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with contextlib.suppress(_der.Malformed):
        read_everything(bytes(der))


trees = st.recursive(
    st.tuples(st.sampled_from([0x02, 0x06, 0x0C, 0x17, 0x18, 0x82, 0x87]), st.binary(max_size=8)),
    lambda children: st.tuples(st.sampled_from([0x30, 0x31, 0xA0, 0xA3, 0x04]), st.lists(children, max_size=8)),
    max_leaves=30,
)


def encode(tree: tuple[int, Any]) -> bytes:
    tag, content = tree
    return tlv(tag, content if isinstance(content, bytes) else b"".join(map(encode, content)))


@given(trees)
def test_other_structures(tree: tuple[int, Any]) -> None:
    with contextlib.suppress(_der.Malformed):
        read_everything(encode(tree))
    with contextlib.suppress(_der.Malformed):
        assert _der.name(encode(tree))


def test_cut_off() -> None:
    der = self_signed("www.example.test").der
    for length in range(len(der)):
        with pytest.raises(_der.Malformed):
            _der.Certificate(der[:length])


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"", "not a single element"),
        (b"\x30", "truncated element"),
        (b"\x3f\x81\x01\x00", "a tag of several bytes"),
        (b"\x30\x80\x00\x00", "indefinite"),
        (b"\x30\x85\x00\x00\x00\x00\x00", "too long"),
        (b"\x30\x82\x01", "truncated"),
        (b"\x30\x05\x02\x01\x00", "ends after its container"),
        (b"\x30\x00\x30\x00", "not a single element"),
        (b"\x31\x00", "not a single element"),
        (b"\x30\x00", "not a certificate"),
        (tlv(0x30, tlv(0x30), tlv(0x30), tlv(0x03)), "mandatory fields"),
    ],
)
def test_reasons(bad: bytes, why: str) -> None:
    with pytest.raises(_der.Malformed, match=why):
        _der.Certificate(bad)


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (0x17, b"2601020304Z"),  # without seconds
        (0x17, b"20260102030405Z"),
        (0x17, b"2601020304+0100"),
        (0x17, b"A60102030405Z"),
        (0x18, b"20260102030405.5Z"),
        (0x18, b"20260102030405"),
        (0x18, "2026010203040\u00b2Z".encode("latin-1")),
        (0x0C, b"20260102030405Z"),
    ],
)
def test_times_that_are_none(tag: int, value: bytes) -> None:
    with pytest.raises(_der.Malformed, match="time"):
        _der.Certificate(with_validity(tlv(tag, value), tlv(tag, value)))


def with_validity(*times: bytes) -> bytes:
    empty = tlv(0x30)
    return tlv(0x30, tlv(0x30, tlv(0x02, b"\x01"), empty, empty, tlv(0x30, *times), empty, empty), empty, tlv(0x03))


def test_a_validity_has_two_times() -> None:
    one = tlv(0x17, b"260102030405Z")
    assert _der.Certificate(with_validity(one, one)).not_after == "20260102030405Z"
    with pytest.raises(_der.Malformed, match="two times"):
        _der.Certificate(with_validity(one))


def test_equal_names_are_equal_bytes() -> None:
    root = Authority.new("Name")
    assert _der.Certificate(root.issue("a.test").der).issuer == _der.Certificate(root.der).subject


def test_purposes() -> None:
    assert _der.Certificate(Authority.new().der).purposes == frozenset()
    server_auth = bytes.fromhex("2b06010505070301")
    assert _der.Certificate(Authority.new(purposes=[SERVER_AUTH]).der).purposes == {server_auth}
