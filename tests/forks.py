"""Children made by fork(), which must come to an end."""

from __future__ import annotations

import contextlib
import faulthandler
import linecache
import os
import re
import signal
import sys
import tempfile
import traceback
import warnings
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: What became of a child. In C: it hung in a call of OpenSSL's or of the C library's, whose own locks a fork() of a program with threads
#: leaves locked now and then. Plain `ssl` has that, too: one child of a hundred, where other threads shake hands all the time.
DONE, RAISED, HUNG, HUNG_IN_C = "done", "raised", "hung", "hung in C"
PATIENCE = 15  # seconds; only a child that hangs takes as long

#: Where a child wrote what it waits for, when its time was over.
_reports: dict[int, IO[str]] = {}


def forked(function: Callable[[], object], patience: int = PATIENCE) -> str:
    """What became of a child that calls this, and nothing else."""
    return outcome(begun(function, patience))


def begun(function: Callable[[], object], patience: int = PATIENCE) -> int:
    """The number of a child that calls this."""
    report = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed once it is known how the child ended
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: of fork() where there are threads, which is what is tested
        child = os.fork()
    if child == 0:
        _end(function, patience, report)
    _reports[child] = report
    return child


def outcome(child: int) -> str:
    """How it ended."""
    _, status = os.waitpid(child, 0)
    with _reports.pop(child) as report:
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM):
            return DONE if status == 0 else RAISED
        report.seek(0)
        stack = report.read()
    hung = HUNG if _waits_in_python(stack) else HUNG_IN_C
    print(f"A child {hung}:\n{stack}", file=sys.stderr)
    return hung


def _waits_in_python(stack: str) -> bool:
    """Whether a child waits for one of Python's locks: the innermost frame takes one, or imports."""
    innermost = re.search(r'^  File "(.+)", line (\d+) in ', stack, re.MULTILINE)
    if innermost is None or innermost[1].startswith("<frozen importlib"):
        return True
    line = linecache.getline(innermost[1], int(innermost[2])).strip()
    return not line or bool(re.match(r"with |from |import |.*(acquire|\.wait|\.join|\.get)\(", line))


def _end(function: Callable[[], object], patience: int, report: IO[str]) -> None:
    """Call it in the child, which must not go on as a second pytest.

    The alarm's own action ends it whatever it is waiting for, after it has been written where that is.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    faulthandler.register(signal.SIGALRM, file=report, all_threads=False, chain=True)
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
