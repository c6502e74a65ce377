"""OpenSSL's own verdict on a chain alone: what stands in for Windows and macOS where a test needs a platform that decides.

The verdict is that of `truststore._first_flight`, which is tested by handshakes. Each verdict has a connection of its own and contexts do
not change once they are made: any number of threads may ask.
"""

from __future__ import annotations

import _ssl
import os
import ssl
import tempfile
import threading
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from truststore import _verdict
from truststore._first_flight import verified_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PLATFORM = _verdict.Platform("Fake", "a store made for tests")


class FakeVerifier:
    """A verifier for `truststore._verdict.Question`, with a system's store of its own, that remembers what it was asked.

    `says`: None to judge, True or False to accept or refuse whatever comes. `before` is called first on each question, in the thread
    that asks: a barrier's or an event's `wait`, or what else a slow platform would do.
    """

    def __init__(
        self,
        roots: Iterable[bytes] = (),
        *,
        crls: Iterable[bytes] = (),
        says: bool | None = None,
        before: Callable[[], object] | None = None,
    ) -> None:
        self.roots, self.crls = tuple(roots), tuple(crls)
        self.says, self.before = says, before
        #: What was asked, in order.
        self.questions: list[_verdict.Question] = []
        self._contexts: dict[object, Any] = {}

    def __call__(self, question: _verdict.Question) -> Sequence[bytes]:
        self.questions.append(question)
        if self.before is not None:
            self.before()
        if self.says is False:
            raise _verdict.refusal(question, 28, PLATFORM)
        return question.chain if self.says else self._judge(question)

    def _judge(self, question: _verdict.Question) -> Sequence[bytes]:
        try:
            return chain_built(self._context(question), question.chain, question.hostname)
        except ssl.SSLCertVerificationError as error:
            raise _verdict.refusal(question, error.verify_code, PLATFORM) from None
        except ssl.SSLError as error:
            raise _verdict.no_verdict(question, PLATFORM, str(error)) from None

    def _context(self, question: _verdict.Question) -> Any:
        """The stock context that a program would have made to ask OpenSSL the same."""
        key = question.flags, question.common_name, question.hostname is None
        if key not in self._contexts:
            context: Any = _ssl._SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = question.hostname is not None
            context.verify_flags = question.flags
            if not question.common_name:
                context._host_flags |= _ssl.HOSTFLAG_NEVER_CHECK_SUBJECT
            load(context, self.roots, self.crls)
            self._contexts[key] = context
        return self._contexts[key]


def load(context: Any, certificates: Iterable[bytes], crls: Iterable[bytes] = ()) -> None:
    """Trust these certificates, and know these revocation lists (all DER)."""
    everything = b"".join(certificates)
    if everything:
        context.load_verify_locations(cadata=everything)
    pem = b"".join(x509.load_der_x509_crl(crl).public_bytes(Encoding.PEM) for crl in crls)
    if pem:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "crls.pem")
            with open(path, "wb") as file:
                file.write(pem)
            context.load_verify_locations(cafile=path)


def chain_built(context: Any, chain: Sequence[bytes], hostname: str | None) -> Sequence[bytes]:
    """The chain that OpenSSL accepts `chain` with, root included (all DER). Raises what `ssl` raises if it refuses."""
    return verified_chain(context, threading.Lock(), chain, hostname, context.verify_flags, context._host_flags)
