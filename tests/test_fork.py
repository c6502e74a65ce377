"""fork() while another thread holds a lock of ours: the child has the forking thread alone, and must not wait for the other."""

from __future__ import annotations

import ast
import concurrent.futures
import contextlib
import multiprocessing
import os
import ssl
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pool_workers
import pytest
from fake_verifier import FakeVerifier
from forks import DONE, HUNG_IN_C, begun, forked, outcome
from gate_servers import judged_by
from servers import HOST, TIMEOUT, Store, in_memory, needs_openssl

import truststore
from truststore import _inject, _late, _locks
from truststore._store import search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from certificates import Authority, Certificate

pytestmark = [needs_openssl, pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork() on this system")]


SOURCES = str(Path(truststore.__file__).parents[1])


def client() -> truststore.SSLContext:
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Stalled:
    """A function that another thread is in the middle of, while the block runs."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function, self._caller = function, os.getpid()
        self._reached, self._go_on = threading.Event(), threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if os.getpid() == self._caller and not self._reached.is_set():
            self._reached.set()
            assert self._go_on.wait(TIMEOUT)
        return self._function(*args, **kwargs)

    @contextlib.contextmanager
    def while_in(self, use: Callable[[], object]) -> Iterator[None]:
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            using = threads.submit(use)
            try:
                assert self._reached.wait(TIMEOUT)
                yield
            finally:
                self._go_on.set()
            using.result(TIMEOUT)


def connects(context: ssl.SSLContext, leaf: Certificate, stranger: Certificate) -> Callable[[], None]:
    """Connect, and still tell one server from the other."""
    trusted, untrusted = leaf.server_context(), stranger.server_context()

    def connect() -> None:
        in_memory(context, trusted)
        with pytest.raises(ssl.SSLCertVerificationError):
            in_memory(context, untrusted)

    return connect


def test_while_the_store_is_searched(
    system: Store, leaf: Certificate, stranger: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = Stalled(search.find)
    monkeypatch.setattr(search, "find", find)
    connect = connects(client(), leaf, stranger)
    with find.while_in(connect):
        assert [forked(connect) for _ in range(3)] == [DONE] * 3


def test_while_a_connection_is_made(
    system: Store, leaf: Certificate, stranger: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every setting of the context, in threads of the child's own, too."""
    judged_by(FakeVerifier([leaf.root.der]), monkeypatch)
    make = Stalled(truststore._stdlib.wrap_bio)

    class Mixin(ssl.SSLContext):
        def _wrap_bio(self, *args: Any, **kwargs: Any) -> Any:
            return make(self, *args, **kwargs)

    class Context(truststore.SSLContext, Mixin):
        pass

    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    connect = connects(context, leaf, stranger)

    def use() -> None:
        context.options |= ssl.OP_NO_TICKET
        context.load_verify_locations(cadata=leaf.root.pem)
        context.check_hostname = True
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            for connected in [threads.submit(connect) for _ in range(4)]:
                connected.result(TIMEOUT)

    with make.while_in(connect):
        assert forked(use) == DONE


def test_while_a_verdict_is_awaited(
    system: Store, leaf: Certificate, stranger: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other connections are judged as ever. The one that is being judged is refused in the child, where nobody will answer."""
    verifier = Stalled(judged_by(FakeVerifier([leaf.root.der]), monkeypatch))
    monkeypatch.setattr(truststore.SSLContext, "_verifier", staticmethod(verifier))
    context = client()
    connect = connects(context, leaf, stranger)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = context.wrap_bio(to_client, to_server, server_hostname=HOST)
    far = leaf.server_context().wrap_bio(to_server, to_client, server_side=True)

    def judged() -> None:
        for _ in range(2):
            for side in near, far:
                with contextlib.suppress(ssl.SSLWantReadError):
                    side.do_handshake()

    def use() -> None:
        connect()
        with pytest.raises(ssl.SSLCertVerificationError, match="interrupted"):
            near.read()

    with verifier.while_in(judged):
        assert forked(use) == DONE
    near.write(b"the parent's goes on")


def test_while_it_is_injected(system: Store, leaf: Certificate, stranger: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    change = Stalled(_inject._change)
    monkeypatch.setattr(_inject, "_change", change)
    trusted, untrusted = leaf.server_context(), stranger.server_context()

    def use() -> None:
        truststore.inject_into_ssl()
        assert ssl.SSLContext is truststore.SSLContext
        context = ssl.create_default_context()
        in_memory(context, trusted)
        with pytest.raises(ssl.SSLCertVerificationError):
            in_memory(context, untrusted)
        truststore.extract_from_ssl()
        assert ssl.SSLContext is not truststore.SSLContext

    try:
        with change.while_in(truststore.inject_into_ssl):
            assert forked(use) == DONE
    finally:
        truststore.extract_from_ssl()


# -- modules that are imported late -----------------------------------------------------------------------------------------------------

#: A fork while another thread is in the middle of importing what a first connection needs. Its first argument says which module, the others
#: what is there by then.
IMPORTING = """
import os, signal, ssl, sys, threading, time
import truststore

begun, go_on = threading.Event(), threading.Event()

class Slow:
    def find_spec(self, name, path, target=None):
        if name == sys.argv[1]:
            begun.set()
            assert go_on.wait(20)
            time.sleep(0.2)  # longer than a fork that does not wait for it

def connect():
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")

for name in sys.argv[2:]:
    __import__(name)
sys.meta_path.insert(0, Slow())
thread = threading.Thread(target=connect)
thread.start()
assert begun.wait(20)
os.register_at_fork(before=go_on.set)
child = os.fork()
if child == 0:
    signal.alarm(15)
    connect()
    os._exit(0)
_, status = os.waitpid(child, 0)
thread.join()
sys.exit(status)
"""


NAMES = "encodings.idna"  # ssl's own import, the last of a connection


@pytest.mark.parametrize(
    ("module", "there"),
    [("truststore._openssl", []), ("truststore._store.files", []), (NAMES, [*_late.LATE, *sorted({*_late.OTHERS} - {NAMES})])],
    ids=["openssl", "files", "names"],
)
def test_while_a_module_is_imported(system: Store, module: str, there: list[str]) -> None:
    """By a new interpreter, which has imported nothing late yet, or nearly all."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", IMPORTING, module, *there]
    environment = os.environ | {"PYTHONPATH": SOURCES}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")


#: What a program may do that cannot import any more; its argument says why not.
OUT_OF_REACH = """
import os, resource, ssl, sys, threading
import truststore

context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
certificate = bytes.fromhex(sys.argv[2])
if sys.argv[1] == "chroot":
    sys.path_importer_cache.clear()
    sys.path[:] = truststore.__path__[:] = []
else:
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
context.load_verify_locations(cadata=certificate)
threading.Thread(target=threading.Event().wait, daemon=True).start()
child = os.fork()
if child == 0:
    os._exit(0)
_, status = os.waitpid(child, 0)
sys.exit(status)
"""


@pytest.mark.parametrize("why", ["chroot", "no descriptor left"])
def test_where_nothing_can_be_imported(why: str, root: Authority) -> None:
    """Loading certificates and forking work as in ssl, and nothing is said."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", OUT_OF_REACH, why, root.der.hex()]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": SOURCES}, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")


def late_imports(path: Path) -> Iterator[str]:
    """The modules that functions of this one import, by their whole names; but what is there for type checkers alone."""
    package = ".".join(path.relative_to(SOURCES).parent.parts)
    for function in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import):
                    yield from (each.name for each in node.names)
                elif isinstance(node, ast.ImportFrom):
                    base = ".".join(filter(None, (package.rsplit(".", node.level - 1)[0] if node.level else "", node.module)))
                    yield from ([base] if node.module else (f"{base}.{each.name}" for each in node.names))


def test_all_that_is_imported_late_is_known() -> None:
    """But what the command line imports, and what is there from the start."""
    from_the_start = "import sys, truststore; print(*(name for name in sys.modules))"
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {SOURCES!r}); {from_the_start}"]
    there = set(subprocess.run(command, capture_output=True, text=True, timeout=50, check=True).stdout.split())
    modules = [
        path for path in Path(_late.__file__).parent.rglob("*.py") if "_cli" not in path.parts and path.stem not in OF_OTHERS
    ]
    late = {name for path in modules for name in late_imports(path)} - there - {"truststore._windows", "truststore._late"}
    assert late <= {*_late.LATE, *_late.OTHERS, *_late.IF_BEGUN}


#: Windows has no fork(), and macOS no verdict in a forked child.
OF_OTHERS = "_windows", "_macos"


# -- the lock itself ------------------------------------------------------------------------------------------------------------------


def held_elsewhere(lock: _locks.Lock) -> contextlib.AbstractContextManager[None]:
    """By a thread that stays behind when this process forks."""

    def hold() -> None:
        with lock.current:
            stalled()

    stalled = Stalled(lambda: None)
    return stalled.while_in(hold)


def test_threads_of_a_child_get_one_lock_between_them() -> None:
    lock = _locks.Lock()

    def use() -> None:
        sys.setswitchinterval(1e-6)
        for _ in range(200):
            _locks._begin_generation()
            start = threading.Barrier(4)
            with concurrent.futures.ThreadPoolExecutor(4) as threads:
                found = [threads.submit(lambda start=start: (start.wait(TIMEOUT), lock.current)[1]) for _ in range(4)]  # type: ignore[misc]
                assert len({id(each.result()) for each in found}) == 1

    with held_elsewhere(lock):
        assert forked(use) == DONE


def test_a_new_thread_with_the_number_of_the_holder_is_not_the_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The C library gives the stack of a thread that stayed behind, and with it the thread's number, to the next one."""
    lock = _locks.Lock()
    lock.current.acquire()  # this thread stands for both
    monkeypatch.setattr(_locks, "_forker", [0])

    def use() -> None:
        _locks._forker[0] = 0
        with lock.current, concurrent.futures.ThreadPoolExecutor(1) as threads:
            assert not threads.submit(lock.current.acquire, False).result(TIMEOUT)
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            assert threads.submit(lock.current.acquire, False).result(TIMEOUT)

    try:
        assert forked(use) == DONE
    finally:
        lock.current.release()


def test_a_thread_that_forks_while_it_holds_the_lock_gives_it_back() -> None:
    lock = _locks.Lock()
    children: list[int] = []

    def use() -> None:
        with lock.current:  # the same, since this thread has it
            pass

    def use_and_give_back() -> None:
        use()
        held.release()

    with lock.current:
        held = lock.current
        assert forked(use_and_give_back) == DONE
        children.append(begun(use))
    assert outcome(children.pop()) == DONE


# -- a program that does nothing else ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verifier", ["openssl", "gate"])
def test_while_threads_connect(
    verifier: str, system: Store, leaf: Certificate, stranger: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Always. `nox -s torture` does it 600 times."""
    if verifier == "gate":
        judged_by(FakeVerifier([leaf.root.der]), monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context = truststore.SSLContext()
    connect, stopped = connects(context, leaf, stranger), threading.Event()

    def connect_until_stopped() -> None:
        while not stopped.is_set():
            connect()

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        connecting = [threads.submit(connect_until_stopped) for _ in range(2)]
        try:
            ended = {forked(connect, 4) for _ in range(20)}
        finally:
            stopped.set()
        for each in connecting:
            each.result(TIMEOUT)
    assert ended <= {DONE, HUNG_IN_C}


# -- pools ----------------------------------------------------------------------------------------------------------------------------


WORKERS = 20


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of fork() where there are threads, from Python 3.12 on
@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_a_pool(
    system: Store, leaf: Certificate, stranger: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: Any
) -> None:
    """Whose workers begin while the first connection loads the store."""
    paths = {"trusted": str(tmp_path / "leaf.pem"), "refused": str(tmp_path / "stranger.pem")}
    for path, certificate in zip(paths.values(), (leaf, stranger), strict=True):
        Path(path).write_text(certificate.chain_and_key(), "ascii")
    monkeypatch.setattr(pool_workers, "SHARED", [client()])
    find = Stalled(search.find)
    monkeypatch.setattr(search, "find", find)
    context, trusted = pool_workers.SHARED[0], leaf.server_context()
    with find.while_in(lambda: in_memory(context, trusted)), multiprocessing.get_context(method).Pool(WORKERS) as pool:
        for wanted, path in paths.items():
            assert pool.map_async(pool_workers.connect, [path] * WORKERS, 1).get(3 * TIMEOUT) == [wanted] * WORKERS
