"""Completion for fish."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .command_line import Argument, Command

BEGINNING = "# fish completion for truststore. Made from its parser.\n\ncomplete -c truststore -f\n"


def completion(commands: Sequence[Command]) -> str:
    first, *others = commands
    return BEGINNING + "\n".join([*_first(first, others), *(line for each in others for line in _of(each))]) + "\n"


def _first(first: Command, others: Sequence[Command]) -> Iterator[str]:
    for option in first.options:
        yield f"complete -c truststore -n __fish_use_subcommand {_option(option)}"
    for each in others:
        yield f"complete -c truststore -n __fish_use_subcommand -a {each.name} -d {_quoted(each.purpose)}"


def _of(command: Command) -> Iterator[str]:
    condition = f"-n '__fish_seen_subcommand_from {command.name}'"
    for option in command.options:
        yield f"complete -c truststore {condition} {_option(option)}"
    if any(argument.is_file for argument in command.positionals):
        yield f"complete -c truststore {condition} -F"


def _option(option: Argument) -> str:
    names = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]
    return " ".join(filter(None, (*names, _value(option), f"-d {_quoted(option.help)}")))


def _value(option: Argument) -> str:
    if option.choices:
        return f"-x -a {_quoted(' '.join(option.choices))}"
    if option.is_directory:
        return "-x -a '(__fish_complete_directories)'"
    return "-r -F" if option.is_file else "-x" if option.metavar else ""


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
