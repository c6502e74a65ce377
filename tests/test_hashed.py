"""The names OpenSSL looks for, against OpenSSL."""

from __future__ import annotations

import warnings

import pytest
from certificates import Authority
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from fake_root import subject_hash as said_by_openssl
from many import examples
from properties import given, settings, st

from truststore._store import hashed, subjects

ORGANIZATION, COMMON, COUNTRY = NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME, NameOID.COUNTRY_NAME
KEY = Authority.new(key="p256").key


def same(subject: x509.Name) -> str:
    pytest.importorskip("OpenSSL", reason="pyOpenSSL is not installed")
    authority = Authority.new(private_key=KEY, key="p256", subject=subject)
    ours = subjects.subject_hash(authority.der)
    assert ours == said_by_openssl(authority)
    return ours


def name(*attributes: tuple[x509.ObjectIdentifier, str | bytes, _ASN1Type]) -> x509.Name:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # longer than RFC 5280 allows is meant
        return x509.Name([x509.NameAttribute(oid, text, kind, _validate=False) for oid, text, kind in attributes])


TEXTS = [
    "Root",
    "  Two   Words\t",
    "ÄÖÜ straße İ",
    "日本",
    "x" * 100,
    "x" * 150,
    "x" * 300,
    " ",
    "A\nB",
    "\u00a0no break\u00a0",
    "K\u212a",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", [_ASN1Type.UTF8String, _ASN1Type.BMPString, _ASN1Type.UniversalString], ids=lambda kind: kind.name)
def test_text(kind: _ASN1Type, text: str) -> None:
    same(name((ORGANIZATION, "Org", _ASN1Type.UTF8String), (COMMON, text, kind)))


@pytest.mark.parametrize(
    "kind",
    [_ASN1Type.PrintableString, _ASN1Type.IA5String, _ASN1Type.T61String],
    ids=lambda kind: kind.name,
)
def test_text_of_a_smaller_charset(kind: _ASN1Type) -> None:
    same(name((COUNTRY, "DE", _ASN1Type.PrintableString), (COMMON, " Old  ROOT 1 ", kind)))


def test_t61_is_read_as_latin_1() -> None:
    same(name((COMMON, "\xc9", _ASN1Type.T61String)))


def test_case_blanks_and_string_type_make_no_difference() -> None:
    spellings = [
        ("Some Root", _ASN1Type.UTF8String),
        (" some  ROOT ", _ASN1Type.PrintableString),
        ("SOME root", _ASN1Type.BMPString),
    ]
    assert len({same(name((COMMON, text, kind))) for text, kind in spellings}) == 1


def test_no_name_at_all() -> None:
    same(x509.Name([]))


def test_type_that_is_not_text() -> None:
    same(name((NameOID.X500_UNIQUE_IDENTIFIER, b"\x00\x01", _ASN1Type.BitString), (COMMON, "Root", _ASN1Type.UTF8String)))


def test_attributes_together() -> None:
    """One element of the name with several attributes is a set, which DER sorts: by the bytes after the text was made comparable."""
    both = [x509.NameAttribute(COMMON, text) for text in ("B", "a", "c")]
    same(x509.Name([x509.RelativeDistinguishedName(both)]))


@settings(deadline=None, max_examples=examples(50))
@given(st.lists(st.tuples(st.sampled_from([COMMON, ORGANIZATION]), st.text(st.characters(codec="utf-8"), min_size=1)), max_size=3))
def test_any_text(attributes: list[tuple[x509.ObjectIdentifier, str]]) -> None:
    same(name(*((oid, text, _ASN1Type.UTF8String) for oid, text in attributes)))


@pytest.mark.parametrize("junk", [b"", b"0", b"\x30\x00", Authority.new(key="p256").der[:-1]])
def test_what_is_no_certificate(junk: bytes) -> None:
    with pytest.raises(ValueError):
        subjects.subject_hash(junk)


LISTINGS: list[tuple[list[str], list[str], bool]] = [
    ([], [], False),
    (["0123abcd.0"], ["0123abcd.0"], False),
    (["0123abcd.1", "0123abcd.0"], ["0123abcd.0", "0123abcd.1"], False),
    ([f"0123abcd.{n}" for n in range(11)], [f"0123abcd.{n}" for n in range(11)], False),
    (["0123abcd.1"], [], True),
    (["0123abcd.0", "0123abcd.2"], ["0123abcd.0"], True),
    (
        [
            "0123ABCD.0",
            "0123abcd.r0",
            "0123abcd.00",
            "0123abcd.0.bak",
            "0123abcd",
            "123abcd.0",
            "00123abcd.0",
            "0123abcd.0\n",
            "0123abcd.\u0660",
        ],
        [],
        False,
    ),
    (["0123abcd." + "9" * 5000], [], False),
]


@pytest.mark.parametrize(("listing", "reached", "hidden"), LISTINGS)
def test_names(listing: list[str], reached: list[str], hidden: bool) -> None:
    assert hashed.names(listing) == (reached, hidden)
