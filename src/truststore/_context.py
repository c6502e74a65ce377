"""SSLContext: what the user set, and the standard library's surface.

A true subclass of `ssl.SSLContext`. Every connection, whoever makes it (SSLSocket, SSLObject, connect() later, accept(), asyncio,
gevent), gets its C connection object from one of two factories, `_wrap_socket` and `_wrap_bio`. These two are overridden; nothing
else on the way of a connection is.

Settings. OpenSSL must not verify where the system does, nor may a context that nobody configured ask clients for a certificate. There,
what the user set (`verify_mode`, `check_hostname`) lives in `_settings`, one tuple, and the C settings are merely what the next SSL_new()
copies: each wrap *sets* what it needs, under the lock, and never saves and restores. So an exception at any line, re-entry (a signal
handler, a `__del__`) or another thread can neither leave nor see the context more open than the user made it. Everywhere else
`_settings` is None, the C settings are the user's, and once the store is loaded a wrap goes straight to C (`_direct`).

Lock. `_lock` guards the C settings and the store while they change or are copied. SSL_new() gives up the GIL, so it matters on every
build. It is re-entrant, and never held during a handshake or a verdict.

Who verifies. Where the system has a verifier (`_verifier`), OpenSSL is told not to verify, and the gate of `_connection` stands in
place of the C object until the verifier has answered. Elsewhere OpenSSL verifies, against the store that `_openssl` loads once.
"""

from __future__ import annotations

import ssl
from _contextvars import ContextVar
from _thread import RLock
from abc import ABCMeta
from functools import partial
from ssl import CERT_NONE, CERT_REQUIRED, OP_NO_RENEGOTIATION, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER, VerifyMode

from . import _stdlib
from ._platform import PLATFORM, verify
from ._verdict import Anchors, Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import Self, TypeVar

    from _typeshed import ReadableBuffer, StrOrBytesPath

    from ._connection import Gate
    from ._openssl import Roots
    from ._stdlib import Connection, Decoded, Ends, Factory
    from ._store.search import Store
    from ._verdict import Verifier

    Answer = TypeVar("Answer")
    #: `verify_mode` and `check_hostname`.
    Settings = tuple[VerifyMode, bool]

#: How many leaves a context remembers the chain of. Beyond, the oldest goes.
REMEMBERED_CHAINS = 256

#: The context, made without a protocol, that is being wrapped as a server in this thread or task.
_serving: ContextVar[SSLContext | None] = ContextVar("_serving", default=None)


def class_in_place() -> type[ssl.SSLContext]:
    """Gevent may have put its own in place of the standard library's; another truststore that is injected does not count."""
    if "_stands_for" in vars(ssl.SSLContext) or ssl.SSLContext.__module__.endswith("truststore._api"):
        return _stdlib.stdlib_class()
    return ssl.SSLContext


if TYPE_CHECKING:
    _Base = ssl.SSLContext
else:
    _Base = class_in_place()


class _ContextType(ABCMeta):
    """While injected, `isinstance(context, ssl.SSLContext)` holds for contexts made before, too: asyncio and others ask.

    An ABCMeta, so that a subclass may have an abstract class for another base, as ssl's may.
    """

    def __instancecheck__(cls, instance: object) -> bool:
        return super().__instancecheck__(instance) or isinstance(instance, vars(cls).get("_stands_for", ()))


class _CSettings(_Base, metaclass=_ContextType):
    """Found by ssl's setters once ssl.SSLContext is ours: re-exposes the C descriptors, which would otherwise be the setters again.

    https://github.com/sethmlarson/truststore/issues/214, https://github.com/urllib3/urllib3/issues/3482
    """


def _held(verifier: Verifier | None) -> Verifier | None:
    """For a class to hold a function without making it a method."""
    return verifier and staticmethod(verifier)


class SSLContext(_CSettings):
    """An `ssl.SSLContext` that lets the operating system decide which servers to trust.

    `protocol` is as for `ssl.SSLContext`; ``ssl.PROTOCOL_TLS_CLIENT`` is the usual one. Without it the context, unlike the standard
    library's, verifies: `verify_mode` is CERT_REQUIRED and `check_hostname` True, and it still can be used for server sockets. Like
    the standard library's it warns (DeprecationWarning), since OpenSSL's protocol for both roles is deprecated.

    On Windows CryptoAPI, on macOS and iOS Security.framework gives the verdict; elsewhere OpenSSL does, against the system's store,
    which is found and loaded at the first connection that verifies. Certificates of `load_verify_locations()` are trusted in addition.

    Refusals are `ssl.SSLCertVerificationError`, raised where `ssl` raises them: out of the handshake, or of the read, write or
    `wrap_socket()` that performs it.
    """

    #: Who verifies servers: a function that answers a `Question`, or None if OpenSSL does. Tests put theirs here, before the context
    #: is made (docs/contributing.md); nothing else should.
    _verifier: Verifier | None = _held(verify)
    _platform = PLATFORM

    # Set while injected (_inject.py): the classes that this one stands for, and the class whose wrap_socket() makes sockets.
    _stands_for: tuple[type, ...] = ()
    _outer: type[ssl.SSLContext] = _CSettings

    _lock: RLock
    _settings: tuple[VerifyMode, bool] | None
    _mode_is_ours: bool  # nobody chose `verify_mode`: clients verify, servers do not ask for a certificate
    _check_is_ours: bool  # nobody chose `check_hostname`: clients check it, servers have no peer's name to check
    _options_in_need = 0  # those that nobody may switch off
    _direct: bool  # there is nothing to do for a connection but to make it
    _anchors: Anchors
    _has_own: bool
    _has_directory: bool
    _verifies_clients: bool
    _roots: Roots | None
    _chains: dict[bytes, tuple[bytes, ...]]

    def __new__(cls, protocol: int | None = None, *args: object, **kwargs: object) -> Self:
        self = super().__new__(cls, ssl.PROTOCOL_TLS if protocol is None else protocol, *args, **kwargs)
        self._lock = RLock()
        self._mode_is_ours = self._check_is_ours = protocol is None
        self._direct = protocol == PROTOCOL_TLS_SERVER
        self._settings = None
        if self._mode_is_ours:
            self._settings = CERT_REQUIRED, True
        elif self._verifier is not None and not self._direct:
            self._settings = self._in_force()
        self._anchors = Anchors()
        self._has_own = self._has_directory = self._verifies_clients = False
        self._roots = None
        self._chains = {}
        return self

    # -- what the user set ------------------------------------------------------------------------------------------------------

    def _in_force(self) -> Settings:
        """What the user set."""
        return self._settings or (VerifyMode(_stdlib.get_verify_mode(self)), _stdlib.get_check_hostname(self))

    def _change(self, changed: Callable[[VerifyMode, bool], Settings]) -> None:
        """Keep what the user sets; once more if a signal handler or a destructor has set something meanwhile."""
        while True:
            before = self._in_force()
            after = changed(*before)
            if self._settings is before:
                self._settings = after
                return self._apply(*after)

    def _apply(self, mode: VerifyMode, check: bool) -> None:
        """Make these the C settings, whatever they were. The order is the one that C accepts from any state."""
        while (_stdlib.get_verify_mode(self), _stdlib.get_check_hostname(self)) != (mode, check):
            try:
                _stdlib.set_check_hostname(self, False)
                _stdlib.set_verify_mode(self, mode)
                _stdlib.set_check_hostname(self, check)
            except ValueError:  # noqa: PERF203 - a signal handler or a destructor has used the context between the first two
                continue

    @property  # type: ignore[override]
    def verify_mode(self) -> VerifyMode:
        """As in `ssl`. On a client CERT_OPTIONAL verifies like CERT_REQUIRED."""
        return self._in_force()[0]

    @verify_mode.setter
    def verify_mode(self, value: VerifyMode) -> None:
        with self._lock:
            if self._settings is None:
                _stdlib.set_verify_mode(self, value)
                return
            self._change(partial(self._with_mode, value))
            self._mode_is_ours = False

    def _with_mode(self, value: VerifyMode, mode: VerifyMode, check: bool) -> Settings:
        if self._mode_is_ours and value == CERT_NONE:
            return CERT_NONE, False
        self._apply(mode, check)
        _stdlib.set_verify_mode(self, value)  # raises what ssl raises
        return VerifyMode(value), check

    @property
    def check_hostname(self) -> bool:
        """As in `ssl`. False, unless it was set, while a context made without a protocol is wrapped as a server."""
        return self._in_force()[1] and _serving.get() is not self

    @check_hostname.setter
    def check_hostname(self, value: bool) -> None:
        with self._lock:
            if self._settings is None:
                _stdlib.set_check_hostname(self, value)
                return
            self._change(lambda mode, _: (CERT_REQUIRED if value and mode is CERT_NONE else mode, bool(value)))
            self._mode_is_ours = self._mode_is_ours and not value
            self._check_is_ours = False

    @property
    def options(self) -> ssl.Options:
        """As in `ssl`; `OP_NO_RENEGOTIATION` cannot be taken out of a context once the system has verified for it."""
        return ssl.Options(super().options)

    @options.setter
    def options(self, value: int) -> None:
        with self._lock:  # another thread's `options |=` may have read them before ours were in
            _stdlib.set_options(self, value | self._options_in_need if self._options_in_need else value)

    # -- what the user trusts ---------------------------------------------------------------------------------------------------

    def load_verify_locations(
        self,
        cafile: StrOrBytesPath | None = None,
        capath: StrOrBytesPath | None = None,
        cadata: str | ReadableBuffer | None = None,
    ) -> None:
        """As in `ssl`; what is loaded is trusted in addition to the system's roots.

        Where the system verifies, a directory is read now, not when a certificate is looked for.
        """
        with self._lock:
            super().load_verify_locations(cafile, capath, cadata)
            self._has_own = True
            self._has_directory = self._has_directory or capath is not None
            if self._verifier is not None:
                from ._store.pem import read_certificates

                self._anchors = self._anchors.and_more(
                    read_certificates(cafile, capath, cadata if cadata is None or isinstance(cadata, str) else bytes(cadata))
                )
            if self._roots is not None:
                self._roots.user_loaded(cafile, capath, cadata)

    def load_default_certs(self, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH) -> None:
        """Nothing that a client needs: the system's roots are always asked. For `Purpose.CLIENT_AUTH` see `set_default_verify_paths()`.

        Raises TypeError if `purpose` is no `ssl.Purpose`.
        """
        if not isinstance(purpose, _stdlib.Purpose):
            raise TypeError(purpose)
        if purpose == ssl.Purpose.CLIENT_AUTH:
            self.set_default_verify_paths()
        elif self._verifier is None:
            with self._lock:
                self._system_roots().listed = True

    def set_default_verify_paths(self) -> None:
        """Trust the system's roots for the certificates of clients, too, in connections of the server side.

        Where the system verifies servers this does nothing: its verdict is on servers, and OpenSSL has no store there.
        """
        if self._verifier is None:
            with self._lock:
                self._system_roots().load_for_clients(self)

    def get_ca_certs(self, binary_form: bool = False) -> list[bytes] | list[Decoded]:  # type: ignore[override]
        """As in `ssl`. The system's roots are listed if `load_default_certs()` or the like was called, as there."""
        with self._lock:
            if self._roots is None:
                listed: list[bytes] | list[Decoded] = super().get_ca_certs(binary_form)
                return listed
            return self._roots.certificates(self, binary_form, self._has_directory)

    def cert_store_stats(self) -> dict[str, int]:
        """As in `ssl`, of what `get_ca_certs()` speaks of."""
        with self._lock:
            if self._roots is None:
                return super().cert_store_stats()
            return self._roots.statistics(self, self._has_directory)

    @property
    def system_store(self) -> Store | None:
        """The system's store that this context uses, and how it was found; None if none was needed so far, or the system verifies."""
        return None if self._roots is None else self._roots.store

    def _system_roots(self) -> Roots:
        if self._roots is None:
            from ._openssl import Roots

            self._roots = Roots()
        return self._roots

    # -- connections ------------------------------------------------------------------------------------------------------------

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """As in `ssl`."""
        token = _serving.set(self if server_side and self._check_is_ours else None)
        try:
            return self._outer.wrap_socket(
                self, sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, server_hostname, session
            )
        finally:
            _serving.reset(token)

    def _wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool,
        server_hostname: str | None = None,
        *,
        owner: object = None,
        session: ssl.SSLSession | None = None,
    ) -> Connection | Gate:
        if self._direct and (server_side or server_hostname):
            return _stdlib.wrap_socket(self, sock, server_side, server_hostname, owner=owner, session=session)
        return self._connect(_stdlib.wrap_socket, (sock,), server_side, server_hostname, owner, session)

    def _wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | None = None,
        *,
        owner: object = None,
        session: ssl.SSLSession | None = None,
    ) -> Connection | Gate:
        if self._direct and (server_side or server_hostname):
            return _stdlib.wrap_bio(self, incoming, outgoing, server_side, server_hostname, owner=owner, session=session)
        return self._connect(_stdlib.wrap_bio, (incoming, outgoing), server_side, server_hostname, owner, session)

    def _connect(
        self,
        make: Factory,
        ends: Ends,
        server_side: bool,
        hostname: str | None,
        owner: object,
        session: ssl.SSLSession | None,
    ) -> Connection | Gate:
        """The C connection object, or the gate that stands in its place."""
        with self._lock:
            mode, check = self._required(server_side, hostname)
            gated = mode is not CERT_NONE and not server_side and self._verifier is not None
            settings = (CERT_NONE, False) if gated else (mode, check)
            connection = self._made(settings, partial(make, self, *ends, server_side, hostname, owner=owner, session=session))
            if not gated:
                return connection
            from ._connection import Gate  # not before it is needed: where OpenSSL verifies it never is

            return Gate(connection, self, self._question(connection, check), ends)

    def _question(self, connection: Connection, check: bool) -> Question:
        """What the user has set, as of now; the chain is yet to come."""
        hostname = connection.server_hostname.removesuffix(".") if check else None
        return Question((), hostname, self._anchors, self.verify_flags, self.hostname_checks_common_name)

    def _required(self, server_side: bool, hostname: str | None) -> tuple[VerifyMode, bool]:
        """What this connection has to verify, after all that is needed for it has been prepared."""
        mode, check = self._in_force()
        if server_side and self._mode_is_ours:
            return CERT_NONE, False
        if mode is CERT_NONE:
            return mode, check
        if server_side:
            self._before_verifying_a_client()
        elif check and not hostname:
            raise ValueError("check_hostname requires server_hostname")
        elif self._verifier is None:
            self._before_verifying_a_server()
        elif not self._options_in_need:
            self._options_in_need = OP_NO_RENEGOTIATION  # or another certificate could come in after the verdict
            self.options |= OP_NO_RENEGOTIATION
        return mode, check

    def _made(self, settings: tuple[VerifyMode, bool], make: Callable[[], Connection]) -> Connection:
        """Have a C object made while these are the C settings."""
        if self._settings is None:
            return make()
        try:
            while True:
                self._apply(*settings)
                connection = make()
                # Unless a __del__ or a signal handler that used this context was itself interrupted just before SSL_new().
                if (_stdlib.get_verify_mode(self), _stdlib.get_check_hostname(self)) == settings:
                    return connection
        finally:
            self._apply(*self._settings)

    def _before_verifying_a_server(self) -> None:
        """Where OpenSSL verifies: have the system's store loaded."""
        if self.protocol is PROTOCOL_TLS_SERVER:
            return  # OpenSSL refuses to connect with it
        roots = self._system_roots()
        if not roots.loaded:
            if self._verifies_clients:
                raise ValueError(_BOTH_ROLES)
            roots.load(self, self._has_own)
        self._direct = self._settings is None and self.protocol is PROTOCOL_TLS_CLIENT

    def _before_verifying_a_client(self) -> None:
        """OpenSSL has one store for both roles, and the system's roots vouch for servers only."""
        with self._lock:
            if self._roots is not None and self._roots.begun and not self._roots.for_clients:
                raise ValueError(_BOTH_ROLES)
            self._verifies_clients = self._roots is None or not self._roots.for_clients

    @property  # type: ignore[override]
    def sni_callback(self) -> Callable[..., object] | None:
        """As in `ssl`. A context that it chooses for a server that verifies clients must not verify servers by the system's roots."""
        callback = super().sni_callback
        return callback.function if isinstance(callback, _Choice) else callback

    @sni_callback.setter
    def sni_callback(self, value: Callable[..., object] | None) -> None:
        getattr(_Base, "sni_callback").__set__(self, _Choice(value) if callable(value) else value)  # noqa: B009  (typeshed has no descriptor)

    def chose(self, other: ssl.SSLContext) -> None:
        """A connection of ours goes on with the store of another context, but with our `verify_mode`."""
        before_verifying_a_client = getattr(other, "_before_verifying_a_client", None)
        if before_verifying_a_client and other is not self and not self._mode_is_ours and self._in_force()[0]:
            before_verifying_a_client()

    # -- what the gate asks the context ------------------------------------------------------------------------------------------

    def as_set(self, function: Callable[[bool], Answer], argument: bool) -> Answer:
        """Call a C function that reads the context's settings, while they are the user's."""
        with self._lock:
            if self._settings is not None:
                self._apply(*self._settings)
            return function(argument)

    def remember_chain(self, chain: tuple[bytes, ...]) -> None:
        """Keep what a leaf came with: a session that is taken now, and resumed later, brings the leaf alone."""
        with self._lock:
            self._chains[chain[0]] = chain
            if len(self._chains) > REMEMBERED_CHAINS:
                del self._chains[next(iter(self._chains))]

    def chain_of(self, leaf: bytes) -> tuple[bytes, ...]:
        """The chain this leaf came with; the leaf alone if that is not known any more."""
        return self._chains.get(leaf, (leaf,))


class _Choice:
    """The user's `sni_callback`, and a look at the context it chooses."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self.function = function

    def __call__(self, tls: ssl.SSLSocket | ssl.SSLObject, name: str | None, context: SSLContext) -> object:
        answer = self.function(tls, name, context)
        context.chose(tls.context)
        return answer


_BOTH_ROLES = (
    "this context verifies servers by the system's roots, which must not vouch for clients: "
    "use another context for the server side, or say load_default_certs(Purpose.CLIENT_AUTH) if they should"
)

for _name in _stdlib.RECURSING_SETTERS:
    setattr(_CSettings, _name, getattr(_stdlib.CContext, _name))
    if _name not in vars(SSLContext):
        setattr(SSLContext, _name, getattr(_Base, _name))


def system_store() -> Store | None:
    """The system's store as a context made now would find it; None where the system itself verifies.

    Reads the file system, and remembers nothing but what is unchanged there.
    """
    if SSLContext._verifier is not None:
        return None
    from ._store.search import find

    return find()
