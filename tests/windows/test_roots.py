"""What `truststore roots` reads out of Windows' stores: which roots count, for what, and that nothing is owed to crypt32 afterwards."""

from __future__ import annotations

import sys
from ctypes import string_at
from typing import TYPE_CHECKING, Any

import pytest
from certificates import CLIENT_AUTH, SERVER_AUTH, Authority

from truststore import _crypt32, _windows, _windows_roots
from truststore._cli import roots as command
from windows import system, watching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from windows.watching import Calls

assert sys.platform == "win32"

SERVERS, CLIENTS = (bytes.fromhex(f"2b060105050703{last}") for last in ("01", "02"))
LOCATIONS = (
    [system.LOCAL_MACHINE, system.MACHINE_POLICY, system.CURRENT_USER, system.USER_POLICY]
    if system.IS_WINE
    else [system.LOCAL_MACHINE, system.MACHINE_POLICY, system.ENTERPRISE]
)
LONG_AGO, SOMETIME = (days.to_bytes(8, "little") for days in (10**17, 2 * 10**17))  # 1917, 2234


def usages(*oids: bytes) -> bytes:
    """An encoded CERT_ENHKEY_USAGE."""
    content = b"".join(bytes([6, len(oid)]) + oid for oid in oids)
    return bytes([0x30, len(content)]) + content


def new(**profile: Any) -> Authority:
    return Authority.new(key="p256", **profile)


def listed(purpose: bytes = SERVERS) -> set[bytes]:
    return set(command._listed(purpose).roots)


@pytest.mark.parametrize("location", LOCATIONS, ids=_windows_roots.LOCATIONS.get)
def test_each_location(location: int) -> None:
    root = new()
    assert root.der not in listed()
    system.add(root.der, location=location)
    assert root.der in listed()


def test_an_enterprise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wine has no stores of one: another stands for its ROOT."""
    root, genuine = new(), _crypt32.CertOpenStore
    stands_in = system.CURRENT_USER if system.IS_WINE else system.LOCAL_MACHINE
    system.add(root.der, "Enterprise's", stands_in)

    def opened(provider: int, encoding: int, handle: None, flags: int, name: str) -> object:
        if (flags, name) == (system.ENTERPRISE | _windows_roots.AS_IT_IS, "ROOT"):
            flags, name = stands_in, "Enterprise's"
        return genuine(provider, encoding, handle, flags, name)

    monkeypatch.setattr(_crypt32, "CertOpenStore", opened)
    assert root.der in listed()


@pytest.mark.parametrize("location", LOCATIONS, ids=_windows_roots.LOCATIONS.get)
def test_the_distrusted_are_left_out(location: int) -> None:
    root = new()
    system.add(root.der)
    assert root.der in listed()
    system.add(root.der, "Disallowed", location)
    assert root.der not in listed()


def test_neither_intermediates_nor_personal_ones() -> None:
    root = new()
    intermediate, personal = root.authority(key="p256"), new()
    system.add(intermediate.der)
    system.add(root.der, "CA")
    system.add(personal.der, "MY")
    assert listed().isdisjoint({root.der, intermediate.der, personal.der})


# --- what the properties say


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> int:
    """The one location that is looked at: Windows' own many roots take their time."""
    monkeypatch.setattr(_windows_roots, "LOCATIONS", {system.MACHINE_POLICY: "the machine's group policy"})
    return system.MACHINE_POLICY


@pytest.mark.parametrize(
    ("property", "vouches_for"),
    [
        (None, {SERVERS, CLIENTS}),
        (usages(), set()),
        (usages(SERVERS), {SERVERS}),
        (usages(CLIENTS), {CLIENTS}),
        (b"\x30\x05junk", set()),
    ],
    ids=["none", "empty", "servers", "clients", "junk"],
)
def test_purposes(property: bytes | None, vouches_for: set[bytes], policy: int) -> None:  # noqa: A002
    root = new()
    system.add(root.der, location=policy, usages=property)
    assert {purpose for purpose in (SERVERS, CLIENTS) if root.der in listed(purpose)} == vouches_for


def test_purposes_of_the_certificate_itself(policy: int) -> None:
    servers, clients = (new(purposes=[each]) for each in (SERVER_AUTH, CLIENT_AUTH))
    for each in servers, clients:
        system.add(each.der, location=policy, usages=usages(SERVERS, CLIENTS))
    both = {servers.der, clients.der}
    assert (listed(SERVERS) & both, listed(CLIENTS) & both) == ({servers.der}, {clients.der})


def test_what_one_copy_does_not_vouch_for_no_other_does() -> None:
    root = new()
    system.add(root.der, usages=usages(CLIENTS))
    system.add(root.der, location=system.MACHINE_POLICY)
    assert root.der not in listed()
    assert root.der in listed(CLIENTS)


DISALLOWED, DISALLOWED_USAGES, BEFORE, BEFORE_USAGES, NAMES = (
    _crypt32.CERT_DISALLOWED_FILETIME_PROP_ID,
    _crypt32.CERT_DISALLOWED_ENHKEY_USAGE_PROP_ID,
    _crypt32.CERT_NOT_BEFORE_FILETIME_PROP_ID,
    _crypt32.CERT_NOT_BEFORE_ENHKEY_USAGE_PROP_ID,
    _crypt32.CERT_ROOT_PROGRAM_NAME_CONSTRAINTS_PROP_ID,
)


@pytest.mark.parametrize(
    ("properties", "vouches_for", "limited"),
    [
        ({DISALLOWED: LONG_AGO}, set(), False),
        ({DISALLOWED: b""}, set(), False),
        ({DISALLOWED: SOMETIME}, {SERVERS, CLIENTS}, True),
        ({DISALLOWED: LONG_AGO, DISALLOWED_USAGES: usages(SERVERS)}, {CLIENTS}, False),
        ({DISALLOWED: SOMETIME, DISALLOWED_USAGES: usages(CLIENTS)}, {SERVERS, CLIENTS}, False),
        ({DISALLOWED_USAGES: usages(CLIENTS)}, {SERVERS}, False),
        ({DISALLOWED_USAGES: b"junk"}, set(), False),
        ({BEFORE: LONG_AGO}, {SERVERS, CLIENTS}, True),
        ({BEFORE: LONG_AGO, BEFORE_USAGES: usages(SERVERS)}, {SERVERS, CLIENTS}, True),
        ({BEFORE: LONG_AGO, BEFORE_USAGES: usages(CLIENTS)}, {SERVERS, CLIENTS}, False),
        ({NAMES: b"\x30\x00"}, {SERVERS, CLIENTS}, True),
    ],
    ids=lambda value: ",".join(map(str, value)) if isinstance(value, dict) else "",
)
def test_limits(
    properties: Mapping[int, bytes], vouches_for: set[bytes], limited: bool, policy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By properties that Wine does not let anybody set."""
    root, other, genuine = new(), new(), _windows_roots._property

    def known(context: Any, which: int) -> bytes | None:
        der = string_at(context.contents.pbCertEncoded, context.contents.cbCertEncoded)
        return properties.get(which) if der == root.der else genuine(context, which)

    monkeypatch.setattr(_windows_roots, "_property", known)
    system.add(root.der, location=policy)
    system.add(other.der, location=policy)
    assert {purpose for purpose in (SERVERS, CLIENTS) if root.der in listed(purpose)} == vouches_for
    assert command._listed(SERVERS).warnings == ([_windows_roots.LIMITED.format(1)] if limited else [])


# --- what crypt32 hands out


def test_nothing_is_owed(calls: Calls) -> None:
    assert listed()
    assert calls.owed == {}
    assert set(calls.count) == {"CertOpenStore", "CertCloseStore", *watching.OF_ROOTS}


def test_nothing_is_owed_by_who_stops_early(calls: Calls) -> None:
    roots = _windows_roots._everywhere("ROOT")
    assert next(roots)
    roots.close()  # type: ignore[attr-defined]
    assert calls.owed == {}
    assert calls["CertFreeCertificateContext"] == 1


@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize("name", ["CertOpenStore", *sorted(watching.OF_ROOTS)])
def test_a_call_that_fails_is_said_and_leaves_nothing_behind(name: str, after: int, calls: Calls) -> None:
    calls.fail(name, after)
    with pytest.raises(OSError, match=f"the ROOT store of .* cannot be read: {name} failed"):
        listed()
    assert calls.injected == 1
    assert calls.owed == {}


def test_a_store_of_distrusted_that_cannot_be_read_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = _windows_roots._contexts_of_store

    def failing(name: str, location: int) -> object:
        if name == "Disallowed":
            raise _windows.CallFailed("CertOpenStore", watching.ACCESS_DENIED)
        return genuine(name, location)

    monkeypatch.setattr(_windows_roots, "_contexts_of_store", failing)
    with pytest.raises(OSError, match="the Disallowed store of the machine cannot be read"):
        listed()
