"""What may come between any two instructions of ours: Ctrl-C (an exception), a signal handler or a destructor (a call).

    for tracer in points(interrupt):
        with suppress(Interruption), tracer:
            ...                                # raises Interruption at one point more each time

A trace function does it. One thing cannot be seen this way: a `with` gives its lock back between two points, but where no signal
is handled (bpo-29988).
"""

from __future__ import annotations

import functools
import os
import sys
from concurrent.futures import ThreadPoolExecutor
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

#: Every line; every instruction if there is time, otherwise some.
STRIDE = {False: 1, True: 1 if os.environ.get("CI") else 13}


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
        if event in {"line", "opcode"}:
            self.left -= 1
            if self.left == -1:
                self.act()
        return self.trace


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


def points(act: Callable[[], object], *, opcodes: bool = False, traced: tuple[str, ...] | None = None) -> Iterator[Tracer]:
    """A tracer for each point of what is done with it, in turn."""
    number = 0
    while True:
        tracer = Tracer(number, act, opcodes=opcodes, traced=traced)
        yield tracer
        if not tracer.acted:
            assert number > 5, "nothing was traced"
            return
        number += STRIDE[opcodes]
