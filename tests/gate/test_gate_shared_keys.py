"""A server that shows no certificate: passes by a pre-shared key of the user's (Python 3.13 on), and by nothing else."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
from gate_servers import other_root
from servers import HOST, connected, exchange, in_memory

if TYPE_CHECKING:
    from pathlib import Path

    from fake_verifier import FakeVerifier

    from truststore import SSLContext

KEY, OTHER_KEY = b"\xde\xad\xbe\xef" * 8, b"\xbe\xef\xde\xad" * 8
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

#: ffdhe2048 (RFC 7919, A.1): a server has none by itself.
DH_GROUP = """\
-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""

needs_shared_keys = pytest.mark.skipif(not getattr(ssl, "HAS_PSK", False), reason="this Python has no pre-shared keys")


def offers(context: Any, version: ssl.TLSVersion, key: bytes | None = KEY, suites: str = "PSK") -> Any:
    """The client, with this key."""
    narrow(context, version, suites)
    if key is not None:
        context.set_psk_client_callback(lambda hint: ("me", key))
    return context


def serving(version: ssl.TLSVersion, suites: str = "PSK") -> Any:
    """A server that has KEY, for "me" alone, and no certificate. It is asked about tickets, too, as far as they pass for text."""
    context: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    narrow(context, version, suites)
    context.set_psk_server_callback(lambda identity: KEY if identity == "me" else b"")
    return context


def narrow(context: ssl.SSLContext, version: ssl.TLSVersion, suites: str) -> None:
    context.minimum_version = context.maximum_version = version
    if version == TLS12:
        context.set_ciphers(suites)


def plain() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@needs_shared_keys
@pytest.mark.parametrize("name", [HOST, None])
def test_the_key_is_the_proof(name: str | None, context: SSLContext, version: ssl.TLSVersion, judge: FakeVerifier) -> None:
    """As in ssl, where a name is not looked at either; nobody else is asked."""
    reference = plain()
    for mine in reference, context:
        mine.check_hostname = name is not None
        client, server = in_memory(offers(mine, version), serving(version), name)
        exchange(client, server)
        assert client.getpeercert() is None
    assert judge.questions == []
    assert context.verify_mode is ssl.CERT_REQUIRED


@needs_shared_keys
def test_with_cert_none(context: SSLContext, version: ssl.TLSVersion) -> None:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    client, server = in_memory(offers(context, version), serving(version))
    exchange(client, server)


@needs_shared_keys
def test_over_a_socket(context: SSLContext, version: ssl.TLSVersion) -> None:
    with connected(offers(context, version), serving(version)) as (client, server):
        exchange(client, server)
        assert client.getpeercert() is None


@needs_shared_keys
@pytest.mark.parametrize("kind", ["PSK", "DHEPSK", "ECDHEPSK"])
def test_each_cipher_suite(kind: str, context: SSLContext, tmp_path: Path) -> None:
    group = tmp_path / "group.pem"
    group.write_text(DH_GROUP, "ascii")
    suites = [
        cipher["name"] for cipher in offers(plain(), TLS12, suites=f"k{kind}").get_ciphers() if cipher["protocol"] != "TLSv1.3"
    ]
    assert suites
    for suite in suites:
        weak = f"{suite}:@SECLEVEL=0"
        knows_key = serving(TLS12, weak)
        knows_key.load_dh_params(group)
        client, server = in_memory(offers(context, TLS12, suites=weak), knows_key)
        exchange(client, server)
        assert client.cipher()[0] == suite  # type: ignore[index]


@needs_shared_keys
@pytest.mark.parametrize("key", [OTHER_KEY, b""], ids=["another", "none"])
def test_another_key(key: bytes, context: SSLContext, version: ssl.TLSVersion) -> None:
    with pytest.raises(ssl.SSLError) as caught:
        in_memory(offers(context, version, key), serving(version))
    assert not isinstance(caught.value, ssl.SSLCertVerificationError)


@needs_shared_keys
def test_a_server_that_would_rather_show_a_certificate(context: SSLContext, version: ssl.TLSVersion, judge: FakeVerifier) -> None:
    """A callback is no pass: whoever shows one is judged by it."""
    certificate = other_root().issue(HOST, key="p256")
    server = certificate.server_context()
    server.minimum_version = server.maximum_version = version
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(offers(context, version, suites="ECDHE+AESGCM:PSK"), server)
    (question,) = judge.questions
    assert question.chain == (certificate.der,)


@needs_shared_keys
def test_rsa_psk(context: SSLContext, judge: FakeVerifier) -> None:
    """Both the key and a certificate, which is judged."""
    certificate = other_root().issue(HOST)
    server: Any = certificate.server_context()
    narrow(server, TLS12, "kRSAPSK")
    server.set_psk_server_callback(lambda identity: KEY)
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(offers(context, TLS12, suites="kRSAPSK"), server)
    assert [question.chain for question in judge.questions] == [(certificate.der,)]


@needs_shared_keys
def test_a_session_that_began_by_the_key(context: SSLContext, version: ssl.TLSVersion, judge: FakeVerifier) -> None:
    """Is resumed again and again; with TLS 1.3, which needs no suite of PSK for it, without the key, too. As in ssl."""
    mine: Any
    for mine in plain(), context:
        server = serving(version)
        client, other = in_memory(offers(mine, version), server)
        for _ in range(3):
            exchange(client, other)
            client, other = in_memory(mine, server, session=client.session)
            assert client.session_reused
            assert client.getpeercert() is None
            if version == TLS13:
                mine.set_psk_client_callback(None)
    assert judge.questions == []


@needs_shared_keys
def test_a_session_that_began_without_it(context: SSLContext, version: ssl.TLSVersion, judge: FakeVerifier) -> None:
    """It keeps a certificate, which is judged, whatever key there is besides."""
    certificate = other_root().issue(HOST, key="p256")
    server = certificate.server_context()
    server.minimum_version = server.maximum_version = version
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client, other = in_memory(offers(context, version, suites="ECDHE+AESGCM:PSK"), server)
    exchange(client, other)
    context.verify_mode = ssl.CERT_REQUIRED
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(context, server, session=client.session)
    (question,) = judge.questions
    assert question.chain == (certificate.der,)


@needs_shared_keys
def test_a_server_that_has_forgotten_the_session_uses_the_key(context: SSLContext, version: ssl.TLSVersion) -> None:
    client, server = in_memory(offers(context, version), serving(version))
    exchange(client, server)
    again, server = in_memory(context, serving(version), session=client.session)
    exchange(again, server)


@pytest.mark.parametrize("has_key", [False, pytest.param(True, marks=needs_shared_keys)])
def test_anonymous_cipher_suites(has_key: bool, context: SSLContext, judge: FakeVerifier) -> None:
    """Plain ssl connects: whoever sets them has nobody verified. A gate cannot tell who means it."""
    suites = "ADH:AECDH:@SECLEVEL=0"
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    narrow(server, TLS12, suites)
    client, _ = in_memory(offers(plain(), TLS12, None, suites), server)
    assert client.getpeercert() is None
    session = client.session
    with pytest.raises(ssl.SSLCertVerificationError, match="sent none"):
        in_memory(offers(context, TLS12, KEY if has_key else None, suites), server)
    assert session is not None and judge.questions == []


def test_an_anonymous_session(context: SSLContext, judge: FakeVerifier) -> None:
    """Begun while nobody was verified."""
    suites = "ADH:AECDH:@SECLEVEL=0"
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    narrow(server, TLS12, suites)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client, other = in_memory(offers(context, TLS12, None, suites), server)
    exchange(client, other)
    context.verify_mode = ssl.CERT_REQUIRED
    with pytest.raises(ssl.SSLCertVerificationError, match="sent none"):
        in_memory(context, server, session=client.session)
    context.maximum_version = server.maximum_version = TLS13  # whose resumption without a certificate would be by a key
    with pytest.raises(ssl.SSLError):
        in_memory(context, server, session=client.session)
    assert judge.questions == []
