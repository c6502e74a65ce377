"""Everything that crypt32 hands out is given back once, whatever happens in between."""

from __future__ import annotations

import ctypes
import sys
from typing import TYPE_CHECKING

import pytest
from certificates import Certificate

from windows import watching
from windows.asking import HOST, about, refusal, refused, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from truststore._verdict import Question
    from windows.watching import Calls

assert sys.platform == "win32"

FREEING = set(watching.PAIRS.values())


@pytest.mark.parametrize(("host", "expected"), [(HOST, 0), ("other.test", 62)])
def test_nothing_is_owed(host: str, expected: int, leaf: Certificate, calls: Calls) -> None:
    assert verdict(about(leaf.chain, host)) == expected
    assert set(calls.count) == set(watching.TO_VERIFY)
    assert calls.owed == {}


@pytest.mark.parametrize(
    ("name", "after"), [(name, after) for name in watching.TO_VERIFY if name not in FREEING for after in range(3)]
)
def test_a_call_that_fails_is_a_refusal_and_leaves_nothing_behind(name: str, after: int, leaf: Certificate, calls: Calls) -> None:
    calls.fail(name, after)
    error = refusal(about([*leaf.chain, leaf.root]))
    if error is not None:
        assert (error.verify_code, error.platform_code) == (1, watching.ACCESS_DENIED)
        assert f"{name} failed" in error.verify_message
    else:
        assert not calls.injected, "the failure went unnoticed"
    assert calls.owed == {}


def test_without_an_answer_there_is_no_pass(leaf: Certificate, calls: Calls) -> None:
    """A chain without certificates, which crypt32 never gives."""

    def empty(*arguments: object) -> None:
        arguments[-1]._obj.contents.cChain = 0  # type: ignore[attr-defined]

    calls.afterwards("CertGetCertificateChain", empty)
    assert refused(about(leaf.chain)).verify_code == 1
    assert calls.owed == {}


def resident() -> int:
    """What the process keeps in memory, in bytes."""

    class Counters(ctypes.Structure):
        _fields_ = (
            ("cb", ctypes.c_uint32),
            ("faults", ctypes.c_uint32),
            ("peak", ctypes.c_size_t),
            ("resident", ctypes.c_size_t),
            ("rest", ctypes.c_size_t * 6),
        )

    counters = Counters(cb=ctypes.sizeof(Counters))
    kernel32 = ctypes.WinDLL("kernel32")
    kernel32.GetCurrentProcess.restype = ctypes.c_void_p
    kernel32.K32GetProcessMemoryInfo.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
    assert kernel32.K32GetProcessMemoryInfo(kernel32.GetCurrentProcess(), ctypes.byref(counters), counters.cb)
    return int(counters.resident)


def next_handle() -> int:
    """The number that Windows gives to a new handle: the lowest that is free. (Wine does not count handles.)"""
    kernel32 = ctypes.WinDLL("kernel32")
    kernel32.CreateEventW.restype = ctypes.c_void_p
    handle = kernel32.CreateEventW(None, 0, 0, None)
    kernel32.CloseHandle(ctypes.c_void_p(handle))
    return int(handle)


def good(leaf: Certificate, stranger: Certificate) -> Question:
    return about(leaf.chain)


def wrong_name(leaf: Certificate, stranger: Certificate) -> Question:
    return about(leaf.chain, "other.test")


def untrusted(leaf: Certificate, stranger: Certificate) -> Question:
    return about([*stranger.chain, stranger.root])


def unreadable(leaf: Certificate, stranger: Certificate) -> Question:
    return about([*leaf.chain, Certificate(b"junk")])


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("make", "expected", "times"), [(good, 0, 10_000), (wrong_name, 62, 1000), (untrusted, 19, 1000), (unreadable, 1, 2000)]
)
def test_handles_and_memory_stay_flat(
    make: Callable[[Certificate, Certificate], Question],
    expected: int,
    times: int,
    leaf: Certificate,
    stranger: Certificate,
) -> None:
    question = make(leaf, stranger)
    for _ in range(times // 5):
        assert verdict(question) == expected
    handles, memory = next_handle(), resident()
    for _ in range(times):
        verdict(question)
    # Less, if what an earlier test has left behind was freed meanwhile. A handle lost with each verdict would be thousands more.
    assert next_handle() <= handles
    assert resident() - memory < 1 << 20
