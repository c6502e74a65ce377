"""Windows: ask CryptoAPI whether the system trusts a server.

The order of calls: the certificates that the peer sent go into a store in memory; CertGetCertificateChain builds one chain from the leaf
to a root, with the intermediates from that store, and checks signatures, times, usages, constraints and, if asked, revocation;
CertVerifyCertificateChainPolicy applies the rules of TLS to it, the server's name above all. A pass needs both to find nothing: the
policy keeps quiet about some errors of the chain (Wine's about many).

Whose roots: the system's, by its own chain engine. What the program loads is not known here; OpenSSL judges that, before.

Threads: nothing is kept from one question to the next, and nothing is shared but constant structures, which Windows only reads. ctypes
gives up the GIL in every call, the one that may fetch from the network included.

Who frees what: each handle belongs to an `_Owned`, which gives it back exactly once, whatever happens in between. A chain that is returned
is a copy in bytes.
"""

from __future__ import annotations

import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_int32, pointer, string_at
from ssl import VERIFY_CRL_CHECK_LEAF

from . import _crypt32, _der, _verdict
from ._names import ip_address
from ._verdict import CRYPTOAPI as PLATFORM
from ._verify_codes import IP_ADDRESS_MISMATCH, UNSPECIFIED

if sys.platform != "win32":
    raise ImportError("CryptoAPI is part of Windows")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ._verdict import Question

#: What looking up revocation may take in all, in milliseconds. For fetching issuers no limit is documented but Windows' own.
URL_TIMEOUT = 10_000

#: Obsolete, and set by Windows for chains that everybody accepts: that a certificate outlives its issuer.
IGNORED = _crypt32.CERT_TRUST_IS_NOT_TIME_NESTED
#: Of a certificate that may have been revoked, or not.
NOT_FOUND_OUT = _crypt32.CERT_TRUST_REVOCATION_STATUS_UNKNOWN | _crypt32.CERT_TRUST_IS_OFFLINE_REVOCATION
#: How it shows that the chain does not lead to a root of the system.
NO_ANCHOR = _crypt32.CERT_TRUST_IS_PARTIAL_CHAIN | _crypt32.CERT_TRUST_IS_UNTRUSTED_ROOT

CRL_CHECK_ALL = 0x8  # VERIFY_CRL_CHECK_CHAIN is this bit and VERIFY_CRL_CHECK_LEAF

SELF_SIGNED_LEAF, UNTRUSTED_ROOT, MISMATCH, EXPIRED, NOT_YET_VALID = 18, 19, 62, 10, 9


class Finding:
    """Something that can be wrong: OpenSSL's code for it, and how CryptoAPI says it (a bit of the chain's status, HRESULTs)."""

    __slots__ = ("bit", "code", "hresults", "remedy")

    def __init__(self, code: int, bit: int, *hresults: int, remedy: str = "") -> None:
        self.code, self.bit, self.hresults, self.remedy = code, bit, hresults, remedy


#: First what is final, then in the order in which OpenSSL looks (X509_verify_cert), so that of several the same is reported as there.
FINDINGS = (
    Finding(28, _crypt32.CERT_TRUST_IS_EXPLICIT_DISTRUST, _crypt32.TRUST_E_EXPLICIT_DISTRUST),
    Finding(23, _crypt32.CERT_TRUST_IS_REVOKED, _crypt32.CERT_E_REVOKED, _crypt32.CRYPT_E_REVOKED),
    Finding(20, _crypt32.CERT_TRUST_IS_PARTIAL_CHAIN, _crypt32.CERT_E_CHAINING, _crypt32.CERT_E_ISSUERCHAINING),
    Finding(UNTRUSTED_ROOT, _crypt32.CERT_TRUST_IS_UNTRUSTED_ROOT, _crypt32.CERT_E_UNTRUSTEDROOT, _crypt32.CERT_E_UNTRUSTEDTESTROOT),
    Finding(27, 0, _crypt32.CERT_E_UNTRUSTEDCA),
    Finding(55, _crypt32.CERT_TRUST_IS_CYCLIC),
    Finding(34, _crypt32.CERT_TRUST_HAS_NOT_SUPPORTED_CRITICAL_EXT, _crypt32.CERT_E_CRITICAL),
    Finding(41, _crypt32.CERT_TRUST_INVALID_EXTENSION, _crypt32.CERT_E_MALFORMED),
    Finding(79, _crypt32.CERT_TRUST_INVALID_BASIC_CONSTRAINTS, _crypt32.TRUST_E_BASIC_CONSTRAINTS, _crypt32.CERT_E_ROLE),
    Finding(25, 0, _crypt32.CERT_E_PATHLENCONST),
    Finding(26, _crypt32.CERT_TRUST_IS_NOT_VALID_FOR_USAGE, _crypt32.CERT_E_WRONG_USAGE, _crypt32.CERT_E_PURPOSE),
    Finding(
        68, _crypt32.CERT_TRUST_HAS_WEAK_SIGNATURE, _crypt32.NTE_BAD_ALGID,
        remedy="By the settings of this Windows its key is too short, or its signature uses an outdated hash (MD5, SHA-1).",
    ),
    Finding(MISMATCH, 0, _crypt32.CERT_E_CN_NO_MATCH),
    Finding(
        3, _crypt32.CERT_TRUST_IS_OFFLINE_REVOCATION, _crypt32.CRYPT_E_REVOCATION_OFFLINE, _crypt32.CERT_E_REVOCATION_FAILURE,
        remedy="Revocation was asked for, but the issuer's server did not answer in time, or the certificate names none.",
    ),
    Finding(
        3, _crypt32.CERT_TRUST_REVOCATION_STATUS_UNKNOWN, _crypt32.CRYPT_E_NO_REVOCATION_CHECK,
        remedy="Revocation was asked for, but the certificate does not say where to check it. "
        "If you accept that, set the context's revocation_best_effort instead of VERIFY_CRL_CHECK_LEAF or _CHAIN in verify_flags.",
    ),
    Finding(7, _crypt32.CERT_TRUST_IS_NOT_SIGNATURE_VALID, _crypt32.TRUST_E_CERT_SIGNATURE, _crypt32.NTE_BAD_SIGNATURE),
    Finding(EXPIRED, _crypt32.CERT_TRUST_IS_NOT_TIME_VALID, _crypt32.CERT_E_EXPIRED, _crypt32.CERT_E_VALIDITYPERIODNESTING),
    Finding(47, _crypt32.CERT_TRUST_HAS_NOT_PERMITTED_NAME_CONSTRAINT, _crypt32.CERT_E_INVALID_NAME),
    Finding(48, _crypt32.CERT_TRUST_HAS_EXCLUDED_NAME_CONSTRAINT, _crypt32.CERT_E_INVALID_NAME),
    Finding(51, _crypt32.CERT_TRUST_HAS_NOT_SUPPORTED_NAME_CONSTRAINT, _crypt32.CERT_E_INVALID_NAME),
    Finding(51, _crypt32.CERT_TRUST_HAS_NOT_DEFINED_NAME_CONSTRAINT, _crypt32.CERT_E_INVALID_NAME),
    Finding(52, _crypt32.CERT_TRUST_INVALID_NAME_CONSTRAINTS, _crypt32.CERT_E_INVALID_NAME),
    Finding(42, _crypt32.CERT_TRUST_INVALID_POLICY_CONSTRAINTS, _crypt32.CERT_E_INVALID_POLICY),
    Finding(43, _crypt32.CERT_TRUST_NO_ISSUANCE_CHAIN_POLICY, _crypt32.CERT_E_INVALID_POLICY),
    Finding(27, _crypt32.CERT_TRUST_CTL_IS_NOT_TIME_VALID),
    Finding(27, _crypt32.CERT_TRUST_CTL_IS_NOT_SIGNATURE_VALID),
    Finding(27, _crypt32.CERT_TRUST_CTL_IS_NOT_VALID_FOR_USAGE),
)  # fmt: skip
UNKNOWN = Finding(UNSPECIFIED, 0)


def verify(question: Question) -> Sequence[bytes]:
    """The chain that Windows built for the peer, if the system trusts it. Raises SSLCertVerificationError if not."""
    try:
        answer = _ask(question)
    except CallFailed as failure:
        raise _verdict.no_verdict(question, PLATFORM, str(failure), failure.code) from None
    if answer.finding:
        raise _refusal(question, answer)
    return answer.chain


# --- the chain


class Answer:
    """What CryptoAPI said of one chain."""

    __slots__ = ("chain", "finding", "hresult", "index", "status")

    def __init__(self, chain: list[bytes], status: int, hresult: int, element: int, statuses: list[int]) -> None:
        self.chain, self.status, self.hresult = chain, status, hresult
        self.finding = next((finding for finding in FINDINGS if status & finding.bit or hresult in finding.hresults), None)
        if self.finding is None and (status or hresult or not chain):
            self.finding = UNKNOWN
        #: Which certificate of the chain is to blame.
        self.index = self._blamed(self.finding.bit, statuses, element) if self.finding else 0

    def _blamed(self, bit: int, statuses: list[int], element: int) -> int:
        last = max(len(self.chain) - 1, 0)
        if bit & NO_ANCHOR:
            return last
        return min(last, next((index for index, status in enumerate(statuses) if status & bit), max(element, 0)))


def _chain_parameters() -> _crypt32.CERT_CHAIN_PARA:
    usages = (c_char_p * 1)(_crypt32.szOID_PKIX_KP_SERVER_AUTH)
    usage = _crypt32.CERT_ENHKEY_USAGE(cUsageIdentifier=len(usages), rgpszUsageIdentifier=usages)
    parameters: _crypt32.CERT_CHAIN_PARA = _crypt32.sized(
        _crypt32.CERT_CHAIN_PARA,
        RequestedUsage=_crypt32.CERT_USAGE_MATCH(dwType=_crypt32.USAGE_MATCH_TYPE_AND, Usage=usage),
        dwUrlRetrievalTimeout=URL_TIMEOUT,
    )
    return parameters


#: What is asked of every chain. Never written to again.
CHAIN_PARAMETERS = _chain_parameters()


def _ask(question: Question) -> Answer:
    """Have a chain built, from the leaf to a root of the system's, and judged."""
    with _certificate(question.chain[0]) as leaf, _store() as intermediates:
        _add(intermediates, question.chain[1:])
        context = POINTER(_crypt32.CERT_CHAIN_CONTEXT)()
        arguments = None, leaf, None, intermediates, byref(CHAIN_PARAMETERS), _revocation(question), None, byref(context)
        _check(_crypt32.CertGetCertificateChain(*arguments), "CertGetCertificateChain")
        with _Owned(context, _crypt32.CertFreeCertificateChain):
            chain, statuses = _elements(context.contents)
            status = context.contents.TrustStatus.dwErrorStatus & ~_ignored(question)
            return Answer(chain, status, *_policy(context, question), statuses)


def _revocation(question: Question) -> int:
    if not (question.revocation_best_effort or question.flags & VERIFY_CRL_CHECK_LEAF):
        return 0
    everything = question.revocation_best_effort or question.flags & CRL_CHECK_ALL
    which = _crypt32.CERT_CHAIN_REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT if everything else _crypt32.CERT_CHAIN_REVOCATION_CHECK_END_CERT
    return which | _crypt32.CERT_CHAIN_REVOCATION_ACCUMULATIVE_TIMEOUT


def _ignored(question: Question) -> int:
    return IGNORED | (NOT_FOUND_OUT if question.revocation_best_effort else 0)


def _elements(context: _crypt32.CERT_CHAIN_CONTEXT) -> tuple[list[bytes], list[int]]:
    """The certificates of the chain, and the status of each."""
    if not context.cChain:
        return [], []
    simple = context.rgpChain[0].contents
    elements = [simple.rgpElement[index].contents for index in range(simple.cElement)]
    certificates = [element.pCertContext.contents for element in elements]
    chain = [string_at(certificate.pbCertEncoded, certificate.cbCertEncoded) for certificate in certificates]
    return chain, [element.TrustStatus.dwErrorStatus for element in elements]


def _policy(context: object, question: Question) -> tuple[int, int]:
    """What the rules of TLS find, as an HRESULT (0: nothing), and in which element (-1: in none)."""
    name = question.hostname
    by_windows = name is not None and ip_address(name) is None
    if by_windows and (not name or "\0" in name):  # it would not see it whole
        return _crypt32.CERT_E_CN_NO_MATCH, 0
    left_out = 0 if by_windows else _crypt32.SECURITY_FLAG_IGNORE_CERT_CN_INVALID
    if question.revocation_best_effort:  # that a certificate was revoked the chain's status says as well
        left_out |= _crypt32.SECURITY_FLAG_IGNORE_REVOCATION
    tls = _crypt32.sized(
        _crypt32.SSL_EXTRA_CERT_CHAIN_POLICY_PARA,
        dwAuthType=_crypt32.AUTHTYPE_SERVER,
        fdwChecks=left_out,
        pwszServerName=name if by_windows else None,
    )
    parameters = _crypt32.sized(_crypt32.CERT_CHAIN_POLICY_PARA, pvExtraPolicyPara=pointer(tls))
    status = _crypt32.sized(_crypt32.CERT_CHAIN_POLICY_STATUS)
    arguments = _crypt32.CERT_CHAIN_POLICY_SSL, context, byref(parameters), byref(status)
    _check(_crypt32.CertVerifyCertificateChainPolicy(*arguments), "CertVerifyCertificateChainPolicy")
    return status.dwError, status.lElementIndex


# --- errors


def _refusal(question: Question, answer: Answer) -> Exception:
    finding = answer.finding or UNKNOWN
    hresult = answer.hresult or next(iter(finding.hresults), 0)  # what Windows says stays; a bit's HRESULT stands for it
    text = system_text(hresult) if hresult else f"trust status 0x{answer.status:08X}"
    code = _code(question, answer, finding)
    about = question.about(answer.chain or question.chain)
    return _verdict.refusal(
        about, code, PLATFORM, index=answer.index, platform_code=hresult or None, platform_message=text, remedy=finding.remedy
    )


def _code(question: Question, answer: Answer, finding: Finding) -> int:
    """OpenSSL tells apart what CryptoAPI has one word for."""
    if finding.code == UNTRUSTED_ROOT and len(answer.chain) == 1:
        return SELF_SIGNED_LEAF
    if finding.code == MISMATCH and ip_address(question.hostname or ""):
        return IP_ADDRESS_MISMATCH
    if finding.code == EXPIRED and answer.chain and _is_not_yet_valid(answer.chain[answer.index]):
        return NOT_YET_VALID
    return finding.code


def _is_not_yet_valid(der: bytes) -> bool:
    from time import gmtime, strftime

    try:
        return _der.Certificate(der).not_before > strftime("%Y%m%d%H%M%SZ", gmtime())
    except _der.Malformed:
        return False


def system_text(hresult: int) -> str:
    """What Windows says to a number, in the user's language. Nothing if it does not know it."""
    text = ctypes.FormatError(c_int32(hresult).value)
    return "" if text.startswith("<") else text.strip()


class CallFailed(Exception):
    """A function of crypt32's has failed, not because of what it was asked about."""

    def __init__(self, call: str, code: int) -> None:
        self.code = code & 0xFFFFFFFF
        super().__init__(" ".join((f"{call} failed.", system_text(code))).strip())


def _check(result: object, call: str) -> None:
    if not result:
        raise CallFailed(call, ctypes.get_last_error())


# --- handles


class _Owned:
    """A handle of crypt32's, given back once: at the end of its `with` block, or when nobody uses it any more."""

    __slots__ = ("_arguments", "_free", "handle")

    def __init__(self, handle: object, free: Callable[..., object], *arguments: object) -> None:
        self.handle, self._arguments = handle, arguments
        self._free: Callable[..., object] | None = free

    def __enter__(self) -> object:
        return self.handle

    def __exit__(self, *_: object) -> None:
        self.__del__()

    def __del__(self) -> None:
        free, self._free = self._free, None
        if free:
            free(self.handle, *self._arguments)


def _store() -> _Owned:
    store = _crypt32.CertOpenStore(_crypt32.CERT_STORE_PROV_MEMORY, 0, None, 0, None)
    _check(store, "CertOpenStore")
    return _Owned(store, _crypt32.CertCloseStore, 0)


def _add(store: object, certificates: Iterable[bytes]) -> None:
    how = _crypt32.CERT_STORE_ADD_ALWAYS  # looking for duplicates would take a time that grows with the square of their number
    for der in certificates:
        added = _crypt32.CertAddEncodedCertificateToStore(store, _crypt32.X509_ASN_ENCODING, der, len(der), how, None)
        _check(added, "CertAddEncodedCertificateToStore")


def _certificate(der: bytes) -> _Owned:
    context = _crypt32.CertCreateCertificateContext(_crypt32.X509_ASN_ENCODING, der, len(der))
    _check(context, "CertCreateCertificateContext")
    return _Owned(context, _crypt32.CertFreeCertificateContext)
