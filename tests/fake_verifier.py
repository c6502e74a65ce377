"""OpenSSL's own verdict on a chain alone: what stands in for Windows and macOS where a test needs a platform that decides.

A TLS 1.2 server sends its certificates in clear text, and OpenSSL judges them before it asks for any proof that the server holds the
key. So two messages written by hand, ServerHello and Certificate (RFC 5246, 7.4), make a client of the standard library say what
it thinks of any chain: in half a millisecond, without a private key, and by definition with the codes that plain `ssl` would give.

The C types of `_ssl` are used, since `ssl.SSLContext` may be the very class under test. Each verdict has a connection of its own and
contexts do not change once they are made: any number of threads may ask.
"""

from __future__ import annotations

import _ssl
import contextlib
import os
import ssl
import tempfile
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from truststore import _verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PLATFORM = _verdict.Platform("Fake", "a store made for tests")

HANDSHAKE, SERVER_HELLO, CERTIFICATE = 22, 2, 11
TLS_1_2 = b"\x03\x03"
SECURE_RENEGOTIATION = bytes.fromhex("ff01000100")  # RFC 5746; OpenSSL 3 insists on it
#: ECDHE with AES_128_GCM_SHA256, one for each kind of key. OpenSSL finds that they do not match after its verdict only.
FOR_RSA, FOR_OTHERS = b"\xc0\x2f", b"\xc0\x2b"
LARGEST_RECORD = 2**14


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
        key = question.anchors.certificates, question.flags, question.common_name, question.hostname is None
        if key not in self._contexts:
            context: Any = _ssl._SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = question.hostname is not None
            context.verify_flags = question.flags
            if not question.common_name:
                context._host_flags |= _ssl.HOSTFLAG_NEVER_CHECK_SUBJECT
            load(context, [*self.roots, *question.anchors.certificates], self.crls)
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


def chain_built(context: Any, chain: Sequence[bytes], hostname: str | None) -> list[bytes]:
    """The chain that OpenSSL accepts `chain` with, root included (all DER). Raises what `ssl` raises if it refuses."""
    try:
        return _offer(context, chain, hostname, FOR_RSA)
    except ssl.SSLError as error:
        if error.reason != "WRONG_CERTIFICATE_TYPE":
            raise
    return _offer(context, chain, hostname, FOR_OTHERS)


def _offer(context: Any, chain: Sequence[bytes], hostname: str | None, suite: bytes) -> list[bytes]:
    incoming, outgoing = _ssl.MemoryBIO(), _ssl.MemoryBIO()
    client = context._wrap_bio(incoming, outgoing, server_side=False, server_hostname=hostname, owner=None, session=None)
    _handshake(client)
    incoming.write(_records(_server_hello(suite) + _certificates(chain)))
    _handshake(client)
    return [certificate.public_bytes(_ssl.ENCODING_DER) for certificate in client.get_verified_chain()]


def _handshake(client: Any) -> None:
    with contextlib.suppress(ssl.SSLWantReadError):  # satisfied so far, it waits for the rest
        client.do_handshake()


def _server_hello(suite: bytes) -> bytes:
    random, no_session, no_compression = bytes(32), b"\x00", b"\x00"
    extensions = _vector(2, SECURE_RENEGOTIATION)
    return _message(SERVER_HELLO, TLS_1_2 + random + no_session + suite + no_compression + extensions)


def _certificates(chain: Sequence[bytes]) -> bytes:
    return _message(CERTIFICATE, _vector(3, b"".join(_vector(3, der) for der in chain)))


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _vector(3, body)


def _vector(size: int, content: bytes) -> bytes:
    return len(content).to_bytes(size, "big") + content


def _records(messages: bytes) -> bytes:
    parts = (messages[start : start + LARGEST_RECORD] for start in range(0, len(messages), LARGEST_RECORD))
    return b"".join(bytes([HANDSHAKE]) + TLS_1_2 + _vector(2, part) for part in parts)
