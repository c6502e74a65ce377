"""SSLContext: what the user set, and the standard library's surface.

A true subclass of `ssl.SSLContext`. Every connection, whoever makes it (SSLSocket, SSLObject, connect() later, accept(), asyncio,
gevent), gets its C connection object from one of two factories, `_wrap_socket` and `_wrap_bio`. These two are overridden; nothing
else on the way of a connection is.

Settings. What the user set (`verify_mode`, `check_hostname`) lives in `_settings`, one tuple. The C settings are merely what the next
SSL_new() copies: each wrap *sets* what it needs, under the lock, and never saves and restores. So an exception at any line, re-entry
(a signal handler, a `__del__`) or another thread can neither leave nor see the context more open than the user made it.

Lock. `_lock` guards the C settings and the store while they change or are copied. SSL_new() gives up the GIL, so it matters on every
build. It is re-entrant, and never held during a handshake or a verdict.

Who verifies. Where the system has a verifier (`_verifier`), OpenSSL is told not to verify, and the gate of `_connection` stands in
place of the C object until the verifier has answered. Elsewhere OpenSSL verifies, against the store that `_openssl` loads once.
"""

from __future__ import annotations

import _ssl
import ssl
import sys
from _thread import RLock
from contextvars import ContextVar
from ssl import CERT_NONE, CERT_REQUIRED, OP_NO_RENEGOTIATION, VerifyMode

from ._connection import Gate
from ._verdict import Anchors, Question

if sys.platform == "win32":
    from ._windows import PLATFORM, verify
elif sys.platform in ("darwin", "ios"):
    from ._macos import PLATFORM, verify
else:
    from ._openssl import PLATFORM, verify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._openssl import Roots
    from ._stores import Store
    from ._verdict import Verifier

_C = _ssl._SSLContext

#: The properties whose setters in ssl.py look up `super(SSLContext, SSLContext)` by the module's global name.
_RECURSING = ("_msg_callback", "maximum_version", "minimum_version", "options", "verify_flags", "verify_mode")

#: The context that is being wrapped as a server in this thread or task while it was never configured.
_serving: ContextVar[SSLContext | None] = ContextVar("_serving", default=None)


def _base() -> type[ssl.SSLContext]:
    """The class in place, as gevent may have put its own there; but never another truststore that is injected."""
    if "_stands_for" in vars(ssl.SSLContext) or ssl.SSLContext.__module__.endswith("truststore._api"):
        return stdlib_class()
    return ssl.SSLContext


def stdlib_class() -> type[ssl.SSLContext]:
    """The standard library's own class, whatever stands in its place now."""
    return next(cls for cls in ssl.SSLContext.__mro__ if cls.__module__ == "ssl")


_Base: Any = _base()


class _ContextType(type):
    """While injected, `isinstance(context, ssl.SSLContext)` holds for contexts made before, too: asyncio and others ask."""

    def __instancecheck__(cls, instance: object) -> bool:
        return super().__instancecheck__(instance) or isinstance(instance, vars(cls).get("_stands_for", ()))


class _CSettings(_Base, metaclass=_ContextType):
    """Found by ssl's setters once ssl.SSLContext is ours: re-exposes the C descriptors, which would otherwise be the setters again.

    https://github.com/sethmlarson/truststore/issues/214, https://github.com/urllib3/urllib3/issues/3482
    """


class SSLContext(_CSettings):
    """An `ssl.SSLContext` that lets the operating system decide which servers to trust.

    `protocol` is as for `ssl.SSLContext`; ``ssl.PROTOCOL_TLS_CLIENT`` is the usual one. Without it the context, unlike the standard
    library's, verifies: `verify_mode` is CERT_REQUIRED and `check_hostname` True, and it still can be used for server sockets.

    On Windows CryptoAPI, on macOS and iOS Security.framework gives the verdict; elsewhere OpenSSL does, against the system's store,
    which is found and loaded at the first connection that verifies. Certificates of `load_verify_locations()` are trusted in addition.

    Refusals are `ssl.SSLCertVerificationError`, raised where `ssl` raises them: out of the handshake, or of the read, write or
    `wrap_socket()` that performs it.
    """

    #: Who verifies servers: a function that answers a `Question`, or None if OpenSSL does. Tests put theirs here, before the context
    #: is made (docs/contributing.md); nothing else should.
    _verifier: Verifier | None = staticmethod(verify) if verify else None
    _platform = PLATFORM

    # Set while injected (_inject.py): the classes that this one stands for, and the class whose wrap_socket() makes sockets.
    _stands_for: tuple[type, ...] = ()
    _outer: Any = _CSettings

    def __new__(cls, protocol: int | None = None, *args: Any, **kwargs: Any) -> SSLContext:
        self: SSLContext = super().__new__(cls, ssl.PROTOCOL_TLS if protocol is None else protocol, *args, **kwargs)
        self._lock = RLock()
        self._anchors = Anchors()
        self._chains: dict[bytes, tuple[bytes, ...]] = {}
        self._roots: Roots | None = None
        self._has_own = False
        self._verifies_clients = False
        self._mode_is_ours = protocol is None
        self._keep()
        if protocol is None:
            self._settings = CERT_REQUIRED, True
        return self

    # -- what the user set ------------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        """Take the C settings, which the user has just made, as the user's."""
        self._settings = VerifyMode(_C.verify_mode.__get__(self)), bool(_C.check_hostname.__get__(self))

    def _apply(self, mode: VerifyMode, check: bool) -> None:
        """Make these the C settings, whatever they were. The order is the one that C accepts from any state."""
        _C.check_hostname.__set__(self, False)
        _C.verify_mode.__set__(self, mode)
        _C.check_hostname.__set__(self, check)

    @property
    def verify_mode(self) -> VerifyMode:
        """As in `ssl`. On a client CERT_OPTIONAL verifies like CERT_REQUIRED."""
        return self._settings[0]

    @verify_mode.setter
    def verify_mode(self, value: VerifyMode) -> None:
        with self._lock:
            mode, check = self._settings
            self._apply(mode, check and not (self._mode_is_ours and value == CERT_NONE))
            _C.verify_mode.__set__(self, value)
            self._keep()
            self._mode_is_ours = False

    @property
    def check_hostname(self) -> bool:
        """As in `ssl`. False while a context that nobody configured is wrapped as a server, which has no peer's name to check."""
        return self._settings[1] and _serving.get() is not self

    @check_hostname.setter
    def check_hostname(self, value: bool) -> None:
        with self._lock:
            self._apply(*self._settings)
            _C.check_hostname.__set__(self, value)
            self._keep()
            self._mode_is_ours = self._mode_is_ours and not value

    # -- what the user trusts ---------------------------------------------------------------------------------------------------

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        """As in `ssl`; what is loaded is trusted in addition to the system's roots.

        Where the system verifies, a directory is read now, not when a certificate is looked for.
        """
        with self._lock:
            super().load_verify_locations(cafile, capath, cadata)
            self._has_own = True
            if self._verifier is not None:
                from ._pem import collect

                self._anchors = self._anchors.and_more(collect(cafile, capath, cadata))
            if self._roots is not None:
                self._roots.user_loaded(cafile, capath, cadata)

    def load_default_certs(self, purpose: Any = ssl.Purpose.SERVER_AUTH) -> None:
        """Nothing that a client needs: the system's roots are always asked. For `Purpose.CLIENT_AUTH` see `set_default_verify_paths()`.

        Raises TypeError if `purpose` is no `ssl.Purpose`.
        """
        if not isinstance(purpose, ssl._ASN1Object):
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
                self._system_roots().load_for_clients(super())

    def get_ca_certs(self, binary_form: bool = False) -> Any:
        """As in `ssl`. The system's roots are listed if `load_default_certs()` or the like was called, as there."""
        with self._lock:
            if self._roots is None:
                return super().get_ca_certs(binary_form)
            return self._roots.certificates(super(), binary_form)

    def cert_store_stats(self) -> dict[str, int]:
        """As in `ssl`, of what `get_ca_certs()` speaks of."""
        with self._lock:
            if self._roots is None:
                return super().cert_store_stats()  # type: ignore[no-any-return]
            return self._roots.statistics(super())

    @property
    def system_store(self) -> Store | None:
        """The system's store that this context uses, and how it was found; None if none was needed so far, or the system verifies."""
        return self._roots and self._roots.store

    def _system_roots(self) -> Roots:
        if self._roots is None:
            from ._openssl import Roots

            self._roots = Roots()
        return self._roots

    # -- connections ------------------------------------------------------------------------------------------------------------

    def wrap_socket(self, sock: Any, server_side: bool = False, *args: Any, **kwargs: Any) -> Any:
        """As in `ssl`."""
        if not (server_side and self._mode_is_ours):
            return self._outer.wrap_socket(self, sock, server_side, *args, **kwargs)
        token = _serving.set(self)
        try:
            return self._outer.wrap_socket(self, sock, server_side, *args, **kwargs)
        finally:
            _serving.reset(token)

    def _wrap_socket(self, sock: Any, server_side: bool, server_hostname: str | None = None, **options: Any) -> Any:
        return self._connect(super()._wrap_socket, (sock,), server_side, server_hostname, options)

    def _wrap_bio(
        self, incoming: Any, outgoing: Any, server_side: bool = False, server_hostname: str | None = None, **options: Any
    ) -> Any:
        return self._connect(super()._wrap_bio, (incoming, outgoing), server_side, server_hostname, options)

    def _connect(
        self, make: Callable[..., Any], io: tuple[Any, ...], server_side: bool, hostname: str | None, options: dict[str, Any]
    ) -> Any:
        """The C connection object, or the gate that stands in its place."""
        with self._lock:
            mode, check = self._settings
            if server_side:
                if self._mode_is_ours:
                    mode, check = CERT_NONE, False
                elif mode is not CERT_NONE:
                    self._before_verifying_a_client()
            elif mode is not CERT_NONE:
                if check and not hostname:
                    raise ValueError("check_hostname requires server_hostname")
                if self._verifier is not None:
                    return self._gate(make, io, hostname, options)
                self._before_verifying_a_server()
            try:
                self._apply(mode, check)
                connection = make(*io, server_side, hostname, **options)
                if _C.verify_mode.__get__(self) != mode:  # a __del__ that ran in between was itself interrupted
                    raise RuntimeError("the context was changed while a connection was made")
                return connection
            finally:
                self._apply(*self._settings)

    def _gate(self, make: Callable[..., Any], io: tuple[Any, ...], hostname: str | None, options: dict[str, Any]) -> Any:
        """Make the C object with OpenSSL's verification off, and put the gate before it."""
        if not self.options & OP_NO_RENEGOTIATION:  # a renegotiation could bring in another certificate after the verdict
            self.options |= OP_NO_RENEGOTIATION
        try:
            self._apply(CERT_NONE, False)
            connection = make(*io, False, hostname, **options)
        finally:
            self._apply(*self._settings)
        name = connection.server_hostname.removesuffix(".") if self._settings[1] else None
        question = Question((), name, self._anchors, self.verify_flags, self.hostname_checks_common_name)
        return Gate(connection, self, question, io)

    def _before_verifying_a_server(self) -> None:
        """Where OpenSSL verifies: have the system's store loaded."""
        roots = self._system_roots()
        if not roots.loaded:
            if self._verifies_clients:
                raise ValueError(_BOTH_ROLES)
            roots.load(super(), self._has_own)

    def _before_verifying_a_client(self) -> None:
        """OpenSSL has one store for both roles, and the system's roots vouch for servers only."""
        if self._roots is not None and self._roots.loaded and not self._roots.for_clients:
            raise ValueError(_BOTH_ROLES)
        self._verifies_clients = self._roots is None or not self._roots.for_clients

    def _as_set(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a C function that reads the context's settings, while they are the user's."""
        with self._lock:
            self._apply(*self._settings)
            return function(*args)


_BOTH_ROLES = (
    "this context verifies servers by the system's roots, which must not vouch for clients: "
    "use another context for the server side, or say load_default_certs(Purpose.CLIENT_AUTH) if they should"
)

for _name in _RECURSING:
    setattr(_CSettings, _name, getattr(_C, _name))
    if _name not in vars(SSLContext):
        setattr(SSLContext, _name, getattr(_Base, _name))


def system_store() -> Store | None:
    """The system's store as a context made now would find it; None where the system itself verifies.

    Reads the file system, and remembers nothing but what is unchanged there.
    """
    if SSLContext._verifier is not None:
        return None
    from ._stores import find

    return find()
