"""A proxy that is asked to CONNECT, spoken to in plain text or by TLS.

with ConnectProxy() as proxy: ...         # http://127.0.0.1:{proxy.port}
with ConnectProxy(context) as proxy: ...  # https://…
"""

from __future__ import annotations

import select
import socket
import ssl
from typing import Any

from servers import TIMEOUT, Server


class ConnectProxy(Server):
    """Leads wherever it is asked to, or to `leads_to`. `requests` are the heads that it was sent, `shown` the clients' certificates."""

    def __init__(self, context: ssl.SSLContext | None = None, answer: bytes = b"HTTP/1.1 200 OK\r\n\r\n") -> None:
        super().__init__(context, self.serve)
        self.answer = answer
        self.leads_to: tuple[str, int] | None = None
        self.requests: list[bytes] = []
        self.shown: list[object] = []

    def serve(self, sock: Any) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(1)
        self.requests.append(head)
        self.shown.append(sock.getpeercert(True) if isinstance(sock, ssl.SSLSocket) else None)
        sock.sendall(self.answer)
        if b" 200 " not in self.answer:
            return
        host, _, port = head.split()[1].decode("ascii").rpartition(":")
        with socket.create_connection(self.leads_to or (host.strip("[]"), int(port)), TIMEOUT) as onward:
            pump(sock, onward)


def pump(one: Any, other: Any) -> None:
    """Until either has nothing more to say."""
    while True:
        pending = [end for end in (one, other) if isinstance(end, ssl.SSLSocket) and end.pending()]
        for end in pending or select.select([one, other], [], [], TIMEOUT)[0]:
            data = end.recv(65536)
            if not data:
                return
            (other if end is one else one).sendall(data)
