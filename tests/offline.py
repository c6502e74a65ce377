"""`SSLContext.verify_chain()` beside a handshake of the same context: both have to say the same of a row of the table of cases."""

from __future__ import annotations

import functools
import ssl
from typing import TYPE_CHECKING, Any

from fake_verifier import load
from servers import in_memory

import truststore
from truststore import _stdlib

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cases import Case, World
    from certificates import Certificate

    #: What was built, or the refusal: the verify code, the message without the line of _ssl.c, the platform's code, and the notes.
    Outcome = tuple[Any, ...]


def context_of(case: Case, loaded: Sequence[Certificate], world: World | None = None) -> truststore.SSLContext:
    """A client that asks what the row asks, and has loaded these and the row's revocation lists. `world`: not that of nowhere."""
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = case.host is not None
    context.verify_flags |= case.flags
    context.revocation_best_effort = case.best_effort
    context.hostname_checks_common_name = case.common_name
    load(context, [certificate.der for certificate in loaded], (world or case.world()).crls)
    return context


def by_handshake(context: truststore.SSLContext, case: Case, world: World | None = None) -> Outcome:
    chain = tuple((world or case.world()).chain)
    return outcome(lambda: built(in_memory(context, _serving(chain), case.host)[0]))


def without_connection(context: truststore.SSLContext, case: Case, world: World | None = None) -> Outcome:
    return outcome(lambda: context.verify_chain((world or case.world()).ders, case.host))


def built(client: ssl.SSLObject) -> list[bytes]:
    chain = _stdlib.connection_of(client).get_verified_chain() or ()
    return [certificate.public_bytes(_stdlib.ENCODING_DER) for certificate in chain]


def outcome(ask: Callable[[], list[bytes]]) -> Outcome:
    try:
        return ("accepted", *ask())
    except ssl.SSLCertVerificationError as error:
        said = vars(error)
        text = str(error).partition(" (_ssl.c:")[0]
        return error.verify_code, error.verify_message, text, said.get("platform_code"), said.get("__notes__")


@functools.cache
def _serving(chain: tuple[Certificate, ...]) -> ssl.SSLContext:
    return chain[0].server_context(chain)
