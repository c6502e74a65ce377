"""The roots of macOS, for `truststore roots`. Who is trusted is not decided here: `_macos` asks Security.framework that.

Trust settings are kept in three domains: the user's, the administrator's, and the system's, which is Apple's own roots. The first domain
that says something of a certificate decides. What it says is a list of entries, each for one purpose (a policy) or all; an empty list
trusts. A denial for TLS counts whatever its conditions; trust that is limited, to certain names or programs for instance, does not count:
a copy could not say so. Apple's own settings are not asked for: that takes seconds, and none of them denies.

Objects are owned as in `_macos`, and released once, however it ends.
"""

from __future__ import annotations

from . import _macos

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from . import _security as security
    from ._macos import _Objects
else:
    security = _macos.security

SERVER_AUTH = bytes.fromhex("2b06010505070301")
TRUSTED, DENIED, CONDITIONAL, UNDECIDED = "trusted", "denied", "conditional", "undecided"
#: In a list that has entries of several kinds, the first of these decides.
ORDER = (DENIED, TRUSTED, CONDITIONAL)

ANY, SERVERS, CLIENTS, OTHER = "any", "servers", "clients", "other"

#: The keys of an entry that do not limit it. "AllowedError" widens it.
POLICY, RESULT = "kSecTrustSettingsPolicy", "kSecTrustSettingsResult"
NO_CONDITIONS = (POLICY, RESULT, "kSecTrustSettingsPolicyName", "kSecTrustSettingsAllowedError")

#: What a copy loses here, besides what it loses everywhere.
LOST = (
    "Nor does it contain Apple's rules for its own roots, such as those on transparency and on how long a certificate may be valid."
)
LEFT_OUT = "{} certificates are trusted under conditions only, such as for certain names or programs: they are left out."


def roots(purpose: bytes) -> tuple[list[bytes], list[str]]:
    """Those that vouch for a purpose (its OID), and what is to be said of them. Raises OSError if that cannot be told."""
    try:
        with _macos._Objects() as objects:
            decisions = _decisions(purpose == SERVER_AUTH, objects)
    except _macos._Failure as failure:
        code = "" if failure.status is None else f" ({failure.status})"
        raise OSError(
            f"the trust settings cannot be read: {failure.why}{code} (`security dump-trust-settings` shows whether macOS itself can)"
        ) from None
    conditional = list(decisions.values()).count(CONDITIONAL)
    found = [der for der, decision in decisions.items() if decision is TRUSTED]
    return found, [LEFT_OUT.format(conditional)] if conditional else []


def _decisions(for_servers: bool, objects: _Objects) -> dict[bytes, str]:
    """What is decided of each certificate of which there are settings."""
    found: dict[bytes, str] = {}
    entries = _Entries(for_servers, objects)
    for domain in (
        security.kSecTrustSettingsDomainUser,
        security.kSecTrustSettingsDomainAdmin,
        security.kSecTrustSettingsDomainSystem,
    ):
        for certificate in _certificates(domain, objects):
            der = objects.contents(security.SecCertificateCopyData(certificate))
            if found.get(der, UNDECIDED) in (UNDECIDED, CONDITIONAL):
                shipped = domain == security.kSecTrustSettingsDomainSystem
                decision = TRUSTED if shipped else entries.decision(_settings(certificate, domain, objects))
                found[der] = decision if decision is not UNDECIDED else found.get(der, UNDECIDED)
    return found


def _certificates(domain: int, objects: _Objects) -> Iterator[int]:
    """The certificates with settings in a domain, borrowed."""
    if security.SecTrustSettingsCopyCertificates is None:
        raise _macos._Failure("this system has no SecTrustSettingsCopyCertificates")
    array = security.Object()
    status = security.SecTrustSettingsCopyCertificates(domain, array)
    objects.own_if_any(array.value)
    if status != security.errSecNoTrustSettings:
        yield from _elements("SecTrustSettingsCopyCertificates", status, array.value)


def _settings(certificate: int, domain: int, objects: _Objects) -> list[int] | None:
    """The entries about a certificate, borrowed; None: there is no list."""
    if security.SecTrustSettingsCopyTrustSettings is None:
        raise _macos._Failure("this system has no SecTrustSettingsCopyTrustSettings")
    array = security.Object()
    status = security.SecTrustSettingsCopyTrustSettings(certificate, domain, array)
    objects.own_if_any(array.value)
    if status == security.errSecItemNotFound:
        return None
    return list(_elements("SecTrustSettingsCopyTrustSettings", status, array.value))


def _elements(call: str, status: int, array: int | None) -> Iterator[int]:
    _macos._must_succeed(call, status)
    array = _macos._not_null(call, array)
    for index in range(security.CFArrayGetCount(array)):
        yield _macos._not_null("CFArrayGetValueAtIndex", security.CFArrayGetValueAtIndex(array, index))


class _Entries:
    """Reads the entries of trust settings."""

    def __init__(self, for_servers: bool, objects: _Objects) -> None:
        self._for_servers, self._objects = for_servers, objects
        self._keys = {key: objects.string(key) for key in NO_CONDITIONS}

    def decision(self, settings: list[int] | None) -> str:
        """What they say together."""
        if settings is None:
            return UNDECIDED
        said = set(map(self._said, settings)) if settings else {TRUSTED}
        return next((decision for decision in ORDER if decision in said), UNDECIDED)

    def _said(self, entry: int) -> str:
        """By one entry. A result that nobody knows is a denial."""
        result, role = self._result(entry), self._role(entry)
        if result == security.kSecTrustSettingsResultUnspecified or role is OTHER:
            return UNDECIDED
        if result not in (security.kSecTrustSettingsResultTrustRoot, security.kSecTrustSettingsResultTrustAsRoot):
            return DENIED
        if role not in (ANY, SERVERS if self._for_servers else CLIENTS):
            return UNDECIDED
        return TRUSTED if self._is_unconditional(entry) else CONDITIONAL

    def _result(self, entry: int) -> int:
        number = self._value(entry, RESULT)
        if not number:
            return security.kSecTrustSettingsResultTrustRoot
        from ctypes import byref

        result = security.OSStatus()
        if security.CFNumberGetValue(number, security.kCFNumberSInt32Type, byref(result)) != 1:
            raise _macos._Failure("CFNumberGetValue failed")
        return result.value

    def _is_unconditional(self, entry: int) -> bool:
        return bool(security.CFDictionaryGetCount(entry) == sum(self._value(entry, key) is not None for key in NO_CONDITIONS))

    def _role(self, entry: int) -> str:
        """Of the peers that an entry is about."""
        policy = self._value(entry, POLICY)
        if not policy:
            return ANY
        properties = self._objects.own("SecPolicyCopyProperties", security.SecPolicyCopyProperties(policy))
        oid = security.CFDictionaryGetValue(properties, self._constant("kSecPolicyOid"))
        oid = _macos._not_null("CFDictionaryGetValue", oid)
        if security.kSecPolicyAppleSSLClient and security.CFEqual(oid, security.kSecPolicyAppleSSLClient):
            return CLIENTS
        if not security.CFEqual(oid, self._constant("kSecPolicyAppleSSL")):
            return OTHER
        client = security.CFDictionaryGetValue(properties, self._constant("kSecPolicyClient"))
        return CLIENTS if client and security.CFBooleanGetValue(client) else SERVERS

    def _constant(self, name: str) -> int:
        return _macos._not_null(name, getattr(security, name))

    def _value(self, entry: int, key: str) -> int | None:
        value: int | None = security.CFDictionaryGetValue(entry, self._keys[key])
        return value
