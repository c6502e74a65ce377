"""fork() at any moment of a program with threads: the child has the forking thread alone, and must not wait for the others."""

from __future__ import annotations

import contextlib
import multiprocessing
import ssl
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pool_workers
from forks import DONE, HUNG_IN_C, begun, outcome
from gate_servers import sites

import truststore

from .watched import OPENSSL, World, Wrong, world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.context import BaseContext
    from random import Random

CHILDREN_AT_A_TIME = 4
PATIENCE_WITH_A_CHILD = 5
#: How many children, and which share, may hang within OpenSSL or the C library: with plain `ssl` it was 14 of 1200, with ours 12.
FEW_IN_C, SHARE_IN_C = 5, 0.03
WORKERS = 20
#: Seconds that a pool has.
PATIENCE_WITH_A_POOL = 50


def while_threads_connect(times: int, random: Random, verifier: str) -> Counter[str]:
    """Children that use what the parent's threads are using, and what they would make themselves."""
    with world(verifier) as here:
        shared = here.client(None)
        with busy(connecting(here, shared), connecting(here, shared), making(here), injecting):
            children: list[int] = []
            ended: Counter[str] = Counter()
            for _ in range(times):
                time.sleep(random.random() * 0.004)
                children.append(begun(child(here, shared), PATIENCE_WITH_A_CHILD))
                if len(children) == CHILDREN_AT_A_TIME:
                    ended[outcome(children.pop(0))] += 1
            ended.update(map(outcome, children))
        here.tells_them_apart(shared)
    if set(ended) - {DONE, HUNG_IN_C} or ended[HUNG_IN_C] > FEW_IN_C + SHARE_IN_C * times:
        raise Wrong(f"not all children came to their end: {dict(ended)}")
    return ended


def child(here: World, shared: truststore.SSLContext) -> Callable[[], None]:
    def use() -> None:
        here.begins_anew()
        here.tells_them_apart(shared)
        shared.options |= ssl.OP_NO_TICKET
        here.tells_them_apart(here.client())
        truststore.inject_into_ssl()
        here.tells_them_apart(ssl.create_default_context())
        truststore.extract_from_ssl()

    return use


def connecting(here: World, context: truststore.SSLContext) -> Callable[[], None]:
    def connect() -> None:
        here.visit(context, "trusted")
        here.visit(context, "untrusted")

    return connect


def making(here: World) -> Callable[[], None]:
    def make() -> None:
        context = here.client()
        context.load_default_certs()
        here.tells_them_apart(context)

    return make


def injecting() -> None:
    truststore.inject_into_ssl()
    truststore.extract_from_ssl()


@contextlib.contextmanager
def busy(*functions: Callable[[], None]) -> Iterator[None]:
    """Each is called over and over by a thread of its own, until the block ends. What one raises is raised then."""
    stopped, errors = threading.Event(), []

    def repeat(function: Callable[[], None]) -> None:
        try:
            while not stopped.is_set():
                function()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=[function]) for function in functions]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


# -- pools -------------------------------------------------------------------------------------------------------------------------


def pools(times: int, random: Random) -> Counter[str]:
    """Of multiprocessing, whose workers begin while a first connection loads the store."""
    counted: Counter[str] = Counter()
    with world(OPENSSL) as here:
        chain_and_key = here.store.file.with_name("server.pem")
        chain_and_key.write_text(sites()["trusted"].certificate.chain_and_key(), "ascii")
        for number in range(times):
            method = ("fork", "forkserver")[number % 2]
            counted[method] += workers_that_are_done(here, multiprocessing.get_context(method), str(chain_and_key))
    return counted


def workers_that_are_done(here: World, processes: BaseContext, chain_and_key: str) -> int:
    pool_workers.SHARED[:] = [here.client()]
    loading = threading.Thread(target=here.visit, args=[pool_workers.SHARED[0], "trusted"])
    loading.start()
    with processes.Pool(WORKERS) as pool:
        done = pool.map_async(pool_workers.connect, [chain_and_key] * WORKERS, 1).get(PATIENCE_WITH_A_POOL)
    loading.join()
    if done != ["trusted"] * WORKERS:
        raise Wrong(f"workers that did not connect: {done}")
    return len(done)
