"""Peers that stall, drip, hang up, flood and send garbage, at whatever byte of a handshake and of what follows.

In memory each byte is under control, and thousands of visits take seconds. On sockets it is time that is hostile, too. Both ends keep
account of what arrived; an error has to be one of a connection, within the time that the client gave.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from certificates import CLIENT_AUTH
from gate_servers import GREETING, NAMES, PING, client_certificate, has_certificate, other_root, root
from servers import HOST, carry

from .watched import FAILURES, VERSIONS, Visit, World, Wrong, serving, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    import truststore

#: Of what a client gives a server, in seconds; and how much longer it may take on a machine that has other things to do.
PATIENCE, SLACK = 0.1, 5
FLOOD = 1 << 18
FIRSTS = "do_handshake", "write", "read"


# -- what is done to what a peer sends ---------------------------------------------------------------------------------------------


@functools.cache
def recorded(version: ssl.TLSVersion) -> bytes:
    """What a server that is to be trusted sends to a client."""
    sent = bytearray()

    def kept(data: bytes) -> bytes:
        sent.extend(data)
        return data

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=root().der)
    Visit(context, "trusted", version, passed=kept).converse()
    return bytes(sent)


class Tampered:
    """Passes on what it gets, up to some byte; from there on it does something else."""

    def __init__(self, random: Random) -> None:
        self.random, self.how = random, random.choice(["nothing", "nothing", *HOW])
        # A flight has some 1500 bytes; records begin at its start, and the first is the hello.
        self.left: int = random.choice((0, random.randrange(6), random.randrange(200), random.randrange(2500)))
        self.acted = False

    def __call__(self, data: bytes) -> bytes:
        before, self.left = data[: self.left], max(self.left - len(data), 0)
        after = data[len(before) :]
        if not after and self.left:
            return before
        return before + HOW[self.how](self, after)

    def once(self, data: bytes) -> bytes:
        """`data` the first time, then nothing."""
        acted, self.acted = self.acted, True
        return b"" if acted else data

    def flipped(self, data: bytes) -> bytes:
        if self.acted or not data:
            return data
        self.acted = True
        where = self.random.randrange(len(data))
        return data[:where] + bytes([data[where] ^ 1 << self.random.randrange(8)]) + data[where + 1 :]

    def records(self) -> bytes:
        """Well-formed ones, of some kind, full of something."""
        kind = self.random.choice((20, 21, 22, 23, 24, 99))
        size = self.random.choice((0, 1, 2, 100, 16384, 16640))
        version = self.random.choice((b"\x03\x03", b"\x03\x01", b"\x03\x04"))
        record = bytes([kind]) + version + struct.pack(">H", size) + self.random.randbytes(size)
        return record * min(FLOOD // len(record), 2000)


HOW: dict[str, Callable[[Tampered, bytes], bytes]] = {
    "nothing": lambda self, data: data,
    "stall": lambda self, data: b"",
    "garbage": lambda self, data: self.random.randbytes(self.random.choice((1, 100, 5000))),
    "garbage before": lambda self, data: self.once(self.random.randbytes(50)) + data,
    "flood": lambda self, data: self.random.randbytes(FLOOD),
    "flood of zeros": lambda self, data: bytes(FLOOD),
    "flood of records": lambda self, data: self.records(),
    "a flipped bit": lambda self, data: self.flipped(data),
    "twice": lambda self, data: data + data,
    "a gap": lambda self, data: data[self.random.randrange(200) :],
    "backwards": lambda self, data: data[::-1],
    "plain text": lambda self, data: b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
    "greeting in plain text": lambda self, data: GREETING,
    "an alert": lambda self, data: b"\x15\x03\x03\x00\x02" + bytes([self.random.choice((1, 2)), self.random.randrange(256)]),
    "another's handshake": lambda self, data: recorded(self.random.choice(VERSIONS)),
}


# -- in memory ---------------------------------------------------------------------------------------------------------------------


def in_memory(times: int, random: Random, verifier: str) -> Counter[str]:
    with world(verifier) as here:
        context = here.client()
        for number in range(times):
            if number % 100 == 0:
                context = here.client()
                here.tells_them_apart(context)
            visit_in_memory(here, context, random)
        here.tells_them_apart(context)
        return here.account.outcomes


def visit_in_memory(here: World, context: ssl.SSLContext, random: Random) -> None:
    visit = Dripping(context, random.choice(NAMES), random.choice(VERSIONS), random)
    error = visit.outcome()
    if random.random() < 0.2:
        visit.to_client.write_eof()
    visit.try_everything()
    here.account.note(visit, error)


class Dripping(Visit):
    """What is tampered with comes in parts, and the client tries to go on after each."""

    def __init__(self, context: ssl.SSLContext, site: str, version: ssl.TLSVersion, random: Random) -> None:
        passed = Tampered(random)
        super().__init__(context, site, version, first=random.choice(FIRSTS), passed=passed)
        self._parts = random.choice((1, 1, 3, 40))

    def serve(self) -> None:
        super().serve()
        data = self.to_client.read()
        size = len(data) // self._parts + 1
        for start in range(0, len(data), size):
            self.to_client.write(data[start : start + size])
            if self._parts > 1 and self._left:
                with contextlib.suppress(ssl.SSLWantReadError):
                    self._step(self._left[0])
                    self._left.pop(0)


# -- on sockets --------------------------------------------------------------------------------------------------------------------


def on_sockets(times: int, random: Random, verifier: str) -> Counter[str]:
    with world(verifier) as here:
        context = here.client()
        for _ in range(times):
            if random.random() < 0.05:
                context = here.client()
            visit_on_socket(here, context, random)
        here.tells_them_apart(context)
        return here.account.outcomes


def visit_on_socket(here: World, context: truststore.SSLContext, random: Random) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far, HostileServer(far, random) as server:
        started, error = time.monotonic(), None
        near.settimeout(PATIENCE)
        try:
            random.choice(CLIENTS)(context, near, server)
        except Exception as raised:  # noqa: BLE001 - for the account to judge
            error = raised
        if time.monotonic() - started > len(FIRSTS) * PATIENCE + SLACK:
            raise Wrong(f"the client waited for {time.monotonic() - started:.1f} s, by {server.passed.how!r}")
    here.account.note(server, error)


class HostileServer:
    """Serves one connection by a thread of its own: what it sends is tampered with, and it may drip, or hang up in the end."""

    def __init__(self, sock: socket.socket, random: Random) -> None:
        self.site, self.passed = random.choice(NAMES), Tampered(random)
        self.heard, self.got = b"", b""
        self._sock, self._part = sock, random.choice((1 << 20, 1 << 20, 100, 20))
        self._ending = random.choice(("stall", "close", "reset"))
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        version = random.choice(VERSIONS)
        self._tls = serving(self.site, version).wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._thread = threading.Thread(target=self._serve)
        self._hung_up = threading.Event()
        self._greeted = False

    def __enter__(self) -> HostileServer:
        self._sock.settimeout(PATIENCE)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._hung_up.set()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while not self._hung_up.is_set():
                data = self._sock.recv(65536)
                if not data:
                    break
                self._incoming.write(data)
                self._answer()
        if self._ending == "reset":
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self._ending != "stall":
            self._sock.close()

    def _answer(self) -> None:
        with contextlib.suppress(ssl.SSLError):
            self._tls.do_handshake()
            if not self._greeted:
                self._greeted = bool(self._tls.write(GREETING))
            self.got += self._tls.read()
        data = self.passed(self._outgoing.read())
        for start in range(0, len(data), self._part):
            self._sock.sendall(data[start : start + self._part])


def handshake_at_once(context: truststore.SSLContext, sock: socket.socket, server: HostileServer) -> None:
    with context.wrap_socket(sock, server_hostname=HOST) as tls:
        tls.sendall(PING)
        server.heard += tls.recv(len(GREETING))


def write_first(context: truststore.SSLContext, sock: socket.socket, server: HostileServer) -> None:
    with context.wrap_socket(sock, server_hostname=HOST, do_handshake_on_connect=False) as tls:
        tls.sendall(PING)
        server.heard += tls.recv(len(GREETING))


def stubborn(context: truststore.SSLContext, sock: socket.socket, server: HostileServer) -> None:
    """Goes on after an error."""
    with context.wrap_socket(sock, server_hostname=HOST, do_handshake_on_connect=False) as tls:
        with contextlib.suppress(*FAILURES):
            tls.do_handshake()
        with contextlib.suppress(*FAILURES):
            tls.sendall(PING)
        server.heard += tls.recv(len(GREETING))


def event_loop(context: truststore.SSLContext, sock: socket.socket, server: HostileServer) -> None:
    async def visit() -> None:
        reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=HOST)
        try:
            writer.write(PING)
            server.heard += await reader.read(len(GREETING))
        finally:
            writer.transport.abort()

    async def for_a_while() -> None:
        await asyncio.wait_for(visit(), PATIENCE)

    try:
        asyncio.run(for_a_while())
    except asyncio.TimeoutError as error:  # no OSError before Python 3.11
        raise TimeoutError from error


CLIENTS: tuple[Callable[[Any, socket.socket, HostileServer], None], ...] = (handshake_at_once, write_first, stubborn, event_loop)


# -- hostile clients ---------------------------------------------------------------------------------------------------------------


def clients(times: int, random: Random, verifier: str) -> Counter[str]:
    """Of a server that has verified others by the system's roots before: only what the program loaded vouches for its clients."""
    counted: Counter[str] = Counter()
    with world(verifier) as here, tempfile.TemporaryDirectory() as folder:
        server = serves_and_connects(here, Path(folder))
        visitors = {
            "of its own": client_with(other_root().issue("client.test", key="p256", purposes=(CLIENT_AUTH,)), Path(folder)),
            "the system's": client_with(client_certificate(), Path(folder)),
            "without any": client_with(None, Path(folder)),
        }
        for _ in range(times):
            who = random.choice(sorted(visitors))
            got = got_from(visitors[who], server, random)
            if got and (who != "of its own" or not PING.startswith(got)):
                raise Wrong(f"the server took data from a client whose certificate is {who}")
            counted["let in" if got else "kept out"] += 1
    return counted


def serves_and_connects(here: World, folder: Path) -> truststore.SSLContext:
    context = here.client(None)
    carry(context, root().issue(HOST, key="p256"), folder)
    here.tells_them_apart(context)
    context.load_verify_locations(cadata=other_root().der)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_with(certificate: Any, folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=root().der)
    return has_certificate(context, certificate, folder) if certificate else context


def got_from(client_context: ssl.SSLContext, server_context: truststore.SSLContext, random: Random) -> bytes:
    """What the server has read of a client that writes as soon as it can, and whose bytes are tampered with."""
    to_client, sent, to_server = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, sent, server_hostname=HOST)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    tampered, got = Tampered(random), b""
    for _ in range(8):
        with contextlib.suppress(ssl.SSLError):
            client.write(PING)
        if data := tampered(sent.read()):
            to_server.write(data)
        with contextlib.suppress(ssl.SSLError):
            server.do_handshake()
        with contextlib.suppress(ssl.SSLError):
            got += server.read()
        if got:
            break
    return got
