"""How a handshake ends that a read or a write performs: with what plain `ssl` returns or raises there, word for word."""

from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from gate_servers import Peer, sites
from servers import HOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_verifier import FakeVerifier

    from truststore import SSLContext

#: An alert that says that the peer is done (RFC 8446, 6.1).
CLOSE_NOTIFY = bytes.fromhex("15030300020100")

ENDINGS: dict[str, Callable[[socket.socket], object]] = {
    "close_notify": lambda peer: peer.sendall(CLOSE_NOTIFY),
    "nothing": lambda peer: None,
    "end of file": lambda peer: peer.close(),
    "no TLS": lambda peer: peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
}
OPERATIONS: dict[str, Callable[[ssl.SSLSocket], object]] = {
    "recv": lambda client: client.recv(5),
    "recv_into": lambda client: client.recv_into(bytearray(5)),
    "read": lambda client: client.read(5),
    "send": lambda client: client.send(b"hello"),
    "do_handshake": lambda client: client.do_handshake(),
}


def outcome(context: ssl.SSLContext, ending: str, operation: str) -> tuple[object, str]:
    """What the operation returns, or the error, less the line of C that it comes from."""
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_connection(listening.getsockname()) as sock:
        sock.settimeout(0.1 if ending == "nothing" else 10)
        peer, _ = listening.accept()
        with peer, context.wrap_socket(sock, server_hostname=HOST, do_handshake_on_connect=False) as client:
            ENDINGS[ending](peer)
            try:
                return OPERATIONS[operation](client), ""
            except OSError as error:
                return type(error), re.sub(r"_ssl\.c:\d+", "_ssl.c", str(error))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("ending", ENDINGS)
def test_over_a_socket(ending: str, operation: str, context: SSLContext) -> None:
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert outcome(context, ending, operation) == outcome(plain, ending, operation)


@pytest.mark.parametrize("arguments", [(5,), (5, bytearray(5))], ids=["read", "read into"])
def test_in_memory(arguments: tuple[Any, ...], context: SSLContext) -> None:
    def read(context: ssl.SSLContext) -> object:
        incoming = ssl.MemoryBIO()
        client = context.wrap_bio(incoming, ssl.MemoryBIO(), server_hostname=HOST)
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        incoming.write(CLOSE_NOTIFY)
        return client.read(*arguments)

    assert read(context) == read(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def test_what_a_verifier_says_of_time_is_its_own(context: SSLContext, judge: FakeVerifier) -> None:
    def never() -> None:
        raise TimeoutError("the directory did not answer")

    judge.before = never
    with (
        Peer(sites()["trusted"]) as peer,
        socket.create_connection(peer.address) as sock,
        context.wrap_socket(sock, server_hostname=HOST, do_handshake_on_connect=False) as client,
    ):
        with pytest.raises(OSError, match="the directory did not answer"):
            client.recv(5)
        with pytest.raises(ssl.SSLCertVerificationError):
            client.recv(5)
