"""One connection to a server, and all that was seen of it: what it sent, what became of it, and why not, if nothing did.

A refusal costs no second connection: OpenSSL still has the certificates that it refused, and how far it got with them. Where there is
nothing to verify with, so that nothing would be asked at all, the server's certificates are looked at without believing them.
"""

from __future__ import annotations

import ssl
from contextlib import ExitStack, suppress
from typing import NamedTuple

from ... import _stdlib
from ..._context import SSLContext
from ..status import CannotAsk
from . import proxy, starttls, trouble
from .stream import Tls

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from .starttls import Stream
    from .target import Target

#: HandshakeType.certificate_request (RFC 8446, 4).
CERTIFICATE_REQUEST = 13
HANDSHAKE = 22
DER = _stdlib.ENCODING_DER


class Seen(NamedTuple):
    """A server, as it has shown itself to a context."""

    target: Target
    #: What its certificate is to be for.
    name: str
    context: SSLContext
    refusal: ssl.SSLCertVerificationError | None
    protocol: str | None
    cipher: str | None
    #: The certificates that it sent.
    sent: tuple[bytes, ...]
    #: The chain that was built; after a refusal as far as that came, which may be nowhere.
    built: tuple[bytes, ...]
    #: Whether it has asked for a certificate of the client's.
    asks: bool


def see(target: Target, options: argparse.Namespace, make_context: Callable[[], SSLContext]) -> Seen:
    """Connect. Raises CannotAsk if no verdict comes of it."""
    name = options.server_name or target.name
    with ExitStack() as stack:
        try:
            stream = _reached(target, options, make_context, stack)
        except (OSError, ValueError) as error:
            raise CannotAsk(trouble.on_the_way(error)) from error
        return _greeted(stream, target, name, make_context(), shown=options.cert is not None)


def _reached(target: Target, options: argparse.Namespace, make_context: Callable[[], SSLContext], stack: ExitStack) -> Stream:
    [by] = options.proxy or [proxy.of_environment(target)]
    stream = proxy.reached(target, by, options.timeout, make_context, stack)
    if target.starttls:
        starttls.begin(stream, target.starttls, target.name)
    return stream


def _greeted(stream: Stream, target: Target, name: str, context: SSLContext, *, shown: bool) -> Seen:
    requests = _requests_for_certificates(context)
    refusal = None
    try:
        tls = Tls(stream, context, name)
    except ssl.SSLCertVerificationError as error:  # there is nothing to verify with
        tls, refusal = Tls(stream, _believing_nothing(), name), error
    except ValueError as error:
        raise CannotAsk(str(error)) from error
    try:
        tls.do_handshake()
    except ssl.SSLCertVerificationError as error:
        refusal = error
    except (OSError, ValueError) as error:
        if refusal is None:
            words = trouble.in_handshake(error, tls.heard, target, name, asked=bool(requests), shown=shown)
            raise CannotAsk(words) from error
    connection, cipher = _stdlib.connection_of(tls.object), tls.object.cipher()
    sent, built = _ders(connection.get_unverified_chain), _ders(connection.get_verified_chain)
    return Seen(target, name, context, refusal, tls.object.version(), cipher and cipher[0], sent, built, bool(requests))


def _ders(chain: Callable[[], Iterable[_stdlib.Certificate | None] | None]) -> tuple[bytes, ...]:
    """After a refusal not everybody knows it."""
    with suppress(OSError, ValueError):
        return tuple(certificate.public_bytes(DER) for certificate in chain() or () if certificate)
    return ()


def _requests_for_certificates(context: SSLContext) -> list[object]:
    """The server's requests for a certificate of its client, as they come in. Where Python cannot be told to tell, there are none."""
    requests: list[object] = []

    def hear(_tls: object, direction: str, _version: object, kind: int, message: int, _data: bytes) -> None:
        if direction == "read" and kind == HANDSHAKE and message == CERTIFICATE_REQUEST:
            requests.append(message)

    with suppress(AttributeError, NotImplementedError):
        context._msg_callback = hear
    return requests


def _believing_nothing() -> ssl.SSLContext:
    """And sending nothing."""
    context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
