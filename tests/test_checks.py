"""What is checked besides, after the system's yes: strength as OpenSSL reckons it, names as it compares them."""

from __future__ import annotations

import functools
import ipaddress
import ssl
import threading
from typing import TYPE_CHECKING

import fake_verifier
import pytest
from certificates import Authority, Certificate, self_signed
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from truststore import _checks, _der, _names, _strength
from truststore._first_flight import verified_chain
from truststore._judges import Judges
from truststore._verdict import Platform, Question

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST = "www.example.test"

a_root = functools.cache(Authority.new)
SYSTEM = Platform("System", "a store made for tests")
openssl_3 = pytest.mark.skipif(ssl.OPENSSL_VERSION_INFO < (3,), reason="OpenSSL 1.1.1 reckons strength otherwise")


def by_openssl(chain: Sequence[Certificate], level: int, host: str | None = None) -> int:
    """Plain `ssl`'s code for a chain whose last certificate is loaded."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = host is not None
    context.set_ciphers(f"ALL:@SECLEVEL={level}")
    fake_verifier.load(context, [chain[-1].der])
    try:
        verified_chain(context, threading.Lock(), [one.der for one in chain], host, context.verify_flags, context._host_flags)  # type: ignore[attr-defined]
    except ssl.SSLCertVerificationError as error:
        return error.verify_code
    return 0


def by_ourselves(chain: Sequence[Certificate], level: int, host: str | None = None) -> int:
    ders = [one.der for one in chain]
    objection = _checks.objection(Question(ders, host, ssl.VerifyFlags.VERIFY_DEFAULT, True, level), ders)
    return objection[0] if objection else 0


# --- strength


KINDS = [
    *[
        {"key": key}
        for key in ("rsa1024", "rsa2048", "rsa3072", "p192", "p256", "p384", "p521", "brainpool256", "ed25519", "ed448")
    ],
    *[{"hash": name} for name in ("md5", "sha1", "sha384", "sha512", "sha256-pss")],
]


def agree_at_each_level(chain: Sequence[Certificate]) -> None:
    ours = [by_ourselves(chain, level) for level in range(6)]
    assert ours == [by_openssl(chain, level) for level in range(6)]


@openssl_3
@pytest.mark.parametrize("profile", KINDS, ids=lambda profile: "-".join(profile.values()))
def test_leaf(profile: dict[str, str]) -> None:
    root = a_root(key="rsa3072")
    agree_at_each_level([root.issue(HOST, **profile), root])


@openssl_3
@pytest.mark.parametrize("profile", KINDS, ids=lambda profile: "-".join(profile.values()))
def test_intermediate(profile: dict[str, str]) -> None:
    root = a_root(key="p521", hash="sha512") if "key" in profile else a_root(key="rsa3072")
    middle = root.authority(key=profile.get("key", "rsa2048"), hash=profile.get("hash", "sha512"))
    leaf_hash = "sha256" if profile.get("key", "rsa").startswith(("p", "b", "e")) else "sha512"
    agree_at_each_level([middle.issue(HOST, key="p521", hash=leaf_hash), middle, root])


@openssl_3
@pytest.mark.parametrize("bits", [level.rsa + more for level in _strength.LEVELS[2:] for more in (-1, 0)])
def test_modulus(bits: int) -> None:
    """At each limit of the table and below. Nobody has the private key of such a number, which no verdict asks for."""
    public = rsa.RSAPublicNumbers(65537, (1 << bits) - 1).public_key()
    root = a_root(key="p521", hash="sha512")
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    builder = x509.CertificateBuilder(
        root.parsed.subject, x509.Name([]), public, 1, root.parsed.not_valid_before_utc, root.parsed.not_valid_after_utc
    )
    leaf = Certificate(builder.sign(root.key, hashes.SHA512()).public_bytes(serialization.Encoding.DER))  # type: ignore[arg-type]
    assert spki in leaf.der
    agree_at_each_level([leaf, root])


@openssl_3
@pytest.mark.parametrize("algorithm", [hashes.SHA224(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda it: it.name)
def test_pss_is_as_strong_as_the_hash_in_its_parameters(algorithm: hashes.SHA256) -> None:
    root = a_root(key="rsa3072")
    template = root.issue(HOST, key="p521").parsed
    builder = x509.CertificateBuilder(
        root.parsed.subject, template.subject, template.public_key(), 1, template.not_valid_before_utc, template.not_valid_after_utc
    )
    pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
    signed = builder.sign(root.key, algorithm, rsa_padding=pss)  # type: ignore[arg-type]
    agree_at_each_level([Certificate(signed.public_bytes(serialization.Encoding.DER)), root])


PSS = _der.oid("1.2.840.113549.1.1.10")


@pytest.mark.parametrize(
    ("parameters", "bits"),
    [
        ("", _strength.SHA1),
        ("3000", _strength.SHA1),  # the defaults of RFC 4055
        ("300fa00d300b0609608648016503040201", _strength.SHA256),
        ("300da00b300906052b0e03021a0500", _strength.SHA1),
        ("3010a00e300c06082a864886f70d02050500", _strength.MD5),
        ("3009a007300506032a0304", 0),  # nobody's hash
        ("3002a000", 0),
        ("30ff", 0),
    ],
)
def test_parameters_of_pss(parameters: str, bits: int) -> None:
    oid = bytes([6, len(PSS)]) + PSS
    assert _strength._signature_strength(oid + bytes.fromhex(parameters)) == bits


@pytest.mark.parametrize(
    "key", [b"", b"\x30\x00", b"\x30\x00\x03\x01\x00", b"\x30\x03\x06\x01\x2a\x03\x01\x00", b"\x05\x00\x05\x00"]
)
def test_a_key_that_cannot_be_read_has_no_strength(key: bytes) -> None:
    assert _strength.key_strength(key) == 0


def test_a_curve_that_is_spelled_out_has_no_strength() -> None:
    """It may be any: CVE-2020-0601."""
    curve = b"\x06\x07" + _strength.CURVE
    point = b"\x03\x42\x00\x04" + bytes(64)
    named = b"\x06\x08" + _der.oid("1.2.840.10045.3.1.7")
    assert _strength.key_strength(b"\x30\x13" + curve + named + point) == 128
    assert _strength.key_strength(b"\x30\x0e" + curve + b"\x30\x03\x02\x01\x01" + point) == 0


def test_a_roots_own_signature_vouches_for_nothing() -> None:
    root = Authority.new(hash="sha1")
    assert by_ourselves([root.issue(HOST), root], 2) == 0
    middle = root.authority(hash="sha1")
    assert by_ourselves([middle.issue(HOST), middle], 2) == 68  # it ends the chain, and is no root


# --- names


ROWS = {
    "*": [HOST, "localhost"],
    "*.*.*": [HOST],
    "*.*.example.test": ["a.b.example.test"],
    "*.test": ["foo.test", HOST],
    "*.example.test": [HOST, "example.test", "a.b.example.test", ".example.test", "xn--bcher-kva.example.test"],
    "f*.example.test": ["foo.example.test"],
    "*.example.test.": [HOST],
    "www.*.test": [HOST],
    HOST: [HOST, HOST.upper(), "example.test", "a." + HOST],
    "WWW.EXAMPLE.TEST": [HOST],
    HOST + ".": [HOST],
    HOST + "\0": [HOST],
    ".example.test": [HOST],
    "": [HOST],
    "127.0.0.1": ["127.0.0.1"],
    "::1": ["::1"],
    # OpenSSL has no wildcards beside an underscore, or a label that ends in a hyphen.
    "*.under_score.test": ["www.under_score.test"],
    "*.host.example.test": ["under_score.host.example.test", "a-b.host.example.test"],
    "*.-.test": ["www.-.test"],
    "www.under_score.test": ["www.under_score.test"],
}


@pytest.mark.parametrize(("pattern", "name"), [(pattern, name) for pattern, names in ROWS.items() for name in names])
@pytest.mark.parametrize("where", ["alternative name", "common name"])
def test_name_is_compared_as_by_openssl(where: str, pattern: str, name: str) -> None:
    if where == "common name":
        if not pattern:
            pytest.skip("nobody issues an empty one")
        leaf = self_signed_for([], pattern)
    else:
        leaf = self_signed_for([x509.DNSName(pattern)])
    if name == ".example.test":  # OpenSSL takes it for "whatever is below", which `ssl` refuses to ask for
        assert by_ourselves([leaf], 2, name) == 62
        return
    assert by_ourselves([leaf], 2, name) == by_openssl([leaf], 2, name)


def self_signed_for(names: Sequence[x509.GeneralName], common_name: str | None = None) -> Certificate:
    return self_signed(*names, common_name=common_name, key="p256")


@pytest.mark.parametrize(
    "name", ["fe80::1%eth0", "127.0.0.1.", "127.0.0.01", "127.1", "2130706433", "::1.", "", ".", "*", "a\0b", "www.exampl\xe9.test"]
)
def test_what_is_no_host_name_matches_no_dns_name(name: str) -> None:
    leaf = _der.Certificate(self_signed_for([x509.DNSName(HOST)]).der)
    spelled = leaf_with(name)
    assert not _names.is_for(spelled, name, True)
    assert not _names.is_for(leaf, name, True)


def leaf_with(name: str) -> _der.Certificate:
    """One that spells this as a DNS name."""
    leaf = _der.Certificate(self_signed_for([x509.DNSName("placeholder.test")]).der)
    extension = leaf._extensions
    assert b"placeholder.test" in extension
    value = name.encode("latin-1")
    names = bytes([0x82, len(value)]) + value
    san = bytes([6, 3]) + _der.SUBJECT_ALT_NAME + bytes([4, len(names) + 2, 0x30, len(names)]) + names
    leaf._extensions = bytes([0x30, len(san) + 2, 0x30, len(san)]) + san
    assert leaf.dns_names == [name]
    return leaf


def test_an_address_in_a_zone_is_refused_as_by_openssl() -> None:
    leaf = self_signed_for([x509.IPAddress(ipaddress.ip_address("fe80::1"))])
    assert by_ourselves([leaf], 2, "fe80::1") == by_openssl([leaf], 2, "fe80::1") == 0
    assert by_ourselves([leaf], 2, "fe80::1%eth0") == by_openssl([leaf], 2, "fe80::1%eth0") == 62


def test_a_letter_whose_lower_case_is_ascii_is_another() -> None:
    leaf = self_signed_for([], "www.\N{KELVIN SIGN}.test")
    assert by_ourselves([leaf], 2, "www.k.test") == 62


def test_common_names_count_where_there_is_no_dns_name() -> None:
    leaf = _der.Certificate(self_signed_for([], HOST).der)
    assert _names.is_for(leaf, HOST, True)
    assert not _names.is_for(leaf, HOST, False)
    beside = _der.Certificate(self_signed_for([x509.DNSName("other.test")], HOST).der)
    assert not _names.is_for(beside, HOST, True)


def test_common_names_do_not_count_beside_name_constraints() -> None:
    """OpenSSL and Windows apply these to a common name, Wine does not."""
    root = a_root(key="rsa3072")
    for name, code in (("other.test", 62), (HOST, 62)):
        middle = root.authority(permitted=["example.test"], key="p256")
        assert by_ourselves([middle.issue(common_name=name, key="p256"), middle, root], 2, name) == code
    middle = root.authority(permitted=["example.test"], key="p256")
    assert by_ourselves([middle.issue(HOST, common_name="other.test", key="p256"), middle, root], 2, HOST) == 0


# --- the certificate as such


def _extension(der: bytes, oid: bytes) -> bytes:
    start = der.index(bytes([6, len(oid)]) + oid) - 2
    return der[start : start + 2 + der[start + 1]]


def test_alternative_names_that_cannot_be_read_or_stand_twice_are_refused() -> None:
    leaf = self_signed_for([x509.DNSName(HOST)])
    good = _der.Certificate(leaf.der)
    once = good._extensions
    san = _extension(leaf.der, _der.SUBJECT_ALT_NAME)
    doubled = _der.only(once, _der.SEQUENCE) + san
    good._extensions = b"\x30\x82" + len(doubled).to_bytes(2, "big") + doubled
    with pytest.raises(_der.Malformed, match="twice"):
        list(good.alternative_names)
    broken = leaf.der.replace(san, san[: -len(HOST) - 1] + b"\x7f" + san[-len(HOST) :])
    question = Question([broken], HOST, ssl.VerifyFlags.VERIFY_DEFAULT, True)
    assert _checks.objection(question, [broken]) == (41, 0)
    question = Question([broken], None, ssl.VerifyFlags.VERIFY_DEFAULT, True)
    assert _checks.objection(question, [broken]) == (41, 0), "names off"
    unknown = leaf.der.replace(san, san.replace(b"\x82", b"\x9e"))
    assert _checks.objection(question, [unknown]) == (41, 0), "a kind of name that there is not"


# --- where it is asked


def judged(chain: Sequence[Certificate], host: str | None, level: int = 2) -> ssl.SSLCertVerificationError | None:
    ders = [one.der for one in chain]
    try:
        Judges(None, lambda question: ders, SYSTEM).verdict(Question(ders, host, ssl.VerifyFlags.VERIFY_DEFAULT, True, level))
    except ssl.SSLCertVerificationError as error:
        return error
    return None


def test_a_system_that_says_yes_to_everything() -> None:
    root = Authority.new()
    weak = root.authority(key="rsa1024")
    refused = judged([weak.issue(HOST), weak, root], HOST)
    assert refused
    assert (refused.verify_code, vars(refused)["platform"]) == (67, "System")
    assert judged([weak.issue(HOST), weak, root], HOST, level=1) is None
    refused = judged([root.issue(HOST), root], "other.test")
    assert refused
    assert refused.verify_message == "Hostname mismatch, certificate is not valid for 'other.test'."


def test_what_a_system_answers_that_is_no_certificate() -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="could not be evaluated"):
        Judges(None, lambda question: [b"nonsense"], SYSTEM).verdict(
            Question([b"nonsense"], None, ssl.VerifyFlags.VERIFY_DEFAULT, True)
        )


def test_a_chain_that_is_not_the_peers() -> None:
    root = Authority.new(key="p256")
    ders = [root.issue(HOST, key="p256").der, root.der]
    question = Question([root.issue(HOST, key="p256").der], HOST, ssl.VerifyFlags.VERIFY_DEFAULT, True)
    with pytest.raises(ssl.SSLCertVerificationError, match="the chain that was built is not the peer's"):
        Judges(None, lambda question: ders, SYSTEM).verdict(question)


def test_an_exception_out_of_the_system_is_no_verdict() -> None:
    """Such as Wine's crash on an empty KeyUsage, which ctypes turns into an OSError."""

    def crash(question: Question) -> Sequence[bytes]:
        raise OSError("exception: access violation reading 0x0000")

    with pytest.raises(ssl.SSLCertVerificationError, match="could not be evaluated: OSError: exception: access violation"):
        Judges(None, crash, SYSTEM).verdict(Question([b"x"], None, ssl.VerifyFlags.VERIFY_DEFAULT, True))
