"""Many handshakes and many contexts cost no memory and no descriptors in the end."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from typing import TYPE_CHECKING

from gate_servers import NAMES

from .files import descriptors
from .watched import VERSIONS, Wrong, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

#: What may be left over for each thing that was done: bytes of memory, and Python's allocations. No leak is as small.
BYTES, BLOCKS = 16, 0.05
#: What the process may grow by, however little was done, in bytes: the allocator keeps some.
ALLOWANCE = 8 << 20


def handshakes(times: int, random: Random, verifier: str) -> Counter[str]:
    """By one context, with all kinds of servers."""
    with world(verifier) as here:
        context = here.client()

        def visit() -> None:
            site, version = random.choice(("trusted", *NAMES)), random.choice(VERSIONS)
            here.visit(context, site, version)

        return flat(visit, times) + here.account.outcomes


def contexts(times: int, random: Random, verifier: str) -> Counter[str]:
    """Each with the store, and a connection."""
    with world(verifier) as here:

        def make() -> None:
            context = here.client()
            if random.random() < 0.5:
                context.load_default_certs()
            here.visit(context, random.choice(NAMES))

        return flat(make, times) + here.account.outcomes


def flat(function: Callable[[], None], times: int) -> Counter[str]:
    """Call it so often; raises `Wrong` if memory or descriptors grow with that."""
    for _ in range(times // 4):  # whatever is remembered is remembered by now
        function()
    before = Usage()
    for _ in range(times - times // 4):
        function()
    grown = Usage().beyond(before)
    if grown.descriptors or grown.memory > BYTES * times + ALLOWANCE or grown.blocks > BLOCKS * times + 500:
        raise Wrong(f"{times} times cost {grown}")
    return Counter({"KiB more": max(grown.memory >> 10, 0), "blocks more": max(grown.blocks, 0)})


class Usage:
    """What this process has now: bytes in memory, Python's allocated blocks, descriptors."""

    def __init__(self) -> None:
        gc.collect()
        with open("/proc/self/statm", encoding="ascii") as file:
            self.memory = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        self.blocks, self.descriptors = sys.getallocatedblocks(), len(descriptors())

    def beyond(self, before: Usage) -> Usage:
        self.memory -= before.memory
        self.blocks -= before.blocks
        self.descriptors -= before.descriptors
        return self

    def __str__(self) -> str:
        return f"{self.memory} bytes, {self.blocks} blocks and {self.descriptors} descriptors"
