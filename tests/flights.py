"""Two ways to OpenSSL's verdict on a chain: a real handshake of plain `ssl`, and `_first_flight`, which does without.

assert judged(context, leaf.chain, HOST) == shaken(context, leaf.server_context(), HOST)
"""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING, Any

from truststore import _first_flight, _stdlib

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from certificates import Certificate

    #: "accepted" and the chain that was built, "refused" and verify_code and verify_message, or "neither" and why.
    Outcome = tuple[Any, ...]

#: Found before anything is injected.
Context = ssl.SSLContext


def trusting(*anchors: Certificate) -> ssl.SSLContext:
    """A client of plain `ssl`."""
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    if anchors:
        context.load_verify_locations(cadata=b"".join(anchor.der for anchor in anchors))
    return context


def verified(context: ssl.SSLContext, chain: Sequence[bytes], hostname: str | None, lock: Any = None) -> tuple[bytes, ...]:
    """What the context says of the chain, by its own settings; raises what `verified_chain()` does."""
    return _first_flight.verified_chain(
        context,
        lock or threading.Lock(),
        chain,
        encoded(context, hostname) if context.check_hostname else None,
        context.verify_flags,
        context._host_flags,  # type: ignore[attr-defined]
    )


def encoded(context: ssl.SSLContext, hostname: str | None) -> str | None:
    """As SSLSocket and SSLObject hand it to the C object."""
    name: str | None = context._encode_hostname(hostname)  # type: ignore[attr-defined]
    return name


def judged(context: ssl.SSLContext, chain: Iterable[Certificate], hostname: str | None) -> Outcome:
    try:
        return "accepted", verified(context, [certificate.der for certificate in chain], hostname)
    except ssl.SSLCertVerificationError as error:
        return "refused", error.verify_code, error.verify_message
    except _first_flight.NoVerdict as error:
        return "neither", str(error)


def shaken(client_context: ssl.SSLContext, server_context: ssl.SSLContext, hostname: str | None) -> Outcome:
    """The verdict of a handshake in memory. It may fail for another reason later: then it had a verdict nevertheless, or none."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=hostname)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    try:
        while not all([_finished(client), _finished(server)]):
            assert to_client.pending, "neither end goes on"
    except ssl.SSLCertVerificationError as error:
        return "refused", error.verify_code, error.verify_message
    except ssl.SSLError as error:
        return "neither", str(error)
    chain = _stdlib.connection_of(client).get_verified_chain() or ()
    return "accepted", tuple(certificate.public_bytes(_stdlib.ENCODING_DER) for certificate in chain)


def _finished(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
