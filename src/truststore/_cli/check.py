"""``check HOST[:PORT]``: connect, and say who decided what, and about which chain."""

from __future__ import annotations

import argparse
import socket
import ssl
import sys

from .. import _der, _stdlib
from .._context import SSLContext
from .._verify_codes import REMEDIES
from . import say
from .certificate import UNREADABLE
from .status import NOT_ASKED, REFUSED, TRUSTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

HTTPS = 443


def add(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    parser.add_argument("peer", type=_peer, metavar="HOST[:PORT]", help=f"the port is {HTTPS} unless given")
    parser.add_argument("--timeout", type=_seconds, default=10.0, metavar="SECONDS", help="for each step (default: %(default)g)")


def answer(options: argparse.Namespace) -> int:
    """Run it."""
    return check(options.peer, options.timeout)


def check(address: tuple[str, int], timeout: float) -> int:
    """Connect, and say who decided what, and about which chain."""
    host, port = address
    peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        with _connect(context, address, timeout) as connection:
            version, chain = connection.version(), _stdlib.connection_of(connection).get_verified_chain()
    except ssl.SSLCertVerificationError as error:
        print(f"{peer} is {say.painted('REFUSED', say.RED)}: {error.verify_message} (verify code {error.verify_code}).")
        _print_judge(context)
        _print_chain("The chain, as the server sent it:", _unverified_chain(address, timeout))
        _print_advice(error)
        return REFUSED
    except (OSError, ValueError) as error:
        print(f"{peer} could not be asked: {_reason(error)}", file=sys.stderr)
        return NOT_ASKED
    print(f"{peer} is {say.painted('trusted', say.GREEN)} ({version}).")
    _print_judge(context)
    _print_chain("The chain, as verified:", chain)
    return TRUSTED


def _connect(context: SSLContext, address: tuple[str, int], timeout: float) -> ssl.SSLSocket:
    sock = socket.create_connection(address, timeout)
    try:
        connection: ssl.SSLSocket = context.wrap_socket(sock, server_hostname=address[0])
        return connection
    except BaseException:
        sock.close()
        raise


def _unverified_chain(address: tuple[str, int], timeout: float) -> Iterable[_stdlib.Certificate]:
    """Ask once more, believing nothing and sending nothing: OpenSSL forgets the chain that it refuses."""
    context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with _connect(context, address, timeout) as connection:
            return list(filter(None, _stdlib.connection_of(connection).get_unverified_chain() or ()))
    except (OSError, ValueError):
        return ()


def _print_judge(context: SSLContext) -> None:
    platform = context._platform
    store = context.system_store
    print(f"Decided by {platform.name}, with {store or platform.store}.")


def _print_chain(title: str, chain: Iterable[_stdlib.Certificate] | None) -> None:
    names = [_name(certificate.public_bytes(_stdlib.ENCODING_DER)) for certificate in chain or ()]
    if names:
        print(title, *names, sep="\n  ")


def _name(der: bytes) -> str:
    try:
        certificate = _der.Certificate(der)
        issued = "" if certificate.subject == certificate.issuer else f" (issued by {_der.name(certificate.issuer)})"
        return _der.name(certificate.subject) + issued
    except _der.Malformed:
        return UNREADABLE


def _print_advice(error: ssl.SSLCertVerificationError) -> None:
    notes = getattr(error, "__notes__", None) or [REMEDIES.get(error.verify_code, "")]
    print(*filter(None, notes), sep="\n")


def _reason(error: Exception) -> str:
    """The error in a sentence that says what to look at."""
    if isinstance(error, socket.gaierror):
        return f"the name cannot be resolved ({error.strerror}); check its spelling and this machine's network"
    if isinstance(error, TimeoutError):
        return "no answer in time; check this machine's network, or give a longer --timeout"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens on this port"
    if isinstance(error, ssl.SSLError):
        return f"the TLS handshake failed ({error.reason or error}); is this a TLS port?"
    return str(error) or type(error).__name__


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
