"""Somebody else's code is called with no lock held: it may wait for a thread that uses the same context."""

from __future__ import annotations

import logging
import ssl
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from fake_verifier import FakeVerifier
from gate_servers import judged_by
from servers import TIMEOUT, Store, in_memory, needs_openssl

import truststore

if TYPE_CHECKING:
    from pathlib import Path

    from certificates import Authority, Certificate

pytestmark = needs_openssl

#: A setting that OpenSSL's own interface warns of.
DEPRECATED = ssl.OP_NO_TLSv1_1


class CalledOut:
    """Whether the context was free whenever it was called."""

    def __init__(self, context: truststore.SSLContext) -> None:
        self._context = context
        self.was_free: list[bool] = []

    def __call__(self, *args: object, **kwargs: object) -> None:
        with ThreadPoolExecutor(1) as threads:
            self.was_free.append(threads.submit(self._take).result(TIMEOUT))

    def _take(self) -> bool:
        lock = self._context._settings.lock
        free = lock.acquire(blocking=False)
        if free:
            lock.release()
        return free


@pytest.fixture
def context(system: Store) -> truststore.SSLContext:
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture
def called(context: truststore.SSLContext) -> CalledOut:
    return CalledOut(context)


def test_a_hook_for_warnings(context: truststore.SSLContext, called: CalledOut, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", called)
        context.options |= DEPRECATED
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    assert set(called.was_free) == {True}
    assert context.options & DEPRECATED
    assert not context.options & ssl.OP_NO_RENEGOTIATION


def test_a_warning_names_the_line_that_gave_cause(context: truststore.SSLContext) -> None:
    for each in ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), context:
        with pytest.warns(DeprecationWarning, match="OP_NO_") as caught:
            each.options |= DEPRECATED
        with pytest.warns(DeprecationWarning, match="TLSv1_1") as too:
            each.minimum_version = ssl.TLSVersion.TLSv1_1
        assert [warning.filename for warning in (*caught, *too)] == [__file__] * 2
    each.options |= DEPRECATED  # it is set


def test_a_warning_that_is_an_error_changes_nothing(context: truststore.SSLContext) -> None:
    before = context.options
    with pytest.raises(DeprecationWarning):
        context.options |= DEPRECATED
    assert context.options == before


@pytest.mark.parametrize("value", ["x", 1.5, None, [], 1 << 70, -1])
@pytest.mark.parametrize("name", ["options", "verify_mode", "check_hostname", "verify_flags", "minimum_version"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_setters_refuse_is_what_ssls_refuse(context: truststore.SSLContext, name: str, value: object) -> None:
    assert outcome(context, name, value) == outcome(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), name, value)


def outcome(context: ssl.SSLContext, name: str, value: object) -> object:
    try:
        setattr(context, name, value)
    except Exception as error:  # noqa: BLE001
        return type(error), str(error), getattr(context, name)
    return getattr(context, name)


def test_numbers_and_truths(context: truststore.SSLContext, called: CalledOut) -> None:
    class Mode:
        def __index__(self) -> int:
            called()
            return int(ssl.CERT_OPTIONAL)

    class Truth:
        def __bool__(self) -> bool:
            called()
            return True

    class Options(int):
        def __or__(self, other: object) -> int:
            called()
            return int(self)

        __ror__ = __or__

    given: Any = context
    given.verify_mode, given.check_hostname, given.options = Mode(), Truth(), Options(ssl.OP_NO_TICKET)
    assert (context.verify_mode, context.check_hostname, context.options) == (ssl.CERT_OPTIONAL, True, ssl.OP_NO_TICKET)
    assert set(called.was_free) == {True}


def test_paths_and_buffers(context: truststore.SSLContext, called: CalledOut, tmp_path: Path, root: Authority) -> None:
    class Where:
        def __init__(self, path: Path) -> None:
            self.path = path

        def __fspath__(self) -> str:
            called()
            return str(self.path)

    class Data:
        def __buffer__(self, flags: int) -> memoryview:
            called()
            return memoryview(root.der)

    (tmp_path / "root.pem").write_text(root.pem, "ascii")
    context.load_verify_locations(Where(tmp_path / "root.pem"), Where(tmp_path))
    if sys.version_info >= (3, 12):
        context.load_verify_locations(cadata=Data())
    assert set(called.was_free) == {True}
    assert context.cert_store_stats()["x509"] == 1


def test_a_password(context: truststore.SSLContext, called: CalledOut, leaf: Certificate, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(leaf.chain_and_key().encode(), None)
    locked = serialization.BestAvailableEncryption(b"secret")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    (tmp_path / "leaf.pem").write_bytes(pem + leaf.pem.encode())

    def password() -> str:
        called()
        return "secret"

    context.load_cert_chain(tmp_path / "leaf.pem", password=password)
    assert called.was_free == [True]


def test_a_handler_of_the_log(
    context: truststore.SSLContext,
    called: CalledOut,
    leaf: Certificate,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG, "truststore")
    monkeypatch.setattr(caplog.handler, "emit", called)  # which is the handler of all later tests, too
    in_memory(context, leaf.server_context())
    assert called.was_free
    assert set(called.was_free) == {True}


def test_a_verifier(system: Store, leaf: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = judged_by(FakeVerifier([leaf.root.der]), monkeypatch)
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    called = verifier.before = CalledOut(context)
    in_memory(context, leaf.server_context())
    context.verify_chain([leaf.der], "localhost")
    assert called.was_free == [True] * 2


def test_two_connections_whose_verifiers_use_one_another(system: Store, leaf: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a verifier asks of another connection does not wait for a verdict that waits for its own."""
    pairs: list[Any] = []
    meet = threading.Barrier(2)

    def look_at_all() -> None:
        meet.wait(TIMEOUT)
        for near, _ in pairs:
            for ask in near.version, near.cipher, near.getpeercert, near.selected_alpn_protocol:
                try:
                    ask()
                except ValueError:  # not yet verified
                    continue

    judged_by(FakeVerifier([leaf.root.der], before=look_at_all), monkeypatch)
    context, server_context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), leaf.server_context()

    def shake_hands(number: int) -> bytes:
        near, far = pairs[number]
        for _ in range(3):
            for side in near, far:
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        far.write(b"hello")
        return near.read(5)  # type: ignore[no-any-return]

    for _ in range(2):
        to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        near = context.wrap_bio(to_client, to_server, server_hostname="localhost")
        pairs.append((near, server_context.wrap_bio(to_server, to_client, server_side=True)))
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(shake_hands, range(2))) == [b"hello"] * 2
