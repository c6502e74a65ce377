"""What a user gets to read: every code of Apple's in OpenSSL's words, whose certificate it is, and what to do about it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from certificates import CLIENT_AUTH, Authority, Certificate, self_signed
from macos.asking import HOST, about, refusal, status

from truststore import _der, _osstatus
from truststore._verify_codes import OPENSSL_WORDS

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from macos.simulated import Simulator

needs_notes = pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have notes from Python 3.11 on")


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority.new()


@pytest.fixture(scope="module")
def leaf(root: Authority) -> Certificate:
    return root.authority("Middle").issue(HOST, common_name="Leaf")


def refused(chain: tuple[Certificate, ...], host: str = HOST) -> ssl.SSLCertVerificationError:
    error = refusal(about(chain, host))
    assert error is not None
    return error


@pytest.mark.parametrize("code", _osstatus.ERRORS, ids=lambda code: _osstatus.ERRORS[code][0])
def test_every_status(code: int, simulator: Simulator, leaf: Certificate) -> None:
    """In OpenSSL's words; with the code that the table says, unless the certificates say more."""
    simulator.fail("CFErrorGetCode", value=code)
    error = refused(leaf.chain)
    assert status(error) == code
    if code in _osstatus.OWN_LOOK:
        assert (error.verify_code, code) in {(62, -67602), (67, -67735), (10, -67818), (19, -67843), (20, -25318)}
    else:
        assert error.verify_code == _osstatus.ERRORS[code][1]
    if error.verify_code != 62:
        assert error.verify_message == OPENSSL_WORDS[error.verify_code]
    assert f"(Security.framework: “Leaf” certificate was refused, {code})" in str(error)


@pytest.mark.parametrize("code", _osstatus.NO_VERDICT)
def test_every_failure(code: int, simulator: Simulator, leaf: Certificate) -> None:
    """Of the system: nothing is said of the certificate."""
    for broken in ("CFErrorCopyDescription", "CFErrorGetCode"):
        simulator.fail("CFErrorGetCode", value=code)
        if broken == "CFErrorCopyDescription":
            simulator.fail("SecTrustCreateWithCertificates", value=code)
        error = refused(leaf.chain)
        assert (error.verify_code, status(error)) == (1, code)
        assert "could not be evaluated" in str(error)
        assert str(code) in str(error)


def test_an_unknown_status(simulator: Simulator, leaf: Certificate) -> None:
    """A rule that Apple invents some day."""
    simulator.fail("CFErrorGetCode", value=-68000)
    error = refused(leaf.chain)
    assert (error.verify_code, error.verify_message) == (1, "unspecified certificate verification error")
    assert "-68000" in str(error)


def test_what_apple_parses_and_we_do_not(simulator: Simulator, leaf: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then Apple's word stands."""

    def unreadable(der: bytes) -> object:
        raise _der.Malformed("not a certificate")

    monkeypatch.setattr(_der, "Certificate", unreadable)
    for code, (_, expected) in _osstatus.ERRORS.items():
        simulator.fail("CFErrorGetCode", value=code)
        assert refused(leaf.chain).verify_code == expected


def note(error: ssl.SSLCertVerificationError) -> str:
    return "\n".join(getattr(error, "__notes__", []))


def issued(**profile: object) -> Callable[[], tuple[Certificate, ...]]:
    return lambda: Authority.new().issue(HOST, **profile).chain


def unnamed() -> tuple[Certificate, ...]:
    return Authority.new().issue(common_name=HOST).chain


#: What is wrong, the roots among which the authority is, the name that is asked for, the code, and what the user gets to read.
REMEDIES = {
    "no purpose": (issued(purposes=None), "system", HOST, 26, ["serverAuth", "public authority"]),
    "a client's": (issued(purposes=[CLIENT_AUTH]), "admin", HOST, 26, ["serverAuth"]),
    "900 days": (issued(ends=899), "admin", HOST, 50, ["825 days", "398", "load_verify_locations()"]),
    "RSA-1024": (issued(key="rsa1024"), "admin", HOST, 66, ["2048 bits"]),
    "SHA-1": (issued(hash="sha1"), "admin", HOST, 68, ["SHA-256"]),
    "common name": (unnamed, "admin", HOST, 62, ["no DNS names", "common name", "load_verify_locations()"]),
    "wrong name": (issued(), "admin", "other.test", 62, ["name that the certificate lists"]),
    "wrong address": (issued(), "admin", "192.0.2.1", 64, ["address"]),
}


@needs_notes
@pytest.mark.parametrize("what", REMEDIES)
def test_stricter_than_openssl(what: str, simulator: Simulator, tmp_path: Path) -> None:
    """What OpenSSL accepts and Apple does not (docs/private-cas.md): the rule, and the remedy."""
    make, store, host, code, words = REMEDIES[what]
    chain = make()
    simulator.keychain(tmp_path, **{store: [chain[0].root]})
    error = refused(chain, host)
    assert error.verify_code == code
    for word in words:
        assert word in note(error)


def test_a_private_authority_need_not_name_the_purpose(simulator: Simulator, tmp_path: Path) -> None:
    """Whom a user or an administrator trusts is spared the stricter rule: Apple's own exception."""
    chain = issued(purposes=None)()
    simulator.keychain(tmp_path, admin=[chain[0].root])
    assert refusal(about(chain)) is None


@needs_notes
def test_denied(simulator: Simulator, leaf: Certificate, root: Authority, tmp_path: Path) -> None:
    simulator.keychain(tmp_path, admin=[root], denied=[root])
    assert '"Never Trust" in the keychain' in note(refused(leaf.chain))


@needs_notes
@pytest.mark.parametrize("position", [0, 1], ids=["leaf", "intermediate"])
def test_who_is_to_blame(position: int, simulator: Simulator, root: Authority, tmp_path: Path) -> None:
    """For what the certificates show: dates and keys. Otherwise the leaf is named."""
    simulator.keychain(tmp_path, admin=[root])
    for profile, code in (({"starts": -90, "ends": -1}, 10), ({"starts": 1, "ends": 90}, 9), ({"key": "rsa1024"}, 66 + position)):
        middle = root.authority("Middle", **(profile if position else {}))
        server = middle.issue(HOST, common_name="Leaf", **({} if position else profile))
        error = refused(server.chain)
        assert error.verify_code == code
        assert f"CN={'Middle' if position else 'Leaf'}" in note(error)


def test_addresses_in_all_forms(simulator: Simulator, root: Authority, tmp_path: Path) -> None:
    """What Apple is told is an address for Apple, and compared again byte by byte."""
    simulator.keychain(tmp_path, admin=[root])
    leaf = root.issue("192.0.2.1", "fe80::1", "::ffff:192.0.2.7", "2001:db8::a:b")
    for right in (
        "192.0.2.1",
        "fe80::1",
        "FE80:0:0::0001",
        "::ffff:192.0.2.7",
        "::FFFF:c000:207",
        "2001:DB8::A:B",
    ):
        assert refusal(about(leaf.chain, right)) is None, right
    for wrong in ("192.0.2.2", "fe80::2", "::ffff:192.0.2.1", "192.0.2.7", "2001:db8::b:a"):
        assert refused(leaf.chain, wrong).verify_code == 64, wrong
    for no_address in (
        "192.0.2.01",
        "192.0.2",
        "0xc0.0.2.1",
        "3221225985",
        "[fe80::1]",
        "fe80::1::",
        "192.0.2.1%en0",
        "fe80::1%en0",
    ):
        assert refused(leaf.chain, no_address).verify_code == 62, no_address


def test_self_signed(simulator: Simulator) -> None:
    error = refused((self_signed(HOST),))
    assert (error.verify_code, error.verify_message) == (18, "self-signed certificate")


def test_missing_intermediate_and_the_network(simulator: Simulator, leaf: Certificate, root: Authority, tmp_path: Path) -> None:
    """`trustd` fetches it, where there is a network."""
    simulator.keychain(tmp_path, admin=[root], intermediates=[leaf.chain[1]])
    assert refusal(about([leaf])) is None
    simulator.network(False)
    assert refused((leaf,)).verify_code == 20


def test_the_public_398_days(simulator: Simulator, root: Authority, tmp_path: Path) -> None:
    """Apple's own roots alone."""
    simulator.keychain(tmp_path, system=[root])
    assert refused(root.issue(HOST, ends=400).chain).verify_code == 50
    assert refusal(about(root.issue(HOST).chain)) is None


def test_withdrawn_certificates_are_always_refused(
    simulator: Simulator, leaf: Certificate, root: Authority, tmp_path: Path
) -> None:
    """Those that Apple lists, without being asked for revocation."""
    simulator.keychain(tmp_path, admin=[root], revoked=[leaf])
    assert refused(leaf.chain).verify_code == 23
