"""The standard library's clients, injected: each speaks to a server of its kind, if the system trusts it."""

from __future__ import annotations

import asyncio
import contextlib
import ftplib
import http.client
import imaplib
import poplib
import smtplib
import ssl
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from dialogues import Dialogue, Ftp, Imap, Pop, Smtp
from servers import HOST, Server, answer_http, needs_openssl

import truststore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from certificates import Certificate

pytestmark = needs_openssl


# -- the servers ------------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def serving(dialogue: type[Dialogue], certificate: Certificate, from_the_start: bool) -> Iterator[int]:
    context = certificate.server_context()
    with Server(context if from_the_start else None, lambda sock: dialogue(sock, context)) as server:
        yield server.port


# -- the clients ------------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def closing(client: Any) -> Iterator[Any]:
    """Close the client without a word to the server: after a failed upgrade, these clients have no connection to say goodbye on."""
    try:
        yield client
    finally:
        with contextlib.suppress(OSError):
            client.shutdown() if isinstance(client, imaplib.IMAP4) else client.close()


def by_smtps(port: int) -> object:
    with closing(smtplib.SMTP_SSL(HOST, port, context=ssl.create_default_context())) as client:
        return client.noop()[0] == 250


def by_smtp(port: int) -> object:
    with closing(smtplib.SMTP(HOST, port)) as client:
        client.starttls(context=ssl.create_default_context())
        return client.noop()[0] == 250


def by_imaps(port: int) -> object:
    with closing(imaplib.IMAP4_SSL(HOST, port, ssl_context=ssl.create_default_context())) as client:
        return client.noop()[0] == "OK"


def by_imap(port: int) -> object:
    with closing(imaplib.IMAP4(HOST, port)) as client:
        client.starttls(ssl_context=ssl.create_default_context())
        return client.noop()[0] == "OK"


def by_pops(port: int) -> object:
    with closing(poplib.POP3_SSL(HOST, port, context=ssl.create_default_context())) as client:
        return client.noop().startswith(b"+OK")


def by_pop(port: int) -> object:
    with closing(poplib.POP3(HOST, port)) as client:
        client.stls(context=ssl.create_default_context())
        return client.noop().startswith(b"+OK")


def by_ftp(port: int) -> object:
    with closing(ftplib.FTP_TLS(context=ssl.create_default_context())) as client:
        client.connect(HOST, port)
        client.login()
        client.prot_p()
        return client.nlst() == ["a file"]


MAIL_AND_FILES: dict[str, tuple[Callable[[int], object], type[Dialogue], bool]] = {
    "SMTP_SSL": (by_smtps, Smtp, True),
    "SMTP.starttls": (by_smtp, Smtp, False),
    "IMAP4_SSL": (by_imaps, Imap, True),
    "IMAP4.starttls": (by_imap, Imap, False),
    "POP3_SSL": (by_pops, Pop, True),
    "POP3.stls": (by_pop, Pop, False),
    "FTP_TLS": (by_ftp, Ftp, False),
}


@pytest.mark.parametrize("client", MAIL_AND_FILES)
def test_mail_and_files(injected: None, leaf: Certificate, stranger: Certificate, client: str) -> None:
    attempt, dialogue, from_the_start = MAIL_AND_FILES[client]
    with serving(dialogue, leaf, from_the_start) as port:
        assert attempt(port)
    with serving(dialogue, stranger, from_the_start) as port, pytest.raises(ssl.SSLCertVerificationError):
        attempt(port)


@pytest.mark.parametrize(
    ("make", "dialogue"),
    [(smtplib.SMTP_SSL, Smtp), (imaplib.IMAP4_SSL, Imap), (poplib.POP3_SSL, Pop)],
    ids=["SMTP_SSL", "IMAP4_SSL", "POP3_SSL"],
)
def test_mail_without_a_context_is_not_verified(injected: None, stranger: Certificate, make: Any, dialogue: type[Dialogue]) -> None:
    """As without injection: https://github.com/python/cpython/issues/91826"""
    with serving(dialogue, stranger, True) as port, closing(make(HOST, port)) as client:
        assert type(client.sock.context) is truststore.SSLContext
        assert client.sock.context.verify_mode is ssl.CERT_NONE
        client.noop()


def by_urllib(port: int) -> object:
    with urllib.request.urlopen(f"https://{HOST}:{port}/") as response:
        return response.read() == b"ok"


def by_http_client(port: int) -> object:
    with contextlib.closing(http.client.HTTPSConnection(HOST, port)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().read() == b"ok"


def by_streams(port: int) -> object:
    async def get() -> bytes:
        reader, writer = await asyncio.open_connection(HOST, port, ssl=True)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        try:
            return await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()

    return asyncio.run(get()).endswith(b"ok")


@pytest.mark.parametrize("attempt", [by_urllib, by_http_client, by_streams])
def test_the_web(injected: None, leaf: Certificate, stranger: Certificate, attempt: Callable[[int], object]) -> None:
    with Server(leaf.server_context(), answer_http) as server:
        assert attempt(server.port)
    with Server(stranger.server_context(), answer_http) as server, pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        attempt(server.port)
