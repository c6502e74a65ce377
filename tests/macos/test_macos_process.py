"""Threads, forks, interpreters, old systems; how often the frameworks are called; and that nothing is left behind, ten thousand times."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap
import os
import ssl
import subprocess
import sys
from _ssl import ENCODING_DER
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import cases
import pytest
import servers
from certificates import Authority, Certificate
from macos import simulated
from macos.asking import HOST, about, context_trusting, refusal, refusal_by, verdict, verdict_by
from macos.talking import handshake

import truststore
from truststore import _macos

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from macos.simulated import Simulator

THREADS = 32


@pytest.fixture(scope="module")
def leaf() -> Certificate:
    return Authority.new().authority().issue(HOST)


@pytest.fixture(scope="module")
def stranger() -> Certificate:
    return Authority.new().authority().issue(HOST)


@pytest.fixture
def mac(simulator: Simulator, leaf: Certificate, tmp_path: Path) -> Simulator:
    """A system that trusts the leaf's root."""
    simulator.keychain(tmp_path, admin=[leaf.root])
    return simulator


# --- how often the frameworks are called

#: For a leaf, one intermediate and the root that the system added. Each certificate costs the same again.
CALLS = {
    "CFDataCreate": 2,
    "SecCertificateCreateWithData": 2,
    "CFArrayCreate": 2,
    "CFStringCreateWithBytes": 1,
    "SecPolicyCreateSSL": 1,
    "SecTrustCreateWithCertificates": 1,
    "SecTrustEvaluateWithError": 1,
    "SecTrustCopyCertificateChain": 1,
    "CFArrayGetCount": 1,
    "CFArrayGetValueAtIndex": 3,
    "SecCertificateCopyData": 3,
    "CFDataGetLength": 3,
    "CFDataGetBytePtr": 3,
    "CFRelease": 13,
}
REFUSED = {
    "CFDataCreate": 2,
    "SecCertificateCreateWithData": 2,
    "CFArrayCreate": 2,
    "CFStringCreateWithBytes": 1,
    "SecPolicyCreateSSL": 1,
    "SecTrustCreateWithCertificates": 1,
    "SecTrustEvaluateWithError": 1,
    "CFErrorGetCode": 1,
    "CFErrorCopyDescription": 1,
    "CFStringGetLength": 1,
    "CFStringGetMaximumSizeForEncoding": 1,
    "CFStringGetCString": 1,
    "CFRelease": 11,
}


def test_calls_when_accepted(mac: Simulator, leaf: Certificate) -> None:
    assert verdict(about(leaf.chain)) == 0
    assert Counter(mac.trace) == CALLS
    assert mac.calls() == 37


def test_calls_when_refused(mac: Simulator, leaf: Certificate) -> None:
    assert verdict(about(leaf.chain, "other.test")) == 62
    assert Counter(mac.trace) == REFUSED


def test_the_order_of_calls(mac: Simulator, leaf: Certificate) -> None:
    """What is asked about, the verdict, and the chain it was given on: SecTrustCopyCertificateChain would evaluate by itself."""
    verdict(about(leaf.chain))
    steps = [call for call in mac.trace if call.startswith("SecTrust")]
    assert steps == [
        "SecTrustCreateWithCertificates",
        "SecTrustEvaluateWithError",
        "SecTrustCopyCertificateChain",
    ]


def test_one_evaluation_per_handshake(mac: Simulator, leaf: Certificate) -> None:
    with simulated.contexts():
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        before = mac.evaluations
        handshake(context, leaf, HOST)
        handshake(context, leaf, HOST)
    assert mac.evaluations == before + 2


def test_the_chain_that_was_built(mac: Simulator, leaf: Certificate) -> None:
    """With the root, which the server did not send."""
    with simulated.contexts():
        client, _ = servers.in_memory(truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), leaf.server_context(), HOST)
        chain = client._sslobj.get_verified_chain()  # type: ignore[attr-defined]
        assert [certificate.public_bytes(ENCODING_DER) for certificate in chain] == [
            *(sent.der for sent in leaf.chain),
            leaf.root.der,
        ]
        assert leaf.root.parsed.subject.rfc4514_string().split(",")[0] in repr(chain[-1])


def test_nothing_is_kept_between_questions(mac: Simulator, leaf: Certificate) -> None:
    """No object outlives its question, whoever still holds that: none can be released by another process, or too late."""
    question = about(leaf.chain)
    before = mac.live
    verdict(question)
    assert mac.live == before
    mac.forget_calls()
    verdict(question)
    assert Counter(mac.trace) == CALLS


# --- threads


@contextlib.contextmanager
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(THREADS) as threads:
        yield threads


def test_threads_evaluate_at_once(mac: Simulator, leaf: Certificate, stranger: Certificate) -> None:
    """None waits for another: all are inside the evaluation before any leaves it, so no lock is held, and not the GIL."""
    questions = [about(leaf.chain), about(leaf.chain, None), about(stranger.chain), about(leaf.chain, "x")]
    mac.meet("SecTrustEvaluateWithError", THREADS)
    with pool() as threads:
        codes = list(threads.map(verdict, questions * (THREADS // 4)))
    assert mac.met
    assert codes == [0, 0, 20, 62] * (THREADS // 4)


def test_one_question_for_many_threads(mac: Simulator, leaf: Certificate) -> None:
    """It is a snapshot: each makes its own objects of it."""
    question = about(leaf.chain)
    mac.meet("CFArrayCreate", THREADS)
    with pool() as threads:
        assert list(threads.map(verdict, [question] * THREADS)) == [0] * THREADS
    assert mac.met


@pytest.mark.parametrize("function", sorted(CALLS))
def test_the_gil_is_given_up(function: str, mac: Simulator, leaf: Certificate) -> None:
    """In every call; two threads could not be inside it at once otherwise."""
    mac.meet(function, 2)
    with pool() as threads:
        assert list(threads.map(verdict, [about(leaf.chain), about(leaf.chain)])) == [0, 0]
    assert mac.met


def test_one_context_for_many_threads(mac: Simulator, leaf: Certificate) -> None:
    with simulated.contexts():
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        mac.meet("SecTrustEvaluateWithError", THREADS)
        with pool() as threads:
            answers = list(threads.map(lambda _: handshake(context, leaf, HOST), range(THREADS)))
    assert mac.met
    assert answers == [b"ping"] * THREADS


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize(("host", "place"), [(HOST, "array"), (HOST, "string"), (HOST, "string_at"), ("x", "create_string_buffer")])
def test_an_interruption_leaves_nothing(
    host: str, place: str, error: type[BaseException], mac: Simulator, leaf: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The objects made so far are released on the way out."""
    question = about(leaf.chain, host)
    verdict(question)
    before = mac.live
    where = _macos._Objects if hasattr(_macos._Objects, place) else ctypes
    monkeypatch.setattr(where, place, raising(error, getattr(where, place), 2 if place == "array" else 1))
    with pytest.raises(error):
        _macos.verify(question)
    gc.collect()
    assert mac.live == before


def raising(error: type[BaseException], function: Callable[..., object], nth: int) -> Callable[..., object]:
    calls = iter(range(nth))

    def wrapper(*args: object) -> object:
        if next(calls) == nth - 1:
            raise error
        return function(*args)

    return wrapper


# --- processes and interpreters


def in_a_child(work: Callable[[], str]) -> tuple[str, int]:
    """What `work` answers in a forked child, and how the child ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.write(writing, work().encode())
            gc.collect()
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading, encoding="utf-8") as answers:
        answer = answers.read()
    return answer, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_is_refused(mac: Simulator, leaf: Certificate) -> None:
    """Apple's frameworks end a process that was forked. So does the simulator, even for a CFRelease."""
    question = about(leaf.chain)
    assert verdict(question) == 0
    answer, status = in_a_child(lambda: str(refusal(question)))
    assert "could not be evaluated: Apple's frameworks cannot be used in a forked child" in answer
    assert status == 0
    assert verdict(question) == 0


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_own_anchors_vouch_in_a_forked_child(mac: Simulator, leaf: Certificate, stranger: Certificate) -> None:
    """OpenSSL knows no such rule; and of whom it does not vouch for the refusal says what is in the way."""
    with simulated.contexts():
        context = context_trusting(stranger.root)
        assert verdict_by(context, leaf.chain) == 0
        assert in_a_child(lambda: str(verdict_by(context, stranger.chain))) == ("0", 0)
        answer, status = in_a_child(lambda: str(refusal_by(context, leaf.chain)))
    assert "Apple's frameworks cannot be used in a forked child" in answer
    assert status == 0


CHILD = """
import os, sys, tempfile
from pathlib import Path
sys.path[:0] = eval(sys.argv[1])
from certificates import Certificate
from macos import simulated
from macos.asking import about, verdict
simulator, chain = simulated.Simulator(Path(sys.argv[2])), [Certificate(bytes.fromhex(der)) for der in sys.argv[4:]]
simulator.security.sim_keychain(sys.argv[3].encode())
with simulated.frameworks(simulator):
    child = os.fork()
    if not child:
        os._exit(verdict(about(chain)))
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_child_may_be_the_first_to_ask(built: Simulator, leaf: Certificate, tmp_path: Path) -> None:
    """As with servers that import everything and then fork their workers."""
    built.keychain(tmp_path, admin=[leaf.root])
    folder = str(Path(built.paths["Security"]).parent)
    command = [sys.executable, "-c", CHILD, repr(sys.path), folder, str(tmp_path), *(sent.der.hex() for sent in leaf.chain)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")


SUB_INTERPRETER = """
import sys
sys.path[:0] = {path!r}
try:
    from truststore import _macos
    from truststore._verdict import Question
    _macos.verify(Question([b""], "a.test", 0, True))
except Exception as error:
    with open({answer!r}, "w") as file:
        file.write(f"{{type(error).__name__}}: {{error}}")
import os
os._exit(0)  # CPython 3.12 crashes when it ends an interpreter that has imported ssl
"""
RUNNER = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
interpreters.run_string(interpreters.create(), sys.argv[1])
"""


@pytest.mark.skipif(sys.platform in ("darwin", "ios"), reason="the frameworks are there, and load")
def test_a_sub_interpreter(tmp_path: Path) -> None:
    """Where ctypes does not load, an ImportError says so; elsewhere, as in any interpreter here, there are no frameworks."""
    answer = tmp_path / "answer"
    script = SUB_INTERPRETER.format(path=sys.path, answer=str(answer))
    subprocess.run([sys.executable, "-W", "ignore", "-c", RUNNER, script], check=True, timeout=50)
    text = answer.read_text(encoding="utf-8")
    if sys.version_info[:2] == (3, 12):
        assert text.startswith(
            "ImportError: truststore cannot ask Security.framework, since ctypes does not work in this interpreter: "
        )
    else:
        assert text.startswith("SSLCertVerificationError")
        assert "could not be evaluated: its functions cannot be loaded" in text


# --- old systems


@pytest.mark.parametrize(
    "absent", [simulated.MACOS_10_13, simulated.WITHOUT_CHAIN, simulated.WITHOUT_DEPRECATED], ids=["10.13", "11", "some-day"]
)
def test_systems_agree(absent: tuple[str, ...], built: Simulator, tmp_path: Path) -> None:
    """On who is accepted. macOS 10.13 does not say why not, but for what the user denied."""
    for case in cases.rows("macos", without=[cases.AIA, cases.CRL]):
        world = case.world()
        if world.anchors:
            continue  # OpenSSL's verdict comes first (test_macos_verdict.py)
        built.reset()
        built.keychain(tmp_path / str(case), admin=world.roots, denied=world.denied)
        question = about(world.chain, case.host, flags=case.flags)
        with simulated.frameworks(built):
            today = verdict(question)
        with simulated.frameworks(built, absent=absent):
            then = verdict(question)
        if absent == simulated.MACOS_10_13 and today != 28:
            assert then in ((1, 64) if today else (0,)), case
        else:
            assert then == today, case
    assert built.live == 0, built.report


# --- memory


def resident() -> int:
    """In bytes."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE


def test_thousands(mac: Simulator, leaf: Certificate, stranger: Certificate) -> None:
    """Accepted and refused: no object is left, and memory stays flat."""
    before = mac.live
    questions = [
        (about(leaf.chain), 0),
        (about(leaf.chain, None), 0),
        (about(leaf.chain, "other.test"), 62),
        (about(stranger.chain), 20),
    ]
    for question, code in questions * 125:
        assert verdict(question) == code
    memory = resident()
    for question, code in questions * 500:
        assert verdict(question) == code
    grown = resident() - memory
    gc.collect()
    assert mac.live == before, mac.report
    assert grown < 500_000


def test_two_hundred_certificates(mac: Simulator, leaf: Certificate, tmp_path: Path) -> None:
    """Needless ones, and a chain that long."""
    assert verdict(about([*leaf.chain, *[leaf.chain[1]] * 198])) == 0
    issuer = Authority.new(key="p256")
    chain: list[Certificate] = []
    for _ in range(199):
        issuer = issuer.authority(key="p256")
        chain.insert(0, issuer)
    chain.insert(0, issuer.issue(HOST, key="p256"))
    assert verdict(about(chain)) == 20
    mac.keychain(tmp_path / "long", admin=[chain[-1].root])
    assert verdict(about(chain)) == 0
