"""The verifier of the tests answers as OpenSSL does: otherwise it would prove nothing."""

from __future__ import annotations

import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

import cases
import pytest
from fake_verifier import PLATFORM, FakeVerifier
from test_cases_openssl import client_context, expected_here, handshake

from truststore import _verdict

DEFAULT_FLAGS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).verify_flags
GOOD = next(case for case in cases.CASES if case.id == "good")


def question_of(case: cases.Case) -> _verdict.Question:
    world = case.world()
    return _verdict.Question(world.ders, case.host, DEFAULT_FLAGS | case.flags, case.common_name)


def verifier_of(case: cases.Case) -> FakeVerifier:
    world = case.world()
    return FakeVerifier([root.der for root in (*world.roots, *world.anchors)], crls=world.crls)


@pytest.mark.parametrize("case", cases.rows("openssl"), ids=str)
def test_verdict(case: cases.Case) -> None:
    question, verifier, expected = question_of(case), verifier_of(case), expected_here(case)
    if expected == 0:
        chain = verifier(question)
        assert chain[0] == question.chain[0]
        world = case.world()
        assert not {certificate.der for certificate in (*world.roots, *world.anchors)}.isdisjoint(chain)
        return
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        verifier(question)
    assert caught.value.verify_code == expected


@pytest.mark.parametrize("case", [case for case in cases.rows("openssl", without=[cases.UNSERVABLE]) if case.openssl], ids=str)
def test_error_is_that_of_a_handshake(case: cases.Case) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as real:
        handshake(client_context(case), case.world().chain[0].server_context(case.world().chain), case.host)
    with pytest.raises(ssl.SSLCertVerificationError) as fake:
        verifier_of(case)(question_of(case))
    for attribute in ("errno", "library", "reason", "verify_code", "verify_message"):
        assert getattr(fake.value, attribute) == getattr(real.value, attribute)


def test_chain_has_its_root() -> None:
    leaf, intermediate = GOOD.world().ders
    assert list(verifier_of(GOOD)(question_of(GOOD))) == [leaf, intermediate, cases.root().der]


def test_verifies_under_injection(monkeypatch: pytest.MonkeyPatch) -> None:
    """It must not go through the class under test."""
    monkeypatch.delattr(ssl, "SSLContext")
    assert verifier_of(GOOD)(question_of(GOOD))


def test_remembers_questions() -> None:
    verifier, question = verifier_of(GOOD), question_of(GOOD)
    verifier(question)
    wrong = _verdict.Question(question.chain, "wrong.test", question.flags, question.common_name)
    with pytest.raises(ssl.SSLCertVerificationError):
        verifier(wrong)
    assert verifier.questions == [question, wrong]


def test_says_yes() -> None:
    question = question_of(next(case for case in cases.CASES if case.id == "self-signed"))
    assert tuple(FakeVerifier(says=True)(question)) == question.chain


def test_says_no() -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate rejected") as caught:
        FakeVerifier(GOOD.world().ders, says=False)(question_of(GOOD))
    assert (caught.value.verify_code, vars(caught.value)["platform"]) == (28, PLATFORM.name)


def test_undecodable_certificate() -> None:
    question = question_of(GOOD).about([b"\x30\x03\x02\x01\x00"])
    with pytest.raises(ssl.SSLCertVerificationError, match="could not be evaluated"):
        verifier_of(GOOD)(question)


def test_threads_wait_for_nobody() -> None:
    """Eight questions at once, none of which is answered before all have been asked."""
    together = threading.Barrier(8, timeout=30)
    verifier = FakeVerifier([cases.root().der], before=together.wait)
    with ThreadPoolExecutor(8) as threads:
        chains = list(threads.map(verifier, [question_of(GOOD)] * 8))
    assert len(chains) == len(verifier.questions) == 8
