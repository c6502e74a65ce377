"""What CryptoAPI can say, and what becomes of it. Answers that no certificate of ours leads to are put into its mouth."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from truststore import _crypt32, _windows
from truststore._platform import PLATFORM
from truststore._windows import verify
from windows.asking import HOST, about, refusal, refused

if TYPE_CHECKING:
    from certificates import Certificate

    from truststore._verdict import Question
    from windows.watching import Calls

assert sys.platform == "win32"

#: HRESULT of the policy -> verify_code (X509_V_ERR_* of openssl/x509_vfy.h).
POLICY = {
    "CERT_E_EXPIRED": 10,
    "CERT_E_VALIDITYPERIODNESTING": 10,
    "CERT_E_ROLE": 79,
    "CERT_E_PATHLENCONST": 25,
    "CERT_E_CRITICAL": 34,
    "CERT_E_PURPOSE": 26,
    "CERT_E_ISSUERCHAINING": 20,
    "CERT_E_MALFORMED": 41,
    "CERT_E_UNTRUSTEDROOT": 19,
    "CERT_E_CHAINING": 20,
    "CERT_E_REVOKED": 23,
    "CERT_E_UNTRUSTEDTESTROOT": 19,
    "CERT_E_REVOCATION_FAILURE": 3,
    "CERT_E_CN_NO_MATCH": 62,
    "CERT_E_WRONG_USAGE": 26,
    "CERT_E_UNTRUSTEDCA": 27,
    "CERT_E_INVALID_POLICY": 42,
    "CERT_E_INVALID_NAME": 47,
    "TRUST_E_FAIL": 1,
    "TRUST_E_SYSTEM_ERROR": 1,
    "TRUST_E_CERT_SIGNATURE": 7,
    "TRUST_E_BASIC_CONSTRAINTS": 79,
    "TRUST_E_EXPLICIT_DISTRUST": 28,
    "CRYPT_E_REVOKED": 23,
    "CRYPT_E_NO_REVOCATION_CHECK": 3,
    "CRYPT_E_REVOCATION_OFFLINE": 3,
    "NTE_BAD_SIGNATURE": 7,
    "NTE_BAD_ALGID": 68,
}
UNKNOWN_HRESULT, S_FALSE = 0x8BADF00D, 1

#: Bit of the chain's status -> verify_code.
STATUS = {
    "CERT_TRUST_IS_NOT_TIME_VALID": 10,
    "CERT_TRUST_IS_REVOKED": 23,
    "CERT_TRUST_IS_NOT_SIGNATURE_VALID": 7,
    "CERT_TRUST_IS_NOT_VALID_FOR_USAGE": 26,
    "CERT_TRUST_IS_UNTRUSTED_ROOT": 19,
    "CERT_TRUST_REVOCATION_STATUS_UNKNOWN": 3,
    "CERT_TRUST_IS_CYCLIC": 55,
    "CERT_TRUST_INVALID_EXTENSION": 41,
    "CERT_TRUST_INVALID_POLICY_CONSTRAINTS": 42,
    "CERT_TRUST_INVALID_BASIC_CONSTRAINTS": 79,
    "CERT_TRUST_INVALID_NAME_CONSTRAINTS": 52,
    "CERT_TRUST_HAS_NOT_SUPPORTED_NAME_CONSTRAINT": 51,
    "CERT_TRUST_HAS_NOT_DEFINED_NAME_CONSTRAINT": 51,
    "CERT_TRUST_HAS_NOT_PERMITTED_NAME_CONSTRAINT": 47,
    "CERT_TRUST_HAS_EXCLUDED_NAME_CONSTRAINT": 48,
    "CERT_TRUST_IS_PARTIAL_CHAIN": 20,
    "CERT_TRUST_CTL_IS_NOT_TIME_VALID": 27,
    "CERT_TRUST_CTL_IS_NOT_SIGNATURE_VALID": 27,
    "CERT_TRUST_CTL_IS_NOT_VALID_FOR_USAGE": 27,
    "CERT_TRUST_HAS_WEAK_SIGNATURE": 68,
    "CERT_TRUST_IS_OFFLINE_REVOCATION": 3,
    "CERT_TRUST_NO_ISSUANCE_CHAIN_POLICY": 43,
    "CERT_TRUST_IS_EXPLICIT_DISTRUST": 28,
    "CERT_TRUST_HAS_NOT_SUPPORTED_CRITICAL_EXT": 34,
}
KNOWN_BITS = {getattr(_crypt32, name): code for name, code in STATUS.items()}
REVOKED_OR_DENIED = _crypt32.CERT_TRUST_IS_REVOKED | _crypt32.CERT_TRUST_IS_EXPLICIT_DISTRUST


@pytest.fixture
def asked(leaf: Certificate) -> Question:
    """About a server that the system trusts: what is refused is refused for what is said here."""
    return about(leaf.chain)


def policy_says(calls: Calls, hresult: int, element: int = 0) -> None:
    def say(*arguments: Any) -> None:
        status = arguments[3]._obj
        status.dwError, status.lElementIndex = hresult, element

    calls.afterwards("CertVerifyCertificateChainPolicy", say)


def status_says(calls: Calls, bits: int, of_element: int | None = None) -> None:
    def say(*arguments: Any) -> None:
        context = arguments[7]._obj.contents
        context.TrustStatus.dwErrorStatus = bits
        if of_element is not None:
            context.rgpChain[0].contents.rgpElement[of_element].contents.TrustStatus.dwErrorStatus = bits

    calls.afterwards("CertGetCertificateChain", say)


def test_an_unaltered_answer_is_a_pass(asked: Question, calls: Calls) -> None:
    policy_says(calls, 0)
    status_says(calls, 0)
    assert len(verify(asked)) == 3


@pytest.mark.parametrize("name", POLICY)
def test_policy(name: str, asked: Question, calls: Calls) -> None:
    policy_says(calls, getattr(_crypt32, name))
    status_says(calls, 0)
    error = refused(asked)
    assert (error.verify_code, error.platform_code) == (POLICY[name], getattr(_crypt32, name))
    assert f"0x{getattr(_crypt32, name):08X}" in str(error)


def test_every_hresult_that_is_declared_is_in_the_table() -> None:
    declared = {name for name, value in vars(_crypt32).items() if isinstance(value, int) and value >= 0x8000_0000}
    assert declared - {"CRYPT_E_NOT_FOUND"} == set(POLICY), "but for that of functions that enumerate and look up: no verdict"


@pytest.mark.parametrize("hresult", [UNKNOWN_HRESULT, S_FALSE])
def test_an_unknown_hresult_is_a_refusal_and_shown(hresult: int, asked: Question, calls: Calls) -> None:
    policy_says(calls, hresult)
    status_says(calls, 0)
    error = refused(asked)
    assert (error.verify_code, error.platform_code) == (1, hresult)
    assert ("0x8BADF00D" if hresult == UNKNOWN_HRESULT else "1)") in str(error)


@pytest.mark.parametrize("bit", [1 << number for number in range(32)], ids=hex)
def test_every_bit_of_the_status_is_a_refusal_but_one(bit: int, asked: Question, calls: Calls) -> None:
    """Also where the policy finds nothing. Bits that nobody has documented yet are refusals, too."""
    policy_says(calls, 0)
    status_says(calls, bit)
    if bit == _crypt32.CERT_TRUST_IS_NOT_TIME_NESTED:
        verify(asked)
        return
    error = refused(asked)
    assert error.verify_code == KNOWN_BITS.get(bit, 1)
    if bit not in KNOWN_BITS:
        assert f"0x{bit:08X}" in str(error)


def test_the_code_of_an_error_of_the_chain_is_the_one_that_windows_documents_for_it(asked: Question, calls: Calls) -> None:
    policy_says(calls, 0)
    status_says(calls, _crypt32.CERT_TRUST_IS_PARTIAL_CHAIN)
    assert refused(asked).platform_code == _crypt32.CERT_E_CHAINING


@pytest.mark.parametrize("final", ["CERT_TRUST_IS_REVOKED", "CERT_TRUST_IS_EXPLICIT_DISTRUST"])
def test_revocation_and_distrust_are_said_before_anything_else(final: str, asked: Question, calls: Calls) -> None:
    policy_says(calls, _crypt32.CERT_E_UNTRUSTEDROOT)
    status_says(calls, sum(KNOWN_BITS) & ~REVOKED_OR_DENIED | getattr(_crypt32, final))
    assert refused(asked).verify_code == STATUS[final]


def test_the_certificate_to_blame_is_named(asked: Question, leaf: Certificate, calls: Calls) -> None:
    policy_says(calls, 0)
    status_says(calls, _crypt32.CERT_TRUST_IS_NOT_TIME_VALID, of_element=1)
    error = refused(asked)
    assert leaf.issuer is not None
    name = leaf.issuer.parsed.subject.rfc4514_string().partition(",")[0]
    if sys.version_info >= (3, 11):
        assert f"The certificate of [O=truststore tests, {name}]" in error.__notes__[0]


def test_what_is_known_of_revocation_is_told_apart(asked: Question, calls: Calls) -> None:
    said = []
    for bits in (
        _crypt32.CERT_TRUST_IS_REVOKED,
        _crypt32.CERT_TRUST_IS_OFFLINE_REVOCATION | _crypt32.CERT_TRUST_REVOCATION_STATUS_UNKNOWN,
        _crypt32.CERT_TRUST_REVOCATION_STATUS_UNKNOWN,
    ):
        policy_says(calls, 0)
        status_says(calls, bits)
        error = refused(asked)
        said.append((error.verify_code, error.platform_code))
    assert said == [
        (23, _crypt32.CERT_E_REVOKED),
        (3, _crypt32.CRYPT_E_REVOCATION_OFFLINE),
        (3, _crypt32.CRYPT_E_NO_REVOCATION_CHECK),
    ]


def test_best_effort_accepts_what_cannot_be_found_out_and_nothing_else(leaf: Certificate, calls: Calls) -> None:
    unknown = _crypt32.CERT_TRUST_IS_OFFLINE_REVOCATION | _crypt32.CERT_TRUST_REVOCATION_STATUS_UNKNOWN
    policy_says(calls, 0)
    status_says(calls, unknown)
    assert refusal(about(leaf.chain, best_effort=True)) is None
    for bit, code in KNOWN_BITS.items():
        if not bit & unknown:
            status_says(calls, bit | unknown)
            assert refused(about(leaf.chain, best_effort=True)).verify_code == code, hex(bit)
    policy_says(calls, _crypt32.CRYPT_E_REVOCATION_OFFLINE)  # though it was told not to look
    status_says(calls, 0)
    assert refused(about(leaf.chain, best_effort=True)).verify_code == 3


def test_the_systems_own_words_are_appended(asked: Question, calls: Calls) -> None:
    """In the user's language. Wine has texts for few codes; that of ERROR_ACCESS_DENIED is there."""
    policy_says(calls, 5)
    status_says(calls, 0)
    error = refused(asked)
    assert error.platform_message == _windows.system_text(5) != ""
    assert f"({PLATFORM.name}: {error.platform_message}, 5)" in str(error)


def test_a_number_without_a_text_has_none() -> None:
    assert _windows.system_text(UNKNOWN_HRESULT) == ""


@pytest.mark.parametrize("position", [0, 1])
def test_a_certificate_that_windows_cannot_read(position: int, asked: Question) -> None:
    chain = list(asked.chain)
    chain[position] = b"\x30\x03\x02\x01\x00"
    error = refused(asked.about(chain))
    assert error.verify_code == 1
    assert "could not be evaluated: Cert" in error.verify_message


@pytest.mark.parametrize("name", ["", "\0", HOST + "\0", HOST + "\0.evil.test", "127.0.0.1\0"])
def test_a_name_that_windows_would_not_see_whole(name: str, leaf: Certificate) -> None:
    assert refused(about(leaf.chain, name)).verify_code == 62


@pytest.mark.parametrize(
    ("bit", "hresult", "code"),
    [("CERT_TRUST_HAS_WEAK_SIGNATURE", "TRUST_E_CERT_SIGNATURE", 68), ("CERT_TRUST_IS_PARTIAL_CHAIN", "CERT_E_UNTRUSTEDROOT", 20)],
)
def test_the_number_is_the_one_that_windows_said(bit: str, hresult: str, code: int, asked: Question, calls: Calls) -> None:
    """Also where the chain's status, which counts for more, has another one in the table."""
    policy_says(calls, getattr(_crypt32, hresult))
    status_says(calls, getattr(_crypt32, bit))
    error = refused(asked)
    assert (error.verify_code, error.platform_code) == (code, getattr(_crypt32, hresult))
