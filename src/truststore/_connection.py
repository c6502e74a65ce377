"""The gate: stands where ssl keeps its C connection object until the peer is verified.

Used where the operating system gives the verdict, on the client's side, unless the user said CERT_NONE.

Rules.
1. OpenSSL performs a pending handshake inside any read or write. So until the verdict each of them goes through `do_handshake()`;
   afterwards the gate is an `OpenGate`, whose slots hold the C object's own bound methods: they cost what they cost in plain ssl.
2. The verdict is asked once per handshake, about the chain this peer sent and what the user had set when the connection was wrapped.
   It is asked as soon as the chain is known: over a MemoryBIO that is before the caller can send what the handshake has written.
3. `_asking` is set before the question and cleared by a good answer alone. Whatever else comes back, an error or an interruption,
   leaves the connection refused for good, and its socket shut down, so that nobody goes on in plain text.
4. `_lock` belongs to one connection: a thread that reads while another is waiting for the verdict waits, too.
5. A resumed session has no chain. The leaf is verified again, with the chain that it came with, if the session was taken from here.

No reference leads back from the C object, the context or a kept error to the gate: it dies with its socket.
"""

from __future__ import annotations

import _socket
import ssl
from _thread import RLock
from _weakref import ref
from operator import attrgetter
from ssl import SSLCertVerificationError, SSLWantReadError, SSLWantWriteError

from . import _der, _verdict
from ._stdlib import ENCODING_DER, ENCODING_PEM, CConnection, plain_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import ReadableBuffer

    from ._context import SSLContext
    from ._stdlib import Certificate, Connection, Decoded, Ends
    from ._verdict import Question


class OpenGate:
    """What a gate is once the peer is verified: `read`, `write` and `do_handshake` are the C connection object's own.

    They are found in slots, and there is no `__getattr__`: either would make each look-up slower (`python -m benchmarks`).
    """

    __slots__ = (
        "__weakref__",
        "_asking",
        "_built",
        "_conn",
        "_judged_by",
        "_lock",
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
        context: SSLContext,
        question: Question,
        ends: Ends,
    ) -> None:
        self._conn = connection
        self._judged_by = context
        self._question = question
        self._outgoing = ends[1] if len(ends) == 2 else None
        self._socket = ref(ends[0]) if len(ends) == 1 else None
        self._lock = RLock()
        self._asking = False
        self._refusal: SSLCertVerificationError | None = None
        self._verified: tuple[bytes, ...] = ()
        self._built: Sequence[bytes] = ()

    # -- until the verdict ------------------------------------------------------------------------------------------------------

    def _shake_hands(self) -> None:
        self._raise_if_refused()
        while not self._finished():
            self._judge(self._sent())
        self._judge(self._sent() or self._resumed())
        for name in ("read", "write", "do_handshake"):
            vars(OpenGate)[name].__set__(self, getattr(self._conn, name))
        # Last: until here an interruption leaves the gate closed.
        self.__class__ = OpenGate  # pyright: ignore[reportAttributeAccessIssue]

    def _finished(self) -> bool:
        """Whether the handshake is; False as soon as there is a chain to judge. Raises if it waits for anything else."""
        try:
            self._conn.do_handshake()
        except (SSLWantReadError, SSLWantWriteError):
            if self._verified or not self._sent():
                raise
            return False
        return True

    def shutdown(self) -> object:
        """Hands the socket back for plain text: not if the peer was refused, nor before it was judged."""
        self._raise_if_refused()
        if self._conn.version() and not self._verified:  # the handshake is finished, but it was interrupted before the verdict
            self._shake_hands()
        return self._conn.shutdown()

    def _sent(self) -> tuple[bytes, ...]:
        return tuple(certificate.public_bytes(ENCODING_DER) for certificate in self._conn.get_unverified_chain() or ())

    def _resumed(self) -> tuple[bytes, ...]:
        """OpenSSL keeps the leaf alone with a session."""
        leaf = self._conn.getpeercert(True)
        return self._judged_by.chain_of(leaf) if isinstance(leaf, bytes) else ()

    # -- the verdict ------------------------------------------------------------------------------------------------------------

    def _judge(self, chain: tuple[bytes, ...]) -> None:
        """Return if the peer with this chain is trusted, raise otherwise; ask at most once."""
        with self._lock:
            self._raise_if_refused()
            if chain and chain == self._verified:
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
        with self._lock:  # another thread may be waiting for the answer
            if self._asking or self._refusal:
                raise _verdict.again(self._refusal or self._unanswered("it was interrupted"))

    def _ask(self, chain: tuple[bytes, ...]) -> Sequence[bytes]:
        verifier = self._judged_by._verifier
        if not chain:
            raise self._unanswered("the peer sent none")
        if verifier is None:
            raise self._unanswered("nobody can verify it")
        built = verifier(self._question.about(chain))
        if not built:
            raise self._unanswered("the answer was no chain")
        return tuple(built)

    def _unanswered(self, why: str) -> SSLCertVerificationError:
        return _verdict.no_verdict(self._question, self._judged_by._platform, why)

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
        if not self._verified or self._asking:
            raise ValueError("handshake not done yet")
        as_set = getattr(self.context, "as_set", None)
        if as_set is None:  # the user's choice, and none of ours
            return self._conn.getpeercert(binary_form)
        certificate: bytes | Decoded | None = as_set(self._conn.getpeercert, binary_form)  # C reads the context's settings
        return certificate

    def get_verified_chain(self) -> list[Certificate] | None:
        """The chain that the platform built, root included (plain ssl knows what OpenSSL built)."""
        sent: dict[bytes, Certificate] = {
            certificate.public_bytes(ENCODING_DER): certificate for certificate in self._conn.get_unverified_chain() or ()
        }
        return [sent.get(der) or BuiltCertificate(der) for der in self._built] or None

    @property
    def session(self) -> ssl.SSLSession | None:
        if self._verified:
            self._judged_by.remember_chain(self._verified)
        return self._conn.session

    @session.setter
    def session(self, session: ssl.SSLSession | None) -> None:
        self._conn.session = session

    @property
    def context(self) -> ssl.SSLContext:
        return self._conn.context

    @context.setter
    def context(self, context: ssl.SSLContext) -> None:
        self._conn.context = context

    @property
    def owner(self) -> object:
        return self._conn.owner

    @owner.setter
    def owner(self, owner: object) -> None:
        self._conn.owner = owner


# Everything else is the C connection object's business.
for _name in vars(CConnection):
    if not hasattr(OpenGate, _name):
        setattr(OpenGate, _name, property(attrgetter(f"_conn.{_name}")))


class Gate(OpenGate):
    """Lets no data through before the peer is verified."""

    __slots__ = ()

    def do_handshake(self) -> None:
        self._shake_hands()

    def read(self, *args: object) -> object:
        self._shake_hands()
        return self._conn.read(*args)

    def write(self, data: ReadableBuffer) -> int:
        self._shake_hands()
        return self._conn.write(data)


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
