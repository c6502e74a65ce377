"""Whatever happens at whatever line or instruction of ours: nothing is left open.

Each test goes through all points of what it does in turn (interruptions.py), and then lets an untrusted server try.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import ssl
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gate_servers import GREETING, PING, Peer, client_context, has_certificate, other_root, sites
from interruptions import Interruption, interrupt, on_a_thread, points
from servers import HOST, TIMEOUT, exchange, in_memory, shake_hands

import truststore
from truststore import _stdlib
from truststore._store.subjects import subject_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_verifier import FakeVerifier


@pytest.fixture(params=[False, True], ids=["lines", "opcodes"])
def opcodes(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def serving() -> ssl.SSLContext:
    return sites()["untrusted"].serves()


class Pair:
    """A client whose connection may be anywhere between wrapped and refused, and its server."""

    def __init__(self, context: ssl.SSLContext, serving: ssl.SSLContext, session: ssl.SSLSession | None = None) -> None:
        self.to_client, self.to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = serving.wrap_bio(self.to_server, self.to_client, server_side=True)
        self.client = context.wrap_bio(self.to_client, self.to_server, server_hostname=HOST, session=session)

    def shake_hands(self) -> None:
        """Both sides, until the client has finished or failed; the server greets as soon as it can."""
        for _ in range(4):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.client.do_handshake()
                return
            with contextlib.suppress(ssl.SSLWantReadError):
                self.server.do_handshake()
        raise AssertionError("the handshake came to no end")

    def try_everything(self) -> deque[bytes]:
        """What the client can get from the server, and the server from the client, by any means."""
        moved: deque[bytes] = deque()
        for _ in range(4):
            with contextlib.suppress(ssl.SSLError):
                self.server.write(GREETING)
            for step in (self.client.do_handshake, lambda: self.client.write(PING), self.client.unwrap):
                with contextlib.suppress(ssl.SSLError):
                    step()
            for side in (self.client, self.server):
                with contextlib.suppress(ssl.SSLError):
                    moved.append(side.read())
        return moved


def is_refused(context: ssl.SSLContext, serving: ssl.SSLContext) -> None:
    pair = Pair(context, serving)
    with pytest.raises(ssl.SSLCertVerificationError):
        pair.shake_hands()
    assert not pair.try_everything()


def settings(context: ssl.SSLContext) -> tuple[ssl.VerifyMode, bool]:
    return context.verify_mode, context.check_hostname


@on_a_thread
def test_a_connection_is_interrupted(context: truststore.SSLContext, serving: ssl.SSLContext, opcodes: bool) -> None:
    """At any point from the wrap to the refusal: neither this connection nor the next is open."""
    before = settings(context)
    established, _ = in_memory(context, sites()["trusted"].serves())
    certificate = established.getpeercert()
    for tracer in points(interrupt, opcodes=opcodes):
        pair = None
        try:
            with tracer:
                pair = Pair(context, serving)
                pair.shake_hands()
        except (Interruption, ssl.SSLCertVerificationError):
            assert settings(context) == before
            assert established.getpeercert() == certificate != {}
            assert pair is None or not pair.try_everything()
        else:
            raise AssertionError("an untrusted server was accepted")
        is_refused(context, serving)


@on_a_thread
def test_a_socket_is_interrupted(context: truststore.SSLContext, opcodes: bool) -> None:
    """Its descriptor stays its own, open until it closes it; and no data moves."""
    with Peer(sites()["untrusted"]) as peer:
        for tracer in points(interrupt, opcodes=opcodes):
            with socket.create_connection(peer.address, TIMEOUT) as sock:
                tls = context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=HOST)
            with tls:
                with pytest.raises((Interruption, ssl.SSLCertVerificationError)), tracer:
                    tls.do_handshake()
                with contextlib.suppress(OSError):  # not connected any more
                    assert tls.getpeername() == peer.address
                assert tls.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
                for use in tls.read, tls.do_handshake, lambda tls=tls: tls.write(PING):
                    with pytest.raises(ssl.SSLCertVerificationError):
                        use()
    assert peer.received == b""


@on_a_thread
def test_a_resumption_is_interrupted(context: truststore.SSLContext, judge: FakeVerifier, opcodes: bool) -> None:
    """The chain of a resumed session is not at hand; the handshake is one step shorter."""
    serving = sites()["trusted"].serves()
    client, server = in_memory(context, serving)
    exchange(client, server)
    session = client.session
    judge.says = False
    for tracer in points(interrupt, opcodes=opcodes):
        pair = None
        try:
            with tracer:
                pair = Pair(context, serving, session)
                pair.shake_hands()
        except (Interruption, ssl.SSLCertVerificationError):
            assert pair is None or not pair.try_everything()
        else:
            raise AssertionError("a session was resumed unverified")


@on_a_thread
def test_a_verdict_is_interrupted(context: truststore.SSLContext, judge: FakeVerifier, opcodes: bool) -> None:
    """With a trusted server: data moves only if the verdict was given."""
    serving = sites()["trusted"].serves()
    for tracer in points(interrupt, opcodes=opcodes):
        judge.questions.clear()
        pair = None
        with contextlib.suppress(Interruption), tracer:
            pair = Pair(context, serving)
            pair.shake_hands()
        moved = pair is not None and pair.try_everything()
        assert moved or tracer.acted
        assert judge.questions or not moved


MODES = ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED


@pytest.mark.parametrize("protocol", [ssl.PROTOCOL_TLS_CLIENT, None], ids=["client", "bare"])
@pytest.mark.parametrize("after", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("before", MODES, ids=lambda mode: mode.name)
@pytest.mark.usefixtures("judge")
@pytest.mark.filterwarnings("ignore:ssl.*PROTOCOL_TLS.* is deprecated:DeprecationWarning")
@on_a_thread
def test_a_setting_is_interrupted(
    protocol: int | None, before: ssl.VerifyMode, after: ssl.VerifyMode, serving: ssl.SSLContext, opcodes: bool
) -> None:
    """It is either as before or as wanted; and what it says is what holds."""
    for tracer in points(interrupt, opcodes=opcodes):
        context = truststore.SSLContext(protocol)
        context.check_hostname = False
        context.verify_mode = before
        with contextlib.suppress(Interruption), tracer:
            context.verify_mode = after
        assert context.verify_mode in {before, after}
        if not tracer.acted:
            assert context.verify_mode is after
        holds(context, serving)


def holds(context: ssl.SSLContext, serving: ssl.SSLContext) -> None:
    """What the settings say is what happens."""
    if context.verify_mode is ssl.CERT_NONE:
        pair = Pair(context, serving)
        pair.shake_hands()
        assert pair.try_everything()
    else:
        is_refused(context, serving)


@pytest.mark.usefixtures("judge")
@on_a_thread
def test_the_name_check_is_interrupted(opcodes: bool) -> None:
    serving = sites()["misnamed"].serves()
    for after in True, False:
        for tracer in points(interrupt, opcodes=opcodes):
            context = client_context()
            context.check_hostname = not after
            with contextlib.suppress(Interruption), tracer:
                context.check_hostname = after
            if not tracer.acted:
                assert context.check_hostname is after
            if context.check_hostname:
                is_refused(context, serving)
            else:
                in_memory(context, serving)
            assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.fixture(params=["file", "directory", "data"])
def anchor(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, object]:
    """The root of "untrusted", for load_verify_locations()."""
    path = tmp_path / f"{subject_hash(other_root().der)}.0"
    path.write_text(other_root().pem, "ascii")
    sources: dict[str, dict[str, object]] = {
        "file": {"cafile": path},
        "directory": {"capath": tmp_path},
        "data": {"cadata": other_root().der},
    }
    return sources[request.param]


def vouches_alone(context: ssl.SSLContext) -> bool:
    """Whether own anchors are there; if so, nobody else vouches."""
    try:
        in_memory(context, sites()["untrusted"].serves(), None)
    except ssl.SSLCertVerificationError:
        return False
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(context, sites()["trusted"].serves(), None)
    return True


@pytest.mark.usefixtures("judge")
@on_a_thread
def test_loading_anchors_without_names_is_interrupted(anchor: dict[str, Any], opcodes: bool) -> None:
    """Also in the midst of the connection that comes next: the system does not vouch beside them."""
    for tracer in points(interrupt, opcodes=opcodes):
        context = client_context()
        context.check_hostname = False
        with contextlib.suppress(Interruption), tracer:
            context.load_verify_locations(**anchor)
            context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
        assert vouches_alone(context) or tracer.acted


@pytest.mark.usefixtures("judge")
@on_a_thread
def test_names_are_switched_off_beside_anchors_and_it_is_interrupted(opcodes: bool) -> None:
    for tracer in points(interrupt, opcodes=opcodes):
        context = client_context()
        context.load_verify_locations(cadata=other_root().der)
        with contextlib.suppress(Interruption), tracer:
            context.check_hostname = False
        if not context.check_hostname:
            assert vouches_alone(context)
        else:
            assert tracer.acted
            is_refused(context, sites()["misnamed"].serves())


@pytest.mark.usefixtures("judge")
def test_reentry_while_loading_anchors(anchor: dict[str, Any], opcodes: bool) -> None:
    """A signal handler may connect before they are there: that must not settle that there are none."""

    def connect() -> None:
        with contextlib.suppress(ssl.SSLCertVerificationError):
            in_memory(context, sites()["trusted"].serves(), None)

    for tracer in points(connect, opcodes=opcodes):
        context = client_context()
        context.check_hostname = False
        with tracer:
            context.load_verify_locations(**anchor)
        assert vouches_alone(context)


class Visitor:
    """What a signal handler, or a destructor, may do with the same context: connect to an untrusted server."""

    def __init__(self, context: ssl.SSLContext, serving: ssl.SSLContext) -> None:
        self.context, self.serving, self.visits = context, serving, 0

    def __call__(self, *_: object) -> None:
        is_refused(self.context, self.serving)
        self.visits += 1


@pytest.mark.parametrize("name", ["trusted", "untrusted"])
def test_reentry_while_connecting(name: str, context: truststore.SSLContext, serving: ssl.SSLContext, opcodes: bool) -> None:
    before = settings(context)
    visitor = Visitor(context, serving)
    other = sites()[name].serves()
    for tracer in points(visitor, opcodes=opcodes):
        visitor.visits = 0
        with tracer:
            pair = Pair(context, other)
            if name == "trusted":
                pair.shake_hands()
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    pair.shake_hands()
        assert visitor.visits == tracer.acted
        assert settings(context) == before
        assert bool(pair.try_everything()) is (name == "trusted")


@pytest.mark.parametrize("after", [ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED], ids=lambda mode: mode.name)
@pytest.mark.parametrize("before", MODES, ids=lambda mode: mode.name)
@pytest.mark.usefixtures("judge")
def test_reentry_while_setting(before: ssl.VerifyMode, after: ssl.VerifyMode, serving: ssl.SSLContext, opcodes: bool) -> None:
    """The setting is not lost, nor is a connection in between open that should not be."""

    def connect() -> None:
        holds(context, serving)

    for tracer in points(connect, opcodes=opcodes):
        context = client_context()
        context.check_hostname = False
        context.verify_mode = before
        with tracer:
            context.verify_mode = after
        assert context.verify_mode is after
        is_refused(context, serving)


@pytest.mark.usefixtures("judge")
def test_a_setting_while_another_is_set() -> None:
    """Neither is lost. One line is no such point: no signal is handled between the comparison and the assignment that settle it."""

    def check() -> None:
        context.check_hostname = True

    lost = 0
    for tracer in points(check):
        context = client_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_OPTIONAL
        with tracer:
            context.verify_mode = ssl.CERT_REQUIRED
        assert context.verify_mode is ssl.CERT_REQUIRED
        lost += context.check_hostname is not tracer.acted
    assert lost <= 1


@pytest.mark.usefixtures("judge")
def test_reentry_while_switching_the_name_check_on(opcodes: bool) -> None:
    serving = sites()["misnamed"].serves()

    def connect() -> None:
        with contextlib.suppress(ssl.SSLCertVerificationError):
            in_memory(context, serving)

    for tracer in points(connect, opcodes=opcodes):
        context = client_context()
        context.check_hostname = False
        with tracer:
            context.check_hostname = True
        assert settings(context) == (ssl.CERT_REQUIRED, True)
        is_refused(context, serving)


@pytest.mark.parametrize("after", [ssl.CERT_NONE, ssl.CERT_REQUIRED], ids=lambda mode: mode.name)
@pytest.mark.usefixtures("judge")
def test_settings_that_change_while_connecting(after: ssl.VerifyMode, serving: ssl.SSLContext, opcodes: bool) -> None:
    """They are kept. The connection is under the old ones or the new."""

    def change() -> None:
        context.verify_mode = after

    for tracer in points(change, opcodes=opcodes):
        context = client_context()
        context.check_hostname = False
        context.verify_mode = before = ssl.CERT_REQUIRED if after is ssl.CERT_NONE else ssl.CERT_NONE
        mode, refused = before, False
        with tracer:
            pair = Pair(context, serving)
            mode = context.verify_mode
            try:
                pair.shake_hands()
            except ssl.SSLCertVerificationError:
                refused = True
        if mode is before:
            assert refused is (before is ssl.CERT_REQUIRED)
        assert bool(pair.try_everything()) is not refused
        assert context.verify_mode is (after if tracer.acted else before)
        holds(context, serving)


@pytest.mark.usefixtures("judge")
@pytest.mark.filterwarnings("ignore:ssl.*PROTOCOL_TLS.* is deprecated:DeprecationWarning")
def test_reentry_that_was_itself_interrupted(opcodes: bool, tmp_path: Path) -> None:
    """A destructor's connection leaves OpenSSL's settings at anything, and Python swallows what interrupted it.

    To a server that demands certificates this may not happen between the settings and their use.
    """
    context = has_certificate(truststore.SSLContext(ssl.PROTOCOL_TLS), sites()["trusted"].certificate, tmp_path)
    context.verify_mode = ssl.CERT_REQUIRED
    client = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def leave_open() -> None:
        _stdlib.set_check_hostname(context, False)
        _stdlib.set_verify_mode(context, ssl.CERT_NONE)

    for tracer in points(leave_open, opcodes=opcodes):
        to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        with tracer:
            server = context.wrap_bio(to_server, to_client, server_side=True)
        with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
            shake_hands(client.wrap_bio(to_client, to_server, server_hostname=HOST), server)


def test_the_handshake_is_finished_but_for_the_verdict(context: truststore.SSLContext, version: ssl.TLSVersion) -> None:
    """The connection can then be used for nothing, nor handed back as a plain one: whatever comes first is refused."""
    serving = sites()["untrusted"].serves(version)
    for use in USES:
        pair = Pair(context, serving)
        gate = pair.client._sslobj  # type: ignore[attr-defined]
        with pytest.raises(ssl.SSLWantReadError):
            gate._conn.do_handshake()
        with pytest.raises(ssl.SSLWantReadError):
            pair.server.do_handshake()
        for _ in range(2):
            with contextlib.suppress(ssl.SSLWantReadError):
                gate._conn.do_handshake()
                break
            pair.server.do_handshake()
        assert gate._conn.version()
        with pytest.raises(ssl.SSLCertVerificationError):
            use(pair.client)


USES: list[Callable[[ssl.SSLObject], object]] = [
    lambda tls: tls.do_handshake(),
    lambda tls: tls.read(),
    lambda tls: tls.write(PING),
    lambda tls: tls.unwrap(),
]


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="there is no signal for users here")
@pytest.mark.parametrize("name", ["trusted", "untrusted"])
def test_a_signal_during_the_verdict(
    name: str, context: truststore.SSLContext, serving: ssl.SSLContext, judge: FakeVerifier
) -> None:
    visitor = Visitor(context, serving)

    def before() -> None:
        if threading.current_thread() is threading.main_thread() and len(judge.questions) == 1:
            signal.raise_signal(signal.SIGUSR1)  # type: ignore[attr-defined, unused-ignore]

    judge.before = before
    previous = signal.signal(signal.SIGUSR1, visitor)  # type: ignore[attr-defined, unused-ignore]
    try:
        pair = Pair(context, sites()[name].serves())
        with contextlib.nullcontext() if name == "trusted" else pytest.raises(ssl.SSLCertVerificationError):
            pair.shake_hands()
    finally:
        signal.signal(signal.SIGUSR1, previous)  # type: ignore[attr-defined, unused-ignore]
    assert visitor.visits == 1
    assert bool(pair.try_everything()) is (name == "trusted")


def test_the_same_connection_is_used_during_its_verdict(context: truststore.SSLContext, judge: FakeVerifier) -> None:
    """By a signal handler: it gets no data, and the verdict counts for what comes after."""
    refusals: list[ssl.SSLCertVerificationError] = []

    def use() -> None:
        for step in (pair.client.read, lambda: pair.client.write(PING), pair.client.do_handshake, pair.client.unwrap):
            with pytest.raises(ssl.SSLCertVerificationError) as caught:
                step()
            refusals.append(caught.value)

    judge.before = use
    pair = Pair(context, sites()["trusted"].serves())
    pair.shake_hands()
    assert len(refusals) == 4
    assert len(judge.questions) == 1
    assert pair.try_everything()
