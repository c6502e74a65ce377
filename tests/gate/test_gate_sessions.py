"""Resumed sessions bring no chain, and OpenSSL does not verify them again: the gate does."""

from __future__ import annotations

import ftplib
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from gate_servers import HOSTNAME_MISMATCH, PING, REJECTED, Peer, client_context, root, sites
from servers import HOST, TIMEOUT, Server, exchange, in_memory, shake_hands

from truststore import _context

if TYPE_CHECKING:
    from collections.abc import Callable

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
    assert first.chain == second.chain == tuple(certificate.der for certificate in trusted.chain)
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
    assert question.chain == (certificate.der,), "not resumed"


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
