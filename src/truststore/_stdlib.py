"""What this package uses of CPython's private parts: all of it, and declarations only.

These names are not documented, but ssl.py itself is built on them, and they are the same in CPython 3.10 to 3.15
(Modules/_ssl.c, Lib/ssl.py). The nox session `stdlib` runs CPython's own tests on top of what is done with them.
PyPy 8 has them in Python (lib_pypy/_cffi_ssl). Where one is missing, importing this package says so.
"""

from __future__ import annotations

import sys

try:
    import _ssl
    import ssl
except ImportError as error:  # Pyodide, WASI, and a Python that was built without OpenSSL
    raise ImportError("truststore needs the standard library's ssl module, which cannot be imported here") from error

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from types import FunctionType
    from typing import Any, Protocol

    #: What getpeercert() makes of a certificate.
    Decoded = dict[str, Any]

    class Certificate(Protocol):
        """`_ssl.Certificate`: one certificate of a chain."""

        def public_bytes(self, format: int = ..., /) -> Any: ...
        def get_info(self) -> Decoded: ...

    class Connection(Protocol):
        """`_ssl._SSLSocket`: the C connection object, what SSLSocket and SSLObject keep in `_sslobj`."""

        context: ssl.SSLContext
        owner: Any
        session: ssl.SSLSession | None

        @property
        def server_hostname(self) -> str: ...
        @property
        def session_reused(self) -> bool: ...
        def do_handshake(self) -> None: ...
        def read(self, *args: Any) -> Any: ...
        def write(self, data: Any, /) -> int: ...
        def shutdown(self) -> Any: ...
        def version(self) -> str | None: ...
        def cipher(self) -> tuple[str, str, int] | None: ...
        def getpeercert(self, binary_form: bool = ..., /) -> bytes | Decoded | None: ...
        def get_verified_chain(self) -> Sequence[Certificate] | None: ...
        def get_unverified_chain(self) -> Sequence[Certificate | None] | None: ...  # a server's may be [None]
        def verify_client_post_handshake(self) -> None: ...

    #: What load_cert_chain() takes.
    Password = Callable[[], str | bytes | bytearray] | str | bytes | bytearray
    #: What a connection is made on: a socket, or what comes in and what goes out.
    Ends = tuple[socket.socket] | tuple[ssl.MemoryBIO, ssl.MemoryBIO]
    #: `wrap_socket` or `wrap_bio` below: called with a context, the ends, server_side, server_hostname, owner=, session=.
    Factory = Callable[..., Connection]


def needed(holder: Any, name: str) -> Any:
    """Refuses Pythons whose `ssl` is another, such as GraalPy's, or empty, such as Pyodide's: better now than at a handshake."""
    try:
        return getattr(holder, name)
    except AttributeError as error:
        here = f"{sys.implementation.name} on {sys.platform} has no {holder.__name__}.{name}"
        raise ImportError(f"truststore needs an ssl module that is CPython's or PyPy's, and {here}") from error


#: The C type below ssl.SSLContext. Taken by its name: gevent puts a class of its own in between.
CContext: Any = needed(_ssl, "_SSLContext")
#: And the type of the connection objects. PyPy's `_ssl` does not have it, but where it comes from does.
CConnection: Any = needed(sys.modules[CContext.__module__], "_SSLSocket")
for _name in "get_unverified_chain", "getpeercert", "do_handshake":
    needed(CConnection, _name)
wrap_socket: Factory = CContext._wrap_socket
wrap_bio: Factory = CContext._wrap_bio
get_options: Callable[[ssl.SSLContext], int] = CContext.options.__get__
set_options: Callable[[ssl.SSLContext, int], None] = CContext.options.__set__
get_verify_mode: Callable[[ssl.SSLContext], int] = CContext.verify_mode.__get__
get_check_hostname: Callable[[ssl.SSLContext], bool] = CContext.check_hostname.__get__
set_check_hostname: Callable[[ssl.SSLContext, object], None] = CContext.check_hostname.__set__
get_host_flags: Callable[[ssl.SSLContext], int] = CContext._host_flags.__get__


def _pypys_set_verify_mode(context: ssl.SSLContext, mode: int) -> None:
    """PyPy's own setter asks the context for `check_hostname`, and so for what the user set; CPython's asks itself."""
    if int(mode) == ssl.CERT_NONE and get_check_hostname(context):
        raise ValueError("Cannot set verify_mode to CERT_NONE when check_hostname is enabled.")
    CContext._set_verify_mode(context, int(mode))


set_verify_mode: Callable[[ssl.SSLContext, int], None] = (
    _pypys_set_verify_mode if hasattr(CContext, "_set_verify_mode") else CContext.verify_mode.__set__
)

#: What public_bytes() takes.
ENCODING_DER: int = needed(_ssl, "ENCODING_DER")
ENCODING_PEM: int = needed(_ssl, "ENCODING_PEM")

#: VERIFY_X509_PARTIAL_CHAIN, which ssl lacks if OpenSSL does.
PARTIAL_CHAIN = 0x80000

#: The properties whose setters in ssl.py look up `super(SSLContext, SSLContext)` by the module's global name.
RECURSING_SETTERS = ("_msg_callback", "maximum_version", "minimum_version", "options", "verify_flags", "verify_mode")


def stdlib_class() -> type[ssl.SSLContext]:
    """The standard library's own SSLContext, whatever stands in its place now: what that derives from, or the newest there is."""
    derived_from: tuple[type, ...] = getattr(class_by_name(), "__mro__", ())
    known: tuple[Any, ...] = *CContext.__subclasses__(), *derived_from
    newest: type[ssl.SSLContext] = [cls for cls in known if cls.__module__ == "ssl"][-1]
    return newest


def class_by_name() -> Any:
    """What `ssl.SSLContext` is now: a mock may be anything."""
    return ssl.SSLContext


def setters() -> dict[str, Callable[[Any, object], None]]:
    """Of these, as they are in ssl.py, but that `SSLContext` is its own class there, whatever now has that name."""
    known = vars(ssl) | {"SSLContext": stdlib_class()}
    return {name: _with_globals(vars(stdlib_class())[name].fset, known) for name in RECURSING_SETTERS}


def _with_globals(function: FunctionType, known: dict[str, Any]) -> Callable[[Any, object], None]:
    return type(function)(function.__code__, known, closure=function.__closure__)


_PURPOSE: type = getattr(ssl, "_ASN1Object")  # noqa: B009


def is_purpose(value: object) -> bool:
    """As load_default_certs() checks it; what was imported before ``importlib.reload(ssl)`` is one still."""
    return isinstance(value, (_PURPOSE, getattr(ssl, "_ASN1Object")))  # noqa: B009


#: Those of `object`: what an object says is its class, and how its attributes are looked up.
class_of: Any = vars(object)["__class__"]
look_up: Any = object.__getattribute__


#: What a connection object tells, and what can be set of it, that moves no data and needs no verdict. Of a name that is not here nobody
#: knows (tests/gate/test_gate_names.py).
HARMLESS = frozenset(
    (
        "cipher",
        "client_sigalg",
        "compression",
        "context",
        "get_channel_binding",
        "get_unverified_chain",
        "group",
        "owner",
        "pending",
        "selected_alpn_protocol",
        "server_hostname",
        "server_side",
        "server_sigalg",
        "session",
        "session_reused",
        "shared_ciphers",
        "uses_ktls_for_recv",
        "uses_ktls_for_send",
        "verify_client_post_handshake",
        "version",
    )
)


def connection_of(tls: ssl.SSLSocket | ssl.SSLObject) -> Connection:
    """The connection object, or the gate in its place."""
    connection: Connection = getattr(tls, "_sslobj")  # noqa: B009
    return connection


def security_level(context: ssl.SSLContext) -> int:
    """OpenSSL's, 0 to 5. PyPy cannot ask for it: then what the standard library sets."""
    level: int = getattr(context, "security_level", 2)
    return level


#: With a dict: PyPy's own type keeps attributes that it has no slots for.
_Plain: Any = type("_Plain", (CContext,), {})


def plain_context(security_level: int | None = None) -> ssl.SSLContext:
    """A C context of its own, to load certificates into, to read them back, and to judge by them: nobody connects with it."""
    context: ssl.SSLContext = _Plain(ssl.PROTOCOL_TLS_CLIENT)
    if security_level is not None:
        context.set_ciphers(f"DEFAULT:@SECLEVEL={security_level}")
    return context
