"""Handshakes in memory, and a web server: what clients whose context asks the simulator talk to."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import servers
from macos.asking import HOST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from certificates import Certificate


def handshake(
    context: ssl.SSLContext,
    certificate: Certificate,
    host: str = HOST,
    *,
    chain: Sequence[Certificate] = (),
    server: ssl.SSLContext | None = None,
) -> bytes:
    """Connect to a server of `certificate`, and say something: what it hears. Raises what either side raises."""
    client, accepting = servers.in_memory(context, server or certificate.server_context(chain), host)
    client.write(b"ping")
    return accepting.read()


def page(connection: Any) -> None:
    """Answer one request with a page."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        if not (more := connection.recv(65536)):
            return
        heard += more
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")


def web_server(certificate: Certificate) -> servers.Server:
    return servers.Server(certificate.server_context(), page)
