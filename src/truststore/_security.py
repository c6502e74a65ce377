"""Declarations of CoreFoundation and Security.framework: one line per function, no policy.

Importing this module loads the frameworks, which `_macos` does at the first verification: an import in a process that forks later
harms nobody. There is no file at their paths since macOS 11 and on iOS; dlopen() knows them from the shared cache all the same.

Every object is a `c_void_p`: ctypes answers None for NULL, else an int. Results of functions named Create or Copy, and what is put into
a SecTrustRef* or CFErrorRef*, belong to the caller, who calls CFRelease once; results of Get are borrowed. CoreFoundation kills
the process for a NULL where it expects an object, so callers of these functions check first.

`CDLL` releases the GIL during a call. Booleans are declared as the bytes they are in C: a value that is neither 0 nor 1 stays visible.
What a system is too old or too new for is None here. tests/macos/test_macos_declarations.py compares every line with Apple's SDK.
"""

from __future__ import annotations

import os
from ctypes import CDLL, POINTER, addressof, c_byte, c_char_p, c_int32, c_long, c_ubyte, c_uint32, c_ulong, c_void_p

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: The only process that may use what is loaded here. Apple: "must not be used in a forked child" (fork(2), CAVEATS).
loaded_by = os.getpid()

FRAMEWORKS = "/System/Library/Frameworks"
_core = CDLL(f"{FRAMEWORKS}/CoreFoundation.framework/CoreFoundation")
_security = CDLL(f"{FRAMEWORKS}/Security.framework/Security")

# CoreFoundation/CFBase.h, MacTypes.h: the widths of 64-bit systems, the only ones that Apple still makes.
Object = c_void_p  # CFTypeRef and all that end in Ref
Objects = POINTER(c_void_p)  # const void **: an array of them, or where to put one
Boolean = c_ubyte
Bool = c_ubyte  # C99's
CFIndex = c_long
CFOptionFlags = c_ulong
CFStringEncoding = c_uint32
OSStatus = c_int32
SecTrustResultType = c_uint32
Domain = c_uint32  # SecTrustSettingsDomain
Text = c_char_p  # char *, const UInt8 *: of bytes and of a buffer


def _declare(library: CDLL, name: str, result: type[Any] | None, *arguments: type[Any]) -> Callable[..., Any]:
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
    return function  # type: ignore[no-any-return]


def _if_there(library: CDLL, name: str, result: type[Any] | None, *arguments: type[Any]) -> Callable[..., Any] | None:
    return _declare(library, name, result, *arguments) if hasattr(library, name) else None


def _object(library: CDLL, name: str) -> int | None:
    """What a constant of a framework's points to, which nobody releases."""
    try:
        return c_void_p.in_dll(library, name).value
    except ValueError:
        return None


# CoreFoundation: https://developer.apple.com/documentation/corefoundation
CFRelease = _declare(_core, "CFRelease", None, Object)
CFDataCreate = _declare(_core, "CFDataCreate", Object, Object, Text, CFIndex)
CFDataGetLength = _declare(_core, "CFDataGetLength", CFIndex, Object)
CFDataGetBytePtr = _declare(_core, "CFDataGetBytePtr", c_void_p, Object)
CFStringCreateWithBytes = _declare(_core, "CFStringCreateWithBytes", Object, Object, Text, CFIndex, CFStringEncoding, Boolean)
CFStringGetLength = _declare(_core, "CFStringGetLength", CFIndex, Object)
CFStringGetMaximumSizeForEncoding = _declare(_core, "CFStringGetMaximumSizeForEncoding", CFIndex, CFIndex, CFStringEncoding)
CFStringGetCString = _declare(_core, "CFStringGetCString", Boolean, Object, Text, CFIndex, CFStringEncoding)
CFArrayCreate = _declare(_core, "CFArrayCreate", Object, Object, Objects, CFIndex, c_void_p)
CFArrayGetCount = _declare(_core, "CFArrayGetCount", CFIndex, Object)
CFArrayGetValueAtIndex = _declare(_core, "CFArrayGetValueAtIndex", Object, Object, CFIndex)
CFErrorGetCode = _declare(_core, "CFErrorGetCode", CFIndex, Object)
CFErrorCopyDescription = _declare(_core, "CFErrorCopyDescription", Object, Object)
CFDictionaryGetCount = _declare(_core, "CFDictionaryGetCount", CFIndex, Object)
CFDictionaryGetValue = _declare(_core, "CFDictionaryGetValue", Object, Object, Object)
CFNumberGetValue = _declare(_core, "CFNumberGetValue", Boolean, Object, CFIndex, c_void_p)
CFBooleanGetValue = _declare(_core, "CFBooleanGetValue", Boolean, Object)
CFEqual = _declare(_core, "CFEqual", Boolean, Object, Object)

#: The address of the struct that makes an array retain what is put into it.
kCFTypeArrayCallBacks = addressof(c_byte.in_dll(_core, "kCFTypeArrayCallBacks"))
kCFStringEncodingUTF8 = 0x08000100
kCFNumberSInt32Type = 3

# Security: https://developer.apple.com/documentation/security
SecCertificateCreateWithData = _declare(_security, "SecCertificateCreateWithData", Object, Object, Object)
SecCertificateCopyData = _declare(_security, "SecCertificateCopyData", Object, Object)
SecPolicyCreateSSL = _declare(_security, "SecPolicyCreateSSL", Object, Boolean, Object)
SecPolicyCreateRevocation = _declare(_security, "SecPolicyCreateRevocation", Object, CFOptionFlags)
SecTrustCreateWithCertificates = _declare(_security, "SecTrustCreateWithCertificates", OSStatus, Object, Object, Objects)
# macOS 10.14, iOS 12; before it, and deprecated since:
SecTrustEvaluateWithError = _if_there(_security, "SecTrustEvaluateWithError", Bool, Object, Objects)
SecTrustEvaluate = _if_there(_security, "SecTrustEvaluate", OSStatus, Object, POINTER(SecTrustResultType))
# macOS 12, iOS 15; before it, and deprecated since:
SecTrustCopyCertificateChain = _if_there(_security, "SecTrustCopyCertificateChain", Object, Object)
SecTrustGetCertificateCount = _if_there(_security, "SecTrustGetCertificateCount", CFIndex, Object)
SecTrustGetCertificateAtIndex = _if_there(_security, "SecTrustGetCertificateAtIndex", Object, Object, CFIndex)
SecPolicyCopyProperties = _declare(_security, "SecPolicyCopyProperties", Object, Object)
# not on iOS:
SecTrustSettingsCopyCertificates = _if_there(_security, "SecTrustSettingsCopyCertificates", OSStatus, Domain, Objects)
SecTrustSettingsCopyTrustSettings = _if_there(_security, "SecTrustSettingsCopyTrustSettings", OSStatus, Object, Domain, Objects)

# SecPolicy.h
kSecRevocationOCSPMethod = 1 << 0
kSecRevocationCRLMethod = 1 << 1
kSecRevocationRequirePositiveResponse = 1 << 3
kSecPolicyOid = _object(_security, "kSecPolicyOid")
kSecPolicyClient = _object(_security, "kSecPolicyClient")
kSecPolicyAppleSSL = _object(_security, "kSecPolicyAppleSSL")
kSecPolicyAppleSSLClient = _object(_security, "kSecPolicyAppleSSLClient")  # of later systems; of older ones kSecPolicyClient tells

# SecTrust.h
kSecTrustResultProceed = 1
kSecTrustResultDeny = 3
kSecTrustResultUnspecified = 4
kSecTrustResultRecoverableTrustFailure = 5
kSecTrustResultFatalTrustFailure = 6

# SecTrustSettings.h, where the keys are strings
kSecTrustSettingsDomainUser = 0
kSecTrustSettingsDomainAdmin = 1
kSecTrustSettingsDomainSystem = 2
kSecTrustSettingsResultTrustRoot = 1
kSecTrustSettingsResultTrustAsRoot = 2
kSecTrustSettingsResultDeny = 3
kSecTrustSettingsResultUnspecified = 4

# SecBase.h
errSecNoTrustSettings = -25263
errSecItemNotFound = -25300
