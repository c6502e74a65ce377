"""Questions to the verifier of Windows, for the tests here."""

from __future__ import annotations

import ssl
import sys
from typing import TYPE_CHECKING, Any

from truststore import _windows
from truststore._judges import Judges
from truststore._verdict import CRYPTOAPI, Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from certificates import Certificate

if sys.platform != "win32":  # not by an assertion, after which mypy looks no further
    raise ImportError("CryptoAPI is part of Windows")

HOST = "www.example.test"


def about(
    chain: Sequence[Certificate],
    host: str | None = HOST,
    *,
    flags: ssl.VerifyFlags = ssl.VerifyFlags.VERIFY_DEFAULT,
    common_name: bool = True,
    best_effort: bool = False,
) -> Question:
    ders = [certificate.der for certificate in chain]
    return Question(ders, host, flags, common_name, revocation_best_effort=best_effort)


def refusal(question: Question) -> Any:
    """The error; None: accepted."""
    try:
        chain = Judges(None, _windows.verify, CRYPTOAPI).verdict(question)
    except ssl.SSLCertVerificationError as error:
        return error
    assert chain[0] == question.chain[0]
    return None


def refused(question: Question) -> Any:
    error = refusal(question)
    assert error is not None, "not refused"
    return error


def verdict(question: Question) -> int:
    """The verify_code; 0: accepted."""
    error = refusal(question)
    return int(error.verify_code) if error else 0
