"""When the outcome of a flight is a verdict: seven conditions, and for each an OpenSSL that does not keep it.

It is played by a connection object that lies where a test says so, and otherwise hands on what the real one says.
"""

from __future__ import annotations

import functools
import os
import pickle
import re
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cases
import pytest
from flights import judged, trusting, verified

import truststore
from truststore import _first_flight, _stdlib, _verify_codes
from truststore._first_flight import NoVerdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOST = cases.HOST


@functools.cache
def chain() -> list[bytes]:
    return [certificate.der for certificate in cases.intermediate().issue(HOST).chain]


class Connection:
    """The C connection object, seen through."""

    #: How often do_handshake() has been called: the first call greets, the second reads ServerHello, the third Certificate.
    calls = 0

    def __init__(self, *arguments: Any) -> None:
        self.real: Any = _stdlib.wrap_bio(*arguments)

    def do_handshake(self) -> None:
        self.calls += 1
        self.real.do_handshake()

    def get_unverified_chain(self) -> Any:
        return self.real.get_unverified_chain()

    def get_verified_chain(self) -> Any:
        return self.real.get_verified_chain()

    def __setattr__(self, name: str, value: object) -> None:
        if name == "context":
            self.real.context = value
        else:
            super().__setattr__(name, value)


class Der:
    """In place of a certificate object."""

    def __init__(self, der: bytes) -> None:
        self.der = der

    def public_bytes(self, _: int) -> bytes:
        return self.der


def on_call(number: int, act: Callable[[Any], None]) -> type[Connection]:
    """A connection that does so in the n-th call of do_handshake(), in place of what it would do."""

    class Other(Connection):
        def do_handshake(self) -> None:
            if self.calls + 1 == number:
                self.calls += 1
                return act(self)
            return super().do_handshake()

    return Other


def raising(error: BaseException) -> Callable[[Any], None]:
    def act(connection: Any) -> None:
        raise error

    return act


def ssl_error(reason: str, kind: type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    error = kind(ssl.SSL_ERROR_SSL, f"[SSL: {reason}]")
    error.reason = reason
    return error


def no_verdict(monkeypatch: pytest.MonkeyPatch, connection: type[Connection], why: str) -> None:
    """Neither for a chain that the context trusts, nor for one that it does not."""
    monkeypatch.setattr(_first_flight, "wrap_bio", connection)
    with pytest.raises(NoVerdict, match=why) as caught:
        verified(trusting(cases.root()), chain(), HOST)
    assert not isinstance(caught.value, ssl.SSLCertVerificationError)


def test_a_connection_that_is_seen_through_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_first_flight, "wrap_bio", Connection)
    assert verified(trusting(cases.root()), chain(), HOST)[-1] == cases.root().der
    with pytest.raises(ssl.SSLCertVerificationError):
        verified(trusting(), chain(), HOST)


# -- 1: the suite has been offered --------------------------------------------------------------------------------------------------


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have private contexts offer these ciphers."""

    new_context, kept_context = _first_flight._new_context, _first_flight._kept_context

    def of(ciphers: str) -> None:
        def with_ciphers(*settings: Any) -> Any:
            context = new_context(*settings)
            context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
            return context

        monkeypatch.setattr(_first_flight, "_new_context", with_ciphers)
        monkeypatch.setattr(_first_flight, "_kept_context", with_ciphers)

    kept_context.cache_clear()
    return of


@pytest.mark.parametrize("ciphers", ["AES128-SHA256", "aNULL", "kDHE+aRSA", "PSK"])
def test_a_suite_that_was_not_offered(ciphers: str, offer: Callable[[str], None]) -> None:
    offer(ciphers)
    with pytest.raises(NoVerdict, match=r"no (suitable )?cipher"):
        verified(trusting(cases.root()), chain(), HOST)


@pytest.mark.parametrize("ciphers", ["ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA"])
def test_suites_that_are_not_in_the_table(ciphers: str, offer: Callable[[str], None]) -> None:
    offer(ciphers)
    assert judged(trusting(cases.root()), cases.intermediate().issue(HOST).chain, HOST)[0] == "neither"


@pytest.mark.parametrize("key", ["rsa2048", "p256", "ed25519"])
@pytest.mark.parametrize("ciphers", ["aRSA", "aECDSA"])
def test_one_kind_of_suite_is_enough(ciphers: str, key: str, offer: Callable[[str], None]) -> None:
    """Where OpenSSL looks at the key after its verdict."""
    offer(ciphers)
    leaf = cases.intermediate().issue(HOST, key=key)
    assert judged(trusting(cases.root()), leaf.chain, HOST)[0] == "accepted"
    assert judged(trusting(cases.root()), leaf.chain, "wrong.test")[:2] == ("refused", 62)
    assert judged(trusting(), leaf.chain, HOST)[:2] == ("refused", 20)


@pytest.mark.parametrize("hello", [b"", b"\x16", bytes(43), bytes(44), b"\xff" * 60, bytes(43) + b"\xff" * 3])
def test_a_hello_that_cannot_be_read_offers_nothing_of_ours(hello: bytes) -> None:
    assert not {*_first_flight._offered(hello)} & {*_first_flight.FOR_RSA, *_first_flight.FOR_ECDSA}


@pytest.mark.parametrize("session", [b"", bytes(32)])
def test_suites_come_after_the_session(session: bytes) -> None:
    head = b"\x16\x03\x01\x00\x00" + b"\x01\x00\x00\x00" + b"\x03\x03" + bytes(range(32))
    hello = head + bytes([len(session)]) + session + b"\x00\x04\xc0\x30\x00\xff\x01\x00\x00\x00"
    assert _first_flight._offered(hello) == [b"\xc0\x30", b"\x00\xff"]


# -- 2 and 3: after ServerHello it waits, and knows no chain ------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2])
def test_a_handshake_that_is_over_before_the_certificates(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def finish(connection: Any) -> None:
        """Or else the next call would read what this one has not."""
        try:
            connection.real.do_handshake()
        except ssl.SSLWantReadError:
            return

    no_verdict(monkeypatch, on_call(number, finish), "ended without them")


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("kind", [ssl.SSLError, ssl.SSLCertVerificationError, ssl.SSLWantWriteError, ssl.SSLEOFError])
def test_an_error_before_the_certificates(number: int, kind: type[ssl.SSLError], monkeypatch: pytest.MonkeyPatch) -> None:
    """Even one that reads like a refusal: it is not about these certificates."""
    no_verdict(monkeypatch, on_call(number, raising(ssl_error("CERTIFICATE_VERIFY_FAILED", kind))), "CERTIFICATE_VERIFY_FAILED")


def test_a_chain_before_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    class Early(Connection):
        def get_unverified_chain(self) -> Any:
            return [*map(Der, chain())] if self.calls < 3 else super().get_unverified_chain()

    no_verdict(monkeypatch, Early, "before they were sent")


# -- 4: the kind of outcome ---------------------------------------------------------------------------------------------------------


def after(act: Callable[[Any], None]) -> type[Connection]:
    """A connection that verifies in the third call, and then does this instead of what came of it."""

    def third(connection: Any) -> None:
        try:
            connection.real.do_handshake()
        except ssl.SSLError:
            pass
        act(connection)

    return on_call(3, third)


def test_a_handshake_that_is_over_after_the_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    no_verdict(monkeypatch, after(lambda connection: None), "ended without them")


@pytest.mark.parametrize(
    "error",
    [
        ssl_error("UNKNOWN_CERTIFICATE_TYPE"),
        ssl_error("BAD_SIGNATURE"),
        ssl.SSLError(1, "without a reason"),
        ssl.SSLWantWriteError(3, "write"),
        ssl.SSLZeroReturnError(6, "closed"),
        ssl.SSLSyscallError(5, "call"),
        ssl.SSLEOFError(8, "end"),
        ConnectionResetError(104, "reset"),
        OSError(0, "Error"),
    ],
    ids=repr,
)
def test_other_errors(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    no_verdict(monkeypatch, after(raising(error)), re.escape(str(error)))


@pytest.mark.parametrize(
    "error", [MemoryError(), KeyboardInterrupt(), SystemExit(), RuntimeError(), ValueError(), KeyError()], ids=repr
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_is_no_error_of_ssl_is_handed_on(number: int, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_first_flight, "wrap_bio", on_call(number, raising(error)))
    with pytest.raises(type(error)) as caught:
        verified(trusting(cases.root()), chain(), HOST)
    assert caught.value is error


def test_a_refusal_is_the_very_error_of_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though get_verified_chain() names leaf and root."""
    error = ssl_error("CERTIFICATE_VERIFY_FAILED", ssl.SSLCertVerificationError)
    monkeypatch.setattr(_first_flight, "wrap_bio", after(raising(error)))
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        verified(trusting(cases.root()), chain(), HOST)
    assert caught.value is error


# -- 5 and 6: the chain that was read, the chain that was built ---------------------------------------------------------------------


@pytest.mark.parametrize("read", [lambda sent: [], lambda sent: sent[:-1], lambda sent: sent * 2, lambda sent: sent[::-1]])
def test_another_chain_was_read(read: Callable[[list[bytes]], list[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    class Misreading(Connection):
        def get_unverified_chain(self) -> Any:
            return [*map(Der, read(chain()))] if self.calls == 3 else None

    no_verdict(monkeypatch, Misreading, "does not read them as they were sent")


def test_a_certificate_that_is_read_and_trusted_but_written_otherwise() -> None:
    """Not by a liar: OpenSSL takes a length that is longer than DER has it."""
    leaf, *rest = chain()
    for context in trusting(cases.root()), trusting():
        with pytest.raises((NoVerdict, ssl.SSLCertVerificationError)) as caught:
            verified(context, [b"\x30\x83\0" + leaf[2:], *rest], HOST)
        assert isinstance(caught.value, NoVerdict) == bool(context.get_ca_certs())


@pytest.mark.parametrize("built", [lambda chain: None, lambda chain: [], lambda chain: chain[1:], lambda chain: chain[::-1]])
def test_another_chain_was_verified(built: Callable[[list[Any]], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class Overlooking(Connection):
        def get_verified_chain(self) -> Any:
            return built(super().get_verified_chain())

    no_verdict(monkeypatch, Overlooking, "has not verified")


# -- 7: a key that fits no suite ----------------------------------------------------------------------------------------------------


def each_in_turn(kinds: Iterator[type[Connection]]) -> Callable[..., Connection]:
    def make(*arguments: Any) -> Connection:
        return next(kinds)(*arguments)

    return make


class LooksAtTheKeyFirst(Connection):
    """As AWS-LC does. Of chains it says the worst: as if it had verified this one."""

    def do_handshake(self) -> None:
        if self.calls < 2:
            return super().do_handshake()
        self.calls += 1
        raise ssl_error("WRONG_CERTIFICATE_TYPE")

    def get_unverified_chain(self) -> Any:
        return [*map(Der, chain())] if self.calls == 3 else None

    def get_verified_chain(self) -> Any:
        return [*map(Der, chain())]


def test_a_library_that_looks_at_the_key_first(monkeypatch: pytest.MonkeyPatch) -> None:
    no_verdict(monkeypatch, LooksAtTheKeyFirst, "fits no cipher suite")


class KnowsNothing(LooksAtTheKeyFirst):
    """Or the best: nothing."""

    def get_unverified_chain(self) -> Any:
        return None

    get_verified_chain = get_unverified_chain


@pytest.mark.parametrize("first", [LooksAtTheKeyFirst, KnowsNothing])
def test_the_suite_of_the_other_kind_gives_the_verdict(first: type[Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    in_turn, made = _first_flight._in_turn, iter([first, Connection, first, Connection])
    monkeypatch.setattr(_first_flight, "_in_turn", lambda leaf: in_turn(leaf)[::-1])
    monkeypatch.setattr(_first_flight, "wrap_bio", each_in_turn(made))
    assert verified(trusting(cases.root()), chain(), HOST)[-1] == cases.root().der
    with pytest.raises(ssl.SSLCertVerificationError):
        verified(trusting(), chain(), HOST)


@pytest.mark.parametrize("error", [ssl_error("BAD_CERTIFICATE"), ssl.SSLWantReadError(2, "read")], ids=repr)
def test_the_empty_store_must_refuse(error: ssl.SSLError, monkeypatch: pytest.MonkeyPatch) -> None:
    """For want of an issuer: an accept or any other error tells nothing of the first client's."""
    wrong = after(raising(ssl_error("WRONG_CERTIFICATE_TYPE")))
    made = iter([wrong, wrong, after(raising(error))])
    monkeypatch.setattr(_first_flight, "wrap_bio", each_in_turn(made))
    with pytest.raises(NoVerdict):
        verified(trusting(cases.root()), chain(), HOST)
    assert next(made, None) is None


def test_the_empty_store_does_not_hear_of_the_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three clients: two kinds of suite, and the one with the empty store, whose context is not kept."""
    contexts: list[Any] = []

    def remembering(context: Any, *arguments: Any) -> Any:
        contexts.append(context)
        return _stdlib.wrap_bio(context, *arguments)

    monkeypatch.setattr(_first_flight, "wrap_bio", remembering)
    root = cases.root()
    context = trusting(root)
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    leaf = root.issue(HOST, key="dsa2048")
    assert judged(context, leaf.chain, HOST)[0] == "accepted"
    assert judged(context, leaf.chain, HOST)[0] == "accepted"
    kept, _, empty, *_, another = contexts
    assert len(contexts) == 6
    assert len({*map(id, contexts)}) == 3
    assert kept is not empty is not another
    assert empty.cert_store_stats()["x509"] == 0
    assert (empty.verify_flags, empty.check_hostname) == (0, False)


# -- what else may go wrong ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ssl.SSLError(1, "no cipher can be selected"), ValueError("protocol"), OverflowError("large")])
def test_no_client_can_be_made(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL may be built without TLS 1.2."""

    def fail() -> None:
        raise error

    _first_flight._kept_context.cache_clear()
    monkeypatch.setattr(_first_flight, "plain_context", fail)
    with pytest.raises(NoVerdict, match="cannot make a client") as caught:
        verified(trusting(cases.root()), chain(), HOST)
    assert caught.value.__cause__ is error


POLICY = """
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = policy
[policy]
MinProtocol = TLSv1.3
Protocol = -TLSv1.2
CipherString = ECDHE-ECDSA-CHACHA20-POLY1305:@SECLEVEL=2
Groups = P-521
"""


def test_a_systems_policy_that_forbids_tls_1_2(tmp_path: Path) -> None:
    """The verdict is not about versions and ciphers."""
    (tmp_path / "openssl.cnf").write_text(POLICY, "ascii")
    (tmp_path / "chain.pem").write_text("".join(map(ssl.DER_cert_to_PEM_cert, [*chain(), cases.root().der])), "ascii")
    program = """if True:
        import pathlib, re, ssl, sys, threading
        from truststore import _first_flight
        pems = re.findall("-----BEGIN.*?END CERTIFICATE-----", pathlib.Path(sys.argv[1]).read_text(), re.S)
        *chain, root = map(ssl.PEM_cert_to_DER_cert, pems)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        assert context.options & ssl.OP_NO_TLSv1_2, "the policy is not in force"
        context.load_verify_locations(cadata=root)
        built = _first_flight.verified_chain(context, threading.Lock(), chain, sys.argv[2], context.verify_flags, 0)
        assert built == (*chain, root)
    """
    environment = {
        **os.environ,
        "OPENSSL_CONF": str(tmp_path / "openssl.cnf"),
        "PYTHONPATH": str(Path(truststore.__file__).parent.parent),
    }
    command = [sys.executable, "-W", "error", "-c", program, str(tmp_path / "chain.pem"), HOST]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50)
    if "the policy is not in force" in done.stderr:
        pytest.skip("this OpenSSL does not read OPENSSL_CONF")
    assert (done.returncode, done.stderr) == (0, "")


def test_no_verdict_is_an_error_of_ssl() -> None:
    with pytest.raises(NoVerdict) as caught:
        verified(trusting(), [], HOST)
    for error in caught.value, pickle.loads(pickle.dumps(caught.value)), type(caught.value)(*caught.value.args):
        assert isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLCertVerificationError)
        assert (error.args[0], error.errno, error.library, error.reason) == (ssl.SSL_ERROR_SSL, 1, "SSL", "NO_VERDICT")
        assert str(error) == "no verdict on the certificates: there is none"


def test_a_refusal_is_told_in_words_that_are_known() -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        verified(trusting(), chain(), HOST)
    assert (caught.value.library, caught.value.reason) == ("SSL", "CERTIFICATE_VERIFY_FAILED")
    assert caught.value.verify_message == _verify_codes.OPENSSL_WORDS[caught.value.verify_code]


# -- the judge's message callback ---------------------------------------------------------------------------------------------------


def calling(callback: Callable[..., None], *anchors: Any) -> ssl.SSLContext:
    context = trusting(*anchors)
    context._msg_callback = callback  # type: ignore[attr-defined]
    return context


def test_a_message_callback_hears_of_the_certificates() -> None:
    heard: list[Any] = []
    lock = threading.Lock()
    context = calling(lambda *arguments: heard.append((lock.locked(), arguments[1], arguments[4].name)), cases.root())
    verified(context, chain(), HOST, lock)
    assert (False, "read", "CERTIFICATE") in heard
    assert {each[0] for each in heard} == {False}, "the lock is held while it runs"


@pytest.mark.parametrize("key", ["rsa2048", "dsa2048"])
def test_a_message_callback_that_raises_is_no_verdict(key: str) -> None:
    root, raised = cases.root(), RuntimeError("by the callback")
    leaf, context = root.issue(HOST, key=key).der, calling(lambda *arguments: raising(raised)(None), root)
    with pytest.raises(NoVerdict, match="by the callback") as caught:
        verified(context, [leaf], HOST)
    assert caught.value.__cause__ is raised
    try:
        raise KeyError
    except KeyError:  # which is the context of whatever is raised here
        with pytest.raises(NoVerdict, match="by the callback") as caught:
            verified(context, [leaf], HOST)
    assert caught.value.__cause__ is raised


def test_a_message_callback_that_raises_does_not_hide_a_refusal() -> None:
    """As in a handshake."""
    raised = RuntimeError("by the callback")
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        verified(calling(lambda *arguments: raising(raised)(None)), chain(), HOST)
    assert caught.value.__context__ is raised


def test_an_interrupted_message_callback_interrupts() -> None:
    with pytest.raises(KeyboardInterrupt):
        verified(calling(lambda *arguments: raising(KeyboardInterrupt())(None), cases.root()), chain(), HOST)


def test_an_error_that_is_being_handled_is_not_the_callbacks() -> None:
    context = trusting(cases.root())
    try:
        raise RuntimeError
    except RuntimeError:
        assert verified(context, chain(), HOST)
        assert verified(calling(lambda *arguments: None, cases.root()), chain(), HOST)
