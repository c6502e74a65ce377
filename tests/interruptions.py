"""What may come between any two instructions of ours: Ctrl-C (an exception), a signal handler or a destructor (a call).

    for tracer in points(interrupt):
        with suppress(Interruption), tracer:
            ...                                # raises Interruption at one point more each time

A trace function does it. It comes even between the body of a `with` and its `__exit__`, where no signal is handled (bpo-29988): of the
lines that one is left out, of the instructions it cannot be told.
"""

from __future__ import annotations

import functools
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import truststore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

PACKAGE = Path(truststore.__file__).parent
#: Where all state is.
TRACED = tuple(str(PACKAGE / f"_{name}.py") for name in ("context", "settings", "trust", "own", "judges", "connection"))
INJECTION = tuple(str(PACKAGE / f"_{name}.py") for name in ("inject", "preloaded"))

#: Of the lines each third is tried and of the instructions each 31st, from another one on with each minor version, so that CI's Pythons
#: together try all lines. The torture (tests/torture/) tries all of both.
STRIDE = {opcodes: int(os.environ.get("TRUSTSTORE_STRIDE", by_default)) for opcodes, by_default in ((False, 3), (True, 31))}


class Interruption(BaseException):
    """Like KeyboardInterrupt."""


def interrupt() -> None:
    raise Interruption


class Tracer:
    """Calls `act` at the n-th point (line, or with `opcodes` instruction) that is executed in the modules that have state."""

    def __init__(
        self, number: int, act: Callable[[], object], *, opcodes: bool = False, traced: tuple[str, ...] | None = None
    ) -> None:
        self.left, self.act, self.opcodes, self.traced = number, act, opcodes, traced or TRACED
        self.within: set[tuple[FrameType, int]] = set()

    def __enter__(self) -> Tracer:
        sys.settrace(self.trace)
        return self

    def __exit__(self, *exc: object) -> None:
        sys.settrace(None)

    @property
    def acted(self) -> bool:
        return self.left < 0

    def trace(self, frame: FrameType, event: str, _: object) -> Any:
        if not frame.f_code.co_filename.startswith(self.traced):
            return None
        frame.f_trace_opcodes = self.opcodes
        if event == "opcode" or (event == "line" and not self.leaves_a_with(frame)):
            self.left -= 1
            if self.left == -1:
                self.act()
        return self.trace

    def leaves_a_with(self, frame: FrameType) -> bool:
        """Whether this is the line of a `with` for the second time."""
        if frame.f_lineno not in lines_with_with(frame.f_code.co_filename):
            return False
        here = frame, frame.f_lineno
        left = here in self.within
        self.within ^= {here}
        return left


@functools.cache
def lines_with_with(path: str) -> frozenset[int]:
    lines = Path(path).read_text("utf-8").splitlines()
    return frozenset(number for number, line in enumerate(lines, 1) if line.lstrip().startswith("with "))


def on_a_thread(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test on a thread of its own.

    CPython does not always leave an `except` block that a trace function interrupts: what was handled there goes on as the context of
    every later exception of that thread, of those of other tests, too.
    """

    @functools.wraps(test)
    def run(*arguments: object, **options: object) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(test, *arguments, **options).result()

    return run


def points(
    act: Callable[[], object], *, opcodes: bool = False, traced: tuple[str, ...] | None = None, may_find_none: bool = False
) -> Iterator[Tracer]:
    """A tracer for a point of what is done with it, in turn; the last one finds none."""
    first = sys.version_info.minor % STRIDE[opcodes]
    for number in count(first, STRIDE[opcodes]):
        tracer = Tracer(number, act, opcodes=opcodes, traced=traced)
        yield tracer
        if not tracer.acted:
            assert number > first or may_find_none, "nothing was traced"
            return
