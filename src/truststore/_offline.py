"""The arguments of `SSLContext.verify_chain()`, in the form that a connection would have them. Imported when it is called."""

from __future__ import annotations

import ssl

from . import _stdlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def certificates_of(chain: Iterable[bytes]) -> tuple[bytes, ...]:
    """The certificates. Raises TypeError if they are no DER, and ValueError if there is none."""
    if isinstance(chain, (bytes, bytearray, memoryview, str)):
        raise TypeError("chain must be a sequence of certificates (DER, the server's own first), not a single one")
    certificates = tuple(chain)
    for certificate in certificates:
        if not isinstance(certificate, bytes):
            kind = type(certificate).__name__
            raise TypeError(f"a certificate must be bytes (DER), not {kind}: ssl.PEM_cert_to_DER_cert() converts PEM text")
    if not certificates:
        raise ValueError("chain is empty: the server's own certificate comes first")
    return certificates


def encoded_name(context: ssl.SSLContext, server_hostname: str | None) -> str | None:
    """The name as a connection object would have it: IDNA-encoded. Raises what wrapping a connection raises."""
    encoded: str | None = context._encode_hostname(server_hostname)  # type: ignore[attr-defined]
    if encoded is not None:
        _stdlib.wrap_bio(_stdlib.plain_context(), ssl.MemoryBIO(), ssl.MemoryBIO(), False, encoded)
    return encoded
