"""A verdict without a connection, and what goes on meanwhile: interruptions, other threads, forks, thousands of verdicts before it."""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import gc
import os
import ssl
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cases
import interruptions
import pytest
from flights import judged, shaken, trusting, verified
from interruptions import Interruption, interrupt, on_a_thread, points
from many import examples

from truststore import _first_flight

if TYPE_CHECKING:
    from collections.abc import Callable

    from certificates import Certificate

HOST = cases.HOST
THREADS = 32


@functools.cache
def leaf(key: str) -> Certificate:
    return cases.intermediate().issue(HOST, key=key)


@functools.cache
def stranger() -> Certificate:
    return cases.stranger_intermediate().issue(HOST)


# -- interruptions ------------------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("key", "opcodes"), [("rsa2048", True), ("dsa2048", False)], ids=["instructions", "lines"])
@on_a_thread
def test_interrupted_anywhere(key: str, opcodes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each verdict makes a private context, too: for a DSA key that of the empty store.

    The lock is re-entrant, as a context's is: a tracer, unlike a signal, may come between the end of a `with` and its __exit__().
    """
    monkeypatch.setattr(interruptions, "TRACED", (_first_flight.__file__,))
    chain, lock = [certificate.der for certificate in leaf(key).chain], threading.RLock()
    good, bad = trusting(cases.root()), trusting(cases.stranger())
    settings = [(context.options, context.verify_flags, context.get_ciphers()) for context in (good, bad)]
    for context in good, bad:
        for tracer in points(interrupt, opcodes=opcodes):
            if key == "rsa2048":
                _first_flight._kept_context.cache_clear()
            with contextlib.suppress(Interruption, ssl.SSLCertVerificationError), tracer:
                built = verified(context, chain, HOST, lock)
                assert context is good
                assert built == (*chain, cases.root().der)
            assert judged(bad, leaf("rsa2048").chain, HOST)[:2] == ("refused", 20)
        assert judged(good, leaf("rsa2048").chain, HOST)[0] == "accepted"
    assert settings == [(context.options, context.verify_flags, context.get_ciphers()) for context in (good, bad)]


def test_what_is_done_at_any_line_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler or a destructor that asks for a verdict itself, of the same context."""
    monkeypatch.setattr(interruptions, "TRACED", (_first_flight.__file__,))
    context = trusting(cases.root())
    lock = threading.RLock()
    own, other = [certificate.der for certificate in leaf("p256").chain], [certificate.der for certificate in stranger().chain]

    def ask() -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            verified(context, other, HOST, lock)

    for tracer in points(ask):
        with tracer:
            built = verified(context, own, HOST, lock)
        assert built == (*own, cases.root().der)


# -- threads ------------------------------------------------------------------------------------------------------------------------


def at_once(functions: list[Callable[[], object]], times: int) -> None:
    """Each on a thread of its own, so many times; what one of them raises is raised."""
    ready = threading.Barrier(len(functions))

    def run(function: Callable[[], object]) -> None:
        ready.wait()
        for _ in range(times):
            function()

    with concurrent.futures.ThreadPoolExecutor(len(functions)) as pool:
        for each in [pool.submit(run, function) for function in functions]:
            each.result()


def test_threads_share_private_contexts() -> None:
    """Even the first time, when there are none; with judges of their own and verify flags that alternate."""
    _first_flight._kept_context.cache_clear()
    partial = trusting(cases.intermediate())
    partial.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    nameless = trusting(cases.root())
    nameless.check_hostname = False
    expected = [
        (trusting(cases.root()), leaf("rsa2048").chain, HOST, ("accepted", 0)),
        (trusting(cases.root()), leaf("p256").chain, "wrong.test", ("refused", 62)),
        (trusting(), leaf("p256").chain, HOST, ("refused", 20)),
        (partial, leaf("p256").chain, HOST, ("accepted", 0)),
        (nameless, leaf("rsa2048").chain, "wrong.test", ("accepted", 0)),
        (trusting(cases.root()), stranger().chain, HOST, ("refused", 20)),
        (trusting(cases.root()), leaf("dsa2048").chain, HOST, ("accepted", 0)),
        (trusting(cases.root()), leaf("rsa2048").chain * 80, HOST, ("neither", 0)),
    ]

    def judge(context: ssl.SSLContext, chain: Any, name: str, outcome: tuple[str, int]) -> None:
        kind, code, *_ = judged(context, chain, name)
        assert (kind, code if kind == "refused" else 0) == outcome

    at_once([functools.partial(judge, *row) for row in expected * (THREADS // len(expected))], examples(10))


def test_threads_that_use_the_same_context(tmp_path: Path) -> None:
    """Verdicts beside handshakes, loading and setting. What copies or replaces the context's own certificate takes the lock."""
    context, lock = trusting(cases.root()), threading.Lock()
    own, server = tmp_path / "own.pem", leaf("p256").server_context()
    own.write_text(leaf("p256").chain_and_key(), "ascii")
    chain, foreign = [each.der for each in leaf("p256").chain], [each.der for each in stranger().chain]
    others = iter([cases.own_root().der, cases.own_intermediate().der, cases.root().der] * 10_000)

    def accept() -> None:
        assert verified(context, chain, HOST, lock) == (*chain, cases.root().der)

    def refuse() -> None:
        with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
            verified(context, foreign, HOST, lock)

    def shake_hands() -> None:
        assert shaken(WrapsUnder(lock, context), server, HOST)[0] == "accepted"  # type: ignore[arg-type]

    def load_certificates() -> None:
        context.load_verify_locations(cadata=next(others))

    def load_own() -> None:
        with lock:
            context.load_cert_chain(own)

    def set_options() -> None:
        context.options |= ssl.OP_NO_TICKET
        context.options &= ~ssl.OP_NO_TICKET
        context.set_alpn_protocols(["h2"])

    one_each: list[Callable[[], object]] = [load_certificates, load_own, set_options, *[shake_hands] * 5]
    at_once([*[accept] * 12, *[refuse] * 12, *one_each], examples(10))


class WrapsUnder:
    """A context whose connections are made under a lock."""

    def __init__(self, lock: threading.Lock, context: ssl.SSLContext) -> None:
        self.lock, self.context = lock, context

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        with self.lock:
            return self.context.wrap_bio(*arguments, **options)


def test_the_lock_is_held_for_the_move_alone() -> None:
    """Not while OpenSSL verifies: a verdict whose lock is never given back gets there all the same."""
    held: list[str] = []

    class Lock:
        def __enter__(self) -> None:
            held.append("taken")

        def __exit__(self, *_: object) -> None:
            held.append("given back")

    context = trusting(cases.root())
    context._msg_callback = lambda *arguments: held.append("heard")  # type: ignore[attr-defined]
    verified(context, [each.der for each in leaf("rsa2048").chain], HOST, Lock())
    assert held[:2] == ["taken", "given back"]
    assert {*held[2:]} == {"heard"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
def test_after_a_fork() -> None:
    """With the private contexts of the parent."""
    context, chain = trusting(cases.root()), leaf("rsa2048").chain
    assert judged(context, chain, HOST)[0] == "accepted"
    misses = _first_flight._kept_context.cache_info().misses
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other tests may have left threads
        child = os.fork()
    if not child:
        try:
            right = judged(context, chain, HOST)[0] == "accepted" and judged(trusting(), chain, HOST)[:2] == ("refused", 20)
            os._exit(0 if right and _first_flight._kept_context.cache_info().misses == misses else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert judged(context, chain, HOST)[0] == "accepted"


# -- thousands of verdicts ----------------------------------------------------------------------------------------------------------


def used() -> tuple[int, int]:
    """Memory in use, in bytes, and descriptors."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd"))


@pytest.mark.timeout(600)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_thousands_of_verdicts_leave_nothing_behind() -> None:
    good, bad = trusting(cases.root()), trusting()
    chain, broken = leaf("rsa2048").chain, [each.with_bad_signature() for each in leaf("rsa2048").chain]

    def judge(times: int) -> None:
        for number in range(times):
            others = number // 20 % 10 << 24  # more than there are contexts kept
            good.verify_flags = ssl.VerifyFlags(ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | others)
            assert judged(good, chain, HOST)[0] == "accepted"
            assert judged(bad, chain, HOST)[0] == "refused"
            assert judged(good, chain, "wrong.test")[0] == "refused"
            assert judged(good, broken, HOST)[0] == "refused"
            assert judged(good, [*chain, *chain[:1] * 120], HOST)[0] == "neither"

    judge(50)
    memory, descriptors = used()
    judge(examples(500))
    more_memory, more_descriptors = used()
    assert more_descriptors == descriptors
    assert more_memory - memory < 1 << 20


def test_a_refusal_holds_nothing_back() -> None:
    """What is kept of it keeps the connection, and so the judge, no longer than itself."""
    import weakref

    context = trusting()
    with pytest.raises(ssl.SSLCertVerificationError):
        verified(context, [each.der for each in leaf("rsa2048").chain], HOST)
    gone = weakref.ref(context)
    del context
    gc.collect()
    assert gone() is None
