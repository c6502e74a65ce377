"""What the program loads and what the system trusts, on a Mac: who is asked, in which order, and whose refusal is raised.

OpenSSL judges what the program loaded, as in plain `ssl`. The system is asked about the rest, and knows nothing of it.
"""

from __future__ import annotations

import base64
import ssl
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from certificates import CLIENT_AUTH, Authority, Certificate, self_signed
from fake_root import subject_hash
from macos import simulated
from macos.asking import HOST, context_trusting, verdict_by
from macos.talking import handshake

import truststore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from macos.simulated import Simulator

PARTIAL = ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN


@pytest.fixture(scope="module")
def own() -> Authority:
    """Which the program loads."""
    return Authority.new("Own")


@pytest.fixture(scope="module")
def known() -> Authority:
    """Which the system trusts."""
    return Authority.new("Known")


@pytest.fixture(scope="module")
def own_leaf(own: Authority) -> Certificate:
    return own.authority().issue(HOST)


@pytest.fixture(scope="module")
def known_leaf(known: Authority) -> Certificate:
    return known.authority().issue(HOST)


@pytest.fixture
def mac(simulator: Simulator, known: Authority, tmp_path: Path) -> Iterator[Simulator]:
    simulator.keychain(tmp_path / "keychain", admin=[known])
    with simulated.contexts():
        yield simulator


def evaluations(mac: Simulator) -> int:
    return mac.calls("SecTrustEvaluateWithError")


# --- an own anchor vouches


@pytest.mark.parametrize("how", ["data", "file", "directory"])
def test_own_is_what_was_loaded(how: str, mac: Simulator, tmp_path: Path) -> None:
    """A self-signed server's certificate, too, which get_ca_certs() does not list; and directories, which it does not either."""
    server = self_signed(HOST)
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "device.pem").write_text(server.pem, encoding="ascii")
    (folder / f"{subject_hash(server)}.0").symlink_to(folder / "device.pem")
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if how == "data":
        context.load_verify_locations(cadata=server.pem)
    elif how == "file":
        context.load_verify_locations(cafile=folder / "device.pem")
    else:
        context.load_verify_locations(capath=folder)
    assert handshake(context, server) == b"ping"
    assert mac.calls() == 0


def test_without_a_call(mac: Simulator, own: Authority, own_leaf: Certificate) -> None:
    context = context_trusting(own)
    assert handshake(context, own_leaf) == b"ping"
    assert verdict_by(context, own_leaf.chain) == 0
    assert mac.calls() == 0


def test_the_chain_is_openssls(mac: Simulator, own: Authority, own_leaf: Certificate) -> None:
    built = context_trusting(own).verify_chain([certificate.der for certificate in own_leaf.chain], HOST)
    assert built == [*(certificate.der for certificate in own_leaf.chain), own.der]


@pytest.mark.parametrize("profile", [{"ends": 899}, {"purposes": None}], ids=["900-days", "no-purpose"])
def test_apples_rules_do_not_bind_it(profile: dict[str, object], mac: Simulator, own: Authority) -> None:
    """https://github.com/pypa/pip/issues/12995"""
    assert verdict_by(context_trusting(own), own.issue(HOST, **profile).chain) == 0
    assert mac.calls() == 0


def test_they_bind_roots_in_the_keychain(mac: Simulator, known: Authority) -> None:
    assert verdict_by(context_trusting(), known.issue(HOST, ends=899).chain) == 50


def test_an_intermediate_helps(mac: Simulator, own: Authority, own_leaf: Certificate) -> None:
    """Where the server forgot it."""
    assert verdict_by(context_trusting(own), [own_leaf]) == 20
    assert verdict_by(context_trusting(own, own_leaf.chain[1]), [own_leaf]) == 0


def test_partial_chains(mac: Simulator, own_leaf: Certificate) -> None:
    """Of one context at a time, whatever others have loaded."""
    strict, loose = (context_trusting(own_leaf.chain[1]) for _ in range(2))
    strict.verify_flags &= ~PARTIAL
    loose.verify_flags |= PARTIAL
    for _ in range(2):
        assert verdict_by(strict, [own_leaf]) == 2
        assert verdict_by(loose, [own_leaf]) == 0
    assert evaluations(mac) == 2


def test_no_frameworks_are_needed(own: Authority, own_leaf: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError("image not found")

    simulated.forget_declarations()
    monkeypatch.setattr("ctypes.CDLL", fail)
    with simulated.contexts():
        assert verdict_by(context_trusting(own), own_leaf.chain) == 0


# --- it does not: the system is asked


def test_the_system_is_asked_once(mac: Simulator, own: Authority, known_leaf: Certificate) -> None:
    context = context_trusting(own)
    for connections in (1, 2):
        assert handshake(context, known_leaf) == b"ping"
        assert evaluations(mac) == connections


def test_the_system_is_asked_the_same(mac: Simulator, known_leaf: Certificate) -> None:
    """However many certificates the program loaded: none of them is shown to the system."""
    traces = []
    for own in ([], [Authority.new(key="p256") for _ in range(20)]):
        mac.forget_calls()
        assert handshake(context_trusting(*own), known_leaf) == b"ping"
        traces.append(Counter(mac.trace))
    assert traces[0] == traces[1]


def test_nothing_loaded(mac: Simulator, known_leaf: Certificate, own_leaf: Certificate) -> None:
    """A file with revocation lists alone is no anchor: the system is asked, and alone answers."""
    context = context_trusting(crls=[Authority.new(key="p256").crl()])
    assert verdict_by(context, known_leaf.chain) == 0
    assert verdict_by(context, own_leaf.chain) == 20
    assert evaluations(mac) == 2


# --- both refuse


@pytest.mark.parametrize(
    ("issuer", "name", "profile", "code"),
    [
        ("own", "other.test", {}, 62),
        ("own", HOST, {"starts": -90, "ends": -1}, 10),
        ("own", HOST, {"purposes": [CLIENT_AUTH]}, 26),
        ("own", HOST, {"hash": "sha1"}, 68),
        ("known", "other.test", {}, 62),
        ("known", HOST, {"starts": -90, "ends": -1}, 10),
        ("known", HOST, {"ends": 899}, 50),
        ("stranger", HOST, {}, 20),
        ("stranger", "other.test", {}, 20),
    ],
)
def test_whose_refusal(
    issuer: str, name: str, profile: dict[str, object], code: int, mac: Simulator, own: Authority, known: Authority
) -> None:
    """Of the judge that knows the issuer: it got further."""
    authority = {"own": own, "known": known}.get(issuer) or Authority.new()
    leaf = authority.issue(name, **profile)
    assert verdict_by(context_trusting(own), leaf.chain) == code
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        handshake(context_trusting(own), leaf)
    assert caught.value.verify_code == code
    assert evaluations(mac) == 2


def test_both_know_the_issuer(mac: Simulator, known: Authority) -> None:
    """OpenSSL's refusal is raised."""
    assert verdict_by(context_trusting(known), known.issue("other.test", ends=899).chain) == 62


def test_the_system_is_more_lenient(mac: Simulator, known: Authority, tmp_path: Path) -> None:
    """Whom either trusts is trusted. OpenSSL takes no chain without its intermediate; `trustd` fetches that."""
    middle = known.authority()
    mac.keychain(tmp_path / "fetched", admin=[known], intermediates=[middle])
    assert verdict_by(context_trusting(known), [middle.issue(HOST)]) == 0
    assert evaluations(mac) == 1


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have notes from Python 3.11 on")
def test_the_note_names_both(mac: Simulator, own: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        handshake(context_trusting(own), Authority.new().issue(HOST))
    note = "\n".join(vars(caught.value)["__notes__"])
    assert "OpenSSL" in note
    assert "Security.framework" in note


# --- final refusals


def test_revoked_is_final(mac: Simulator, known: Authority) -> None:
    """By a list that the program loaded: the system, which trusts the root and sees no list, is not asked."""
    leaf = known.issue(HOST)
    context = context_trusting(known, crls=[known.crl(leaf)])
    context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    assert verdict_by(context, leaf.chain) == 23
    assert mac.calls() == 0


#: X509_CERT_AUX of OpenSSL: nothing that it is trusted for; rejected for serverAuth.
REJECTED = bytes.fromhex("300c a00a 06082b06010505070301")


def test_rejected_is_final(mac: Simulator, known: Authority, tmp_path: Path) -> None:
    body = base64.encodebytes(known.der + REJECTED).decode()
    (tmp_path / "rejected.pem").write_text(f"-----BEGIN TRUSTED CERTIFICATE-----\n{body}-----END TRUSTED CERTIFICATE-----\n")
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tmp_path / "rejected.pem")
    assert verdict_by(context, known.issue(HOST).chain) == 28
    assert mac.calls() == 0


# --- what the system distrusts


def test_denied(mac: Simulator, known: Authority, known_leaf: Certificate, own: Authority, tmp_path: Path) -> None:
    """Other anchors do not bring a denied root back. The program's own root is judged by OpenSSL, which knows nothing of the keychain."""
    mac.keychain(tmp_path / "denied", system=[known], denied=[known])
    assert verdict_by(context_trusting(own), known_leaf.chain) == 28
    assert verdict_by(context_trusting(known), known_leaf.chain) == 0


def test_withdrawn(mac: Simulator, known: Authority, known_leaf: Certificate, own: Authority, tmp_path: Path) -> None:
    """Likewise, of what Apple lists."""
    mac.keychain(tmp_path / "withdrawn", system=[known], revoked=[known_leaf])
    assert verdict_by(context_trusting(own), known_leaf.chain) == 23
    assert verdict_by(context_trusting(known), known_leaf.chain) == 0


# --- a public bundle that a library loads by itself


@pytest.fixture
def bundle(own: Authority, known: Authority, tmp_path: Path) -> Path:
    """Certifi's, of a company that has put its own root into it."""
    path = tmp_path / "certifi" / "cacert.pem"
    path.parent.mkdir()
    path.write_text(own.pem + known.pem, encoding="ascii")
    return path


def loading(bundle: Path) -> truststore.SSLContext:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(bundle)
    return context


def test_a_bundle_comes_last(mac: Simulator, bundle: Path, own_leaf: Certificate, known_leaf: Certificate) -> None:
    assert verdict_by(loading(bundle), known_leaf.chain) == 0
    assert verdict_by(loading(bundle), own_leaf.chain) == 0
    assert evaluations(mac) == 2


def test_a_bundle_brings_nobody_back(
    mac: Simulator, bundle: Path, known: Authority, known_leaf: Certificate, tmp_path: Path
) -> None:
    """Neither the denied nor the withdrawn, nor the expired."""
    mac.keychain(tmp_path / "denied", system=[known], denied=[known])
    assert verdict_by(loading(bundle), known_leaf.chain) == 28
    mac.keychain(tmp_path / "withdrawn", system=[known], revoked=[known_leaf])
    assert verdict_by(loading(bundle), known_leaf.chain) == 23
    assert verdict_by(loading(bundle), known.issue(HOST, starts=-90, ends=-1).chain) == 10


def test_a_bundle_pins_nothing(mac: Simulator, bundle: Path, known_leaf: Certificate) -> None:
    """Libraries load it with the name check switched off, to make that themselves."""
    context = loading(bundle)
    context.check_hostname = False
    assert verdict_by(context, known_leaf.chain, None) == 0
    assert evaluations(mac) == 1


# --- names off means pinned


def test_pinned(mac: Simulator, own: Authority, own_leaf: Certificate, known_leaf: Certificate) -> None:
    """Otherwise "our database's authority, whatever its name" would become "any certificate of any public authority"."""
    context = context_trusting(own)
    context.check_hostname = False
    assert verdict_by(context, own_leaf.chain, None) == 0
    assert verdict_by(context, known_leaf.chain, None) == 20
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer certificate"):
        handshake(context, known_leaf)
    assert mac.calls() == 0


def test_not_pinned(mac: Simulator, own: Authority, known_leaf: Certificate) -> None:
    """The program has asked for the system's roots, or has none of its own."""
    asking, empty = context_trusting(own), context_trusting()
    asking.load_default_certs()
    for context in (asking, empty):
        context.check_hostname = False
        assert verdict_by(context, known_leaf.chain, None) == 0
    assert evaluations(mac) == 2


# --- threads


def test_one_context_for_many_threads(mac: Simulator, own: Authority, own_leaf: Certificate, known_leaf: Certificate) -> None:
    """Those of whom the system is asked are all inside its evaluation at once; the others do not wait for it."""
    context = context_trusting(own)
    mac.meet("SecTrustEvaluateWithError", 8)
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda leaf: handshake(context, leaf), [own_leaf, known_leaf] * 8))
    assert answers == [b"ping"] * 16
    assert mac.met
    assert evaluations(mac) == 8
