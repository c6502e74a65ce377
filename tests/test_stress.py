"""Many threads at the same object at once, each round from a barrier on. Without a GIL nothing else puts them in an order.

Where there is one, threads are switched as often as can be. `test_threads.py` and `gate/test_gate_concurrency.py` say what may not
happen; here everything happens at the same moment, over and over.
"""

from __future__ import annotations

import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority
from fake_verifier import FakeVerifier
from gate_servers import judged_by
from servers import HOST, Store, exchange, in_memory, needs_openssl

import truststore
from truststore import _listing, _stdlib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from certificates import Certificate

#: Whether the interpreter has no GIL, now: an extension module may have switched it on again.
FREE = not getattr(sys, "_is_gil_enabled", lambda: True)()
ROUNDS = 200 if FREE else 20


@pytest.fixture(autouse=True)
def restless() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(params=[pytest.param("openssl", marks=needs_openssl), "gate"])
def system_trusts(request: pytest.FixtureRequest, system: Store, root: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """That `root` is trusted, whoever verifies."""
    if request.param == "gate":
        judged_by(FakeVerifier([root.der]), monkeypatch)


def at_once(*acts: Callable[[], object]) -> list[Any]:
    """Run each in a thread of its own, from the same moment on; what they return. What one raises is raised."""
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        start.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return [each.result() for each in [threads.submit(run, act) for act in acts]]


def client() -> truststore.SSLContext:
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def verdict(context: ssl.SSLContext, serving: ssl.SSLContext) -> str:
    try:
        client, server = in_memory(context, serving)
    except ssl.SSLCertVerificationError:
        return "refused"
    exchange(client, server)
    return "trusted" if client.getpeercert() else "unverified"


@pytest.mark.timeout(300)
def test_a_new_context_in_every_hand(system_trusts: None, leaf: Certificate, stranger: Certificate) -> None:
    """The first connections load the store, while others connect, load, list and set."""
    trusted, untrusted, third = leaf.server_context(), stranger.server_context(), Authority.new("Third", key="p256")

    def settings(context: truststore.SSLContext) -> None:
        for _ in range(5):
            context.options |= ssl.OP_NO_TICKET
            context.verify_mode = ssl.CERT_REQUIRED
            context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST
            assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)

    def anchors(context: truststore.SSLContext) -> None:
        context.load_verify_locations(cadata=third.pem)
        assert third.der in context.get_ca_certs(True)

    for _ in range(ROUNDS):
        context = client()
        visits = [partial(verdict, context, trusted), partial(verdict, context, untrusted)] * 3
        *verdicts, _, _ = at_once(*visits, partial(settings, context), partial(anchors, context))
        assert verdicts == ["trusted", "refused"] * 3
        assert context.cert_store_stats()["x509"] == 1


@pytest.mark.timeout(300)
def test_sessions_are_taken_and_resumed(system_trusts: None, root: Authority) -> None:
    context = client()
    servers = [root.issue(HOST, key="p256").server_context() for _ in range(8)]

    def visit(serving: ssl.SSLContext) -> bool:
        first, far = in_memory(context, serving)
        exchange(first, far)
        again, far = in_memory(context, serving, session=first.session)
        exchange(again, far)
        assert again.getpeercert() == first.getpeercert()
        return bool(again.session_reused)

    for _ in range(ROUNDS // 4):
        assert all(at_once(*(partial(visit, serving) for serving in servers)))


@pytest.mark.timeout(300)
def test_injection_while_contexts_are_made(system_trusts: None, leaf: Certificate) -> None:
    """A context is one or the other, and as good as any.

    Only what is ours to promise: `ssl`'s own setters look the class up by name, twice, and without a GIL that may change in between.
    """
    serving, stock = leaf.server_context(), ssl.SSLContext

    def inject() -> None:
        truststore.inject_into_ssl()
        truststore.extract_from_ssl()

    def make() -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return verdict(context, serving) if type(context) is truststore.SSLContext else "not ours"  # isinstance() says yes to both

    for _ in range(ROUNDS):
        _, _, *verdicts = at_once(inject, inject, make, make, make)
        assert {*verdicts} <= {"trusted", "not ours"}
        assert ssl.SSLContext is stock is _stdlib.stdlib_class()


def test_a_list_whose_order_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL sorts its store when it is first looked into, which another thread's handshake does without our lock."""
    certificates = [(b"b", {"subject": "b"}), (b"a", {"subject": "a"})]
    asked: list[bool] = []

    class Context:
        @staticmethod
        def get_ca_certs(context: object, binary_form: bool = False) -> list[Any]:
            asked.append(binary_form)
            return [each[not binary_form] for each in (sorted(certificates) if len(asked) > 1 else certificates)]

    monkeypatch.setattr(_listing, "CContext", Context)
    context: Any = Context()
    assert _listing._by_der(context, False) == dict(certificates)
    asked.clear()
    assert _listing._by_der(context, True) == {b"a": b"a", b"b": b"b"}
