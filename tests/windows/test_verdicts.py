"""CryptoAPI's verdict on every chain of the table."""

from __future__ import annotations

import ssl
import sys
from typing import TYPE_CHECKING

import cases
import pytest

from truststore._platform import PLATFORM
from truststore._verdict import Anchors, Question
from truststore._windows import verify
from windows import system

if TYPE_CHECKING:
    from cases import Case, World

    from windows.published import Publisher

assert sys.platform == "win32"

without = () if system.ROOTS_CAN_BE_ADDED and not system.IS_WINE else (cases.SETTINGS,)
each_case = pytest.mark.parametrize("case", cases.rows(system.PLATFORM, without=without), ids=str)


def fill_stores(publisher: Publisher) -> None:
    for case in cases.rows(system.PLATFORM, without=without):
        world = case.world(publisher.url)
        publisher.files.update(world.published)
        for root in world.roots:
            system.add(root.der)
        for certificate in world.denied:
            system.add(certificate.der, "Disallowed")


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
@pytest.mark.filterwarnings("default::cases.UnprovenExpectation")
def test_verdict(case: Case, publisher: Publisher) -> None:
    code, error = answer(question(case, case.world(publisher.url)))
    why = f"{code} instead of {getattr(case, system.PLATFORM)} because {case.wine_why or case.why}: {error!r}"
    if system.IS_WINE:  # all of it has been measured: nothing is a guess
        assert code == case.wine, why
    assert not cases.surprise(case, system.PLATFORM, code), why
    if error is not None:
        assert (error.reason, error.library) == ("CERTIFICATE_VERIFY_FAILED", "SSL")
        assert PLATFORM.name in str(error)


def test_a_row_that_differs_under_wine_says_why() -> None:
    assert [case.id for case in cases.rows("wine") if case.wine != case.windows and not case.wine_why] == []
