"""TLS servers on this machine, connections to them, and the store that the clients find.

client, server = in_memory(context, leaf.server_context())             # two SSLObjects after their handshake
with connected(context, leaf.server_context()) as (client, server):    # two SSLSockets after theirs
with Server(leaf.server_context()) as server:                          # on 127.0.0.1, echoes, a thread per connection
    socket.create_connection(server.address)

system = Store(tmp_path, monkeypatch)     # the system's store, as SSL_CERT_FILE and SSL_CERT_DIR tell; nothing else of the machine
system.holds(root)
"""

from __future__ import annotations

import contextlib
import queue
import socket
import socketserver
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Certificate, pem_file

import truststore
from truststore._store import search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

needs_openssl = pytest.mark.skipif(
    truststore.SSLContext._verifier is not None,
    reason="the system's own verifier decides here, and it cannot be told to trust an authority of the tests",
)

#: Variables that lead programs to other roots than those of the test.
VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "SSLKEYLOGFILE")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

HOST = "localhost"
TIMEOUT = 20  # seconds; only a test that fails waits as long


class Store:
    """The system's store, for this process and its children: one file, and one directory, which is empty.

    Behind these variables, where a refusal looks for another store, is nothing.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file, self.directory = folder / "system.pem", folder / "system.d"
        self.directory.mkdir()
        for name in (*VARIABLES, *PROXIES, *map(str.upper, PROXIES)):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SSL_CERT_FILE", str(self.file))
        monkeypatch.setenv("SSL_CERT_DIR", str(self.directory))
        monkeypatch.setattr(search, "without_variables", lambda: search.Store(search.NOTHING))

    def holds(self, *roots: Certificate) -> None:
        """These roots, whatever it held before."""
        self.file.write_text(pem_file(roots), "ascii")


def carry(context: ssl.SSLContext, certificate: Certificate, folder: Path) -> None:
    """Have the context show this certificate to its peers."""
    path = folder / "certificate.pem"
    path.write_text(certificate.chain_and_key(), "ascii")
    context.load_cert_chain(path)


def in_memory(
    client_context: ssl.SSLContext, server_context: ssl.SSLContext, name: str | None = HOST, **options: Any
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Client and server after their handshake, in this thread. What either side refuses is raised, the client's error first."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name, **options)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    shake_hands(client, server)
    return client, server


def shake_hands(client: ssl.SSLObject, server: ssl.SSLObject) -> None:
    waiting = [client, server]
    for _ in range(10):  # a full handshake of TLS 1.2 needs three
        for side in tuple(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
    assert not waiting, "the handshake came to no end"


@contextlib.contextmanager
def connected(
    client_context: ssl.SSLContext, server_context: ssl.SSLContext, name: str | None = HOST, **options: Any
) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """Client and server after their handshake, over a socketpair. What either refuses is raised."""
    near, far = socket.socketpair()
    outcome: queue.Queue[Any] = queue.Queue()

    def serve() -> None:
        try:
            outcome.put(server_context.wrap_socket(far, server_side=True))
        except Exception as error:  # noqa: BLE001 - raised below
            far.close()  # wakes the client
            outcome.put(error)

    with near, far, contextlib.ExitStack() as opened:
        for end in near, far:
            end.settimeout(TIMEOUT)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            client = opened.enter_context(client_context.wrap_socket(near, server_hostname=name, **options))
        except ssl.SSLCertVerificationError:
            raise
        except OSError:
            _opened(outcome, opened)
            raise
        finally:
            near.close()  # wakes the server
            thread.join()
        yield client, _opened(outcome, opened)


def _opened(outcome: queue.Queue[Any], opened: contextlib.ExitStack) -> ssl.SSLSocket:
    """The server's socket, or its error raised."""
    server = outcome.get()
    if isinstance(server, Exception):
        raise server
    return opened.enter_context(server)  # type: ignore[no-any-return]


def exchange(client: Any, server: Any) -> None:
    """Send something each way, and so have the tickets of TLS 1.3 arrive."""
    client.write(b"ping")
    assert server.read(4) == b"ping"
    server.write(b"pong")
    assert client.read(4) == b"pong"


def echo(sock: ssl.SSLSocket) -> None:
    """Until the client says goodbye."""
    while data := sock.recv(65536):
        sock.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    """Listens on 127.0.0.1, and has `handle` serve each connection in a thread of its own, after the handshake.

    `context` None: without TLS. `outcomes` gets, per connection, None or the error that ended it.
    """

    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = False

    def __init__(self, context: ssl.SSLContext | None, handle: Callable[[Any], object] = echo) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self.context, self.handle = context, handle
        self.port: int = self.socket.getsockname()[1]
        self.outcomes: queue.Queue[Exception | None] = queue.Queue()
        self.thread = threading.Thread(target=self.serve_forever, args=[0.01])

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(TIMEOUT)
        try:
            if self.context:
                request = self.context.wrap_socket(request, server_side=True)
            with request:
                self.handle(request)
        except Exception as error:  # noqa: BLE001 - for the test to judge
            self.outcomes.put(error)
        else:
            self.outcomes.put(None)

    def outcome(self) -> Exception | None:
        """How the next connection ended."""
        return self.outcomes.get(timeout=TIMEOUT)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


def answer_http(sock: ssl.SSLSocket) -> None:
    """One request, one response."""
    request = b""
    while b"\r\n\r\n" not in request:
        part = sock.recv(65536)
        if not part:
            return
        request += part
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nok")
