"""``check HOST[:PORT]|URL …``: connect, and print the verdict, who gave it, the chain, the reason, and which others disagree.

`target` parses the arguments, `proxy` and `starttls` lead to TLS, `connection` connects, `trouble` explains failures, `report` prints the
result. What is said about the certificates is in `judged`.
"""

from __future__ import annotations

import argparse
import ssl

from ..._context import SSLContext
from .. import export, say
from ..certificate import pem
from ..judged import judges
from ..status import CannotAsk
from . import connection, proxy, report, starttls
from . import target as targets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .target import Target


def add(parser: argparse.ArgumentParser) -> None:
    """Add its arguments."""
    peers = f"a host (port {targets.HTTPS} unless given) or a URL; several are checked one after the other"
    parser.add_argument("peers", type=targets.given, nargs="+", metavar="HOST[:PORT]", help=peers)
    parser.add_argument(
        "--server-name", type=targets.ascii_name, metavar="NAME", help="ask for this name, and check it, instead of HOST"
    )
    parser.add_argument("--ca", metavar="FILE", help="trust these certificates, too, as after load_verify_locations() (PEM)")
    parser.add_argument(
        "--cert", metavar="FILE", help="client certificate with its chain and key, for servers that ask for one (PEM)"
    )
    protocols = sorted(starttls.DIALOGUES)
    parser.add_argument(
        "--starttls", choices=protocols, metavar="PROTOCOL", help=f"begin in plain text, by one of {', '.join(protocols)}"
    )
    parser.add_argument(
        "--proxy", type=_proxy, metavar="URL", help="connect through this proxy; '' for none (default: the environment's)"
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="to connect, and again for everything after that (default: %(default)g)",
    )
    parser.add_argument("--save-chain", metavar="FILE", help="write the certificates that the server sent to this file (PEM)")
    judges.add(parser)


def answer(options: argparse.Namespace) -> int:
    """Check all servers, and print the results."""
    peers: list[Target] = [given.with_starttls(options.starttls) for given in options.peers]
    if options.save_chain is not None and len(peers) > 1:
        raise CannotAsk("--save-chain writes one file: give one server")
    _make_context(options, options.cert)  # what is wrong with files is said once
    statuses, documents, lines_between = [], [], ""
    for peer in peers:
        found = _asked(peer, options)
        statuses.append(report.status(found))
        documents.append(report.described(peer, found, options))
        if not options.json and not isinstance(found, str):
            print(end=lines_between)
            report.print_checked(found, options)
            lines_between = "\n"
    if options.json:
        print(say.document({"peers": documents}), end="")
    return report.worst(statuses)


def _asked(peer: Target, options: argparse.Namespace) -> report.Checked | str:
    """The report; or nothing, after the reason is printed."""
    try:
        seen = connection.see(peer, options, lambda certificate: _make_context(options, certificate))
    except CannotAsk as error:
        report.print_trouble(peer, str(error))
        return str(error)
    if options.save_chain is not None:
        _save(options.save_chain, seen.judged.sent)
    return report.checked(seen, options)


def _make_context(options: argparse.Namespace, certificate: str | None) -> SSLContext:
    """A context that sends this certificate to servers that ask for one."""
    context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if options.strict:
        context.verify_flags |= judges.STRICT
    for option, path, load in (
        ("--ca", options.ca, context.load_verify_locations),
        ("--cert", certificate, context.load_cert_chain),
    ):
        if path is not None:
            try:
                load(path)
            except OSError as error:
                raise CannotAsk(f"{option} {path}: {error}") from error
    return context


def _save(path: str, sent: tuple[bytes, ...]) -> None:
    if not sent:
        raise CannotAsk("there is no chain to save: the server has sent no certificate")
    export.write_file(path, "".join(map(pem, sent)))


def _proxy(text: str) -> tuple[proxy.Proxy | None]:
    """The given value, even if it is empty."""
    return (proxy.given(text),)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time in seconds, such as 10")
    return value
