"""Many threads on one context: no lock is held while a peer, or the operating system, thinks."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
from gate_servers import PING, UNKNOWN_ISSUER, Peer, converse, hear, in_thread, sites, wait_for
from servers import HOST, TIMEOUT, in_memory

from truststore import _stdlib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fake_verifier import FakeVerifier

    import truststore

THREADS = 64


@contextlib.contextmanager
def stalled_peer() -> Iterator[tuple[str, int]]:
    """Accepts, and says nothing until the end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()


@contextlib.contextmanager
def watched(look: Callable[[], object]) -> Iterator[set[object]]:
    """What another thread sees meanwhile."""
    seen: set[object] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.add(look())

    thread = in_thread(watch)
    try:
        yield seen
    finally:
        stop.set()
        thread.join(TIMEOUT)


def visit(context: ssl.SSLContext, peer: Peer) -> int:
    """The code of the refusal, or 0."""
    try:
        with socket.create_connection(peer.address, TIMEOUT) as sock, context.wrap_socket(sock, server_hostname=HOST) as tls:
            converse(tls)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code
    return 0


def test_nobody_waits_for_anybody(context: truststore.SSLContext, judge: FakeVerifier) -> None:
    """One peer stalls in the middle of the handshake, one verdict takes until all others are done."""
    slow, stalling, others_are_done = threading.Event(), threading.Event(), threading.Event()
    outcomes: queue.Queue[int] = queue.Queue()
    last: queue.Queue[int] = queue.Queue()

    def before() -> None:
        if threading.current_thread() is thinker:
            slow.set()
            wait_for(others_are_done)

    def stall(address: tuple[str, int]) -> None:
        with socket.create_connection(address, TIMEOUT) as sock, contextlib.suppress(OSError):
            stalling.set()
            context.wrap_socket(sock, server_hostname=HOST)

    judge.before = before
    with contextlib.ExitStack() as stack:
        trusted, untrusted = (stack.enter_context(Peer(sites()[name])) for name in ("trusted", "untrusted"))
        address = stack.enter_context(stalled_peer())
        settings = stack.enter_context(watched(lambda: (context.verify_mode, context.check_hostname)))
        thinker = threading.Thread(target=lambda: last.put(visit(context, trusted)), daemon=True)
        thinker.start()
        wait_for(slow)
        in_thread(lambda: stall(address))
        wait_for(stalling)
        for number in range(THREADS):
            peer = untrusted if number % 2 else trusted
            in_thread(lambda peer=peer: outcomes.put(visit(context, peer)))  # type: ignore[misc]
        found = sorted(outcomes.get(timeout=TIMEOUT) for _ in range(THREADS))
        assert last.empty()
        others_are_done.set()
        assert last.get(timeout=TIMEOUT) == 0
        for _ in range(THREADS // 2 + 1):
            trusted.outcome()  # it has read all that this visitor said
    assert found == [0] * (THREADS // 2) + [UNKNOWN_ISSUER] * (THREADS // 2)
    assert settings == {(ssl.CERT_REQUIRED, True)}
    assert len(judge.questions) == THREADS + 1, "asked once per handshake"
    assert untrusted.received == b""
    assert trusted.received.count(PING) == THREADS // 2 + 1


def test_nobody_is_connected_under_another_ones_mode(context: truststore.SSLContext, judge: FakeVerifier) -> None:
    """The user switches verification off and on while 16 threads connect to an untrusted server: what moved was not to be verified.

    So many handshakes, not so many switches: from 3.14 on locks are fair, and the user's turn comes after a handshake of each thread;
    until 3.13 the user's thread takes the lock as often as it likes.
    """
    serving = sites()["untrusted"].serves()
    context.check_hostname = False
    judge.says = False

    def connect() -> None:
        while not stop.is_set():
            try:
                client, _ = in_memory(context, serving)
            except ssl.SSLCertVerificationError:
                refused.append(True)
                continue
            connected.append(client._sslobj)  # type: ignore[attr-defined]

    connected: list[object] = []
    refused: list[bool] = []
    stop = threading.Event()
    threads = [in_thread(connect) for _ in range(16)]
    while len(connected) + len(refused) < 200:
        for mode in ssl.CERT_NONE, ssl.CERT_REQUIRED:
            context.verify_mode = mode
            assert context.verify_mode is mode
    context.verify_mode = ssl.CERT_REQUIRED
    stop.set()
    for thread in threads:
        thread.join(TIMEOUT)
    assert not any(hasattr(connection, "_question") for connection in connected)
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(context, serving)


def test_the_lock_is_held_while_openssl_copies_the_settings(
    context: truststore.SSLContext, judge: FakeVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And at no other time: not in the verdict, nor between the two."""
    free: list[bool] = []

    def look() -> None:
        answer: queue.Queue[bool] = queue.Queue()

        def attempt() -> None:
            if got := context._settings.lock.acquire(blocking=False):
                context._settings.lock.release()
            answer.put(got)

        in_thread(attempt)
        free.append(answer.get(timeout=TIMEOUT))

    def make(made_of: object, *args: object, **kwargs: object) -> object:
        if made_of is context:
            look()
        return wrap_bio(made_of, *args, **kwargs)

    wrap_bio = _stdlib.wrap_bio
    monkeypatch.setattr(ssl.SSLContext, "_wrap_bio", make, raising=False)
    judge.before = look
    look()
    client, _ = in_memory(context, sites()["trusted"].serves())
    assert client.getpeercert()
    look()
    assert free == [True, False, True, True]


@pytest.mark.parametrize("answer", [True, False], ids=["trusted", "untrusted"])
def test_another_thread_on_the_same_connection_waits_for_one_verdict(
    answer: bool, context: truststore.SSLContext, judge: FakeVerifier, version: ssl.TLSVersion
) -> None:
    """A thread writes while another's handshake is being judged: it waits, and what it wrote is sent or refused by that verdict."""
    asked, answered = threading.Event(), threading.Event()
    outcomes: queue.Queue[type[BaseException] | None] = queue.Queue()

    def before() -> None:
        asked.set()
        wait_for(answered)

    def attempt(step: Callable[[], object]) -> None:
        try:
            step()
        except ssl.SSLError as error:
            outcomes.put(type(error))
        else:
            outcomes.put(None)

    judge.before, judge.says = before, answer
    with Peer(sites()["trusted"], version) as peer:
        with socket.create_connection(peer.address, TIMEOUT) as sock:
            tls = context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=HOST)
        with tls:
            in_thread(lambda: attempt(tls.do_handshake))
            wait_for(asked)
            in_thread(lambda: attempt(lambda: tls.sendall(PING)))  # one writer: OpenSSL takes no more at a time
            assert outcomes.empty()
            answered.set()
            assert {outcomes.get(timeout=TIMEOUT) for _ in range(2)} == {None if answer else ssl.SSLCertVerificationError}
            if answer:
                hear(tls.recv)  # or closing would reset the connection, and PING with it
        peer.outcome()
    assert peer.received == (PING if answer else b"")
    assert len(judge.questions) == 1
