"""Handshakes in memory: a client's context against a server's certificate."""

from __future__ import annotations

import ssl
import tempfile
from typing import TYPE_CHECKING

from macos.asking import HOST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from certificates import Certificate

MOST_STEPS = 20


def handshake(
    context: ssl.SSLContext,
    certificate: Certificate,
    host: str = HOST,
    *,
    chain: Sequence[Certificate] = (),
    server: ssl.SSLContext | None = None,
    client: Certificate | None = None,
    connection: tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO] | None = None,
) -> bytes:
    """Connect to a server of `certificate`, and say something: what it hears. Raises what either side raises.

    `connection` is one that was made before; `client` a certificate for the client to show.
    """
    if client is not None:
        load(context, client)
    if server is None:
        server = certificate.server_context(chain)
    else:
        load(server, certificate)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    to_server, from_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    accepting = server.wrap_bio(to_server, from_server, server_side=True)
    connecting = context.wrap_bio(incoming, outgoing, server_hostname=host)
    if connection is not None:
        connecting, incoming, outgoing = connection
    done: set[ssl.SSLObject] = set()
    for _ in range(MOST_STEPS):
        for side in (connecting, accepting):
            step(side, done)
            to_server.write(outgoing.read())
            incoming.write(from_server.read())
    assert done == {connecting, accepting}
    connecting.write(b"ping")
    to_server.write(outgoing.read())
    return accepting.read()


def step(side: ssl.SSLObject, done: set[ssl.SSLObject]) -> None:
    if side in done:
        return
    try:
        side.do_handshake()
        done.add(side)
    except ssl.SSLWantReadError:
        return


def load(context: ssl.SSLContext, certificate: Certificate) -> None:
    """As load_cert_chain(), which wants a file."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem", encoding="ascii") as file:
        file.write(certificate.chain_and_key())
        file.flush()
        context.load_cert_chain(file.name)
