"""The simulator is as strict as it says: each misuse ends the process with a message, each leak is named, and the switches work."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority, Certificate
from macos import abi, simulated
from macos.asking import HOST, about, verdict

import truststore

if TYPE_CHECKING:
    from collections.abc import Callable

    from macos.simulated import Simulator

PROLOGUE = """
import ctypes, faulthandler, sys
core, security = map(ctypes.CDLL, sys.argv[1:3])
der = bytes.fromhex(sys.argv[3])
P = ctypes.c_void_p
def call(library, function, *arguments, result=P):
    function = getattr(library, function)
    function.restype = result
    return function(*[P(x) if isinstance(x, int) and x > 99 else x for x in arguments])
callbacks = ctypes.addressof(ctypes.c_byte.in_dll(core, "kCFTypeArrayCallBacks"))
def data(): return call(core, "CFDataCreate", None, der, len(der))
def array(*values, callbacks=callbacks): return call(core, "CFArrayCreate", None, (P * len(values))(*values), len(values), callbacks)
def certificate(): return call(security, "SecCertificateCreateWithData", None, data())
def trust(policies=None):
    trust = P()
    assert call(security, "SecTrustCreateWithCertificates", array(certificate()), policies, ctypes.byref(trust), result=ctypes.c_int) == 0
    return trust.value
"""
MISUSES = {
    "CFRelease: argument 1 is NULL": "call(core, 'CFRelease', None)",
    "CFRelease: argument 1 was released before": "d = data(); call(core, 'CFRelease', d); call(core, 'CFRelease', d)",
    "CFDataGetLength: argument 1 was released before": "d = data(); call(core, 'CFRelease', d); call(core, 'CFDataGetLength', d)",
    "CFDataGetLength: argument 1 is 0x1234, which is no object": "call(core, 'CFDataGetLength', 0x1234)",
    "CFArrayGetCount: argument 1 is a CFData of CFDataCreate, not a CFArray": "call(core, 'CFArrayGetCount', data())",
    "CFArrayCreate: argument 2 is NULL": "array(data(), None)",
    "CFArrayCreate: allocator": "array(data(), callbacks=None)",
    "CFArrayGetValueAtIndex: index 1 of 1 values": "call(core, 'CFArrayGetValueAtIndex', array(data()), ctypes.c_long(1))",
    "CFErrorGetCode: argument 1 is NULL": "call(core, 'CFErrorGetCode', None)",
    "CFStringGetCString: buffer": "s = call(core, 'CFStringCreateWithBytes', None, b'x', 1, 0x08000100, 0); "
    "call(core, 'CFStringGetCString', s, None, 10, 0x08000100)",
    "SecCertificateCreateWithData: argument 2 is a CFArray of CFArrayCreate, not a CFData": (
        "call(security, 'SecCertificateCreateWithData', None, array())"
    ),
    "SecPolicyCreateSSL: argument 2 is a CFData": "call(security, 'SecPolicyCreateSSL', 1, data())",
    "SecTrustCreateWithCertificates: argument 2 is a CFData": "trust(array(data()))",
    "SecTrustEvaluateWithError: argument 1 is NULL": "call(security, 'SecTrustEvaluateWithError', None, None)",
    "SecTrustGetCertificateAtIndex: index 7 of": "call(security, 'SecTrustGetCertificateAtIndex', trust(), ctypes.c_long(7))",
    "CFDictionaryGetValue: argument 2 is NULL": (
        "p = call(security, 'SecPolicyCopyProperties', call(security, 'SecPolicyCreateSSL', 1, None)); "
        "call(core, 'CFDictionaryGetValue', p, None)"
    ),
    "CFNumberGetValue: argument 1 is a CFData": "call(core, 'CFNumberGetValue', data(), ctypes.c_long(3), P())",
    "SecTrustSettingsCopyTrustSettings: domain 2": (
        "call(security, 'SecTrustSettingsCopyTrustSettings', certificate(), 2, ctypes.byref(P()))"
    ),
    "CFDataCreate: called in a forked child": """
import os
data()
pid = os.fork()
if not pid:
    data()
_, status = os.waitpid(pid, 0)
os.kill(os.getpid(), -os.waitstatus_to_exitcode(status))
""",
}


@pytest.fixture(scope="module")
def leaf() -> Certificate:
    return Authority.new().issue(HOST)


@pytest.mark.parametrize("message", MISUSES)
def test_misuse(message: str, built: Simulator, leaf: Certificate) -> None:
    arguments = [built.paths["CoreFoundation"], built.paths["Security"], leaf.der.hex()]
    script = PROLOGUE + MISUSES[message]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert f"simulator: {message}" in done.stderr
    assert done.returncode == -6


def test_two_threads_on_one_trust(built: Simulator, leaf: Certificate) -> None:
    """`SecTrustGetCertificateAtIndex` is documented as not thread-safe; we keep each SecTrust to its thread altogether."""
    script = f"""{PROLOGUE}
import threading, time
patience = time.monotonic() + 30  # on a busy machine one thread may have finished before the next is awake
while time.monotonic() < patience:
    t = trust()
    core.sim_meet(b'SecTrustEvaluateWithError', 4)
    threads = [threading.Thread(target=call, args=[security, 'SecTrustEvaluateWithError', t, None]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""
    arguments = [built.paths["CoreFoundation"], built.paths["Security"], leaf.der.hex()]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=50, check=False)
    assert "a SecTrust is used by two threads at once" in done.stderr


def test_a_leak_is_named(simulator: Simulator) -> None:
    from truststore import _security

    kept = _security.CFDataCreate(None, b"abc", 3)
    assert simulator.live == 1
    assert simulator.report == "1 CFData of CFDataCreate\n"
    _security.CFRelease(kept)
    assert simulator.live == 0


def test_references_are_never_given_twice(simulator: Simulator) -> None:
    from truststore import _security

    seen = set()
    for _ in range(1000):
        pointer = _security.CFDataCreate(None, b"abc", 3)
        _security.CFRelease(pointer)
        seen.add(pointer)
    assert len(seen) == 1000


def test_who_owns_results(simulator: Simulator, leaf: Certificate, tmp_path: Path) -> None:
    """The simulator gives away exactly what Apple's SDK says is given away."""
    from truststore import _security as api

    functions, _ = abi.table()
    simulator.keychain(tmp_path, admin=[leaf.root])
    trust, error = api.Object(), api.Object()
    bad_trust = api.Object()
    data = api.CFDataCreate(None, leaf.der, len(leaf.der))
    host = api.CFStringCreateWithBytes(None, b"other", 5, api.kCFStringEncodingUTF8, False)
    certificate = api.SecCertificateCreateWithData(None, data)
    certificates = api.CFArrayCreate(None, (api.Object * 1)(certificate), 1, api.kCFTypeArrayCallBacks)
    policy = api.SecPolicyCreateSSL(True, host)
    properties = api.SecPolicyCopyProperties(policy)
    api.SecTrustCreateWithCertificates(certificate, policy, bad_trust)
    assert api.SecTrustEvaluateWithError
    api.SecTrustEvaluateWithError(bad_trust, error)
    copy_chain, get_one = api.SecTrustCopyCertificateChain, api.SecTrustGetCertificateAtIndex
    assert copy_chain
    assert get_one
    gifts: dict[str, Callable[[], Any]] = {
        "CFArrayCreate": (lambda: api.CFArrayCreate(None, (api.Object * 1)(data), 1, api.kCFTypeArrayCallBacks)),
        "CFArrayGetValueAtIndex": (lambda: api.CFArrayGetValueAtIndex(certificates, 0)),
        "CFDataCreate": (lambda: api.CFDataCreate(None, b"a", 1)),
        "CFDataGetBytePtr": (lambda: api.CFDataGetBytePtr(data)),
        "CFDictionaryGetValue": (lambda: api.CFDictionaryGetValue(properties, api.kSecPolicyOid)),
        "CFErrorCopyDescription": (lambda: api.CFErrorCopyDescription(error)),
        "CFStringCreateWithBytes": (lambda: api.CFStringCreateWithBytes(None, b"a", 1, api.kCFStringEncodingUTF8, False)),
        "SecCertificateCopyData": (lambda: api.SecCertificateCopyData(certificate)),
        "SecCertificateCreateWithData": (lambda: api.SecCertificateCreateWithData(None, data)),
        "SecPolicyCopyProperties": (lambda: api.SecPolicyCopyProperties(policy)),
        "SecPolicyCreateRevocation": (lambda: api.SecPolicyCreateRevocation(3)),
        "SecPolicyCreateSSL": (lambda: api.SecPolicyCreateSSL(True, host)),
        "SecTrustCopyCertificateChain": (lambda: copy_chain(bad_trust)),
        "SecTrustGetCertificateAtIndex": (lambda: get_one(bad_trust, 0)),
    }
    pointers = {name for name, function in functions.items() if function.result in ("pointer", "memory")}
    assert gifts.keys() == pointers
    for name, call in gifts.items():
        before = simulator.live
        made = call()
        assert made, name
        owned = "result" in functions[name].owned
        assert (simulator.live > before) == owned, name
        if owned:
            api.CFRelease(made)
        assert simulator.live == before, name
    before = simulator.live
    api.SecTrustCreateWithCertificates(certificates, None, trust)
    assert simulator.live > before
    for made in (trust, bad_trust, error, properties, policy, certificates, certificate, host, data):
        api.CFRelease(made)


def test_no_policy_checks_no_name(simulator: Simulator, leaf: Certificate, tmp_path: Path) -> None:
    """What makes a NULL policy dangerous is simulated, too: the chain is checked, and nothing else."""
    from truststore import _security as api

    simulator.keychain(tmp_path, admin=[leaf.root])
    trust, error = api.Object(), api.Object()
    data = api.CFDataCreate(None, leaf.der, len(leaf.der))
    certificate = api.SecCertificateCreateWithData(None, data)
    assert api.SecTrustCreateWithCertificates(certificate, None, trust) == 0
    assert api.SecTrustEvaluateWithError
    assert api.SecTrustEvaluateWithError(trust, error) == 1
    for made in (trust, certificate, data):
        api.CFRelease(made)


@pytest.mark.parametrize(
    ("flags", "made"), [(0, False), (1 << 10, False), (3, True), (11, True)], ids=["none", "unknown", "any", "positive"]
)
def test_flags_of_revocation(flags: int, made: bool, simulator: Simulator) -> None:
    from truststore import _security as api

    policy = api.SecPolicyCreateRevocation(flags)
    assert bool(policy) == made
    if policy:
        api.CFRelease(policy)


def test_calls_are_counted_and_traced(simulator: Simulator) -> None:
    from truststore import _security as api

    api.CFRelease(api.CFDataCreate(None, b"", 0))
    assert simulator.trace == ["CFDataCreate", "CFRelease"]
    assert (simulator.calls("CFRelease"), simulator.calls("CFArrayCreate"), simulator.calls()) == (1, 0, 2)
    simulator.forget_calls()
    assert (simulator.trace, simulator.calls()) == ([], 0)


def test_the_nth_call_fails(simulator: Simulator) -> None:
    from truststore import _security as api

    simulator.fail("CFDataCreate", 2)
    made = [api.CFDataCreate(None, b"", 0) for _ in range(3)]
    assert [bool(pointer) for pointer in made] == [True, False, True]
    assert simulator.failed
    for pointer in filter(None, made):
        api.CFRelease(pointer)


def test_threads_meet(simulator: Simulator) -> None:
    """Where the GIL is not given up, they could not."""
    from truststore import _security as api

    simulator.meet("CFDataCreate", 3)
    threads = [threading.Thread(target=lambda: api.CFRelease(api.CFDataCreate(None, b"", 0))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert simulator.met


def test_a_slow_call(simulator: Simulator, leaf: Certificate, tmp_path: Path) -> None:
    """The verifier waits as long as the system takes."""
    simulator.keychain(tmp_path, admin=[leaf.root])
    simulator.delay("SecTrustEvaluateWithError", 50)
    assert verdict(about(leaf.chain)) == 0
    simulator.delay("", 0)


def test_an_absent_function(built: Simulator) -> None:
    with simulated.frameworks(built, absent=["SecTrustEvaluateWithError"]):
        library = ctypes.CDLL("/System/Library/Frameworks/Security.framework/Security")
        assert not hasattr(library, "SecTrustEvaluateWithError")
        assert hasattr(library, "SecTrustEvaluate")
    assert not Path("/System/Library/Frameworks/Security.framework/Security").exists()


def test_a_function_of_the_other_framework(simulator: Simulator) -> None:
    assert not hasattr(simulator.core, "SecPolicyCreateSSL")


def test_the_package_knows_nothing_of_it() -> None:
    folder = Path(truststore.__file__).parent
    for source in folder.glob("*.py"):
        text = source.read_text(encoding="utf-8").lower()
        assert "simulat" not in text, source
        assert "sim_" not in text, source
