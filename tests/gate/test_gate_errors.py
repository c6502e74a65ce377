"""A refusal looks as if OpenSSL had refused: to the program, and to the libraries that know certificate errors."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import sys
import traceback
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from certificates import CLIENT_AUTH, Certificate, self_signed
from gate_servers import Peer, Site, client_context, other_root, root, sites
from servers import HOST, TIMEOUT, Server, in_memory

pytest.importorskip("aiohttp", reason="aiohttp is not installed")
pytest.importorskip("httpx", reason="httpx is not installed")
pytest.importorskip("requests", reason="requests is not installed")
pytest.importorskip("urllib3", reason="urllib3 is not installed")

import aiohttp
import httpx
import requests
import requests.adapters
import urllib3

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

CASES: dict[str, tuple[Callable[[], Certificate], str]] = {
    "unknown issuer": (lambda: sites()["untrusted"].certificate, HOST),
    "missing intermediate": (lambda: root().authority(key="p256").issue(HOST, key="p256"), HOST),
    "self-signed": (lambda: self_signed(HOST, key="p256"), HOST),
    "expired": (lambda: root().issue(HOST, key="p256", starts=-9, ends=-1), HOST),
    "not yet valid": (lambda: root().issue(HOST, key="p256", starts=1, ends=9), HOST),
    "another name": (lambda: sites()["misnamed"].certificate, HOST),
    "another address": (lambda: sites()["misnamed"].certificate, "127.0.0.1"),
    "wrong purpose": (lambda: root().issue(HOST, key="p256", purposes=(CLIENT_AUTH,)), HOST),
}
#: What only OpenSSL appends.
WHERE = re.compile(r" \(_ssl\.c:\d+\)$")


def plain_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=root().der)
    return context


def refusal(context: ssl.SSLContext, case: str, handshake: Callable[..., Any]) -> ssl.SSLCertVerificationError:
    make, name = CASES[case]
    certificate = make()
    chain = [certificate] if case in {"missing intermediate", "self-signed"} else ()
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        handshake(context, certificate.server_context(chain), name)
    return caught.value


def over_sockets(context: ssl.SSLContext, serving: ssl.SSLContext, name: str) -> None:
    with Server(serving) as server, socket.create_connection(server.address, TIMEOUT) as sock:
        context.wrap_socket(sock, server_hostname=name)


@pytest.mark.parametrize("handshake", [in_memory, over_sockets])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("judge")
def test_as_openssl_raises_it(case: str, handshake: Callable[..., Any]) -> None:
    ours, openssls = refusal(client_context(), case, handshake), refusal(plain_context(), case, handshake)
    assert type(ours) is type(openssls)
    assert WHERE.sub("", str(ours)) == WHERE.sub("", str(openssls))
    assert (ours.args[0], ours.errno) == (openssls.args[0], openssls.errno)
    assert WHERE.sub("", str(ours.strerror)) == WHERE.sub("", str(openssls.strerror))
    for name in "reason", "library", "verify_code", "verify_message":
        assert getattr(ours, name) == getattr(openssls, name)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("judge")
def test_the_traceback_tells_of_nothing_else(case: str) -> None:
    """Over a MemoryBIO the verdict is asked while OpenSSL waits for more: that is nobody's error."""
    error = refusal(client_context(), case, in_memory)
    assert "SSLWantReadError" not in "".join(traceback.format_exception(type(error), error, error.__traceback__))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes came with Python 3.11")
@pytest.mark.usefixtures("judge")
def test_a_note_says_what_to_do() -> None:
    """Whose certificate, by whom, who was asked, and the remedy; again when the error is raised again."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context().wrap_bio(to_client, to_server, server_hostname=HOST)
    server = sites()["untrusted"].serves().wrap_bio(to_server, to_client, server_side=True)
    for side in client, server:
        with pytest.raises(ssl.SSLWantReadError):
            side.do_handshake()
    for _ in range(2):
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            client.do_handshake()
        (note,) = caught.value.__notes__  # type: ignore[attr-defined,unused-ignore]
        authority = other_root().parsed.subject.rfc4514_string().partition("CN=")[2].partition(",")[0]
        for part in authority, "Asked: Fake, with a store made for tests", "load_verify_locations()":
            assert part in note


def by_urllib(context: ssl.SSLContext, url: str) -> None:
    urllib.request.urlopen(url, context=context)


def by_urllib3(context: ssl.SSLContext, url: str) -> None:
    with urllib3.PoolManager(ssl_context=context) as pool:
        pool.request("GET", url, retries=False)


def by_urllib3_with_retries(context: ssl.SSLContext, url: str) -> None:
    with urllib3.PoolManager(ssl_context=context) as pool:
        pool.request("GET", url, retries=1)


class Adapter(requests.adapters.HTTPAdapter):
    """The way that requests documents to give it a context."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self.context)


def by_requests(context: ssl.SSLContext, url: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", Adapter(context))
        session.get(url)


def by_httpx(context: ssl.SSLContext, url: str) -> None:
    httpx.get(url, verify=context)


def by_httpx_in_asyncio(context: ssl.SSLContext, url: str) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(verify=context) as client:
            await client.get(url)

    asyncio.run(main())


def by_aiohttp(context: ssl.SSLContext, url: str) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get(url, ssl=context)

    asyncio.run(main())


CLIENTS: dict[Callable[[ssl.SSLContext, str], None], type[Exception]] = {
    by_urllib: urllib.error.URLError,
    by_urllib3: urllib3.exceptions.SSLError,
    by_urllib3_with_retries: urllib3.exceptions.MaxRetryError,
    by_requests: requests.exceptions.SSLError,
    by_httpx: httpx.ConnectError,
    by_httpx_in_asyncio: httpx.ConnectError,
    by_aiohttp: aiohttp.ClientConnectorCertificateError,
}


@pytest.mark.parametrize("name", ["untrusted", "misnamed"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.usefixtures("judge")
def test_libraries_show_the_error_that_they_know(client: Callable[[ssl.SSLContext, str], None], name: str) -> None:
    site = sites()[name]
    ours, plains = (shown_by(client, context, site) for context in (client_context(), plain_context()))
    assert type(ours) is type(plains) is CLIENTS[client]
    assert [type(error) for error in causes(ours)] == [type(error) for error in causes(plains)]
    assert unsaid(ours) == unsaid(plains)
    assert any(getattr(error, "verify_code", 0) == site.code for error in causes(ours))


def shown_by(client: Callable[[ssl.SSLContext, str], None], context: ssl.SSLContext, site: Site) -> Exception:
    with Peer(site) as peer:
        with pytest.raises(CLIENTS[client]) as caught:
            client(context, f"https://{HOST}:{peer.port}/")
        peer.outcome()
    assert peer.received == b""
    return caught.value


def causes(error: BaseException) -> Generator[BaseException]:
    """The error, and those that it was raised from or that it carries."""
    yield error
    for cause in (error.__cause__, getattr(error, "reason", None), getattr(error, "certificate_error", None), *error.args):
        if isinstance(cause, BaseException):
            yield from causes(cause)


def unsaid(error: BaseException) -> str:
    """The message without what differs from one connection to the next, or from OpenSSL's."""
    return re.sub(r" \(_ssl\.c:\d+\)|port=\d+|:\d{4,5}\b|0x[0-9a-f]+", "", str(error))
