"""What truststore 0.10.5, a package of the same name and purpose, does wrong on macOS, and what others did: each once, done right here.

The numbers are those of a list made by running that version on this simulator and reading Apple's sources.
"""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import servers
from certificates import CLIENT_AUTH, Authority, Certificate, self_signed
from macos import abi, simulated
from macos.asking import HOST, about, refusal, status, verdict
from macos.talking import handshake

import truststore
from truststore import _macos

if TYPE_CHECKING:
    from collections.abc import Iterator

    from macos.simulated import Simulator

LEAF = ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
CHAIN = ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN


@pytest.fixture(scope="module")
def leaf() -> Certificate:
    return Authority.new().authority().issue(HOST)


@pytest.fixture
def mac(simulator: Simulator, leaf: Certificate, tmp_path: Path) -> Iterator[Simulator]:
    """A system that trusts the leaf's root, and whose SSLContext asks it."""
    simulator.keychain(tmp_path, admin=[leaf.root])
    with simulated.contexts():
        yield simulator


def test_1_a_null_policy_is_not_passed_on(mac: Simulator, leaf: Certificate) -> None:
    """SecPolicyCreateSSL can fail on a healthy Mac (golang.org/issue/54590); with NULL nobody looks at the name."""
    mac.fail("SecPolicyCreateSSL")
    refused = refusal(about(leaf.chain, "other.test"))
    assert "could not be evaluated: SecPolicyCreateSSL returned NULL" in str(refused)
    assert mac.calls("SecTrustCreateWithCertificates") == 0


def test_2_a_null_name_is_not_passed_on(mac: Simulator, leaf: Certificate) -> None:
    """A policy for a server of any name."""
    mac.fail("CFStringCreateWithBytes")
    refused = refusal(about(leaf.chain, "other.test"))
    assert "could not be evaluated: CFStringCreateWithBytes returned NULL" in str(refused)
    assert mac.calls("SecPolicyCreateSSL") == 0


def test_2_an_empty_name_is_not_passed_on(mac: Simulator, leaf: Certificate) -> None:
    """What Apple makes of one is written nowhere."""
    assert "could not be evaluated: there is no name" in str(refusal(about(leaf.chain, "")))
    assert mac.calls("SecPolicyCreateSSL") == 0


@pytest.mark.parametrize("name", [HOST, "other.test"])
def test_3_optional_on_a_client_is_required(name: str, mac: Simulator, leaf: Certificate) -> None:
    """CERT_OPTIONAL is no excuse: the one error that is reported may hide others."""
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_OPTIONAL
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        handshake(context, self_signed(name), HOST)
    assert handshake(context, leaf, HOST)


def test_4_the_question_is_a_snapshot(mac: Simulator, leaf: Certificate) -> None:
    """Overlapping handshakes: the settings that count are those of the wrap, whatever another thread does to the context since."""
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname="other.test")
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    server = leaf.server_context().wrap_bio(to_server, to_client, server_side=True)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        servers.shake_hands(client, server)


def test_5_what_apple_cannot_parse_is_refused(mac: Simulator, leaf: Certificate) -> None:
    """NULL in a CFArray ends the process. The place in the chain makes no difference."""
    for position in range(3):
        chain = [*leaf.chain]
        chain.insert(position, Certificate(version_4(leaf.der)))
        refused = refusal(about(chain))
        assert f"could not be evaluated: certificate {position + 1} of the 3 that the peer sent cannot be read" in str(refused)
    assert mac.calls("SecTrustCreateWithCertificates") == 0


def version_4(der: bytes) -> bytes:
    """What no standard knows: OpenSSL reads it, Apple does not. (The signature is of no interest here.)"""
    assert der.count(bytes.fromhex("a003020102")) == 1
    return der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020103"))


def test_5_openssl_reads_what_apple_does_not(leaf: Certificate) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=version_4(leaf.root.der))
    assert context.cert_store_stats()["x509"] == 1


def test_6_an_error_is_released(mac: Simulator, leaf: Certificate) -> None:
    """With all that hangs on it; the fixture counts."""
    before = mac.live
    for _ in range(20):
        assert verdict(about(leaf.chain, "other.test")) == 62
    assert mac.live == before
    assert mac.calls("CFErrorGetCode") == 20


@pytest.mark.parametrize("function", ["CFArrayCreate", "SecPolicyCreateRevocation"])
def test_7_nothing_is_used_unseen(function: str, mac: Simulator, leaf: Certificate) -> None:
    mac.fail(function)
    assert f"could not be evaluated: {function} returned NULL" in str(refusal(about(leaf.chain, flags=LEAF)))


def test_7_a_refusal_without_an_error(mac: Simulator, leaf: Certificate) -> None:
    mac.fail("SecTrustEvaluateWithError")
    refused = refusal(about(leaf.chain, "other.test"))
    assert "could not be evaluated: SecTrustEvaluateWithError returned 0 without an error" in str(refused)
    assert mac.calls("CFErrorGetCode") == 0


@pytest.mark.parametrize(("flags", "asked"), [(ssl.VerifyFlags(0), 0), (LEAF, 1), (CHAIN, 1), (LEAF | CHAIN, 1)])
def test_8_revocation_is_asked_for_by_either_flag(flags: ssl.VerifyFlags, asked: int, mac: Simulator, leaf: Certificate) -> None:
    """VERIFY_CRL_CHECK_CHAIN contains the bit of VERIFY_CRL_CHECK_LEAF, so there is no telling one from both."""
    assert verdict(about(leaf.chain, flags=flags)) == (3 if asked else 0)
    assert mac.calls("SecPolicyCreateRevocation") == asked


def test_9_an_answer_is_required_for_the_leaf_alone(mac: Simulator, leaf: Certificate, tmp_path: Path) -> None:
    """So VERIFY_CRL_CHECK_CHAIN means: a revoked intermediate is refused, one that nobody knows of is not. docs/macos.md says so."""
    middle = leaf.chain[1]
    mac.keychain(tmp_path / "unknown", admin=[leaf.root], good=[leaf])
    assert verdict(about(leaf.chain, flags=CHAIN)) == 0
    mac.keychain(tmp_path / "revoked", admin=[leaf.root], good=[leaf], revoked_online=[middle])
    assert verdict(about(leaf.chain, flags=CHAIN)) == 23
    assert verdict(about(leaf.chain)) == 0


def test_9_what_nobody_knows_is_accepted_if_best_effort_was_asked_for(mac: Simulator, leaf: Certificate, tmp_path: Path) -> None:
    """Flags that want an answer count for more."""
    assert verdict(about(leaf.chain, best_effort=True)) == 0
    assert mac.calls("SecPolicyCreateRevocation") == 1
    assert verdict(about(leaf.chain, flags=LEAF, best_effort=True)) == 3
    for number, revoked in enumerate(leaf.chain[:2]):
        mac.keychain(tmp_path / str(number), admin=[leaf.root], revoked_online=[revoked])
        assert verdict(about(leaf.chain)) == 0
        assert verdict(about(leaf.chain, best_effort=True)) == 23
    mac.network(False)
    assert verdict(about(leaf.chain, best_effort=True)) == 0


def test_10_none_is_none(mac: Simulator) -> None:
    """Nobody is asked; a missing intermediate, purposes and keys do not matter."""
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    stranger = Authority.new().authority().issue("other.test", purposes=[CLIENT_AUTH])
    assert handshake(context, stranger, HOST, chain=[stranger])
    assert mac.calls() == 0


def test_11_clients_are_judged_by_openssl(mac: Simulator, leaf: Certificate, tmp_path: Path) -> None:
    """The system's policy is about servers. A client's certificate is judged as in plain ssl: purpose, and the program's anchors only."""
    authority = Authority.new()
    server = truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    servers.carry(server, leaf, tmp_path)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(cadata=authority.pem)
    good, bad = plain_client(), plain_client()
    servers.carry(good, authority.issue(HOST, purposes=[CLIENT_AUTH]), tmp_path)
    servers.carry(bad, leaf, tmp_path)
    assert handshake(good, leaf, server=server) == b"ping"
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(bad, leaf, server=server)
    assert mac.calls() == 0


def plain_client() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_12_internationalised_names(mac: Simulator, leaf: Certificate) -> None:
    assert isinstance(leaf.root, Authority)
    server = leaf.root.issue("xn--bcher-kva.test")
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert handshake(context, server, "bücher.test")
    assert handshake(context, server, "xn--bcher-kva.test")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(context, server, "bücher.example")


@pytest.mark.parametrize("length", [2000, 60000])
def test_13_names_of_any_length(length: int, mac: Simulator) -> None:
    """The peer chooses them, and they are part of Apple's sentence."""
    name = "ü\x1b[31m" + "x" * length
    refused = refusal(about([self_signed(HOST, common_name=name)]))
    assert refused is not None
    assert refused.verify_code == 18
    assert "x" * length in str(refused)
    assert "ü\\x1b[31m" in str(refused)  # not what a terminal would obey
    assert "\x1b" not in str(refused)


def test_14_messages_are_text(mac: Simulator, leaf: Certificate) -> None:
    """No bytes, no status lost, and a missing description is no crash."""
    refused = refusal(about(leaf.chain, "other.test"))
    assert refused is not None
    assert "b'" not in str(refused)
    assert status(refused) == -67602
    for function in ("CFErrorCopyDescription", "CFStringGetCString", "CFStringGetLength"):
        mac.fail(function)
        refused = refusal(about(leaf.chain, "other.test"))
        assert refused is not None
        assert str(refused).endswith("(Security.framework: errSecHostNameMismatch, -67602)")


def test_15_an_empty_chain(mac: Simulator) -> None:
    refused = refusal(about([]))
    assert refused is not None
    assert "could not be evaluated" in str(refused)


def test_16_flags_have_eight_bytes(mac: Simulator) -> None:
    from truststore import _security

    assert abi.kind(abi.declarations(_security)["SecPolicyCreateRevocation"].arguments[0]) == "uint64"


def test_17_errors_are_openssls(mac: Simulator, leaf: Certificate) -> None:
    refused = refusal(about(leaf.chain, "other.test"))
    assert refused is not None
    assert refused.verify_code == 62
    assert refused.verify_message == "Hostname mismatch, certificate is not valid for 'other.test'."
    assert (refused.errno, refused.library, refused.reason) == (1, "SSL", "CERTIFICATE_VERIFY_FAILED")
    assert vars(refused)["platform_message"] == "“” certificate was refused"


def test_17_a_result_is_no_code_of_openssls(built: Simulator, leaf: Certificate) -> None:
    """MacOS 10.13 answers 5 for nearly everything, which OpenSSL has another meaning for."""
    built.reset()
    with simulated.frameworks(built, absent=simulated.MACOS_10_13):
        refused = refusal(about(leaf.chain))
    assert refused is not None
    assert (refused.verify_code, status(refused)) == (1, 5)
    assert "kSecTrustResultRecoverableTrustFailure" in str(refused)


def test_19_default_certificates_are_nobodys_own(mac: Simulator, leaf: Certificate) -> None:
    """OpenSSL's bundle would vouch for whom the user has denied."""
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    context.set_default_verify_paths()
    before = mac.evaluations
    handshake(context, leaf, HOST)
    assert mac.evaluations == before + 1
    assert context.get_ca_certs() == []


def test_20_frameworks_are_loaded_late() -> None:
    """With `sys.platform` for macOS or iOS the import loads neither ctypes nor a framework; there is none here."""
    for platform in ("darwin", "ios"):
        script = (
            f"import ssl, sys; sys.platform = {platform!r}; import truststore._context as c; assert 'ctypes' not in sys.modules; "
        )
        script += "assert c.PLATFORM.name == 'Security.framework', c.PLATFORM.name"
        subprocess.run(
            [sys.executable, "-c", script], check=True, timeout=30, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        )


def test_20_no_version_is_parsed() -> None:
    """On iOS `platform.mac_ver()` is empty. What a system can do is told by its symbols."""
    for name in ("_macos.py", "_security.py", "_platform.py", "_context.py"):
        source = Path(_macos.__file__).with_name(name).read_text(encoding="utf-8")
        assert "mac_ver" not in source
        assert "platform.system" not in source


def test_a_trust_is_used_by_one_thread(mac: Simulator, leaf: Certificate) -> None:
    """The simulator ends the process otherwise."""
    threads = [threading.Thread(target=_macos.verify, args=[about(leaf.chain)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mac.calls("SecTrustCreateWithCertificates") == 8
