"""Reading PEM without OpenSSL: what is read is what `load_verify_locations` loads, or the answer is that only OpenSSL can say."""

from __future__ import annotations

import ssl
import sys
from typing import TYPE_CHECKING

import pytest
from certificates import ANY_PURPOSE, CLIENT_AUTH, SERVER_AUTH, Authority
from cryptography.hazmat.primitives.serialization import Encoding
from fake_root import FakeRoot
from many import examples
from pem_files import CRL, FIRST, LEAF, SECOND, TEXTS, THIRD, A, B, L, block, element, encoded, junk, openssl, trusted, write
from properties import HealthCheck, example, given, settings, st
from servers import in_memory

from truststore._store import files, pem

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography import x509

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="no such files on Windows")
junk_files = settings(deadline=None, max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])

#: For what a certificate is trusted, and for what it is rejected.
SETTINGS = [
    ([], []),
    ([SERVER_AUTH], []),
    ([CLIENT_AUTH], []),
    ([ANY_PURPOSE], []),
    ([CLIENT_AUTH, SERVER_AUTH], []),
    ([], [SERVER_AUTH]),
    ([], [CLIENT_AUTH]),
    ([], [ANY_PURPOSE]),
    ([SERVER_AUTH], [SERVER_AUTH]),
    ([SERVER_AUTH], [CLIENT_AUTH]),
    ([CLIENT_AUTH], [CLIENT_AUTH]),
]


def is_same(path: str) -> bool:
    """Whether the file is read here; then that OpenSSL loads the same."""
    found = pem.plain_certificates(pem.contents(path))
    if found is None:
        return False
    plain = openssl(cafile=path)
    assert len(found) == len(set(found)) == plain.cert_store_stats()["x509"]
    assert set(plain.get_ca_certs(True)) <= set(found)
    return True


class TestPlainCertificates:
    #: Of all the texts these are plain; one with short lines is, too, unless its padding stands alone on a line.
    PLAIN = frozenset(
        {
            "one",
            "several",
            "twice the same",
            "CRLF",
            "no newline at the end",
            "text around",
            "text like a header around",
            "bytes of any charset around",
            "blanks at line ends",
            "blanks at line starts of the body",
            "one long line",
            "old label",
            "trusted, no settings",
            "trusted for servers",
            "almost BEGIN",
        }
    )

    @pytest.mark.parametrize("kind", TEXTS)
    def test_text(self, kind: str, tmp_path: Path) -> None:
        is_plain = is_same(write(tmp_path, TEXTS[kind]))
        assert kind == "short lines" or is_plain == (kind in self.PLAIN)

    @junk_files
    @given(data=st.data())
    def test_junk(self, data: st.DataObject, tmp_path: Path) -> None:
        is_same(write(tmp_path, junk(data, [A, B, L, CRL, trusted(SECOND, [SERVER_AUTH])])))

    def test_certificates_do_not_come_back_changed(self) -> None:
        """The bytes are those of the certificate, whoever wrote the PEM."""
        for certificate in (FIRST, LEAF):
            assert pem.plain_certificates(certificate.parsed.public_bytes(Encoding.PEM)) == (certificate.der,)

    @pytest.mark.parametrize(("trust", "reject"), SETTINGS)
    def test_trust_settings(self, trust: list[x509.ObjectIdentifier], reject: list[x509.ObjectIdentifier], tmp_path: Path) -> None:
        """A "trusted" block says for what. What OpenSSL would not trust for servers is no root."""
        text = trusted(FIRST, trust, reject)
        path = write(tmp_path, text)
        expected = (FIRST.der,) if verifies(openssl(cafile=path), FIRST) else ()
        assert pem.plain_certificates(text.encode()) == expected
        assert files.certificates(path) == files.held(path) == expected

    def test_settings_that_cannot_be_read(self, tmp_path: Path) -> None:
        path = write(tmp_path, block(FIRST.der + element(0x30, element(0x30, b"\x06")), "TRUSTED CERTIFICATE"))
        with pytest.raises(ssl.SSLError):
            openssl(cafile=path)
        assert files.certificates(path) == files.held(path) == ()
        assert not pem.vouches_for_servers(b"\x30\x02\x30\x01")
        assert not pem.vouches_for_servers(b"\x30\x00\x30\x00")


def verifies(context: ssl.SSLContext, authority: Authority) -> bool:
    try:
        in_memory(context, authority.issue("localhost").server_context())
    except ssl.SSLCertVerificationError:
        return False
    return True


class TestBlocks:
    """What is taken for plain form is read as OpenSSL reads it; of anything else nothing is said."""

    @pytest.mark.parametrize("kind", TEXTS)
    def test_text(self, kind: str, tmp_path: Path) -> None:
        text = TEXTS[kind]
        self.check(text.encode() if isinstance(text, str) else text, tmp_path)

    @junk_files
    @given(data=st.data(), mutate=st.booleans())
    def test_junk(self, data: st.DataObject, mutate: bool, tmp_path: Path) -> None:
        self.check(junk(data, [A, B, L, trusted(THIRD)], mutate=mutate), tmp_path)

    def check(self, text: bytes, folder: Path) -> None:
        found = pem.blocks(text)
        try:
            loaded = openssl(cafile=write(folder, text))
        except ssl.SSLError:
            return  # a certificate of the outer form may be broken within: whoever loads it hears of that
        if found is not None:
            assert len({certificate for certificate, _ in found}) == loaded.cert_store_stats()["x509"]
            assert {certificate for certificate, _ in found} >= set(loaded.get_ca_certs(True))

    def test_what_is_no_certificate_is_left_out(self) -> None:
        assert pem.blocks((CRL + A + FIRST.key_pem + L).encode()) == [(FIRST.der, b""), (LEAF.der, b"")]

    def test_settings_are_told_from_the_certificate(self) -> None:
        ((der, trust),) = pem.blocks(trusted(FIRST, [SERVER_AUTH]).encode()) or []
        assert (der, trust) == (FIRST.der, element(0x30, element(0x30, encoded(SERVER_AUTH))))


class TestConcatenated:
    """DER, one certificate after the other."""

    @settings(deadline=None, max_examples=examples(200))
    @given(st.lists(st.sampled_from([FIRST.der, LEAF.der, SECOND.der])), st.binary(max_size=6))
    @example([LEAF.der], b"\x00" * 4)
    @example([FIRST.der], b"\x30\x84\xff\xff\xff\xff")
    @example([LEAF.der], b"\x30\x80")
    def test_cut_apart(self, ders: list[bytes], junk: bytes) -> None:
        data = b"".join(ders) + junk
        found = list(pem.concatenated(data))
        assert found[: len(ders)] == ders
        assert data.startswith(b"".join(found))

    @pytest.mark.parametrize(
        "data", [b"", b"\x30", LEAF.der[:-1], b"\x30\x80" + LEAF.der[4:] + b"\x00\x00", b"\x31" + LEAF.der[1:]]
    )
    def test_none(self, data: bytes) -> None:
        assert not list(pem.concatenated(data))


class TestContents:
    def test_what_is_in_it(self, tmp_path: Path) -> None:
        assert pem.contents(write(tmp_path, A + L)) == (A + L).encode()

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"none\.pem"):
            pem.contents(str(tmp_path / "none.pem"))

    def test_directory(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match=tmp_path.name):
            pem.contents(str(tmp_path))

    @needs_posix
    @pytest.mark.timeout(5)
    def test_fifo_is_not_waited_for(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match=r"Not a regular file.*fifo"):
            pem.contents(FakeRoot(tmp_path).fifo("/fifo"))

    @needs_posix
    def test_device(self) -> None:
        with pytest.raises(OSError, match="Not a regular file"):
            pem.contents("/dev/zero")
