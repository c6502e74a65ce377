"""OpenSSL's verdict without a connection is the verdict of a handshake of plain `ssl`."""

from __future__ import annotations

import cases
import pytest
from flights import judged, shaken
from test_cases_openssl import client_context, expected_here


@pytest.mark.parametrize("case", cases.rows("openssl", without=[cases.UNSERVABLE]), ids=str)
def test_every_case_as_in_a_handshake(case: cases.Case) -> None:
    world = case.world()
    server = world.chain[0].server_context(world.chain)
    verdict = judged(client_context(case), world.chain, case.host)
    assert verdict == shaken(client_context(case), server, case.host)
    assert (verdict[0], verdict[1]) == ("refused", expected_here(case)) if case.openssl else verdict[0] == "accepted"


@pytest.mark.parametrize("case", [case for case in cases.rows("openssl") if cases.UNSERVABLE in case.needs], ids=str)
def test_every_case_that_no_server_can_show(case: cases.Case) -> None:
    assert judged(client_context(case), case.world().chain, case.host)[:2] == ("refused", expected_here(case))
