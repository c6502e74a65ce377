"""What a connection tells of its peer: what plain ssl tells, certificate by certificate."""

from __future__ import annotations

import ssl
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from gate_servers import client_certificate, client_context, has_certificate, in_thread, root, sites
from servers import HOST, exchange, in_memory

import truststore
from truststore._stdlib import ENCODING_DER

if TYPE_CHECKING:
    from pathlib import Path

    from certificates import Certificate
    from fake_verifier import FakeVerifier


OID = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


def issue(*names: str | x509.GeneralName, **profile: Any) -> Certificate:
    return root().issue(*names, key="p256", **profile)


def subject(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value, _validate=False) for oid, value in attributes])


def server(kind: str) -> Certificate:
    """Every kind of name, and what else getpeercert() has keys for."""
    return {
        "dns": lambda: issue("www.example.test"),
        "wildcard": lambda: issue("*.example.test", "*.test"),
        "A-label": lambda: issue("xn--bcher-kva.test"),
        "IPv4": lambda: issue("192.0.2.1"),
        "IPv6": lambda: issue("2001:db8::1", "::1", "::ffff:192.0.2.1"),
        "email": lambda: issue(x509.RFC822Name("somebody@example.test")),
        "URI": lambda: issue(x509.UniformResourceIdentifier("https://example.test/path")),
        "directory": lambda: issue(x509.DirectoryName(subject((NameOID.COMMON_NAME, "Büro"), (NameOID.COUNTRY_NAME, "DE")))),
        "registered id": lambda: issue(x509.RegisteredID(OID)),
        "other name": lambda: issue(x509.OtherName(OID, b"\x0c\x04user")),
        "many": lambda: issue(*(f"{number}.example.test" for number in range(300)), "192.0.2.1"),
        "nul": lambda: issue("www.example.test\0.elsewhere.test"),
        "none": lambda: issue(common_name=None),
        "common name": lambda: issue(common_name="www.example.test"),
        "beyond ASCII": lambda: issue(common_name="Bücher \N{SNOWMAN} \U0001f512", subject=None),
        "no subject": lambda: issue("www.example.test", subject=x509.Name([])),
        "long subject": lambda: issue(
            subject=subject(
                (NameOID.COUNTRY_NAME, "DE"),
                (NameOID.ORGANIZATION_NAME, "Org, with = and + and \\"),
                (NameOID.ORGANIZATIONAL_UNIT_NAME, "one"),
                (NameOID.ORGANIZATIONAL_UNIT_NAME, "two"),
                (NameOID.EMAIL_ADDRESS, "somebody@example.test"),
                (OID, "unnamed"),
            )
        ),
        "multi-valued": lambda: issue(
            subject=x509.Name(
                [
                    x509.RelativeDistinguishedName(
                        [x509.NameAttribute(NameOID.COMMON_NAME, "a"), x509.NameAttribute(NameOID.USER_ID, "b")]
                    )
                ]
            )
        ),
        "locations": lambda: issue(issuer_url="http://ca.test/ca.der", crl_url="http://ca.test/ca.crl"),
        "RSA": lambda: root().issue(HOST),
        "intermediate": lambda: root().authority(key="p256").issue(HOST, key="p256"),
        "ended in 2051": lambda: issue(HOST, ends=365 * 40),
    }[kind]()


KINDS = (
    *(
        "dns",
        "wildcard",
        "A-label",
        "IPv4",
        "IPv6",
        "email",
        "URI",
        "directory",
        "registered id",
        "other name",
        "many",
        "nul",
        "none",
    ),
    *(
        "common name",
        "beyond ASCII",
        "no subject",
        "long subject",
        "multi-valued",
        "locations",
        "RSA",
        "intermediate",
        "ended in 2051",
    ),
)


@pytest.fixture
def context(context: truststore.SSLContext) -> truststore.SSLContext:
    """Any name will do."""
    context.check_hostname = False
    return context


def plain_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=root().der)
    return context


@pytest.mark.parametrize("kind", KINDS)
def test_as_in_plain_ssl(kind: str, context: truststore.SSLContext, version: ssl.TLSVersion) -> None:
    serving = server(kind).server_context()
    serving.minimum_version = serving.maximum_version = version
    (expected, _), (client, _) = in_memory(plain_context(), serving), in_memory(context, serving)
    assert client.getpeercert() == expected.getpeercert() != {}
    assert client.getpeercert(False) == expected.getpeercert(False)
    assert client.getpeercert(True) == expected.getpeercert(True)
    assert client._sslobj.get_unverified_chain() == expected._sslobj.get_unverified_chain()  # type: ignore[attr-defined]


def test_without_verification_as_in_plain_ssl(context: truststore.SSLContext) -> None:
    context.verify_mode = ssl.CERT_NONE
    client, _ = in_memory(context, sites()["untrusted"].serves())
    assert client.getpeercert() == {}
    assert client.getpeercert(True) == sites()["untrusted"].certificate.der


def test_settings_changed_afterwards_as_in_plain_ssl(context: truststore.SSLContext) -> None:
    """The standard library looks at the context's verify_mode when it is asked."""
    serving = sites()["trusted"].serves()
    contexts = context, plain_context()
    clients = [in_memory(each, serving)[0] for each in contexts]
    for mode in ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED:
        for each in contexts:
            each.verify_mode = mode
        ours, plains = (client.getpeercert() for client in clients)
        assert ours == plains
        assert bool(ours) is (mode is not ssl.CERT_NONE)


def test_a_context_put_in_later_as_in_plain_ssl(context: truststore.SSLContext) -> None:
    """It is then that context's verify_mode."""
    serving = sites()["trusted"].serves()
    unverifying = plain_context()
    unverifying.verify_mode = ssl.CERT_NONE
    for other, known in ((plain_context(), True), (unverifying, False), (client_context(), True)):
        client, _ = in_memory(context, serving)
        client.context = other
        assert client.context is other
        assert bool(client.getpeercert()) is known


def test_while_other_threads_connect(context: truststore.SSLContext, judge: FakeVerifier) -> None:
    """The C function reads the context's settings, which others' connections need changed."""
    judge.says = True
    serving = sites()["trusted"].serves()
    client, _ = in_memory(context, serving)
    expected = client.getpeercert()
    stop = threading.Event()

    def connect() -> None:
        while not stop.is_set():
            context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=HOST)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [in_thread(connect) for _ in range(3)]
    try:
        wrong = [answer for _ in range(2000) if (answer := client.getpeercert()) != expected]
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []


@pytest.mark.filterwarnings("ignore:ssl.*PROTOCOL_TLS.* is deprecated:DeprecationWarning")
def test_of_a_client_to_a_server_that_connects_itself(judge: FakeVerifier, tmp_path: Path) -> None:
    """With one context for both. The server's connection is OpenSSL's own, and reads the context's settings when it is asked."""
    judge.says = True
    both = has_certificate(truststore.SSLContext(ssl.PROTOCOL_TLS), sites()["trusted"].certificate, tmp_path)
    both.verify_mode = ssl.CERT_REQUIRED
    both.load_verify_locations(cadata=root().der)
    both.load_default_certs()  # or own anchors alone vouched, without a gate
    client = has_certificate(client_context(), client_certificate(), tmp_path)
    to_server, server = in_memory(client, both)
    exchange(to_server, server)
    expected = server.getpeercert()
    in_memory(both, sites()["untrusted"].serves())
    assert server.getpeercert() == expected != {}


def test_the_chain_that_was_sent_and_the_one_that_was_built(context: truststore.SSLContext, version: ssl.TLSVersion) -> None:
    site = sites()["trusted"]
    client, _ = in_memory(context, site.serves(version))
    sent = [certificate.der for certificate in site.certificate.chain]
    assert chains(client) == (sent, [*sent, root().der])


def test_there_is_no_chain_before_the_verdict(context: truststore.SSLContext) -> None:
    client = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=HOST)
    plain = plain_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=HOST)
    assert chains(client) == chains(plain) == ([], [])


def chains(client: ssl.SSLObject) -> tuple[list[bytes], list[bytes]]:
    """As sent and as built (DER): methods of the connection from Python 3.13 on."""
    connection: Any = client if hasattr(client, "get_verified_chain") else Der(client._sslobj)  # type: ignore[attr-defined]
    return connection.get_unverified_chain(), connection.get_verified_chain()


class Der:
    """What SSLObject does from Python 3.13 on with the connection it has."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def get_unverified_chain(self) -> list[bytes]:
        return [certificate.public_bytes(ENCODING_DER) for certificate in self.connection.get_unverified_chain() or ()]

    def get_verified_chain(self) -> list[bytes]:
        return [certificate.public_bytes(ENCODING_DER) for certificate in self.connection.get_verified_chain() or ()]


def test_a_certificate_that_was_not_sent_looks_like_one_that_was(context: truststore.SSLContext) -> None:
    """The root, once added by the verifier and once sent along."""
    certificate = sites()["trusted"].certificate
    serving = [certificate.server_context(), certificate.server_context([*certificate.chain, root()])]
    added, sent = (in_memory(context, each)[0]._sslobj.get_verified_chain()[-1] for each in serving)  # type: ignore[attr-defined]
    assert type(added) is not type(sent)
    assert added.get_info() == sent.get_info() != {}
    assert added.public_bytes() == sent.public_bytes()
    assert added.public_bytes(ENCODING_DER) == sent.public_bytes(ENCODING_DER) == root().der
