"""truststore(1), in the macros of man(7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truststore._cli.version import VERSION

from .command_line import PROG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .command_line import Argument, Command

ENVIRONMENT = {
    "SSL_CERT_FILE, SSL_CERT_DIR": "Where the system's roots are looked for instead, where OpenSSL verifies.",
    "NO_COLOR, FORCE_COLOR": "No colour; colour also where the output is no terminal.",
}


def page(commands: Sequence[Command], date: str) -> str:
    first, *others = commands
    return "\n".join([*_beginning(first, others, date), *(line for each in others for line in _section(each)), *_end(first)]) + "\n"


def _beginning(first: Command, others: Sequence[Command], date: str) -> Iterator[str]:
    yield f'.TH TRUSTSTORE 1 "{date}" "truststore {_escaped(VERSION)}" "User Commands"'
    yield from (".SH NAME", "truststore \\- ask the operating system which TLS servers to trust", ".SH SYNOPSIS")
    for each in (first, *others):
        yield from ([".br"] if each.name else [])
        yield from (f".B {_escaped(f'{PROG} {each.name}'.strip())}", _synopsis(each))
    yield from (".SH DESCRIPTION", _escaped(first.purpose))
    yield from (line for option in first.options for line in _argument(option))
    yield ".SH COMMANDS"


def _section(command: Command) -> Iterator[str]:
    yield from (f".SS {_escaped(command.name)}", _escaped(f"{command.purpose[0].upper()}{command.purpose[1:]}."))
    if command.usage:
        yield from (".PP", _escaped(" ".join(command.usage.rpartition("\n\n")[2].split())), ".PP", _escaped(command.epilog))
    yield from (line for argument in (*command.positionals, *command.options) for line in _argument(argument))


def _end(first: Command) -> Iterator[str]:
    yield from (".SH EXIT STATUS", _escaped(first.epilog.removeprefix("Exit status: ")))
    yield ".SH ENVIRONMENT"
    for names, meaning in ENVIRONMENT.items():
        yield from (".TP", f".B {_escaped(names)}", _escaped(meaning))
    yield from (".SH SEE ALSO", _escaped("https://github.com/truststore/truststore/tree/main/docs"))


def _synopsis(command: Command) -> str:
    options = [f"[{_bold(option.names[0])}{_italic(f' {option.metavar}')}]" for option in command.options]
    return " ".join([*options, *(_italic(f"{argument.metavar}{' ...' * argument.repeated}") for argument in command.positionals)])


def _argument(argument: Argument) -> Iterator[str]:
    names = ", ".join(map(_bold, argument.names))
    yield from (".TP", f"{names}{_italic(f' {argument.metavar}')}".strip(), _escaped(argument.help))


def _bold(text: str) -> str:
    return f"\\fB{_escaped(text)}\\fR"


def _italic(text: str) -> str:
    """Spaces stay outside."""
    word = text.strip()
    return text.replace(word, f"\\fI{_escaped(word)}\\fR") if word else ""


def _escaped(text: str) -> str:
    """Hyphens that can be copied; nothing that begins a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped
