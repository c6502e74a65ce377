"""OpenSSL's verdict on a chain of certificates, without a connection.

    built = verified_chain(judge, lock, chain, hostname, judge.verify_flags, judge._host_flags)

Why it works. A client of TLS 1.2 verifies its server's chain when it has read the Certificate message, which comes in clear text and
before the server proves that it holds the key. So two messages written by hand, ServerHello and Certificate (RFC 5246, 7.4), make a
client in memory say what it thinks of any chain: by definition with the verdict, the code, the words and the chain of a handshake.

How. A private context makes the connection object: TLS 1.2 alone, every cipher, security level 0, an empty store. It copies the judge's
verify flags, host flags and name check, which SSL_new() hands on to the connection. Between ServerHello and Certificate the connection
is moved to the judge (`connection.context =`, that is SSL_set_SSL_CTX()): from there on the store with its CRLs and directories, the
security level and Suite B are the judge's. Whatever versions, ciphers, options or pre-shared keys the judge has, they play no part,
and nothing is ever written to it.

How not. A judge that connects itself has to be narrowed to TLS 1.2 meanwhile, and other threads' connections come out narrowed. The
settings cannot be copied after the move: flags and name checks belong to the connection. The key's kind, which has to fit the cipher
suite, cannot be told by looking at the DER, since anybody may have written any bytes into it: both kinds of suite are tried, and what the
bytes look like merely decides which is first.

What is a verdict. What OpenSSL reports of a chain says little: after a refusal, too, get_verified_chain() may name leaf and trusted
root. So the kind of outcome counts, and everything that is not expected is no verdict (`NoVerdict`), never one or the other:
1. The suite is one that the client has just offered, and one whose server shows a certificate with an RSA or ECDSA key.
2. After ServerHello the client waits for more: it neither goes on without a certificate, nor has it finished.
3. It knows no chain yet.
4. After Certificate it waits for more: accepted. CERTIFICATE_VERIFY_FAILED: refused. Anything else is neither.
5. The chain that OpenSSL has read is, byte for byte, the chain that was put in.
6. The chain that OpenSSL has built begins with the leaf.
7. WRONG_CERTIFICATE_TYPE, the key fits neither kind of suite, says "accepted" in a library that verifies before it looks at the key, as
   OpenSSL does, and nothing in one that looks first, as AWS-LC does. Which of the two this is is asked each time: the same messages,
   to a client with an empty store, must end in CERTIFICATE_VERIFY_FAILED.

What it does not say is "would connect". A handshake looks besides, later, at the key's usage, curve and signature algorithm, and TLS 1.3
has no place for some keys. The purpose is that of a server's certificate: clients cannot be judged. A message callback of the judge's
sees the Certificate message, and what it raises is no verdict; key log, PSK and SNI callbacks are not reached.

Threads. Each verdict has a connection of its own. Private contexts are kept, by the settings that they copied, and no one changes them
once they are made: any number of threads may have SSL_new() copy them, since it only reads them and counts references atomically. The
locks inside of a kept context are never taken, so a child that was forked during another thread's verdict finds none of them held
(OpenSSL's global ones are another matter, as in plain `ssl`). The client with the empty store, whose store is locked while it is looked
into, gets a context that is not kept.

Locks. Moving the connection copies the certificates that the judge shows to its own peers, and load_cert_chain() in another thread, which
replaces them, would free them under the copy. So the caller's `lock`, which load_cert_chain() takes too, is held for the move. It is
held for nothing else: neither while OpenSSL verifies nor while a callback runs.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from ssl import SSL_ERROR_SSL, SSLCertVerificationError, SSLError, SSLWantReadError, TLSVersion
from sys import exc_info

from ._stdlib import ENCODING_DER, plain_context, wrap_bio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from ._stdlib import Certificate, Connection

#: Cipher suites by the kind of key that the server's certificate must have, in case a build or a policy lacks some.
FOR_RSA = (
    b"\xc0\x30",  # ECDHE-RSA-AES256-GCM-SHA384
    b"\xc0\x2f",  # ECDHE-RSA-AES128-GCM-SHA256
    b"\xc0\x14",  # ECDHE-RSA-AES256-SHA
)
FOR_ECDSA = (
    b"\xc0\x2c",  # ECDHE-ECDSA-AES256-GCM-SHA384
    b"\xc0\x2b",  # ECDHE-ECDSA-AES128-GCM-SHA256
    b"\xc0\x0a",  # ECDHE-ECDSA-AES256-SHA
)

#: rsaEncryption, the algorithm of most RSA keys (RFC 3279, 2.3.1), as it stands in a certificate.
RSA_KEY = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"

HANDSHAKE, SERVER_HELLO, CERTIFICATE = b"\x16", b"\x02", b"\x0b"
TLS_1_2 = b"\x03\x03"
LARGEST_RECORD = 1 << 14
#: Lengths in a Certificate message have three bytes.
TOO_LONG = 1 << 24
#: Where a ClientHello, with its record's header of 5 bytes, its own of 4, a version and 32 random bytes, has its session id.
SESSION_ID = 5 + 4 + 2 + 32
#: The server knows RFC 5746: OpenSSL 3 insists on it.
SECURE_RENEGOTIATION = b"\xff\x01\x00\x01\x00"


class NoVerdict(SSLError):
    """The certificates were neither accepted nor refused: the message says what came instead."""

    library, reason = "SSL", "NO_VERDICT"


def verified_chain(
    judge: ssl.SSLContext,
    lock: AbstractContextManager[object],
    chain: Sequence[bytes],
    hostname: str | None,
    flags: int,
    host_flags: int,
    got_to: list[bytes] | None = None,
) -> tuple[bytes, ...]:
    """The chain (DER, leaf first, root included) that OpenSSL, as `judge` would have it verify a server, accepts `chain` with.

    `hostname` is what `ssl` would hand to the C object, an A-label or an address; None: the name is not checked. `flags` and
    `host_flags` are `verify_flags` and `_host_flags` as they are to count. If the chain is refused, `got_to` gets the one that OpenSSL had
    built by then.

    Raises the SSLCertVerificationError of the C object if the chain is refused, NoVerdict if there is no verdict, and, for a host name
    that C has no use for, what it raises: ValueError, or TypeError for one with a null character.
    """
    sent = tuple(bytes(memoryview(der)) for der in chain)
    message = _certificate_message(sent)
    context = _kept_context(int(flags), int(host_flags), hostname is not None)
    unfit = None
    for suites in _in_turn(sent[0]):
        client = _Client(context, hostname)
        if not client.hears_hello(suites):
            continue
        with lock:
            client.connection.context = judge
        if client.accepts(message, got_to):
            return client.built(sent)
        unfit = suites, client
    if unfit is None:
        raise _no_verdict("OpenSSL offers no suitable cipher suite")
    suites, client = unfit
    if not _verifies_before_it_looks_at_the_key(suites, message):
        raise _no_verdict("the kind of key fits no cipher suite of TLS 1.2")
    return client.built(sent)


def _in_turn(leaf: bytes) -> tuple[tuple[bytes, ...], ...]:
    """Both kinds of suite, the likelier first. Bytes may mislead, which costs time: the other kind is tried as well."""
    return (FOR_RSA, FOR_ECDSA) if RSA_KEY in leaf else (FOR_ECDSA, FOR_RSA)


def _no_verdict(why: str) -> NoVerdict:
    return NoVerdict(SSL_ERROR_SSL, f"no verdict on the certificates: {why}")


class _Client:
    """A client of TLS 1.2 in memory, which gets to hear what a server would say."""

    __slots__ = ("connection", "incoming", "outgoing")

    def __init__(self, context: ssl.SSLContext, hostname: str | None) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            self.connection: Connection = wrap_bio(context, self.incoming, self.outgoing, False, hostname)
        except OSError as error:  # a name too long for SNI
            raise _no_verdict(str(error)) from error

    def hears_hello(self, suites: Iterable[bytes]) -> bool:
        """Greet, be answered with one of these cipher suites, and wait for the certificates. False if it offers none of them."""
        self._goes_on_without_certificates()
        common = [suite for suite in _offered(self.outgoing.read()) if suite in suites]
        if not common:
            return False
        self.incoming.write(_records(_server_hello(common[0])))
        self._goes_on_without_certificates()
        if self.connection.get_unverified_chain():
            raise _no_verdict("OpenSSL had some before they were sent")
        return True

    def _goes_on_without_certificates(self) -> None:
        try:
            self._goes_on()
        except OSError as error:
            raise _no_verdict(str(error)) from error

    def accepts(self, message: bytes, got_to: list[bytes] | None = None) -> bool:
        """True if OpenSSL accepts the certificates, False if it objects to the leaf's kind of key, having verified them or not."""
        self.incoming.write(message)
        try:
            self._goes_on()
        except SSLCertVerificationError:
            if got_to is not None:
                got_to += self._built_so_far()
            raise
        except NoVerdict:
            raise
        except OSError as error:
            if getattr(error, "reason", None) != "WRONG_CERTIFICATE_TYPE":
                raise _no_verdict(str(error)) from error
            return False
        return True

    def _built_so_far(self) -> tuple[bytes, ...]:
        """For messages alone: that it cannot be told must not stand for the refusal."""
        try:
            return ders(self.connection.get_verified_chain())
        except Exception:  # noqa: BLE001 - as said
            return ()

    def _goes_on(self) -> None:
        """Have OpenSSL read what has come in: it must want more."""
        handled = exc_info()[1]  # what the caller is just handling is the context of any error
        try:
            self.connection.do_handshake()
        except SSLCertVerificationError:
            raise
        except SSLError as error:
            _raise_what_a_callback_raised(error.__context__, handled)
            if not isinstance(error, SSLWantReadError):
                raise
            return
        raise _no_verdict("the handshake ended without them")

    def built(self, sent: Sequence[bytes]) -> tuple[bytes, ...]:
        """The chain that OpenSSL built, if it was `sent` that it verified."""
        if ders(self.connection.get_unverified_chain()) != sent:
            raise _no_verdict("OpenSSL does not read them as they were sent")
        built = ders(self.connection.get_verified_chain())
        if built[:1] != sent[:1]:
            raise _no_verdict("OpenSSL has not verified them")
        return built


def _raise_what_a_callback_raised(raised: BaseException | None, handled: BaseException | None) -> None:
    """A message callback's exception has become the context of the error that `_ssl` raises."""
    if raised is handled or raised is None:
        return
    if not isinstance(raised, Exception):  # Ctrl-C while it ran
        raise raised
    raise _no_verdict(f"the message callback raised {raised!r}") from raised


def _verifies_before_it_looks_at_the_key(suites: Iterable[bytes], message: bytes) -> bool:
    client = _Client(_new_context(0, 0, False), None)
    try:
        if client.hears_hello(suites):
            client.accepts(message)
    except SSLCertVerificationError:  # since there is nothing in its store
        return True
    return False


# -- private contexts ---------------------------------------------------------------------------------------------------------------


def _new_context(flags: int, host_flags: int, check_hostname: bool) -> ssl.SSLContext:
    """With an empty store, for connections that verify by these settings."""
    try:
        context = plain_context()  # for a client, which requires a certificate
        context.options = 0  # type: ignore[assignment]  # OpenSSL's configuration may have forbidden TLS 1.2
        context.minimum_version = context.maximum_version = TLSVersion.TLSv1_2
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.verify_flags = flags  # type: ignore[assignment]
        context._host_flags = host_flags  # type: ignore[attr-defined]
        context.check_hostname = check_hostname
        if context.verify_flags & flags != flags:
            raise OverflowError("verify flags")
    except (OSError, ValueError, OverflowError) as error:
        raise _no_verdict(f"OpenSSL cannot make a client of TLS 1.2 ({error})") from error
    return context


#: A program has few ways of verifying; a context takes 60 KiB and as long to make as half a verdict.
_kept_context = lru_cache(maxsize=8)(_new_context)


# -- messages -----------------------------------------------------------------------------------------------------------------------


def _server_hello(suite: bytes) -> bytes:
    random, no_session, no_compression = bytes(32), b"\x00", b"\x00"
    return _message(SERVER_HELLO, TLS_1_2 + random + no_session + suite + no_compression + _vector(2, SECURE_RENEGOTIATION))


def _certificate_message(chain: Sequence[bytes]) -> bytes:
    """In records, as it goes over the wire."""
    if not chain:
        raise _no_verdict("there is none")
    if sum(3 + len(der) for der in chain) + 3 >= TOO_LONG:
        raise _no_verdict("they are larger than a message can be")
    return _records(_message(CERTIFICATE, _vector(3, b"".join(_vector(3, der) for der in chain))))


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + _vector(3, body)


def _vector(size: int, content: bytes) -> bytes:
    """After its length, in so many bytes."""
    return len(content).to_bytes(size, "big") + content


def _records(message: bytes) -> bytes:
    parts = (message[start : start + LARGEST_RECORD] for start in range(0, len(message), LARGEST_RECORD))
    return b"".join(HANDSHAKE + TLS_1_2 + _vector(2, part) for part in parts)


def _offered(hello: bytes) -> list[bytes]:
    """The cipher suites of a ClientHello in its record: they come after the session id, which comes after its length."""
    start = SESSION_ID + 1 + int.from_bytes(hello[SESSION_ID : SESSION_ID + 1], "big")
    end = start + 2 + int.from_bytes(hello[start : start + 2], "big")
    return [hello[at : at + 2] for at in range(start + 2, end, 2)]


def ders(certificates: Iterable[Certificate | None] | None) -> tuple[bytes, ...]:
    """The certificates that a connection object hands out, as DER."""
    return tuple(certificate.public_bytes(ENCODING_DER) for certificate in certificates or () if certificate)
