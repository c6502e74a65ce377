"""The command line: `truststore`, or ``python -m truststore``. One file a command; `parser` has the list.

Exit status: `status`. What is printed: `say`. Nothing here is imported by `import truststore`.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys

from . import say
from .parser import parse
from .status import NOT_ASKED, CannotAsk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

INTERRUPTED = 130  # as shells count: 128 + SIGINT


def main(arguments: Sequence[str] | None = None, prog: str = "truststore") -> int:
    """Run one command, and return its exit status."""
    for stream in (sys.stdout, sys.stderr):  # names in certificates are not limited to what this terminal can write
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _answer(sys.argv[1:] if arguments is None else arguments, prog)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (CannotAsk, OSError) as error:
        if _is_closed_pipe(error):
            _drop_what_nobody_reads(sys.stdout)
            _drop_what_nobody_reads(sys.stderr)
        else:
            _say(f"{prog}: {say.shown(str(error), say.SENTENCE)}")
    except Exception:  # noqa: BLE001 - a fault of ours is no verdict: Python would exit with 1, which says "refused"
        import traceback

        _say(traceback.format_exc().rstrip())
    return NOT_ASKED


def _is_closed_pipe(error: Exception) -> bool:
    """Windows reports writing to a closed pipe as an invalid argument."""
    invalid = isinstance(error, OSError) and error.errno == errno.EINVAL and error.filename is None
    return isinstance(error, BrokenPipeError) or (sys.platform == "win32" and invalid)


def _drop_what_nobody_reads(stream: TextIO | None) -> None:
    """Python will flush it once more, and complain."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def _say(text: str) -> None:
    """Print to standard error, if that is open."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)
    _drop_what_nobody_reads(sys.stderr)


def _answer(arguments: Sequence[str], prog: str) -> int:
    try:
        options = parse(arguments, prog)
        status: int = options.answer(options)
        return status
    finally:
        print(end="", flush=True)  # --help, too, whose reader may have gone away
        print(end="", flush=True, file=sys.stderr)
