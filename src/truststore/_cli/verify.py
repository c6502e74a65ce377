"""``verify FILE``: the verdict on a server's certificates in a file."""

from __future__ import annotations

import argparse
import ssl
import sys

from .._context import SSLContext
from .._store import pem
from .._verify_codes import REMEDIES
from . import certificate, say
from .status import REFUSED, TRUSTED, CannotAsk

#: Whether ssl.create_default_context() is strict.
STRICT_BY_DEFAULT = sys.version_info >= (3, 13)
#: More certificates are no chain.
MOST = 100


def add(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    parser.add_argument(
        "file", metavar="FILE", help="the server's certificate and the intermediate ones, PEM or DER; - for standard input"
    )
    parser.add_argument("--name", metavar="HOST", help="the name or address that it is to be for (default: any)")
    parser.add_argument(
        "--strict",
        action=argparse.BooleanOptionalAction,
        default=STRICT_BY_DEFAULT,
        help="what ssl.create_default_context() adds since Python 3.13, VERIFY_X509_STRICT (default: as this Python does)",
    )
    parser.add_argument("--json", action="store_true", help="as a JSON document")


def answer(options: argparse.Namespace) -> int:
    """Ask, and say who decided what, and about which chain."""
    sent = _read(options.file)
    context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = options.name is not None
    if options.strict:
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    refusal, chain = _verdict(context, sent, options.name)
    if options.json:
        print(_json(context, options, refusal, chain, sent), end="")
    else:
        _print(context, options, refusal, chain, sent)
    return REFUSED if refusal else TRUSTED


def _read(path: str) -> list[bytes]:
    """The certificates of a file. Raises CannotAsk, or OSError, if it has none or may have others."""
    data = sys.stdin.buffer.read(pem.LARGEST) if path == "-" else pem.contents(path)
    if data and pem.der_size(data) == len(data):
        return [data]
    blocks = pem.blocks(data)
    if blocks is None:
        raise CannotAsk(f"{path} has blocks that are not whole, or in no plain form of PEM")
    found = list(dict.fromkeys(der for der, _ in blocks))
    if not found:
        raise CannotAsk(f"{path} holds no certificate, in PEM or DER")
    if len(found) > MOST:
        raise CannotAsk(f"{path} holds {len(found)} certificates: that is no chain")
    return found


def _verdict(context: SSLContext, sent: list[bytes], name: str | None) -> tuple[ssl.SSLCertVerificationError | None, list[bytes]]:
    """The refusal, or the chain that was built. Raises CannotAsk if there is no verdict."""
    try:
        return None, context.verify_chain(sent, name)
    except ssl.SSLCertVerificationError as refusal:
        return refusal, []
    except (ssl.SSLError, ValueError) as error:
        raise CannotAsk(str(error)) from error


def _print(
    context: SSLContext,
    options: argparse.Namespace,
    refusal: ssl.SSLCertVerificationError | None,
    chain: list[bytes],
    sent: list[bytes],
) -> None:
    whose = say.shown(options.file, say.VALUE) + (f" for {say.shown(options.name)}" if options.name else ", for any name,")
    if refusal is None:
        say.paragraph(f"{whose} is {say.painted('trusted', say.GREEN)}.")
    else:
        rule = say.shown(refusal.verify_message, say.SENTENCE)
        say.paragraph(f"{whose} is {say.painted('REFUSED', say.RED)}: {rule} (verify code {refusal.verify_code}).")
    say.paragraph(f"Decided by {_judge(context)}.")
    print("The chain, as verified:" if chain else "The certificates in the file:")
    print(*map(certificate.line, chain or sent), sep="\n")
    for note in _notes(refusal) if refusal else ():
        say.paragraph(note)
    say.paragraph("This is about the certificates: a connection also proves that the server holds the key.")


def _judge(context: SSLContext) -> str:
    return say.shown(f"{context._platform.name}, with {context.system_store or context._platform.store}", say.SENTENCE)


def _notes(refusal: ssl.SSLCertVerificationError) -> list[str]:
    """What to do about it. Before Python 3.11 an exception has no notes."""
    notes = getattr(refusal, "__notes__", None) or [REMEDIES.get(refusal.verify_code, "")]
    return [say.shown(line, say.SENTENCE) for note in notes for line in note.splitlines() if line]


def _json(
    context: SSLContext,
    options: argparse.Namespace,
    refusal: ssl.SSLCertVerificationError | None,
    chain: list[bytes],
    sent: list[bytes],
) -> str:
    return say.document(
        {
            "trusted": refusal is None,
            "name": options.name,
            "strict": options.strict,
            "judge": _judge(context),
            "code": refusal.verify_code if refusal else 0,
            "message": say.shown(refusal.verify_message, say.SENTENCE) if refusal else None,
            "notes": _notes(refusal) if refusal else [],
            "sent": list(map(certificate.described, sent)),
            "chain": list(map(certificate.described, chain)) or None,
        }
    )
