"""``run SCRIPT``, ``run -m MODULE``, ``run -c CODE``: a program with the system's trust, otherwise unchanged.

The program does not run here, but in a Python of its own that replaces this process, so that it sees the same of itself as it would
otherwise. That Python, and those that it starts, find a `sitecustomize` by PYTHONPATH (`startup`), which injects once `ssl` is imported.
"""

from __future__ import annotations

import os
import re
import sys
from itertools import takewhile

from .status import CannotAsk

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

#: Where `startup/sitecustomize.py` is.
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "startup")
#: Those of `startup/_truststore_startup.py`.
VARIABLE, CHILDREN, ALONE = "TRUSTSTORE_RUN", "children", "alone"

_OPTIONS = ("--no-children", "-h", "--help")


def add(parser: argparse.ArgumentParser) -> None:
    """Say what it takes. The program and its arguments are no option's business: `split`."""
    parser.usage = "%(prog)s [-h] [--no-children] PROGRAM ...\n\nPROGRAM is SCRIPT, -m MODULE or -c CODE."
    parser.epilog = "Exit status: the program's; 2 if it could not be started."
    parser.add_argument("--no-children", action="store_true", help="do not inject into the Pythons that the program starts")


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """What this command line is to understand, and, if that is `run`, what Python is: the program and all that follows it."""
    if list(arguments[:1]) != ["run"]:
        return list(arguments), []
    own = ["run", *takewhile(lambda argument: argument in _OPTIONS, arguments[1:])]
    return own, list(arguments[len(own) :])


def answer(options: argparse.Namespace) -> int:
    """Run it. Returns where this process cannot become the program (Windows), or if there is none."""
    program, flags = _checked(options.program), _flags(sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1])
    if flags is not None and (sys.flags.ignore_environment or sys.flags.no_site):
        raise CannotAsk("run needs a Python that uses PYTHONPATH and imports site: leave out -E, -I and -S")
    command = [_python(), *(flags or ()), *program]
    environment = environment_for(os.environ, ALONE if options.no_children else CHILDREN)
    return _became(command, environment)


def _checked(program: list[str]) -> list[str]:
    """Python itself reports a program that does not exist."""
    if not program:
        raise CannotAsk("run what? A SCRIPT, -m MODULE or -c CODE")
    if program[0].startswith("-") and program[0] != "-" and program[0][:2] not in ("-m", "-c"):
        raise CannotAsk(f"run has no option {program[0]}; Python's own options come first: python {program[0]} -m truststore run")
    return program


def _python() -> str:
    if not sys.executable:
        raise CannotAsk("this Python does not know its own path, so it cannot be started again")
    return sys.executable


def _flags(before: list[str]) -> list[str] | None:
    """Python's own options, as given before ``-m truststore``; None: this was started by a script, whose options are its own."""
    *flags, name = before[1:] or [""]
    if name == "truststore" and flags and re.fullmatch("-[A-Za-z]*m", flags[-1]):
        return [*flags[:-1], *([flags[-1][:-1]] if len(flags[-1]) > 2 else [])]
    return flags if name == "-mtruststore" else None


def environment_for(environ: Mapping[str, str], reach: str) -> dict[str, str]:
    """The environment with `startup` the first of PYTHONPATH. Once is enough: `run` may run `run`."""
    if os.pathsep in FOLDER:
        raise CannotAsk(f"PYTHONPATH cannot name {FOLDER}, as there is a {os.pathsep!r} in it")
    paths = [path for path in environ.get("PYTHONPATH", "").split(os.pathsep) if path != FOLDER]
    others = paths if paths != [""] else []
    return {**environ, "PYTHONPATH": os.pathsep.join([FOLDER, *others]), VARIABLE: reach}


def _became(command: list[str], environment: dict[str, str]) -> int:
    """On Windows a process cannot become another, so it waits. Ctrl-C also reaches the program, which handles it."""
    if sys.platform != "win32":
        os.execve(command[0], command, environment)
    import subprocess

    with subprocess.Popen(command, env=environment) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # noqa: PERF203
                continue
