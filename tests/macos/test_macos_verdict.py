"""The verdict: the table of all platforms on the simulator and, where there are any, on the real frameworks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import cases
import pytest
from certificates import NOW, Certificate
from cryptography import x509
from macos.asking import about, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from macos.simulated import Simulator

    from truststore._verdict import Question

#: Rows that the table guesses otherwise than the simulator's rules have it. Nobody has measured either on a Mac.
SIMULATOR_DIFFERS = {
    "ed25519": 66,  # a key of a kind that the policy does not take outranks a signature that cannot be verified
    "revoked-intermediate-leaf-asked": 23,  # trustd looks every certificate up
}


def known_to_the_network(world: cases.World) -> dict[str, list[Certificate]]:
    """Whom the revocation lists that can be fetched call good and revoked."""
    known: dict[str, list[Certificate]] = {"good": [], "revoked_online": []}
    lists = [x509.load_der_x509_crl(data) for path, data in world.published.items() if path.endswith(".crl")]
    for certificate in world.chain:
        issuer = certificate.issuer
        for crl in lists:
            if issuer and crl.issuer == issuer.parsed.subject and crl.is_signature_valid(issuer._private_key.public_key()):
                listed = crl.get_revoked_certificate_by_serial_number(certificate.parsed.serial_number)
                if crl.next_update_utc and crl.next_update_utc > NOW:
                    known["revoked_online" if listed else "good"].append(certificate)
    return known


def asked(case: cases.Case, world: cases.World, anchors: Sequence[Certificate]) -> Question:
    return about(world.chain, case.host, anchors=anchors, flags=case.flags, common_name=case.common_name)


@pytest.mark.parametrize("case", cases.rows("macos"), ids=str)
def test_simulator(case: cases.Case, simulator: Simulator, tmp_path: Path) -> None:
    world = case.world()
    published = [Certificate(der) for path, der in world.published.items() if path.endswith(".crt")]
    simulator.keychain(tmp_path, admin=world.roots, denied=world.denied, intermediates=published, **known_to_the_network(world))
    before = simulator.evaluations
    assert verdict(asked(case, world, world.anchors)) == SIMULATOR_DIFFERS.get(str(case), case.macos)
    assert simulator.evaluations == before + 1


@pytest.mark.skipif(sys.platform != "darwin", reason="Apple's frameworks are on Apple's systems only")
@pytest.mark.parametrize("case", cases.rows("macos", without=[cases.AIA, cases.CRL, cases.SETTINGS, cases.SYSTEM]), ids=str)
@pytest.mark.filterwarnings("default::cases.UnprovenExpectation")
def test_real(case: cases.Case) -> None:
    """Roots as anchors of the program's own: the keychain is left alone."""
    world = case.world()
    code = verdict(asked(case, world, [*world.roots, *world.anchors]))
    assert not cases.surprise(case, "macos", code), f"{case}: {code}"
