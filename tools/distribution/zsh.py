"""Completion for zsh, by its own `_arguments`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .command_line import Argument, Command

BEGINNING = """\
#compdef truststore
# zsh completion for truststore. Made from its parser.

_truststore() {
    local -a commands
    local context state state_descr line curcontext="$curcontext"
    typeset -A opt_args
"""


def completion(commands: Sequence[Command]) -> str:
    first, *others = commands
    return BEGINNING + "\n".join([*_first(first, others), *(line for each in others for line in _case(each)), *END]) + "\n"


END = ["        esac ;;", "    esac", "}", "", '_truststore "$@"']


def _first(first: Command, others: Sequence[Command]) -> Iterator[str]:
    yield "    commands=("
    yield from (f"        {_quoted(f'{each.name}:{each.purpose}')}" for each in others)
    yield "    )"
    options = " ".join(map(_option, first.options))
    yield f"    _arguments -C {options} '1:command:->command' '*::argument:->argument'"
    yield "    case $state in"
    yield "    command) _describe -t commands command commands ;;"
    yield "    argument)"
    yield "        case $line[1] in"


def _case(command: Command) -> Iterator[str]:
    yield f"        {command.name})"
    arguments = [*map(_option, command.options), *map(_positional, command.positionals)]
    yield from ("            _arguments \\", *(f"                {each} \\" for each in arguments[:-1]))
    yield f"                {arguments[-1]} ;;"


def _option(option: Argument) -> str:
    """Each of its names excludes the others."""
    value = f":{_escaped(option.metavar)}:{_action(option)}" if option.metavar else ""
    excluded = f"({' '.join(option.names)})" if len(option.names) > 1 else ""
    return " ".join(_quoted(f"{excluded}{name}[{_escaped(option.help)}]{value}") for name in option.names)


def _positional(argument: Argument) -> str:
    return _quoted(f"{'*' if argument.repeated else '1'}:{_escaped(argument.metavar)}:{_action(argument)}")


def _action(argument: Argument) -> str:
    if argument.choices:
        return f"({' '.join(argument.choices)})"
    return "_files -/" if argument.is_directory else "_files" if argument.is_file else " "


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\[]:" else char for char in text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
