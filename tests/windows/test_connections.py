"""Whole connections through `truststore.SSLContext`, with CryptoAPI's verdict."""

from __future__ import annotations

import asyncio
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority, Certificate, pem_file
from servers import Server, connected, in_memory

import truststore
from truststore import _platform, _windows
from truststore._store.subjects import subject_hash
from windows import system

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from truststore._verdict import Question
    from windows.published import Publisher
    from windows.watching import Calls

assert sys.platform == "win32"

HOST = "www.example.test"
BOOKS = "xn--bcher-kva.example.test"


@pytest.fixture(scope="module")
def intermediate(system_root: Authority) -> Authority:
    return system_root.authority()


@pytest.fixture(scope="module")
def leaf(intermediate: Authority) -> Certificate:
    return intermediate.issue(HOST, BOOKS, "localhost", "127.0.0.1", "::1")


@pytest.fixture(scope="module")
def own() -> Authority:
    return Authority.new("Root of the program")


def client() -> truststore.SSLContext:
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def chain_told(connection: ssl.SSLObject) -> list[bytes]:
    chain = connection._sslobj.get_verified_chain()  # type: ignore[attr-defined]
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes(1)) for certificate in chain]


def test_this_is_the_platforms_verifier(leaf: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    assert truststore.SSLContext._verifier is _platform.verify
    assert truststore.SSLContext._platform is _platform.PLATFORM
    asked = []

    def ask(question: Question) -> Sequence[bytes]:
        asked.append(question.hostname)
        return question.chain

    monkeypatch.setattr(_windows, "verify", ask)
    in_memory(client(), leaf.server_context(), HOST)
    assert asked == [HOST]


def test_importing_asks_nothing() -> None:
    """Ctypes takes longer to import than all of the package."""
    done = run("import sys, truststore; print('ctypes' in sys.modules, 'truststore._windows' in sys.modules)")
    assert (done.stdout.split(), done.returncode) == (["False", "False"], 0), done.stderr


@pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLS is deprecated")
@pytest.mark.parametrize("make", [client, truststore.SSLContext, lambda: truststore.SSLContext(ssl.PROTOCOL_TLS)])
def test_a_root_of_the_system_is_trusted(make: Callable[[], ssl.SSLContext], leaf: Certificate) -> None:
    context = make()
    context.verify_mode = ssl.CERT_REQUIRED
    with connected(context, leaf.server_context(), HOST) as (near, far):
        near.sendall(b"x")
        assert far.recv(1) == b"x"


def test_the_chain_that_windows_built_is_told(leaf: Certificate) -> None:
    near, _ = in_memory(client(), leaf.server_context(), HOST)
    assert chain_told(near) == [certificate.der for certificate in (*leaf.chain, leaf.root)]
    assert "Root of the system" in repr(near._sslobj.get_verified_chain()[-1])  # type: ignore[attr-defined]


def test_nobodys_root_is_refused(own: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer certificate") as caught:
        in_memory(client(), own.issue(HOST).server_context(), HOST)
    assert caught.value.verify_code == 20


@pytest.mark.parametrize(
    "name", ["www.example.test", "WWW.example.TEST", "www.example.test.", "bücher.example.test", BOOKS, "127.0.0.1", "::1"]
)
def test_names(name: str, leaf: Certificate) -> None:
    """IDNA and the trailing dot are the context's business: CryptoAPI gets A-labels without it."""
    in_memory(client(), leaf.server_context(), name)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("example.test", 62),
        ("x.www.example.test", 62),
        ("bucher.example.test", 62),
        ("127.0.0.2", 64),
        ("::2", 64),
        ("x" * 63 + ".test", 62),
    ],
)
def test_other_names(name: str, code: int, leaf: Certificate) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        in_memory(client(), leaf.server_context(), name)
    assert caught.value.verify_code == code
    assert f"certificate is not valid for '{name}'." in str(caught.value)


def test_no_name_check_if_nobody_wants_one(leaf: Certificate, own: Authority) -> None:
    context = client()
    context.check_hostname = False
    in_memory(context, leaf.server_context(), "other.test")
    in_memory(context, leaf.server_context(), None)
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(context, own.issue(HOST).server_context(), None)


def file(root: Certificate, folder: Path) -> dict[str, str | bytes]:
    (folder / "root.pem").write_text(root.pem)
    return {"cafile": str(folder / "root.pem")}


def bundle(root: Certificate, folder: Path) -> dict[str, str | bytes]:
    (folder / "bundle.pem").write_text(pem_file([*(Authority.new(key="p256") for _ in range(5)), root]))
    return {"cafile": str(folder / "bundle.pem")}


def directory(root: Certificate, folder: Path) -> dict[str, str | bytes]:
    (folder / f"{subject_hash(root.der)}.0").write_text(root.pem)
    return {"capath": str(folder)}


def text(root: Certificate, folder: Path) -> dict[str, str | bytes]:
    return {"cadata": root.pem}


def octets(root: Certificate, folder: Path) -> dict[str, str | bytes]:
    return {"cadata": root.der}


class TestOwnRoots:
    """By OpenSSL's verdict: Windows is asked about the others alone."""

    @pytest.mark.parametrize("source", [file, bundle, directory, text, octets])
    def test_they_are_trusted_in_addition(
        self,
        source: Callable[[Certificate, pathlib.Path], dict[str, Any]],
        own: Authority,
        leaf: Certificate,
        stranger: Certificate,
        tmp_path: pathlib.Path,
        calls: Calls,
    ) -> None:
        context = client()
        context.load_verify_locations(**source(own, tmp_path))
        in_memory(context, own.authority().issue(HOST).server_context(), HOST)
        assert calls["CertGetCertificateChain"] == 0
        in_memory(context, leaf.server_context(), HOST)
        assert calls["CertGetCertificateChain"] == 1
        with pytest.raises(ssl.SSLCertVerificationError):
            in_memory(context, stranger.server_context(), HOST)
        assert calls["CertGetCertificateChain"] == 2

    def test_between_connections(self, own: Authority, calls: Calls) -> None:
        context, served = client(), own.issue(HOST).server_context()
        with pytest.raises(ssl.SSLCertVerificationError):
            in_memory(context, served, HOST)
        context.load_verify_locations(cadata=own.der)
        for _ in range(3):
            in_memory(context, served, HOST)
        assert calls["CertGetCertificateChain"] == 1

    def test_the_chain_that_openssl_built_is_told(self, own: Authority) -> None:
        context, server = client(), own.authority().issue(HOST)
        context.load_verify_locations(cadata=own.der)
        near, _ = in_memory(context, server.server_context(), HOST)
        assert chain_told(near) == [certificate.der for certificate in (*server.chain, own)]

    def test_the_refusal_that_got_further_is_told(self, own: Authority, stranger: Certificate) -> None:
        context = client()
        context.load_verify_locations(cadata=own.der)
        for server, host, code in (own.issue(HOST), "other.test", 62), (stranger, HOST, 20), (stranger, "other.test", 20):
            with pytest.raises(ssl.SSLCertVerificationError) as caught:
                in_memory(context, server.server_context(), host)
            assert caught.value.verify_code == code


def test_one_chain_per_handshake(leaf: Certificate, calls: Calls) -> None:
    context, served = client(), leaf.server_context()
    for number in range(1, 4):
        with connected(context, served, HOST):
            assert calls["CertGetCertificateChain"] == number
    in_memory(context, served, HOST)
    assert calls["CertGetCertificateChain"] == 4


def test_32_threads_on_one_context_with_roots(leaf: Certificate, own: Authority, stranger: Certificate, calls: Calls) -> None:
    context, outcomes = client(), []
    context.load_verify_locations(cadata=own.der)
    start = threading.Barrier(32)
    servers = [leaf.server_context(), own.issue(HOST).server_context(), stranger.server_context()]

    def connect(number: int) -> None:
        start.wait()
        try:
            in_memory(context, servers[number % 3], HOST)
            outcomes.append((number % 3, 0))
        except ssl.SSLCertVerificationError as error:
            outcomes.append((number % 3, error.verify_code))

    threads = [threading.Thread(target=connect, args=[number]) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 32
    assert set(outcomes) == {(0, 0), (1, 0), (2, 20)}
    assert calls["CertGetCertificateChain"] == 32 - outcomes.count((1, 0))


def test_the_gil_is_given_up_while_windows_fetches(system_root: Authority, publisher: Publisher) -> None:
    """The missing intermediate is served by this very process: it could not answer otherwise."""
    issuer = system_root.authority("Published")
    publisher.files["/issuer.crt"] = issuer.der
    leaf = issuer.issue(HOST, issuer_url=publisher.url + "/issuer.crt")
    in_memory(client(), leaf.server_context([leaf]), HOST)
    assert "/issuer.crt" in publisher.asked


@pytest.mark.parametrize("loop", [asyncio.SelectorEventLoop, asyncio.ProactorEventLoop])
def test_asyncio(loop: Callable[[], asyncio.AbstractEventLoop], leaf: Certificate, own: Authority) -> None:
    async def fetch(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client(), server_hostname=HOST)
        writer.write(b"hello")
        answer = await reader.readexactly(5)
        writer.close()
        return answer

    running = loop()
    try:
        with Server(leaf.server_context()) as server:
            assert running.run_until_complete(fetch(server.port)) == b"hello"
        with Server(own.issue(HOST).server_context()) as server, pytest.raises(ssl.SSLCertVerificationError):
            running.run_until_complete(fetch(server.port))
    finally:
        running.close()


def test_a_refused_socket_is_shut(own: Authority) -> None:
    with Server(own.issue(HOST).server_context()) as server, socket.create_connection(server.address) as sock:
        with pytest.raises(ssl.SSLCertVerificationError):
            client().wrap_socket(sock, server_hostname=HOST)
        assert isinstance(server.outcome(), (OSError, type(None)))


def test_the_systems_roots_vouch_for_no_client(system_root: Authority, leaf: Certificate, tmp_path: pathlib.Path) -> None:
    """On the server's side OpenSSL verifies, and against what was loaded alone."""
    served = truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "leaf.pem").write_text(leaf.chain_and_key())
    served.load_cert_chain(tmp_path / "leaf.pem")
    served.verify_mode = ssl.CERT_REQUIRED
    context = client()
    context.load_cert_chain(tmp_path / "leaf.pem")
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(context, served, HOST)


def run(code: str, attempts: int = 1 + system.IS_WINE) -> subprocess.CompletedProcess[str]:
    """Under Wine once more, if it hangs: there, on a busy machine, a process may wait for good before it has begun."""
    try:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    except subprocess.TimeoutExpired:
        if attempts == 1:
            raise
        return run(code, attempts - 1)


def test_a_frozen_program() -> None:
    """`sys.frozen` (PyInstaller and others): nothing depends on files of ours."""
    done = run("import sys; sys.frozen = True; import truststore; print(truststore.SSLContext()._platform.name)")
    assert (done.stdout.strip(), done.returncode) == ("CryptoAPI", 0), done.stderr


IN_A_SUBINTERPRETER = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
try:
    failed = interpreters.run_string(interpreters.create(), {code!r})
except interpreters.RunFailedError as error:
    failed = error
print(getattr(failed, "formatted", failed) or "")
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 names its interpreters otherwise")
def test_a_subinterpreter() -> None:
    """It works there, or says why it cannot: _ctypes of Python 3.12 does not load in one."""
    code = f"import sys; sys.path[:0] = {sys.path!r}; from truststore._platform import verify; verify(None)"
    done = run(IN_A_SUBINTERPRETER.format(code=code))
    assert done.returncode == 0, done.stderr
    if sys.version_info[:2] == (3, 12):
        assert "truststore cannot ask CryptoAPI, since ctypes does not work in this interpreter" in done.stdout
    else:  # it has come as far as looking for a question
        assert "'NoneType' object has no attribute 'chain'" in done.stdout


@pytest.mark.skipif(system.IS_WINE, reason="Wine ignores dwUrlRetrievalTimeout")
@pytest.mark.timeout(120)
def test_fetching_is_bounded_in_time(intermediate: Authority) -> None:
    """The missing intermediate is at a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/issuer.crt"
        leaf = intermediate.authority("Silently published").issue(HOST, issuer_url=url)
        started = time.monotonic()
        with pytest.raises(ssl.SSLCertVerificationError):
            in_memory(client(), leaf.server_context([leaf]), HOST)
        assert time.monotonic() - started < 3 * _windows.URL_TIMEOUT / 1000
