"""Threads that are switched as often as can be, each doing something else with the same contexts, while others inject and extract."""

from __future__ import annotations

import contextlib
import ssl
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from gate_servers import NAMES, other_root
from pem_files import THIRD
from servers import exchange, in_memory

import truststore
from truststore import _stdlib

from .watched import VERSIONS, World, Wrong, serving, world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

THREADS = 12
#: Acts of each thread in a round.
ACTS_OF_A_THREAD = 15


def all_at_once(times: int, random: Random, verifier: str) -> Counter[str]:
    with world(verifier) as here, restless():
        for _ in range(times):
            one_round(here, random)
        return here.account.outcomes


@contextlib.contextmanager
def restless() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def one_round(here: World, random: Random) -> None:
    contexts = [here.client(), here.client(None)]
    start = threading.Barrier(THREADS)

    def act(own: Random) -> None:
        start.wait()
        for _ in range(ACTS_OF_A_THREAD):
            own.choice(ACTS)(here, own.choice(contexts), own)

    with ThreadPoolExecutor(THREADS) as threads:
        for each in [threads.submit(act, type(random)(random.random())) for _ in range(THREADS)]:
            each.result()
    truststore.extract_from_ssl()
    if ssl.SSLContext is not _stdlib.stdlib_class():
        raise Wrong("what was injected was not extracted")
    for context in contexts:
        if (context.verify_mode, context.check_hostname) != (ssl.CERT_REQUIRED, True):
            raise Wrong("a setting was lost")
        here.tells_them_apart(context)


# -- acts: all of them leave every context as strict as it was ---------------------------------------------------------------------


def visit(here: World, context: truststore.SSLContext, random: Random) -> None:
    here.visit(context, random.choice(NAMES), random.choice(VERSIONS))


def visit_again(here: World, context: truststore.SSLContext, random: Random) -> None:
    """With the session of the first visit."""
    first, far = in_memory(context, serving("trusted", VERSIONS[1]))
    exchange(first, far)
    exchange(*in_memory(context, serving("trusted", VERSIONS[1]), session=first.session))


def make(here: World, context: truststore.SSLContext, random: Random) -> None:
    own = here.client()
    own.load_default_certs()
    here.visit(own, random.choice(NAMES))


def make_by_name(here: World, context: truststore.SSLContext, random: Random) -> None:
    """Ours or plain, as is the moment: either reads the store, if it is a file."""
    default = ssl.create_default_context()
    if type(default) is truststore.SSLContext:
        here.visit(default, random.choice(NAMES))


def inject(here: World, context: truststore.SSLContext, random: Random) -> None:
    truststore.inject_into_ssl()


def extract(here: World, context: truststore.SSLContext, random: Random) -> None:
    truststore.extract_from_ssl()


def change(here: World, context: truststore.SSLContext, random: Random) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    if context.verify_mode is not ssl.CERT_REQUIRED or not context.check_hostname:
        raise Wrong("the context was seen open")


def load(here: World, context: truststore.SSLContext, random: Random) -> None:
    context.load_verify_locations(cadata=THIRD.der)
    if THIRD.der not in context.get_ca_certs(True):
        raise Wrong("what was loaded is not listed")
    context.cert_store_stats()


def load_default(here: World, context: truststore.SSLContext, random: Random) -> None:
    context.load_default_certs()


def serve(here: World, context: truststore.SSLContext, random: Random) -> None:
    if context.protocol is ssl.PROTOCOL_TLS:
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)


def pin_another(here: World, context: truststore.SSLContext, random: Random) -> None:
    """A context of the thread's own, which trusts the other authority alone."""
    own = here.client()
    own.load_verify_locations(cadata=other_root().der)
    own.check_hostname = False
    in_memory(own, serving("untrusted"))
    with contextlib.suppress(ssl.SSLCertVerificationError):
        in_memory(own, serving("trusted"))
        raise Wrong("a pinned context accepts others")


ACTS: tuple[Callable[[World, truststore.SSLContext, Random], None], ...] = (
    *(visit,) * 4, visit_again, make, make_by_name, inject, extract, change, load, load_default, serve, pin_another,
)  # fmt: skip
