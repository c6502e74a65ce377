"""Whatever fails in the frameworks, on whichever path, nobody is accepted, nothing crashes and nothing is left behind.

Each path is walked once undisturbed, which tells the calls it makes. Then each of these calls in turn returns NULL, an error, or what it
should never return.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from ssl import VerifyFlags
from typing import TYPE_CHECKING

import pytest
from certificates import Authority, Certificate
from macos import simulated
from macos.asking import HOST, about, refusal, verdict

from truststore import _macos

if TYPE_CHECKING:
    from collections.abc import Sequence

    from macos.simulated import Simulator

    from truststore._verdict import Question

NULL = (0,)
NUMBER = (0, -1)
STATUS = (-50, -25291, 1)
#: What a function may return instead of what it does: NULL, an error, a third value.
INSTEAD: dict[str, Sequence[int]] = {
    "CFDataCreate": NULL,
    "CFDataGetLength": NUMBER,
    "CFDataGetBytePtr": NULL,
    "CFStringCreateWithBytes": NULL,
    "CFStringGetLength": NUMBER,
    "CFStringGetMaximumSizeForEncoding": NUMBER,
    "CFStringGetCString": (0, 2),
    "CFArrayCreate": NULL,
    "CFArrayGetCount": NUMBER,
    "CFArrayGetValueAtIndex": NULL,
    "CFErrorGetCode": (0, 42, -50),
    "CFErrorCopyDescription": NULL,
    "SecCertificateCreateWithData": NULL,
    "SecCertificateCopyData": NULL,
    "SecPolicyCreateSSL": NULL,
    "SecPolicyCreateRevocation": NULL,
    "SecTrustCreateWithCertificates": (*STATUS, 0),  # 0: success, and no object
    "SecTrustEvaluateWithError": (0, 2, 255),  # 0: false, and no error
    "SecTrustEvaluate": (*STATUS, 0),  # 0: success, and the result is kSecTrustResultInvalid
    "SecTrustCopyCertificateChain": NULL,
    "SecTrustGetCertificateCount": NUMBER,
    "SecTrustGetCertificateAtIndex": NULL,
}
#: And what it may return having done it: an object was made, and the call failed all the same.
AFTERWARDS: dict[str, Sequence[int]] = {
    "SecTrustCreateWithCertificates": STATUS,
    "SecTrustEvaluateWithError": (0, 1, 2),  # 1 is an acceptance, unless there is an error as well
    "SecTrustEvaluate": STATUS,
}


@dataclasses.dataclass(frozen=True)
class Way:
    """One way through the verifier."""

    name: str
    code: int
    host: str | None = HOST
    flags: VerifyFlags = VerifyFlags.VERIFY_DEFAULT
    absent: Sequence[str] = ()

    def __str__(self) -> str:
        return self.name


CRL = VerifyFlags.VERIFY_CRL_CHECK_LEAF
WAYS = [
    Way("accepted", 0),
    Way("accepted-any-name", 0, host=None),
    Way("accepted-address", 0, host="2001:db8::1"),
    Way("accepted-not-revoked", 0, flags=CRL),
    Way("refused", 62, host="other.test"),
    Way("refused-address", 64, host="2001:db8::2"),
    Way("10.13-accepted", 0, absent=simulated.MACOS_10_13),
    Way("10.13-refused", 1, host="other.test", absent=simulated.MACOS_10_13),
    Way("11-accepted", 0, absent=simulated.WITHOUT_CHAIN),
]


@pytest.fixture(scope="module")
def leaf() -> Certificate:
    return Authority.new().authority().issue(HOST, "2001:db8::1")


def asked(way: Way, leaf: Certificate) -> Question:
    return about(leaf.chain, way.host, flags=way.flags)


def disturbances(simulator: Simulator) -> list[tuple[str, int, int, bool]]:
    """Each call that was made, with each thing that it could return."""
    return [
        (function, nth, value, afterwards)
        for table, afterwards in ((INSTEAD, False), (AFTERWARDS, True))
        for function, values in table.items()
        for nth in range(1, simulator.calls(function) + 1)
        for value in values
    ]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_each_call_fails_in_turn(way: Way, leaf: Certificate, built: Simulator, tmp_path: Path) -> None:
    built.reset()
    built.keychain(tmp_path, admin=[leaf.root], good=[leaf])
    with simulated.frameworks(built, absent=way.absent):
        assert verdict(asked(way, leaf)) == way.code
        planned = disturbances(built)
        assert len(planned) > 20
        before = built.live
        for function, nth, value, afterwards in planned:
            what = f"{function}, call {nth}, {'then ' if afterwards else ''}{value}"
            built.forget_calls()
            built.fail(function, nth, value, afterwards=afterwards)
            refused = refusal(asked(way, leaf))
            if (function, value, afterwards, way.code) == ("SecTrustEvaluateWithError", 1, True, 0):
                assert refused is None, what  # that was the answer anyhow
                continue
            assert built.failed, what
            assert refused is not None, what
            known = way.code and refused.verify_code == way.code
            assert known or "could not be evaluated" in str(refused), f"{what}: {refused}"
            assert built.live == before, f"{what}: {built.report}"


#: What lists roots, and never verifies: test_macos_roots.py.
OF_ROOTS = {
    *(
        "CFBooleanGetValue",
        "CFDictionaryGetCount",
        "CFDictionaryGetValue",
        "CFEqual",
        "CFNumberGetValue",
        "SecPolicyCopyProperties",
    ),
    *("SecTrustSettingsCopyCertificates", "SecTrustSettingsCopyTrustSettings"),
}


def test_every_function_can_fail() -> None:
    """The tables above know all functions that are declared and used to verify, but the one that cannot fail."""
    text = Path(_macos.__file__).with_name("_security.py").read_text(encoding="utf-8")
    declared = set(re.findall(r"^(\w+) = _(?:declare|if_there)\(", text, re.MULTILINE))
    assert len(declared) > 20
    assert declared - INSTEAD.keys() == {"CFRelease", *OF_ROOTS}
    assert not OF_ROOTS & set(re.findall(r"\w+", Path(_macos.__file__).read_text(encoding="utf-8")))


@pytest.mark.parametrize("result", [2, 7, 8, 0xFFFFFFFF])
def test_a_result_that_is_no_verdict(result: int, leaf: Certificate, built: Simulator, tmp_path: Path) -> None:
    """SecTrustResultType has values that say nothing (Invalid, OtherError), one that is gone (Confirm), and may get more."""
    built.reset()
    built.keychain(tmp_path, admin=[leaf.root])
    with simulated.frameworks(built, absent=simulated.MACOS_10_13):
        built.result(result)
        refused = refusal(about(leaf.chain))
        built.result(0)
    assert "could not be evaluated" in str(refused)


@pytest.mark.parametrize("absent", [("CFRelease",), ("SecPolicyCreateSSL",)])
def test_a_function_that_is_gone(absent: Sequence[str], leaf: Certificate, built: Simulator) -> None:
    built.reset()
    with simulated.frameworks(built, absent=absent):
        assert f"could not be evaluated: its functions cannot be loaded: dlsym(RTLD_DEFAULT, {absent[0]})" in str(
            refusal(about(leaf.chain))
        )


@pytest.mark.parametrize(
    "absent",
    [simulated.WITHOUT_ERROR + simulated.WITHOUT_DEPRECATED, simulated.WITHOUT_CHAIN + simulated.WITHOUT_DEPRECATED],
    ids=["to-evaluate", "to-get-the-chain"],
)
def test_all_alternatives_are_gone(absent: Sequence[str], leaf: Certificate, built: Simulator, tmp_path: Path) -> None:
    built.reset()
    built.keychain(tmp_path, admin=[leaf.root])
    with simulated.frameworks(built, absent=absent):
        assert "could not be evaluated: this system" in str(refusal(about(leaf.chain)))
    assert built.live == 0, built.report


def test_no_frameworks_at_all(leaf: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    simulated.forget_declarations()
    monkeypatch.setattr("ctypes.CDLL", raising(OSError("image not found")))
    assert "could not be evaluated: its functions cannot be loaded: image not found" in str(refusal(about(leaf.chain)))


def raising(error: Exception) -> type:
    class Library:
        def __init__(self, *args: object) -> None:
            raise error

    return Library
