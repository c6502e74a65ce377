"""The command line: ``check HOST[:PORT]``; without a command, what decides here and why.

Exit status: 0 trusted, 1 refused, 2 the question could not be asked (no such host, no TLS there, bad arguments).
"""

from __future__ import annotations

import argparse
import io
import os
import sys

from .check import check
from .overview import show_store
from .status import NOT_ASKED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HTTPS = 443


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, and return its exit status."""
    for stream in (sys.stdout, sys.stderr):  # names in certificates are not limited to what this terminal can write
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        status = check(options.peer, options.timeout) if options.command == "check" else show_store()
        print(end="", flush=True)
        return status
    except KeyboardInterrupt:
        return 130  # as shells count: 128 + SIGINT
    except BrokenPipeError:  # the reader has seen enough; Python will flush once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOT_ASKED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m truststore", description="Ask the operating system which TLS servers to trust."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    command = commands.add_parser("check", help="connect to a server, and say whether it is trusted, by whom, and why")
    command.add_argument("peer", type=_peer, metavar="HOST[:PORT]", help=f"the port is {HTTPS} unless given")
    command.add_argument("--timeout", type=_seconds, default=10.0, metavar="SECONDS", help="for each step (default: %(default)g)")
    return parser


def _peer(text: str) -> tuple[str, int]:
    """Split HOST, HOST:PORT, [IPV6]:PORT or IPV6."""
    host, port = text, str(HTTPS)
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise argparse.ArgumentTypeError(f"{text!r} has no port after its bracket: write [ADDRESS]:PORT")
        port = rest[1:] if rest else port
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if "/" in text or not host:
        raise argparse.ArgumentTypeError(f"{text!r} names no host: write HOST or HOST:PORT, not a URL")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise argparse.ArgumentTypeError(f"{port!r} is no port: it is a number from 1 to 65535")
    return host, int(port)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no time in seconds, such as 10")
    return value
