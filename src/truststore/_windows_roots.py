"""The roots in Windows' stores, for `truststore roots`. Who is trusted is not decided here: `_windows` asks CryptoAPI that.

A root counts that stands in a ROOT store of this machine or user, of their group policies or of the enterprise, unless it stands in one of
their Disallowed stores, too. Windows keeps properties beside a certificate, that say more than the certificate itself: what it may vouch
for (none of them: anything; an empty one: nothing), from when on it may not, for which names. A root of which several stores have a copy
vouches for what all copies do.

Stores are opened read-only, and only those that are there. Each handle is given back, whatever happens in between: a store by its `_Owned`,
a certificate by the call that asks for the next one, or at the end of `_contexts`.
"""

from __future__ import annotations

import ctypes
import sys
import time
from ctypes import byref, create_string_buffer, string_at

from . import _crypt32, _der, _windows

if sys.platform != "win32":
    raise ImportError("CryptoAPI is part of Windows")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LOCATIONS = {
    _crypt32.CERT_SYSTEM_STORE_LOCAL_MACHINE: "the machine",
    _crypt32.CERT_SYSTEM_STORE_LOCAL_MACHINE_GROUP_POLICY: "the machine's group policy",
    _crypt32.CERT_SYSTEM_STORE_LOCAL_MACHINE_ENTERPRISE: "the enterprise",
    _crypt32.CERT_SYSTEM_STORE_CURRENT_USER: "the current user",
    _crypt32.CERT_SYSTEM_STORE_CURRENT_USER_GROUP_POLICY: "the current user's group policy",
}
AS_IT_IS = _crypt32.CERT_STORE_READONLY_FLAG | _crypt32.CERT_STORE_OPEN_EXISTING_FLAG
#: There is no such store. Wine, which knows no stores of an enterprise, gives no reason.
NOT_THERE = (0, _crypt32.ERROR_FILE_NOT_FOUND)
NO_MORE = (0, _crypt32.CRYPT_E_NOT_FOUND, _crypt32.ERROR_NO_MORE_FILES)

#: What a copy loses here, besides what it loses everywhere.
LOST = "Windows downloads roots of Microsoft's program when it first needs them: those that it has not needed yet are missing."
LIMITED = (
    "Windows limits {} of these roots, to certain names, or to certificates that were issued before a date, or only until a date: "
    "a copy does not contain that."
)


def roots(purpose: bytes) -> tuple[list[bytes], list[str]]:
    """Those that vouch for a purpose (its OID), and what is to be said of them. Raises OSError if that cannot be told."""
    vouching: dict[bytes, bool] = {}
    limited = set()
    for der, settings in _everywhere("ROOT"):
        vouching[der] = vouching.get(der, True) and settings.allow(purpose)
        if settings.limit(purpose):
            limited.add(der)
    distrusted = {der for der, _ in _everywhere("Disallowed")}
    found = [der for der, vouches in vouching.items() if vouches and der not in distrusted]
    count = len(limited.intersection(found))
    return found, [LIMITED.format(count)] if count else []


class Settings:
    """What Windows keeps beside a certificate: the properties that limit it, None where there is none."""

    __slots__ = ("_disallowed_since", "_disallowed_usages", "_issued_before", "_issued_before_usages", "_names", "_usages")

    def __init__(self, context: object) -> None:
        self._usages = _property(context, _crypt32.CERT_ENHKEY_USAGE_PROP_ID)
        self._disallowed_since = _property(context, _crypt32.CERT_DISALLOWED_FILETIME_PROP_ID)
        self._disallowed_usages = _property(context, _crypt32.CERT_DISALLOWED_ENHKEY_USAGE_PROP_ID)
        self._issued_before = _property(context, _crypt32.CERT_NOT_BEFORE_FILETIME_PROP_ID)
        self._issued_before_usages = _property(context, _crypt32.CERT_NOT_BEFORE_ENHKEY_USAGE_PROP_ID)
        self._names = _property(context, _crypt32.CERT_ROOT_PROGRAM_NAME_CONSTRAINTS_PROP_ID)

    def allow(self, purpose: bytes) -> bool:
        """Whether the certificate may vouch for it today."""
        allowed = self._usages is None or purpose in (_oids(self._usages) or ())
        return allowed and not (self._is_disallowed_for(purpose) and _is_past(self._disallowed_since or b""))

    def limit(self, purpose: bytes) -> bool:
        """Whether it may vouch for some names or times only."""
        dated = self._issued_before is not None and _concern(self._issued_before_usages, purpose)
        return dated or self._names is not None or self._is_disallowed_for(purpose)

    def _is_disallowed_for(self, purpose: bytes) -> bool:
        settings = self._disallowed_since, self._disallowed_usages
        return settings != (None, None) and _concern(self._disallowed_usages, purpose)


def _concern(usages: bytes | None, purpose: bytes) -> bool:
    """Whether a limit for these usages is one for the purpose: so it is if there are none, or if they cannot be read."""
    oids = None if usages is None else _oids(usages)
    return oids is None or purpose in oids


def _oids(usages: bytes) -> set[bytes] | None:
    """What an encoded CERT_ENHKEY_USAGE holds; None: it cannot be read."""
    try:
        [(tag, content)] = _der.elements(usages)
        return {value for kind, value in _der.elements(content) if kind == _der.OID} if tag == _der.SEQUENCE else None
    except ValueError:
        return None


def _is_past(filetime: bytes) -> bool:
    """Of a FILETIME: tenths of microseconds since 1601."""
    return int.from_bytes(filetime, "little") / 1e7 - 11_644_473_600 <= time.time()


# --- stores


def _everywhere(name: str) -> Iterator[tuple[bytes, Settings]]:
    """Each certificate in the stores of this name."""
    for location, whose in LOCATIONS.items():
        yield from _stored(name, location, whose)


def _stored(name: str, location: int, whose: str) -> Iterator[tuple[bytes, Settings]]:
    try:
        for context in _contexts_of_store(name, location):
            certificate = context.contents
            yield string_at(certificate.pbCertEncoded, certificate.cbCertEncoded), Settings(context)
    except _windows.CallFailed as failure:
        raise OSError(
            f"the {name} store of {whose} cannot be read: {failure} (`certutil -store {name}` shows whether Windows itself can)"
        ) from None


def _contexts_of_store(name: str, location: int) -> Iterator[ctypes._Pointer[_crypt32.CERT_CONTEXT]]:
    """None if there is no such store."""
    ctypes.set_last_error(0)
    handle = _crypt32.CertOpenStore(_crypt32.CERT_STORE_PROV_SYSTEM_W, 0, None, location | AS_IT_IS, name)
    if not handle and _last_error() in NOT_THERE:
        return
    _windows._check(handle, "CertOpenStore")
    with _windows._Owned(handle, _crypt32.CertCloseStore, 0) as store:
        yield from _contexts(store)


def _contexts(store: object) -> Iterator[ctypes._Pointer[_crypt32.CERT_CONTEXT]]:
    """Each certificate's context, borrowed."""
    context = None
    try:
        while True:
            previous, context = context, None  # the call takes it back, whatever it answers
            ctypes.set_last_error(0)
            context = _crypt32.CertEnumCertificatesInStore(store, previous)
            if not context:
                break
            yield context
        if _last_error() not in NO_MORE:
            _windows._check(False, "CertEnumCertificatesInStore")
    finally:
        if context:
            _crypt32.CertFreeCertificateContext(context)


def _property(context: object, which: int) -> bytes | None:
    size = _crypt32.DWORD()
    if not _crypt32.CertGetCertificateContextProperty(context, which, None, byref(size)):
        if _last_error() == _crypt32.CRYPT_E_NOT_FOUND:
            return None
        _windows._check(False, "CertGetCertificateContextProperty")
    data = create_string_buffer(size.value)
    _windows._check(
        _crypt32.CertGetCertificateContextProperty(context, which, data, byref(size)), "CertGetCertificateContextProperty"
    )
    return data.raw[: size.value]


def _last_error() -> int:
    return ctypes.get_last_error() & 0xFFFFFFFF
