"""trio, and gevent, which puts classes of its own in the place of socket's and ssl's."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from gate_servers import GREETING, PING, Peer, Site, root, sites, visited
from servers import HOST, TIMEOUT

pytest.importorskip("trio", reason="trio is not installed")

import trio

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from fake_verifier import FakeVerifier

    import truststore

    Stream: TypeAlias = trio.SSLStream[trio.SocketStream]


async def handshake_first(stream: Stream) -> None:
    await stream.do_handshake()
    await write_first(stream)


async def write_first(stream: Stream) -> None:
    await stream.send_all(PING)
    await hear(stream)


async def read_first(stream: Stream) -> None:
    await hear(stream)
    await stream.send_all(PING)


async def both_at_once(stream: Stream) -> None:
    refusals = []

    async def attempt(step: Awaitable[None]) -> None:
        try:
            await step
        except trio.BrokenResourceError as error:
            refusals.append(error)
            nursery.cancel_scope.cancel()  # the other task waits for this one's handshake

    async with trio.open_nursery() as nursery:
        nursery.start_soon(attempt, hear(stream))
        nursery.start_soon(attempt, stream.send_all(PING))
    if refusals:
        raise refusals[0]


async def hear(stream: Stream) -> None:
    data = b""
    while len(data) < len(GREETING):
        data += await stream.receive_some()
    assert data == GREETING


@pytest.mark.parametrize("visit", [handshake_first, write_first, read_first, both_at_once])
def test_trio(
    visit: Callable[[Stream], Awaitable[None]],
    context: truststore.SSLContext,
    site: Site,
    version: ssl.TLSVersion,
    judge: FakeVerifier,
) -> None:
    async def main() -> None:
        stream = await trio.open_ssl_over_tcp_stream(HOST, peer.port, ssl_context=context)
        with trio.fail_after(TIMEOUT):
            try:
                await visit(stream)
            except trio.BrokenResourceError as broken:
                raise broken.__cause__ or broken from None
            finally:
                await trio.aclose_forcefully(stream)

    with Peer(site, version) as peer, visited(peer, judge):
        trio.run(main)


def test_gevent(version: ssl.TLSVersion, tmp_path: Path) -> None:
    """In a process of its own, since it replaces the standard library's classes for good."""
    pytest.importorskip("gevent", reason="gevent is not made for this platform")
    roots = tmp_path / "roots.pem"
    roots.write_text(root().pem, "ascii")
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(site, version)) for site in sites().values()]
        script = Path(__file__).with_name("gevent_client.py")
        command = [sys.executable, str(script), str(roots), *(str(peer.port) for peer in peers)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        child = subprocess.run(command, env=environment, stdout=subprocess.PIPE, timeout=2 * TIMEOUT, check=True)
    for peer, outcomes in zip(peers, json.loads(child.stdout), strict=True):
        assert outcomes == {visit: {"refused": peer.site.code, "asked": 1} for visit in GEVENT_VISITS}
        assert peer.received == (b"" if peer.site.code else PING * len(GEVENT_VISITS))


GEVENT_VISITS = ("wrap_connected", "read_first", "write_first", "wrap_before_connect", "two_greenlets")
