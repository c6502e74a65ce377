"""The Windows that these tests run on: whether it is Wine, and its root store.

A root that is added stays. Under Wine each run has a Windows of its own; a real one must be meant to be thrown away afterwards, and say so
with TRUSTSTORE_TESTS_MAY_ADD_ROOTS=1, as CI's machines do. No two authorities of the tests share a name or a key.
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, Structure, byref, c_char_p, c_uint32, c_void_p, c_wchar_p

import pytest

assert sys.platform == "win32"

IS_WINE = hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")
PLATFORM = "wine" if IS_WINE else "windows"
ROOTS_CAN_BE_ADDED = IS_WINE or os.environ.get("TRUSTSTORE_TESTS_MAY_ADD_ROOTS") == "1"

CERT_STORE_PROV_SYSTEM_W = 10
CURRENT_USER, LOCAL_MACHINE = 0x10000, 0x20000
USER_POLICY, MACHINE_POLICY, ENTERPRISE = 0x70000, 0x80000, 0x90000
ADD_REPLACE_EXISTING = 3
ENHANCED_KEY_USAGE = 9


class Blob(Structure):
    """CRYPT_DATA_BLOB."""

    _fields_ = (("size", c_uint32), ("data", c_char_p))


_crypt32 = ctypes.WinDLL("crypt32", use_last_error=True)
_open = _crypt32.CertOpenStore
_open.restype, _open.argtypes = c_void_p, (c_void_p, c_uint32, c_void_p, c_uint32, c_wchar_p)
_add = _crypt32.CertAddEncodedCertificateToStore
_add.argtypes = (c_void_p, c_uint32, c_char_p, c_uint32, c_uint32, POINTER(c_void_p))
_set = _crypt32.CertSetCertificateContextProperty
_set.argtypes = (c_void_p, c_uint32, c_uint32, POINTER(Blob))
_free = _crypt32.CertFreeCertificateContext
_free.argtypes = (c_void_p,)
_close = _crypt32.CertCloseStore
_close.argtypes = (c_void_p, c_uint32)


def add(der: bytes, store: str = "ROOT", location: int | None = None, usages: bytes | None = None) -> None:
    """Put a certificate into a system store, with a property of what it may vouch for, if any.

    Windows would ask the user about his own root store, but not the machine's.
    """
    if not ROOTS_CAN_BE_ADDED:
        pytest.skip("this Windows' stores are not to be changed: set TRUSTSTORE_TESTS_MAY_ADD_ROOTS=1 on one to throw away")
    location = location or (CURRENT_USER if IS_WINE else LOCAL_MACHINE)
    handle, context = _open(CERT_STORE_PROV_SYSTEM_W, 0, None, location, store), c_void_p()
    try:
        added = handle and _add(handle, 1, der, len(der), ADD_REPLACE_EXISTING, byref(context))
        assert added, ctypes.WinError(ctypes.get_last_error())
        if usages is not None:
            assert _set(context, ENHANCED_KEY_USAGE, 0, Blob(len(usages), usages)), ctypes.WinError(ctypes.get_last_error())
    finally:
        _free(context)
        _close(handle, 0)
