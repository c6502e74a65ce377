"""TLS that begins in the middle: behind a proxy's CONNECT, inside another TLS, after STARTTLS."""

from __future__ import annotations

import contextlib
import ftplib
import http.client
import imaplib
import select
import smtplib
import socket
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from gate_servers import PING, Peer, Site, converse, nothing, sites, visited
from servers import HOST, TIMEOUT, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_verifier import FakeVerifier

    from truststore import SSLContext

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"


def read_until(sock: socket.socket, end: bytes = b"\r\n") -> bytes:
    """Byte by byte: what follows is TLS."""
    data = b""
    while not data.endswith(end):
        byte = sock.recv(1)
        assert byte, f"the client hung up after {data!r}"
        data += byte
    return data


def as_proxy(sock: socket.socket) -> None:
    assert read_until(sock, b"\r\n\r\n").startswith(b"CONNECT localhost:443 HTTP/1.")
    sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")


def test_http_client_through_a_proxy(context: SSLContext, site: Site, version: ssl.TLSVersion, judge: FakeVerifier) -> None:
    with Peer(site, version, greeting=RESPONSE, before=as_proxy) as peer, visited(peer, judge):
        connection = http.client.HTTPSConnection(*peer.address, context=context, timeout=TIMEOUT)
        connection.set_tunnel(HOST, 443)
        with contextlib.closing(connection):
            connection.request("POST", "/", PING)
            assert connection.getresponse().read() == b"hi"


def test_urlopen_through_a_proxy(
    context: SSLContext, site: Site, version: ssl.TLSVersion, judge: FakeVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Peer(site, version, greeting=RESPONSE, before=as_proxy) as peer, visited(peer, judge):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{peer.port}")
        try:
            with urllib.request.urlopen(f"https://{HOST}:443", PING, TIMEOUT, context=context) as response:
                assert response.read() == b"hi"
        except urllib.error.URLError as error:
            raise cause(error.reason) from None


def cause(reason: str | BaseException) -> BaseException:
    assert isinstance(reason, BaseException), reason
    return reason


def relay_to(address: tuple[str, int]) -> Callable[[Any], None]:
    """A TLS server's handler that passes on, either way, what it decrypts."""

    def relay(tls: ssl.SSLSocket) -> None:
        with socket.create_connection(address, TIMEOUT) as onward:
            while True:
                ready = [tls] if tls.pending() else select.select([tls, onward], [], [], TIMEOUT)[0]
                for source, target in ((tls, onward), (onward, tls)):
                    if source in ready:
                        data = source.recv(65536)
                        if not data:
                            return
                        target.sendall(data)

    return relay


def test_tls_in_tls(context: SSLContext, site: Site, version: ssl.TLSVersion, judge: FakeVerifier) -> None:
    transport = pytest.importorskip("urllib3.util.ssltransport", reason="urllib3 is not installed").SSLTransport
    with Peer(site, version) as peer, Server(sites()["trusted"].serves(), relay_to(peer.address)) as outer:
        tunnel = context.wrap_socket(socket.create_connection(outer.address, TIMEOUT), server_hostname=HOST)
        with visited(peer, judge), tunnel:
            tls = transport(tunnel, context, HOST)
            converse(tls)


def test_a_refused_outer_tls_carries_no_inner_one(context: SSLContext, version: ssl.TLSVersion, judge: FakeVerifier) -> None:
    transport = pytest.importorskip("urllib3.util.ssltransport", reason="urllib3 is not installed").SSLTransport
    with Peer(sites()["untrusted"], version) as outer, visited(outer, judge), socket.create_connection(outer.address) as sock:
        tunnel = context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=HOST)
        with tunnel:
            transport(tunnel, context, HOST)


def smtp(context: SSLContext, peer: Peer) -> None:
    with contextlib.closing(smtplib.SMTP(HOST, peer.port, "client.test", TIMEOUT)) as client:
        client.starttls(context=context)
        assert client.docmd(PING.decode()) == (250, b"hello")


def as_smtp(sock: socket.socket) -> None:
    sock.sendall(b"220 ready\r\n")
    assert read_until(sock) == b"ehlo client.test\r\n"
    sock.sendall(b"250-hello\r\n250 STARTTLS\r\n")
    assert read_until(sock) == b"STARTTLS\r\n"
    sock.sendall(b"220 go ahead\r\n")


def imap(context: SSLContext, peer: Peer) -> None:
    client = imaplib.IMAP4(HOST, peer.port, TIMEOUT)
    try:
        client.starttls(context)
        client.send(PING)
    finally:
        with contextlib.suppress(OSError):  # a refused socket is closed already
            client.shutdown()


def as_imap(sock: socket.socket) -> None:
    sock.sendall(b"* OK ready\r\n")
    sock.sendall(capabilities(read_until(sock)))
    sock.sendall(read_until(sock).split()[0] + b" OK go ahead\r\n")


def capabilities(request: bytes) -> bytes:
    if b"CAPABILITY" not in request:
        return b""
    return b"* CAPABILITY IMAP4REV1 STARTTLS\r\n" + request.split()[0] + b" OK done\r\n"


def ftp(context: SSLContext, peer: Peer) -> None:
    with contextlib.closing(ftplib.FTP_TLS(context=context, timeout=TIMEOUT)) as client:
        client.connect(HOST, peer.port)
        client.auth()
        assert client.voidcmd(PING.decode()) == "250 hello"


def as_ftp(sock: socket.socket) -> None:
    sock.sendall(b"220 ready\r\n")
    assert read_until(sock) == b"AUTH TLS\r\n"
    sock.sendall(b"234 go ahead\r\n")


@pytest.mark.parametrize(
    ("visit", "before", "greeting", "answer"),
    [
        pytest.param(smtp, as_smtp, b"250 hello\r\n", nothing, id="smtplib"),
        pytest.param(imap, as_imap, b"", capabilities, id="imaplib"),
        pytest.param(ftp, as_ftp, b"250 hello\r\n", nothing, id="ftplib"),
    ],
)
def test_starttls(
    visit: Callable[[SSLContext, Peer], None],
    before: Callable[[socket.socket], None],
    greeting: bytes,
    answer: Callable[[bytes], bytes],
    context: SSLContext,
    site: Site,
    version: ssl.TLSVersion,
    judge: FakeVerifier,
) -> None:
    with Peer(site, version, before=before, greeting=greeting, answer=answer) as peer, visited(peer, judge):
        visit(context, peer)
