"""Clients that people use, given a `truststore.SSLContext`: they reach who the system trusts, and nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import ssl
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from servers import HOST, Server, Store, answer_http, carry, needs_openssl

pytest.importorskip("aiohttp", reason="aiohttp is not installed")
pytest.importorskip("httpx", reason="httpx is not installed")
pytest.importorskip("requests", reason="requests is not installed")
pytest.importorskip("trio", reason="trio is not installed")
pytest.importorskip("urllib3", reason="urllib3 is not installed")

import aiohttp
import httpx
import requests
import requests.adapters
import trio
import urllib3

import truststore

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from certificates import Authority, Certificate

pytestmark = needs_openssl


def by_http_client(context: ssl.SSLContext, port: int) -> bytes:
    with contextlib.closing(http.client.HTTPSConnection(HOST, port, context=context)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().read()


def by_urllib(context: ssl.SSLContext, port: int) -> bytes:
    with urllib.request.urlopen(f"https://{HOST}:{port}/", context=context) as response:
        return bytes(response.read())


def by_urllib3(context: ssl.SSLContext, port: int) -> bytes:
    with urllib3.PoolManager(ssl_context=context, retries=False) as pool:
        return pool.request("GET", f"https://{HOST}:{port}/").data


class Adapter(requests.adapters.HTTPAdapter):
    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self.context)


def by_requests(context: ssl.SSLContext, port: int) -> bytes:
    with requests.Session() as session:
        session.mount("https://", Adapter(context))
        content: bytes = session.get(f"https://{HOST}:{port}/").content
        return content


def by_httpx(context: ssl.SSLContext, port: int) -> bytes:
    with httpx.Client(verify=context) as client:
        return client.get(f"https://{HOST}:{port}/").content


async def by_httpx_async(context: ssl.SSLContext, port: int) -> bytes:
    async with httpx.AsyncClient(verify=context) as client:
        return (await client.get(f"https://{HOST}:{port}/")).content


async def by_aiohttp(context: ssl.SSLContext, port: int) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(f"https://{HOST}:{port}/", ssl=context) as response:
        return await response.read()


async def by_aiohttp_connector(context: ssl.SSLContext, port: int) -> bytes:
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session, session.get(f"https://{HOST}:{port}/") as response:
        return await response.read()


async def by_streams(context: ssl.SSLContext, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    response = await reader.read()
    writer.close()
    await writer.wait_closed()
    return response[-2:]


async def by_trio(context: ssl.SSLContext, port: int) -> bytes:
    async with await trio.open_ssl_over_tcp_stream(HOST, port, ssl_context=context, https_compatible=True) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\n\r\n")
        response = b""
        async for part in stream:
            response += part
        return response[-2:]


def on_asyncio(client: Callable[[ssl.SSLContext, int], Coroutine[Any, Any, bytes]]) -> Callable[[ssl.SSLContext, int], bytes]:
    return lambda context, port: asyncio.run(client(context, port))


def on_uvloop(context: ssl.SSLContext, port: int) -> bytes:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    loop = uvloop.new_event_loop()
    try:
        content: bytes = loop.run_until_complete(by_streams(context, port))
        return content
    finally:
        loop.close()


CLIENTS: dict[str, Callable[[ssl.SSLContext, int], bytes]] = {
    "http.client": by_http_client,
    "urllib": by_urllib,
    "urllib3": by_urllib3,
    "requests": by_requests,
    "httpx": by_httpx,
    "httpx, asynchronous": on_asyncio(by_httpx_async),
    "aiohttp": on_asyncio(by_aiohttp),
    "aiohttp, connector": on_asyncio(by_aiohttp_connector),
    "asyncio": on_asyncio(by_streams),
    "uvloop": on_uvloop,
    "trio": lambda context, port: trio.run(by_trio, context, port),
}


@pytest.fixture(scope="module")
def ports(root: Authority, leaf: Certificate, stranger: Certificate) -> Iterator[dict[str, int]]:
    certificates = {"trusted": leaf, "stranger": stranger, "of another name": root.issue("elsewhere.example")}
    with contextlib.ExitStack() as stack:
        servers = {name: Server(certificate.server_context(), answer_http) for name, certificate in certificates.items()}
        yield {name: stack.enter_context(server).port for name, server in servers.items()}


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what is behind it; libraries keep it in one place or another."""
    if error is not None:
        yield error
        for behind in (error.__cause__ or error.__context__, *error.args, getattr(error, "reason", None)):
            yield from causes(behind if isinstance(behind, BaseException) else None)


@pytest.mark.parametrize("client", CLIENTS)
def test_who_is_reached(system: Store, ports: dict[str, int], client: str) -> None:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for _ in range(2):
        assert CLIENTS[client](context, ports["trusted"]) == b"ok"
    for name, code in ("stranger", 20), ("of another name", 62):
        with pytest.raises(Exception) as raised:
            CLIENTS[client](context, ports[name])
        assert {error.verify_code for error in causes(raised.value) if hasattr(error, "verify_code")} == {code}
    assert CLIENTS[client](context, ports["trusted"]) == b"ok"
    assert context.system_store is not None
    assert context.system_store.file == str(system.file)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="StreamWriter.start_tls() came with Python 3.11")
def test_asyncio_upgrades_a_stream(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    async def upgraded(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await writer.start_tls(context, server_hostname=HOST)  # type: ignore[attr-defined,unused-ignore]
            writer.write(b"hello")
            return await reader.readexactly(5)
        finally:
            writer.close()
            with contextlib.suppress(ssl.SSLError):
                await writer.wait_closed()

    with Server(leaf.server_context()) as server:
        assert asyncio.run(upgraded(server.port)) == b"hello"
    with Server(stranger.server_context()) as server, pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(upgraded(server.port))


def test_asyncio_serves(system: Store, leaf: Certificate, tmp_path: Path) -> None:
    context, near = truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER), truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    carry(context, leaf, tmp_path)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))
        writer.close()

    async def echoed() -> bytes:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=near, server_hostname=HOST)
            writer.write(b"hello")
            try:
                return await reader.read()
            finally:
                writer.close()
                await writer.wait_closed()

    assert asyncio.run(echoed()) == b"hello"
