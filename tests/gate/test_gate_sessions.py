"""OpenSSL does not verify a resumed session again: the gate does, and is not misled by the chain of one that is only offered."""

from __future__ import annotations

import contextlib
import ftplib
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from gate_servers import HOSTNAME_MISMATCH, PING, REJECTED, Peer, client_certificate, client_context, has_certificate, root, sites
from servers import HOST, TIMEOUT, Server, connected, exchange, in_memory, shake_hands

from truststore import _context
from truststore._connection import SESSIONS_KEEP_CHAINS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from certificates import Certificate
    from fake_verifier import FakeVerifier

    from truststore import SSLContext

    Serves = Callable[[Certificate], ssl.SSLContext]

OTHER_NAME = "other.test"
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(params=["TLS 1.2 tickets", "TLS 1.2 session ids", "TLS 1.3"])
def serves(request: pytest.FixtureRequest) -> Serves:
    def context(certificate: Certificate) -> ssl.SSLContext:
        context = certificate.server_context()
        context.minimum_version = context.maximum_version = TLS13 if request.param == "TLS 1.3" else TLS12
        if request.param == "TLS 1.2 session ids":
            context.options |= ssl.OP_NO_TICKET
        return context

    return context


@pytest.fixture
def trusted() -> Certificate:
    return sites()["trusted"].certificate


def whole(certificate: Certificate) -> tuple[bytes, ...]:
    """The chain that its server sends."""
    return tuple(link.der for link in certificate.chain)


def begin(context: SSLContext, serving: ssl.SSLContext) -> ssl.SSLSession:
    """A connection, for its session."""
    client, server = in_memory(context, serving)
    exchange(client, server)
    with pytest.raises(ssl.SSLWantReadError):
        client.unwrap()
    server.unwrap()  # or the server forgets the session's id
    assert client.session is not None and not client.session_reused
    return client.session


def resume(context: SSLContext, serving: ssl.SSLContext, session: ssl.SSLSession, name: str = HOST) -> ssl.SSLObject:
    client, server = in_memory(context, serving, name, session=session)
    exchange(client, server)
    return client


def test_it_is_verified_again(context: SSLContext, serves: Serves, trusted: Certificate, judge: FakeVerifier) -> None:
    serving = serves(trusted)
    client = resume(context, serving, begin(context, serving))
    assert client.session_reused
    first, second = judge.questions
    assert first.chain == second.chain == whole(trusted)
    assert client.getpeercert(True) == trusted.der
    assert client.getpeercert()["subjectAltName"] == (("DNS", HOST), ("IP Address", "127.0.0.1"))  # type: ignore[index]


def test_it_is_refused_if_it_is_not_trusted_any_more(
    context: SSLContext, serves: Serves, trusted: Certificate, judge: FakeVerifier
) -> None:
    serving = serves(trusted)
    session = begin(context, serving)
    judge.says = False
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        resume(context, serving, session)
    assert caught.value.verify_code == REJECTED


def test_it_is_verified_by_a_name_that_was_not_used_before(context: SSLContext, serves: Serves, judge: FakeVerifier) -> None:
    serving = serves(root().issue(HOST, OTHER_NAME, key="p256"))
    assert resume(context, serving, begin(context, serving), OTHER_NAME).session_reused
    assert [question.hostname for question in judge.questions] == [HOST, OTHER_NAME]


def test_it_is_refused_by_a_name_that_the_certificate_has_not(context: SSLContext, serves: Serves, trusted: Certificate) -> None:
    serving = serves(trusted)
    session = begin(context, serving)
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        resume(context, serving, session, OTHER_NAME)
    assert caught.value.verify_code == HOSTNAME_MISMATCH


@pytest.mark.parametrize("name", ["untrusted", "misnamed"])
def test_one_that_began_unverified(context: SSLContext, serves: Serves, name: str, judge: FakeVerifier) -> None:
    """In plain ssl such a session passes a context that verifies."""
    certificate = sites()[name].certificate
    serving = serves(certificate)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    session = begin(context, serving)
    assert not judge.questions
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    with pytest.raises(ssl.SSLCertVerificationError):
        resume(context, serving, session)
    (question,) = judge.questions
    assert question.chain == (whole(certificate) if SESSIONS_KEEP_CHAINS else (certificate.der,)), "not resumed"


def test_one_that_was_refused(context: SSLContext, version: ssl.TLSVersion, judge: FakeVerifier) -> None:
    """A session can be had from a connection that was refused; it opens nothing."""
    with Peer(sites()["untrusted"], version) as peer:
        sessions: list[ssl.SSLSession | None] = []
        for _ in range(2):
            with socket.create_connection(peer.address, TIMEOUT) as sock:
                session = sessions[0] if sessions else None
                tls = context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=HOST, session=session)
            with tls:
                with pytest.raises(ssl.SSLCertVerificationError):
                    tls.do_handshake()
                sessions.append(tls.session)
            peer.outcome()
    assert sessions[0] is not None
    assert len(judge.questions) == 2
    assert peer.received == b""


@pytest.mark.skipif(SESSIONS_KEEP_CHAINS, reason="sessions of this Python keep their chain")
def test_the_chain_is_remembered_for_some_leaves(
    context: SSLContext, serves: Serves, trusted: Certificate, judge: FakeVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one that is forgotten the leaf alone is verified."""
    monkeypatch.setattr(_context, "REMEMBERED_CHAINS", 2)
    serving = serves(trusted)
    session = begin(context, serving)
    for number in range(2):
        begin(context, serves(root().issue(HOST, f"{number}.test", key="p256")))
    judge.questions.clear()
    with pytest.raises(ssl.SSLCertVerificationError):
        resume(context, serving, session)
    (question,) = judge.questions
    assert question.chain == (trusted.der,)


@pytest.mark.skipif(not SESSIONS_KEEP_CHAINS, reason="sessions of this Python keep the leaf alone")
def test_the_chain_is_the_sessions_own(context: SSLContext, serves: Serves, trusted: Certificate, judge: FakeVerifier) -> None:
    """The context need not remember it."""
    serving = serves(trusted)
    assert resume(context, serving, begin(context, serving)).session_reused
    assert context._chains == {}
    assert [question.chain for question in judge.questions] == [whole(trusted)] * 2


# -- one that is offered ------------------------------------------------------------------------------------------------------------
#
# From CPython 3.13.5 on OpenSSL knows its chain before the server has answered (gh-116810).


class Declined:
    """A client that offers a session, step by step, and a server that does not know it, and asks for a certificate."""

    def __init__(self, context: SSLContext, serving: ssl.SSLContext, session: ssl.SSLSession) -> None:
        serving.verify_mode = ssl.CERT_OPTIONAL
        serving.load_verify_locations(cadata=root().der)
        self.to_client, self.to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(self.to_client, self.to_server, server_hostname=HOST, session=session)
        self.server = serving.wrap_bio(self.to_server, self.to_client, server_side=True)

    def greet(self) -> None:
        for side in self.client, self.server:
            with pytest.raises(ssl.SSLWantReadError):
                side.do_handshake()

    def finish(self) -> None:
        shake_hands(self.client, self.server)
        exchange(self.client, self.server)
        assert not self.client.session_reused


def test_nothing_is_judged_before_the_server_has_answered(
    context: SSLContext, serves: Serves, trusted: Certificate, judge: FakeVerifier
) -> None:
    declined = Declined(context, serves(trusted), begin(context, serves(trusted)))
    judge.questions.clear()
    for _ in range(2):
        with pytest.raises(ssl.SSLWantReadError):
            declined.client.do_handshake()
    assert judge.questions == []


def test_a_certificate_was_renewed(context: SSLContext, serves: Serves, trusted: Certificate, judge: FakeVerifier) -> None:
    """The old one is not trusted any more, which does not matter."""
    old = root().issue(HOST, key="p256")
    session = begin(context, serves(old))
    judge.before = lambda: setattr(judge, "says", False if judge.questions[-1].chain[0] == old.der else None)
    judge.questions.clear()
    declined = Declined(context, serves(trusted), session)
    declined.finish()
    assert [question.chain for question in judge.questions] == [whole(trusted)]


@pytest.mark.parametrize("name", ["untrusted", "misnamed"])
def test_a_server_that_declines_it_is_judged_by_what_it_sends(
    name: str, context: SSLContext, serves: Serves, trusted: Certificate, judge: FakeVerifier, tmp_path: Path
) -> None:
    """And does not get the client's certificate."""
    session = begin(context, serves(trusted))
    has_certificate(context, client_certificate(), tmp_path)
    judge.questions.clear()
    declined = Declined(context, serves(sites()[name].certificate), session)
    declined.greet()
    for _ in range(2):
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            declined.client.do_handshake()
        assert caught.value.verify_code == sites()[name].code
    assert declined.to_server.pending == 0
    assert [question.chain for question in judge.questions] == [whole(sites()[name].certificate)]


@pytest.mark.parametrize("says", [None, False])
def test_a_server_that_declines_it_sends_the_same_chain(
    says: bool | None, context: SSLContext, serves: Serves, trusted: Certificate, judge: FakeVerifier, tmp_path: Path
) -> None:
    """It came in this handshake: it is judged as soon as any other, once."""
    session = begin(context, serves(trusted))
    has_certificate(context, client_certificate(), tmp_path)
    judge.questions.clear()
    judge.says = says
    declined = Declined(context, serves(trusted), session)
    declined.greet()
    if says is None:
        declined.finish()
        assert declined.server.getpeercert(True) == client_certificate().der
    else:
        with pytest.raises(ssl.SSLCertVerificationError):
            declined.client.do_handshake()
        assert declined.to_server.pending == 0
    assert [question.chain for question in judge.questions] == [whole(trusted)]


def test_over_a_socket(context: SSLContext, serves: Serves, trusted: Certificate, judge: FakeVerifier) -> None:
    """Where the handshake is one step."""
    untrusted = sites()["untrusted"]
    session = begin(context, serves(trusted))
    judge.questions.clear()
    with connected(context, serves(trusted), session=session) as (client, _):
        assert not client.session_reused
    with Server(serves(untrusted.certificate)) as server, socket.create_connection(server.address, TIMEOUT) as sock:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            context.wrap_socket(sock, server_hostname=HOST, session=session)
        server.outcome()
    assert caught.value.verify_code == untrusted.code
    assert [question.chain for question in judge.questions] == [whole(trusted), whole(untrusted.certificate)]


def test_one_that_its_server_has_no_ticket_for_yet(context: SSLContext, trusted: Certificate, judge: FakeVerifier) -> None:
    """Before the ticket of TLS 1.3 arrives the session has no id, and cannot be offered."""
    client, _ = in_memory(context, trusted.server_context())
    assert client.session is not None and not client.session.id
    declined = Declined(context, trusted.server_context(), client.session)
    judge.questions.clear()
    declined.finish()
    assert [question.chain for question in judge.questions] == [whole(trusted)]


def in_pieces(
    context: SSLContext, serving: ssl.SSLContext, session: ssl.SSLSession | None, size: int = 7
) -> Iterator[ssl.SSLObject]:
    """The client, again and again until its handshake is over: the server's messages come in pieces of so many bytes."""
    to_client, to_server, on_the_way = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=HOST, session=session)
    server = serving.wrap_bio(to_server, on_the_way, server_side=True)
    while client.version() is None:
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        yield client
        with contextlib.suppress(ssl.SSLWantReadError):
            server.do_handshake()
        to_client.write(on_the_way.read(size))


@pytest.mark.parametrize("what", ["resumed", "declined", "none"])
def test_each_message_comes_in_pieces(
    what: str, context: SSLContext, serves: Serves, trusted: Certificate, judge: FakeVerifier
) -> None:
    """There is one verdict."""
    serving = serves(trusted)
    session = None if what == "none" else begin(context, serving)
    judge.questions.clear()
    steps = list(in_pieces(context, serving if what == "resumed" else serves(trusted), session))
    assert len(steps) > 10
    assert steps[-1].session_reused == (what == "resumed")
    assert [question.chain for question in judge.questions] == [whole(trusted)]


def test_there_is_no_session_within_a_handshake(context: SSLContext, serves: Serves, trusted: Certificate) -> None:
    """Nobody has proven to know its secret yet. Nor can one be set: its chain would be in place of the server's."""
    session = begin(context, serves(trusted))
    for client in in_pieces(context, serves(trusted), None):
        if client.version() is None:
            assert client.session is None
            with pytest.raises(ValueError, match="Cannot set session after handshake"):
                client.session = session
    assert client.session is not None


def test_one_that_is_set_can_be_read(context: SSLContext, serves: Serves, trusted: Certificate) -> None:
    session = begin(context, serves(trusted))
    client = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=HOST, session=session)
    assert client.session == session


def test_a_session_of_another_context_is_refused(context: SSLContext, serves: Serves, trusted: Certificate) -> None:
    """As in ssl."""
    serving = serves(trusted)
    session = begin(context, serving)
    with pytest.raises(ValueError, match="different SSLContext"):
        resume(client_context(), serving, session)


def test_a_session_set_later(context: SSLContext, serves: Serves, trusted: Certificate, judge: FakeVerifier) -> None:
    """By the property of a socket that is not connected yet."""
    serving = serves(trusted)
    session = begin(context, serving)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=HOST)
    client.session = session
    shake_hands(client, serving.wrap_bio(to_server, to_client, server_side=True))
    assert client.session_reused
    assert len(judge.questions) == 2


class FTP(ftplib.FTP_TLS):
    """Resumes the control connection's session for data, as many servers demand."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        assert isinstance(self.sock, ssl.SSLSocket)
        return self.context.wrap_socket(data, server_hostname=self.host, session=self.sock.session), size


def ftp_server(serving: ssl.SSLContext) -> Callable[[socket.socket], None]:
    """Talks on a plain socket, and serves one file, to a data connection that resumes the session of the control connection."""

    def handle(sock: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            replies = {
                b"PBSZ": "200 ok",
                b"PROT": "200 ok",
                b"TYPE": "200 ok",
                b"PASV": f"227 127,0,0,1,{port >> 8},{port & 255}",
                b"QUIT": "221 bye",
            }
            sock.sendall(b"220 ready\r\n")
            assert sock.recv(100) == b"AUTH TLS\r\n"
            sock.sendall(b"234 go ahead\r\n")
            with serving.wrap_socket(sock, server_side=True) as control:
                while request := control.recv(100):
                    if not request.startswith(b"RETR"):
                        control.sendall(replies[request[:4]].encode() + b"\r\n")
                        continue
                    control.sendall(b"150 here it comes\r\n")
                    with listener.accept()[0] as accepted, serving.wrap_socket(accepted, server_side=True) as data:
                        reused = data.session_reused
                        data.sendall(PING if reused else b"")
                        data.unwrap()
                    control.sendall(b"226 done\r\n" if reused else b"425 no session\r\n")

    return handle


def test_ftp_resumes_the_session(context: SSLContext, serves: Serves, trusted: Certificate, judge: FakeVerifier) -> None:
    received: list[bytes] = []
    with Server(None, ftp_server(serves(trusted))) as server:
        with FTP(context=context, timeout=TIMEOUT) as client:
            client.connect(HOST, server.port)
            client.auth()
            client.prot_p()
            client.retrbinary("RETR file", received.append)
        assert server.outcome() is None
    assert received == [PING]
    assert len(judge.questions) == 2
