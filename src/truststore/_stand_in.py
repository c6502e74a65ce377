"""What takes the place of ssl's C connection object (`_sslobj`), and the one such class that does not judge.

`StandIn` hands everything on to the C object; the gates of `_connection` are made of it. `Explained` lets OpenSSL decide and has its
refusal explained (`_refused`). It takes part only in the handshake: after that it puts the C object back in its place, and the
connection costs the same as in plain ssl.
"""

from __future__ import annotations

from operator import attrgetter
from ssl import SSLCertVerificationError

from ._stdlib import CConnection

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from typing import Protocol

    from _typeshed import ReadableBuffer

    from ._stdlib import Connection

    class Context(Protocol):
        """What is asked of the context of the connection (`_context.SSLContext`)."""

        def explain_refusal(self, error: SSLCertVerificationError, connection: Connection, *, alone: bool) -> None: ...


class StandIn:
    """In the place of a C connection object."""

    __slots__ = ("__weakref__", "_conn")

    def __init__(self, connection: Connection) -> None:
        self._conn = connection

    @property
    def session(self) -> ssl.SSLSession | None:
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


# Everything else is the C connection object's business, but for what a subclass overrides.
for _name in vars(CConnection):
    if not hasattr(StandIn, _name):
        setattr(StandIn, _name, property(attrgetter(f"_conn.{_name}")))


class Explained(StandIn):
    """OpenSSL decides within the handshake. `alone`: what the program loaded alone may vouch."""

    __slots__ = ("_alone", "_context")

    def __init__(self, connection: Connection, context: Context, alone: bool = False) -> None:
        self._conn = connection
        self._context = context
        self._alone = alone

    def do_handshake(self) -> None:
        try:
            self._conn.do_handshake()
        except SSLCertVerificationError as error:
            self._explain(error)
            raise
        self._step_aside()

    def read(self, *args: object) -> object:
        return self._explained(self._conn.read, *args)

    def write(self, data: ReadableBuffer) -> object:
        return self._explained(self._conn.write, data)

    def _explained(self, call: Callable[..., object], *args: object) -> object:
        try:
            answer = call(*args)
        except SSLCertVerificationError as error:
            self._explain(error)
            raise
        if self._conn.version() is not None:  # to read nothing takes no handshake
            self._step_aside()
        return answer

    def _explain(self, error: SSLCertVerificationError) -> None:
        self._context.explain_refusal(error, self._conn, alone=self._alone)

    def _step_aside(self) -> None:
        owner = self._conn.owner
        if getattr(owner, "_sslobj", None) is self:
            owner._sslobj = self._conn
