"""TLS between two ends in one thread, so that nothing but the work is timed."""

from __future__ import annotations

import socket
import ssl

from .measure import clock

HOST = "localhost"


class Wire:
    """Client and server, connected in memory. The time that the client's end takes is added up; the server's is not."""

    client: ssl.SSLObject | ssl.SSLSocket
    server: ssl.SSLObject | ssl.SSLSocket

    def __init__(self, client: ssl.SSLContext, server: ssl.SSLContext) -> None:
        to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        begin = clock()
        self.client = client.wrap_bio(to_client, to_server, server_hostname=HOST)
        self.seconds = clock() - begin
        self.server = server.wrap_bio(to_server, to_client, server_side=True)

    def shake_hands(self) -> Wire:
        done = False
        while not done:
            begin = clock()
            done = _step(self.client)
            self.seconds += clock() - begin
            done = _step(self.server) and done
        return self


class SocketWire(Wire):
    """The same over a pair of sockets."""

    def __init__(self, client: ssl.SSLContext, server: ssl.SSLContext) -> None:
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        self.seconds = 0.0
        self.client = client.wrap_socket(near, server_hostname=HOST, do_handshake_on_connect=False)
        self.server = server.wrap_socket(far, server_side=True, do_handshake_on_connect=False)


def _step(end: ssl.SSLObject | ssl.SSLSocket) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
