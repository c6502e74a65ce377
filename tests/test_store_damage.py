"""A damaged block in a store that was found costs itself: OpenSSL's answer for each block is right, and what is left out is said."""

from __future__ import annotations

import os
import ssl
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from certificates import CLIENT_AUTH, Authority
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7
from fake_root import FakeRoot
from many import examples
from pem_files import BEGIN, CRL, END, FIRST, LEAF, SECOND, TEXTS, THIRD, A, B, L, block, body, junk, openssl, trusted, write
from properties import HealthCheck, given, settings, st
from servers import in_memory

from truststore._stdlib import CContext
from truststore._store import damage, files, pem
from truststore._store.search import OPENSSL, TABLE

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    pytest.skip("the store as files is another system's", allow_module_level=True)

DEBIAN = "/etc/ssl/certs/ca-certificates.crt"


@pytest.fixture
def machine(tmp_path: Path) -> FakeRoot:
    return FakeRoot(tmp_path.resolve())


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the files were older than they are."""
    monkeypatch.setattr(files, "_SETTLED_AFTER", 0)


def load(path: str) -> tuple[ssl.SSLContext, tuple[damage.Damaged, ...]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return context, files.load(context, path)


def holds(context: ssl.SSLContext, *ders: bytes) -> bool:
    """Exactly these, authorities or not."""
    before = context.cert_store_stats()["x509"]
    context.load_verify_locations(cadata=b"".join(ders))
    return before == context.cert_store_stats()["x509"] == len(set(ders))


def as_plain(path: str) -> bool:
    """Whether OpenSSL reads the file; then that the same is loaded, and nothing said."""
    try:
        plain = openssl(cafile=path)
    except ssl.SSLError:
        return False
    context, damaged = load(path)
    assert context.cert_store_stats() == plain.cert_store_stats()
    assert context.get_ca_certs(True) == plain.get_ca_certs(True)
    assert not damaged
    found = files.certificates(path)
    assert len(found) == len(set(found)) <= plain.cert_store_stats()["x509"]
    if b"TRUSTED" not in pem.contents(path):  # whose settings may exclude one
        authorities = set(plain.get_ca_certs(True))
        assert set(found) == authorities or (set(found) > authorities and holds(plain, *found))
    return True


# What OpenSSL reads as a whole


@pytest.mark.parametrize("kind", TEXTS)
def test_sound_files_are_as_plain_ssl_loads_them(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path, TEXTS[kind])
    if not as_plain(path):
        load(path)


@settings(deadline=None, max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_junk(data: st.DataObject, tmp_path: Path) -> None:
    """Whatever it is, what plain ssl loads is loaded, and nothing raises."""
    path = write(tmp_path, junk(data, [A, B, L, CRL, trusted(THIRD)]))
    if not as_plain(path):
        load(path)
        files.certificates(path)
        files.damaged(path)


def test_a_sound_file_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And from memory: it must not cost more than it did."""
    path = write(tmp_path, A + B + L)
    monkeypatch.setattr(damage, "sound", None)
    calls: list[dict[str, Any]] = []

    class Counting(ssl.SSLContext):
        pass

    original = CContext.load_verify_locations

    class Seen:
        @staticmethod
        def load_verify_locations(context: ssl.SSLContext, **arguments: Any) -> None:
            calls.append(arguments)
            original(context, **arguments)

    monkeypatch.setattr(files, "CContext", Seen)
    context = Counting(ssl.PROTOCOL_TLS_CLIENT)
    assert files.load(context, path) == ()
    assert calls == [{"cadata": FIRST.der + SECOND.der + LEAF.der}]
    assert holds(context, FIRST.der, SECOND.der, LEAF.der)


# Damage

REQUEST = x509.CertificateSigningRequestBuilder().subject_name(FIRST.parsed.subject).sign(FIRST._private_key, hashes.SHA256())
PKCS7 = pkcs7.serialize_certificates([FIRST.parsed], Encoding.DER)
PUBLIC_KEY = FIRST._private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
UNDECODABLE = FIRST.der[:4] + b"\x31" + FIRST.der[5:]
DEEP = FIRST.der.replace(bytes.fromhex("0603550403"), bytes.fromhex("0603550480"), 1)

#: A bad block, and a part of what is said of it.
BAD: dict[str, tuple[str | bytes, str]] = {
    "request": (block(REQUEST.public_bytes(Encoding.DER)), "a request for a certificate"),
    "PKCS #7": (block(PKCS7), "a PKCS #7 file"),
    "revocation list": (block(FIRST.crl()), "a revocation list"),
    "public key": (block(PUBLIC_KEY), "a public key"),
    "nothing of the kind": (block(b"\x30\x03\x02\x01\x00"), "not"),
    "no DER": (block(b"QUJD"), "an incomplete certificate"),
    "nothing": (f"{BEGIN}\n{END}\n", "an incomplete certificate"),
    "undecodable": (block(UNDECODABLE), "nested asn1 error"),
    "undecodable inside": (block(DEEP), "nested asn1 error"),
    "cut off": (A[:300] + "\n", "no END line"),
    "DER cut off": (block(FIRST.der[:-1]), "an incomplete certificate"),
    "not base64": (A.replace("\nM", "\n!M", 1), "bad base64"),
    "encrypted": (A.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\n", 1), "has a header"),
    "another END": (A.replace(END, "-----END X509 CRL-----"), "another END line"),
    "text behind BEGIN": (f"{BEGIN} hello\n{body(FIRST)}\n{END}\n", "text behind BEGIN"),
    "on one line": (A.replace("\n", "") + "\n", "text behind BEGIN"),
    "NUL": (A[:100] + "\0" + A[100:], ""),
    "not text": (A.encode()[:100] + b"\xe9" + A.encode()[100:], "not text"),
    "bad revocation list": (block(b"\x30\x00", "X509 CRL"), ""),
    "bad trusted": (block(UNDECODABLE, "TRUSTED CERTIFICATE"), ""),
    "bad settings": (block(FIRST.der + b"\x30\x05\x30\x03\x06\x05\x00", "TRUSTED CERTIFICATE"), ""),
    "two lines of one letter": (f"{BEGIN}\nA\nB\n{END}\n", ""),
}


def joined(*parts: str | bytes) -> bytes:
    return b"".join(part.encode("ascii") if isinstance(part, str) else part for part in parts)


class TestBadBlock:
    @pytest.mark.parametrize("place", ["before", "between", "after"])
    @pytest.mark.parametrize("kind", BAD)
    def test_it_costs_itself(self, kind: str, place: str, tmp_path: Path) -> None:
        bad, words = BAD[kind]
        parts = {"before": [bad, B, L], "between": [B, bad, L], "after": [B, L, bad]}[place]
        path = write(tmp_path, joined(*parts))
        if kind not in ("text behind BEGIN", "on one line"):  # OpenSSL sees no block there
            with pytest.raises(ssl.SSLError):
                openssl(cafile=path)
            context, damaged = load(path)
            assert [each.path for each in damaged] == [path]
            assert damaged[0].line == 1 + joined(*parts[: parts.index(bad)]).count(b"\n")
            assert words in damaged[0].reason
            assert damaged == files.damaged(path) or len(files.damaged(path)) == 1
        else:
            context, damaged = load(path)
        assert holds(context, SECOND.der, LEAF.der)
        assert set(files.certificates(path)) == {SECOND.der, LEAF.der}

    @pytest.mark.parametrize("kind", BAD)
    def test_alone(self, kind: str, machine: FakeRoot) -> None:
        """A bundle with nothing else is passed over, with the reason."""
        machine.write(DEBIAN, joined(BAD[kind][0]))
        store = machine.find()
        assert not store
        assert dict(store.passed_over)[machine(DEBIAN)] in ("is damaged: OpenSSL refuses to read it", "holds no certificate")

    def test_with_special_blocks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Revocation lists and OpenSSL's own settings survive: by way of a temporary file, which is gone."""
        folder = tmp_path / "temporary"
        folder.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        path = write(tmp_path, block(UNDECODABLE) + CRL + trusted(SECOND, [CLIENT_AUTH]) + B + A)
        context, damaged = load(path)
        assert context.cert_store_stats() == {"x509": 2, "crl": 1, "x509_ca": 2}
        assert len(damaged) == 1
        assert set(files.certificates(path)) == {FIRST.der, SECOND.der}
        with pytest.raises(ssl.SSLCertVerificationError):  # the first of two that are the same counts, with its settings
            in_memory(context, SECOND.issue("localhost").server_context())
        assert not os.listdir(folder)

    def test_with_special_blocks_and_no_place_for_a_temporary_file(
        self, tmp_path: Path, settled: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write(tmp_path, block(UNDECODABLE) + CRL + A)
        with monkeypatch.context() as patch:
            patch.setattr(tempfile, "TemporaryDirectory", failing)
            context, damaged = load(path)
            assert context.cert_store_stats() == {"x509": 1, "crl": 0, "x509_ca": 1}
            assert ["temporary file" in each.reason for each in damaged] == [False, True]
        context, damaged = load(path)
        assert (context.cert_store_stats()["crl"], len(damaged)) == (1, 1)

    def test_keys_are_no_damage(self, tmp_path: Path) -> None:
        """Damaged or not, they are nobody's roots."""
        path = write(
            tmp_path, A + block(b"hello", "RSA PRIVATE KEY") + "-----BEGIN SOMETHING-----\nhello!\n-----END SOMETHING-----\n" + B
        )
        context, damaged = load(path)
        assert holds(context, FIRST.der, SECOND.der)
        assert not damaged

    def test_without_a_newline_between(self, tmp_path: Path) -> None:
        """As `cat` joins them. OpenSSL refuses the file; each of the blocks is sound."""
        path = write(tmp_path, A.rstrip("\n") + B.rstrip("\n") + L)
        context, damaged = load(path)
        assert holds(context, FIRST.der, SECOND.der, LEAF.der)
        assert not damaged

    def test_commented_out(self, tmp_path: Path) -> None:
        """What OpenSSL does not take for the beginning of a block is none."""
        path = write(tmp_path, "# " + A + block(UNDECODABLE) + B)
        context, damaged = load(path)
        assert holds(context, SECOND.der)
        assert len(damaged) == 1

    def test_carriage_returns_and_a_byte_order_mark(self, tmp_path: Path) -> None:
        path = write(tmp_path, b"\xef\xbb\xbf" + (A + block(UNDECODABLE) + B).replace("\n", "\r\n").encode())
        context, damaged = load(path)
        assert holds(context, FIRST.der, SECOND.der)
        assert len(damaged) == 1

    def test_duplicates(self, tmp_path: Path) -> None:
        path = write(tmp_path, A + A + block(UNDECODABLE) * 2 + A)
        context, damaged = load(path)
        assert holds(context, FIRST.der)
        assert files.certificates(path) == (FIRST.der,)
        assert len(damaged) == 2

    def test_in_words(self, tmp_path: Path) -> None:
        signature = bytearray(FIRST.der)
        signature[-len(FIRST.parsed.signature) - 1] = 9  # unused bits that do not exist
        path = write(tmp_path, B + "\n" + block(bytes(signature)) + joined(BAD["request"][0]).decode())
        first, second = files.damaged(path)
        assert first.subject.startswith("O=truststore tests, CN=First ")
        where = f"{path}, line {B.count(chr(10)) + 2}: left out a block"
        why = "that OpenSSL does not load: it is not a certificate to OpenSSL (OpenSSL says: [ASN1] nested asn1 error)"
        assert str(first) == f"{where} ({first.subject}) {why}"
        assert repr(first) == f"<Damaged: {first}>"
        assert damage.in_words((first, second)) == f"{first}\n{second}"
        assert damage.in_words((first,) * 30).splitlines() == [str(first)] * 10 + ["and 20 more"]

    def test_no_password_is_asked_for(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """OpenSSL would, at the terminal, of what is in memory."""
        asked: list[bytes] = []
        original = damage._load

        def watched(context: ssl.SSLContext, blocks: list[Any]) -> None:
            asked.extend(block.text for block in blocks)
            original(context, blocks)

        monkeypatch.setattr(damage, "_load", watched)
        load(write(tmp_path, joined(BAD["encrypted"][0], B)))
        assert asked
        assert not any(b"ENCRYPTED" in text for text in asked)

    def test_many(self, tmp_path: Path) -> None:
        """Seconds, not minutes; and what nobody reads is not said in full."""
        path = write(tmp_path, block(UNDECODABLE) * 3000 + A)
        context, damaged = load(path)
        assert holds(context, FIRST.der)
        assert len(damaged) == 3000

    def test_questions_have_a_bound(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(damage, "_QUESTIONS", 20)
        path = write(tmp_path, A + (block(UNDECODABLE) + L) * 100 + B)
        context, damaged = load(path)
        assert 100 <= len(damaged) <= 202
        assert context.cert_store_stats()["x509"] <= 3


def failing(*arguments: object) -> Any:
    raise OSError(30, "Read-only file system")


class TestStore:
    def test_it_is_used(self, machine: FakeRoot) -> None:
        machine.write(DEBIAN, joined(A, BAD["request"][0], B))
        store = machine.find()
        assert (store.step, store.file, set(store.read())) == (TABLE, machine(DEBIAN), {FIRST.der, SECOND.der})
        (damaged,) = store.damaged
        assert (damaged.path, damaged.line) == (machine(DEBIAN), A.count("\n") + 1)
        assert store.certificates == 2

    def test_the_directory_beside_it_is_used_as_by_plain_ssl(self, machine: FakeRoot) -> None:
        """update-ca-certificates puts the request into the bundle; openssl rehash leaves it out."""
        machine.hashed("/etc/ssl/certs", FIRST, THIRD)
        machine.write(DEBIAN, joined(A, BAD["request"][0]))
        store = machine.find(compiled=(DEBIAN, "/etc/ssl/certs"))
        assert (store.step, store.covered, store.file) == (OPENSSL, False, machine(DEBIAN))
        assert store.directory == machine("/etc/ssl/certs")
        assert set(store.read()) == {FIRST.der, THIRD.der}
        assert len(store.damaged) == 1

    def test_files_of_a_directory(self, machine: FakeRoot) -> None:
        machine.bundle("/system/etc/security/cacerts/00000001.0", FIRST)
        machine.write("/system/etc/security/cacerts/00000002.0", joined(BAD["undecodable"][0]))
        machine.write("/system/etc/security/cacerts/00000003.0", joined(BAD["undecodable"][0], B))
        store = machine.find(platform="android")
        assert len(store.files) == 2
        assert set(store.read()) == {FIRST.der, SECOND.der}
        assert len(store.damaged) == 1

    def test_a_covered_bundle_is_not_read_again(self, machine: FakeRoot) -> None:
        machine.bundle(DEBIAN, FIRST)
        machine.hashed("/etc/ssl/certs", FIRST)
        store = machine.find()
        assert store.covered
        assert store.damaged == ()

    def test_it_is_found_out_once(self, machine: FakeRoot, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
        path = machine.write(DEBIAN, joined(A, BAD["request"][0]))
        first = files.damaged(path)
        monkeypatch.setattr(pem, "contents", None)
        monkeypatch.setattr(damage, "sound", None)
        assert files.damaged(path) is first
        context, damaged = load(path)
        assert holds(context, FIRST.der)
        assert damaged is first

    def test_it_is_found_out_again_when_it_was_repaired(self, machine: FakeRoot, settled: None) -> None:
        path = machine.write(DEBIAN, joined(A, BAD["request"][0]))
        assert files.damaged(path)
        machine.bundle(DEBIAN, FIRST, SECOND)
        context, damaged = load(path)
        assert holds(context, FIRST.der, SECOND.der)
        assert not damaged

    def test_a_root_of_the_damaged_store_vouches(self, machine: FakeRoot) -> None:
        context, _ = load(machine.write(DEBIAN, joined(BAD["revocation list"][0], B)))
        in_memory(context, SECOND.issue("localhost").server_context())
        with pytest.raises(ssl.SSLCertVerificationError):
            in_memory(context, Authority.new().issue("localhost").server_context())
