"""A store that changes all the time, on a file system that fails now and then (faults.c).

The store is torn apart, replaced, cut off and grown by a thread, while contexts are made, load it and visit servers. In some epochs it
holds the right root, whole or in pieces; in the others it never does, so nobody may be accepted. When an epoch is over and all is well
again, a new context has to see the store as it is then. No descriptor may be lost.

And a store that does not change: whatever failed when it was first looked at, the next context finds it. No failure may be remembered.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import ssl
import threading
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from certificates import Certificate, pem_file
from fake_root import NOWHERE, subject_hash
from gate_servers import root, sites
from pem_files import FIRST, SECOND, THIRD, block
from servers import HOST

import truststore
from truststore._store import files as files_of_store
from truststore._store import search

from .watched import OPENSSL, World, Wrong, world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

VISITS_OF_AN_EPOCH = 50
PERMILLE = 0, 5, 5, 50, 50, 300, 900
#: Where Debian has its store.
BUNDLE, DIRECTORY = "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs"


def faults(times: int, random: Random) -> Counter[str]:
    library = ctypes.CDLL(os.environ["LD_PRELOAD"])
    with world(OPENSSL) as here:
        for _ in range(times // VISITS_OF_AN_EPOCH):
            Epoch(here, random, library).run()
        return here.account.outcomes + Counter({"faults": library.faults_made()})


def errors_that_pass(times: int, random: Random) -> Counter[str]:
    library = ctypes.CDLL(os.environ["LD_PRELOAD"])
    with world(OPENSSL) as here:
        here.monkeypatch.setattr(files_of_store, "_SETTLED_AFTER", 0)  # as if the files were older than they are
        for number in range(times):
            if number % 20 == 0:
                store = Changing(here, random, holds_root=True)
                store.restore()
                if random.random() < 0.5:  # then OpenSSL reads the file itself
                    store.file.write_text(block(b"damaged") + pem_file(store.certificates), "ascii")
            store.touch()
            with failing(here, random, library):
                context = here.client()
                context.load_default_certs()
            here.tells_them_apart(context)
            here.tells_them_apart(here.client())
        return here.account.outcomes + Counter({"faults": library.faults_made()})


@contextlib.contextmanager
def failing(here: World, random: Random, library: ctypes.CDLL) -> Iterator[None]:
    """Some calls of this thread about the store fail."""
    folder = os.fsencode(here.store.file.parent)
    library.faults_begin(folder, random.choice(PERMILLE), ctypes.c_ulonglong(random.randrange(2**32)))
    try:
        yield
    finally:
        library.faults_end()


class Epoch:
    """Some visits, by contexts of its own, while the store is in one place."""

    def __init__(self, here: World, random: Random, library: ctypes.CDLL) -> None:
        self.here, self.random, self.library = here, random, library
        self.holds_root = random.random() < 0.6
        self.store = Changing(here, random, holds_root=self.holds_root)
        self.contexts: list[truststore.SSLContext] = []

    def run(self) -> None:
        self.store.restore()
        before = descriptors()
        with self.store.changing(), failing(self.here, self.random, self.library):
            for _ in range(VISITS_OF_AN_EPOCH):
                self.random.choice(ACTS)(self)
                self.visit(self.context())
        self.contexts.clear()
        if descriptors() != before:
            raise Wrong(f"descriptors are left over: {descriptors() - before}")
        self.store.restore()
        self.once_all_is_well()

    def once_all_is_well(self) -> None:
        context = self.here.client()
        context.load_default_certs()
        if self.holds_root:
            self.here.tells_them_apart(context)
        else:
            self.visit(context)

    def visit(self, context: ssl.SSLContext) -> None:
        self.here.visit(context, self.random.choice(("trusted", "trusted", "untrusted", "misnamed")), may_move=self.holds_root)

    def context(self) -> truststore.SSLContext:
        if not self.contexts or self.random.random() < 0.3:
            self.contexts.append(self.random.choice(KINDS)(self))
        return self.random.choice(self.contexts)

    # -- contexts -------------------------------------------------------------------------------------------------------------------

    def lazy(self) -> truststore.SSLContext:
        return self.here.client()

    def eager(self) -> truststore.SSLContext:
        context = self.here.client()
        context.load_default_certs()
        return context

    def for_both(self) -> truststore.SSLContext:
        context = self.here.client(None)
        context.set_default_verify_paths()
        return context

    def pinned_before(self) -> truststore.SSLContext:
        """Its store must stay as it is, so a gate asks the system's roots aside."""
        context = self.here.client()
        context.load_verify_locations(cadata=THIRD.der)
        context.check_hostname = False
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
        context.check_hostname = True
        return context

    # -- what else a program does -----------------------------------------------------------------------------------------------

    def nothing(self) -> None:
        """The visit that follows is enough."""

    def ask_for_the_store(self) -> None:
        str(truststore.system_store())

    def list(self) -> None:
        context = self.context()
        context.get_ca_certs()
        context.cert_store_stats()

    def load_defaults_late(self) -> None:
        self.context().load_default_certs()

    def load_the_file(self) -> None:
        """Whose errors are the program's."""
        with contextlib.suppress(OSError):
            self.here.client().load_verify_locations(self.here.store.file)

    def judge_without_connection(self) -> None:
        site = self.random.choice(("trusted", "untrusted"))
        chain = [certificate.der for certificate in sites()[site].certificate.chain]
        try:
            self.context().verify_chain(chain, HOST)
        except ssl.SSLError:
            return
        if site != "trusted" or not self.holds_root:
            raise Wrong(f"a chain was accepted that is {site}")


KINDS: tuple[Callable[[Epoch], truststore.SSLContext], ...] = (Epoch.lazy, Epoch.eager, Epoch.for_both, Epoch.pinned_before)
ACTS: tuple[Callable[[Epoch], None], ...] = (
    *(Epoch.nothing,) * 3,
    Epoch.ask_for_the_store,
    Epoch.list,
    Epoch.load_defaults_late,
    Epoch.load_the_file,
    Epoch.judge_without_connection,
)


def descriptors() -> frozenset[str]:
    """Those that are open, and on what."""
    open_now = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that of this very look
            open_now.append(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
    return frozenset(open_now)


class Changing:
    """The store, in one of the forms that systems have; the right root is in it, or never is."""

    def __init__(self, here: World, random: Random, *, holds_root: bool) -> None:
        self.random = random
        self.file, self.directory = here.store.file, here.store.directory
        self.certificates: list[Certificate] = [FIRST, *([root()] if holds_root else []), SECOND]
        self.environ = random.choice((("file",), ("directory",), ("file", "directory"), ()))
        self._tell(here)

    def _tell(self, here: World) -> None:
        """Truststore where it is: by the environment, or as a machine whose bundle and hashed directory hold the same."""
        nowhere = str(self.file.with_name("nowhere"))
        here.monkeypatch.setenv("SSL_CERT_FILE", str(self.file) if "file" in self.environ else nowhere)
        here.monkeypatch.setenv("SSL_CERT_DIR", str(self.directory) if "directory" in self.environ else nowhere)
        find: Callable[..., Any] = FOUND_AS_EVER
        if not self.environ:
            machine = self.file.parent / "machine"
            self.file, self.directory = Path(f"{machine}{BUNDLE}"), Path(f"{machine}{DIRECTORY}")
            find = partial(FOUND_AS_EVER, str(machine), {}, ("/usr",), NOWHERE, "linux")
        here.monkeypatch.setattr(search, "find", find)

    def restore(self) -> None:
        """Whole, whatever it was before."""
        for path in self.file, self.directory:
            removed(path)
        self.directory.mkdir(parents=True)
        for certificate in self.certificates:
            (self.directory / f"{certificate.parsed.serial_number:x}.pem").write_text(certificate.pem, "ascii")
            (self.directory / f"{subject_hash(certificate)}.0").symlink_to(f"{certificate.parsed.serial_number:x}.pem")
        self.file.write_text(pem_file(self.certificates), "ascii")

    def touch(self) -> None:
        """It counts as changed, so that it is looked at anew."""
        for path in self.file, self.directory:
            os.utime(path, (0, self.random.randrange(2**31)))

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Torn apart by a thread of its own, until the block ends."""
        stopped, seed, errors = threading.Event(), self.random.random(), []

        def change() -> None:
            random = type(self.random)(seed)
            try:
                while not stopped.wait(random.random() * 0.005):
                    change_one(self.target(random), pem_file(self.certificates), random)
            except BaseException as error:  # noqa: BLE001 - raised below
                errors.append(error)

        thread = threading.Thread(target=change)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()
        if errors:
            raise errors[0]

    def target(self, random: Random) -> Path:
        if random.random() < 0.6:
            return self.file
        self.directory.mkdir(parents=True, exist_ok=True)
        return self.directory / f"{subject_hash(random.choice(self.certificates))}.{random.choice((0, 0, 0, 1))}"


FOUND_AS_EVER = search.find


#: No FIFO: OpenSSL would wait for it, wherever it comes after the look.
HOW = "whole", "cut off", "grown", "damaged", "empty", "missing", "a directory", "a broken link", "junk"


def change_one(path: Path, text: str, random: Random) -> None:
    """Do something to a file; `text` is what it may hold."""
    how = random.choice(HOW)
    if how == "grown" and path.is_file():
        with path.open("a", encoding="ascii") as file:
            file.write(random.choice((text, THIRD.pem, THIRD.pem[:300])))
        return
    new = path.with_name("new")
    removed(new)
    if how == "a directory":
        new.mkdir()
    elif how == "a broken link":
        new.symlink_to("nothing")
    elif how != "missing":
        new.write_bytes(content(how, text, random))
    put(new, path, random)


def content(how: str, text: str, random: Random) -> bytes:
    damaged = block(random.randbytes(99)) + text
    contents = {"cut off": text[: random.randrange(len(text))].encode(), "damaged": damaged.encode(), "empty": b""}
    return random.randbytes(2000) if how == "junk" else contents.get(how, text.encode())


def put(new: Path, path: Path, random: Random) -> None:
    """In the place of what is there: at once, as tools do it, or written over, as editors do."""
    if new.is_file() and path.is_file() and random.random() < 0.5:
        path.write_bytes(new.read_bytes())
        return
    removed(path)
    if os.path.lexists(new):
        path.parent.mkdir(parents=True, exist_ok=True)
        new.rename(path)


def removed(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
