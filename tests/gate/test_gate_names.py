"""What the C connection object has, and which of it a closed gate hands on."""

from __future__ import annotations

import socket
import ssl
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any

import pytest
from gate_servers import Peer, in_thread, sites, wait_for
from servers import HOST, TIMEOUT

from truststore import _connection, _stdlib

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_verifier import FakeVerifier

    from truststore import SSLContext

#: What moves data, or is answered by the gate itself.
GUARDED = {"do_handshake", "get_verified_chain", "getpeercert", "read", "shutdown", "write"}
#: Names by the version that brought them. Before one is entered here somebody has to look at what it does: if it is harmless until the
#: verdict it is to be added to `_stdlib.HARMLESS`, otherwise it waits.
NAMES = {
    (3, 10): {
        "cipher",
        "compression",
        "context",
        "get_channel_binding",
        "get_unverified_chain",
        "owner",
        "pending",
        "selected_alpn_protocol",
        "server_hostname",
        "server_side",
        "session",
        "session_reused",
        "shared_ciphers",
        "verify_client_post_handshake",
        "version",
        *GUARDED,
    },
    (3, 15): {"client_sigalg", "group", "sendfile", "server_sigalg", "uses_ktls_for_recv", "uses_ktls_for_send"},
}
#: Where OpenSSL has no kernel TLS.
MAY_LACK = {"sendfile"}


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="PyPy's own names, which all wait, are no interface")
def test_each_name_is_known() -> None:
    known = {name for version, names in NAMES.items() if version <= sys.version_info for name in names}
    names = {name for name in vars(_stdlib.CConnection) if not name.startswith("__")}
    assert names | MAY_LACK == known | MAY_LACK


def test_the_table_has_no_other() -> None:
    everything = set().union(*NAMES.values())
    assert everything - _stdlib.HARMLESS == {*GUARDED, "sendfile"}
    assert everything >= _stdlib.HARMLESS


class Novelty:
    """In the place of a C object that has something new."""

    trait = "before"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def act(self, what: str, *, how: str) -> str:
        return f"{what} {how}"


class GateWithNovelty(_connection.Gate):
    __slots__ = ()
    act: Any = _connection.after_the_verdict("act", Novelty.act)
    trait: Any = _connection.after_the_verdict("trait", property())


USES: dict[str, Callable[[Any], object]] = {
    "a method": lambda gate: gate.act("sent", how="at once"),
    "a property": lambda gate: gate.trait,
    "a property that is set": lambda gate: setattr(gate, "trait", "after"),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_is_not_known_waits(context: SSLContext, use: Callable[[Any], object]) -> None:
    """It performs the handshake, as reading and writing do."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    gate: Any = _stdlib.connection_of(context.wrap_bio(to_client, to_server, server_hostname=HOST))
    gate.__class__, gate._conn = GateWithNovelty, Novelty(gate._conn)
    with pytest.raises(ssl.SSLWantReadError):
        use(gate)
    server = sites()["untrusted"].serves().wrap_bio(to_server, to_client, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    for _ in range(2):
        with pytest.raises(ssl.SSLCertVerificationError):
            use(gate)
    assert Novelty.trait == gate._conn.trait == "before"


@pytest.mark.skipif(not hasattr(_stdlib.CConnection, "sendfile"), reason="sendfile() came with Python 3.15, where OpenSSL has it")
@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
def test_sendfile_waits_for_the_verdict(context: SSLContext, judge: FakeVerifier, trusted: bool) -> None:
    """Of another thread's handshake."""
    asked, answered = threading.Event(), threading.Event()
    outcomes: list[type[BaseException]] = []

    def before() -> None:
        asked.set()
        wait_for(answered)

    def attempt(step: Callable[[], object]) -> None:
        try:
            step()
        except (OSError, ValueError) as error:
            outcomes.append(type(error))

    judge.before, judge.says = before, trusted
    with Peer(sites()["trusted"]) as peer, tempfile.TemporaryFile() as file:
        file.write(b"secret")
        file.flush()
        sock = socket.create_connection(peer.address, TIMEOUT)
        tls: Any = context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=HOST)
        with tls:
            shaking = in_thread(lambda: attempt(tls.do_handshake))
            wait_for(asked)
            sending = in_thread(lambda: attempt(lambda: tls._sslobj.sendfile(file.fileno(), 0, 6, 0)))
            assert not outcomes, "it did not wait"
            answered.set()
            shaking.join(TIMEOUT)
            sending.join(TIMEOUT)
    peer.outcome()
    if not trusted:
        assert outcomes == [ssl.SSLCertVerificationError] * 2
        assert peer.received == b""
