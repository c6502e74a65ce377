"""The question to a verifier, its answer, and the error it raises.

Where the operating system decides, the gate (`_connection`) asks one `Question` per handshake. The verifier, a plain function, either
returns the chain that it built (DER, leaf first, root included) or raises what `refusal()` makes. Nothing else is an answer: the gate
takes an empty chain and any other exception as a refusal too.

A question is a snapshot: it is taken when the connection is wrapped (all but the chain) and never changes afterwards, so a verifier can
be called from any thread, without a lock, however long it takes.
"""

from __future__ import annotations

import sys
from ssl import SSLCertVerificationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from ssl import VerifyFlags

    Verifier = Callable[["Question"], Sequence[bytes]]


class Platform:
    """Who decides, and where its anchors are: what messages and the command line say."""

    __slots__ = ("name", "store")

    def __init__(self, name: str, store: str) -> None:
        self.name, self.store = name, store


class Anchors:
    """Certificates that the user trusts in addition to the system's: DER, without duplicates, in the order they were loaded.

    Immutable: loading more makes another object. So a verifier may keep what it made of them (a chain engine, a CFArray) in
    `native`, where it lives as long as this set is in use. Two threads may both make one; the later stays, both work.
    """

    __slots__ = ("certificates", "native")

    def __init__(self, certificates: Iterable[bytes] = ()) -> None:
        self.certificates = tuple(dict.fromkeys(certificates))
        self.native: object = None

    def __len__(self) -> int:
        return len(self.certificates)

    def and_more(self, certificates: Iterable[bytes]) -> Anchors:
        """These and some more; itself if there is nothing new, so that `native` survives loading the same file again."""
        larger = Anchors((*self.certificates, *certificates))
        return larger if len(larger) > len(self) else self


class Question:
    """What a verifier needs to know about one connection."""

    __slots__ = ("anchors", "chain", "common_name", "flags", "hostname")

    def __init__(
        self,
        chain: Sequence[bytes],
        hostname: str | None,
        anchors: Anchors,
        flags: VerifyFlags,
        common_name: bool,
    ) -> None:
        #: The certificates as the peer sent them (DER, leaf first). Never empty.
        self.chain = tuple(chain)
        #: A-labels without trailing dot, or an IP address as text; None: the user switched the name check off.
        self.hostname = hostname
        self.anchors = anchors
        #: `SSLContext.verify_flags`. VERIFY_CRL_CHECK_LEAF and _CHAIN ask for revocation, otherwise none is wanted.
        self.flags = flags
        #: Whether the subject's common name counts where there is no DNS name (`hostname_checks_common_name`).
        self.common_name = common_name

    def about(self, chain: Sequence[bytes]) -> Question:
        """The same question about the chain that the peer turned out to send."""
        return Question(chain, self.hostname, self.anchors, self.flags, self.common_name)


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
) -> SSLCertVerificationError:
    """The error for a refused chain, as OpenSSL and CPython would raise it.

    `code` is OpenSSL's X509_V_ERR_* (``verify_code``); `words`, for ``verify_message``, are OpenSSL's unless given. `index` says which
    certificate of the chain is to blame. `platform_code` and `platform_message` are what the operating system said, a number as its
    documentation writes it and a sentence in the user's language: kept in attributes of these names, and appended to the message.
    On Python 3.11 and later a note names the certificate, its issuer, the store that was asked, and `remedy`.
    """
    words = words or _words(question, code)
    error = _error(code, words, _details(platform, platform_code, platform_message))
    vars(error).update(platform=platform.name, platform_code=platform_code, platform_message=platform_message)
    _annotate(error, _note(question, platform, index, remedy or REMEDIES.get(code, "")))
    return error


def no_verdict(question: Question, platform: Platform, why: str, platform_code: int | None = None) -> SSLCertVerificationError:
    """The refusal for want of an answer: the system failed, which says nothing about the peer."""
    words = f"the certificate could not be evaluated: {why}"
    return refusal(question, UNSPECIFIED, platform, words=words, platform_code=platform_code)


def nothing_to_verify_with(platform: Platform, passed_over: Iterable[tuple[str, str]]) -> SSLCertVerificationError:
    """The refusal to even connect: there is no anchor at all, neither the system's nor the user's."""
    looked_at = "; ".join(f"{path}: {why}" for path, why in passed_over) or "nowhere"
    return _without_peer(
        platform,
        f"no trusted roots were found on this system (looked at {looked_at})",
        "Install the system's certificates (often the package is named ca-certificates), or set SSL_CERT_FILE.",
    )


def unusable_store(platform: Platform, path: str, error: OSError) -> SSLCertVerificationError:
    """The refusal to even connect: the system's store is there, but cannot be loaded."""
    return _without_peer(
        platform,
        f"the system's store {path} cannot be loaded ({error})",
        "Repair it, by the system's own tool (update-ca-certificates, update-ca-trust and the like), or set SSL_CERT_FILE.",
    )


def _without_peer(platform: Platform, words: str, remedy: str) -> SSLCertVerificationError:
    error = _error(UNABLE_TO_GET_ISSUER_LOCALLY, words, "")
    vars(error).update(platform=platform.name, platform_code=None, platform_message="")
    _annotate(error, remedy)
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


def _annotate(error: SSLCertVerificationError, note: str) -> None:
    if sys.version_info >= (3, 11):
        error.add_note(note)


def _words(question: Question, code: int) -> str:
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


def _note(question: Question, platform: Platform, index: int, remedy: str) -> str:
    from . import _der  # for bad news only

    try:
        certificate = _der.Certificate(question.chain[index])
        subject, issuer = _der.name(certificate.subject), _der.name(certificate.issuer)
        whose = f"The certificate of [{subject}], issued by [{issuer}], was refused."
    except (IndexError, _der.Malformed):
        whose = "The peer's certificate is missing or cannot be read."
    count = len(question.anchors)
    loaded = f", and {count} certificate{'s' if count > 1 else ''} that the program loaded itself" if count else ""
    return " ".join(filter(None, (whose, f"Asked: {platform.name}, with {platform.store}{loaded}.", remedy)))


UNSPECIFIED = 1
UNABLE_TO_GET_ISSUER_LOCALLY = 20
HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH = 62, 64
MISMATCHES = {HOSTNAME_MISMATCH: "Hostname", IP_ADDRESS_MISMATCH: "IP address"}

_ADD_THE_ROOT = (
    "If this is a company's server or proxy, its root belongs into the system's store (ask the administrators), "
    "or into this program alone with SSLContext.load_verify_locations()."
)
#: What a user can do about it, by X509_V_ERR_* code.
REMEDIES = {
    9: "Check this machine's clock; if it is right, the server's operator has to act.",
    10: "Check this machine's clock; if it is right, the server's operator has to renew the certificate.",
    18: _ADD_THE_ROOT,
    19: _ADD_THE_ROOT,
    20: "The server may have left out an intermediate certificate, which its operator has to add. " + _ADD_THE_ROOT,
    23: "The certificate was withdrawn: do not go on, and tell the server's operator.",
    HOSTNAME_MISMATCH: "Connect by a name that the certificate lists, or have the server's operator add this one.",
    IP_ADDRESS_MISMATCH: "Connect by a name that the certificate lists, or have the server's operator add this address.",
}

#: X509_verify_cert_error_string() of OpenSSL 3.0, by X509_V_ERR_* code (openssl/x509_vfy.h).
OPENSSL_WORDS = {
    1: "unspecified certificate verification error",
    2: "unable to get issuer certificate",
    3: "unable to get certificate CRL",
    4: "unable to decrypt certificate's signature",
    5: "unable to decrypt CRL's signature",
    6: "unable to decode issuer public key",
    7: "certificate signature failure",
    8: "CRL signature failure",
    9: "certificate is not yet valid",
    10: "certificate has expired",
    11: "CRL is not yet valid",
    12: "CRL has expired",
    13: "format error in certificate's notBefore field",
    14: "format error in certificate's notAfter field",
    15: "format error in CRL's lastUpdate field",
    16: "format error in CRL's nextUpdate field",
    17: "out of memory",
    18: "self-signed certificate",
    19: "self-signed certificate in certificate chain",
    20: "unable to get local issuer certificate",
    21: "unable to verify the first certificate",
    22: "certificate chain too long",
    23: "certificate revoked",
    24: "issuer certificate doesn't have a public key",
    25: "path length constraint exceeded",
    26: "unsuitable certificate purpose",
    27: "certificate not trusted",
    28: "certificate rejected",
    29: "subject issuer mismatch",
    30: "authority and subject key identifier mismatch",
    31: "authority and issuer serial number mismatch",
    32: "key usage does not include certificate signing",
    33: "unable to get CRL issuer certificate",
    34: "unhandled critical extension",
    35: "key usage does not include CRL signing",
    36: "unhandled critical CRL extension",
    37: "invalid non-CA certificate (has CA markings)",
    38: "proxy path length constraint exceeded",
    39: "key usage does not include digital signature",
    40: "proxy certificates not allowed, please set the appropriate flag",
    41: "invalid or inconsistent certificate extension",
    42: "invalid or inconsistent certificate policy extension",
    43: "no explicit policy",
    44: "different CRL scope",
    45: "unsupported extension feature",
    46: "RFC 3779 resource not subset of parent's resources",
    47: "permitted subtree violation",
    48: "excluded subtree violation",
    49: "name constraints minimum and maximum not supported",
    50: "application verification failure",
    51: "unsupported name constraint type",
    52: "unsupported or invalid name constraint syntax",
    53: "unsupported or invalid name syntax",
    54: "CRL path validation error",
    55: "path loop",
    56: "Suite B: certificate version invalid",
    57: "Suite B: invalid public key algorithm",
    58: "Suite B: invalid ECC curve",
    59: "Suite B: invalid signature algorithm",
    60: "Suite B: curve not allowed for this LOS",
    61: "Suite B: cannot sign P-384 with P-256",
    62: "hostname mismatch",
    63: "email address mismatch",
    64: "IP address mismatch",
    65: "no matching DANE TLSA records",
    66: "EE certificate key too weak",
    67: "CA certificate key too weak",
    68: "CA signature digest algorithm too weak",
    69: "invalid certificate verification context",
    70: "issuer certificate lookup error",
    71: "Certificate Transparency required, but no valid SCTs found",
    72: "proxy subject name violation",
    73: "OCSP verification needed",
    74: "OCSP verification failed",
    75: "OCSP unknown cert",
    76: "Cannot find certificate signature algorithm",
    77: "subject signature algorithm and issuer public key algorithm mismatch",
    78: "cert info signature and signature algorithm mismatch",
    79: "invalid CA certificate",
    80: "Path length invalid for non-CA cert",
    81: "Path length given without key usage keyCertSign",
    82: "Key usage keyCertSign invalid for non-CA cert",
    83: "Issuer name empty",
    84: "Subject name empty",
    85: "Missing Authority Key Identifier",
    86: "Missing Subject Key Identifier",
    87: "Empty Subject Alternative Name extension",
    88: "Subject empty and Subject Alt Name extension not critical",
    89: "Basic Constraints of CA cert not marked critical",
    90: "Authority Key Identifier marked critical",
    91: "Subject Key Identifier marked critical",
    92: "CA cert does not include key usage extension",
    93: "Using cert extension requires at least X509v3",
    94: "Certificate public key has explicit ECC parameters",
}
