"""With TLS 1.2 a server could begin another handshake after the verdict, and show another certificate."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from gate_servers import GREETING, PING, Site, client_context, sites
from servers import HOST

pytest.importorskip("OpenSSL", reason="pyOpenSSL is not installed")

from OpenSSL import SSL

if TYPE_CHECKING:
    from fake_verifier import FakeVerifier

    from truststore import SSLContext


class Turncoat:
    """A server of TLS 1.2 that shows one certificate at first, and another when it renegotiates."""

    def __init__(self, client: ssl.SSLContext) -> None:
        self.to_client, self.to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self.to_client, self.to_server, server_hostname=HOST)
        self.server = SSL.Connection(shows(sites()["trusted"]))
        self.server.set_accept_state()
        for _ in range(3):
            self.pump(self.client.do_handshake, self.server.do_handshake)

    def pump(self, *steps: object) -> None:
        """Let each step get as far as it can, and carry what it writes to the other side."""
        for step in steps:
            with contextlib.suppress(ssl.SSLWantReadError, SSL.WantReadError):
                step()  # type: ignore[operator]
            if sent := self.to_server.read():
                self.server.bio_write(sent)
            with contextlib.suppress(SSL.WantReadError):
                self.to_client.write(self.server.bio_read(65536))

    def turn(self, other: Site) -> None:
        self.server.set_context(shows(other))
        assert self.server.renegotiate()
        self.pump(self.server.do_handshake)
        for _ in range(3):
            self.pump(self.client.read, lambda: self.server.recv(1))


def shows(site: Site) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # a resumed session would need no certificate
    certificate = site.certificate
    context.use_certificate(certificate.parsed)
    context.use_privatekey(load_pem_private_key(certificate.key_pem.encode(), None))  # type: ignore[arg-type]
    for issuer in certificate.chain[1:]:
        context.add_extra_chain_cert(issuer.parsed)
    return context


@pytest.mark.parametrize("name", ["untrusted", "misnamed", "trusted"])
def test_renegotiation_is_refused(context: SSLContext, judge: FakeVerifier, name: str) -> None:
    peer = Turncoat(context)
    before = peer.client.getpeercert(True)
    with pytest.raises(SSL.Error, match="no renegotiation"):
        peer.turn(sites()[name])
    assert peer.client.getpeercert(True) == before
    assert len(judge.questions) == 1


def test_it_would_succeed_otherwise() -> None:
    """The counterpart: without verification, and so without the gate, this server's turn is taken."""
    context = client_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    peer = Turncoat(context)
    peer.turn(sites()["untrusted"])
    assert peer.client.getpeercert(True) == sites()["untrusted"].certificate.der


def test_the_connection_goes_on_if_the_server_does(context: SSLContext) -> None:
    """A server may ask (HelloRequest) and take no for an answer."""
    peer = Turncoat(context)
    peer.pump(peer.client.read, lambda: peer.server.send(GREETING))
    assert peer.client.read(len(GREETING)) == GREETING
    peer.pump(lambda: peer.client.write(PING))
    assert peer.server.recv(len(PING)) == PING


def test_the_option_is_there_for_every_connection(context: SSLContext, judge: FakeVerifier) -> None:
    """Even if the user takes it away in between."""
    for _ in range(2):
        context.options &= ~ssl.OP_NO_RENEGOTIATION
        with pytest.raises(SSL.Error, match="no renegotiation"):
            Turncoat(context).turn(sites()["untrusted"])


def test_the_option_cannot_be_lost(context: SSLContext) -> None:
    """What another thread had read before a connection was wrapped is written back while it is."""
    early = context.options
    peer = Turncoat(context)
    context.options = early | ssl.OP_NO_TICKET
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.options & ssl.OP_NO_TICKET
    assert context.options == early | ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    with pytest.raises(SSL.Error, match="no renegotiation"):
        peer.turn(sites()["untrusted"])
