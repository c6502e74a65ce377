"""Others put classes of their own in the place of ssl.SSLContext, before us and after us, and derive from ours as from ssl's."""

from __future__ import annotations

import abc
import copy
import copyreg
import functools
import inspect
import pickle
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from unittest import mock

import pytest
from servers import Server, Store, answer_http, connected, in_memory, needs_openssl

import truststore
from truststore import _stdlib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from certificates import Certificate

pytestmark = needs_openssl

PLAIN = ssl.SSLContext
SOURCES = Path(truststore.__file__).parents[1]


class Patch:
    """Puts classes in place, and takes them away at the end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def put(self, cls: Any) -> None:
        vars(ssl)["SSLContext"] = cls

    def inject(self) -> None:
        truststore.inject_into_ssl()


@pytest.fixture
def patch(system: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Patch]:
    yield Patch(monkeypatch)
    truststore.extract_from_ssl()
    vars(ssl)["SSLContext"] = PLAIN


def works(context: ssl.SSLContext) -> ssl.SSLContext:
    """All its setters do."""
    for name in (*_stdlib.RECURSING_SETTERS, "check_hostname"):
        setattr(context, name, getattr(context, name))
    context.options |= ssl.OP_NO_TICKET
    assert context.options & ssl.OP_NO_TICKET
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    messages: list[object] = []
    vars_of: Any = context
    vars_of._msg_callback = lambda *message: messages.append(message)
    assert callable(vars_of._msg_callback)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def kind(context: Any) -> Any:
    """Its type, which mypy is not to know beforehand."""
    return type(context)


def trusts(context: ssl.SSLContext, certificate: Certificate) -> bool:
    try:
        with connected(context, certificate.server_context()):
            return True
    except ssl.SSLCertVerificationError:
        return False


# -- a class put in place of ours -----------------------------------------------------------------------------------------------------


def test_a_naive_class_in_place_of_ours(patch: Patch, leaf: Certificate, stranger: Certificate) -> None:
    early = PLAIN(ssl.PROTOCOL_TLS_CLIENT)
    patch.inject()

    class Naive(ssl.SSLContext):
        pass

    patch.put(Naive)
    for context in PLAIN(ssl.PROTOCOL_TLS_CLIENT), Naive(ssl.PROTOCOL_TLS_CLIENT), ssl.create_default_context():
        works(context)
        assert (trusts(context, leaf), trusts(context, stranger)) == (True, False)
    works(early)
    truststore.extract_from_ssl()
    assert vars(ssl)["SSLContext"] is Naive
    for context in early, PLAIN(ssl.PROTOCOL_TLS_CLIENT), Naive(ssl.PROTOCOL_TLS_CLIENT):
        works(context)
    patch.inject()
    assert type(PLAIN(ssl.PROTOCOL_TLS_CLIENT)) is truststore.SSLContext
    assert trusts(works(Naive(ssl.PROTOCOL_TLS_CLIENT)), leaf)


# -- a class in place before ours -----------------------------------------------------------------------------------------------------


def test_a_class_in_place_before_ours_is_called(patch: Patch, leaf: Certificate, stranger: Certificate) -> None:
    """Whatever it makes of it: `super()` in there has to find itself."""
    calls: list[str] = []

    class Counting(PLAIN):
        def wrap_socket(self, *args: Any, **kwargs: Any) -> Any:
            calls.append("wrap_socket")
            return super().wrap_socket(*args, **kwargs)

        def wrap_bio(self, *args: Any, **kwargs: Any) -> Any:
            calls.append("wrap_bio")
            return super().wrap_bio(*args, **kwargs)

    before = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    patch.put(Counting)
    patch.inject()
    context = works(ssl.create_default_context())
    assert isinstance(context, Counting)
    assert (trusts(context, leaf), trusts(context, stranger)) == (True, False)
    assert set(calls) == {"wrap_socket"}
    in_memory(before, leaf.server_context())
    assert calls[-2:] == ["wrap_bio", "wrap_bio"], "of both sides"
    assert kind(Counting(ssl.PROTOCOL_TLS_CLIENT)) is truststore.SSLContext
    truststore.extract_from_ssl()
    assert vars(ssl)["SSLContext"] is Counting
    calls.clear()
    assert trusts(works(before), leaf)
    assert calls == ["wrap_socket"], "the server's"


def test_a_class_with_fields_of_its_own_in_place_before_ours(patch: Patch, leaf: Certificate, stranger: Certificate) -> None:
    """Ours, which are there already, cannot get the fields, nor the methods that may need them."""

    class Slotted(PLAIN):
        __slots__ = ("field",)

    patch.put(Slotted)
    patch.inject()
    for context in ssl.create_default_context(), Slotted(ssl.PROTOCOL_TLS_CLIENT), PLAIN(ssl.PROTOCOL_TLS_CLIENT):
        assert kind(context) is truststore.SSLContext
        works(context)
        assert (trusts(context, leaf), trusts(context, stranger)) == (True, False)
    truststore.extract_from_ssl()
    assert vars(ssl)["SSLContext"] is Slotted
    assert type(Slotted(ssl.PROTOCOL_TLS_CLIENT)) is Slotted


class Green(PLAIN):
    """What eventlet puts in place: https://github.com/eventlet/eventlet/blob/master/eventlet/green/ssl.py."""

    __slots__ = ()

    def wrap_socket(  # type: ignore[override]
        self, sock: Any, keyfile: None = None, certfile: None = None, server_side: bool = False, *args: Any, **kwargs: Any
    ) -> Any:
        assert (keyfile, certfile, args) == (None, None, ())
        return super().wrap_socket(sock, server_side=server_side, **kwargs)

    for _name, _set in _stdlib.setters().items():
        vars()[_name] = vars(PLAIN)[_name].setter(_set)


def green_context() -> ssl.SSLContext:
    """Its ssl.create_default_context()."""
    context = ssl.create_default_context()
    context.__class__ = Green
    return context


def test_eventlets_class_in_place_before_ours(patch: Patch, leaf: Certificate, stranger: Certificate) -> None:
    patch.put(Green)
    patch.inject()
    for context in ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), green_context(), Green(ssl.PROTOCOL_TLS_CLIENT):
        assert isinstance(context, Green)
        assert kind(context) is truststore.SSLContext
        works(context)
        assert (trusts(context, leaf), trusts(context, stranger)) == (True, False)
    truststore.extract_from_ssl()
    assert type(green_context()) is Green


def test_a_class_may_be_changed_as_ever() -> None:
    class One(truststore.SSLContext):
        pass

    class Two(truststore.SSLContext):
        pass

    context: Any = One(ssl.PROTOCOL_TLS_CLIENT)
    assert context.__class__ is One
    context.__class__ = Two
    assert kind(context) is Two
    with pytest.raises(TypeError):
        context.__class__ = int


def test_what_is_no_class_of_contexts_in_place_before_ours(patch: Patch, leaf: Certificate) -> None:
    """Mocket's is not derived from ssl's, and whoever mocks puts anything there."""

    class Mock:
        pass

    for fake in Mock, lambda protocol: None:
        patch.put(fake)
        patch.inject()
        assert ssl.SSLContext is truststore.SSLContext
        assert trusts(works(ssl.create_default_context()), leaf)
        truststore.extract_from_ssl()
        assert vars(ssl)["SSLContext"] is fake


def run(program: str) -> None:
    """In a process of its own."""
    code = f"import sys; sys.path.insert(0, {str(SOURCES)!r})\n{program}"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=50)
    assert (done.stderr, done.stdout, done.returncode) == ("", "", 0)


def test_the_first_import_while_something_else_is_in_place() -> None:
    run("""
import ssl
plain = ssl.SSLContext
class Mock: pass
ssl.SSLContext = Mock
import truststore
assert truststore.SSLContext.__mro__[2] is plain
truststore.inject_into_ssl()
assert type(ssl.create_default_context()) is truststore.SSLContext
truststore.extract_from_ssl()
assert ssl.SSLContext is Mock
""")


CONNECT = """
def connect(context):
    import socket
    with socket.create_connection(("127.0.0.1", PORT)) as sock, context.wrap_socket(sock, server_hostname="localhost") as tls:
        tls.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
        assert tls.recv(12) == b"HTTP/1.1 200"
    try:
        with socket.create_connection(("127.0.0.1", STRANGER)) as sock, context.wrap_socket(sock, server_hostname="localhost"):
            raise SystemExit("trusts a stranger")
    except ssl.SSLCertVerificationError:
        pass
    for name in ("_msg_callback", "maximum_version", "minimum_version", "options", "verify_flags", "verify_mode", "check_hostname"):
        setattr(context, name, getattr(context, name))
"""


@pytest.fixture
def ports(system: Store, leaf: Certificate, stranger: Certificate) -> Iterator[str]:
    with Server(leaf.server_context(), answer_http) as trusted, Server(stranger.server_context(), answer_http) as untrusted:
        yield f"PORT, STRANGER = {trusted.port}, {untrusted.port}\n{CONNECT}"


def test_ssl_is_reloaded(ports: str) -> None:
    """A context of the old class makes no sockets after that, in plain ssl either; over a MemoryBIO it works. Injected, both do."""
    run(f"""{ports}
import importlib, ssl, truststore
context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
first = ssl.SSLContext
importlib.reload(ssl)
assert ssl.SSLContext is not first
for purpose in ssl.Purpose:
    context.load_default_certs(purpose)
context.load_default_certs()
context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
server = truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER)
assert (server.protocol, server.verify_mode) == (ssl.PROTOCOL_TLS_SERVER, ssl.CERT_NONE)
second = ssl.SSLContext
truststore.inject_into_ssl()
for context in context, ssl.create_default_context(), second(ssl.PROTOCOL_TLS_CLIENT):
    assert type(context) is truststore.SSLContext
    connect(context)
importlib.reload(ssl)
third = ssl.SSLContext
truststore.inject_into_ssl()
assert ssl.SSLContext is truststore.SSLContext
for context in context, ssl.create_default_context(), third(ssl.PROTOCOL_TLS_CLIENT):
    assert type(context) is truststore.SSLContext
    connect(context)
truststore.extract_from_ssl()
assert ssl.SSLContext is third
assert type(third(ssl.PROTOCOL_TLS_CLIENT)) is third
""")


@pytest.mark.parametrize("order", ["patch inject", "inject patch", "import patch inject"])
def test_eventlet(ports: str, order: str) -> None:
    pytest.importorskip("eventlet", exc_type=ImportError)
    steps = {
        "import": "import truststore",
        "inject": "import truststore; truststore.inject_into_ssl()",
        "patch": "import eventlet; eventlet.monkey_patch()",
    }
    run(f"""{ports}
import warnings; warnings.simplefilter("ignore")
{"; ".join(steps[step] for step in order.split())}
import ssl
connect(ssl.create_default_context())
connect(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
from eventlet.green.ssl import GreenSSLSocket
import socket
with socket.create_connection(("127.0.0.1", PORT)) as sock:
    assert isinstance(ssl.create_default_context().wrap_socket(sock, server_hostname="localhost"), GreenSSLSocket)
""")


@pytest.mark.parametrize("order", ["enable inject", "inject enable"])
def test_mocket(ports: str, order: str) -> None:
    pytest.importorskip("mocket", exc_type=ImportError)
    run(f"""{ports}
import warnings; warnings.simplefilter("ignore")
import ssl, mocket, truststore
if {order.startswith("inject")}:
    truststore.inject_into_ssl()
before = ssl.SSLContext
with mocket.Mocketizer():
    assert ssl.SSLContext.__name__ == "MocketSSLContext"
    if {order.startswith("enable")}:
        truststore.inject_into_ssl()
        assert ssl.SSLContext is truststore.SSLContext
assert ssl.SSLContext is before
truststore.inject_into_ssl()
connect(ssl.create_default_context())
truststore.extract_from_ssl()
""")


# -- what is derived from ours --------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["by itself", "injected"])
def base(request: pytest.FixtureRequest, patch: Patch) -> type[ssl.SSLContext]:
    if request.param == "injected":
        patch.inject()
        assert ssl.SSLContext is truststore.SSLContext
    return truststore.SSLContext


class Meta(type):
    """Somebody's."""


class Closing(Protocol):
    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("metaclass", "others"), [(type, ()), (Meta, ()), (abc.ABCMeta, ()), (type(Closing), (Closing,)), (type(Closing), (abc.ABC,))]
)
def test_a_metaclass_of_their_own(base: Any, metaclass: Any, others: Any, leaf: Certificate, stranger: Certificate) -> None:
    derived = metaclass("Derived", (base, *others), {"close": lambda self: None})
    context = derived(ssl.PROTOCOL_TLS_CLIENT)
    assert type(derived) is metaclass
    assert isinstance(context, derived)
    works(context)
    assert (trusts(context, leaf), trusts(context, stranger)) == (True, False)


def test_the_class_itself_is_as_ssls(base: Any) -> None:
    assert type(base) is type(PLAIN)


def test_a_mixin_after_ours(base: Any, leaf: Certificate, stranger: Certificate) -> None:
    calls: list[str] = []

    class Mixin(PLAIN):
        def wrap_socket(self, *args: Any, **kwargs: Any) -> Any:
            calls.append("wrap_socket")
            return super().wrap_socket(*args, **kwargs)

        def _wrap_socket(self, *args: Any, **kwargs: Any) -> Any:
            calls.append("_wrap_socket")
            return super()._wrap_socket(*args, **kwargs)  # type: ignore[misc]

        def wrap_bio(self, *args: Any, **kwargs: Any) -> Any:
            calls.append("wrap_bio")
            return super().wrap_bio(*args, **kwargs)

        def _wrap_bio(self, *args: Any, **kwargs: Any) -> Any:
            calls.append("_wrap_bio")
            return super()._wrap_bio(*args, **kwargs)  # type: ignore[misc]

        def load_verify_locations(self, *args: Any, **kwargs: Any) -> Any:
            calls.append("load_verify_locations")
            return super().load_verify_locations(*args, **kwargs)

        def load_cert_chain(self, *args: Any, **kwargs: Any) -> Any:
            calls.append("load_cert_chain")
            return super().load_cert_chain(*args, **kwargs)

    context = type("Mixed", (base, Mixin), {})(ssl.PROTOCOL_TLS_CLIENT)
    for _ in range(2):
        assert (trusts(context, leaf), trusts(context, stranger)) == (True, False)
    in_memory(context, leaf.server_context())
    assert calls == ["wrap_socket", "_wrap_socket"] * 4 + ["wrap_bio", "_wrap_bio"]
    context.load_verify_locations(cadata=stranger.root.pem)
    with pytest.raises(FileNotFoundError):
        context.load_cert_chain("missing")
    assert calls[10:] == ["load_verify_locations", "load_cert_chain"]
    assert trusts(context, stranger)


class Pickled(truststore.SSLContext):
    """As programs do that hand their contexts to other processes."""

    label = "of the class"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class Reduced(truststore.SSLContext):
    def __reduce__(self) -> Any:
        return type(self), (int(self.protocol),), self.__dict__


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a context without a protocol
@pytest.mark.parametrize("cls", [Pickled, Reduced])
@pytest.mark.parametrize("how", [lambda context: pickle.loads(pickle.dumps(context)), copy.copy, copy.deepcopy])
def test_what_can_be_copied_of_what_is_derived(
    system: Store, cls: Any, how: Callable[[Any], Any], leaf: Certificate, stranger: Certificate
) -> None:
    """As of a class derived from ssl's: an object with the same dict, and settings of its own."""
    context = cls(ssl.PROTOCOL_TLS_CLIENT)
    assert trusts(context, leaf)
    context.label = "of the context"
    assert vars(context) == {"label": "of the context"}
    other = how(context)
    assert type(other) is cls
    assert vars(other) == vars(context)
    assert (trusts(other, leaf), trusts(other, stranger)) == (True, False)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    assert not trusts(other, stranger)


def test_contexts_registered_with_copyreg(base: Any, monkeypatch: pytest.MonkeyPatch, leaf: Certificate) -> None:
    monkeypatch.setitem(copyreg.dispatch_table, base, lambda context: (type(context), (int(context.protocol),)))
    assert trusts(pickle.loads(pickle.dumps(base(ssl.PROTOCOL_TLS_CLIENT))), leaf)


@pytest.mark.parametrize("how", [pickle.dumps, copy.copy, copy.deepcopy])
def test_ours_cannot_be_copied_as_ssls_cannot(base: Any, how: Callable[[Any], Any]) -> None:
    for context in base(ssl.PROTOCOL_TLS_CLIENT), _stdlib.CContext(ssl.PROTOCOL_TLS_CLIENT):
        with pytest.raises(TypeError, match=r"cannot (pickle|copy)"):
            how(context)


# -- what was made earlier ------------------------------------------------------------------------------------------------------------


def test_what_an_early_context_says_of_itself(patch: Patch) -> None:
    """It passes for ours with isinstance(), and is in all else what it is."""

    class Early(PLAIN):
        attribute = "its own"

        def copied(self) -> Early:
            return self.__class__(self.protocol)

    early, plain = Early(ssl.PROTOCOL_TLS_CLIENT), PLAIN(ssl.PROTOCOL_TLS_CLIENT)
    patch.inject()
    for context in early, plain:
        assert isinstance(context, ssl.SSLContext)
        assert isinstance(context, PLAIN)
        assert not isinstance(context, type("Late", (ssl.SSLContext,), {}))
    said: Any = early.__class__
    assert (type(early), said.__name__, said.attribute, said.copied) == (Early, "Early", "its own", Early.copied)
    assert said == Early
    assert not said != Early  # noqa: SIM202
    assert (hash(said), repr(said)) == (hash(Early), repr(Early))
    assert type(early.copied()) is Early
    assert isinstance(type("Derived", (Early,), {})(ssl.PROTOCOL_TLS_CLIENT), said)
    assert issubclass(said, PLAIN)
    assert issubclass(Early, said)
    said.attribute = "changed"
    assert early.attribute == "changed"
    truststore.extract_from_ssl()
    assert early.__class__ is Early
    assert not isinstance(early, truststore.SSLContext)
    assert said.attribute == "changed"


def test_early_contexts_and_those_who_ask_for_classes(patch: Patch) -> None:
    plain = PLAIN(ssl.PROTOCOL_TLS_CLIENT)

    @functools.singledispatch
    def told(_: object) -> str:
        return "another"

    told.register(PLAIN, lambda _: "ssl's")
    members = [name for name, _ in inspect.getmembers(plain)]
    patch.inject()
    assert told(plain) == "ssl's"
    assert [name for name, _ in inspect.getmembers(plain)] == members
    assert inspect.getmro(plain.__class__) == PLAIN.__mro__
    assert isinstance(mock.Mock(spec=plain.__class__), ssl.SSLContext)
    assert isinstance(mock.Mock(spec=ssl.create_default_context()), ssl.SSLContext)


def test_what_early_contexts_pay_is_over_with_the_injection(patch: Patch) -> None:
    before = set(vars(PLAIN))
    patch.inject()
    assert "__getattribute__" in vars(PLAIN)
    truststore.extract_from_ssl()
    assert set(vars(PLAIN)) == before
    ours: Any = truststore.SSLContext
    assert ours.__getattribute__ is object.__getattribute__
