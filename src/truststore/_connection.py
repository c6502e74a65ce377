"""The gates take the place of ssl's C connection object until the peer is judged, by another judge than OpenSSL or in addition to it.

`Gate` is for a client, whose server is judged by the judges of `_judges`. `ClientGate` is for a server whose store holds more than is
trusted for clients. Most connections have neither.

Rules.
1. OpenSSL performs a pending handshake inside any read or write. So until the verdict each of them goes through `do_handshake()`, and
   so does everything of the C object that is not known to be harmless (`HARMLESS`), such as a newer Python's additions. Then the gate is an
   `OpenGate`, whose slots hold the C object's own bound methods, which cost the same as in plain ssl.
2. The verdict is asked once per handshake, about the chain this peer sent and what the user had set when the connection was wrapped.
   A different context that is set before then decides who is trusted, and nothing else, as in `ssl`. The verdict is
   asked as soon as the chain is known: over a MemoryBIO that is before the caller can send what the handshake has written.
3. `_asking` is set before the question, and cleared only by a good answer. Anything else, such as an error or an interruption,
   leaves the connection refused forever, and its socket shut down, so that nobody continues in plain text.
4. `_lock` belongs to one connection: a thread that reads while another is waiting for the verdict waits, too.
5. A chain counts if it came in this handshake. A session that is offered brings that of its own first handshake along (from CPython 3.13.5
   on, gh-116810), which says nothing as long as the server has not answered.
6. A resumed session is judged again, when the handshake is over: by the chain that it keeps, or, where it keeps the leaf alone, with what
   the leaf came with, if the session was taken from here.
7. During the handshake no session can be set, since its chain would pass for the server's, and none can be read: until the server proves
   that it knows a session's secret, there may be none.
8. Without a certificate only a server passes that has proven to hold one of the user's pre-shared keys (`_holds_shared_key`).

No reference leads back from the C object, the context or a kept error to the gate: it dies with its socket.
"""

from __future__ import annotations

import _socket
import ssl
import sys
from _weakref import ref
from ssl import SSL_ERROR_SSL, SSLCertVerificationError, SSLError, SSLWantReadError, SSLWantWriteError, SSLZeroReturnError

from . import _der, _verdict
from ._first_flight import NoVerdict
from ._locks import Lock
from ._stand_in import StandIn
from ._stdlib import ENCODING_DER, ENCODING_PEM, HARMLESS, CConnection, plain_context
from ._verify_codes import UNABLE_TO_GET_ISSUER_LOCALLY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    from _typeshed import ReadableBuffer

    from ._judges import Judges
    from ._stdlib import Certificate, Connection, Decoded, Ends
    from ._verdict import Question

    class Context(Protocol):
        """What a gate needs from the context of its connection (`_context.SSLContext`)."""

        def remember_chain(self, chain: tuple[bytes, ...]) -> None: ...
        def chain_of(self, leaf: bytes) -> tuple[bytes, ...]: ...
        def vouches_for_client(self, chain: tuple[bytes, ...]) -> bool: ...
        def leaves_clients_to_openssl(self) -> bool: ...
        def explain_refusal(self, error: SSLCertVerificationError, connection: Connection, *, alone: bool) -> None: ...
        def judges_of_moved(self, hostname: str | None) -> Judges: ...


#: Whether a client's session has the chain of its first handshake: gh-116810. A wrong no wastes memory; after a wrong
#: yes, only the leaf is judged.
SESSIONS_KEEP_CHAINS = sys.version_info >= (3, 13, 5) and sys.implementation.name == "cpython"

#: Whether `ssl` knows pre-shared keys: from Python 3.13 on, if OpenSSL does.
HAS_SHARED_KEYS = getattr(ssl, "HAS_PSK", False)
#: How OpenSSL names the cipher suites, up to TLS 1.2, whose servers prove to hold a pre-shared key, and show no certificate (RFC 4279,
#: 5489). Those of RSA-PSK show one, which is judged.
BY_SHARED_KEY = ("PSK-", "DHE-PSK-", "ECDHE-PSK-")


class OpenGate(StandIn):
    """What a gate is once the peer is verified: `read`, `write` and `do_handshake` are the C connection object's own.

    They are found in slots, and there is no `__getattr__`: either would make each look-up slower (`python -m benchmarks`).
    """

    __slots__ = (
        "_asking",
        "_built",
        "_context",
        "_judges",
        "_lock",
        "_offered",
        "_outgoing",
        "_question",
        "_refusal",
        "_socket",
        "_verified",
        "do_handshake",
        "read",
        "write",
    )

    def __init__(
        self,
        connection: Connection,
        context: Context,
        question: Question,
        ends: Ends,
        judges: Judges,
    ) -> None:
        super().__init__(connection)
        self._context = context
        self._question = question
        self._judges = judges
        self._outgoing = ends[1] if len(ends) == 2 else None
        self._socket = ref(ends[0]) if len(ends) == 1 else None
        self._lock = Lock()
        #: The id of the session that the client comes with, if it brings a chain; None before the handshake has begun.
        self._offered: bytes | None = None
        self._asking = False
        self._refusal: SSLCertVerificationError | None = None
        self._verified: tuple[bytes, ...] | None = None  # not judged yet
        self._built: Sequence[bytes] = ()

    # -- until the verdict ------------------------------------------------------------------------------------------------------

    def _shake_hands(self) -> None:
        self._raise_if_refused()
        self._begin()
        while not self._finished():
            self._judge(self._sent())
        self._judge(self._known() or self._resumed())
        self._open(OpenGate)

    def _begin(self) -> None:
        with self._lock.current:
            if self._offered is None:
                self._offered = self._session_id() if self._known() else b""

    def _open(self, how: type[OpenGate]) -> None:
        for name in ("read", "write", "do_handshake"):
            vars(OpenGate)[name].__set__(self, getattr(self._conn, name))
        # Last: until here an interruption leaves the gate closed.
        self.__class__ = how  # pyright: ignore[reportAttributeAccessIssue]

    def _finished(self) -> bool:
        """Whether the handshake is finished; False as soon as there is a chain to judge. Raises if it waits for anything else."""
        try:
            self._conn.do_handshake()
        except (SSLWantReadError, SSLWantWriteError):
            if self._verified or not self._sent():
                raise
            return False
        except SSLCertVerificationError as error:  # OpenSSL's, where the gate judges after it
            self._context.explain_refusal(error, self._conn, alone=True)
            raise
        return True

    def shutdown(self) -> object:
        """Hands the socket back for plain text: not if the peer was refused, nor before it was judged."""
        self._raise_if_refused()
        if self._conn.version() and self._verified is None:  # the handshake is finished, but it was interrupted before the verdict
            self._shake_hands()
        return self._conn.shutdown()

    def _sent(self) -> tuple[bytes, ...]:
        """The chain that has come so far, while the handshake is under way."""
        known = self._known()
        return () if known and self._has_offered_session() else known

    def _known(self) -> tuple[bytes, ...]:
        """The chain that OpenSSL has of the peer: from this handshake, or with the session."""
        known = self._conn.get_unverified_chain() or ()
        return tuple(certificate.public_bytes(ENCODING_DER) for certificate in known if certificate)

    def _has_offered_session(self) -> bool:
        """Whether the chain is still that of the session that the client came with: its server has not answered, or resumes it.

        A client that is declined gets a new session, with another id or none. One without an id cannot be offered at all (OpenSSL:
        SSL_SESSION_is_resumable).
        """
        return bool(self._offered) and self._session_id() == self._offered

    def _session_id(self) -> bytes:
        session = self._conn.session
        return session.id if session else b""

    def _resumed(self) -> tuple[bytes, ...]:
        """CPython before 3.13.5 keeps only the leaf with a session."""
        leaf = self._conn.getpeercert(True)
        return self._context.chain_of(leaf) if isinstance(leaf, bytes) else ()

    # -- the verdict ------------------------------------------------------------------------------------------------------------

    def _judge(self, chain: tuple[bytes, ...]) -> None:
        """Return if the peer with this chain is trusted, raise otherwise; ask at most once."""
        with self._lock.current:
            self._raise_if_refused()
            if chain == self._verified:
                return
            self._asking = True
            try:
                self._built = self._ask(chain)
            except BaseException as error:
                if isinstance(error, SSLCertVerificationError):
                    self._refusal = _verdict.again(error)
                self._cut()
                raise
            self._verified = chain
            self._asking = False

    def _raise_if_refused(self) -> None:
        with self._lock.current:  # another thread may be waiting for the answer
            if self._asking or self._refusal:
                raise _verdict.again(self._refusal or self._unanswered("it was interrupted"))

    def _ask(self, chain: tuple[bytes, ...]) -> Sequence[bytes]:
        if self._verified is not None:
            raise self._unanswered("the peer has changed it after the verdict")
        if not chain and self._holds_shared_key():
            return ()
        if not chain:
            raise self._unanswered("the peer sent none")
        try:
            return self._who_vouch().verdict(self._question.about(chain))
        except NoVerdict as error:
            raise self._unanswered(str(error)) from None

    def _who_vouch(self) -> Judges:
        """The judges as of the wrap, or, as in `ssl`, those of the context that was put in since."""
        context: Any = self.context
        if context is self._context:
            return self._judges
        if not hasattr(context, "judges_of_moved"):
            raise self._unanswered("the context that was put in before the handshake is not truststore's")
        judges: Judges = context.judges_of_moved(self._question.server_hostname)
        return judges

    def _holds_shared_key(self) -> bool:
        """Whether the handshake is over, without a certificate, and its secret was made with a key that the user's callback has answered.

        Up to TLS 1.2 the cipher suite says so; OpenSSL insists on a session's own when it is resumed. With TLS 1.3 there are two ways
        without a certificate, to OpenSSL both a resumption: by such a key, or of a session (RFC 8446, 2.2), and a session that keeps
        no certificate has begun by such a key. One of an older version is not offered with TLS 1.3, and one of another context not
        at all.
        """
        version = self._conn.version()
        if not HAS_SHARED_KEYS or version is None or self._conn.getpeercert(True) is not None:
            return False
        if version == "TLSv1.3":
            return self._conn.session_reused
        cipher = self._conn.cipher()
        return cipher is not None and cipher[0].startswith(BY_SHARED_KEY)

    def _unanswered(self, why: str) -> SSLCertVerificationError:
        return _verdict.no_verdict(self._question, self._judges.platform, why)

    def _cut(self) -> None:
        """Make what lies below unusable: take back what the handshake wrote, or shut the TCP connection down.

        Not by the socket's own method: SSLSocket.shutdown() would make it a plain socket.
        """
        if self._outgoing is not None:
            self._outgoing.read()
        elif self._socket is not None and (sock := self._socket()) is not None:
            try:
                _socket.socket.shutdown(sock, _socket.SHUT_RDWR)
            except OSError:  # closed meanwhile, or the peer was faster
                return

    # -- what ssl asks a connection afterwards ----------------------------------------------------------------------------------

    def getpeercert(self, binary_form: bool = False) -> bytes | Decoded | None:
        if self._verified is None or self._asking:
            raise ValueError("handshake not done yet")
        as_set = getattr(self.context, "as_set", None)
        if as_set is None:  # the user's choice, not ours
            return self._conn.getpeercert(binary_form)
        certificate: bytes | Decoded | None = as_set(self._conn.getpeercert, binary_form)  # C reads the context's settings
        return certificate

    def get_verified_chain(self) -> Sequence[Certificate] | None:
        """The chain that the platform built, root included (plain ssl knows what OpenSSL built)."""
        sent: dict[bytes, Certificate] = {
            certificate.public_bytes(ENCODING_DER): certificate
            for certificate in self._conn.get_unverified_chain() or ()
            if certificate
        }
        return [sent.get(der) or BuiltCertificate(der) for der in self._built] or None

    @property
    def session(self) -> ssl.SSLSession | None:
        if self._verified and not SESSIONS_KEEP_CHAINS:
            self._context.remember_chain(self._verified)
        return self._conn.session

    @session.setter
    def session(self, session: ssl.SSLSession | None) -> None:
        self._conn.session = session


class Gate(OpenGate):
    """Before a client's connection: lets no data through before the server is judged."""

    __slots__ = ()

    def do_handshake(self) -> None:
        self._shake_hands()

    def read(self, *args: object) -> object:
        try:
            self._shake_hands_for("read")
        except SSLZeroReturnError:  # the peer has closed the connection, properly: there is nothing to read
            return 0 if len(args) > 1 else b""
        return self._conn.read(*args)

    def write(self, data: ReadableBuffer) -> int:
        self._shake_hands_for("write")
        return self._conn.write(data)

    def _shake_hands_for(self, operation: str) -> None:
        """C's own read or write would have performed the handshake, and said what has timed out in its own words."""
        try:
            self._shake_hands()
        except TimeoutError:
            if self._asking:  # a verifier's
                raise
            raise TimeoutError(f"The {operation} operation timed out") from None

    @property
    def session(self) -> ssl.SSLSession | None:
        return None if self._is_under_way() else self._conn.session

    @session.setter
    def session(self, session: ssl.SSLSession | None) -> None:
        with self._lock.current:
            if self._offered is not None:
                raise ValueError("Cannot set session after handshake.")
            self._conn.session = session

    def _is_under_way(self) -> bool:
        return self._offered is not None and self._conn.version() is None


def after_the_verdict(name: str, member: object) -> object:
    """A method or a property of the C object, for a gate that is closed."""

    def value(self: Gate) -> Any:
        self._shake_hands()
        return getattr(self._conn, name)

    def set_value(self: Gate, new: object) -> None:
        self._shake_hands()
        setattr(self._conn, name, new)

    def call(self: Gate, *args: object, **kwargs: object) -> object:
        return value(self)(*args, **kwargs)

    return call if callable(member) else property(value, set_value)


for _name, _member in vars(CConnection).items():
    if not _name.startswith("__") and _name not in HARMLESS.union(vars(OpenGate), vars(Gate)):
        setattr(Gate, _name, after_the_verdict(_name, _member))


class OpenClientGate(OpenGate):
    """What a `ClientGate` is once the client is judged."""

    __slots__ = ()

    @property
    def session(self) -> ssl.SSLSession | None:
        return self._conn.session  # what it began with is remembered by the verdict

    @session.setter
    def session(self, session: ssl.SSLSession | None) -> None:
        self._conn.session = session

    def get_verified_chain(self) -> Sequence[Certificate] | None:
        return self._conn.get_verified_chain()

    def verify_client_post_handshake(self) -> None:
        """OpenSSL would judge the client within some later read, where nobody can look at its verdict."""
        owner = self._store_owner()
        if owner is not None and not owner.leaves_clients_to_openssl():
            raise SSLError(
                SSL_ERROR_SSL,
                "a context that also verifies servers by the system's roots cannot ask a client for its certificate after the "
                "handshake: use another context for the server side",
            )
        self._conn.verify_client_post_handshake()

    def _store_owner(self) -> Context | None:
        """The context whose store counts, if it is ours: a `sni_callback` may have moved the connection."""
        context: Any = self.context
        return context if hasattr(context, "vouches_for_client") else None


class ClientGate(OpenClientGate, Gate):
    """Before a server's connection: lets no data through before the client is judged by those that may vouch for clients.

    OpenSSL has verified it by then, with all that is in the store.
    """

    __slots__ = ()

    def _shake_hands(self) -> None:
        self._raise_if_refused()
        self._conn.do_handshake()
        self._judge(self._sent())
        self._open(OpenClientGate)

    def _ask(self, chain: tuple[bytes, ...]) -> Sequence[bytes]:
        """The chain that OpenSSL has verified, if it ends in an anchor that vouches for clients; none if the client showed nothing."""
        leaf = self._conn.getpeercert(True)
        if not isinstance(leaf, bytes):
            return ()
        verified = tuple(certificate.public_bytes(ENCODING_DER) for certificate in self._conn.get_verified_chain() or ())
        owner = self._store_owner()
        if owner is None:
            return verified
        began_with = verified or owner.chain_of(leaf)  # a resumed session has no chain
        if owner.vouches_for_client(began_with):
            owner.remember_chain(began_with)
            return verified
        raise _verdict.refusal(self._question.about(chain or (leaf,)), UNABLE_TO_GET_ISSUER_LOCALLY, _verdict.OWN)


class BuiltCertificate:
    """Stands for a C certificate object where the platform added one that the peer had not sent."""

    __slots__ = ("_der",)

    def __init__(self, der: bytes) -> None:
        self._der = der

    def __repr__(self) -> str:
        try:
            subject = _der.name(_der.Certificate(self._der).subject)
        except _der.Malformed:
            subject = "?"
        return f"<{type(self).__name__} {subject!r}>"

    def public_bytes(self, format: int = ENCODING_PEM) -> bytes | str:
        return self._der if format == ENCODING_DER else ssl.DER_cert_to_PEM_cert(self._der)

    def get_info(self) -> Decoded:
        """What getpeercert() would say of it: OpenSSL decodes it out of a store of its own."""
        context = plain_context()
        context.load_verify_locations(cadata=self._der)
        return next(iter(context.get_ca_certs()), {})
