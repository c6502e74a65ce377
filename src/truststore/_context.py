"""SSLContext: the standard library's surface; who sets what, and who connects how.

A true subclass of `ssl.SSLContext`. Every connection, whoever makes it (SSLSocket, SSLObject, connect() later, accept(), asyncio,
gevent), gets its C connection object from one of two factories, `_wrap_socket` and `_wrap_bio`. These two are overridden, and nothing
else that a connection uses.

`_settings` keeps what the user set; its lock guards everything that changes here. `_trust` knows whom the user trusts, and
says who decides on a connection: OpenSSL within the handshake, then the C object is returned as it is; or a
gate (`_connection`), which takes its place until the peer is judged. If a connection needs nothing but to be made,
the wrap goes straight to C (`_direct`), without the lock.
"""

from __future__ import annotations

import os
import ssl
import sys
from operator import index
from ssl import CERT_NONE, OP_NO_RENEGOTIATION, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER, VerifyMode

from . import _stdlib
from ._platform import PLATFORM, verify
from ._settings import CHECK_HOSTNAME, VERIFY_MODE, Settings
from ._trust import BY_OPENSSL, INSTEAD_OF_OPENSSL, Trust
from ._verdict import OWN, Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from _typeshed import ReadableBuffer, StrOrBytesPath
    from typing_extensions import Self

    from ._judges import Judges
    from ._settings import Values
    from ._stand_in import Explained, StandIn
    from ._stdlib import Connection, Decoded, Ends, Factory, Password
    from ._store.search import Store
    from ._verdict import Verifier

    Answer = TypeVar("Answer")

#: For how many leaves a context remembers the chain. After that the oldest is dropped.
REMEMBERED_CHAINS = 256


def class_in_place() -> type[ssl.SSLContext]:
    """The class to derive ours from: gevent or eventlet may have put its own in place of the standard library's.

    It does not count if it is not a class of contexts (mocket's), or another injected truststore, or derived from one.
    """
    plain, outer = _stdlib.stdlib_class(), _stdlib.class_by_name()
    if not isinstance(outer, type) or not issubclass(outer, plain) or any(map(_is_a_truststore, outer.__mro__)):
        return plain
    return outer


def _is_a_truststore(cls: type) -> bool:
    return "_stands_for" in vars(cls) or cls.__module__.endswith("truststore._api")


if TYPE_CHECKING:
    _Base = ssl.SSLContext
else:
    _Base = class_in_place()


class _CSettings(_Base):
    """Attributes that must be found here, and nowhere else, once ssl.SSLContext is ours.

    The C descriptors are for ssl's setters, which would otherwise find themselves again.
    https://github.com/sethmlarson/truststore/issues/214, https://github.com/urllib3/urllib3/issues/3482
    """

    if not TYPE_CHECKING:
        #: Injection gives ssl's class a different one (`_inject`).
        __getattribute__ = _stdlib.look_up

    def _says_its_class(self) -> type:
        return type(self)

    def _is_told_its_class(self, cls: type) -> None:
        if cls not in SSLContext._stands_for:
            _stdlib.class_of.__set__(self, cls)

    #: eventlet makes contexts by ssl.create_default_context() and then turns them into its own, for which ours stand.
    __class__ = property(_says_its_class, _is_told_its_class)  # pyright: ignore[reportIncompatibleMethodOverride]


def _held(verifier: Verifier | None) -> Verifier | None:
    """For a class to hold a function without making it a method."""
    return verifier and staticmethod(verifier)


class SSLContext(_CSettings):
    """An `ssl.SSLContext` that lets the operating system decide which servers to trust.

    `protocol` is as for `ssl.SSLContext`, usually `ssl.PROTOCOL_TLS_CLIENT`. Without it the context, unlike the standard library's,
    verifies: `verify_mode` is `ssl.CERT_REQUIRED` and `check_hostname` is True. Such a context can be used for server sockets, too. Like
    the standard library's, it emits a `DeprecationWarning`, since OpenSSL has deprecated the protocol for both roles.

    CryptoAPI verifies on Windows, Security.framework on macOS and iOS. On all other systems OpenSSL verifies, with the system's store,
    which is found and loaded at the first connection that verifies. Certificates from `load_verify_locations()` are trusted in addition.

    A server that is not trusted raises `ssl.SSLCertVerificationError`, at the same point as in `ssl`: in the handshake, or in the read,
    write or `wrap_socket()` that performs the handshake.
    """

    #: Who verifies servers: a function that answers a `Question`, or None if OpenSSL does. Tests put theirs here, before the context
    #: is made (CONTRIBUTING.md); nothing else should.
    _verifier: Verifier | None = _held(verify)
    _platform = PLATFORM

    #: The classes that this one stands for while injected (_inject.py).
    _stands_for: tuple[type, ...] = ()

    # Not in the __dict__, which belongs to subclasses: they may pickle it, and a lock cannot be pickled.
    __slots__ = ("_chains", "_direct", "_explained", "_settings", "_trust")

    _settings: Settings
    _trust: Trust
    _direct: bool  # there is nothing to do for a connection but to make it
    _explained: type[Explained]  # what then stands before a client's: to import it each time takes longer than to make one
    _chains: dict[bytes, tuple[bytes, ...]]

    def __new__(cls, protocol: int | None = None, *args: object, **kwargs: object) -> Self:
        self = super().__new__(cls, ssl.PROTOCOL_TLS if protocol is None else protocol, *args, **kwargs)
        self._settings = Settings(bare=protocol is None)
        self._trust = Trust(self._verifier, self._platform)
        self._direct = protocol == PROTOCOL_TLS_SERVER
        self._chains = {}
        if self._verifier is not None and not self._direct:
            self._settings.keep(self)
        return self

    # -- what the user set ------------------------------------------------------------------------------------------------------

    @property  # type: ignore[override]
    def verify_mode(self) -> VerifyMode:
        """As in `ssl`. On a client, `ssl.CERT_OPTIONAL` verifies like `ssl.CERT_REQUIRED`."""
        return self._settings.in_force(self)[0]

    @verify_mode.setter
    def verify_mode(self, value: VerifyMode) -> None:
        if not _is_ours(self):
            return _set_as_ssl(self, "verify_mode", value)
        return self._settings.set_verify_mode(self, index(value))

    @property
    def check_hostname(self) -> bool:
        """As in `ssl`. In a context made without a protocol it is False for server sockets, unless it was set."""
        return self._settings.in_force(self)[1] and not (CHECK_HOSTNAME in self._settings.unset and _is_wrapped_as_server(self))

    @check_hostname.setter
    def check_hostname(self, value: bool) -> None:
        wanted = bool(value)
        with self._settings.lock:
            self._direct = self._direct and self.protocol == PROTOCOL_TLS_SERVER  # without names own anchors alone may vouch
            self._settings.set_check_hostname(self, wanted)

    @property
    def options(self) -> ssl.Options:
        """As in `ssl`. Where the system verifies, `ssl.OP_NO_RENEGOTIATION` is set at the first connection, and stays."""
        return ssl.Options(_stdlib.get_options(self))

    @options.setter
    def options(self, value: int) -> None:
        if not _is_ours(self):
            return _set_as_ssl(self, "options", value)
        # What the setter objects to, it says here: a warning runs other people's code, and no lock may be held. With what a gate may need.
        _stdlib.set_options(self, int.__or__(value, OP_NO_RENEGOTIATION) if _is_number(value) else value)
        return self._settings.set_options(self, value)

    @property
    def revocation_best_effort(self) -> bool:
        """Whether the system checks for revocation: it refuses revoked certificates, and accepts those it finds no answer for.

        The default is False. A change applies to later connections, and only where the system judges. OpenSSL judges what the program
        loaded, and checks revocation only by `verify_flags` and the lists (CRLs) that the program loaded. If `verify_flags` ask for
        revocation, they take precedence: then a certificate without an answer is refused.

        Raises `NotImplementedError` if set to True where OpenSSL verifies servers, such as on Linux: OpenSSL cannot look anything up.
        """
        return self._settings.revocation_best_effort

    @revocation_best_effort.setter
    def revocation_best_effort(self, value: bool) -> None:
        wanted = bool(value)
        if wanted and self._verifier is None:
            raise NotImplementedError(
                "OpenSSL, which verifies on this system, cannot look up revoked certificates: "
                "load revocation lists (CRLs) with load_verify_locations(), and set ssl.VERIFY_CRL_CHECK_LEAF in verify_flags"
            )
        self._settings.revocation_best_effort = wanted

    def load_cert_chain(
        self, certfile: StrOrBytesPath, keyfile: StrOrBytesPath | None = None, password: Password | None = None
    ) -> None:
        """As in `ssl`."""
        if callable(password):
            password = _answer(password, certfile, keyfile, _stdlib.security_level(self))
        with self._settings.lock:  # that a verdict takes, too, when it copies what is set here
            super().load_cert_chain(certfile, keyfile, password)

    # -- what the user trusts ---------------------------------------------------------------------------------------------------

    def load_verify_locations(
        self,
        cafile: StrOrBytesPath | None = None,
        capath: StrOrBytesPath | None = None,
        cadata: str | ReadableBuffer | None = None,
    ) -> None:
        """As in `ssl`: on every system, OpenSSL verifies with what is loaded. The system's roots are trusted in addition.

        Exception: if `check_hostname` is False and `load_default_certs()` is not called, only what is loaded is trusted.

        A public bundle that libraries load by themselves, such as certifi's, does not count as the program's own: it is asked last.
        """
        cafile, capath, cadata = _told(cafile), _told(capath), _copied(cadata)
        with self._settings.lock:
            self._direct = self._direct and self.protocol == PROTOCOL_TLS_SERVER
            self._trust.load(self, super().load_verify_locations, (cafile, capath, cadata))

    def load_default_certs(self, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH) -> None:
        """Trust the system's roots for servers, whatever else is loaded. Where OpenSSL verifies they are loaded now, as in `ssl`.

        For `ssl.Purpose.CLIENT_AUTH` see `set_default_verify_paths()`. If the store cannot be used, the handshake raises the error.

        Raises `TypeError` if `purpose` is not a purpose of `ssl`.
        """
        if not _stdlib.is_purpose(purpose):
            raise TypeError(purpose)
        with self._settings.lock:
            self._direct = self._direct and self.protocol == PROTOCOL_TLS_SERVER
            self._trust.asks_for_system(self, purpose)
        self._trust.say()

    def set_default_verify_paths(self) -> None:
        """Trust the system's roots for client certificates, too, in server-side connections.

        On Windows, macOS and iOS this adds no roots: the system judges servers only, and OpenSSL has no store there.
        """
        self.load_default_certs(ssl.Purpose.CLIENT_AUTH)

    if not TYPE_CHECKING:  # for checkers it is ssl's, with its overloads

        def get_ca_certs(self, binary_form: bool = False) -> list[bytes] | list[Decoded]:
            """As in `ssl`. The system's roots are listed only if `load_default_certs()` or the like was called."""
            from ._listing import certificates

            with self._settings.lock:
                return certificates(self._trust, self, binary_form)

    def cert_store_stats(self) -> dict[str, int]:
        """As in `ssl`: counts the certificates that `get_ca_certs()` lists, and those it leaves out because they are not authorities."""
        from ._listing import statistics

        with self._settings.lock:
            return statistics(self._trust, self)

    @property
    def system_store(self) -> Store | None:
        """The store that this context uses, and how it was found. None if none was needed so far, or if the system verifies."""
        return self._trust.roots.store if self._trust.roots else None

    def verify_chain(self, chain: Iterable[bytes], server_hostname: str | None = None) -> list[bytes]:
        """Verify a server's certificates without a connection, by the same rules as a connection of this context.

        `chain` is what the server sent: DER, its own certificate first. `server_hostname` is as for `wrap_socket()`. Returns the chain
        that was built: DER, the server's certificate first, the root last.

        The verdict is on the certificates alone. It does not show that the peer holds the key, and a handshake checks more than this.

        Raises `ssl.SSLCertVerificationError` if the server is not trusted, as a connection does. Raises `ssl.SSLError`, with the reason, if
        OpenSSL could not come to a verdict. Raises `ValueError` if `check_hostname` is set but there is no `server_hostname`, if `chain` is
        empty, or if the context does not verify servers (`ssl.CERT_NONE`, `ssl.PROTOCOL_TLS_SERVER`).
        """
        from ._offline import certificates_of, encoded_name

        sent, name = certificates_of(chain), encoded_name(self, server_hostname)
        try:
            with self._settings.lock:
                question, judges = self._asked_without_connection(name)
        finally:
            self._trust.say()
        return list(judges.verdict(question.about(sent)))

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
        return super().wrap_socket(
            sock,
            server_side=server_side,  # by name: eventlet's has others in these places
            do_handshake_on_connect=do_handshake_on_connect,
            suppress_ragged_eofs=suppress_ragged_eofs,
            server_hostname=server_hostname,
            session=session,
        )

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """As in `ssl`."""
        return super().wrap_bio(incoming, outgoing, server_side=server_side, server_hostname=server_hostname, session=session)

    def _wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool,
        server_hostname: str | None = None,
        *,
        owner: object = None,
        session: ssl.SSLSession | None = None,
    ) -> Connection | StandIn:
        if self._direct and (server_side or server_hostname):
            connection = super()._wrap_socket(sock, server_side, server_hostname, owner=owner, session=session)  # type: ignore[misc]
            return connection if server_side else self._explained(connection, self)
        return self._connect(super()._wrap_socket, (sock,), server_side, server_hostname, owner, session)  # type: ignore[misc]

    def _wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | None = None,
        *,
        owner: object = None,
        session: ssl.SSLSession | None = None,
    ) -> Connection | StandIn:
        if self._direct and (server_side or server_hostname):
            connection = super()._wrap_bio(incoming, outgoing, server_side, server_hostname, owner=owner, session=session)  # type: ignore[misc]
            return connection if server_side else self._explained(connection, self)
        return self._connect(super()._wrap_bio, (incoming, outgoing), server_side, server_hostname, owner, session)  # type: ignore[misc]

    def _connect(
        self,
        make: Factory,
        ends: Ends,
        server_side: bool,
        hostname: str | None,
        owner: object,
        session: ssl.SSLSession | None,
    ) -> Connection | StandIn:
        """The C connection object, or the gate that stands in its place."""

        def made() -> Connection:
            return make(*ends, server_side, hostname, owner=owner, session=session)

        try:
            with self._settings.lock:
                return self._served(made, ends) if server_side else self._connected(made, ends, hostname)
        finally:
            self._trust.say()

    def _connected(self, make: Callable[[], Connection], ends: Ends, hostname: str | None) -> Connection | StandIn:
        """For the client's side."""
        settings = mode, check = self._settings.in_force(self)
        if mode == CERT_NONE:
            self._trust.for_nobody()
            return self._settings.made(self, settings, make)
        who = self._who_decides(check, hostname)
        if who == BY_OPENSSL:
            return self._left_to_openssl(settings, make)
        judges = self._trust.judges(self, self._settings, who)
        if who == INSTEAD_OF_OPENSSL:
            self._settings.keep(self)
            settings = CERT_NONE, False
        self._settings.need_options(self, OP_NO_RENEGOTIATION)  # or another certificate could come in after the verdict
        connection = self._settings.made(self, settings, make)
        from ._connection import Gate  # not before it is needed: where OpenSSL verifies it hardly ever is

        return Gate(connection, self, self._question(connection.server_hostname if check else None), ends, judges)

    def _left_to_openssl(self, settings: Values, make: Callable[[], Connection]) -> StandIn:
        """Only for the handshake, put an object before the C object that explains a refusal."""
        connection = self._settings.made(self, settings, make)
        is_mixed = self._trust.is_mixed
        self._direct = is_mixed and not self._settings.are_kept and self.protocol == PROTOCOL_TLS_CLIENT
        from ._stand_in import Explained  # not before it is needed

        self._explained = Explained
        return Explained(connection, self, not is_mixed)

    def _served(self, make: Callable[[], Connection], ends: Ends) -> Connection | StandIn:
        """For the server's side."""
        settings = self._settings.in_force(self) if self.verifies_clients else (CERT_NONE, False)
        if not self.verifies_clients or self._trust.for_clients(may_move=self.sni_callback is not None) == BY_OPENSSL:
            return self._settings.made(self, settings, make)
        self._settings.need_options(self, OP_NO_RENEGOTIATION)
        from ._connection import ClientGate
        from ._judges import Judges

        return ClientGate(self._settings.made(self, settings, make), self, self._question(None), ends, Judges(None, platform=OWN))

    def _who_decides(self, check: bool, hostname: str | None) -> str:
        """Who decides on a server, after all that is needed for it has been prepared."""
        if check and not hostname:
            raise ValueError("check_hostname requires server_hostname")
        return self._trust.for_servers(self, check)

    def judges_of_moved(self, hostname: str | None) -> Judges:
        """Those who decide on a server, as of now, for a connection that another context has made."""
        with self._settings.lock:
            return self._trust.judges(self, self._settings, self._who_decides(hostname is not None, hostname))

    def _question(self, hostname: str | None) -> Question:
        """What the user has set, as of now. The chain is added later."""
        level, best_effort = _stdlib.security_level(self), self._settings.revocation_best_effort
        return Question((), hostname, self.verify_flags, self.hostname_checks_common_name, level, best_effort)

    def _asked_without_connection(self, hostname: str | None) -> tuple[Question, Judges]:
        mode, check = self._settings.in_force(self)
        if self.protocol == PROTOCOL_TLS_SERVER or mode == CERT_NONE:
            raise ValueError("this context does not verify servers: PROTOCOL_TLS_SERVER and CERT_NONE cannot judge a chain")
        judges = self._trust.judges(self, self._settings, self._who_decides(check, hostname))
        return self._question(hostname if check else None), judges

    @property
    def _msg_callback(self) -> Callable[..., object] | None:
        """As in `ssl`, except for verdicts without a connection, whose messages nobody has sent."""
        callback: Callable[..., object] | None = _get_as_base(self, "_msg_callback")
        return callback.function if isinstance(callback, _Messages) else callback

    @_msg_callback.setter
    def _msg_callback(self, value: Callable[..., object] | None) -> None:
        _set_as_ssl(self, "_msg_callback", _Messages(value) if _is_ours(self) and callable(value) else value)

    @property  # type: ignore[override]
    def sni_callback(self) -> Callable[..., object] | None:
        """As in `ssl`. If it chooses another context for a server that verifies clients, the system's roots are not trusted for them."""
        callback = super().sni_callback
        return callback.function if isinstance(callback, _Choice) else callback

    @sni_callback.setter
    def sni_callback(self, value: Callable[..., object] | None) -> None:
        self._direct = False
        getattr(_Base, "sni_callback").__set__(self, _Choice(value) if callable(value) else value)  # noqa: B009  (typeshed has no descriptor)

    @property
    def verifies_clients(self) -> bool:
        """Whether connections of the server's side ask for a certificate."""
        return VERIFY_MODE not in self._settings.unset and self._settings.in_force(self)[0] != CERT_NONE

    # -- what the gate and the stand-in ask the context -------------------------------------------------------------------------

    def as_set(self, function: Callable[[bool], Answer], argument: bool) -> Answer:
        """Call a C function that reads the context's settings, while they are the user's."""
        with self._settings.lock:
            self._settings.apply(self)
            return function(argument)

    def explain_refusal(self, error: ssl.SSLCertVerificationError, connection: Connection, *, alone: bool) -> None:
        """Add details to OpenSSL's refusal within a handshake (`_refused`). If that fails, the refusal stays as it is."""
        try:
            from . import _refused

            sent, built = _refused.sent_and_built(connection)
            with self._settings.lock:
                checks_name = self._settings.in_force(self)[1]
                question = self._question(connection.server_hostname if checks_name else None).about(sent)
                platform, roots = _refused.asked(self._trust, self, alone=alone), self._trust.roots
            _refused.tell(error, built, platform)
            if roots is not None and not alone:
                _refused.add_notes(error, question, roots, _stdlib.get_host_flags(self))
        except Exception:  # noqa: BLE001 - the peer is refused, and by what OpenSSL said
            return

    def leaves_clients_to_openssl(self) -> bool:
        """Whether nothing is in our store that must not vouch for clients; if so, it stays so."""
        with self._settings.lock:
            return self._trust.for_clients() == BY_OPENSSL

    def vouches_for_client(self, chain: tuple[bytes, ...]) -> bool:
        """Whether a client may come in by this chain, which OpenSSL has verified with all that is in our store."""
        with self._settings.lock:
            return self._trust.vouches_for_client(self, chain)

    def remember_chain(self, chain: tuple[bytes, ...]) -> None:
        """Keep what a leaf came with: a session that is taken now, and resumed later, brings the leaf alone."""
        with self._settings.lock:
            self._chains[chain[0]] = chain
            if len(self._chains) > REMEMBERED_CHAINS:
                del self._chains[next(iter(self._chains))]

    def chain_of(self, leaf: bytes) -> tuple[bytes, ...]:
        """The chain this leaf came with; the leaf alone if that is not known any more."""
        return self._chains.get(leaf, (leaf,))


def _is_wrapped_as_server(context: SSLContext) -> bool:
    """Whether it is this context's wrap_socket() or wrap_bio(), for the server's side, that asks: `ssl` wants a name to check, if any.

    The stack is the one note of it that no interruption can leave behind.
    """
    frame = sys._getframe(1).f_back
    while frame is not None:
        if frame.f_globals is globals() and frame.f_code.co_name in {"wrap_socket", "wrap_bio"}:
            arguments = frame.f_locals
            if arguments["self"] is context:
                return bool(arguments["server_side"])
        frame = frame.f_back
    return False


class _Choice:
    """The user's `sni_callback`; tells the context that it chooses."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self.function = function

    def __call__(self, tls: ssl.SSLSocket | ssl.SSLObject, name: str | None, context: SSLContext) -> object:
        answer = self.function(tls, name, context)
        chosen: Any = tls.context
        if context.verifies_clients and hasattr(chosen, "leaves_clients_to_openssl"):
            chosen.leaves_clients_to_openssl()
        return answer


class _Messages:
    """The user's message callback, for connections of sockets and of objects of `ssl`."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self.function = function

    def __call__(self, connection: object, *message: object) -> object:
        return None if isinstance(connection, _stdlib.CConnection) else self.function(connection, *message)


def _answer(
    ask: Callable[[], str | bytes | bytearray], certfile: StrOrBytesPath, keyfile: StrOrBytesPath | None, security_level: int
) -> str | bytes | bytearray | None:
    """What the user's function says is the password, if there is one. It is somebody else's code, so no lock of ours may be held."""
    given: list[str | bytes | bytearray] = []

    def answered() -> str | bytes | bytearray:
        given.append(ask())
        return given[-1]

    _stdlib.plain_context(security_level).load_cert_chain(certfile, keyfile, answered)
    return given[0] if given else None


def _told(path: StrOrBytesPath | None) -> StrOrBytesPath | None:
    """A path as it is now: what says so may be somebody else's code. What is none is left for C to object to."""
    try:
        return path if path is None else os.fspath(path)
    except TypeError:
        return path


def _copied(data: str | ReadableBuffer | None) -> str | ReadableBuffer | None:
    """Certificates as they are now: a buffer may be somebody else's code, too."""
    if data is None or isinstance(data, (str, bytes)):
        return data
    try:
        view = memoryview(data)
    except TypeError:
        return data
    return bytes(view) if view.contiguous else data


#: The setters of ssl.py, which here recurse under no class that may be in place: somebody's, after ours, is derived from ours.
_AS_SSL = _stdlib.setters()


def _set_as_ssl(context: ssl.SSLContext, name: str, value: object) -> None:
    _AS_SSL[name](context, value)


def _get_as_base(context: SSLContext, name: str) -> Any:
    return getattr(super(_CSettings, context), name)


def _getter_as_base(name: str) -> Callable[[SSLContext], Any]:
    return lambda context: _get_as_base(context, name)


def _is_number(value: object) -> bool:
    return isinstance(value, int)


def _is_ours(context: ssl.SSLContext) -> bool:
    """Whether it is not one of ssl's, whose setters found ours in place. Not asked by isinstance(), which says yes while injected."""
    return issubclass(type(context), SSLContext)


for _name in _stdlib.RECURSING_SETTERS:
    setattr(_CSettings, _name, getattr(_stdlib.CContext, _name))
    if _name not in vars(SSLContext):
        setattr(SSLContext, _name, property(_getter_as_base(_name), _AS_SSL[_name]))


def system_store() -> Store | None:
    """The store that a context made now would use. None where the system itself verifies (Windows, macOS, iOS).

    Looks at the file system each time. Only facts about unchanged files are cached.
    """
    if SSLContext._verifier is not None:
        return None
    from ._store.search import find

    return find()
