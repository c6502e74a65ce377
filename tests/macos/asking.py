"""Questions to the verifier of macOS, and to contexts that have anchors of their own, for the tests here."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import fake_verifier

import truststore
from truststore import _macos
from truststore._judges import Judges
from truststore._verdict import SECURITY_FRAMEWORK, Question

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from certificates import Certificate

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


def context_trusting(*own: Certificate, crls: Iterable[bytes] = ()) -> truststore.SSLContext:
    """One that has loaded these."""
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    fake_verifier.load(context, [certificate.der for certificate in own], crls)
    return context


def refusal(question: Question) -> ssl.SSLCertVerificationError | None:
    """None: accepted."""
    try:
        chain = Judges(None, _macos.verify, SECURITY_FRAMEWORK).verdict(question)
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


def refusal_by(
    context: truststore.SSLContext, chain: Sequence[Certificate], host: str | None = HOST
) -> ssl.SSLCertVerificationError | None:
    """Of a context, without a connection. None: accepted."""
    try:
        built = context.verify_chain([certificate.der for certificate in chain], host)
    except ssl.SSLCertVerificationError as refused:
        return refused
    assert built[0] == chain[0].der
    return None


def verdict_by(context: truststore.SSLContext, chain: Sequence[Certificate], host: str | None = HOST) -> int:
    """The verify_code; 0: accepted."""
    refused = refusal_by(context, chain, host)
    return refused.verify_code if refused else 0


def status(refused: ssl.SSLCertVerificationError) -> object:
    """What Apple said."""
    return vars(refused)["platform_code"]
