"""Reading certificates, against OpenSSL: what `load_verify_locations` makes of the same argument is right by definition."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import ANY_PURPOSE, CLIENT_AUTH, SERVER_AUTH, Authority, Certificate, self_signed
from cryptography.hazmat.primitives.serialization import Encoding
from fake_root import FakeRoot, subject_hash
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pem_files import CRL, FIRST, LEAF, SECOND, TEXTS, THIRD, A, B, L, block, element, junk, openssl, trusted, write
from servers import in_memory

from truststore._store import pem
from truststore._store.pem import read_certificates

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509

OPENSSL_3_5 = ssl.OPENSSL_VERSION_INFO >= (3, 5)
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="no such files on Windows")


def same(where: str, **arguments: Any) -> list[bytes]:
    """What is read is what OpenSSL loads, or the same type of error, with the place."""
    try:
        context = openssl(**arguments)
    except (OSError, ValueError, TypeError) as error:
        with pytest.raises(type(error)) as caught:
            read_certificates(**arguments)
        if isinstance(error, OSError):
            assert where in str(caught.value)
        return []
    found = read_certificates(**arguments)
    assert len(found) == context.cert_store_stats()["x509"]
    assert set(context.get_ca_certs(True)) <= set(found)
    return found


def unusual(function: Callable[[], list[bytes]]) -> bool:
    """Whether it is refused for its form; if not, it was right."""
    try:
        function()
    except ssl.SSLError as error:
        if "unusual form" not in str(error):
            raise
        return True
    return False


#: OpenSSL reads these, and does not hand out the leaf: refused.
UNUSUAL = frozenset({"byte order mark and leaf", "bytes behind the certificate", "length indefinite"})


class TestFile:
    @pytest.mark.parametrize("kind", TEXTS)
    def test_text(self, kind: str, tmp_path: Path) -> None:
        path = write(tmp_path, TEXTS[kind])
        if kind == "NUL between, leaf":  # for OpenSSL the file ends there
            assert read_certificates(path) == [FIRST.der]
        else:
            assert unusual(lambda: same(path, cafile=path)) == (kind in UNUSUAL)

    def test_path_types(self, tmp_path: Path) -> None:
        path = write(tmp_path, A + L)
        for given_path in (path, os.fsencode(path), Path(path)):
            assert set(read_certificates(given_path)) == {FIRST.der, LEAF.der}

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"none\.pem"):
            read_certificates(tmp_path / "none.pem")

    def test_directory(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match=tmp_path.name):
            read_certificates(tmp_path)

    @needs_posix
    @pytest.mark.timeout(5)
    def test_fifo_is_not_waited_for(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match=r"Not a regular file.*fifo"):
            read_certificates(FakeRoot(tmp_path).fifo("/fifo"))

    @needs_posix
    def test_device(self) -> None:
        with pytest.raises(OSError, match="Not a regular file"):
            read_certificates("/dev/zero")

    @settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_junk(self, data: st.DataObject, tmp_path: Path) -> None:
        """With authorities alone nothing is ever refused that OpenSSL takes."""
        path = write(tmp_path, junk(data, [A, B, CRL]))
        same(path, cafile=path)

    @settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_junk_around_leaves(self, data: st.DataObject, tmp_path: Path) -> None:
        """Never another answer than OpenSSL's; some are refused."""
        path = write(tmp_path, junk(data, [A, L, trusted(SECOND, [SERVER_AUTH])]))
        unusual(lambda: same(path, cafile=path))

    @settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_count_of_junk(self, data: st.DataObject, tmp_path: Path) -> None:
        """What is taken for plain form is it: OpenSSL loads as many."""
        text = junk(data, [A, B, L, trusted(THIRD)], mutate=False)
        found = pem.blocks(text)
        if found:
            path = write(tmp_path, text)
            assert openssl(cafile=path).cert_store_stats()["x509"] == len(set(found))


class TestData:
    @pytest.mark.parametrize("kind", TEXTS)
    def test_text(self, kind: str) -> None:
        text = TEXTS[kind]
        given_text = text if isinstance(text, str) else text.decode("latin-1")  # which is no ASCII: a TypeError
        refused = unusual(lambda: same("cadata", cadata=given_text))
        assert refused == (kind in {*UNUSUAL, "NUL between, leaf"} and isinstance(text, str))

    def test_trusted_blocks_do_not_count(self) -> None:
        assert read_certificates(cadata=trusted(SECOND, [SERVER_AUTH]) + L) == [LEAF.der]

    def test_der(self) -> None:
        assert set(same("cadata", cadata=FIRST.der)) == {FIRST.der}
        assert set(same("cadata", cadata=FIRST.der + LEAF.der + SECOND.der)) == {FIRST.der, LEAF.der, SECOND.der}

    @pytest.mark.parametrize("kind", [bytearray, memoryview])
    def test_other_bytes(self, kind: Callable[[bytes], Any]) -> None:
        assert read_certificates(cadata=kind(LEAF.der)) == [LEAF.der]

    @pytest.mark.parametrize(
        "data", [b"", b"\x30", b"\x30\x00", A.encode(), LEAF.der[:-1], LEAF.der + b"\x00", LEAF.der + b"\x30\x80", 1, "é"]
    )
    def test_bad(self, data: Any) -> None:
        same("cadata", cadata=data)

    def test_lengths_of_ber(self) -> None:
        """OpenSSL takes them, and they are no DER: not for a platform's verifier."""
        indefinite = b"\x30\x80" + self_signed("localhost", key="p256").der[4:] + b"\x00\x00"
        for data, number in ((indefinite, 1), (LEAF.der + indefinite, 2)):
            assert openssl(cadata=data).cert_store_stats()["x509"] == number
            assert unusual(lambda data=data: read_certificates(cadata=data))  # type: ignore[misc]

    def test_nothing(self) -> None:
        with pytest.raises(TypeError, match="cannot be all omitted"):
            read_certificates()

    @settings(deadline=None, max_examples=200)
    @given(st.lists(st.one_of(st.sampled_from([FIRST.der, LEAF.der, SECOND.der]), st.binary(max_size=6)), max_size=4).map(b"".join))
    @example(LEAF.der + b"\x00" * 4)
    @example(FIRST.der + b"\x30\x84\xff\xff\xff\xff")
    def test_junk_bytes(self, data: bytes) -> None:
        unusual(lambda: same("cadata", cadata=data))

    @settings(deadline=None, max_examples=200)
    @given(data=st.data())
    def test_junk_text(self, data: st.DataObject) -> None:
        text = junk(data, [A, B, L, CRL, trusted(THIRD)]).decode()
        unusual(lambda: same("cadata", cadata=text))


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
        path = write(tmp_path, trusted(FIRST, trust, reject))
        assert (read_certificates(path) == [FIRST.der]) == verifies(openssl(cafile=path), FIRST)

    def test_settings_that_cannot_be_read(self, tmp_path: Path) -> None:
        path = write(tmp_path, block(FIRST.der + element(0x30, element(0x30, b"\x06")), "TRUSTED CERTIFICATE"))
        with pytest.raises(ssl.SSLError):
            read_certificates(path)
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
        found = set(read_certificates(capath=machine("/d")))
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
        assert set(read_certificates(capath=machine("/d"))) == ({FIRST.der, SECOND.der} if OPENSSL_3_5 else {SECOND.der})

    def test_list_of_directories(self, machine: FakeRoot) -> None:
        machine.hashed("/d", FIRST)
        machine.hashed("/e", SECOND)
        assert set(read_certificates(capath=f"{machine('/d')}::{machine('/missing')}:{machine('/e')}")) == {FIRST.der, SECOND.der}

    def test_all_arguments_at_once(self, machine: FakeRoot, tmp_path: Path) -> None:
        machine.hashed("/d", FIRST, SECOND)
        found = read_certificates(write(tmp_path, B + B), machine("/d"), LEAF.der)
        assert sorted(found) == sorted({FIRST.der, SECOND.der, LEAF.der})


def test_certificates_do_not_come_back_changed(tmp_path: Path) -> None:
    """The bytes are those of the certificate, whoever wrote the PEM."""
    for certificate in (FIRST, LEAF):
        path = write(tmp_path, certificate.parsed.public_bytes(Encoding.PEM))
        assert read_certificates(path) == [certificate.der]
