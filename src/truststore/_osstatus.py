"""What Security.framework's refusals mean: a table from its status codes to OpenSSL's, and what it leaves open.

Imported for bad news only. Apple judges every certificate by every rule of the policy and then reports the worst finding alone, so
an error never means that nothing else is wrong.
"""

from __future__ import annotations

import time

from . import _der, _verdict
from ._names import ip_address
from ._verdict import SECURITY_FRAMEWORK as PLATFORM
from ._verdict import no_verdict
from ._verify_codes import HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH, UNSPECIFIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLCertVerificationError

    from ._verdict import Question


def refusal(question: Question, status: int, description: str) -> SSLCertVerificationError:
    """The error for an OSStatus, with Apple's sentence about it, if there is one."""
    if status >= 0 or status in NO_VERDICT:
        return no_verdict(question, PLATFORM, description or NO_VERDICT.get(status, "an error without an error code"), status)
    name, code = ERRORS.get(status, ("", UNSPECIFIED))
    index, remedy = 0, REMEDIES.get(status, "")
    try:
        if status in OWN_LOOK:
            code, index = OWN_LOOK[status](question)
        if code == HOSTNAME_MISMATCH and not _der.Certificate(question.chain[0]).dns_names:
            remedy = NO_DNS_NAMES
    except _der.Malformed:
        index = 0  # what Apple says stands
    message = description or name
    return _verdict.refusal(question, code, PLATFORM, index=index, platform_code=status, platform_message=message, remedy=remedy)


def refusal_without_reason(question: Question, result: int) -> SSLCertVerificationError:
    """The error for one of `RESULTS`, which is all that macOS says before 10.14."""
    name, code = RESULTS[result]
    return _verdict.refusal(question, code, PLATFORM, platform_code=result, platform_message=name)


def _name_or_address(question: Question) -> tuple[int, int]:
    return (IP_ADDRESS_MISMATCH if ip_address(question.hostname or "") else HOSTNAME_MISMATCH), 0


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
    -9886: ("errSSLATSCertificateTrustViolation", 50),  # NSPinnedDomains of an application's Info.plist
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
    -25291: "errSecNotAvailable: no connection to trustd; a sandbox may forbid it",
    -26276: "errSecInternal: no connection to trustd; a sandbox may forbid it",
}
#: SecTrust.h, SecTrustResultType.
RESULTS = {
    3: ("kSecTrustResultDeny", 28),
    5: ("kSecTrustResultRecoverableTrustFailure", UNSPECIFIED),
    6: ("kSecTrustResultFatalTrustFailure", UNSPECIFIED),
}
_OWN_ROOT = (
    "or, if the authority is a private one, load its root in this program with SSLContext.load_verify_locations(): OpenSSL then judges it, "
    "and has no such rule."
)
#: What OpenSSL lets pass and Apple does not. https://support.apple.com/103769 (private authorities), 102028 (public ones).
REMEDIES = {
    -67609: (
        "Apple accepts a TLS server's certificate only if its extended key usage, if there is one, includes serverAuth. Below a public "
        "authority there must be one: have the certificate issued again."
    ),
    -67901: (
        "Apple accepts a TLS server's certificate issued since July 2019 only if it is valid for at most 825 days (398 from a public "
        f"authority): have it issued again for a shorter time, {_OWN_ROOT}"
    ),
    -67735: "Apple requires RSA keys of at least 2048 bits, elliptic curves of at least 256: have the certificate issued for another key.",
    -67815: "Apple accepts no signatures with MD5 or SHA-1: have the certificate issued again, with SHA-256.",
    -67654: 'Its trust is set to "Never Trust" in the keychain: ask the person who set that.',
    -67635: (
        "verify_flags ask for revocation, and macOS uses OCSP only: an authority without OCSP, like many public ones today, cannot "
        "answer. If you accept that, set the context's revocation_best_effort instead."
    ),
    -67825: "Apple accepts a public authority's certificate only if it is in Certificate Transparency logs: the server needs another.",
}
NO_DNS_NAMES = (
    "The certificate lists no DNS names, and Apple ignores its common name: have it issued again with DNS names, " + _OWN_ROOT
)
