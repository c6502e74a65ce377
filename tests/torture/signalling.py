"""Signals at any moment, whose handlers raise, as Ctrl-C does, or use the same context.

After each one the context is as it was or as it was asked to be, any thread can use it, and it tells servers apart as ever.
"""

from __future__ import annotations

import contextlib
import signal
import ssl
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from gate_servers import NAMES
from pem_files import THIRD
from servers import TIMEOUT

import truststore
from truststore import _stdlib

from .watched import VERSIONS, Visit, World, Wrong, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


class Interruption(BaseException):
    """Like KeyboardInterrupt."""


def interrupted(times: int, random: Random, verifier: str) -> Counter[str]:
    with world(verifier) as here:
        trial = Interrupted(here, random)
        previous = signal.signal(signal.SIGALRM, trial.handle)
        try:
            while trial.counted["interrupted"] + trial.counted["re-entered"] < times:
                trial.once()
        finally:
            signal.signal(signal.SIGALRM, previous)
        return trial.counted + here.account.outcomes


class Interrupted:
    """One act after the other, each with a signal somewhere within the time that it takes."""

    def __init__(self, here: World, random: Random) -> None:
        self.here, self.random = here, random
        self.counted: Counter[str] = Counter()
        self.context = here.client(None)
        self.visits: list[Visit] = []
        #: What the next signal does, once.
        self._armed: Callable[[], None] | None = None
        #: Seconds that each act took when it was last measured.
        self._takes: dict[str, float] = {}

    def once(self) -> None:
        name = self.random.choice(sorted(ACTS))
        self.visits.clear()
        if self.random.random() < 0.5:
            self.context = self.here.client(self.random.choice((None, ssl.PROTOCOL_TLS_CLIENT)))
        if name not in self._takes or self.random.random() < 0.05:
            started = time.perf_counter()
            ACTS[name](self)
            self._takes[name] = time.perf_counter() - started
        else:
            self._signalled(ACTS[name], self.random.random() * self._takes[name] + 1e-6)
        self._check()

    # -- the signal -----------------------------------------------------------------------------------------------------------------

    def _signalled(self, act: Callable[[Interrupted], None], after: float) -> None:
        try:
            self._armed = self._interrupt if self.random.random() < 0.8 else self._enter_again
            signal.setitimer(signal.ITIMER_REAL, after)
            act(self)
            self._disarm()  # until this has returned it may still come
        except Interruption:
            pass
        self._disarm()

    def _disarm(self) -> None:
        self._armed = None
        signal.setitimer(signal.ITIMER_REAL, 0)

    def handle(self, *_: object) -> None:
        armed, self._armed = self._armed, None
        if armed:
            armed()

    def _interrupt(self) -> None:
        self.counted["interrupted"] += 1
        raise Interruption

    def _enter_again(self) -> None:
        self.counted["re-entered"] += 1
        self.here.visit(self.context, "untrusted")
        if self.context.verify_mode is not ssl.CERT_REQUIRED:
            raise Wrong("a signal handler has seen the context open")

    # -- what has to hold then ------------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        for visit in self.visits:
            visit.try_everything()
            self.here.account.note(visit)
        truststore.extract_from_ssl()
        if ssl.SSLContext is not STOCK or vars(STOCK)["__new__"] is not NEW:
            raise Wrong("an injection or extraction was interrupted, and the next extraction did not complete it")
        is_as_set(self.context)
        is_free(self.context)
        self.here.tells_them_apart(self.context)
        is_as_set(self.context)


STOCK: Any = _stdlib.stdlib_class()
NEW = vars(STOCK)["__new__"]
PLAIN = STOCK(ssl.PROTOCOL_TLS_CLIENT)
#: What the acts switch on, and what a gate needs.
ADDED = ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION


def is_as_set(context: ssl.SSLContext) -> None:
    """As it was made, or as the acts asked for."""
    wrong = [
        (context.verify_mode, context.check_hostname) != (ssl.CERT_REQUIRED, True),
        context.options & ~ADDED != PLAIN.options & ~ADDED,
        context.verify_flags & PLAIN.verify_flags != PLAIN.verify_flags,
        context.minimum_version not in {PLAIN.minimum_version, ssl.TLSVersion.TLSv1_2},
        context.maximum_version != PLAIN.maximum_version,
    ]
    if any(wrong):
        raise Wrong(f"a setting is neither as before nor as asked for: {wrong}")


def is_free(context: ssl.SSLContext) -> None:
    """For another thread to use."""
    thread = threading.Thread(target=lambda: setattr(context, "check_hostname", True), daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    if thread.is_alive():
        raise Wrong("a lock of the context was not given back")


# -- acts --------------------------------------------------------------------------------------------------------------------------


def visit(trial: Interrupted) -> None:
    trial.visits.append(Visit(trial.context, trial.random.choice(NAMES), trial.random.choice(VERSIONS)))
    with contextlib.suppress(ssl.SSLError):
        trial.visits[-1].converse()


def make(trial: Interrupted) -> None:
    trial.context = trial.here.client()
    trial.context.load_default_certs()


def change(trial: Interrupted) -> None:
    context = trial.context
    context.verify_mode = ssl.CERT_REQUIRED
    context.options |= ssl.OP_NO_TICKET
    context.check_hostname = True
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST


def load(trial: Interrupted) -> None:
    trial.context.load_default_certs()
    trial.context.load_verify_locations(cadata=THIRD.der)
    trial.context.get_ca_certs()
    trial.context.cert_store_stats()


def serve(trial: Interrupted) -> None:
    if trial.context.protocol is ssl.PROTOCOL_TLS:
        trial.context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)


def inject(trial: Interrupted) -> None:
    truststore.inject_into_ssl()
    with contextlib.suppress(ssl.SSLError):
        Visit(ssl.create_default_context(), "untrusted").converse()
    truststore.extract_from_ssl()


ACTS: dict[str, Callable[[Interrupted], None]] = {
    "visit": visit, "make": make, "change": change, "load": load, "serve": serve, "inject": inject,
}  # fmt: skip
