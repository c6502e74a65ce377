"""What the table of cases rests on where a system verifies: for each row and system a run on the real thing, a source, or nothing.

OpenSSL's column is proven by every run of the tests, Wine's by every run in the lab. Windows' and macOS' are not, as long as `RUNS` is
empty: `nox -s real` on such a machine writes what belongs there. `cases.Guess` marks the expectations that rest on nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cases

if TYPE_CHECKING:
    from cases import Case


class Run(NamedTuple):
    """Of the table on a real system: who answered as expected."""

    system: str
    date: str
    confirmed: frozenset[str]


RUNS: dict[str, tuple[Run, ...]] = {"windows": (), "macos": ()}

GUESS = "guess"
OPENSSL = "OpenSSL's verdict on what the program loaded, proven here; the system does not know the issuer"
OWN_CHECK = "truststore's own check after the system's yes, proven here; or the system's refusal for the same"

#: Of programs that loaded anchors: the system is asked in vain, if at all.
OF_OPENSSL = """
    valid-600-days-own valid-from-before-2019 purpose-absent-own own-root own-root-sent own-root-empty-store own-root-for-stranger
    own-root-for-stranger-root-sent own-root-twice own-root-wrong-name own-root-wrong-address own-root-address own-root-expired
    own-root-purpose own-root-critical own-root-sha1 own-root-crossed own-root-crossed-last own-self-signed own-self-signed-authority
    own-self-signed-wrong-name own-self-signed-expired own-intermediate own-intermediate-partial own-leaf own-leaf-partial
    partial-for-stranger revoked-leaf-own-root"""
#: By source, the rows that rest on it.
WINDOWS = {
    "documentation: CertGetCertificateChain builds the chain from what was sent": """
        good good-without-name-check directly-below-root root-sent-too unordered root-first-among-issuers unrelated-extra
        own-root-for-system-peer purpose-absent name-permitted path-just-right leaf-without-constraints revoked-not-asked""",
    "documentation: CertGetCertificateChain fetches issuers unless told not to": "missing-intermediate-published",
    "documentation: CERT_TRUST_STATUS, bits of the chain": """
        self-signed self-signed-wrong-name stranger-with-root impostor-with-root bad-signature-leaf bad-signature-intermediate
        expired-leaf future-leaf expired-intermediate future-intermediate expired-without-name-check purpose-client purpose-code
        usage-no-certificate-signing issuer-is-no-authority issuer-without-constraints issuer-by-usage-alone path-too-long
        unknown-critical-leaf unknown-critical-intermediate""",
    "documentation: CERT_TRUST_STATUS and the revocation flags of CertGetCertificateChain": """
        revoked-leaf revoked-leaf-chain revoked-intermediate revoked-intermediate-leaf-asked good-leaf-listed good-chain-listed
        crl-nowhere crl-nowhere-chain crl-unreachable revoked-leaf-best-effort revoked-intermediate-best-effort
        crl-nowhere-best-effort crl-unreachable-best-effort""",
    "documentation: CNG algorithm identifiers (RSA, ECDSA on P-256, P-384, P-521, SHA-2)": "sha384 rsa3072-leaf p256 p384 p521",
    "vendor's source: .NET's SslStream and Schannel ask the same two calls about every public server": """
        second-name upper-case-name wildcard a-label""",
    "documentation: CERT_TRUST_STATUS has no bit for how long a certificate is valid": "valid-900-days valid-600-days",
    "vendor's source: Wine's conformance tests, which Windows passes (crypt32/tests/chain.c: 1, 2, 8, 9, 16, 20, 31)": """
        impostor-without-identifiers expired-root missing-intermediate missing-all-intermediates stranger-leaf-alone
        stranger-with-intermediate empty-store stranger-without-name-check stranger-and-wrong-name impostor-leaf-alone
        usage-signing-only name-not-permitted common-name-only""",
    "ran elsewhere: Edge 94 on Windows, published by BetterTLS": "purpose-client-intermediate common-name-not-permitted crossed-expired",
    "truststore's own comparison of addresses, with Windows' switched off": """
        ipv4 ipv4-second ipv6 ipv6-long ipv6-longest ipv6-upper-case ipv6-dotted ipv4-in-ipv6""",
}
MACOS = {
    "vendor's source: Security-61901, SecPathBuilder.c and SecTrustServer.c (how a chain is built and where it ends)": """
        good good-without-name-check directly-below-root root-sent-too unordered root-first-among-issuers unrelated-extra
        leaf-sent-twice self-signed-in-store own-root-for-system-peer missing-intermediate missing-all-intermediates
        stranger-with-intermediate stranger-with-root empty-store stranger-without-name-check stranger-and-wrong-name self-signed
        self-signed-wrong-name revoked-not-asked strict-without-identifiers""",
    "ran elsewhere: rustls-platform-verifier's tests on macOS": "stranger-leaf-alone wrong-name purpose-client",
    "vendor's source: Security-61901, SecPolicyChecks.list and SecPolicyServer.c": """
        expired-leaf future-leaf expired-intermediate future-intermediate expired-and-wrong-name expired-without-name-check second-name
        upper-case-name wildcard a-label longest-name common-name-only common-name-beside-address ipv4 ipv4-second ipv6
        ipv6-long ipv6-longest ipv6-upper-case ipv6-dotted purpose-code purpose-any usage-signing-only issuer-is-no-authority
        issuer-without-constraints issuer-by-usage-alone path-too-long path-just-right leaf-without-constraints name-not-permitted
        name-excluded unknown-critical-leaf unknown-critical-intermediate sha384 rsa3072-leaf p256 p384 ed25519 ed25519-leaf""",
    "vendor's source: Security-60420 (macOS 13): purposes of intermediates count; before, they did not, and it was 0": """
        purpose-client-intermediate""",
    "vendor's source: Security-59306 (macOS 10.15), which has no revocation lists any more": """
        revoked-leaf revoked-leaf-chain revoked-intermediate revoked-intermediate-leaf-asked good-leaf-listed good-chain-listed
        crl-nowhere crl-nowhere-chain crl-unreachable crl-of-intermediate-unlisted crl-expired crl-forged""",
    "documentation: SecPolicyCreateRevocation without kSecRevocationRequirePositiveResponse": """
        revoked-leaf-best-effort revoked-intermediate-best-effort crl-nowhere-best-effort crl-unreachable-best-effort""",
    "documentation: https://support.apple.com/103769, which limits a private authority's certificates to 825 days": "valid-900-days",
    "documentation: https://support.apple.com/guide/keychain-access/kyca11871, Never Trust": "denied-root denied-leaf",
}
SOURCES = {
    platform: {row: source for source, rows in table.items() for row in rows.split()}
    for platform, table in (("windows", WINDOWS), ("macos", MACOS))
}


def rests_on(case: Case, platform: str) -> str:
    """What the row's expectation for "windows" or "macos" rests on. KeyError: it does not say, and is to be made a guess."""
    for run in RUNS[platform]:
        if case.id in run.confirmed:
            return f"ran on {run.system}, {run.date}"
    if isinstance(getattr(case, platform), cases.Guess):
        return GUESS
    if case.id in OF_OPENSSL.split():
        return OPENSSL
    if case.id not in SOURCES[platform] and getattr(case, platform) in {62, 64, 66, 67, 68}:
        return OWN_CHECK
    return SOURCES[platform][case.id]
