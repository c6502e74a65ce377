"""Children made by fork(), which must come to an end."""

from __future__ import annotations

import contextlib
import os
import signal
import traceback
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: What became of a child.
DONE, RAISED, HUNG = "done", "raised", "hung"
PATIENCE = 15  # seconds; only a child that hangs takes as long


def forked(function: Callable[[], object], patience: int = PATIENCE) -> str:
    """What became of a child that calls this, and nothing else."""
    return outcome(begun(function, patience))


def begun(function: Callable[[], object], patience: int = PATIENCE) -> int:
    """The number of a child that calls this."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: of fork() where there are threads, which is what is tested
        child = os.fork()
    if child == 0:
        _end(function, patience)
    return child


def outcome(child: int) -> str:
    """How it ended."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        return HUNG
    return DONE if status == 0 else RAISED


def _end(function: Callable[[], object], patience: int) -> None:
    """Call it in the child, which must not go on as a second pytest. The alarm's own action ends it whatever it is waiting for."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(patience)
    status = 1
    try:
        function()
        status = 0
    except BaseException:  # noqa: BLE001
        with contextlib.suppress(Exception):
            traceback.print_exc()
    finally:
        os._exit(status)
