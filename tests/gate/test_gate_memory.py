"""SSLObject over MemoryBIO: every way a handshake can start, and what an untrusted server can read before the refusal: the hello."""

from __future__ import annotations

import socket
import ssl
from types import BuiltinMethodType
from typing import TYPE_CHECKING, TypeVar

import pytest
from gate_servers import PING, UNKNOWN_ISSUER, Peer, Site, client_certificate, has_certificate, hear, root, sites, visited
from servers import HOST, TIMEOUT, exchange, in_memory, shake_hands

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fake_verifier import FakeVerifier

    import truststore

    Answer = TypeVar("Answer")

HANDSHAKE_RECORD = 22


class Pumped:
    """An SSLObject whose two ends are pumped through a socket by hand, as event loops do it."""

    def __init__(self, context: ssl.SSLContext, sock: socket.socket) -> None:
        self.incoming, self.outgoing, self.sock = ssl.MemoryBIO(), ssl.MemoryBIO(), sock
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=HOST)

    def __call__(self, step: Callable[[], Answer]) -> Answer:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.flush()
                received = self.sock.recv(65536)
                assert received, "the server hung up"
                self.incoming.write(received)
            finally:
                self.flush()

    def flush(self) -> None:
        self.sock.sendall(self.outgoing.read())

    def handshake(self) -> None:
        self(self.tls.do_handshake)

    def read(self, size: int = 5) -> bytes:
        return self(lambda: self.tls.read(size))

    def read_into(self) -> bytes:
        buffer = bytearray(5)
        try:
            size = self(lambda: int(self.tls.read(5, buffer)))
        except ssl.SSLError:
            assert not any(buffer), "data came in"
            raise
        return bytes(buffer[:size])

    def write(self) -> None:
        self(lambda: self.tls.write(PING))


def handshake_first(pumped: Pumped) -> None:
    pumped.handshake()
    read_first(pumped)


def read_first(pumped: Pumped) -> None:
    hear(pumped.read, pumped.read())
    pumped.write()


def read_into_first(pumped: Pumped) -> None:
    hear(pumped.read, pumped.read_into())
    pumped.write()


def write_first(pumped: Pumped) -> None:
    pumped.write()
    hear(pumped.read)


@pytest.mark.parametrize("visit", [handshake_first, read_first, read_into_first, write_first])
def test_handshake(
    visit: Callable[[Pumped], None], context: truststore.SSLContext, site: Site, version: ssl.TLSVersion, judge: FakeVerifier
) -> None:
    with Peer(site, version) as peer, visited(peer, judge), socket.create_connection(peer.address, TIMEOUT) as sock:
        visit(Pumped(context, sock))


class Wire:
    """Client and server in one thread, and every byte in between is kept."""

    def __init__(self, client: ssl.SSLContext, server: ssl.SSLContext, session: ssl.SSLSession | None = None) -> None:
        self.to_client, self.to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client_wrote, self.server_reads = ssl.MemoryBIO(), self.to_server
        self.client = client.wrap_bio(self.to_client, self.client_wrote, server_hostname=HOST, session=session)
        self.server = server.wrap_bio(self.server_reads, self.to_client, server_side=True)
        self.sent: list[bytes] = []

    def flush(self) -> None:
        if data := self.client_wrote.read():
            self.sent.append(data)
            self.to_server.write(data)

    def refused(self) -> ssl.SSLCertVerificationError:
        """Pump until the client refuses, delivering whatever it wrote even then."""
        for _ in range(10):
            try:
                self.client.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
            except ssl.SSLCertVerificationError as error:
                self.flush()
                return error
            with pytest.raises(ssl.SSLWantReadError):
                self.server.do_handshake()
        raise AssertionError("nobody refused")


@pytest.mark.parametrize("name", ["untrusted", "misnamed"])
def test_a_refused_server_gets_the_client_hello_alone(
    name: str, context: truststore.SSLContext, version: ssl.TLSVersion, tmp_path: Path
) -> None:
    """So neither the client's certificate nor its Finished: to the server the handshake never ends."""
    has_certificate(context, client_certificate(), tmp_path)
    serving = sites()[name].serves(version)
    serving.verify_mode = ssl.CERT_REQUIRED
    serving.load_verify_locations(cadata=root().der)
    wire = Wire(context, serving)
    assert wire.refused().verify_code == sites()[name].code
    (hello,) = wire.sent
    assert hello[0] == HANDSHAKE_RECORD and len(hello) == 5 + int.from_bytes(hello[3:5], "big")
    with pytest.raises(ssl.SSLWantReadError):
        wire.server.read()
    with pytest.raises(ValueError, match="handshake not done yet"):
        wire.server.getpeercert(True)


def test_a_trusted_server_gets_the_client_certificate(
    context: truststore.SSLContext, version: ssl.TLSVersion, tmp_path: Path
) -> None:
    """The counterpart: the refusal is what keeps the certificate back."""
    certificate = client_certificate()
    has_certificate(context, certificate, tmp_path)
    serving = sites()["trusted"].serves(version)
    serving.verify_mode = ssl.CERT_REQUIRED
    serving.load_verify_locations(cadata=root().der)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=HOST)
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    shake_hands(client, server)
    exchange(client, server)
    assert server.getpeercert(True) == certificate.der


def test_data_that_comes_with_the_refusal_is_not_read(context: truststore.SSLContext, version: ssl.TLSVersion) -> None:
    """Nor is anything written: not even an alert."""
    serving = sites()["untrusted"].serves(version)
    wire = Wire(context, serving)
    assert wire.refused().verify_code == UNKNOWN_ISSUER
    wire.to_client.write(b"\x17\x03\x03\x00\x05hello")
    for use in (wire.client.read, wire.client.do_handshake, lambda: wire.client.write(PING), wire.client.unwrap):
        with pytest.raises(ssl.SSLCertVerificationError):
            use()
    assert wire.client_wrote.read() == b""


def test_after_the_verdict_reads_and_writes_are_openssls_own(context: truststore.SSLContext) -> None:
    """So they cost what they cost in plain ssl."""
    client, _ = in_memory(context, sites()["trusted"].serves())
    for name in "read", "write", "do_handshake":
        assert isinstance(getattr(client._sslobj, name), BuiltinMethodType)  # type: ignore[attr-defined]
