"""The verdict: the table of all platforms on the simulator and, where there are any, on the real frameworks.

The table has the system's roots in the keychain. A real Mac's keychain is left alone: there the roots are unknown to the system, or the
program's own. Both are asked of the simulator, too, so that what is expected is not expected for the first time on a Mac.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

import cases
import pytest
from certificates import Certificate
from macos import simulated
from macos.asking import about, context_trusting, verdict, verdict_by
from offline import by_handshake, context_of, without_connection
from test_cases_openssl import expected_here

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from macos.simulated import Simulator

on_a_mac = pytest.mark.skipif(sys.platform != "darwin", reason="Apple's frameworks are on Apple's systems only")

#: Accepted, revoked, rejected: what OpenSSL says that nobody else is asked about.
FINAL = {0, 23, 28}
UNKNOWN_ISSUER = {18, 19, 20}


def asked_of_the_system(case: cases.Case) -> int:
    asked = about(case.world().chain, case.host, flags=case.flags, common_name=case.common_name, best_effort=case.best_effort)
    return verdict(asked)


def asked_of_a_context(case: cases.Case, own: Sequence[Certificate]) -> int:
    """Of one that has loaded these and, as plain `ssl` needs them, the row's revocation lists."""
    world = case.world()
    context = context_trusting(*own, crls=world.crls)
    context.check_hostname = case.host is not None
    context.verify_flags |= case.flags
    context.revocation_best_effort = case.best_effort
    context.hostname_checks_common_name = case.common_name
    return verdict_by(context, world.chain, case.host)


# --- the table


@pytest.mark.parametrize("case", cases.rows("macos"), ids=str)
def test_simulator(case: cases.Case, simulator: Simulator, tmp_path: Path) -> None:
    world = case.world()
    published = [Certificate(der) for path, der in world.published.items() if path.endswith(".crt")]
    simulator.keychain(tmp_path, admin=world.roots, denied=world.denied, intermediates=published)
    before = simulator.evaluations
    with simulated.contexts():
        code = asked_of_a_context(case, world.anchors) if world.anchors else asked_of_the_system(case)
    assert code == case.macos
    settled = world.anchors and case.openssl in FINAL and cases.SYSTEM not in case.needs  # by an anchor of the program's
    assert simulator.evaluations == before + (not settled)


@pytest.mark.parametrize("case", cases.rows("macos", without=[cases.UNSERVABLE]), ids=str)
def test_a_handshake_says_the_same(case: cases.Case, simulator: Simulator, tmp_path: Path) -> None:
    """As `verify_chain()`: verdict, words, Apple's code, notes, and the chain that was built."""
    world = case.world()
    published = [Certificate(der) for path, der in world.published.items() if path.endswith(".crt")]
    simulator.keychain(tmp_path, admin=world.roots, denied=world.denied, intermediates=published)
    with simulated.contexts():
        context = context_of(case, world.anchors)
        assert without_connection(context, case) == by_handshake(context, case)


# --- nobody in the table is known to the system


STRANGERS = cases.rows("macos", without=[cases.AIA, cases.CRL, cases.SETTINGS])


def of_a_stranger(case: cases.Case) -> set[int]:
    """Whatever else is wrong it is refused for want of trust or, if Apple takes that for worse, for what the table says of the trusted."""
    worse = {int(case.macos or 0)} - {0}
    return UNKNOWN_ISSUER | worse


@pytest.mark.parametrize("case", STRANGERS, ids=str)
def test_strangers_simulated(case: cases.Case, simulator: Simulator) -> None:
    assert asked_of_the_system(case) in of_a_stranger(case)


@on_a_mac
@pytest.mark.parametrize("case", STRANGERS, ids=str)
@pytest.mark.filterwarnings("default::cases.UnprovenExpectation")
def test_strangers(case: cases.Case) -> None:
    """Nobody has measured which of the two is reported."""
    code = asked_of_the_system(case)
    assert code
    if code not in of_a_stranger(case):
        warnings.warn(f"macos: {case.id} of a stranger gives {code}", cases.UnprovenExpectation, stacklevel=1)


# --- all roots of the table are the program's own


def asked_with_roots_as_own(case: cases.Case) -> int:
    world = case.world()
    return asked_of_a_context(case, [*world.roots, *world.anchors])


@pytest.mark.parametrize("case", cases.rows("openssl"), ids=str)
def test_own_roots_simulated(case: cases.Case, simulator: Simulator) -> None:
    """Plain `ssl`'s verdict, whatever Apple's rules are. The system is asked unless that settles it, or names are off (pinned)."""
    with simulated.contexts():
        code = asked_with_roots_as_own(case)
    assert code == expected_here(case)
    none_loaded = not (case.world().roots or case.world().anchors)
    settled = code in FINAL or (case.host is None and not none_loaded)
    assert simulator.calls("SecTrustEvaluateWithError") == (not settled)


@on_a_mac
@pytest.mark.parametrize("case", cases.rows("openssl"), ids=str)
def test_own_roots(case: cases.Case) -> None:
    assert asked_with_roots_as_own(case) == expected_here(case)
