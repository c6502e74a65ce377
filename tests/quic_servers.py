"""QUIC servers on this machine, where the package `qh3` and IPv6, which its client wants, are there.

with QuicServer(leaf) as server:    # on 127.0.0.1, UDP; a thread with an event loop of its own
    server.port, server.requests
"""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from certificates import Certificate, pem_file
from servers import TIMEOUT

if TYPE_CHECKING:
    from qh3.quic.configuration import QuicConfiguration


def missing() -> str:
    """What is missing here for QUIC; an empty string if nothing is."""
    if not importlib.util.find_spec("qh3"):
        return "the package qh3 is not installed"
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.bind(("::", 0))
    except OSError as error:
        return f"qh3's client needs a socket for both IPv4 and IPv6: {error}"
    return ""


class QuicServer:
    """Answers what a stream says until its end, as HTTP/0.9 does ("hq-interop"). Certificate and key may be of different pairs."""

    def __init__(self, certificate: Certificate, key: Certificate | None = None) -> None:
        self.certificate, self.key = certificate, key or certificate
        self.requests: list[bytes] = []
        self.port: int
        self._started: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        from qh3.asyncio.server import serve

        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        try:
            server: Any = await serve("127.0.0.1", 0, configuration=self._configuration(), stream_handler=self._begin)
            self._started.set_result(server._transport.get_extra_info("sockname")[1])
        except BaseException as error:
            self._started.set_exception(error)
            raise
        await self._end.wait()
        server.close()

    def _configuration(self) -> QuicConfiguration:
        from qh3.quic.configuration import QuicConfiguration

        configuration = QuicConfiguration(is_client=False, alpn_protocols=["hq-interop"])
        configuration.load_cert_chain(pem_file(self.certificate.chain).encode("ascii"), self.key.key_pem.encode("ascii"))
        return configuration

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._answering = self._loop.create_task(self._answer(reader, writer))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append(await reader.read())
        writer.write(b"Hello\n")
        writer.write_eof()

    def __enter__(self) -> QuicServer:
        self._thread.start()
        self.port = self._started.result(TIMEOUT)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
