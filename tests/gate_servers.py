"""What the tests of the gate have in common: a judge in the operating system's place, three kinds of server, and what these saw.

    judge = judged_by(FakeVerifier([root().der]), monkeypatch)
    context = client_context()                  # asks the judge, and none but him
    site = sites()["untrusted"]                 # or "trusted", "misnamed": all are asked for HOST
    with Peer(site, TLSv1_2) as peer:           # greets every client at once, and notes what it says
        socket.create_connection(peer.address)
    peer.received                               # the application data that reached it, decrypted

The one thing that all tests ask: may data have moved? `visited()` answers it for one visit of a client.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import socket
import ssl
import threading
from ssl import SSLCertVerificationError, TLSVersion
from typing import TYPE_CHECKING, Any

import pytest
from certificates import CLIENT_AUTH, Authority, Certificate
from fake_verifier import PLATFORM, FakeVerifier
from servers import HOST, TIMEOUT, Server

import truststore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import TypeVar

    Context = TypeVar("Context", bound=ssl.SSLContext)

VERSIONS = (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3)
NAMES = ("trusted", "untrusted", "misnamed")
PING, GREETING = b"ping from the client", b"greeting from the server"

#: X509_V_ERR_*: unable to get local issuer certificate, certificate rejected, hostname mismatch.
UNKNOWN_ISSUER, REJECTED, HOSTNAME_MISMATCH = 20, 28, 62


@dataclasses.dataclass(frozen=True)
class Site:
    """A server as seen by a client that trusts `root()` and asks for HOST."""

    certificate: Certificate
    #: What the refusal says; 0: it is trusted.
    code: int = 0

    def serves(self, version: TLSVersion | None = None) -> ssl.SSLContext:
        context = self.certificate.server_context()
        if version:
            context.minimum_version = context.maximum_version = version
        return context


@functools.cache
def root() -> Authority:
    return Authority.new(key="p256")


@functools.cache
def other_root() -> Authority:
    return Authority.new("Nobody's root", key="p256")


@functools.cache
def sites() -> Mapping[str, Site]:
    intermediate = root().authority(key="p256")
    return {
        "trusted": Site(intermediate.issue(HOST, "127.0.0.1", key="p256")),
        "untrusted": Site(other_root().issue(HOST, "127.0.0.1", key="p256"), UNKNOWN_ISSUER),
        "misnamed": Site(intermediate.issue("elsewhere.test", key="p256"), HOSTNAME_MISMATCH),
    }


@functools.cache
def client_certificate() -> Certificate:
    return root().issue("client.test", key="p256", purposes=(CLIENT_AUTH,))


def has_certificate(context: Context, certificate: Certificate, folder: Path) -> Context:
    """Give the context, of a client or a server, this certificate to show."""
    path = folder / "certificate.pem"
    path.write_text(certificate.chain_and_key(), "ascii")
    context.load_cert_chain(path)
    return context


def judged_by(judge: FakeVerifier, monkeypatch: pytest.MonkeyPatch) -> FakeVerifier:
    """Put the judge in the operating system's place, for contexts made from now on."""
    monkeypatch.setattr(truststore.SSLContext, "_verifier", staticmethod(judge))
    monkeypatch.setattr(truststore.SSLContext, "_platform", PLATFORM)
    return judge


def client_context() -> truststore.SSLContext:
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def nothing(data: bytes) -> bytes:
    return b""


class Peer(Server):
    """A server that greets whoever finishes a handshake with it, at once, and notes all that it is told.

    `before` talks in plain text on the accepted socket first; `answer` makes the reply to what was received since the last.
    """

    def __init__(
        self,
        site: Site,
        version: TLSVersion | None = None,
        *,
        greeting: bytes = GREETING,
        before: Callable[[socket.socket], object] = lambda sock: None,
        answer: Callable[[bytes], bytes] = nothing,
    ) -> None:
        super().__init__(None, self.converse)
        self.site, self.greeting, self.before, self.answer = site, greeting, before, answer
        self.context = None
        self.tls = site.serves(version)
        self.received = b""

    def __enter__(self) -> Peer:
        super().__enter__()
        return self

    def converse(self, sock: Any) -> None:
        self.before(sock)
        with self.tls.wrap_socket(sock, server_side=True) as tls:
            tls.sendall(self.greeting)
            while data := tls.recv(65536):
                self.received += data
                tls.sendall(self.answer(data))


@contextlib.contextmanager
def visited(peer: Peer, judge: FakeVerifier) -> Iterator[None]:
    """The client's visit inside succeeds if the peer is trusted. Otherwise it is refused in OpenSSL's words, and nothing moved.

    Either way the question was asked once, about this peer, by this name.
    """
    asked = len(judge.questions)
    if peer.site.code == 0:
        yield
    else:
        with pytest.raises(SSLCertVerificationError) as caught:
            yield
        assert caught.value.verify_code == peer.site.code
    outcome = peer.outcome()
    assert getattr(outcome, "reason", None) in PEER_SAW, f"the peer saw {outcome!r}"
    assert PING in peer.received if peer.site.code == 0 else peer.received == b""
    (question,) = judge.questions[asked:]
    assert question.chain == tuple(certificate.der for certificate in peer.site.certificate.chain)
    assert question.hostname == HOST


#: Why a connection may end in the peer's eyes: goodbye, silence, or a reset (no reason). Plain text would be WRONG_VERSION_NUMBER.
PEER_SAW = {None, "UNEXPECTED_EOF_WHILE_READING"}


def converse(tls: Any) -> None:
    """Something each way, whatever has moved before."""
    tls.sendall(PING)
    hear(tls.recv)


def hear(receive: Callable[[int], bytes], already: bytes = b"") -> None:
    while len(already) < len(GREETING):
        more = receive(len(GREETING) - len(already))
        assert more, "the server hung up"
        already += more
    assert already == GREETING


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def wait_for(event: threading.Event) -> None:
    assert event.wait(TIMEOUT), "waited in vain"
