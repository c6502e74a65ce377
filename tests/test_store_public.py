"""Copies of Mozilla's roots that libraries load by themselves: which they are, what is in them, and what the system lacks of it."""

from __future__ import annotations

import os
import ssl
import sys
import threading
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority, Certificate, pem_file, self_signed
from fake_root import FakeRoot
from servers import in_memory

from truststore import _stdlib
from truststore._store import files, pem, public
from truststore._store.public import Bundle, bundle, extras, is_public

if TYPE_CHECKING:
    from collections.abc import Callable

    from truststore._store.search import Store

FIRST, SECOND, THIRD = (Authority.new(name, key="p256") for name in ("First", "Second", "Third"))
LEAF = self_signed("localhost", key="p256")
DEBIAN = "/etc/ssl/certs/ca-certificates.crt"
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="no such files on Windows")


@pytest.fixture
def machine(tmp_path: Path) -> FakeRoot:
    return FakeRoot(tmp_path.resolve())


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the files were older than they are."""
    monkeypatch.setattr(files, "_SETTLED_AFTER", 0)


class TestNames:
    @pytest.mark.parametrize(
        "path",
        [
            "/srv/venv/lib/python3.12/site-packages/certifi/cacert.pem",
            "/usr/lib/python3/dist-packages/pip/_vendor/certifi/cacert.pem",
            "/srv/venv/lib/python3.12/site-packages/botocore/cacert.pem",
            "/srv/venv/lib/python3.12/site-packages/botocore/vendored/requests/cacert.pem",
            "/srv/venv/lib/python3.12/site-packages/httplib2/cacerts.txt",
            "/srv/venv/lib/python3.12/site-packages/stripe/data/ca-certificates.crt",
            "/srv//certifi/./cacert.pem",
            "/srv/certifi/core/../cacert.pem",
            "certifi/cacert.pem",
            b"/srv/certifi/cacert.pem",
            Path("/srv/certifi/cacert.pem"),
            PurePosixPath("/srv/certifi/cacert.pem"),
        ],
    )
    def test_public(self, path: Any) -> None:
        assert is_public(path)

    @pytest.mark.parametrize(
        "path",
        [
            DEBIAN,
            "/etc/ssl/cert.pem",
            "/home/user/cacert.pem",
            "/home/user/certifi.pem",
            "/home/user/certifi/company.pem",
            "/home/user/mycertifi/cacert.pem",
            "/home/user/certifi/cacert.pem.bak",
            "/home/user/data/ca-certificates.crt",
            "/home/user/certifi/cacert.pem/more",
            "cacert.pem",
            "",
            b"",
            b"\xff\xfe",
            "\udcff",
            "a\0b",
        ],
    )
    def test_not_public(self, path: Any) -> None:
        assert not is_public(path)

    def test_it_never_raises(self) -> None:
        class Broken:
            def __fspath__(self) -> str:
                raise ArithmeticError

        nothing: list[Any] = [None, 3, object(), Broken(), ["certifi/cacert.pem"], memoryview(b"certifi/cacert.pem")]
        assert not any(map(is_public, nothing))

    def test_it_looks_at_no_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("stat", "lstat", "open", "listdir", "getcwd"):
            monkeypatch.setattr(os, name, None)
        assert is_public("certifi/cacert.pem")

    @pytest.mark.parametrize("module", ["certifi", "botocore.httpsession", "pip._vendor.certifi"])
    def test_what_the_libraries_load(self, module: str) -> None:
        library = pytest.importorskip(module)
        bundle = library.where()
        if os.path.basename(bundle) != "cacert.pem":
            pytest.skip(f"this {module} is changed, as Debian's is: it says {bundle}")
        assert is_public(bundle)
        assert is_public(os.path.join(os.path.dirname(pytest.importorskip("botocore").__file__), "cacert.pem"))

    @pytest.mark.skipif(sys.platform != "win32", reason="paths of Windows")
    def test_windows(self) -> None:
        assert is_public(r"C:\Python\Lib\site-packages\Certifi\CACERT.PEM")

    def test_each_row_says_whose(self) -> None:
        assert all(ending == os.path.normpath(ending).lower() and "/" in ending and library for ending, library in public._ENDINGS)


def outcome(load: Callable[[], object]) -> type[BaseException] | None:
    try:
        load()
    except BaseException as error:  # noqa: BLE001
        return type(error)
    return None


def block(der: bytes, label: str = "CERTIFICATE") -> str:
    return ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", label)


ONE = FIRST.pem
#: Content of a file: what was made of it by a company, a broken download or an odd tool.
CONTENTS: dict[str, str | bytes] = {
    "plain": ONE + SECOND.pem,
    "commented": f"# Issuer: First\n# Serial: 1\n{ONE}\n# Second\n{SECOND.pem}",
    "CRLF": (ONE + SECOND.pem).replace("\n", "\r\n"),
    "a leaf among them": ONE + LEAF.pem,
    "one twice": ONE + SECOND.pem + ONE,
    "byte order mark": b"\xef\xbb\xbf" + ONE.encode() + SECOND.pem.encode(),
    "with a key": ONE + SECOND.key_pem,
    "with a revocation list": ONE + block(FIRST.crl(), "X509 CRL"),
    "a revocation list alone": block(FIRST.crl(), "X509 CRL"),
    "trusted": ONE.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
    "empty": "",
    "an error page": "<html>403</html>",
    "cut off": ONE + SECOND.pem[:300],
    "not base64": ONE + SECOND.pem.replace("\nM", "\n!M", 1),
    "something else": ONE + block(b"\x30\x03\x02\x01\x00"),
    "a revocation list by a certificate's name": ONE + block(FIRST.crl()),
    "a bad revocation list": ONE + block(b"\x30\x00", "X509 CRL"),
    "bytes behind the certificate": ONE + block(SECOND.der + b"\0"),
    "NUL": ONE[:100] + "\0" + ONE[100:],
    "junk joined on": ONE.rstrip("\n") + SECOND.pem,
}


class TestBundle:
    @pytest.mark.parametrize("name", CONTENTS)
    def test_as_openssl_reads_it(self, name: str, machine: FakeRoot) -> None:
        content = CONTENTS[name]
        path = machine.write("/certifi/cacert.pem", content)
        expected = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        error = outcome(lambda: expected.load_verify_locations(path))
        assert outcome(lambda: bundle(path)) is error
        if error is None:
            found = bundle(path)
            assert found.path == path
            assert len(found.certificates) == len(set(found.certificates)) == expected.cert_store_stats()["x509"]
            context = found.context(1)
            assert context.get_ca_certs(True) == expected.get_ca_certs(True)
            assert context.cert_store_stats()["x509"] == expected.cert_store_stats()["x509"]

    @needs_posix
    @pytest.mark.parametrize("kind", ["missing", "directory", "loop", "below a file", "null"])
    def test_as_openssl_fails(self, kind: str, machine: FakeRoot) -> None:
        path = machine("/certifi/cacert.pem")
        if kind == "directory":
            machine.directory("/certifi/cacert.pem")
        elif kind == "loop":
            machine.link("/certifi/cacert.pem", "/certifi/cacert.pem")
        elif kind == "below a file":
            machine.write("/certifi")
        elif kind == "null":
            path += "\0"
        error = outcome(lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path))
        assert error is not None
        assert outcome(lambda: bundle(path)) is error

    @needs_posix
    @pytest.mark.timeout(10)
    def test_fifo(self, machine: FakeRoot) -> None:
        """OpenSSL would wait."""
        assert outcome(lambda: bundle(machine.fifo("/certifi/cacert.pem"))) is OSError

    def test_relative_and_of_any_type(self, machine: FakeRoot, monkeypatch: pytest.MonkeyPatch) -> None:
        path = machine.bundle("/certifi/cacert.pem", FIRST)
        monkeypatch.chdir(machine.folder)
        kinds: list[Any] = ["certifi/cacert.pem", b"certifi/cacert.pem", Path("certifi/cacert.pem")]
        assert {bundle(kind).path for kind in kinds} == {path}

    def test_openssl_takes_nothing_apart(self, machine: FakeRoot, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
        path = machine.bundle("/certifi/cacert.pem", FIRST, SECOND)
        monkeypatch.setattr(_stdlib, "plain_context", None)
        assert bundle(path).certificates == (FIRST.der, SECOND.der)

    def test_it_is_remembered_while_the_file_is_the_same(self, machine: FakeRoot, settled: None) -> None:
        path = machine.bundle("/certifi/cacert.pem", FIRST)
        found = bundle(path)
        assert bundle(path) is found
        machine.bundle("/certifi/cacert.pem", FIRST, SECOND)
        assert bundle(path).certificates == (FIRST.der, SECOND.der)
        assert found.certificates == (FIRST.der,)

    def test_a_passing_error_passes(self, machine: FakeRoot, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
        path = machine.bundle("/certifi/cacert.pem", FIRST)
        with monkeypatch.context() as patch:
            patch.setattr(pem, "contents", failing)
            assert outcome(lambda: bundle(path)) is OSError
        assert bundle(path).certificates == (FIRST.der,)

    def test_one_context_for_each_level(self, machine: FakeRoot) -> None:
        found = bundle(machine.bundle("/certifi/cacert.pem", FIRST))
        contexts = [found.context(level) for level in range(6)]
        assert [found.context(level) for level in range(6)] == contexts
        assert len(set(map(id, contexts))) == 6
        assert [context.security_level for context in contexts] == [*range(6)]

    def test_threads_get_the_same_context(self, machine: FakeRoot) -> None:
        found = bundle(machine.bundle("/certifi/cacert.pem", FIRST))
        got: list[ssl.SSLContext] = []
        threads = [threading.Thread(target=lambda: got.append(found.context(2))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(got) == 8
        assert len(set(map(id, got))) == 1

    def test_what_is_in_it(self, machine: FakeRoot) -> None:
        found = bundle(machine.bundle("/certifi/cacert.pem", FIRST))
        assert "1 certificate" in repr(found)
        with pytest.raises(AttributeError):
            found.more = 1  # type: ignore[attr-defined]
        with pytest.raises(AttributeError):
            found.__dict__  # noqa: B018


def failing(path: str) -> bytes:
    raise OSError(24, "Too many open files")


def loaded(der: bytes) -> set[bytes]:
    if not der:
        return set()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=der)
    return set(context.get_ca_certs(True))


@needs_posix
class TestExtras:
    @pytest.fixture
    def certifi(self, machine: FakeRoot) -> Bundle:
        return bundle(machine.bundle("/certifi/cacert.pem", FIRST, SECOND, THIRD))

    def missing(self, certifi: Bundle, store: Store) -> set[bytes]:
        return loaded(extras(certifi, store))

    def ders(self, *certificates: Certificate) -> set[bytes]:
        return {certificate.der for certificate in certificates}

    def test_bundle(self, machine: FakeRoot, certifi: Bundle) -> None:
        machine.bundle(DEBIAN, SECOND, LEAF)
        assert self.missing(certifi, machine.find()) == self.ders(FIRST, THIRD)

    def test_the_same(self, machine: FakeRoot, certifi: Bundle) -> None:
        machine.link(DEBIAN, "/certifi/cacert.pem")
        assert extras(certifi, machine.find()) == b""

    def test_bundle_that_only_openssl_reads(self, machine: FakeRoot, certifi: Bundle) -> None:
        machine.write(DEBIAN, b"\xef\xbb\xbf" + pem_file([LEAF, SECOND]).encode())
        assert self.missing(certifi, machine.find()) == self.ders(FIRST, THIRD)

    def test_covered(self, machine: FakeRoot, certifi: Bundle) -> None:
        machine.bundle(DEBIAN, SECOND)
        machine.hashed("/etc/ssl/certs", SECOND)
        store = machine.find()
        assert store.covered
        assert self.missing(certifi, store) == self.ders(FIRST, THIRD)

    def test_directory(self, machine: FakeRoot, certifi: Bundle) -> None:
        machine.hashed("/etc/ssl/certs", SECOND)
        machine.hashed("/home/user/certs", THIRD)
        assert self.missing(certifi, machine.find()) == self.ders(FIRST, THIRD)
        environ = {"SSL_CERT_DIR": "/etc/ssl/certs:/home/user/certs"}
        assert self.missing(certifi, machine.find(environ)) == self.ders(FIRST)

    def test_directory_where_openssl_does_not_find_it(self, machine: FakeRoot, certifi: Bundle) -> None:
        """Held means: OpenSSL would come to it."""
        machine.bundle("/etc/ssl/certs/12345678.0", SECOND)
        machine.bundle("/etc/ssl/certs/12345678.1", FIRST)
        machine.bundle("/etc/ssl/certs/third.pem", THIRD)
        assert self.missing(certifi, machine.find()) == self.ders(FIRST, SECOND, THIRD)

    def test_files(self, machine: FakeRoot, certifi: Bundle) -> None:
        machine.bundle("/system/etc/security/cacerts/00000001.0", SECOND)
        machine.bundle("/system/etc/security/cacerts/00000002.0", THIRD)
        assert self.missing(certifi, machine.find(platform="android")) == self.ders(FIRST)

    def test_settings_of_openssls_are_not_held(self, machine: FakeRoot, certifi: Bundle) -> None:
        """The store has it for e-mail alone."""
        settings = bytes.fromhex("300c300a06082b06010505070304")
        machine.write(DEBIAN, SECOND.pem + block(FIRST.der + settings, "TRUSTED CERTIFICATE"))
        assert self.missing(certifi, machine.find()) == self.ders(FIRST, THIRD)

    def test_no_store(self, machine: FakeRoot, certifi: Bundle) -> None:
        assert self.missing(certifi, machine.find()) == self.ders(FIRST, SECOND, THIRD)

    def test_store_that_went_away(self, machine: FakeRoot, certifi: Bundle) -> None:
        machine.bundle(DEBIAN, SECOND)
        store = machine.find()
        os.remove(machine(DEBIAN))
        assert self.missing(certifi, store) == self.ders(FIRST, SECOND, THIRD)

    def test_it_is_remembered_but_not_an_error(
        self, machine: FakeRoot, settled: None, certifi: Bundle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine.bundle(DEBIAN, SECOND)
        certifi, store = bundle(certifi.path), machine.find()
        with monkeypatch.context() as patch:
            patch.setattr(pem, "contents", failing)
            assert self.missing(certifi, store) == self.ders(FIRST, SECOND, THIRD)
        assert self.missing(certifi, store) == self.ders(FIRST, THIRD)
        with monkeypatch.context() as patch:
            patch.setattr(pem, "contents", failing)
            assert self.missing(certifi, store) == self.ders(FIRST, THIRD)
        machine.bundle(DEBIAN, SECOND, THIRD)
        assert self.missing(certifi, store) == self.ders(FIRST)

    @pytest.mark.parametrize("root", [FIRST, SECOND, THIRD])
    def test_together_they_trust_what_both_trust(self, root: Authority, machine: FakeRoot, certifi: Bundle) -> None:
        machine.bundle(DEBIAN, SECOND)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(machine(DEBIAN))
        context.load_verify_locations(cadata=extras(certifi, machine.find()))
        in_memory(context, root.issue("localhost").server_context())


def test_memory_has_a_bound() -> None:
    for remembered in (public._bundle, public._extras):
        assert 0 < (remembered.cache_info().maxsize or 0) <= 64


def test_documentation_names_each() -> None:
    page = Path(__file__).parent.parent.joinpath("docs", "store.md").read_text("utf-8")
    assert all(f"`{ending}`" in page for ending, _ in public._ENDINGS)
