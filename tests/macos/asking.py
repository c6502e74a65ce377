"""Questions to the verifier of macOS, for the tests here."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from truststore import _macos
from truststore._verdict import Anchors, Question

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from certificates import Certificate

HOST = "www.example.test"


def about(
    chain: Sequence[Certificate],
    host: str | None = HOST,
    *,
    anchors: Iterable[Certificate] = (),
    flags: ssl.VerifyFlags = ssl.VerifyFlags.VERIFY_DEFAULT,
    common_name: bool = True,
) -> Question:
    ders = Anchors(anchor.der for anchor in anchors)
    return Question([certificate.der for certificate in chain], host, ders, flags, common_name)


def refusal(question: Question) -> ssl.SSLCertVerificationError | None:
    """None: accepted."""
    try:
        chain = _macos.verify(question)
    except ssl.SSLCertVerificationError as refused:
        refused.__context__ = None  # its traceback, too, would keep the objects of the question
        return refused.with_traceback(None)
    assert chain[0] == question.chain[0]
    return None


def verdict(question: Question) -> int:
    """The verify_code; 0: accepted."""
    refused = refusal(question)
    if refused is None:
        return 0
    assert (refused.reason, refused.library, refused.errno) == ("CERTIFICATE_VERIFY_FAILED", "SSL", 1)
    return refused.verify_code


def status(refused: ssl.SSLCertVerificationError) -> object:
    """What Apple said."""
    return vars(refused)["platform_code"]
