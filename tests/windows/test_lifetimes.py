"""Everything that crypt32 hands out is given back once, whatever happens in between."""

from __future__ import annotations

import ctypes
import ssl
import sys
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority

from truststore._verdict import Anchors, Question
from truststore._windows import verify
from windows import watching

if TYPE_CHECKING:
    from collections.abc import Callable

    from windows.watching import Calls

assert sys.platform == "win32"

HOST = "www.example.test"
PARTIAL = ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
FREEING = set(watching.PAIRS.values())


def question(system_root: Authority | None = None, host: str = HOST) -> Question:
    """One that needs every function: the user's own root, and one more anchor that is none. Or one that the system answers."""
    root = system_root or Authority.new()
    leaf = root.authority().issue(HOST)
    anchors = Anchors(() if system_root else [root.der, leaf.chain[1].der])
    return Question([certificate.der for certificate in leaf.chain], host, anchors, PARTIAL, True)


def outcome(asked: Question) -> Any:
    """The error, without its traceback: that would keep the question alive."""
    try:
        verify(asked)
    except ssl.SSLCertVerificationError as error:
        return error.with_traceback(None)
    return None


def refused(asked: Question) -> ssl.SSLCertVerificationError:
    error: ssl.SSLCertVerificationError | None = outcome(asked)
    assert error is not None, "not refused"
    return error


@pytest.mark.parametrize("host", [HOST, "other.test"])
def test_nothing_is_owed(host: str, calls: Calls) -> None:
    asked = question(host=host)
    if host == HOST:
        verify(asked)
    else:
        assert refused(asked).verify_code == 62
    assert set(calls.count) == set(watching.FUNCTIONS) - {"CertFreeCertificateChainEngine"}
    del asked
    assert calls["CertFreeCertificateChainEngine"] == 1
    assert calls.owed == {}


@pytest.mark.parametrize(
    ("name", "after"), [(name, after) for name in watching.FUNCTIONS if name not in FREEING for after in range(3)]
)
def test_a_call_that_fails_is_a_refusal_and_leaves_nothing_behind(name: str, after: int, calls: Calls) -> None:
    asked = question()
    calls.fail(name, after)
    error = outcome(asked)
    if error is not None:
        assert (error.verify_code, error.platform_code) == (1, watching.ACCESS_DENIED)
        assert f"{name} failed" in error.verify_message
    else:
        assert not calls.injected or is_tolerated(name), "the failure went unnoticed"
    calls.fail(name, after=10**9)
    del asked, error
    assert calls.owed == {}


def is_tolerated(name: str) -> bool:
    """An anchor that Windows cannot read is left out."""
    return name == "CertAddEncodedCertificateToStore"


def test_without_an_answer_there_is_no_pass(calls: Calls) -> None:
    """A chain without certificates, which crypt32 never gives."""

    def empty(*arguments: object) -> None:
        arguments[-1]._obj.contents.cChain = 0  # type: ignore[attr-defined]

    calls.afterwards("CertGetCertificateChain", empty)
    assert refused(question()).verify_code == 1


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


def by_the_system(asked: Question) -> None:
    verify(asked)


def by_own_anchors(asked: Question) -> None:
    verify(asked)


def wrong_name(asked: Question) -> None:
    refused(Question(asked.chain, "other.test", asked.anchors, asked.flags, True))


def with_a_new_engine(asked: Question) -> None:
    verify(Question(asked.chain, asked.hostname, Anchors(asked.anchors.certificates), asked.flags, True))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("work", "times"), [(by_the_system, 10_000), (by_own_anchors, 2000), (wrong_name, 1000), (with_a_new_engine, 500)]
)
def test_handles_and_memory_stay_flat(work: Callable[[Question], None], times: int, system_root: Authority) -> None:
    asked = question(system_root if work is by_the_system else None)
    for _ in range(times // 5):
        work(asked)
    handles, memory = next_handle(), resident()
    for _ in range(times):
        work(asked)
    assert next_handle() == handles
    assert resident() - memory < 1 << 20
