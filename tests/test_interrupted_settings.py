"""An exception at each line of ours, in each method of a fresh context: every setting is as it was or as it was asked for.

And the connections that follow are no weaker than they were to be. `interruptions` says how; `gate/test_gate_interruption.py` goes through
what may happen to one connection.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from fake_verifier import FakeVerifier
from gate_servers import judged_by, root, sites
from interruptions import Interruption, interrupt, on_a_thread, points
from pem_files import THIRD
from servers import HOST, TIMEOUT, Store, in_memory, needs_openssl

import truststore

if TYPE_CHECKING:
    from collections.abc import Callable

    Act = Callable[[truststore.SSLContext], object]

pytestmark = needs_openssl

SETTINGS = (
    "verify_mode", "check_hostname", "verify_flags", "options", "minimum_version", "maximum_version", "security_level",
    "hostname_checks_common_name", "post_handshake_auth", "num_tickets", "keylog_filename", "sni_callback", "_msg_callback",
    "sslsocket_class", "sslobject_class",
)  # fmt: skip


def ask_nothing(*_: object) -> None:
    """A callback."""


def sets(name: str, value: Any) -> Act:
    return lambda context: setattr(context, name, value)


def adds(name: str, value: Any) -> Act:
    return lambda context: setattr(context, name, getattr(context, name) | value)


def wrap(context: ssl.SSLContext, *, server_side: bool = False) -> ssl.SSLObject:
    name = None if server_side else HOST
    return context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=server_side, server_hostname=name)


def wrap_socket(context: truststore.SSLContext) -> None:
    with socket.socket() as sock, context.wrap_socket(sock, server_hostname=HOST):
        pass


def visit(context: truststore.SSLContext) -> None:
    in_memory(context, sites()["trusted"].serves())


def judge_a_chain(context: truststore.SSLContext) -> None:
    context.verify_chain([certificate.der for certificate in sites()["trusted"].certificate.chain], HOST)


def serve(context: truststore.SSLContext) -> None:
    """As a context that was made for clients cannot."""
    if context.protocol is ssl.PROTOCOL_TLS:
        wrap(context, server_side=True)


def choose(context: truststore.SSLContext) -> None:
    """As a context that was made for clients cannot, either."""
    if context.protocol is ssl.PROTOCOL_TLS:
        context.sni_callback = ask_nothing


def again(act: Act) -> Act:
    """With a context that has found the system's store."""

    def wrap_and_act(context: truststore.SSLContext) -> None:
        wrap(context)
        act(context)

    return wrap_and_act


def be_told(context: truststore.SSLContext) -> None:
    """Two settings that a program changes together."""
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE


ACTS: dict[str, Act] = {
    "verify_mode": sets("verify_mode", ssl.CERT_OPTIONAL),
    "check_hostname": sets("check_hostname", False),
    "both": be_told,
    "verify_flags": adds("verify_flags", ssl.VerifyFlags.VERIFY_X509_STRICT),
    "options": adds("options", ssl.OP_NO_TICKET),
    "all options": sets("options", ssl.OP_ALL),
    "minimum_version": sets("minimum_version", ssl.TLSVersion.TLSv1_3),
    "maximum_version": sets("maximum_version", ssl.TLSVersion.TLSv1_2),
    "hostname_checks_common_name": sets("hostname_checks_common_name", False),
    "post_handshake_auth": sets("post_handshake_auth", True),
    "sni_callback": choose,
    "_msg_callback": sets("_msg_callback", ask_nothing),
    "set_ciphers": lambda context: context.set_ciphers("ECDHE+AESGCM"),
    "set_alpn_protocols": lambda context: context.set_alpn_protocols(["h2"]),
    "load_verify_locations": lambda context: context.load_verify_locations(cadata=THIRD.der),
    "load_default_certs": lambda context: context.load_default_certs(),
    "set_default_verify_paths": lambda context: context.set_default_verify_paths(),
    "get_ca_certs": lambda context: context.get_ca_certs(),
    "cert_store_stats": lambda context: context.cert_store_stats(),
    "wrap_bio": wrap,
    "wrap_socket": wrap_socket,
    "wrap_bio of a server": serve,
    "wrap_bio, not for the first time": again(wrap),
    "wrap_bio of a server, not for the first time": again(serve),
    "get_ca_certs, not for the first time": again(lambda context: context.get_ca_certs()),
    "a handshake": visit,
    "verify_chain": judge_a_chain,
}


def seen(context: ssl.SSLContext) -> dict[str, Any]:
    ciphers = [cipher["name"] for cipher in context.get_ciphers()]
    return {name: getattr(context, name) for name in SETTINGS} | {"ciphers": ciphers}


@pytest.fixture
def verifier(request: pytest.FixtureRequest, system: Store, monkeypatch: pytest.MonkeyPatch) -> str:
    system.holds(root())
    if request.param == "gate":
        judged_by(FakeVerifier([root().der]), monkeypatch)
    return str(request.param)


def fresh(protocol: int | None) -> truststore.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return truststore.SSLContext(protocol)


def accepts(context: ssl.SSLContext, site: str) -> bool:
    try:
        in_memory(context, sites()[site].serves())
    except ssl.SSLCertVerificationError:
        return False
    return True


def is_free(context: truststore.SSLContext) -> bool:
    """Whether another thread can use the context: no lock is held."""
    thread = threading.Thread(target=lambda: setattr(context, "verify_mode", context.verify_mode), daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    return not thread.is_alive()


def is_as_strict_as_it_says(context: truststore.SSLContext, verifier: str) -> None:
    """The next connection verifies what the settings say; and no other certificate can come in after a verdict that is not OpenSSL's."""
    verifies = context.verify_mode is not ssl.CERT_NONE
    assert accepts(context, "untrusted") is not verifies
    assert accepts(context, "misnamed") is not (verifies and context.check_hostname)
    assert accepts(context, "trusted")
    if verifies and verifier == "gate":
        assert context.options & ssl.OP_NO_RENEGOTIATION


@pytest.mark.parametrize("what", ACTS)
@pytest.mark.parametrize(
    ("protocol", "verifier"),
    [(ssl.PROTOCOL_TLS_CLIENT, "gate"), (None, "openssl")],  # either keeps settings of its own, for another reason
    indirect=["verifier"],
    ids=["client of the system's", "bare"],
)
@on_a_thread
def test_a_method_of_a_fresh_context(protocol: int | None, what: str, verifier: str) -> None:
    before, asked_for = seen(fresh(protocol)), fresh(protocol)
    ACTS[what](asked_for)
    after = seen(asked_for)
    for tracer in points(interrupt, may_find_none=True):  # a setter of C alone has no line of ours
        context = fresh(protocol)
        with contextlib.suppress(Interruption), tracer:
            ACTS[what](context)
        for name, value in seen(context).items():
            assert is_one_of(name, value, (before[name], after[name]) if tracer.acted else (after[name],)), name
        assert is_free(context)
        is_as_strict_as_it_says(context, verifier)
        ACTS[what](context)
        assert without_needed(seen(context)) == without_needed(after)


def is_one_of(name: str, value: Any, allowed: tuple[Any, ...]) -> bool:
    """An interrupted setter of the options may leave renegotiation off, which is no weaker: C may warn, and is asked for that first."""
    return value in allowed or (name == "options" and value in [options | ssl.OP_NO_RENEGOTIATION for options in allowed])


def without_needed(settings: dict[str, Any]) -> dict[str, Any]:
    """Without the option that a gate adds, if there was a connection."""
    return {**settings, "options": settings["options"] & ~ssl.OP_NO_RENEGOTIATION}
