"""The command line: `truststore`, or ``python -m truststore``. One file a command; `parser` has the list.

Exit status: `status`. What is printed: `say`. Nothing here is imported by `import truststore`.
"""

from __future__ import annotations

import io
import os
import sys

from . import say
from .parser import parse
from .status import NOT_ASKED, CannotAsk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

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
    except BrokenPipeError:  # the reader has seen enough; Python will flush once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_ASKED
    except (CannotAsk, OSError) as error:
        print(f"{prog}: {say.shown(str(error), say.SENTENCE)}", file=sys.stderr)
        return NOT_ASKED
    except Exception:  # noqa: BLE001 - a fault of ours is no verdict: Python would exit with 1, which says "refused"
        import traceback

        traceback.print_exc()
        return NOT_ASKED


def _answer(arguments: Sequence[str], prog: str) -> int:
    try:
        options = parse(arguments, prog)
        status: int = options.answer(options)
        return status
    finally:
        print(end="", flush=True)  # --help, too, whose reader may have gone away
