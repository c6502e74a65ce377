"""What data goes over: a socket for a limited time; and TLS over anything that has `recv()` and `sendall()`, be it TLS itself.

That is so with a proxy that is spoken to by TLS.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import TypeVar

    from .starttls import Stream

    Answer = TypeVar("Answer")

LARGEST = 1 << 16


class Timed:
    """A socket, for so many seconds from now on: who sends a byte now and then does not keep us longer."""

    def __init__(self, sock: socket.socket, seconds: float) -> None:
        self._socket, self._end = sock, monotonic() + seconds

    def recv(self, most: int) -> bytes:
        """As a socket does."""
        return self._in_time().recv(most)

    def sendall(self, data: bytes) -> None:
        """As a socket does."""
        self._in_time().sendall(data)

    def _in_time(self) -> socket.socket:
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._socket


class Tls:
    """A client's end. Raises what `ssl` raises, and for the stream below OSError."""

    def __init__(self, below: Stream, context: ssl.SSLContext, name: str) -> None:
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        #: How the other end's answer begins, as it came over the wire.
        self.heard = b""
        #: What was agreed on.
        self.protocol: str | None = None
        self.cipher: str | None = None

    def do_handshake(self) -> None:
        """Until it is over, or refused."""
        self._done(self._shaken)
        self.protocol, cipher = self.object.version(), self.object.cipher()
        self.cipher = cipher and cipher[0]

    def _shaken(self) -> bool:
        self.object.do_handshake()
        return True

    def say_goodbye(self) -> None:
        """Without waiting for the other end's."""
        with suppress(OSError, ValueError):
            self._tried(self.object.unwrap)
            self._flush()

    def recv(self, most: int) -> bytes:
        """What comes next, as a socket has it."""
        return self._done(lambda: self.object.read(most))

    def sendall(self, data: bytes) -> None:
        """All of it, as a socket does."""
        while data:
            data = data[self._done(lambda data=data: self.object.write(data)) :]  # type: ignore[misc]

    def _done(self, call: Callable[[], Answer]) -> Answer:
        while True:
            answer = self._tried(call)
            self._flush()
            if answer is not None:
                return answer
            self._hear()

    def _tried(self, call: Callable[[], Answer]) -> Answer | None:
        """What the call answers; None if more has to come in for it."""
        try:
            return call()
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLError:
            with suppress(OSError):  # the alert that says why; who is told may have gone
                self._flush()
            raise

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._below.sendall(data)

    def _hear(self) -> None:
        data = self._below.recv(LARGEST)
        self.heard = (self.heard + data)[:LARGEST]
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
