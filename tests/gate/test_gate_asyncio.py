"""asyncio, on its own loop and on uvloop's."""

from __future__ import annotations

import asyncio
import ssl
import sys
from typing import TYPE_CHECKING, Any

import pytest
from gate_servers import GREETING, PING, Peer, Site, client_context, has_certificate, visited
from servers import HOST, TIMEOUT

import truststore

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from fake_verifier import FakeVerifier

    Visit = Callable[[ssl.SSLContext, Peer], Coroutine[Any, Any, None]]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Iterator[Callable[[Coroutine[Any, Any, None]], None]]:
    loop: asyncio.AbstractEventLoop
    if request.param == "uvloop":
        loop = pytest.importorskip("uvloop", reason="uvloop is not made for this platform").new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    yield lambda main: loop.run_until_complete(asyncio.wait_for(main, TIMEOUT))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


async def open_connection(context: ssl.SSLContext, peer: Peer) -> None:
    reader, writer = await asyncio.open_connection(*peer.address, ssl=context, server_hostname=HOST)
    await converse(reader, writer)


async def open_connection_by_name(context: ssl.SSLContext, peer: Peer) -> None:
    reader, writer = await asyncio.open_connection(HOST, peer.port, ssl=context)
    await converse(reader, writer)


async def create_connection(context: ssl.SSLContext, peer: Peer) -> None:
    """With a protocol that writes as soon as it is told of the connection."""
    loop = asyncio.get_running_loop()
    protocol = Hasty(loop)
    transport, _ = await loop.create_connection(lambda: protocol, *peer.address, ssl=context, server_hostname=HOST)
    await protocol.heard
    transport.close()


async def start_tls(context: ssl.SSLContext, peer: Peer) -> None:
    loop = asyncio.get_running_loop()
    protocol = Hasty(loop)
    plain, _ = await loop.create_connection(asyncio.Protocol, *peer.address)
    tls = await loop.start_tls(plain, protocol, context, server_hostname=HOST)
    assert tls is not None
    tls.write(PING)
    await protocol.heard
    tls.close()


async def start_tls_of_a_stream(context: ssl.SSLContext, peer: Peer) -> None:
    reader, writer = await asyncio.open_connection(*peer.address)
    await writer.start_tls(context, server_hostname=HOST)  # type: ignore[attr-defined,unused-ignore]
    await converse(reader, writer)


class Hasty(asyncio.Protocol):
    """Writes at once, and waits for the greeting."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.heard, self.data = loop.create_future(), b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(PING)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.data += data
        if self.data == GREETING:
            self.heard.set_result(None)


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(PING)
    await writer.drain()
    assert await reader.readexactly(len(GREETING)) == GREETING
    writer.close()


VISITS: list[Visit] = [open_connection, open_connection_by_name, create_connection, start_tls]
if sys.version_info >= (3, 11):
    VISITS.append(start_tls_of_a_stream)


@pytest.mark.parametrize("visit", VISITS)
def test_handshake(
    visit: Visit,
    run: Callable[[Coroutine[Any, Any, None]], None],
    context: truststore.SSLContext,
    site: Site,
    version: ssl.TLSVersion,
    judge: FakeVerifier,
) -> None:
    with Peer(site, version) as peer, visited(peer, judge):
        run(visit(context, peer))


def test_server_beside_clients(
    run: Callable[[Coroutine[Any, Any, None]], None], judge: FakeVerifier, site: Site, tmp_path: Path
) -> None:
    """Server and clients on one loop, of one class of context: the verifier is asked for the client's side alone."""
    serving = has_certificate(truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER), site.certificate, tmp_path)
    received: list[bytes] = []

    async def main() -> None:
        served: asyncio.Queue[bytes] = asyncio.Queue()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(GREETING)
            served.put_nowait(await reader.read())
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", ssl=serving) as server:
            address = server.sockets[0].getsockname()
            outcomes = await asyncio.gather(*(client(address) for _ in range(5)), return_exceptions=True)
            assert [getattr(outcome, "verify_code", 0) for outcome in outcomes] == [site.code] * 5, outcomes
            received.extend([await served.get() for outcome in outcomes if outcome is None])
        received.extend(served.get_nowait() for _ in range(served.qsize()))

    async def client(address: tuple[str, int]) -> None:
        await converse(*await asyncio.open_connection(*address, ssl=client_context(), server_hostname=HOST))

    run(main())
    assert len(judge.questions) == 5
    assert received == ([] if site.code else [PING] * 5)
