"""Injection, in this process: what it changes, what it means for `ssl`'s own functions, and that it leaves no trace."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import importlib.util
import shutil
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from certificates import CLIENT_AUTH
from interruptions import INJECTION, Interruption, interrupt, on_a_thread, points
from servers import HOST, TIMEOUT, Server, Store, answer_http, carry, in_memory, needs_openssl

import truststore
from truststore import _inject, _locks, _preloaded, _stdlib

if TYPE_CHECKING:
    from collections.abc import Iterator

    from certificates import Authority, Certificate

pytestmark = needs_openssl

PLAIN = ssl.SSLContext


def accepts(context: ssl.SSLContext, certificate: Certificate) -> bool:
    try:
        in_memory(context, certificate.server_context())
    except ssl.SSLCertVerificationError:
        return False
    return True


def state() -> dict[str, Any]:
    """All that injection touches, by identity, of what is installed."""
    names = "requests.adapters", "urllib3.util", "urllib3.util.ssl_", "aiohttp.connector"
    libraries = [importlib.import_module(name) for name in names if importlib.util.find_spec(name.partition(".")[0])]
    touched: list[Any] = [ssl, PLAIN, truststore.SSLContext, *libraries]
    return {
        f"{each.__name__}.{name}": value for each in touched for name, value in vars(each).items() if name != "__abstractmethods__"
    }


# -- in and out -------------------------------------------------------------------------------------------------------------------


def test_it_is_in_place_while_injected(injected: None) -> None:
    assert ssl.SSLContext is truststore.SSLContext
    assert type(ssl.create_default_context()) is truststore.SSLContext
    assert type(PLAIN(ssl.PROTOCOL_TLS_CLIENT)) is truststore.SSLContext


def test_nothing_is_left_behind(system: Store) -> None:
    before = state()
    for _ in range(2):
        truststore.inject_into_ssl()
        assert state() != before
        truststore.extract_from_ssl()
        after = state()
        assert {name for name in before if before[name] is not after.get(name)} == set()
        assert after.keys() == before.keys()
    assert type(PLAIN(ssl.PROTOCOL_TLS_CLIENT)) is PLAIN
    assert not isinstance(ssl.create_default_context(), truststore.SSLContext)


def test_twice_is_once() -> None:
    before = state()
    truststore.inject_into_ssl()
    inside = state()
    truststore.inject_into_ssl()
    assert {name for name in inside if inside[name] is not state()[name]} == set()
    truststore.extract_from_ssl()
    truststore.extract_from_ssl()
    assert {name for name in before if before[name] is not state().get(name)} == set()


def test_extraction_alone_does_nothing() -> None:
    before = state()
    truststore.extract_from_ssl()
    assert {name for name in before if before[name] is not state().get(name)} == set()


def test_what_others_put_in_place_stays(system: Store) -> None:
    class Mine(PLAIN):
        pass

    truststore.inject_into_ssl()
    vars(ssl)["SSLContext"] = Mine
    try:
        truststore.extract_from_ssl()
        assert ssl.SSLContext is Mine
    finally:
        vars(ssl)["SSLContext"] = PLAIN


def test_from_threads(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    """Some inject and extract, the others use what they find in place."""
    before, errors, done = state(), [], threading.Event()
    server_contexts = [leaf.server_context(), stranger.server_context()]

    def run(step: Any) -> None:
        try:
            while not done.is_set():
                step()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    def use() -> None:
        context = ssl.create_default_context()  # plain finds the system's store by its variables, too
        context.options |= ssl.OP_NO_TICKET
        context.verify_mode = ssl.CERT_REQUIRED
        assert isinstance(context, PLAIN)
        in_memory(context, server_contexts[0])
        with pytest.raises(ssl.SSLCertVerificationError):
            in_memory(context, server_contexts[1])

    steps = [truststore.inject_into_ssl, truststore.extract_from_ssl] * 2 + [use] * 3
    threads = [threading.Thread(target=run, args=[step]) for step in steps]
    for thread in threads:
        thread.start()
    for _ in range(50):
        use()
    done.set()
    for thread in threads:
        thread.join(TIMEOUT)
    truststore.extract_from_ssl()
    assert errors == []
    assert {name for name in before if before[name] is not state().get(name)} == set()


def test_contexts_of_either_kind_outlive_the_change(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    early = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    truststore.inject_into_ssl()
    try:
        late = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        assert isinstance(early, ssl.SSLContext)
        assert accepts(late, leaf)
        assert not accepts(early, leaf)
        for context in early, late:
            set_everything(context)
    finally:
        truststore.extract_from_ssl()
    for context in early, late:
        set_everything(context)
    assert isinstance(late, ssl.SSLContext)
    assert (accepts(early, leaf), accepts(late, leaf), accepts(late, stranger)) == (False, True, False)


def set_everything(context: ssl.SSLContext) -> None:
    for name in (*_stdlib.RECURSING_SETTERS, "check_hostname", "post_handshake_auth"):
        value = getattr(context, name)
        setattr(context, name, value)
        assert getattr(context, name) == value
    context.options |= ssl.OP_NO_TICKET
    assert context.options & ssl.OP_NO_TICKET


def test_subclasses_of_either_kind(system: Store, leaf: Certificate) -> None:
    class Early(ssl.SSLContext):
        pass

    truststore.inject_into_ssl()
    try:

        class Late(ssl.SSLContext):
            def __new__(cls, label: str) -> Late:
                return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

            def __init__(self, label: str) -> None:
                self.label = label

        class Abstract(ssl.SSLContext, abc.ABC):
            pass

        early, late = Early(ssl.PROTOCOL_TLS_CLIENT), Late("a label")
        assert (type(early), type(late), late.label) == (Early, Late, "a label")
        assert isinstance(Abstract(ssl.PROTOCOL_TLS_CLIENT), truststore.SSLContext)
        assert accepts(late, leaf)
        assert not accepts(early, leaf), "what was derived from ssl's is left alone"
        for context in early, late:
            set_everything(context)
    finally:
        truststore.extract_from_ssl()
    assert type(Early(ssl.PROTOCOL_TLS_CLIENT)) is Early
    assert accepts(Late("another"), leaf)


def test_other_objects_are_no_contexts(injected: None) -> None:
    for other in None, 1, "context", ssl, ssl.MemoryBIO(), ssl.SSLContext:
        assert not isinstance(other, ssl.SSLContext)


def test_a_connection_may_be_given_an_early_context(system: Store, leaf: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the platform verifies, getpeercert() asks the connection's context, which need not be ours."""
    early = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    monkeypatch.setattr(truststore.SSLContext, "_verifier", staticmethod(lambda question: question.chain))
    truststore.inject_into_ssl()
    try:
        near, _ = in_memory(ssl.create_default_context(), leaf.server_context())
        near.context = early
        assert near.getpeercert()["subjectAltName"][0] == ("DNS", HOST)  # type: ignore[index]
    finally:
        truststore.extract_from_ssl()


# -- contexts that libraries made when they were imported --------------------------------------------------------------------------


def test_preloaded_contexts_are_replaced_and_put_back(system: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in "aiohttp", "requests":
        pytest.importorskip(library, reason=f"{library} is not installed")
    import aiohttp.connector
    import requests.adapters
    from urllib3.util.ssl_ import create_urllib3_context

    with monkeypatch.context() as patched:  # what requests 2.32.0 to 2.32.3 had
        patched.setattr(requests.adapters, "create_urllib3_context", create_urllib3_context, raising=False)
        patched.setattr(requests.adapters, "_preloaded_ssl_context", create_urllib3_context(), raising=False)
        places = [(sys.modules[module], attribute) for module, attribute, _ in _preloaded.PRELOADED]
        assert (aiohttp.connector, "_SSL_CONTEXT_VERIFIED") in places
        before = [getattr(*place) for place in places]
        assert {type(context) for context in before} == {PLAIN}
        truststore.inject_into_ssl()
        try:
            inside = [getattr(*place) for place in places]
            assert {type(context) for context in inside} == {truststore.SSLContext}
            for old, new in zip(before, inside, strict=True):
                assert (new.verify_mode, new.check_hostname, new.options) == (old.verify_mode, old.check_hostname, old.options)
        finally:
            truststore.extract_from_ssl()
        assert [getattr(*place) for place in places] == before


def test_the_opener_that_urlopen_keeps_is_one_of_them(
    system: Store, leaf: Certificate, stranger: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since Python 3.12 it has a context, which plain ssl made when urlopen() was first called."""
    monkeypatch.setattr(urllib.request, "_opener", None)
    monkeypatch.setenv("SSL_CERT_FILE", f"{system.file}.none")  # while it is made
    with Server(leaf.server_context(), answer_http) as trusted, Server(stranger.server_context(), answer_http) as untrusted:
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(f"https://localhost:{trusted.port}/")
        opener = vars(urllib.request)["_opener"]
        monkeypatch.setenv("SSL_CERT_FILE", str(system.file))
        truststore.inject_into_ssl()
        try:
            with urllib.request.urlopen(f"https://localhost:{trusted.port}/") as response:
                assert response.read() == b"ok"
            with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
                urllib.request.urlopen(f"https://localhost:{untrusted.port}/")
            assert vars(urllib.request)["_opener"] is opener
        finally:
            truststore.extract_from_ssl()


def handed_over(**settings: Any) -> ssl.SSLContext:
    """What a program may make that means the opener to have its own."""
    context = ssl.create_default_context()
    for name, value in {"post_handshake_auth": True, **settings}.items():
        setattr(context, name, value)
    return context


def with_own_anchor(pem: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=pem)
    context.post_handshake_auth = True
    return context


def test_an_opener_keeps_a_context_that_the_program_gave_to_it(
    system: Store, stranger: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were it replaced, whom it does not trust would be trusted."""
    for given in (
        ssl.create_default_context(),
        with_own_anchor(stranger.root.pem),
        handed_over(minimum_version=ssl.TLSVersion.TLSv1_3),
        handed_over(verify_flags=ssl.VERIFY_CRL_CHECK_LEAF),
    ):
        handler = urllib.request.HTTPSHandler(context=given)
        monkeypatch.setattr(urllib.request, "_opener", urllib.request.build_opener(handler))
        truststore.inject_into_ssl()
        kept = vars(handler)["_context"]
        truststore.extract_from_ssl()
        assert kept is vars(handler)["_context"] is given


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before Python 3.12 an HTTPSHandler makes a context for each connection")
def test_an_opener_that_does_not_check_names_is_left_so(system: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = urllib.request.HTTPSHandler(check_hostname=False)
    before = vars(handler)["_context"]
    monkeypatch.setattr(urllib.request, "_opener", urllib.request.build_opener(handler))
    truststore.inject_into_ssl()
    try:
        assert type(vars(handler)["_context"]) is truststore.SSLContext
        assert not vars(handler)["_context"].check_hostname
    finally:
        truststore.extract_from_ssl()
    assert vars(handler)["_context"] is before


# -- all or nothing ---------------------------------------------------------------------------------------------------------------


class Library:
    """That made a context when it was imported."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        module: Any = ModuleType(f"library{number}")
        self.module = module
        module.context, module.make = PLAIN(ssl.PROTOCOL_TLS_CLIENT), ssl.create_default_context
        monkeypatch.setitem(sys.modules, self.module.__name__, self.module)
        row = self.module.__name__, "context", lambda module: module.make()
        monkeypatch.setattr(_preloaded, "PRELOADED", (*_preloaded.PRELOADED, row))

    def fails(self) -> None:
        def make() -> None:
            raise ZeroDivisionError

        self.module.make = make

    def works(self) -> None:
        self.module.make = ssl.create_default_context


@pytest.fixture
def libraries(system: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Library]]:
    monkeypatch.setattr(_inject, "_lock", _locks.Lock())
    yield [Library(monkeypatch, number) for number in range(3)]
    _inject._lock = _locks.Lock()  # a tracer may interrupt a `with` just before it gives the lock back, which nothing else can
    truststore.extract_from_ssl()


def holds(libraries: list[Library]) -> set[type]:
    return {type(library.module.context) for library in libraries}


def same(before: dict[str, Any]) -> bool:
    after = state()
    return before.keys() == after.keys() and all(before[name] is after[name] for name in before)


def test_what_a_library_raises_leaves_nothing_injected(libraries: list[Library]) -> None:
    before = state()
    libraries[1].fails()
    with pytest.raises(ZeroDivisionError):
        truststore.inject_into_ssl()
    assert same(before)
    assert holds(libraries) == {PLAIN}
    libraries[1].works()
    truststore.inject_into_ssl()
    assert ssl.SSLContext is truststore.SSLContext
    assert holds(libraries) == {truststore.SSLContext}


def test_what_a_library_raises_leaves_all_else_extracted(libraries: list[Library]) -> None:
    before = state()
    truststore.inject_into_ssl()
    for library in libraries:  # as if imported while injected
        library.module.context = ssl.create_default_context()
    libraries[1].fails()
    with pytest.raises(ZeroDivisionError):
        truststore.extract_from_ssl()
    assert same(before)
    assert [type(library.module.context) for library in libraries] == [PLAIN, truststore.SSLContext, PLAIN]
    libraries[1].works()
    truststore.extract_from_ssl()
    assert holds(libraries) == {PLAIN}


def test_libraries_are_called_with_no_lock_held(libraries: list[Library]) -> None:
    """One may wait for a thread that injects, extracts or makes contexts itself."""

    def make() -> ssl.SSLContext:
        libraries[0].works()
        with ThreadPoolExecutor(1) as threads:
            threads.submit(truststore.inject_into_ssl).result(TIMEOUT)
        return ssl.create_default_context()

    libraries[0].module.make = make
    truststore.inject_into_ssl()
    assert holds(libraries) == {truststore.SSLContext}


@pytest.mark.parametrize("opcodes", [False, True], ids=["lines", "instructions"])
@on_a_thread
def test_an_interruption_of_the_injection(libraries: list[Library], opcodes: bool) -> None:
    before = state()
    for tracer in points(interrupt, opcodes=opcodes, traced=INJECTION):
        with contextlib.suppress(Interruption), tracer:
            truststore.inject_into_ssl()
        done = ssl.SSLContext is truststore.SSLContext
        assert done or same(before)
        assert holds(libraries) == {truststore.SSLContext if done else PLAIN}
        truststore.inject_into_ssl()
        assert ssl.SSLContext is truststore.SSLContext
        assert type(PLAIN(ssl.PROTOCOL_TLS_CLIENT)) is truststore.SSLContext
        assert holds(libraries) == {truststore.SSLContext}
        truststore.extract_from_ssl()
        assert same(before)
        assert holds(libraries) == {PLAIN}


@pytest.mark.parametrize("opcodes", [False, True], ids=["lines", "instructions"])
@on_a_thread
def test_an_interruption_of_the_extraction(libraries: list[Library], opcodes: bool) -> None:
    before = state()
    for tracer in points(interrupt, opcodes=opcodes, traced=INJECTION):
        truststore.inject_into_ssl()
        libraries[0].module.context = ssl.create_default_context()  # as if imported while injected
        with contextlib.suppress(Interruption), tracer:
            truststore.extract_from_ssl()
        done = ssl.SSLContext is PLAIN
        assert same(before) is done
        assert holds(libraries) == {PLAIN if done else truststore.SSLContext}
        truststore.extract_from_ssl()
        assert same(before)
        assert holds(libraries) == {PLAIN}


# -- ssl's own functions -------------------------------------------------------------------------------------------------------------


def test_create_default_context(injected: None, leaf: Certificate, stranger: Certificate) -> None:
    context = ssl.create_default_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (accepts(context, leaf), accepts(context, stranger)) == (True, False)
    context = ssl.create_default_context(cadata=stranger.root.pem)
    assert (accepts(context, leaf), accepts(context, stranger)) == (True, True)


def test_create_default_context_has_the_same_settings(system: Store) -> None:
    for purpose in ssl.Purpose.SERVER_AUTH, ssl.Purpose.CLIENT_AUTH:
        plain = ssl.create_default_context(purpose)
        truststore.inject_into_ssl()
        try:
            ours = ssl.create_default_context(purpose)
        finally:
            truststore.extract_from_ssl()
        assert type(ours) is truststore.SSLContext
        for name in "protocol", "verify_mode", "check_hostname", "options", "verify_flags", "minimum_version", "keylog_filename":
            assert getattr(ours, name) == getattr(plain, name)
        assert ours.get_ca_certs() == plain.get_ca_certs()
        assert ours.cert_store_stats() == plain.cert_store_stats()


def test_create_default_context_for_servers(
    injected: None, leaf: Certificate, root: Authority, stranger: Certificate, tmp_path: Path
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    carry(context, leaf, tmp_path)
    near = ssl.create_default_context()
    carry(near, root.issue("visitor.example", purposes=[CLIENT_AUTH]), tmp_path)
    _, far = in_memory(near, context)
    assert far.getpeercert() is None
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=stranger.root.pem)
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(near, context)


def test_create_unverified_context(injected: None, stranger: Certificate) -> None:
    context = ssl._create_unverified_context()  # type: ignore[attr-defined,unused-ignore]
    assert type(context) is truststore.SSLContext
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)
    assert accepts(context, stranger)


def test_get_server_certificate(injected: None, leaf: Certificate, stranger: Certificate, tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_text(stranger.root.pem, "ascii")
    with Server(leaf.server_context()) as trusted, Server(stranger.server_context()) as untrusted:
        assert ssl.get_server_certificate(trusted.address) == leaf.pem
        assert ssl.get_server_certificate(untrusted.address) == stranger.pem
        assert ssl.get_server_certificate(untrusted.address, ca_certs=str(tmp_path / "own.pem")) == stranger.pem
        with pytest.raises(ssl.SSLCertVerificationError):  # names are off there: own anchors alone vouch, as in plain ssl
            ssl.get_server_certificate(trusted.address, ca_certs=str(tmp_path / "own.pem"))


def test_a_context_without_a_protocol_is_the_standard_librarys_but_verifies(
    injected: None, leaf: Certificate, stranger: Certificate
) -> None:
    with pytest.deprecated_call():
        context = ssl.SSLContext()
    assert context.protocol is ssl.PROTOCOL_TLS
    assert (accepts(context, leaf), accepts(context, stranger)) == (True, False)


def test_sockets_are_upgraded_by_early_contexts(system: Store, stranger: Certificate) -> None:
    """asyncio asks isinstance(context, ssl.SSLContext)."""
    early = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    early.load_verify_locations(cadata=stranger.root.pem)

    class Protocol(asyncio.Protocol):
        def __init__(self) -> None:
            self.received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def data_received(self, data: bytes) -> None:
            self.received.set_result(data)

        def connection_lost(self, exc: Exception | None) -> None:
            self.lost.set_result(None)

    async def upgrade(port: int) -> bytes:
        loop = asyncio.get_running_loop()
        plain, protocol = await loop.create_connection(Protocol, "127.0.0.1", port)
        transport = await loop.start_tls(plain, protocol, early, server_hostname=HOST)
        assert transport is not None
        assert transport.get_extra_info("sslcontext") is early
        transport.write(b"hello")
        received = await protocol.received
        transport.close()
        await protocol.lost
        return received

    truststore.inject_into_ssl()
    try:
        with Server(stranger.server_context()) as server:
            assert asyncio.run(upgrade(server.port)) == b"hello"
    finally:
        truststore.extract_from_ssl()


# -- beside other copies -------------------------------------------------------------------------------------------------------------

NESTED = """
import ssl, sys, importlib
names, steps = sys.argv[1].split(","), sys.argv[2:]
plain, new = ssl.SSLContext, vars(ssl.SSLContext)["__new__"]
modules = {}

def check(context):
    for name in ("options", "verify_flags", "verify_mode", "minimum_version", "maximum_version"):
        setattr(context, name, getattr(context, name))
    return context

early = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
for step in steps:
    number, action = int(step[0]), step[1:]
    name = names[number]
    if name not in modules:
        modules[name] = importlib.import_module(name)
    if action == "in":
        modules[name].inject_into_ssl()
        assert check(ssl.create_default_context()).verify_mode is ssl.CERT_REQUIRED
        assert ssl.SSLContext is modules[name].SSLContext
    elif action == "out":
        modules[name].extract_from_ssl()
    check(ssl.create_default_context())
    if not ssl.SSLContext.__module__.endswith("truststore._api"):  # where that is in place, setters of all others recurse
        check(modules[name].SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        check(early)
assert ssl.SSLContext is plain, ssl.SSLContext
assert vars(plain)["__new__"] is new
assert type(check(ssl.create_default_context())) is plain
check(early)
"""


def nested(folder: Path, names: str, *steps: str) -> None:
    (folder / "vendor").mkdir(exist_ok=True)
    shutil.copytree(Path(truststore.__file__).parent, folder / "vendor/truststore", ignore=shutil.ignore_patterns("__pycache__"))
    paths = [str(folder), str(Path(truststore.__file__).parents[1])]
    code = f"import sys; sys.path[:0] = {paths!r}\n{NESTED}"
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning:pip", "-c", code, names, *steps]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "steps",
    [
        ["0in", "1in", "1out", "0out"],
        ["0in", "1in", "0out", "1out"],
        ["0import", "1import", "0in", "1in", "1out", "0out"],
        ["0import", "1import", "0in", "1in", "0out", "1out"],
        ["0in", "1in", "0out", "0in", "1out", "0out"],
        ["0in", "1import", "0out", "1in", "1out"],
    ],
    ids="-".join,
)
def test_nested_with_a_vendored_copy(system: Store, tmp_path: Path, steps: list[str]) -> None:
    nested(tmp_path, "truststore,vendor.truststore", *steps)


@pytest.mark.parametrize(
    "steps",
    [
        ["0in", "0out", "1import", "1in", "1out"],
        ["0in", "1in", "1out", "0out"],
        ["1in", "0in", "0out", "1out"],
        ["0import", "1import", "0in", "1in", "1out", "0out"],
    ],
    ids="-".join,
)
def test_nested_with_the_package_that_pip_vendors(system: Store, tmp_path: Path, steps: list[str]) -> None:
    pytest.importorskip("pip._vendor.truststore", reason="this Python's pip does not have truststore in it")
    nested(tmp_path, "truststore,pip._vendor.truststore", *steps)
