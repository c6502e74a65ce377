"""macOS and iOS: ask Security.framework.

One SecTrust per question, evaluated once, on whichever thread asks: the work is done in another process (trustd), nothing here is shared
but the objects of a set of anchors, which never change, and the GIL is released during each call. So neither locks nor globals.

Order matters. The policy says what for: a TLS server of that name. The program's own anchors come first, then the word that they are not
the only ones (setting anchors silently excludes the system's). Then the evaluation, then the chain it built.

Every object is owned by the `_Objects` of its verification, which releases each once, however it ends; those of the anchors alone belong
to `_Anchors` and live as long as the set. NULL is a failure wherever it comes from and is never passed on: with a NULL policy Apple
checks neither name nor purpose, with a NULL name not the name, and CoreFoundation ends the process for a NULL in an array.
A system that fails has not said yes: every failure is a refusal that says "could not be evaluated".

CoreFoundation must not be used in a forked child, so there this is refused with a message instead of a crash.
"""

from __future__ import annotations

import os
import time
from socket import AF_INET, AF_INET6, inet_pton
from ssl import VerifyFlags

from . import _der
from ._verdict import HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH, UNSPECIFIED, Platform, no_verdict, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from ssl import SSLCertVerificationError

    from . import _security as security
    from . import _verdict
    from ._verdict import Question

REVOCATION = VerifyFlags.VERIFY_CRL_CHECK_LEAF | VerifyFlags.VERIFY_CRL_CHECK_CHAIN
PARTIAL = VerifyFlags.VERIFY_X509_PARTIAL_CHAIN

PLATFORM = Platform("Security.framework", "the keychains and Apple's root store")


def verify(question: Question) -> Sequence[bytes]:
    """The chain that Security.framework built and trusts: DER, leaf first, root included.

    Raises ssl.SSLCertVerificationError if it does not trust the peer, or could not tell; ImportError where ctypes does not work.
    """
    _require_frameworks(question)
    try:
        with _Objects() as objects:
            trust = _trust(question, objects)
            _evaluate(question, trust, objects)
            chain = _built_chain(trust, objects)
    except _Failure as failure:
        raise no_verdict(question, PLATFORM, failure.why, failure.status) from None
    return _confirmed(question, chain)


# --- what is asked


def _trust(question: Question, objects: _Objects) -> int:
    """A SecTrust that knows everything about the question."""
    anchors = _anchors(question)
    chain = objects.certificates(question.chain, "that the peer sent")
    certificates = objects.array([*chain, *anchors.others] if anchors else chain)
    policies = objects.array(_policies(question, objects))
    trust = security.Object()
    status = security.SecTrustCreateWithCertificates(certificates, policies, trust)
    objects.own_if_any(trust.value)
    _must_succeed("SecTrustCreateWithCertificates", status)
    pointer = _not_null("SecTrustCreateWithCertificates", trust.value)
    if anchors:  # in this order: the first call makes them the only ones, the second takes that back
        _must_succeed("SecTrustSetAnchorCertificates", security.SecTrustSetAnchorCertificates(pointer, anchors.array))
        _must_succeed("SecTrustSetAnchorCertificatesOnly", security.SecTrustSetAnchorCertificatesOnly(pointer, False))
    return pointer


def _anchors(question: Question) -> _Anchors | None:
    """What Apple reads the program's anchors as. Two threads may both make it: the later stays, both work."""
    partial = bool(question.flags & PARTIAL)
    native = question.anchors.native
    if question.anchors and not (isinstance(native, _Anchors) and native.partial == partial):
        native = question.anchors.native = _Anchors(question.anchors, partial)
    return native if isinstance(native, _Anchors) else None


def _policies(question: Question, objects: _Objects) -> list[int]:
    """What the certificate has to be good for: a TLS server of that name and, if asked for, not revoked."""
    policies = [objects.own("SecPolicyCreateSSL", security.SecPolicyCreateSSL(True, _name(question, objects)))]
    if question.flags & REVOCATION:
        # Every certificate is looked up; no answer is a refusal for the leaf alone: trustd has no way to ask for more.
        methods = security.kSecRevocationOCSPMethod | security.kSecRevocationCRLMethod
        revocation = security.SecPolicyCreateRevocation(methods | security.kSecRevocationRequirePositiveResponse)
        policies.append(objects.own("SecPolicyCreateRevocation", revocation))
    return policies


def _name(question: Question, objects: _Objects) -> int | None:
    """The name as a CFString; None only if the user switched the check off."""
    if question.hostname is None:
        return None
    if not question.hostname:
        raise _Failure("there is no name to compare with the certificate's")
    return objects.string(_in_full(question.hostname))


def _in_full(hostname: str) -> str:
    """An IPv6 address as eight groups: what Apple reads as an address has no zone and no IPv4 address inside."""
    address = _address(hostname)
    return address.hex(":", 2) if address and len(address) == 16 else hostname


def _address(hostname: str) -> bytes | None:
    """The IP address that `hostname` is, in network byte order. A zone says how to get there, not who that is (RFC 6874)."""
    try:
        return inet_pton(AF_INET6, hostname.partition("%")[0]) if ":" in hostname else inet_pton(AF_INET, hostname)
    except (OSError, ValueError):
        return None


# --- what is answered


def _evaluate(question: Question, trust: int, objects: _Objects) -> None:
    """Return if the peer is trusted, else raise."""
    if security.SecTrustEvaluateWithError is not None:
        _evaluate_with_error(question, trust, objects)
    elif security.SecTrustEvaluate is not None:
        _evaluate_to_result(question, trust)
    else:
        raise _Failure("this system has neither SecTrustEvaluateWithError nor SecTrustEvaluate")


def _evaluate_with_error(question: Question, trust: int, objects: _Objects) -> None:
    error = security.Object()
    trusted = security.SecTrustEvaluateWithError(trust, error)  # type: ignore[misc]
    objects.own_if_any(error.value)
    if trusted == 0 and error.value:
        raise _refusal(question, security.CFErrorGetCode(error), objects.text(security.CFErrorCopyDescription(error)))
    if trusted != 1 or error.value:
        raise _Failure(f"SecTrustEvaluateWithError answered {trusted} with{'' if error.value else 'out'} an error")


def _evaluate_to_result(question: Question, trust: int) -> None:
    """For macOS before 10.14, which does not say why."""
    result = security.SecTrustResultType()
    _must_succeed("SecTrustEvaluate", security.SecTrustEvaluate(trust, result))  # type: ignore[misc]
    if result.value in (security.kSecTrustResultProceed, security.kSecTrustResultUnspecified):
        return
    if result.value not in RESULTS:
        raise _Failure(f"SecTrustEvaluate answered {result.value}")
    name, code = RESULTS[result.value]
    raise refusal(question, code, PLATFORM, platform_code=result.value, platform_message=name)


def _built_chain(trust: int, objects: _Objects) -> list[bytes]:
    return [objects.contents(security.SecCertificateCopyData(certificate)) for certificate in _built(trust, objects)]


def _built(trust: int, objects: _Objects) -> Iterable[int]:
    """The certificates of the chain, borrowed."""
    count: Callable[[int], int]
    get: Callable[[int, int], int | None]
    if security.SecTrustCopyCertificateChain is not None:
        holder = objects.own("SecTrustCopyCertificateChain", security.SecTrustCopyCertificateChain(trust))
        count, get = security.CFArrayGetCount, security.CFArrayGetValueAtIndex
    elif security.SecTrustGetCertificateCount is not None and security.SecTrustGetCertificateAtIndex is not None:
        holder = trust
        count, get = security.SecTrustGetCertificateCount, security.SecTrustGetCertificateAtIndex
    else:
        raise _Failure("this system does not give away the chain it built")
    for index in range(count(holder)):
        yield _not_null("the chain that was built", get(holder, index))


def _confirmed(question: Question, chain: list[bytes]) -> list[bytes]:
    """The chain, if it is an answer to the question."""
    if not chain or chain[0] != question.chain[0]:
        raise no_verdict(question, PLATFORM, "the chain that was built is not the peer's")
    address = _address(question.hostname or "")
    if address and address not in _addresses(chain[0]):  # for Apple a DNS name that spells it will do
        raise refusal(question, IP_ADDRESS_MISMATCH, PLATFORM)
    return chain


def _addresses(certificate: bytes) -> list[bytes]:
    try:
        return _der.Certificate(certificate).addresses
    except _der.Malformed:
        return []


# --- why not


def _refusal(question: Question, status: int, description: str) -> SSLCertVerificationError:
    if status >= 0 or status in NO_VERDICT:
        return no_verdict(question, PLATFORM, description or NO_VERDICT.get(status, "an error that is none"), status)
    name, code = ERRORS.get(status, ("", UNSPECIFIED))
    index, remedy = 0, REMEDIES.get(status, "")
    try:
        if status in OWN_LOOK:
            code, index = OWN_LOOK[status](question)
        if status == -67602 and not _der.Certificate(question.chain[0]).dns_names:
            remedy = NO_DNS_NAMES
    except _der.Malformed:
        index = 0  # what Apple says stands
    message = description or name
    return refusal(question, code, PLATFORM, index=index, platform_code=status, platform_message=message, remedy=remedy)


def _name_or_address(question: Question) -> tuple[int, int]:
    return (IP_ADDRESS_MISMATCH if _address(question.hostname or "") else HOSTNAME_MISMATCH), 0


def _no_issuer(question: Question) -> tuple[int, int]:
    return 20, len(question.chain) - 1


def _not_trusted(question: Question) -> tuple[int, int]:
    """The chain ends in a self-signed certificate, which may be the only one."""
    leaf = _der.Certificate(question.chain[0])
    return (18, 0) if leaf.subject == leaf.issuer else (19, len(question.chain) - 1)


def _out_of_date(question: Question) -> tuple[int, int]:
    """Apple says "expired" of both; which it is, and of whom, the certificates say."""
    now = time.strftime("%Y%m%d%H%M%SZ", time.gmtime())
    for index, certificate in enumerate(map(_der.Certificate, question.chain)):
        if now < certificate.not_before:
            return 9, index
        if certificate.not_after < now:
            return 10, index
    return 10, 0


def _weak_key(question: Question) -> tuple[int, int]:
    """Of the peer's own certificate (EE), or of an authority's (CA), which it may not have sent."""
    for index, certificate in enumerate(map(_der.Certificate, question.chain)):
        if _key_bits(certificate) < (2048 if _is_rsa(certificate) else 256):
            return (67 if index else 66), index
    return 67, len(question.chain) - 1


def _is_rsa(certificate: _der.Certificate) -> bool:
    return RSA_ENCRYPTION in certificate.public_key[:32]


def _key_bits(certificate: _der.Certificate) -> int:
    """Of the modulus, or of one coordinate of an uncompressed point."""
    *_, (_, bits) = _der.elements(certificate.public_key)
    key = bits[1:]  # after the count of unused bits
    if not _is_rsa(certificate):
        return (len(key) - 1) * 4
    for _, sequence in _der.elements(key):
        for _, modulus in _der.elements(sequence):
            return int.from_bytes(modulus, "big").bit_length()
    raise _der.Malformed("an RSA key without a modulus")


RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")

#: SecBase.h: what it is called there, and what OpenSSL calls it (X509_V_ERR_*). Of several, Apple reports the worst alone: those
#: higher up in this table first, of equals that of the certificate nearest to the leaf.
ERRORS = {
    # revoked
    -67820: ("errSecCertificateRevoked", 23),
    # key size
    -67735: ("errSecUnsupportedKeySize", 66),
    # weak hash
    -67815: ("errSecInvalidDigestAlgorithm", 68),
    # denied
    -67654: ("errSecTrustSettingDeny", 28),
    # compliance
    -67603: ("errSecUnknownCriticalExtensionFlag", 34),
    -67604: ("errSecNoBasicConstraints", 79),
    -67605: ("errSecNoBasicConstraintsCA", 79),
    -67610: ("errSecInvalidIDLinkage", 30),
    -67611: ("errSecPathLengthConstraintExceeded", 25),
    -67618: ("errSecUnknownCertExtension", 41),
    -67655: ("errSecInvalidSubjectName", 84),
    -67689: ("errSecInvalidName", 47),
    -67690: ("errSecInvalidCertificateRef", 41),
    -67825: ("errSecVerifyActionFailed", 50),
    -67835: ("errSecInvalidPolicyIdentifiers", 43),
    -67899: ("errSecCertificatePolicyNotAllowed", 28),
    -67900: ("errSecCertificateNameNotAllowed", 47),
    -67901: ("errSecCertificateValidityPeriodTooLong", 50),
    -67902: ("errSecCertificateIsCA", 79),
    -67903: ("errSecCertificateDuplicateExtension", 41),
    # pinning
    -67635: ("errSecIncompleteCertRevocationCheck", 3),
    -67880: ("errSecMissingRequiredExtension", 41),
    -67612: ("errSecInvalidRoot", 27),
    # trust
    -67843: ("errSecNotTrusted", 19),
    -25318: ("errSecCreateChainFailed", 20),
    -26267: ("errSecNotSigner", 7),
    # usage
    -67608: ("errSecInvalidKeyUsageForPolicy", 26),
    -67609: ("errSecInvalidExtendedKeyUsage", 26),
    -67629: ("errSecSSLBadExtendedKeyUsage", 26),
    # name
    -67602: ("errSecHostNameMismatch", HOSTNAME_MISMATCH),
    # dates
    -67818: ("errSecCertificateExpired", 10),
    -67819: ("errSecCertificateNotValidYet", 9),
}
#: What Apple leaves open and the certificates themselves tell: each answers the code, and which certificate is to blame.
OWN_LOOK = {
    -67602: _name_or_address,
    -67735: _weak_key,
    -67818: _out_of_date,
    -67843: _not_trusted,
    -25318: _no_issuer,
}
#: Errors of the call, or of a system that did not get to look at the certificate. errSecInternal is in no public header.
NO_VERDICT = {
    -50: "errSecParam",
    -25291: "errSecNotAvailable: no connection to trustd, which a sandbox may be forbidding",
    -26276: "errSecInternal: no connection to trustd, which a sandbox may be forbidding",
}
#: SecTrust.h, SecTrustResultType.
RESULTS = {
    3: ("kSecTrustResultDeny", 28),
    5: ("kSecTrustResultRecoverableTrustFailure", UNSPECIFIED),
    6: ("kSecTrustResultFatalTrustFailure", UNSPECIFIED),
}
#: What OpenSSL lets pass and Apple does not. https://support.apple.com/103769 (private authorities), 102028 (public ones).
REMEDIES = {
    -67609: (
        "Apple takes a TLS server's certificate only if its extended key usage allows serverAuth, and one issued since July 2019 by an "
        "authority that the program loaded only if it says so: have it issued again, or the authority trusted in the keychain."
    ),
    -67901: (
        "Apple takes a TLS server's certificate issued since July 2019 only if it is valid for 825 days or less, from a public "
        "authority for 398: have it issued again for a shorter time."
    ),
    -67735: "Apple takes RSA keys of 2048 bits or more and elliptic curves of 256 or more: have the certificate issued for another key.",
    -67815: "Apple takes no signatures by MD5 or SHA-1: have the certificate issued again, with SHA-256.",
    -67654: 'Its trust is set to "Never Trust" in the keychain: ask whoever did so.',
    -67635: "Revocation was asked for with verify_flags, but nobody who must know answered.",
    -67825: "Apple takes a public authority's certificate only if it is in Certificate Transparency logs: its operator has to act.",
}
NO_DNS_NAMES = "The certificate lists no DNS names, and Apple does not look at its common name: have it issued again, with them."


# --- the frameworks, and who frees what


class _Failure(Exception):
    """A call failed: nothing is known about the peer."""

    def __init__(self, why: str, status: int | None = None) -> None:
        self.why, self.status = why, status


class _Frameworks:
    """`_security`, imported when the first of its names is looked up: that loads ctypes and the frameworks."""

    def __getattr__(self, name: str) -> object:
        from . import _security

        return getattr(_security, name)


if not TYPE_CHECKING:
    security = _Frameworks()


def _require_frameworks(question: Question) -> None:
    try:
        loaded_by = security.loaded_by
    except ImportError as error:  # CPython 3.12 in a sub-interpreter with a GIL of its own
        raise ImportError(
            f"truststore cannot ask {PLATFORM.name}, since ctypes does not work in this interpreter: {error}"
        ) from error
    except (OSError, AttributeError) as error:
        raise no_verdict(question, PLATFORM, f"its functions cannot be loaded: {error}") from error
    if loaded_by != os.getpid():
        why = "Apple's frameworks cannot be used in a forked child; start processes with multiprocessing's 'spawn', or connect first here"
        raise no_verdict(question, PLATFORM, why)


def _must_succeed(call: str, status: int) -> None:
    if status != 0:
        raise _Failure(f"{call} failed", status)


def _not_null(call: str, pointer: int | None) -> int:
    if not pointer:
        raise _Failure(f"{call} answered NULL")
    return pointer


class _Objects:
    """The objects of one verification: each is released once, in reverse order, however it ends."""

    __slots__ = ("_owned",)

    def __init__(self) -> None:
        self._owned: list[int] = []

    def __enter__(self) -> _Objects:
        return self

    def __exit__(self, *exception: object) -> None:
        while self._owned:
            security.CFRelease(self._owned.pop())

    def own(self, call: str, pointer: int | None) -> int:
        """Take over what `call` made."""
        self._owned.append(_not_null(call, pointer))
        return self._owned[-1]

    def own_if_any(self, pointer: int | None) -> None:
        """Take over what a call may have made, whatever else it says."""
        if pointer:
            self._owned.append(pointer)

    def without(self, *pointers: int) -> list[int]:
        """Give up objects that belong to somebody else from now on."""
        self._owned = [pointer for pointer in self._owned if pointer not in pointers]
        return list(pointers)

    def string(self, text: str) -> int:
        encoded = text.encode()
        string = security.CFStringCreateWithBytes(None, encoded, len(encoded), security.kCFStringEncodingUTF8, False)
        return self.own("CFStringCreateWithBytes", string)

    def array(self, pointers: Sequence[int]) -> int:
        values = (security.Object * len(pointers))(*pointers)
        array = security.CFArrayCreate(None, values, len(pointers), security.kCFTypeArrayCallBacks)
        return self.own("CFArrayCreate", array)

    def certificates(self, chain: Sequence[bytes], which: str) -> list[int]:
        """Apple's view of them. It reads some certificates not that OpenSSL does, which must not pass for none."""
        made: list[int] = []
        for number, der in enumerate(chain, 1):
            data = self.own("CFDataCreate", security.CFDataCreate(None, der, len(der)))
            certificate = security.SecCertificateCreateWithData(None, data)
            if not certificate:
                raise _Failure(f"certificate {number} of the {len(chain)} {which} cannot be read")
            made.append(self.own("SecCertificateCreateWithData", certificate))
        return made

    def contents(self, data: int | None) -> bytes:
        """What is in a CFData, which is taken over."""
        from ctypes import string_at

        self.own("SecCertificateCopyData", data)
        length, start = security.CFDataGetLength(data), security.CFDataGetBytePtr(data)
        if length <= 0:
            raise _Failure("CFDataGetLength answered that the certificate is empty")
        return string_at(_not_null("CFDataGetBytePtr", start), length)

    def text(self, string: int | None) -> str:
        """What is in a CFString, which is taken over; nothing if that cannot be read, since it says what is known already.

        It quotes the peer's own names: however long, and with what a terminal would obey.
        """
        from ctypes import create_string_buffer

        self.own_if_any(string)
        length = security.CFStringGetLength(string) if string else 0
        size = security.CFStringGetMaximumSizeForEncoding(length, security.kCFStringEncodingUTF8) + 1 if length > 0 else 0
        if size <= 0:
            return ""
        buffer = create_string_buffer(size)
        if security.CFStringGetCString(string, buffer, size, security.kCFStringEncodingUTF8) != 1:
            return ""
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in buffer.value.decode("utf-8", "replace"))


class _Anchors:
    """A set of anchors as Apple's objects: made once, used by any number of threads, released with the set.

    For Apple any certificate can be an anchor. For OpenSSL, unless partial chains are allowed, a root alone can; others help to build
    the chain, so they are handed over beside the peer's.
    """

    __slots__ = ("_objects", "_process", "_release", "array", "others", "partial")

    def __init__(self, anchors: _verdict.Anchors, partial: bool) -> None:
        self._objects: list[int] = []
        self._release, self._process = security.CFRelease, os.getpid()
        self.partial = partial
        with _Objects() as objects:
            certificates = objects.certificates(anchors.certificates, "that the program loaded")
            roots = [partial or _is_root(der) for der in anchors.certificates]
            self.array = objects.array([certificate for certificate, is_root in zip(certificates, roots) if is_root])
            self.others = [certificate for certificate, is_root in zip(certificates, roots) if not is_root]
            self._objects = objects.without(self.array, *self.others)

    def __del__(self) -> None:
        if self._process == os.getpid():
            for pointer in self._objects:
                self._release(pointer)


def _is_root(der: bytes) -> bool:
    try:
        certificate = _der.Certificate(der)
    except _der.Malformed:
        return False
    return certificate.subject == certificate.issuer
