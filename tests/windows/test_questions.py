"""What CryptoAPI is asked: which parameters, and how often."""

from __future__ import annotations

import ssl
import sys
from typing import TYPE_CHECKING, Any

import pytest

from truststore import _crypt32, _windows
from truststore._names import ip_address
from windows.asking import HOST, about, verdict

if TYPE_CHECKING:
    from certificates import Certificate

    from windows.watching import Calls

assert sys.platform == "win32"

LEAF = ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
CHAIN = ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN


class Asked:
    """What the two functions were given: flags per chain, (name, checks) per policy."""

    def __init__(self, calls: Calls) -> None:
        self.chains: list[int] = []
        self.policies: list[tuple[str | None, int]] = []
        calls.afterwards("CertGetCertificateChain", self.chain)
        calls.afterwards("CertVerifyCertificateChainPolicy", self.policy)

    def chain(self, *arguments: Any) -> None:
        engine, _, when, store, _, flags, _, _ = arguments
        assert (engine, when) == (None, None), "not by the system's roots, or not as of now"
        assert store
        self.chains.append(flags)

    def policy(self, *arguments: Any) -> None:
        which, _, parameters, _ = arguments
        tls = parameters._obj.pvExtraPolicyPara.contents
        assert (which, tls.dwAuthType, parameters._obj.dwFlags) == (_crypt32.CERT_CHAIN_POLICY_SSL, _crypt32.AUTHTYPE_SERVER, 0)
        self.policies.append((tls.pwszServerName, tls.fdwChecks))


@pytest.fixture
def asked(calls: Calls) -> Asked:
    return Asked(calls)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0:0:0:0:0:0:0:1", None])
def test_windows_is_given_no_address_and_no_name_that_nobody_wants_checked(
    host: str | None, leaf: Certificate, asked: Asked
) -> None:
    assert verdict(about(leaf.chain, host)) == 0
    assert asked.policies == [(None, _crypt32.SECURITY_FLAG_IGNORE_CERT_CN_INVALID)]


def test_windows_checks_names(leaf: Certificate, asked: Asked) -> None:
    assert verdict(about(leaf.chain)) == 0
    assert asked.policies == [(HOST, 0)]


@pytest.mark.parametrize("host", [HOST, "other.test"])
def test_one_chain_is_built_per_question(host: str, leaf: Certificate, stranger: Certificate, asked: Asked) -> None:
    """Whatever was asked before, and whatever the answer is."""
    for number, chain in enumerate([leaf.chain, stranger.chain, leaf.chain, [*stranger.chain, stranger.root]], 1):
        verdict(about(chain, host))
        assert len(asked.chains) == len(asked.policies) == number


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (ssl.VerifyFlags.VERIFY_DEFAULT, 0),
        (ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_STRICT, 0),
        (LEAF, _crypt32.CERT_CHAIN_REVOCATION_CHECK_END_CERT | _crypt32.CERT_CHAIN_REVOCATION_ACCUMULATIVE_TIMEOUT),
        (CHAIN, _crypt32.CERT_CHAIN_REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT | _crypt32.CERT_CHAIN_REVOCATION_ACCUMULATIVE_TIMEOUT),
    ],
)
def test_revocation_is_asked_for_by_flags(flags: ssl.VerifyFlags, expected: int, leaf: Certificate, asked: Asked) -> None:
    verdict(about(leaf.chain, flags=flags))
    assert asked.chains == [expected]


def test_revocation_by_best_effort(leaf: Certificate, asked: Asked) -> None:
    """Of all but the root. The policy is told to leave it out: it would refuse what cannot be found out."""
    accumulated = _crypt32.CERT_CHAIN_REVOCATION_ACCUMULATIVE_TIMEOUT
    verdict(about(leaf.chain, best_effort=True))
    assert asked.chains == [_crypt32.CERT_CHAIN_REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT | accumulated]
    assert asked.policies == [(HOST, _crypt32.SECURITY_FLAG_IGNORE_REVOCATION)]
    verdict(about(leaf.chain, flags=LEAF, best_effort=True))
    assert asked.chains[1:] == [_crypt32.CERT_CHAIN_REVOCATION_CHECK_END_CERT | accumulated]
    assert asked.policies[1:] == [(HOST, 0)]


def test_parameters_of_the_chain() -> None:
    parameters = _windows.CHAIN_PARAMETERS
    usage = parameters.RequestedUsage
    assert (usage.dwType, usage.Usage.cUsageIdentifier, usage.Usage.rgpszUsageIdentifier[0]) == (0, 1, b"1.3.6.1.5.5.7.3.1")
    assert parameters.dwUrlRetrievalTimeout == 10_000
    assert parameters.pStrongSignPara is None  # it would call weak what it does not know; strength is judged by ourselves


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", "7f000001"),
        ("0.0.0.0", "00000000"),
        ("255.255.255.255", "ffffffff"),
        ("::", "00" * 16),
        ("::1", "00" * 15 + "01"),
        ("::FFFF:1.2.3.4", "00" * 10 + "ffff01020304"),
        ("2001:DB8::a", "20010db8" + "00" * 11 + "0a"),
        *[(name, None) for name in ("", "a.test", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4.", "\ud800", "é")],
        *[(name, None) for name in ("::1.", "::1%eth0", ":", "1:2", "[::1]")],
    ],
)
def test_what_is_an_address(text: str, expected: str | None) -> None:
    found = ip_address(text)
    assert (found and found.hex()) == expected
