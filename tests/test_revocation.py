"""`revocation_best_effort`: who is known to be revoked is refused. What each system answers is in the table of cases."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from fake_verifier import FakeVerifier

import truststore

if TYPE_CHECKING:
    from truststore import SSLContext

LEAF = [b"whatever the system accepts"]


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> FakeVerifier:
    """A system that decides, and objects to what is no certificate only after it was asked."""
    verifier = FakeVerifier(says=False)
    monkeypatch.setattr(truststore.SSLContext, "_verifier", staticmethod(verifier))
    return verifier


def asked(context: SSLContext, system: FakeVerifier) -> bool:
    with pytest.raises(ssl.SSLCertVerificationError):
        context.verify_chain(LEAF, "www.example.test")
    return system.questions[-1].revocation_best_effort


def test_the_system_is_asked_only_if_the_user_wants_it(system: FakeVerifier) -> None:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert not context.revocation_best_effort
    assert not asked(context, system)
    context.revocation_best_effort = True
    assert asked(context, system)
    context.revocation_best_effort = False
    assert not asked(context, system)


@pytest.mark.parametrize("flags", [ssl.VERIFY_CRL_CHECK_LEAF, ssl.VERIFY_CRL_CHECK_CHAIN])
def test_flags_that_want_an_answer_count_for_more(flags: ssl.VerifyFlags, system: FakeVerifier) -> None:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.revocation_best_effort = True
    context.verify_flags |= flags
    assert not asked(context, system)
    assert system.questions[-1].flags & flags == flags
    assert context.revocation_best_effort


def test_no_other_setting_loses_it(system: FakeVerifier) -> None:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.revocation_best_effort = True
    truststore.inject_into_ssl()
    try:
        context.options |= ssl.OP_NO_TICKET
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = True
        context.load_default_certs()
    finally:
        truststore.extract_from_ssl()
    assert context.revocation_best_effort
    assert asked(context, system)


def test_a_connection_asks_as_when_it_was_wrapped(system: FakeVerifier) -> None:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.revocation_best_effort = True
    wrapped = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="www.example.test")
    context.revocation_best_effort = False
    gate = getattr(wrapped, "_sslobj")  # noqa: B009  (typeshed has none)
    assert gate._question.revocation_best_effort


def test_openssl_cannot_look_anything_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truststore.SSLContext, "_verifier", None)
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.revocation_best_effort = False
    with pytest.raises(NotImplementedError, match=r"load revocation lists .*VERIFY_CRL_CHECK_LEAF"):
        context.revocation_best_effort = True
    assert not context.revocation_best_effort
