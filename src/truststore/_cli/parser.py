"""The commands of the command line. The options of each are in its own file."""

from __future__ import annotations

import argparse
import sys

from . import check, disable, enable, overview, roots, run, say, verify
from .status import NOT_ASKED
from .version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import NoReturn

#: Each has `add(parser)`, which adds its options, and `answer(options)`, which runs it and returns the exit status.
COMMANDS: tuple[tuple[str, ModuleType, str], ...] = (
    ("check", check, "connect to servers, and say whether they are trusted, by whom, and why"),
    ("verify", verify, "say whether a chain of certificates in a file is trusted, by whom, and why"),
    ("roots", roots, "list or export the roots that the system trusts"),
    ("run", run, "run a Python program with the system's trust"),
    ("enable", enable, "start every program of this environment with the system's trust"),
    ("disable", disable, "undo what 'enable' did"),
)

STATUSES = "Exit status: 0 trusted, or done; 1 refused; 2 no verdict: no connection, or bad arguments."


class Parser(argparse.ArgumentParser):
    """Reports bad input in one line."""

    def error(self, message: str) -> NoReturn:
        """Print it, and exit."""
        self.exit(NOT_ASKED, f"{self.prog}: {say.shown(message, say.SENTENCE)} (see {self.prog} --help)\n")


def parse(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    """The parsed arguments. Exits if they are not valid, and after --help and --version."""
    own, program = run.split(arguments)
    parser = _parser(prog)
    if own[:1] == ["--json"] and own[1:2] and own[1] in {name for name, _, _ in COMMANDS}:
        parser.error("--json goes after the command")
    return parser.parse_args(own, argparse.Namespace(program=program))


def _parser(prog: str) -> Parser:
    parser = Parser(
        prog=prog,
        description="Ask the operating system which TLS servers to trust. Without a command: which store is used here, and why.",
        allow_abbrev=False,
    )
    python = sys.implementation
    version = f"truststore {VERSION} ({python.name} {'.'.join(map(str, python.version[:3]))}, {sys.platform})"
    parser.add_argument("--version", action="version", version=version)
    _takes(parser, overview.add, overview)
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, module, purpose in COMMANDS:
        sentence = f"{purpose[0].upper()}{purpose[1:]}."
        command = commands.add_parser(name, help=purpose, description=sentence, allow_abbrev=False)
        _takes(command, module.add, module)
    return parser


def _takes(parser: Parser, add: Callable[[argparse.ArgumentParser], None], module: ModuleType) -> None:
    parser.epilog = STATUSES
    add(parser)
    parser.set_defaults(answer=module.answer)
