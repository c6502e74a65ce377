"""``verify FILE``: the verdict on a server's certificates in a file."""

from __future__ import annotations

import ssl
import sys

from .._context import SSLContext
from .._store import pem
from . import say
from .judged import Judged, judges, report
from .status import REFUSED, TRUSTED, CannotAsk

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

IN_FILE = "in the file"
#: More certificates are not a chain.
MOST = 100


def add(parser: argparse.ArgumentParser) -> None:
    """Add its arguments."""
    parser.add_argument(
        "file", metavar="FILE", help="the server's certificate and the intermediate ones, PEM or DER; - for standard input"
    )
    parser.add_argument("--name", metavar="HOST", help="the name or address to check (default: any)")
    judges.add(parser)


def answer(options: argparse.Namespace) -> int:
    """Verify, and print the verdict, who gave it, the chain, the reason, and which others disagree."""
    sent = _read(options.file)
    context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = options.name is not None
    if options.strict:
        context.verify_flags |= judges.STRICT
    found = report.report_on(_judged(context, sent, options.name), report.Origin(IN_FILE))
    if options.json:
        print(say.document({"strict": options.strict, **report.described(found)}), end="")
    else:
        _print(found, options)
    return REFUSED if found.judged.refusal else TRUSTED


def _read(path: str) -> list[bytes]:
    """The certificates of a file. Raises CannotAsk or OSError if it has none, or may have more."""
    data = sys.stdin.buffer.read(pem.LARGEST) if path == "-" else pem.contents(path)
    if data and pem.der_size(data) == len(data):
        return [data]
    blocks = pem.blocks(data)
    if blocks is None:
        raise CannotAsk(f"{path} has blocks that are incomplete, or not in plain PEM")
    found = list(dict.fromkeys(der for der, _ in blocks))
    if not found:
        raise CannotAsk(f"{path} holds no certificate, in PEM or DER")
    if len(found) > MOST:
        raise CannotAsk(f"{path} holds {len(found)} certificates: that is not a chain")
    return found


def _judged(context: SSLContext, sent: list[bytes], name: str | None) -> Judged:
    """With the refusal, or the chain that was built. Raises CannotAsk if there is no verdict."""
    can_be_asked = False
    try:
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=name)  # refused where there is nothing to verify with
        can_be_asked = True
        return Judged(context, name, None, False, tuple(sent), tuple(context.verify_chain(sent, name)))
    except ssl.SSLCertVerificationError as refusal:
        return Judged(context, name, refusal, not can_be_asked, tuple(sent), ())
    except (ssl.SSLError, ValueError) as error:
        raise CannotAsk(str(error)) from error


def _print(found: report.Report, options: argparse.Namespace) -> None:
    whose = say.shown(options.file, say.VALUE) + (f" for {say.shown(options.name)}" if options.name else ", for any name,")
    report.print_verdict(whose, found)
    report.print_reasons(found)
    say.paragraph("This is about the certificates only: a connection also proves that the server holds the key.")
    report.print_others(found, verbose=options.verbose)
