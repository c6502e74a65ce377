"""Every way in which a handshake can start on a socket: none gets past the verdict."""

from __future__ import annotations

import io
import select
import socket
import ssl
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from gate_servers import GREETING, PING, Peer, Site, converse, hear, visited
from servers import HOST, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_verifier import FakeVerifier

    from truststore import SSLContext

    Visit = Callable[[SSLContext, Peer], None]


def wrap_connected(context: SSLContext, peer: Peer) -> None:
    with connect(peer) as sock, context.wrap_socket(sock, server_hostname=HOST) as tls:
        converse(tls)


def wrap_then_handshake(context: SSLContext, peer: Peer) -> None:
    with connect(peer) as sock, wrap_later(context, sock) as tls:
        tls.do_handshake()
        converse(tls)


def wrap_then_blocking_handshake(context: SSLContext, peer: Peer) -> None:
    with connect(peer) as sock, wrap_later(context, sock) as tls:
        tls.settimeout(0)
        tls.do_handshake(block=True)
        tls.settimeout(TIMEOUT)
        converse(tls)


def wrap_before_connect(context: SSLContext, peer: Peer) -> None:
    with unconnected() as sock, context.wrap_socket(sock, server_hostname=HOST) as tls:
        tls.connect(peer.address)
        converse(tls)


def wrap_before_connect_ex(context: SSLContext, peer: Peer) -> None:
    with unconnected() as sock, context.wrap_socket(sock, server_hostname=HOST) as tls:
        assert tls.connect_ex(peer.address) == 0
        converse(tls)


def connect_then_read(context: SSLContext, peer: Peer) -> None:
    with unconnected() as sock, wrap_later(context, sock) as tls:
        tls.connect(peer.address)
        hear(tls.read)
        tls.sendall(PING)


def nonblocking_connect_ex(context: SSLContext, peer: Peer) -> None:
    with unconnected() as sock, context.wrap_socket(sock, server_hostname=HOST) as tls:
        tls.setblocking(False)
        tls.connect_ex(peer.address)
        select.select([], [tls], [], TIMEOUT)
        until_done(tls, tls.do_handshake)
        until_done(tls, lambda: tls.send(PING))
        until_done(tls, lambda: hear(tls.recv))


def nonblocking_handshake(context: SSLContext, peer: Peer) -> None:
    with connect(peer) as sock, wrap_later(context, sock) as tls:
        tls.setblocking(False)
        until_done(tls, tls.do_handshake)
        until_done(tls, lambda: tls.send(PING))
        until_done(tls, lambda: hear(tls.recv))


def nonblocking_read(context: SSLContext, peer: Peer) -> None:
    with connect(peer) as sock, wrap_later(context, sock) as tls:
        tls.setblocking(False)
        until_done(tls, lambda: hear(tls.recv))
        until_done(tls, lambda: tls.send(PING))


def nonblocking_write(context: SSLContext, peer: Peer) -> None:
    with connect(peer) as sock, wrap_later(context, sock) as tls:
        tls.setblocking(False)
        until_done(tls, lambda: tls.send(PING))
        until_done(tls, lambda: hear(tls.recv))


def own_socket_class(context: SSLContext, peer: Peer) -> None:
    class Socket(ssl.SSLSocket):
        """Someone's own."""

    context.sslsocket_class = Socket
    with connect(peer) as sock, context.wrap_socket(sock, server_hostname=HOST) as tls:
        assert type(tls) is Socket
        converse(tls)


VISITS: list[Visit] = [
    wrap_connected,
    wrap_then_handshake,
    wrap_then_blocking_handshake,
    wrap_before_connect,
    wrap_before_connect_ex,
    connect_then_read,
    nonblocking_connect_ex,
    nonblocking_handshake,
    nonblocking_read,
    nonblocking_write,
    own_socket_class,
]


@pytest.mark.parametrize("visit", VISITS)
def test_handshake(visit: Visit, context: SSLContext, site: Site, version: ssl.TLSVersion, judge: FakeVerifier) -> None:
    with Peer(site, version) as peer, visited(peer, judge):
        visit(context, peer)


def read(tls: ssl.SSLSocket) -> None:
    hear(tls.read, tls.read(5))


def read_into(tls: ssl.SSLSocket) -> None:
    into(lambda buffer: tls.read(5, buffer), tls)  # type: ignore[arg-type, return-value]


def recv(tls: ssl.SSLSocket) -> None:
    hear(tls.recv, tls.recv(5))


def recv_into(tls: ssl.SSLSocket) -> None:
    into(tls.recv_into, tls)


def into(receive: Callable[[bytearray], int], tls: ssl.SSLSocket) -> None:
    buffer = bytearray(5)
    try:
        size = receive(buffer)
    except ssl.SSLError:
        assert not any(buffer), "data came in"
        raise
    hear(tls.recv, bytes(buffer[:size]))


def makefile_read(tls: ssl.SSLSocket) -> None:
    with tls.makefile("rb") as file:
        assert file.read(len(GREETING)) == GREETING


def write(tls: ssl.SSLSocket) -> None:
    tls.write(PING)


def send(tls: ssl.SSLSocket) -> None:
    tls.send(PING)


def sendall(tls: ssl.SSLSocket) -> None:
    tls.sendall(PING)


def sendfile(tls: ssl.SSLSocket) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(PING)
        file.seek(0)
        assert tls.sendfile(file) == len(PING)


def sendfile_of_memory(tls: ssl.SSLSocket) -> None:
    assert tls.sendfile(io.BytesIO(PING)) == len(PING)


def makefile_write(tls: ssl.SSLSocket) -> None:
    with tls.makefile("wb", buffering=0) as file:
        file.write(PING)


FIRST_READS = [read, read_into, recv, recv_into, makefile_read]
FIRST_WRITES = [write, send, sendall, sendfile, sendfile_of_memory, makefile_write]


@pytest.mark.parametrize("first", [*FIRST_READS, *FIRST_WRITES])
def test_handshake_inside_the_first_call(
    first: Callable[[ssl.SSLSocket], None], context: SSLContext, site: Site, version: ssl.TLSVersion, judge: FakeVerifier
) -> None:
    """OpenSSL performs the handshake in whatever reads or writes first."""
    with Peer(site, version) as peer, visited(peer, judge), connect(peer) as sock, wrap_later(context, sock) as tls:
        first(tls)
        if first in FIRST_READS:
            tls.sendall(PING)
        else:
            hear(tls.recv)


UNSUPPORTED: list[Callable[[Any], object]] = [
    lambda tls: tls.recvfrom(5),
    lambda tls: tls.recvfrom_into(bytearray(5)),
    lambda tls: tls.sendto(PING, ("127.0.0.1", 9)),
    lambda tls: tls.recvmsg(5),
    lambda tls: tls.recvmsg_into([bytearray(5)]),
    lambda tls: tls.sendmsg([PING]),
    lambda tls: tls.recv(5, socket.MSG_PEEK),
    lambda tls: tls.send(PING, socket.MSG_DONTWAIT),  # type: ignore[attr-defined, unused-ignore]
]


@pytest.mark.parametrize("call", UNSUPPORTED)
def test_calls_that_tls_has_not(call: Callable[[Any], object], context: SSLContext, site: Site, judge: FakeVerifier) -> None:
    """Neither a way round the gate, nor a handshake."""
    with Peer(site) as peer, visited(peer, judge), connect(peer) as sock, wrap_later(context, sock) as tls:
        with pytest.raises((ValueError, NotImplementedError)) as caught:
            call(tls)
        assert not isinstance(caught.value, ssl.SSLError)
        assert not judge.questions
        converse(tls)


def connect(peer: Peer) -> socket.socket:
    return socket.create_connection(peer.address, TIMEOUT)


def unconnected() -> socket.socket:
    sock = socket.socket()
    sock.settimeout(TIMEOUT)
    return sock


def wrap_later(context: SSLContext, sock: socket.socket) -> ssl.SSLSocket:
    return context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=HOST)


def until_done(tls: ssl.SSLSocket, step: Callable[[], object]) -> None:
    """The loop that ssl's documentation shows for non-blocking sockets."""
    while True:
        try:
            step()
        except ssl.SSLWantReadError:
            assert select.select([tls], [], [], TIMEOUT)[0]
        except ssl.SSLWantWriteError:
            assert select.select([], [tls], [], TIMEOUT)[1]
        else:
            return
