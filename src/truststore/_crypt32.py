"""Crypt32.dll as it is declared in wincrypt.h and winerror.h. No policy: that is `_windows`.

Names are Microsoft's, a line per structure and function. tests/windows/test_headers.py has a C compiler compare every size, offset,
constant and prototype with mingw-w64's headers, for 32 and 64 bits. Types are of a fixed size so that this works on any system.
"""

from __future__ import annotations

import ctypes
import sys
from ctypes import POINTER, Structure, c_char_p, c_int32, c_uint32, c_void_p, c_wchar_p, sizeof

if sys.platform != "win32":
    raise ImportError("crypt32.dll is part of Windows")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ctypes import _NamedFuncPointer
    from typing import Any

BOOL, DWORD, LONG = c_int32, c_uint32, c_int32
HCERTSTORE, HCERTCHAINENGINE, HCRYPTPROV = c_void_p, c_void_p, c_void_p
LPSTR, LPWSTR, PVOID = c_char_p, c_wchar_p, c_void_p


# --- structures


class CERT_CONTEXT(Structure):
    _fields_ = (
        ("dwCertEncodingType", DWORD),
        ("pbCertEncoded", PVOID),
        ("cbCertEncoded", DWORD),
        ("pCertInfo", PVOID),
        ("hCertStore", HCERTSTORE),
    )


class CERT_TRUST_STATUS(Structure):
    _fields_ = (("dwErrorStatus", DWORD), ("dwInfoStatus", DWORD))


class CERT_CHAIN_ELEMENT(Structure):
    _fields_ = (("cbSize", DWORD), ("pCertContext", POINTER(CERT_CONTEXT)), ("TrustStatus", CERT_TRUST_STATUS), ("pRevocationInfo", PVOID), ("pIssuanceUsage", PVOID), ("pApplicationUsage", PVOID), ("pwszExtendedErrorInfo", LPWSTR))  # fmt: skip # noqa: E501


class CERT_SIMPLE_CHAIN(Structure):
    _fields_ = (("cbSize", DWORD), ("TrustStatus", CERT_TRUST_STATUS), ("cElement", DWORD), ("rgpElement", POINTER(POINTER(CERT_CHAIN_ELEMENT))), ("pTrustListInfo", PVOID), ("fHasRevocationFreshnessTime", BOOL), ("dwRevocationFreshnessTime", DWORD))  # fmt: skip # noqa: E501


class CERT_CHAIN_CONTEXT(Structure):
    _fields_ = (("cbSize", DWORD), ("TrustStatus", CERT_TRUST_STATUS), ("cChain", DWORD), ("rgpChain", POINTER(POINTER(CERT_SIMPLE_CHAIN))), ("cLowerQualityChainContext", DWORD), ("rgpLowerQualityChainContext", PVOID), ("fHasRevocationFreshnessTime", BOOL), ("dwRevocationFreshnessTime", DWORD), ("dwCreateFlags", DWORD), ("ChainId", DWORD * 4))  # fmt: skip # noqa: E501


class CERT_ENHKEY_USAGE(Structure):
    _fields_ = (("cUsageIdentifier", DWORD), ("rgpszUsageIdentifier", POINTER(LPSTR)))


class CERT_USAGE_MATCH(Structure):
    _fields_ = (("dwType", DWORD), ("Usage", CERT_ENHKEY_USAGE))


class CERT_CHAIN_PARA(Structure):
    _fields_ = (("cbSize", DWORD), ("RequestedUsage", CERT_USAGE_MATCH), ("RequestedIssuancePolicy", CERT_USAGE_MATCH), ("dwUrlRetrievalTimeout", DWORD), ("fCheckRevocationFreshnessTime", BOOL), ("dwRevocationFreshnessTime", DWORD), ("pftCacheResync", PVOID), ("pStrongSignPara", PVOID), ("dwStrongSignFlags", DWORD))  # fmt: skip # noqa: E501


class SSL_EXTRA_CERT_CHAIN_POLICY_PARA(Structure):
    _fields_ = (("cbSize", DWORD), ("dwAuthType", DWORD), ("fdwChecks", DWORD), ("pwszServerName", LPWSTR))


class CERT_CHAIN_POLICY_PARA(Structure):
    _fields_ = (("cbSize", DWORD), ("dwFlags", DWORD), ("pvExtraPolicyPara", POINTER(SSL_EXTRA_CERT_CHAIN_POLICY_PARA)))


class CERT_CHAIN_POLICY_STATUS(Structure):
    _fields_ = (
        ("cbSize", DWORD),
        ("dwError", DWORD),
        ("lChainIndex", LONG),
        ("lElementIndex", LONG),
        ("pvExtraPolicyStatus", PVOID),
    )


def sized(structure: type[Structure], **fields: Any) -> Any:
    """A structure that begins with its own size, as crypt32 wants to be told which version of it it gets."""
    return structure(cbSize=sizeof(structure), **fields)


# --- constants

X509_ASN_ENCODING = 0x1
CERT_STORE_PROV_MEMORY = 2
CERT_STORE_ADD_ALWAYS = 4

CERT_STORE_PROV_SYSTEM_W = 10
CERT_STORE_OPEN_EXISTING_FLAG = 0x4000
CERT_STORE_READONLY_FLAG = 0x8000
CERT_SYSTEM_STORE_CURRENT_USER = 0x10000
CERT_SYSTEM_STORE_LOCAL_MACHINE = 0x20000
CERT_SYSTEM_STORE_CURRENT_USER_GROUP_POLICY = 0x70000
CERT_SYSTEM_STORE_LOCAL_MACHINE_GROUP_POLICY = 0x80000
CERT_SYSTEM_STORE_LOCAL_MACHINE_ENTERPRISE = 0x90000
CERT_ENHKEY_USAGE_PROP_ID = 9
CERT_ROOT_PROGRAM_NAME_CONSTRAINTS_PROP_ID = 84
CERT_DISALLOWED_FILETIME_PROP_ID = 104
CERT_DISALLOWED_ENHKEY_USAGE_PROP_ID = 122
CERT_NOT_BEFORE_FILETIME_PROP_ID = 126
CERT_NOT_BEFORE_ENHKEY_USAGE_PROP_ID = 127

USAGE_MATCH_TYPE_AND = 0
szOID_PKIX_KP_SERVER_AUTH = b"1.3.6.1.5.5.7.3.1"

CERT_CHAIN_REVOCATION_ACCUMULATIVE_TIMEOUT = 0x08000000
CERT_CHAIN_REVOCATION_CHECK_END_CERT = 0x10000000
CERT_CHAIN_REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT = 0x40000000

CERT_CHAIN_POLICY_SSL = 4
AUTHTYPE_SERVER = 2
SECURITY_FLAG_IGNORE_REVOCATION = 0x80
SECURITY_FLAG_IGNORE_CERT_CN_INVALID = 0x1000

CERT_TRUST_IS_NOT_TIME_VALID = 0x1
CERT_TRUST_IS_NOT_TIME_NESTED = 0x2
CERT_TRUST_IS_REVOKED = 0x4
CERT_TRUST_IS_NOT_SIGNATURE_VALID = 0x8
CERT_TRUST_IS_NOT_VALID_FOR_USAGE = 0x10
CERT_TRUST_IS_UNTRUSTED_ROOT = 0x20
CERT_TRUST_REVOCATION_STATUS_UNKNOWN = 0x40
CERT_TRUST_IS_CYCLIC = 0x80
CERT_TRUST_INVALID_EXTENSION = 0x100
CERT_TRUST_INVALID_POLICY_CONSTRAINTS = 0x200
CERT_TRUST_INVALID_BASIC_CONSTRAINTS = 0x400
CERT_TRUST_INVALID_NAME_CONSTRAINTS = 0x800
CERT_TRUST_HAS_NOT_SUPPORTED_NAME_CONSTRAINT = 0x1000
CERT_TRUST_HAS_NOT_DEFINED_NAME_CONSTRAINT = 0x2000
CERT_TRUST_HAS_NOT_PERMITTED_NAME_CONSTRAINT = 0x4000
CERT_TRUST_HAS_EXCLUDED_NAME_CONSTRAINT = 0x8000
CERT_TRUST_IS_PARTIAL_CHAIN = 0x10000
CERT_TRUST_CTL_IS_NOT_TIME_VALID = 0x20000
CERT_TRUST_CTL_IS_NOT_SIGNATURE_VALID = 0x40000
CERT_TRUST_CTL_IS_NOT_VALID_FOR_USAGE = 0x80000
CERT_TRUST_HAS_WEAK_SIGNATURE = 0x100000
CERT_TRUST_IS_OFFLINE_REVOCATION = 0x1000000
CERT_TRUST_NO_ISSUANCE_CHAIN_POLICY = 0x2000000
CERT_TRUST_IS_EXPLICIT_DISTRUST = 0x4000000
CERT_TRUST_HAS_NOT_SUPPORTED_CRITICAL_EXT = 0x8000000

TRUST_E_SYSTEM_ERROR = 0x80096001
TRUST_E_CERT_SIGNATURE = 0x80096004
TRUST_E_BASIC_CONSTRAINTS = 0x80096019
TRUST_E_FAIL = 0x800B010B
TRUST_E_EXPLICIT_DISTRUST = 0x800B0111
CERT_E_EXPIRED = 0x800B0101
CERT_E_VALIDITYPERIODNESTING = 0x800B0102
CERT_E_ROLE = 0x800B0103
CERT_E_PATHLENCONST = 0x800B0104
CERT_E_CRITICAL = 0x800B0105
CERT_E_PURPOSE = 0x800B0106
CERT_E_ISSUERCHAINING = 0x800B0107
CERT_E_MALFORMED = 0x800B0108
CERT_E_UNTRUSTEDROOT = 0x800B0109
CERT_E_CHAINING = 0x800B010A
CERT_E_REVOKED = 0x800B010C
CERT_E_UNTRUSTEDTESTROOT = 0x800B010D
CERT_E_REVOCATION_FAILURE = 0x800B010E
CERT_E_CN_NO_MATCH = 0x800B010F
CERT_E_WRONG_USAGE = 0x800B0110
CERT_E_UNTRUSTEDCA = 0x800B0112
CERT_E_INVALID_POLICY = 0x800B0113
CERT_E_INVALID_NAME = 0x800B0114
CRYPT_E_REVOKED = 0x80092010
CRYPT_E_NO_REVOCATION_CHECK = 0x80092012
CRYPT_E_REVOCATION_OFFLINE = 0x80092013
NTE_BAD_SIGNATURE = 0x80090006
NTE_BAD_ALGID = 0x80090008
ERROR_FILE_NOT_FOUND = 2
ERROR_NO_MORE_FILES = 18
CRYPT_E_NOT_FOUND = 0x80092004


# --- functions. ctypes gives up the GIL in each; use_last_error keeps GetLastError() per thread, for ctypes.get_last_error().

_dll = ctypes.WinDLL("crypt32", use_last_error=True)


def _function(name: str, result: type[Any] | None, *arguments: type[Any]) -> _NamedFuncPointer:
    function: _NamedFuncPointer = getattr(_dll, name)
    function.restype, function.argtypes = result, arguments
    return function


CertOpenStore = _function("CertOpenStore", HCERTSTORE, PVOID, DWORD, HCRYPTPROV, DWORD, PVOID)
CertCloseStore = _function("CertCloseStore", BOOL, HCERTSTORE, DWORD)
CertAddEncodedCertificateToStore = _function(
    "CertAddEncodedCertificateToStore", BOOL, HCERTSTORE, DWORD, PVOID, DWORD, DWORD, PVOID
)
CertCreateCertificateContext = _function("CertCreateCertificateContext", POINTER(CERT_CONTEXT), DWORD, PVOID, DWORD)
CertFreeCertificateContext = _function("CertFreeCertificateContext", BOOL, POINTER(CERT_CONTEXT))
CertGetCertificateChain = _function("CertGetCertificateChain", BOOL, HCERTCHAINENGINE, POINTER(CERT_CONTEXT), PVOID, HCERTSTORE, POINTER(CERT_CHAIN_PARA), DWORD, PVOID, POINTER(POINTER(CERT_CHAIN_CONTEXT)))  # fmt: skip # noqa: E501
CertFreeCertificateChain = _function("CertFreeCertificateChain", None, POINTER(CERT_CHAIN_CONTEXT))
CertVerifyCertificateChainPolicy = _function("CertVerifyCertificateChainPolicy", BOOL, PVOID, POINTER(CERT_CHAIN_CONTEXT), POINTER(CERT_CHAIN_POLICY_PARA), POINTER(CERT_CHAIN_POLICY_STATUS))  # fmt: skip # noqa: E501
CertEnumCertificatesInStore = _function("CertEnumCertificatesInStore", POINTER(CERT_CONTEXT), HCERTSTORE, POINTER(CERT_CONTEXT))
CertGetCertificateContextProperty = _function(
    "CertGetCertificateContextProperty", BOOL, POINTER(CERT_CONTEXT), DWORD, PVOID, POINTER(DWORD)
)
