"""After a refusal: the connection is dead, and nothing of it is left."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import ssl
import sys
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority
from gate_servers import PEER_SAW, PING, Peer, Site, client_context, converse, sites
from servers import HOST, TIMEOUT, in_memory

import truststore
from truststore._connection import Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fake_verifier import FakeVerifier

    from truststore import SSLContext

USES: dict[str, Callable[[Any], object]] = {
    "do_handshake": lambda tls: tls.do_handshake(),
    "read": lambda tls: tls.read(5),
    "recv": lambda tls: tls.recv(5),
    "recv_into": lambda tls: tls.recv_into(bytearray(5)),
    "write": lambda tls: tls.write(PING),
    "send": lambda tls: tls.send(PING),
    "sendall": lambda tls: tls.sendall(PING),
    "unwrap": lambda tls: tls.unwrap(),
}


@pytest.fixture(params=["untrusted", "misnamed"])
def bad_site(request: pytest.FixtureRequest) -> Site:
    return sites()[request.param]


@contextlib.contextmanager
def refused(context: SSLContext, peer: Peer) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLCertVerificationError]]:
    """A socket after the refusal, still open."""
    with socket.create_connection(peer.address, TIMEOUT) as sock:
        tls = context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=HOST)
    with tls:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            tls.do_handshake()
        yield tls, caught.value


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_the_same_error_again(
    use: Callable[[ssl.SSLSocket], object], context: SSLContext, bad_site: Site, version: ssl.TLSVersion, judge: FakeVerifier
) -> None:
    with Peer(bad_site, version) as peer:
        with refused(context, peer) as (tls, first):
            for _ in range(3):
                with pytest.raises(ssl.SSLCertVerificationError) as caught:
                    use(tls)
                assert caught.value is not first
                assert (caught.value.args, vars(caught.value)) == (first.args, vars(first))
        peer.outcome()
    assert peer.received == b""
    assert len(judge.questions) == 1


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("fault", ["no chain", "an exception", "an interruption"])
def test_no_answer_is_a_refusal(
    use: Callable[[ssl.SSLSocket], object],
    fault: str,
    version: ssl.TLSVersion,
    judge: FakeVerifier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever comes instead of a chain from the verifier, the connection is not to be used."""
    raised: BaseException = KeyboardInterrupt() if fault == "an interruption" else OSError("the system is out of order")

    def fail(question: object) -> object:
        judge.questions.append(question)  # type: ignore[arg-type]
        if fault == "no chain":
            return ()
        raise raised

    monkeypatch.setattr(truststore.SSLContext, "_verifier", staticmethod(fail))
    context = client_context()
    with Peer(sites()["trusted"], version) as peer:
        with socket.create_connection(peer.address, TIMEOUT) as sock:
            tls = context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=HOST)
        with tls:
            with pytest.raises(KeyboardInterrupt if fault == "an interruption" else ssl.SSLCertVerificationError):
                tls.do_handshake()
            with pytest.raises(ssl.SSLCertVerificationError, match="could not be evaluated"):
                use(tls)
        peer.outcome()
    assert peer.received == b""
    assert len(judge.questions) == 1


@pytest.mark.parametrize(
    "answer",
    [
        (),
        [],
        None,
        True,
        iter(()),
        (der for der in [b"x"]),
        [None],
        ("x",),
        (b"",),
        (b"x", None),
        "chain",
        b"",
        b"chain",
        {b"x"},
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_what_is_no_chain_is_a_refusal(answer: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain is a tuple or a list of certificates. Whatever else is not false must not pass for a yes."""
    monkeypatch.setattr(truststore.SSLContext, "_verifier", staticmethod(lambda question: answer))
    with pytest.raises(ssl.SSLCertVerificationError, match="the answer was not a chain"):
        in_memory(client_context(), sites()["trusted"].serves())


def test_nothing_is_known_of_a_refused_peer(context: SSLContext, bad_site: Site) -> None:
    with Peer(bad_site) as peer, refused(context, peer) as (tls, _):
        for binary_form in True, False:
            with pytest.raises(ValueError, match="handshake not done yet"):
                tls.getpeercert(binary_form)
        assert not tls._sslobj.get_verified_chain()  # type: ignore[attr-defined]


def test_the_connection_cannot_be_used_as_plain_text(context: SSLContext, bad_site: Site, version: ssl.TLSVersion) -> None:
    """SSLSocket.connect() forgets the TLS layer when it fails: what is sent next would go out in clear."""
    with Peer(bad_site, version) as peer:
        with context.wrap_socket(socket.socket(), server_hostname=HOST) as tls:
            tls.settimeout(TIMEOUT)
            with pytest.raises(ssl.SSLCertVerificationError):
                tls.connect(peer.address)
            assert tls._sslobj is None  # type: ignore[attr-defined]
            with pytest.raises(ConnectionError):
                tls.sendall(PING)
        assert getattr(peer.outcome(), "reason", None) in PEER_SAW


def test_nor_through_another_object_for_the_same_connection(context: SSLContext, bad_site: Site, version: ssl.TLSVersion) -> None:
    with Peer(bad_site, version) as peer:
        with socket.create_connection(peer.address, TIMEOUT) as sock, sock.dup() as twin:
            with pytest.raises(ssl.SSLCertVerificationError):
                context.wrap_socket(sock, server_hostname=HOST)
            with pytest.raises(ConnectionError):
                twin.sendall(PING)
        peer.outcome()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc/self/fd")
def test_the_descriptor_is_released(context: SSLContext, bad_site: Site) -> None:
    """Even while somebody keeps the error, with its traceback."""
    with Peer(bad_site) as peer:
        with pytest.raises(ssl.SSLCertVerificationError) as kept:
            context.wrap_socket(socket.create_connection(peer.address), server_hostname=HOST)
        peer.outcome()
        assert sockets_to(peer) == [], kept


def sockets_to(peer: Peer) -> list[str]:
    """The descriptors of this process that are connected to the peer; the peer's own ends have its address on the other side."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(name))) as sock:
            if sock.getpeername() == peer.address:
                found.append(name)
    return found


@pytest.mark.parametrize("loaded", ["nothing", "own anchors", "a public bundle"])
@pytest.mark.parametrize("name", ["trusted", "untrusted", "misnamed"])
@pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="objects are counted by reference")
def test_everything_dies_with_its_last_reference(name: str, loaded: str, judge: FakeVerifier, tmp_path: Path) -> None:
    """No cycle keeps a connection, or its context, until the collector comes by."""
    (tmp_path / "certifi").mkdir()
    path = tmp_path / ("certifi" if loaded == "a public bundle" else "") / "cacert.pem"
    path.write_text(Authority.new(key="p256").pem, "ascii")
    gc.collect()
    gc.disable()
    try:
        with Peer(sites()[name]) as peer:
            ghosts = list(visit(peer, None if loaded == "nothing" else path))
            peer.outcome()
        assert [ghost() for ghost in ghosts] == [None] * 4
    finally:
        gc.enable()


def visit(peer: Peer, load: Path | None) -> Iterator[weakref.ref[Any]]:
    context = client_context()
    if load:
        context.load_verify_locations(load)
    with socket.create_connection(peer.address, TIMEOUT) as sock:
        tls = context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=HOST)
    gate = tls._sslobj  # type: ignore[attr-defined]
    assert isinstance(gate, Gate)
    with tls, contextlib.suppress(ssl.SSLCertVerificationError):
        yield from map(weakref.ref, (context, tls, gate, gate.context))
        converse(tls)


@pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="objects are counted by reference")
def test_a_socket_that_is_given_up_dies_at_once(context: SSLContext) -> None:
    """As in ssl: with the warning, and with its descriptor."""
    near, far = socket.socketpair()
    gc.disable()
    try:
        with far:
            tls = context.wrap_socket(near, do_handshake_on_connect=False, server_hostname=HOST)
            ghost = weakref.ref(tls)
            with pytest.warns(ResourceWarning, match="unclosed"):
                del tls
            assert ghost() is None
            assert far.recv(1) == b""
    finally:
        gc.enable()
