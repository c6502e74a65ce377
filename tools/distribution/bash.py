"""Completion for bash. It needs nothing of the package bash-completion but to be found by it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .command_line import Argument, Command

BEGINNING = """\
# bash completion for truststore. Made from its parser.

_truststore() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    [[ $previous == = ]] && previous=${COMP_WORDS[COMP_CWORD-2]}  # --option=value is three words
    [[ $current == = ]] && current=
    COMPREPLY=()
    local command=
    (( COMP_CWORD > 1 )) && command=${COMP_WORDS[1]}
    case $command in
"""
END = """\
    esac
}

_truststore_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_truststore_paths() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
}

complete -F _truststore truststore
"""


def completion(commands: Sequence[Command]) -> str:
    first, *others = commands
    names = [command.name for command in others]
    lines = [line for command in others for line in _case(command)]
    return BEGINNING + "\n".join([*lines, *_otherwise(first, names)]) + "\n" + END


def _case(command: Command) -> Iterator[str]:
    yield f"    {command.name})"
    if with_values := [option for option in command.options if option.metavar]:
        yield "        case $previous in"
        yield from (f"        {'|'.join(option.names)}) {_values(option)}; return ;;" for option in with_values)
        yield "        esac"
    yield f"        if [[ $current == -* ]]; then {_words(_names(command))}"
    yield from (f"        else {_values(argument)}" for argument in command.positionals[:1])
    yield "        fi ;;"


def _otherwise(first: Command, names: list[str]) -> Iterator[str]:
    yield "    *)"
    yield f"        (( COMP_CWORD == 1 )) && {_words([*names, *_names(first)])} ;;"


def _names(command: Command) -> list[str]:
    return [name for option in command.options for name in option.names]


def _values(argument: Argument) -> str:
    if argument.choices:
        return _words(argument.choices)
    if argument.is_file or argument.is_directory:
        return f'_truststore_paths {"-d" if argument.is_directory else "-f"} "$current"'
    return ":"


def _words(words: Sequence[str]) -> str:
    return f'_truststore_words {shlex.quote(" ".join(words))} "$current"'
