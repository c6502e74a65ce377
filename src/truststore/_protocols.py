"""What errors of this package say besides what those of `ssl` do, in a form that type checkers know. Imported when it is named."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Refusal(Protocol):
    """An `ssl.SSLCertVerificationError` that says who refused, and in which words.

    ``isinstance(error, truststore.Refusal)`` asks for it.
    """

    #: Who refused: "OpenSSL", "CryptoAPI", "Security.framework" or "CPython".
    platform: str
    #: The number that the platform gave: an HRESULT, an OSStatus, OpenSSL's verify code. None if the platform had no objection.
    platform_code: int | None
    #: What the platform said, in the user's language; empty if it said nothing.
    platform_message: str
