"""The question to a verifier, its answer, and the error it raises.

Where the operating system decides, the gate (`_connection`) asks one `Question` per handshake. The verifier, a plain function, either
returns the chain that it built (DER, leaf first, root included) or raises what `refusal()` makes. Nothing else is an answer: the gate
takes an empty chain and any other exception as a refusal too.

A question is a snapshot: it is taken when the connection is wrapped (all but the chain) and never changes afterwards, so a verifier can
be called from any thread, without a lock, however long it takes.
"""

from __future__ import annotations

import sys
from ssl import VERIFY_CRL_CHECK_LEAF, SSLCertVerificationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from ssl import VerifyFlags

    from . import _der

    Verifier = Callable[["Question"], Sequence[bytes]]


class Platform:
    """Who decides, and where its anchors are: what messages and the command line say."""

    __slots__ = ("name", "store")

    def __init__(self, name: str, store: str) -> None:
        self.name: str = name
        self.store: str = store


OPENSSL = Platform("OpenSSL", "the system's store")
OWN = Platform("OpenSSL", "what the program loaded")
CPYTHON = Platform("CPython", "its deny list of authorities")
CRYPTOAPI = Platform("CryptoAPI", "the Windows certificate stores")
SECURITY_FRAMEWORK = Platform("Security.framework", "the keychains and Apple's root store")


class Question:
    """What a verifier is asked about one connection."""

    __slots__ = ("chain", "common_name", "flags", "revocation_best_effort", "security_level", "server_hostname")

    def __init__(
        self,
        chain: Sequence[bytes],
        server_hostname: str | None,
        flags: VerifyFlags,
        common_name: bool,
        security_level: int = 2,
        revocation_best_effort: bool = False,
    ) -> None:
        #: The certificates as the peer sent them (DER, leaf first). Never empty.
        self.chain: tuple[bytes, ...] = tuple(chain)
        #: The host name (as A-labels) or the IP address to check; None if the name check is off.
        self.server_hostname: str | None = server_hostname
        #: The context's `ssl.SSLContext.verify_flags`. The flags for CRLs ask for revocation, and require an answer.
        self.flags: VerifyFlags = flags
        #: Whether the common name counts if there is no DNS name (`ssl.SSLContext.hostname_checks_common_name`).
        self.common_name: bool = common_name
        #: OpenSSL's security level, 0 to 5 (`ssl.SSLContext.security_level`).
        self.security_level: int = security_level
        #: Whether to check revocation, and accept certificates without an answer. False if `flags` ask for revocation.
        self.revocation_best_effort: bool = revocation_best_effort and not flags & VERIFY_CRL_CHECK_LEAF

    @property
    def hostname(self) -> str | None:
        """The name as it is compared with the certificate's: without a trailing dot."""
        from ._names import as_compared  # for gates only

        return self.server_hostname and as_compared(self.server_hostname)

    def about(self, chain: Sequence[bytes]) -> Question:
        """The same question about the chain that the peer turned out to send."""
        best_effort = self.revocation_best_effort
        return Question(chain, self.server_hostname, self.flags, self.common_name, self.security_level, best_effort)


def refusal(
    question: Question,
    code: int,
    platform: Platform,
    *,
    words: str = "",
    index: int = 0,
    platform_code: int | None = None,
    platform_message: str = "",
    remedy: str = "",
    whose: str = "",
) -> SSLCertVerificationError:
    """The error for a refused chain, as OpenSSL and CPython would raise it.

    `code` is OpenSSL's X509_V_ERR_* (``verify_code``); `words`, for ``verify_message``, are OpenSSL's unless given. `index` says which
    certificate of the chain is to blame. `platform_code` and `platform_message` are what the operating system said, a number as its
    documentation writes it and a sentence in the user's language: kept in attributes of these names, and appended to the message.
    On Python 3.11 and later a note names the certificate, its issuer (or says what `whose` does), the store that was asked, and `remedy`.
    """
    words = words or _words(question, code)
    error = _error(code, words, _details(platform, platform_code, platform_message))
    tell(error, platform, whose or _whose(question, index), remedy, platform_code, platform_message)
    return error


def tell(
    error: SSLCertVerificationError,
    platform: Platform,
    whose: str,
    remedy: str = "",
    platform_code: int | None = None,
    platform_message: str = "",
) -> None:
    """Have the error carry who refused, and a note: whose certificate, who was asked, and the remedy, the code's unless given.

    What OpenSSL says is the verify code, and its words.
    """
    from . import _der
    from ._verify_codes import REMEDIES  # for bad news only

    if platform.name == OPENSSL.name:
        platform_code, platform_message = error.verify_code, error.verify_message
    who = _der.printable(f"{platform.name}, with {platform.store}")  # a path may be anybody's text
    vars(error).update(platform=platform.name, platform_code=platform_code, platform_message=platform_message, _asked=who)
    annotate(error, " ".join(filter(None, (whose, f"Asked: {who}.", remedy or REMEDIES.get(error.verify_code, "")))))


def no_verdict(question: Question, platform: Platform, why: str, platform_code: int | None = None) -> SSLCertVerificationError:
    """The refusal for want of an answer: the system failed, which says nothing about the peer."""
    from ._verify_codes import UNSPECIFIED  # for bad news only

    words = f"the certificate could not be evaluated: {why}"
    return refusal(question, UNSPECIFIED, platform, words=words, platform_code=platform_code)


def further(first: SSLCertVerificationError, second: SSLCertVerificationError) -> SSLCertVerificationError:
    """Of two judges' refusals a copy of the one that got further, which says more; its note names the other judge.

    Not to know the issuer is where verification ends first. If both got further, or neither did, it is the first.
    """
    from ._verify_codes import UNKNOWN_ISSUER  # for bad news only

    later = first.verify_code in UNKNOWN_ISSUER and second.verify_code not in UNKNOWN_ISSUER
    said, other = (again(second), first) if later else (again(first), second)
    annotate(said, f"Also asked: {vars(other).get('_asked', 'the system')}: {other.verify_message}")
    return said


def nothing_to_verify_with(platform: Platform, passed_over: Iterable[tuple[str, str]]) -> SSLCertVerificationError:
    """The refusal to even connect: there is no anchor at all, neither the system's nor the user's."""
    return _without_peer(
        platform,
        f"no trusted roots were found on this system ({looked_at(passed_over)})",
        "Install the system's CA certificates (the package is often named ca-certificates), or set SSL_CERT_FILE.",
    )


def looked_at(passed_over: Iterable[tuple[str, str]]) -> str:
    """What was considered, and is not used."""
    return f"looked at {'; '.join(f'{path}: {why}' for path, why in passed_over) or 'nowhere'}"


def unusable_store(platform: Platform, path: str, error: OSError) -> SSLCertVerificationError:
    """The refusal to even connect: the system's store is there, but cannot be loaded."""
    return _without_peer(
        platform,
        f"the system's store {path} cannot be loaded ({error})",
        "Repair it with the system's own tool (update-ca-certificates, update-ca-trust and the like), or set SSL_CERT_FILE.",
    )


def own_anchors_are_lost(platform: Platform, why: str) -> SSLCertVerificationError:
    """The refusal to even connect: own anchors alone may vouch, and which those are cannot be told."""
    return _without_peer(
        platform,
        f"the certificates that the program loaded can no longer be told from the system's ({why})",
        "Use a separate context for connections that should trust only the program's own certificates.",
    )


def _without_peer(platform: Platform, words: str, remedy: str) -> SSLCertVerificationError:
    from ._verify_codes import UNABLE_TO_GET_ISSUER_LOCALLY  # for bad news only

    error = _error(UNABLE_TO_GET_ISSUER_LOCALLY, words, "")
    vars(error).update(platform=platform.name, platform_code=None, platform_message="")
    annotate(error, remedy)
    return error


def again(error: SSLCertVerificationError) -> SSLCertVerificationError:
    """A fresh copy to raise. Keeping and raising the original would tie the connection to its own traceback, in a cycle."""
    copy = type(error)(*error.args)
    vars(copy).update(vars(error))
    if "__notes__" in vars(copy):
        vars(copy)["__notes__"] = list(vars(copy)["__notes__"])
    return copy


def _error(code: int, words: str, appended: str) -> SSLCertVerificationError:
    """As _ssl.c makes it: the number is SSL_ERROR_SSL (8 would be SSL_ERROR_EOF, which SSLSocket.read() swallows)."""
    error = SSLCertVerificationError(1, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {words}{appended}")
    vars(error).update(library="SSL", reason="CERTIFICATE_VERIFY_FAILED", verify_code=code, verify_message=words)
    return error


def annotate(error: SSLCertVerificationError, note: str) -> None:
    """Add a note, of one line or several, where Python has notes."""
    if sys.version_info >= (3, 11):
        from . import _der  # for bad news only

        error.add_note("\n".join(map(_der.printable, note.split("\n"))))


def _words(question: Question, code: int) -> str:
    from ._verify_codes import MISMATCHES, OPENSSL_WORDS, UNSPECIFIED  # for bad news only

    if code in MISMATCHES and question.hostname is not None:  # CPython's own sentence, _ssl.c fill_and_set_sslerror()
        return f"{MISMATCHES[code]} mismatch, certificate is not valid for '{question.hostname}'."
    return OPENSSL_WORDS.get(code, OPENSSL_WORDS[UNSPECIFIED])


def _details(platform: Platform, code: int | None, message: str) -> str:
    """What is appended to the message, in one line: the platform's sentence may quote a name that the peer chose."""
    from . import _der  # for bad news only

    details = ", ".join(filter(None, (_der.printable(" ".join(message.split())), _number(code))))
    return f" ({platform.name}: {details})" if details else ""


def _number(code: int | None) -> str:
    """As the vendors write them: Apple's OSStatus is negative and decimal, Microsoft's HRESULT hexadecimal."""
    return "" if code is None else str(code) if abs(code) < 0x20000 else f"0x{code & 0xFFFFFFFF:08X}"


#: Said of a certificate that cannot be named.
UNREADABLE = "The peer's certificate is missing or cannot be read."


def _whose(question: Question, index: int) -> str:
    from . import _der  # for bad news only

    try:
        return blamed(_der.Certificate(question.chain[index]))
    except (IndexError, _der.Malformed):
        return UNREADABLE


def blamed(certificate: _der.Certificate) -> str:
    """That it is this one that was refused."""
    from . import _der  # for bad news only

    return f"The certificate of [{_der.shown(certificate.subject)}], issued by [{_der.shown(certificate.issuer)}], was refused."
