"""What the program loads is judged by OpenSSL: whom Windows is asked about then, and which refusal is told."""

from __future__ import annotations

import ssl
import sys
from typing import TYPE_CHECKING

import pytest
from certificates import CLIENT_AUTH, Authority, Certificate, self_signed
from fake_verifier import load

import truststore
from windows.asking import HOST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from windows.published import Publisher
    from windows.watching import Calls

assert sys.platform == "win32"

PARTIAL = ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
NO_FLAGS = ssl.VerifyFlags.VERIFY_DEFAULT
#: Appended to a certificate in a TRUSTED block: rejected for serverAuth (OpenSSL's X509_CERT_AUX).
REJECTED = bytes.fromhex("300ca00a06082b06010505070301")


@pytest.fixture(scope="module")
def own() -> Authority:
    return Authority.new("Root of the program")


@pytest.fixture(scope="module")
def intermediate(own: Authority) -> Authority:
    return own.authority("Intermediate of the program")


@pytest.fixture(scope="module")
def own_leaf(intermediate: Authority) -> Certificate:
    return intermediate.issue(HOST)


def trusting(*loaded: Certificate, flags: ssl.VerifyFlags = NO_FLAGS) -> truststore.SSLContext:
    """The context of a program that has loaded these."""
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= flags
    load(context, [certificate.der for certificate in loaded])
    return context


def built(context: truststore.SSLContext, chain: Sequence[Certificate], host: str | None = HOST) -> list[bytes]:
    return context.verify_chain([certificate.der for certificate in chain], host)


def verdict(context: truststore.SSLContext, chain: Sequence[Certificate], host: str | None = HOST) -> int:
    """The verify_code; 0: accepted."""
    try:
        built(context, chain, host)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code
    return 0


class TestWhoIsAsked:
    def test_windows_is_not_asked_about_a_chain_that_is_vouched_for(
        self, own: Authority, own_leaf: Certificate, calls: Calls
    ) -> None:
        context = trusting(own)
        for _ in range(3):
            assert built(context, own_leaf.chain) == [certificate.der for certificate in (*own_leaf.chain, own)]
        assert calls["CertGetCertificateChain"] == 0

    def test_nothing_is_fetched_for_such_a_chain(self, own: Authority, publisher: Publisher) -> None:
        """Windows would ask at the address in the certificate before it gave up."""
        server = own.issue(HOST, issuer_url=publisher.url + "/own.crt")
        assert verdict(trusting(own), server.chain) == 0
        assert "/own.crt" not in publisher.asked

    def test_it_is_asked_once_about_any_other(self, own: Authority, leaf: Certificate, stranger: Certificate, calls: Calls) -> None:
        context = trusting(own)
        assert verdict(context, leaf.chain) == 0
        assert calls["CertGetCertificateChain"] == 1
        assert verdict(context, stranger.chain) == 20
        assert calls["CertGetCertificateChain"] == 2

    def test_it_is_asked_once_if_nothing_was_loaded(self, leaf: Certificate, calls: Calls) -> None:
        assert verdict(trusting(), leaf.chain) == 0
        assert calls["CertGetCertificateChain"] == 1

    def test_with_names_off_only_what_was_loaded_vouches(
        self, own: Authority, own_leaf: Certificate, leaf: Certificate, calls: Calls
    ) -> None:
        """Otherwise "our own authority, whatever the name" would become "anybody with a certificate"."""
        context = trusting(own)
        context.check_hostname = False
        assert verdict(context, own_leaf.chain, None) == 0
        assert verdict(context, leaf.chain, None) == 20
        assert calls["CertGetCertificateChain"] == 0

    def test_with_names_off_the_system_vouches_too_if_the_program_says_so(
        self, own: Authority, leaf: Certificate, stranger: Certificate, calls: Calls
    ) -> None:
        context = trusting(own)
        context.check_hostname = False
        context.load_default_certs()
        assert verdict(context, leaf.chain, None) == 0
        assert verdict(context, stranger.chain, None) == 20
        assert calls["CertGetCertificateChain"] == 2

    def test_a_revocation_list_is_no_root(self, own: Authority, leaf: Certificate, calls: Calls) -> None:
        context = trusting()
        load(context, [], [own.crl()])
        context.check_hostname = False
        assert verdict(context, leaf.chain, None) == 0
        assert calls["CertGetCertificateChain"] == 1


class TestRefusals:
    """Of two the one that got further is told: OpenSSL's, unless it knows no issuer and Windows does."""

    @pytest.mark.parametrize(
        ("profile", "host", "code"),
        [
            ({}, "other.test", 62),
            ({"starts": -9, "ends": -1}, HOST, 10),
            ({"starts": 1}, HOST, 9),
            ({"purposes": [CLIENT_AUTH]}, HOST, 26),
            ({"unknown_critical": True}, HOST, 34),
            ({"hash": "sha1"}, HOST, 68),
        ],
    )
    @pytest.mark.parametrize("flags", [NO_FLAGS, PARTIAL])
    def test_every_check_is_made_under_own_roots(
        self,
        flags: ssl.VerifyFlags,
        profile: dict[str, float],
        host: str,
        code: int,
        intermediate: Authority,
        own: Authority,
        calls: Calls,
    ) -> None:
        context = trusting(own, intermediate, flags=flags)
        assert verdict(context, intermediate.issue(HOST, **profile).chain, host) == code
        assert calls["CertGetCertificateChain"] == 1

    @pytest.mark.parametrize(
        ("profile", "host", "code"), [({}, "other.test", 62), ({"starts": -9, "ends": -1}, HOST, 10), ({"starts": 1}, HOST, 9)]
    )
    def test_windows_may_have_got_further(
        self, profile: dict[str, float], host: str, code: int, own: Authority, system_root: Authority, calls: Calls
    ) -> None:
        assert verdict(trusting(own), system_root.authority().issue(HOST, **profile).chain, host) == code
        assert calls["CertGetCertificateChain"] == 1

    def test_of_whom_nobody_knows(self, own: Authority, stranger: Certificate) -> None:
        context = trusting(own)
        assert verdict(context, stranger.chain) == 20
        assert verdict(context, [*stranger.chain, stranger.root]) == 19
        assert verdict(context, [self_signed(HOST)]) == 18

    def test_revoked_is_final(self, own: Authority, calls: Calls) -> None:
        server = own.issue(HOST)
        context = trusting(own, flags=ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF)
        load(context, [], [own.crl(server)])
        assert verdict(context, server.chain) == 23
        assert calls["CertGetCertificateChain"] == 0

    def test_rejected_is_final(self, system_root: Authority, tmp_path: Path, calls: Calls) -> None:
        """Also where the system trusts the root."""
        server = system_root.issue(HOST)
        assert verdict(trusting(), server.chain) == 0
        rejecting = ssl.DER_cert_to_PEM_cert(system_root.der + REJECTED).replace("CERTIFICATE", "TRUSTED CERTIFICATE")
        (tmp_path / "rejecting.pem").write_text(rejecting)
        context = trusting()
        context.load_verify_locations(tmp_path / "rejecting.pem")
        assert verdict(context, server.chain) == 28
        assert calls["CertGetCertificateChain"] == 1


class TestIntermediates:
    def test_one_of_the_programs_completes_a_chain_to_its_root(
        self, own: Authority, intermediate: Authority, own_leaf: Certificate
    ) -> None:
        assert verdict(trusting(own), [own_leaf]) == 20
        assert verdict(trusting(own, intermediate), [own_leaf]) == 0

    def test_windows_does_not_know_it(self, leaf: Certificate, calls: Calls) -> None:
        """A chain to a root of the system's it ends only if partial chains are allowed, and then by itself."""
        assert leaf.issuer is not None
        assert verdict(trusting(leaf.issuer), [leaf]) == 2
        assert calls["CertGetCertificateChain"] == 1
        assert verdict(trusting(leaf.issuer, flags=PARTIAL), [leaf]) == 0
        assert calls["CertGetCertificateChain"] == 1

    def test_it_ends_a_chain_by_the_flag_alone(
        self, own: Authority, intermediate: Authority, own_leaf: Certificate, calls: Calls
    ) -> None:
        sent = [certificate.der for certificate in own_leaf.chain]
        assert built(trusting(intermediate, flags=PARTIAL), own_leaf.chain) == sent
        assert built(trusting(intermediate, flags=PARTIAL), [*own_leaf.chain, own]) == sent
        assert verdict(trusting(own_leaf, flags=PARTIAL), own_leaf.chain) == 0
        assert calls["CertGetCertificateChain"] == 0
        assert verdict(trusting(intermediate), own_leaf.chain) == 2
        assert verdict(trusting(own_leaf), own_leaf.chain) == 20

    def test_what_is_wrong_above_it_is_nobodys_business(self, calls: Calls) -> None:
        expired = Authority.new("Expired root of the program", starts=-90, ends=-1)
        pinned = expired.authority()
        assert verdict(trusting(pinned, flags=PARTIAL), [*pinned.issue(HOST).chain, expired]) == 0
        assert calls["CertGetCertificateChain"] == 0

    @pytest.mark.parametrize("identifiers", [True, False])
    def test_another_key_under_its_name_is_refused(self, identifiers: bool, intermediate: Authority) -> None:
        impostor = Authority.new(subject=intermediate.parsed.subject).issue(HOST, identifiers=identifiers)
        assert verdict(trusting(intermediate, flags=PARTIAL), [impostor]) in {7, 20}

    def test_what_is_no_authority_vouches_for_itself_alone(self, own: Authority) -> None:
        server = own.authority("Server with a key of its own", ca=False, names=[HOST], key_usage=["digital_signature"])
        assert verdict(trusting(server, flags=PARTIAL), server.issue(HOST).chain) in {24, 79}
        assert verdict(trusting(server, flags=PARTIAL), server.chain) == 0


class TestNamesakes:
    def test_a_root_of_the_system_with_the_same_name_is_no_obstacle(self, system_root: Authority) -> None:
        namesake = Authority.new(subject=system_root.parsed.subject)
        server = namesake.issue(HOST, identifiers=False)
        assert verdict(trusting(), server.chain) == 7
        assert verdict(trusting(namesake), server.chain) == 0

    def test_nor_is_one_that_has_expired(self, expired_system_root: Authority) -> None:
        """The root was renewed with its key, and the administrator has not noticed."""
        renewed = Authority.new(subject=expired_system_root.parsed.subject, private_key=expired_system_root.key)
        server = renewed.issue(HOST)
        assert verdict(trusting(), server.chain) == 10
        assert verdict(trusting(renewed), server.chain) == 0
        assert verdict(trusting(expired_system_root), server.chain) == 10
