"""Whatever a program does: data moved implies a verdict for this chain and this name, under the user's settings when it was wrapped.

The verdict is the verifier's, unless an anchor of the program's own vouches. Without names such anchors alone do, unless the program
asked for the system's.

A state machine drives a context and its connections through random legal calls, settings, interruptions and faults of the
verifier, and keeps its own account of what the user wanted. The servers are in memory, and serve whoever comes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from fake_verifier import PLATFORM, FakeVerifier
from gate_servers import GREETING, NAMES, PING, VERSIONS, other_root, root, sites
from interruptions import Interruption, Tracer, interrupt, on_a_thread
from many import examples
from servers import HOST

pytest.importorskip("hypothesis", reason="hypothesis is not installed")

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

import truststore
from truststore import _stdlib
from truststore._stand_in import Explained

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from truststore._verdict import Question

OTHER_NAME = "elsewhere.test"
MODES = ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED


class Fault(Exception):
    """The operating system is out of order."""


class Recorder(FakeVerifier):
    """Keeps the questions that it answered with yes; fails once if told to."""

    def __init__(self) -> None:
        super().__init__([root().der])
        self.granted: list[Question] = []
        self.fault: BaseException | tuple[()] | None = None

    def __call__(self, question: Question) -> Sequence[bytes]:
        fault, self.fault = self.fault, None
        if isinstance(fault, BaseException):
            raise fault
        if fault is not None:
            return fault
        built = super().__call__(question)
        self.granted.append(question)
        return built


@dataclasses.dataclass
class Wanted:
    """What the user set."""

    mode: ssl.VerifyMode = ssl.CERT_REQUIRED
    check: bool = True
    anchors: tuple[bytes, ...] = ()
    #: The system's roots were asked for by name.
    asked: bool = False

    @property
    def pinned(self) -> bool:
        return bool(self.anchors) and not self.check and not self.asked


class Connection:
    """A client, its server, and what moved between them."""

    def __init__(
        self,
        context: ssl.SSLContext,
        wanted: Wanted,
        site: str,
        name: str,
        version: ssl.TLSVersion,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self.wanted, self.site, self.name = dataclasses.replace(wanted), sites()[site], name
        self.kind = site, name, version
        self.to_client, self.to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(self.to_client, self.to_server, server_hostname=name, session=session)
        self.server = serving(site, version).wrap_bio(self.to_server, self.to_client, server_side=True)
        self.moved: list[bytes] = []
        self.disturbed = self.greeted = False
        self.is_plain = type(self.client._sslobj) in (_stdlib.CConnection, Explained)  # type: ignore[attr-defined]

    @property
    def awaits_verdict(self) -> bool:
        gate = self.client._sslobj  # type: ignore[attr-defined]
        return not self.is_plain and gate._verified is None

    def serve(self) -> None:
        """The server does all it can: finish the handshake, greet, listen."""
        with contextlib.suppress(ssl.SSLError):
            self.server.do_handshake()
            if not self.greeted:
                self.greeted = bool(self.server.write(GREETING))
            self.moved.append(self.server.read())

    def read(self) -> None:
        self.moved.append(self.client.read(5))

    def write(self) -> None:
        self.client.write(PING)

    @property
    def should_move(self) -> bool:
        """By the account of the user's wishes, not by the verifier's."""
        if self.wanted.mode is ssl.CERT_NONE:
            return True
        by_system = self.site is not sites()["untrusted"] and not self.wanted.pinned
        named = self.name == (OTHER_NAME if self.site is sites()["misnamed"] else HOST)
        return (self.own_anchors_vouch or by_system) and (named or not self.wanted.check)

    @property
    def own_anchors_vouch(self) -> bool:
        return self.site is sites()["untrusted"] and other_root().der in self.wanted.anchors

    @property
    def needs_no_verifier(self) -> bool:
        by_own_anchors = self.own_anchors_vouch and (self.name == HOST or not self.wanted.check)
        return self.wanted.mode is ssl.CERT_NONE or self.wanted.pinned or by_own_anchors


def serving(site: str, version: ssl.TLSVersion, kept: dict[Any, ssl.SSLContext] = {}) -> ssl.SSLContext:  # noqa: B006
    """One context for each, so that sessions can be resumed."""
    return kept.setdefault((site, version), sites()[site].serves(version))


STEPS: dict[str, Callable[[Connection], object]] = {
    "do_handshake": lambda connection: connection.client.do_handshake(),
    "read": lambda connection: connection.read(),
    "write": lambda connection: connection.write(),
    "unwrap": lambda connection: connection.client.unwrap(),
}


class Gate(RuleBasedStateMachine):
    """One context, as many connections as come."""

    connections = Bundle("connections")

    def __init__(self) -> None:
        super().__init__()
        self.judge = Recorder()
        members = {"_verifier": staticmethod(self.judge), "_platform": PLATFORM}
        self.context: truststore.SSLContext = type("Context", (truststore.SSLContext,), members)(ssl.PROTOCOL_TLS_CLIENT)
        self.wanted = Wanted()
        self.all: list[Connection] = []

    # -- the user's settings ----------------------------------------------------------------------------------------------------

    @rule(mode=st.sampled_from(MODES))
    def set_verify_mode(self, mode: ssl.VerifyMode) -> None:
        try:
            self.context.verify_mode = mode
        except ValueError:
            assert mode is ssl.CERT_NONE and self.wanted.check
        else:
            self.wanted.mode = mode

    @rule(check=st.booleans())
    def set_check_hostname(self, check: bool) -> None:
        self.context.check_hostname = self.wanted.check = check
        if check and self.wanted.mode is ssl.CERT_NONE:
            self.wanted.mode = ssl.CERT_REQUIRED

    @rule()
    def trust_nobodys_root(self) -> None:
        self.context.load_verify_locations(cadata=other_root().der)
        self.wanted.anchors = (other_root().der,)

    @rule()
    def load_no_anchors(self) -> None:
        with pytest.raises(ssl.SSLError):
            self.context.load_verify_locations(cadata=b"no DER")

    @rule()
    def pin(self) -> None:
        """The settings of a program that connects to its own servers by whatever name."""
        self.trust_nobodys_root()
        self.set_check_hostname(False)
        self.set_verify_mode(ssl.CERT_REQUIRED)

    @rule(purpose=st.sampled_from([ssl.Purpose.SERVER_AUTH, ssl.Purpose.CLIENT_AUTH]))
    @precondition(lambda self: len(self.all) > 3)  # it cannot be taken back, so not too early
    def ask_for_the_system(self, purpose: ssl.Purpose) -> None:
        self.context.load_default_certs(purpose)
        self.wanted.asked = True

    @rule(point=st.integers(0, 20))
    def trust_nobodys_root_interrupted(self, point: int) -> None:
        try:
            with Tracer(point, interrupt):
                self.context.load_verify_locations(cadata=other_root().der)
        except Interruption:
            if not _stdlib.CContext.cert_store_stats(self.context)["x509"]:
                return
        self.wanted.anchors = (other_root().der,)

    @rule(mode=st.sampled_from(MODES), point=st.integers(0, 40))
    def set_verify_mode_interrupted(self, mode: ssl.VerifyMode, point: int) -> None:
        try:
            with Tracer(point, interrupt):
                self.context.verify_mode = mode
        except Interruption:
            assert self.context.verify_mode in {mode, self.wanted.mode}
            self.wanted.mode = self.context.verify_mode
        except ValueError:
            assert mode is ssl.CERT_NONE and self.wanted.check
        else:
            self.wanted.mode = mode

    # -- connections ------------------------------------------------------------------------------------------------------------

    @rule(
        target=connections,
        site=st.sampled_from(NAMES),
        name=st.sampled_from([HOST, OTHER_NAME]),
        version=st.sampled_from(VERSIONS),
    )
    def wrap(self, site: str, name: str, version: ssl.TLSVersion) -> Connection:
        connection = Connection(self.context, self.wanted, site, name, version)
        self.all.append(connection)
        return connection

    @rule(point=st.integers(0, 80), site=st.sampled_from(NAMES))
    def wrap_interrupted(self, point: int, site: str) -> None:
        with contextlib.suppress(Interruption), Tracer(point, interrupt):
            self.all.append(Connection(self.context, self.wanted, site, HOST, VERSIONS[1]))

    @rule(connection=connections)
    def serve(self, connection: Connection) -> None:
        connection.serve()

    @rule(connection=connections, step=st.sampled_from(sorted(STEPS)))
    def use(self, connection: Connection, step: str) -> None:
        connection.disturbed |= step == "unwrap" or self.judge.fault is not None
        with contextlib.suppress(ssl.SSLError, Fault, Interruption):
            self.take(step, connection)

    @rule(connection=connections, step=st.sampled_from(sorted(STEPS)), point=st.integers(0, 120))
    def use_interrupted(self, connection: Connection, step: str, point: int) -> None:
        connection.disturbed = True
        with contextlib.suppress(ssl.SSLError, Fault, Interruption), Tracer(point, interrupt):
            self.take(step, connection)

    @rule(connection=connections, fault=st.sampled_from([Fault, Interruption, ssl.SSLWantReadError, tuple]))
    def let_the_verifier_fail(self, connection: Connection, fault: Callable[[], BaseException | tuple[()]]) -> None:
        self.judge.fault = fault()
        self.use(connection, "do_handshake")
        self.judge.fault = None

    @rule(connection=connections, mode=st.sampled_from(MODES))
    def put_another_context_in(self, connection: Connection, mode: ssl.VerifyMode) -> None:
        other = type(self.context)(ssl.PROTOCOL_TLS_CLIENT)
        other.check_hostname = False
        other.verify_mode = mode
        # Where OpenSSL verifies, with a gate behind it or without, the store is the other's from now on, as in ssl.
        connection.disturbed |= connection.is_plain or connection.wanted.pinned
        connection.client.context = other
        if connection.awaits_verdict:
            connection.wanted.anchors = ()

    @rule(earlier=connections, later=connections)
    def resume(self, earlier: Connection, later: Connection) -> None:
        """Legal before the handshake, with a session of the same context.

        A connection that is plain ssl's is not told of a session that a later one has begun by other settings, nor can it be.
        """
        if later.is_plain and self.all.index(earlier) > self.all.index(later):
            return
        later.disturbed = True  # a chain that is not remembered is refused
        with contextlib.suppress(ValueError, TypeError):  # there is none yet, or it is too late
            later.client.session = earlier.client.session

    @rule(target=connections, earlier=connections, pin=st.booleans())
    def come_back(self, earlier: Connection, pin: bool) -> Connection:
        """To the same server with its session, maybe by other settings."""
        self.converse(earlier)
        if pin:
            self.pin()
        session = None
        with contextlib.suppress(ValueError):  # there is none yet
            session = earlier.client.session
        try:
            connection = Connection(self.context, self.wanted, *earlier.kind, session)
        except ValueError:  # another context was put in: the session is that one's
            connection = Connection(self.context, self.wanted, *earlier.kind)
        connection.disturbed = True  # a chain that is not remembered is refused
        self.all.append(connection)
        return connection

    @rule(connection=connections)
    @precondition(lambda self: self.judge.fault is None)
    def converse(self, connection: Connection) -> None:
        """All the way: it ends as the user wanted."""
        errors = []
        for step in ("do_handshake", "do_handshake", "do_handshake", "write", "read"):
            try:
                self.take(step, connection)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                errors.append(error)
            connection.serve()
        if not connection.disturbed:
            assert bool(connection.moved) is connection.should_move, errors

    def take(self, step: str, connection: Connection) -> None:
        asked = len(self.judge.questions)
        try:
            STEPS[step](connection)
        finally:
            assert len(self.judge.questions) == asked or not connection.needs_no_verifier

    # -- what always holds ------------------------------------------------------------------------------------------------------

    @invariant()
    def settings_are_the_users(self) -> None:
        assert (self.context.verify_mode, self.context.check_hostname) == (self.wanted.mode, self.wanted.check)

    @invariant()
    def data_moved_implies_a_verdict(self) -> None:
        for connection in self.all:
            if any(connection.moved):
                assert connection.should_move
                assert (
                    connection.wanted.mode is ssl.CERT_NONE
                    or connection.own_anchors_vouch
                    or any(self.is_about(question, connection) for question in self.judge.granted)
                )

    @staticmethod
    def is_about(question: Question, connection: Connection) -> bool:
        chain = tuple(certificate.der for certificate in connection.site.certificate.chain)
        return (
            question.chain in {chain, chain[:1]}  # the leaf alone, if a session was resumed
            and question.hostname == (connection.name if connection.wanted.check else None)
        )


@pytest.mark.timeout(300)
class TestGate(Gate.TestCase):  # type: ignore[misc, valid-type]  # Hypothesis makes it
    runTest = on_a_thread(Gate.TestCase.runTest)  # noqa: N815


TestGate.settings = settings(
    max_examples=examples(50),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
