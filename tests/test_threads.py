"""One context, any number of threads and event loops: nobody waits for another's peer, nobody sees another's settings."""

from __future__ import annotations

import asyncio
import concurrent.futures
import socket
import ssl
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from many import examples
from servers import HOST, TIMEOUT, Server, Store, carry, exchange, in_memory, needs_openssl

import truststore
from truststore import _stdlib
from truststore._store import search

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from certificates import Authority, Certificate

pytestmark = needs_openssl

THREADS = 50
HANDSHAKES = examples(8)


def client() -> truststore.SSLContext:
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def bare(certificate: Certificate, folder: Path) -> truststore.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context = truststore.SSLContext()
    carry(context, certificate, folder)
    return context


def refuses(context: ssl.SSLContext, server_context: ssl.SSLContext) -> bool:
    try:
        in_memory(context, server_context)
    except ssl.SSLCertVerificationError:
        return True
    return False


class Meanwhile:
    """Runs functions over and over, each in a thread of its own, until the block ends. What they raise is raised there."""

    def __init__(self, *functions: Callable[[], object]) -> None:
        self._stopped = threading.Event()
        self._threads = concurrent.futures.ThreadPoolExecutor(len(functions))
        self._running = [self._threads.submit(self._run, function) for function in functions]

    def _run(self, function: Callable[[], object]) -> None:
        while not self._stopped.is_set():
            function()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()
        self._threads.shutdown()
        for each in self._running:
            each.result()


@pytest.mark.timeout(600)
def test_one_cold_context_serves_all(
    system: Store, leaf: Certificate, stranger: Certificate, root: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted, untrusted = client(), leaf.server_context(), stranger.server_context()
    found: list[search.Store] = []
    find = search.find

    def recorded() -> search.Store:
        store = find()
        found.append(store)
        return store

    monkeypatch.setattr(search, "find", recorded)
    start = threading.Barrier(THREADS)

    def connect() -> set[bool]:
        start.wait()
        return {refuses(context, trusted) for _ in range(HANDSHAKES)}

    other = bare(leaf, tmp_path)

    def change() -> None:
        other.check_hostname = False
        other.verify_mode = ssl.CERT_NONE
        assert not refuses(other, untrusted)
        other.verify_mode = ssl.CERT_REQUIRED
        other.check_hostname = True
        other.options ^= ssl.OP_NO_TICKET
        other.load_verify_locations(cadata=root.pem)
        assert refuses(other, untrusted)
        assert other.get_ca_certs(True) == [root.der]

    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads, Meanwhile(change):
        outcomes = [each.result() for each in [threads.submit(connect) for _ in range(THREADS)]]
    assert outcomes == [{False}] * THREADS
    assert refuses(context, untrusted)
    assert [store for store in found if store is not other.system_store] == [context.system_store], "looked for more than once"
    assert _stdlib.CContext.cert_store_stats(context)["x509"] == 1


def test_serving_does_not_open_a_context_to_strangers(
    system: Store, leaf: Certificate, stranger: Certificate, tmp_path: Path
) -> None:
    """While a bare context is wrapped for a server, OpenSSL's settings ask for no certificate. SSL_new() gives up the GIL then."""
    context, untrusted = bare(leaf, tmp_path), stranger.server_context()

    def serve() -> None:
        for _ in range(100):
            context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)

    def look() -> None:
        for _ in range(100):
            assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)

    with Meanwhile(serve, serve, look):
        assert all(refuses(context, untrusted) for _ in range(150))


def test_a_silent_peer_delays_nobody(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    context = client()
    established, far = in_memory(context, leaf.server_context())
    with socket.create_server(("127.0.0.1", 0)) as listener, concurrent.futures.ThreadPoolExecutor(1) as threads:
        near = socket.create_connection(listener.getsockname(), TIMEOUT)
        waiting = threads.submit(context.wrap_socket, near, server_hostname=HOST)
        silent, _ = listener.accept()
        with silent:
            silent.settimeout(TIMEOUT)
            assert silent.recv(1) == b"\x16", "the handshake has begun"
            with Server(leaf.server_context()) as server:
                for _ in range(3):
                    sock = socket.create_connection(server.address, TIMEOUT)
                    with context.wrap_socket(sock, server_hostname=HOST) as tls:
                        tls.sendall(b"hello")
                        assert tls.recv(5) == b"hello"
            assert refuses(context, stranger.server_context())
            exchange(established, far)
            assert established.getpeercert()
            context.check_hostname = True
            context.load_verify_locations(cadata=stranger.root.pem)
            assert not refuses(context, stranger.server_context())
            assert len(context.get_ca_certs()) == 1
            assert not waiting.done()
        with pytest.raises(OSError):
            waiting.result(TIMEOUT)


def test_event_loops_share_a_context(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    context = client()

    async def connect(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=HOST)
        writer.write(b"hello")
        try:
            return await reader.readexactly(5)
        finally:
            writer.close()
            await writer.wait_closed()

    async def all_of(trusted: int, untrusted: int) -> list[Any]:
        ports = (trusted, untrusted) * 5
        return await asyncio.gather(*(connect(port) for port in ports), return_exceptions=True)

    with Server(leaf.server_context()) as trusted, Server(stranger.server_context()) as untrusted:
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            loops = [threads.submit(asyncio.run, all_of(trusted.port, untrusted.port)) for _ in range(4)]
        for loop in loops:
            answers = loop.result()
            assert answers[::2] == [b"hello"] * 5
            assert {type(answer) for answer in answers[1::2]} == {ssl.SSLCertVerificationError}
