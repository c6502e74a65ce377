"""CryptoAPI's verdict on every chain of the table."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import cases
import pytest
import system

from truststore._verdict import Anchors, Question
from truststore._windows import PLATFORM, verify

if TYPE_CHECKING:
    from cases import Case, World
    from published import Publisher

without = () if system.ROOTS_CAN_BE_ADDED and not system.IS_WINE else (cases.SETTINGS,)
each_case = pytest.mark.parametrize("case", cases.rows(system.PLATFORM, without=without), ids=str)


@pytest.fixture
def world(case: Case, publisher: Publisher) -> World:
    built = case.world(publisher.url)
    publisher.files.update(built.published)
    for root in built.roots:
        system.add(root.der)
    for certificate in built.denied:
        system.add(certificate.der, "Disallowed")
    return built


def question(case: Case, world: World) -> Question:
    anchors = Anchors(anchor.der for anchor in world.anchors)
    return Question(world.ders, case.host, anchors, case.flags, case.common_name)


def answer(asked: Question) -> tuple[int, ssl.SSLCertVerificationError | None]:
    try:
        chain = verify(asked)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code, error
    assert chain[0] == asked.chain[0]
    return 0, None


@each_case
def test_verdict(case: Case, world: World) -> None:
    code, error = answer(question(case, world))
    assert not cases.surprise(case, system.PLATFORM, code), f"{code} instead of {getattr(case, system.PLATFORM)} because {case.why}: {error!r}"
    if error is not None:
        assert (error.reason, error.library) == ("CERTIFICATE_VERIFY_FAILED", "SSL")
        assert PLATFORM.name in str(error)
