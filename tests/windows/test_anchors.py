"""The anchors that a program loads: when they are asked, and what becomes of the engine that trusts them."""

from __future__ import annotations

import gc
import os
import ssl
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from certificates import Authority, self_signed

from truststore._verdict import Anchors, Question
from truststore._windows import OwnAnchors, verify
from windows import system

if TYPE_CHECKING:
    from certificates import Certificate

    from windows.watching import Calls

assert sys.platform == "win32"

HOST = "www.example.test"
PARTIAL = ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
NO_FLAGS = ssl.VerifyFlags.VERIFY_DEFAULT


@pytest.fixture(scope="module")
def of_system(system_root: Authority) -> Certificate:
    return system_root.authority().issue(HOST)


@pytest.fixture(scope="module")
def own() -> Authority:
    return Authority.new("Root of the program")


@pytest.fixture(scope="module")
def leaf(own: Authority) -> Certificate:
    return own.authority().issue(HOST)


def question(leaf: Certificate, *anchors: Certificate, flags: ssl.VerifyFlags = NO_FLAGS, host: str = HOST) -> Question:
    return Question([certificate.der for certificate in leaf.chain], host, Anchors(anchor.der for anchor in anchors), flags, True)


def code(asked: Question) -> int:
    try:
        verify(asked)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code
    return 0


def test_where_the_system_decides_one_chain_is_built_and_no_engine(of_system: Certificate, own: Authority, calls: Calls) -> None:
    chain = verify(question(of_system, own))
    assert [*chain] == [certificate.der for certificate in (*of_system.chain, of_system.root)]
    assert (calls["CertGetCertificateChain"], calls["CertCreateCertificateChainEngine"]) == (1, 0)
    assert calls.owed == {}


def test_an_engine_is_made_once_and_two_chains_at_most(leaf: Certificate, own: Authority, calls: Calls) -> None:
    asked = question(leaf, own)
    for connection in range(1, 6):
        assert verify(asked)[-1] == own.der
        assert calls["CertCreateCertificateChainEngine"] == 1
        assert calls["CertGetCertificateChain"] == 2 * connection


def test_the_engine_dies_with_its_anchors(leaf: Certificate, own: Authority, calls: Calls) -> None:
    asked = question(leaf, own, own.authority("Another"))
    verify(asked)
    assert calls.owed == {"CertCreateCertificateChainEngine": 1, "CertOpenStore": 2}
    gc.disable()
    try:
        del asked
        assert calls.owed == {}, "they are part of a cycle"
    finally:
        gc.enable()


def test_more_anchors_make_another_engine(leaf: Certificate, own: Authority, of_system: Certificate) -> None:
    anchors = Anchors([self_signed("a.test").der])
    first = Question([certificate.der for certificate in leaf.chain], HOST, anchors, NO_FLAGS, True)
    assert code(first) == 20
    more = Question(first.chain, HOST, anchors.and_more([own.der]), NO_FLAGS, True)
    assert code(more) == 0
    assert code(first) == 20


def test_32_threads_on_one_set_of_anchors(leaf: Certificate, own: Authority, of_system: Certificate, calls: Calls) -> None:
    in_32_threads(leaf, own, of_system)
    assert 1 <= calls["CertCreateCertificateChainEngine"] <= 32
    assert calls.owed == {}


def in_32_threads(leaf: Certificate, own: Authority, of_system: Certificate) -> None:
    anchors = Anchors([own.der])
    good = Question([certificate.der for certificate in leaf.chain], HOST, anchors, NO_FLAGS, True)
    wrong = Question(good.chain, "other.test", anchors, NO_FLAGS, True)
    systems = Question([certificate.der for certificate in of_system.chain], HOST, anchors, NO_FLAGS, True)
    start, answers = threading.Barrier(32), []

    def ask(number: int) -> None:
        asked, expected = [(good, 0), (wrong, 62), (systems, 0)][number % 3]
        start.wait()
        answers.append([code(asked) == expected for _ in range(10)])

    threads = [threading.Thread(target=ask, args=[number]) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[True] * 10] * 32


def serial_numbers(root: Authority, count: int) -> list[bytes]:
    """Roots that differ in one number alone: no signature is right, and nobody looks at it."""
    number = root.parsed.serial_number.to_bytes(20, "big")
    assert root.der.count(number) == 1
    return [root.der.replace(number, b"\x01" + index.to_bytes(19, "big")) for index in range(count)]


#: Wine 8 takes ever longer to allocate memory, more than two minutes for 100 000.
VERY_MANY = int(os.environ.get("TRUSTSTORE_TESTS_MANY") or (10_000 if system.IS_WINE else 100_000))


@pytest.mark.timeout(600)
def test_very_many_roots_duplicates_and_junk(leaf: Certificate, own: Authority) -> None:
    template = Authority.new("One of very many")
    while template.parsed.serial_number >> 152 == 0:
        template = Authority.new("One of very many")
    many = serial_numbers(template, VERY_MANY)
    anchors = Anchors([b"junk", b"", own.der[:-1], *many, own.der, *many[:1000], own.der])
    assert len(anchors) == VERY_MANY + 4
    asked = Question([certificate.der for certificate in leaf.chain], HOST, anchors, NO_FLAGS, True)
    assert code(asked) == 0
    started = time.monotonic()
    assert code(asked) == 0
    assert time.monotonic() - started < 5  # the first one made the store and the engine


def test_anchors_that_nobody_can_read_trust_nothing(leaf: Certificate, of_system: Certificate) -> None:
    junk = Anchors([b"junk"])
    assert code(Question([certificate.der for certificate in leaf.chain], HOST, junk, PARTIAL, True)) == 20
    assert code(Question([certificate.der for certificate in of_system.chain], HOST, junk, PARTIAL, True)) == 0


def test_an_intermediate_of_the_users_completes_a_chain_to_his_root(own: Authority, leaf: Certificate) -> None:
    assert leaf.issuer is not None
    alone = [leaf.der]
    for flags in NO_FLAGS, PARTIAL:
        assert code(Question(alone, HOST, Anchors([own.der]), flags, True)) == 20
        assert code(Question(alone, HOST, Anchors([own.der, leaf.issuer.der]), flags, True)) == 0


def test_an_intermediate_of_the_users_completes_a_chain_to_the_systems_root(of_system: Certificate) -> None:
    assert of_system.issuer is not None
    assert code(Question([of_system.der], HOST, Anchors(), NO_FLAGS, True)) == 20
    assert code(Question([of_system.der], HOST, Anchors([of_system.issuer.der]), NO_FLAGS, True)) == 0


class TestPartialChains:
    """VERIFY_X509_PARTIAL_CHAIN: any certificate of the user's may end the chain, and every check up to it stays on."""

    def test_the_chain_ends_at_the_anchor(self, leaf: Certificate) -> None:
        assert leaf.issuer is not None
        assert verify(question(leaf, leaf.issuer, flags=PARTIAL)) == [leaf.der, leaf.issuer.der]
        assert verify(question(leaf, leaf, flags=PARTIAL)) == [leaf.der]

    def test_the_root_may_be_sent_too(self, leaf: Certificate) -> None:
        assert leaf.issuer is not None
        sent = [*(certificate.der for certificate in leaf.chain), leaf.root.der]
        assert verify(Question(sent, HOST, Anchors([leaf.issuer.der]), PARTIAL, True)) == sent[:2]

    def test_without_the_flag_it_does_not(self, leaf: Certificate) -> None:
        assert leaf.issuer is not None
        assert code(question(leaf, leaf.issuer)) == 20
        assert code(question(leaf, leaf)) == 20

    def test_another_key_under_the_anchors_name_is_refused(self, leaf: Certificate) -> None:
        assert leaf.issuer is not None
        for identifiers in True, False:
            impostor = Authority.new(subject=leaf.issuer.parsed.subject).issue(HOST, identifiers=identifiers)
            asked = Question([impostor.der], HOST, Anchors([leaf.issuer.der]), PARTIAL, True)
            assert code(asked) in {7, 20}

    @pytest.mark.parametrize(
        ("profile", "host", "expected"),
        [
            ({"starts": -9, "ends": -1}, HOST, 10),
            ({"starts": 1}, HOST, 9),
            ({}, "other.test", 62),
            ({"unknown_critical": True}, HOST, 34),
        ],
    )
    def test_every_other_check_stays_on(self, own: Authority, profile: dict[str, float], host: str, expected: int) -> None:
        issuer = own.authority()
        assert code(question(issuer.issue(HOST, **profile), issuer, flags=PARTIAL, host=host)) == expected

    def test_an_anchor_that_is_no_authority_vouches_for_itself_alone(self, own: Authority) -> None:
        server = own.authority("Server with a key of its own", ca=False, names=[HOST], key_usage=["digital_signature"])
        assert code(question(server.issue(HOST), server, flags=PARTIAL)) in {26, 79}
        assert code(question(server, server, flags=PARTIAL)) == 0


def test_a_root_of_the_system_with_the_name_of_the_users_is_no_obstacle(system_root: Authority) -> None:
    users = Authority.new(subject=system_root.parsed.subject)
    leaf = users.issue(HOST, identifiers=False)
    assert code(question(leaf)) == 7
    assert code(question(leaf, users)) == 0


def test_nor_is_one_that_has_expired(expired_system_root: Authority) -> None:
    """The root was renewed with its key, and the administrator has not noticed."""
    renewed = Authority.new(subject=expired_system_root.parsed.subject, private_key=expired_system_root.key)
    leaf = renewed.issue(HOST)
    assert code(question(leaf)) == 10
    assert code(question(leaf, renewed)) == 0
    assert code(question(leaf, expired_system_root)) == 10


def test_native_is_what_is_kept(leaf: Certificate, own: Authority) -> None:
    asked = question(leaf, own)
    verify(asked)
    kept = asked.anchors.native
    verify(asked)
    assert isinstance(kept, OwnAnchors)
    assert asked.anchors.native is kept
