"""Reading PEM files where it is certain what OpenSSL does, and what OpenSSL finds in a directory: OpenSSL is right by definition."""

from __future__ import annotations

import ssl
import sys
from typing import TYPE_CHECKING

import pytest
from certificates import ANY_PURPOSE, CLIENT_AUTH, SERVER_AUTH, Authority, Certificate
from cryptography.hazmat.primitives.serialization import Encoding
from fake_root import FakeRoot, subject_hash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pem_files import FIRST, LEAF, SECOND, TEXTS, THIRD, A, B, L, block, element, junk, openssl, trusted, write
from servers import in_memory

from truststore._store import files, pem

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography import x509

OPENSSL_3_5 = ssl.OPENSSL_VERSION_INFO >= (3, 5)
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="no such files on Windows")


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


class TestPlainForm:
    """What is taken for it is read as OpenSSL reads it; of anything else nothing is said."""

    @pytest.mark.parametrize("kind", TEXTS)
    def test_text(self, kind: str, tmp_path: Path) -> None:
        text = TEXTS[kind]
        self.check(text.encode() if isinstance(text, str) else text, tmp_path)

    @settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
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

    def test_the_common_forms_are_plain(self) -> None:
        for text in (A, A + B + L, A.replace("\n", "\r\n"), f"a comment\n{A}\n\n{B}bye\n"):
            assert pem.plain_certificates(text.encode())

    def test_certificates_do_not_come_back_changed(self) -> None:
        """The bytes are those of the certificate, whoever wrote the PEM."""
        for certificate in FIRST, LEAF:
            assert pem.plain_certificates(certificate.parsed.public_bytes(Encoding.PEM)) == (certificate.der,)


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


class TestTrustSettings:
    """A "trusted" block says for what. Only what OpenSSL would trust for servers becomes an anchor."""

    @pytest.mark.parametrize(("trust", "reject"), SETTINGS)
    def test_as_openssl(self, trust: list[x509.ObjectIdentifier], reject: list[x509.ObjectIdentifier], tmp_path: Path) -> None:
        text = trusted(FIRST, trust, reject)
        vouches = verifies(openssl(cafile=write(tmp_path, text)), FIRST)
        assert pem.plain_certificates(text.encode()) == ((FIRST.der,) if vouches else ())

    def test_settings_that_cannot_be_read(self) -> None:
        text = block(FIRST.der + element(0x30, element(0x30, b"\x06")), "TRUSTED CERTIFICATE")
        assert not pem.plain_certificates(text.encode())
        assert not pem.vouches_for_servers(b"\x30\x02\x30\x01")
        assert not pem.vouches_for_servers(b"\x30\x00\x30\x00")


def verifies(context: ssl.SSLContext, authority: Authority) -> bool:
    try:
        in_memory(context, authority.issue("localhost").server_context())
    except ssl.SSLCertVerificationError:
        return False
    return True


@needs_posix
class TestDirectory:
    """Against what OpenSSL really finds when it verifies a server."""

    ROOTS = (FIRST, SECOND, THIRD)

    def found(self, machine: FakeRoot) -> set[Authority]:
        found = set(files.certificates_by_name(machine("/d")))
        assert found == {root.der for root in self.ROOTS if verifies(openssl(capath=machine("/d")), root)}
        return {root for root in self.ROOTS if root.der in found}

    @pytest.fixture
    def machine(self, tmp_path: Path) -> FakeRoot:
        machine = FakeRoot(tmp_path)
        machine.directory("/d")
        return machine

    def name(self, certificate: Certificate, number: object = 0) -> str:
        return f"/d/{subject_hash(certificate)}.{number}"

    def test_links(self, machine: FakeRoot) -> None:
        machine.hashed("/d", FIRST, SECOND)
        assert self.found(machine) == {FIRST, SECOND}

    def test_names_that_do_not_count(self, machine: FakeRoot) -> None:
        machine.write("/d/first.pem", FIRST.pem)
        machine.write(self.name(SECOND, 1), SECOND.pem)
        machine.write(self.name(THIRD, "00"), THIRD.pem)
        assert self.found(machine) == set()

    def test_certificate_by_anothers_name(self, machine: FakeRoot) -> None:
        machine.write(self.name(FIRST), SECOND.pem)
        assert self.found(machine) == set()

    @pytest.mark.parametrize("obstacle", ["", "junk", FIRST.pem[:300], None])
    def test_what_follows_something_unreadable(self, obstacle: str | None, machine: FakeRoot) -> None:
        if obstacle is None:
            machine.directory(self.name(FIRST))
        else:
            machine.write(self.name(FIRST), obstacle)
        machine.write(self.name(FIRST, 1), FIRST.pem)
        machine.write(self.name(SECOND), SECOND.pem)
        assert self.found(machine) == ({FIRST, SECOND} if OPENSSL_3_5 else {SECOND})

    @pytest.mark.parametrize("target", ["/nowhere", None], ids=["nowhere", "itself"])
    def test_what_follows_a_broken_link(self, target: str | None, machine: FakeRoot) -> None:
        machine.link(self.name(FIRST), target or self.name(FIRST))
        machine.write(self.name(FIRST, 1), FIRST.pem)
        assert self.found(machine) == ({FIRST} if OPENSSL_3_5 else set())

    def test_what_follows_a_gap(self, machine: FakeRoot) -> None:
        machine.write(self.name(FIRST), "junk")
        machine.write(self.name(FIRST, 2), FIRST.pem)
        assert self.found(machine) == set()

    def test_another_certificate_before(self, machine: FakeRoot) -> None:
        machine.write(self.name(FIRST), SECOND.pem)
        machine.write(self.name(FIRST, 1), FIRST.pem)
        assert self.found(machine) == {FIRST}

    def test_text_around(self, machine: FakeRoot) -> None:
        machine.write(self.name(FIRST), f"First\n{FIRST.pem}bye\n")
        assert self.found(machine) == {FIRST}

    def test_two_in_one_file(self, machine: FakeRoot) -> None:
        """OpenSSL finds the second only after it has looked for the first."""
        machine.write(self.name(FIRST), FIRST.pem + SECOND.pem)
        assert self.found(machine) == {FIRST}

    def test_trusted_for_something_else(self, machine: FakeRoot) -> None:
        machine.write(self.name(FIRST), trusted(FIRST, [CLIENT_AUTH]))
        machine.write(self.name(SECOND), trusted(SECOND, [SERVER_AUTH]))
        assert self.found(machine) == {SECOND}

    @pytest.mark.timeout(20)
    def test_fifo_is_not_waited_for(self, machine: FakeRoot) -> None:
        machine.fifo(self.name(FIRST))
        machine.write(self.name(FIRST, 1), FIRST.pem)
        machine.write(self.name(SECOND), SECOND.pem)
        assert set(files.certificates_by_name(machine("/d"))) == ({FIRST.der, SECOND.der} if OPENSSL_3_5 else {SECOND.der})
