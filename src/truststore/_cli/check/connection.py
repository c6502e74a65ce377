"""One connection to a server, and everything that was seen of it: what it sent, the verdict, and the reason.

A refusal needs no second connection: OpenSSL still has the certificates that it refused, and how far it got with them. If there are
no roots at all, so that nothing would be verified, the server's certificates are fetched without trusting them.
"""

from __future__ import annotations

import ssl
from contextlib import ExitStack, suppress
from typing import NamedTuple

from ... import _stdlib
from ..._context import SSLContext
from ..judged import Judged
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
    """A server, and what was seen of it."""

    target: Target
    #: By which it was reached.
    proxy: proxy.Proxy | None
    judged: Judged
    #: None after a refusal.
    protocol: str | None
    cipher: str | None
    #: Whether it has asked for a certificate of the client's.
    asks: bool


def see(target: Target, options: argparse.Namespace, make_context: Callable[[str | None], SSLContext]) -> Seen:
    """Connect. `make_context` gets the file of a certificate to show, which is not for a proxy. Raises CannotAsk for want of a verdict."""
    with ExitStack() as stack:
        try:
            [by] = options.proxy or [proxy.of_environment(target)]
            stream = proxy.reached(target, by, options.timeout, lambda: make_context(None), stack)
            if target.starttls:
                starttls.begin(stream, target.starttls, target.name)
        except (OSError, ValueError) as error:
            raise CannotAsk(trouble.on_the_way(error)) from error
        greeting = _Greeting(stream, options.server_name or target.name, make_context(options.cert))
        try:
            greeting.shake_hands()
        except (OSError, ValueError) as error:
            shown = options.cert is not None
            raise CannotAsk(
                trouble.in_handshake(error, greeting.heard, target, greeting.name, asked=greeting.asks, shown=shown)
            ) from error
        return greeting.seen(target, by)


class _Greeting:
    """A handshake."""

    def __init__(self, stream: Stream, name: str, context: SSLContext) -> None:
        self._stream, self.name, self._context = stream, name, context
        self._requests = _requests_for_certificates(context)
        self._tls: Tls | None = None
        self._refusal: ssl.SSLCertVerificationError | None = None
        self._is_unasked = False

    @property
    def heard(self) -> bytes:
        """The beginning of the server's answer."""
        return self._tls.heard if self._tls else b""

    @property
    def asks(self) -> bool:
        """Whether the server has asked for a certificate of the client's."""
        return bool(self._requests)

    def shake_hands(self) -> None:
        """Until there is a verdict. Raises OSError or ValueError if there is none."""
        try:
            self._tls = Tls(self._stream, self._context, self.name)
        except ssl.SSLCertVerificationError as error:
            self._refusal, self._is_unasked = error, True
            self._look()
            return
        try:
            self._tls.do_handshake()
        except ssl.SSLCertVerificationError as error:
            self._refusal = error
        else:
            self._tls.say_goodbye()

    def _look(self) -> None:
        """What the server sends, without trusting it; nothing if that does not work."""
        context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with suppress(OSError, ValueError):
            self._tls = Tls(self._stream, context, self.name)
            self._tls.do_handshake()

    def seen(self, target: Target, by: proxy.Proxy | None) -> Seen:
        """The result."""
        agreed = self._tls if self._refusal is None else None
        protocol, cipher = (agreed.protocol, agreed.cipher) if agreed else (None, None)
        judged = Judged(self._context, self.name, self._refusal, self._is_unasked, *self._chains())
        return Seen(target, by, judged, protocol, cipher, self.asks)

    def _chains(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """As it was sent, and as it was built."""
        if self._tls is None:
            return (), ()
        connection = _stdlib.connection_of(self._tls.object)
        return _ders(connection.get_unverified_chain), _ders(connection.get_verified_chain)


def _ders(chain: Callable[[], Iterable[_stdlib.Certificate | None] | None]) -> tuple[bytes, ...]:
    """After a refusal not every Python has it."""
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
