"""A program that ends in the midst of everything: with the standard library, truststore, and nothing else.

    exiting_program.py openssl|gate SEED TRUSTED_PORT UNTRUSTED_PORT

What is alive when it ends: threads that connect over and over, an event loop in one of them, connections half made and open ones, kept by
globals, in cycles, and by an object that connects when it is destroyed. The exit status is 7.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import random
import socket
import ssl
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import truststore
from truststore import _verdict

if TYPE_CHECKING:
    from collections.abc import Callable

HOST, PING, STATUS = "localhost", b"ping from the client", 7
VERIFIER, SEED, TRUSTED, UNTRUSTED = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])

kept: list[Any] = []


def judge(question: _verdict.Question) -> tuple[bytes, ...]:
    """By OpenSSL, with the file that the environment names."""
    from truststore._first_flight import verified_chain

    context: Any = ssl._SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # type: ignore[attr-defined]
    context.load_verify_locations(os.environ["SSL_CERT_FILE"])
    try:
        return tuple(verified_chain(context, threading.Lock(), question.chain, question.hostname, question.flags, 0))
    except ssl.SSLCertVerificationError as error:
        raise _verdict.refusal(question, error.verify_code, PLATFORM) from None


PLATFORM = _verdict.Platform("Fake", "the file that the environment names")
if VERIFIER == "gate":
    truststore.SSLContext._verifier = staticmethod(judge)
    truststore.SSLContext._platform = PLATFORM
context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def visit(port: int) -> ssl.SSLSocket:
    """Connected, and told something."""
    tls = begun(port)
    tls.sendall(PING)
    return tls


def begun(port: int) -> ssl.SSLSocket:
    sock = socket.create_connection(("127.0.0.1", port), 20)
    return context.wrap_socket(sock, server_hostname=HOST, do_handshake_on_connect=False)


def connect_for_ever() -> None:
    with contextlib.suppress(Exception):  # whatever is gone by then
        while True:
            for port in TRUSTED, UNTRUSTED:
                with contextlib.suppress(OSError), visit(port):
                    pass


def loop_for_ever() -> None:
    async def connect() -> None:
        while True:
            for port in TRUSTED, UNTRUSTED:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=HOST)
                    writer.write(PING)
                    writer.transport.abort()

    with contextlib.suppress(Exception):
        asyncio.run(connect())


def in_thread(function: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


class Last:
    """Connects when it is destroyed, which may be very late."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            visit(UNTRUSTED).close()


def connect_at_exit() -> None:
    visit(TRUSTED).close()
    with contextlib.suppress(ssl.SSLCertVerificationError):
        visit(UNTRUSTED).close()


ALIVE: dict[str, Callable[[], object]] = {
    "threads": lambda: [in_thread(connect_for_ever) for _ in range(3)],
    "an event loop": lambda: in_thread(loop_for_ever),
    "a connection": lambda: kept.append(visit(TRUSTED)),
    "one half made": lambda: kept.append(begun(TRUSTED)),
    "one in a cycle": lambda: kept.append([visit(TRUSTED), kept]),
    "an object": lambda: kept.append(Last()),
    "a function": lambda: atexit.register(connect_at_exit),
    "an injection": truststore.inject_into_ssl,
}

if __name__ == "__main__":
    choice = random.Random(SEED)
    kept.append(visit(TRUSTED))
    for name in choice.sample(sorted(ALIVE), choice.randrange(1, len(ALIVE))):
        ALIVE[name]()
    time.sleep(choice.random() * 0.05)
    sys.exit(STATUS)
