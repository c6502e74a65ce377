"""What the parser understands, as plain data: the commands, and what each takes."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from truststore._cli import parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROG = "truststore"
#: What a value is, by the word that stands for it in the help.
FILES, DIRECTORIES = ("FILE", "SCRIPT"), ("DIR",)
#: A command that is followed by a program and its arguments, of which the parser knows nothing.
PROGRAM_FOLLOWS = ("run",)


@dataclasses.dataclass(frozen=True)
class Argument:
    """An option, or what stands without one."""

    names: Sequence[str]
    help: str
    #: The word for its value; "": it takes none.
    metavar: str = ""
    choices: Sequence[str] = ()
    repeated: bool = False

    @property
    def is_file(self) -> bool:
        return self.metavar in FILES

    @property
    def is_directory(self) -> bool:
        return self.metavar in DIRECTORIES


@dataclasses.dataclass(frozen=True)
class Command:
    """What stands behind `truststore NAME`; the first has no name."""

    name: str
    purpose: str
    epilog: str
    options: Sequence[Argument]
    positionals: Sequence[Argument]
    #: What the help says in place of the list of what it takes.
    usage: str = ""


def commands() -> list[Command]:
    whole = parser._parser(PROG)
    described = whole.description or ""
    by_name = next(action.choices for action in whole._actions if isinstance(action, argparse._SubParsersAction))
    return [_command("", described, whole), *(_command(name, purpose, by_name[name]) for name, _, purpose in parser.COMMANDS)]


def _command(name: str, purpose: str, of: argparse.ArgumentParser) -> Command:
    arguments = list(_arguments(of))
    options = [argument for argument in arguments if argument.names]
    positionals = [argument for argument in arguments if not argument.names]
    if name in PROGRAM_FOLLOWS:
        positionals.append(Argument((), "the program, and its arguments", "SCRIPT", repeated=True))
    usage = (of.usage or "") % {"prog": of.prog}
    return Command(name, purpose, of.epilog or "", options, positionals, usage)


def _arguments(of: argparse.ArgumentParser) -> Iterator[Argument]:
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS:
            continue
        choices = list(map(str, action.choices or ()))
        repeated = action.nargs in ("+", "*")
        yield Argument(action.option_strings, _help(action, of.prog), _metavar(action, choices), choices, repeated)


def _metavar(action: argparse.Action, choices: list[str]) -> str:
    if action.nargs == 0:
        return ""
    return action.metavar if isinstance(action.metavar, str) else "|".join(choices) or action.dest.upper()


def _help(action: argparse.Action, prog: str) -> str:
    """Before 3.13 argparse adds a default to some, that depends on the Python."""
    text = action.help or ""
    if isinstance(action, argparse.BooleanOptionalAction):
        text = text.removesuffix(" (default: %(default)s)")
    return text % {**vars(action), "prog": prog}
