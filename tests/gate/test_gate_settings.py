"""What the user asks for reaches the verifier, as it was when the connection was wrapped."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority, Certificate, pem_file, self_signed
from gate_servers import (
    HOSTNAME_MISMATCH,
    PING,
    UNKNOWN_ISSUER,
    client_certificate,
    client_context,
    has_certificate,
    other_root,
    root,
    sites,
)
from servers import HOST, exchange, in_memory, shake_hands

import truststore
from truststore._store.subjects import subject_hash

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fake_verifier import FakeVerifier

    from truststore import SSLContext


def wrap(context: ssl.SSLContext, name: str | None = HOST) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """A client, and the trusted server it is going to shake hands with."""
    return wrap_to(sites()["trusted"].serves(), context, name)


def wrap_to(serving: ssl.SSLContext, context: ssl.SSLContext, name: str | None = HOST) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    return context.wrap_bio(to_client, to_server, server_hostname=name), server


# -- anchors --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def own() -> Authority:
    return Authority.new("The user's own", key="p256")


def hashed(folder: Path, *certificates: Certificate) -> Path:
    """A directory as c_rehash makes it."""
    for certificate in certificates:
        (folder / f"{subject_hash(certificate.der)}.0").write_text(certificate.pem, "ascii")
    return folder


SOURCES: dict[str, Callable[[Path, Certificate], dict[str, Any]]] = {
    "file": lambda folder, own: {"cafile": written(folder, own)},
    "file, as str": lambda folder, own: {"cafile": str(written(folder, own))},
    "directory": lambda folder, own: {"capath": hashed(folder, own)},
    "file and directory": lambda folder, own: {"cafile": written(folder, own), "capath": hashed(folder, own)},
    "PEM": lambda folder, own: {"cadata": own.pem},
    "DER": lambda folder, own: {"cadata": own.der},
    "DER in a bytearray": lambda folder, own: {"cadata": bytearray(own.der)},
}


def written(folder: Path, *certificates: Certificate) -> Path:
    path = folder / "own.pem"
    path.write_text(pem_file(certificates), "ascii")
    return path


@pytest.mark.parametrize("source", SOURCES)
def test_anchors_vouch_without_the_verifier(
    source: str, context: SSLContext, own: Authority, tmp_path: Path, judge: FakeVerifier
) -> None:
    serving = own.issue(HOST, key="p256").server_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(context, serving)
    assert len(judge.questions) == 1
    context.load_verify_locations(**SOURCES[source](tmp_path, own))
    in_memory(context, serving)
    assert len(judge.questions) == 1


@pytest.mark.parametrize("source", SOURCES)
def test_a_leaf_may_be_its_own_anchor(source: str, context: SSLContext, tmp_path: Path, judge: FakeVerifier) -> None:
    """It is no authority, so get_ca_certs() does not list it."""
    leaf = self_signed(HOST, key="p256")
    context.load_verify_locations(**SOURCES[source](tmp_path, leaf))
    in_memory(context, leaf.server_context([leaf]))
    assert context.get_ca_certs() == []
    assert not judge.questions


def test_more_anchors_count_for_the_next_connection(context: SSLContext, own: Authority, judge: FakeVerifier) -> None:
    other = Authority.new("Another", key="p256")
    for anchor in own, other:
        context.load_verify_locations(cadata=anchor.pem)
        in_memory(context, anchor.issue(HOST, key="p256").server_context())
    in_memory(context, own.issue(HOST, key="p256").server_context())
    assert not judge.questions


def test_the_first_anchors_do_not_count_for_a_connection_that_was_wrapped_before(
    context: SSLContext, own: Authority, judge: FakeVerifier
) -> None:
    pair = wrap_to(own.issue(HOST, key="p256").server_context(), context)
    context.load_verify_locations(cadata=own.pem)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(*pair)
    assert len(judge.questions) == 1


def test_anchors_are_the_contexts_own(context: SSLContext, own: Authority) -> None:
    context.load_verify_locations(cadata=own.der)
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(client_context(), own.issue(HOST, key="p256").server_context())


def test_what_cannot_be_loaded_changes_nothing(context: SSLContext, own: Authority, judge: FakeVerifier, tmp_path: Path) -> None:
    context.load_verify_locations(cadata=own.der)
    for wrong in ({"cafile": tmp_path / "missing"}, {"cadata": "no PEM"}, {"cadata": b"no DER"}, {}):
        with pytest.raises((OSError, TypeError)):
            context.load_verify_locations(**wrong)
    in_memory(context, own.issue(HOST, key="p256").server_context())
    assert not judge.questions
    in_memory(context, sites()["trusted"].serves())
    assert len(judge.questions) == 1


# -- modes, names, flags --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED], ids=lambda mode: mode.name)
@pytest.mark.parametrize("name", ["untrusted", "misnamed"])
def test_optional_verifies_a_server_as_required_does(mode: ssl.VerifyMode, name: str, context: SSLContext) -> None:
    context.verify_mode = mode
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        in_memory(context, sites()[name].serves())
    assert caught.value.verify_code == sites()[name].code


@pytest.mark.parametrize("name", ["trusted", "untrusted", "misnamed"])
def test_cert_none_asks_nobody(name: str, context: SSLContext, judge: FakeVerifier) -> None:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for hostname in HOST, None:
        client, server = in_memory(context, sites()[name].serves(), hostname)
        exchange(client, server)
    assert not judge.questions


def test_the_name_is_not_checked_if_the_user_says_so(context: SSLContext, judge: FakeVerifier) -> None:
    context.check_hostname = False
    for hostname in HOST, None:
        in_memory(context, sites()["misnamed"].serves(), hostname)
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(context, sites()["untrusted"].serves())
    assert {question.hostname for question in judge.questions} == {None}


@pytest.mark.parametrize("hostname", [None, ""])
def test_a_name_to_check_must_be_given(hostname: str | None, context: SSLContext) -> None:
    """In plain ssl, wrap_bio() without a name checks none."""
    with pytest.raises(ValueError, match="check_hostname requires server_hostname"):
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=hostname)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("www.example.test", "www.example.test"),
        ("www.example.test.", "www.example.test"),
        ("WWW.Example.Test", "WWW.Example.Test"),
        ("bücher.test", "xn--bcher-kva.test"),
        (b"www.example.test", "www.example.test"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
    ],
)
def test_the_name_that_is_asked_for(given: Any, asked: str, context: SSLContext, judge: FakeVerifier) -> None:
    """A-labels, without the dot that ends a name in the DNS. The certificate is for other names, so there is no yes to be had."""
    judge.says = False
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(context, sites()["trusted"].serves(), given)
    assert [question.hostname for question in judge.questions] == [asked]


def test_flags_and_the_common_name_rule(context: SSLContext, judge: FakeVerifier) -> None:
    judge.says = True
    in_memory(context, sites()["trusted"].serves())
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    context.hostname_checks_common_name = not context.hostname_checks_common_name
    in_memory(context, sites()["trusted"].serves())
    before, after = judge.questions
    assert after.flags == before.flags | ssl.VERIFY_CRL_CHECK_LEAF
    assert after.common_name is not before.common_name


# -- changes between the wrap and the handshake: what was set when it was wrapped counts ------------------------------------------


def test_verification_switched_off_after_the_wrap(context: SSLContext, judge: FakeVerifier) -> None:
    for name, code in ("untrusted", UNKNOWN_ISSUER), ("misnamed", HOSTNAME_MISMATCH):
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = True
        pair = wrap_to(sites()[name].serves(), context)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            shake_hands(*pair)
        assert caught.value.verify_code == code


def test_verification_switched_on_after_the_wrap(context: SSLContext, judge: FakeVerifier) -> None:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    pair = wrap_to(sites()["untrusted"].serves(), context)
    context.verify_mode = ssl.CERT_REQUIRED
    shake_hands(*pair)
    assert not judge.questions


def test_the_question_is_as_of_the_wrap(context: SSLContext, judge: FakeVerifier, own: Authority) -> None:
    flags, common_name = context.verify_flags, context.hostname_checks_common_name
    pair = wrap(context)
    context.load_verify_locations(cadata=own.der)
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    context.hostname_checks_common_name = not common_name
    context.check_hostname = False
    shake_hands(*pair)
    (question,) = judge.questions
    assert (question.flags, question.common_name, question.hostname) == (flags, common_name, HOST)


def test_another_context_put_in_before_the_handshake(context: SSLContext, judge: FakeVerifier) -> None:
    """`SSLObject.context` can be set; whether there is a verdict is up to the context that wrapped."""
    unverifying = client_context()
    unverifying.check_hostname = False
    unverifying.verify_mode = ssl.CERT_NONE
    client, server = wrap_to(sites()["untrusted"].serves(), context)
    client.context = unverifying
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(client, server)


@pytest.mark.usefixtures("judge")
@pytest.mark.parametrize("make", [lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), client_context], ids=["plain", "ours"])
@pytest.mark.parametrize("trusted", [True, False])
def test_the_context_put_in_before_the_handshake_says_who_vouches(
    make: Callable[[], ssl.SSLContext], trusted: bool, own: Authority
) -> None:
    serving, first, then = own.issue(HOST, key="p256").server_context(), make(), make()
    (then if trusted else first).load_verify_locations(cadata=own.der)
    client, server = wrap_to(serving, first)
    client.context = then
    assert client.context is then
    with contextlib.nullcontext() if trusted else pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(client, server)


def test_a_context_that_is_not_ours_cannot_say_it(context: SSLContext, judge: FakeVerifier) -> None:
    client, server = wrap(context)
    client.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ssl.SSLCertVerificationError, match="put in before the handshake is not truststore's"):
        shake_hands(client, server)
    assert not judge.questions


# -- servers without a certificate ------------------------------------------------------------------------------------------------


ANONYMOUS = "AECDH-AES128-SHA:@SECLEVEL=0"


def anonymous_server() -> ssl.SSLContext:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.maximum_version = ssl.TLSVersion.TLSv1_2
    serving.set_ciphers(ANONYMOUS)
    return serving


def test_an_anonymous_server_is_refused(context: SSLContext, judge: FakeVerifier) -> None:
    """There is no chain to ask about."""
    judge.says = True
    context.set_ciphers(ANONYMOUS)
    pair = wrap_to(anonymous_server(), context)
    for _ in range(2):
        with pytest.raises(ssl.SSLCertVerificationError, match="the peer sent none"):
            shake_hands(*pair)
    for use in (pair[0].read, lambda: pair[0].write(PING), pair[0].unwrap):
        with pytest.raises(ssl.SSLCertVerificationError):
            use()
    assert not judge.questions


def test_an_anonymous_server_is_accepted_by_cert_none(context: SSLContext) -> None:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(ANONYMOUS)
    client, server = wrap_to(anonymous_server(), context)
    shake_hands(client, server)
    exchange(client, server)
    assert client.getpeercert(True) is None


# -- the server's side ------------------------------------------------------------------------------------------------------------


def test_the_verifier_is_not_asked_for_clients(judge: FakeVerifier, context: SSLContext, tmp_path: Path) -> None:
    """OpenSSL verifies them, by what the server's context loaded."""
    judge.says = True
    serving = has_certificate(truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER), sites()["trusted"].certificate, tmp_path)
    serving.verify_mode = ssl.CERT_REQUIRED
    serving.load_verify_locations(cadata=other_root().der)
    has_certificate(context, client_certificate(), tmp_path)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError) as caught:
        in_memory(context, serving)
    assert not isinstance(caught.value, ssl.SSLCertVerificationError) or caught.value.verify_code == UNKNOWN_ISSUER
    assert len(judge.questions) == 1
    serving.load_verify_locations(cadata=root().der)
    client, server = in_memory(context, serving)
    exchange(client, server)
    assert server.getpeercert(True) == client_certificate().der
    assert len(judge.questions) == 2
