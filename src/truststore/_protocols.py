"""What errors of this package say besides what those of `ssl` do, in a form that type checkers know. Imported when it is named."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Refusal(Protocol):
    """An `ssl.SSLCertVerificationError` that says who refused, and in which words.

    ``isinstance(error, truststore.Refusal)`` asks for it. Errors that OpenSSL raises within a handshake may be without.
    """

    #: Who gave the verdict: OpenSSL, CryptoAPI, Security.framework, CPython.
    platform: str
    #: The system's own code, as its documentation writes it; None if it gave none, or OpenSSL refused.
    platform_code: int | None
    #: The system's own sentence, in the user's language; empty if it gave none.
    platform_message: str
