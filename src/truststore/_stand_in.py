"""What stands where ssl keeps its C connection object (`_sslobj`), and the one such thing that has no opinion.

`StandIn` hands everything on to the C object; the gates of `_connection` are made of it. `Explained` lets OpenSSL decide and adds to its
refusal what the user should know. It takes part in the handshake alone: with the first call that succeeds it puts the C object in its own
place, and the connection costs what it costs in plain ssl.
"""

from __future__ import annotations

import sys
from operator import attrgetter
from ssl import SSLCertVerificationError

from ._stdlib import CConnection

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from _typeshed import ReadableBuffer

    from ._stdlib import Connection


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
    """OpenSSL decides, and a refusal has notes (from Python 3.11 on)."""

    __slots__ = ("_notes",)

    def __init__(self, connection: Connection, notes: Sequence[str]) -> None:
        super().__init__(connection)
        self._notes = notes

    def do_handshake(self) -> None:
        self._explained(self._conn.do_handshake)

    def read(self, *args: object) -> object:
        return self._explained(self._conn.read, *args)

    def write(self, data: ReadableBuffer) -> object:
        return self._explained(self._conn.write, data)

    def _explained(self, call: Callable[..., object], *args: object) -> object:
        try:
            answer = call(*args)
        except SSLCertVerificationError as error:
            explain(error, self._notes)
            raise
        owner = self._conn.owner
        if getattr(owner, "_sslobj", None) is self:
            owner._sslobj = self._conn
        return answer


def explain(error: SSLCertVerificationError, notes: Sequence[str]) -> None:
    """Add these notes."""
    if sys.version_info >= (3, 11):
        for note in notes:
            error.add_note(note)
