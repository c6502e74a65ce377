"""What newer Pythons let a program choose of the handshake is the standard library's, whoever verifies: groups, suites, signatures."""

from __future__ import annotations

import ssl
import sys
from typing import TYPE_CHECKING, Any

import pytest
from fake_verifier import FakeVerifier
from gate_servers import judged_by
from servers import Store, exchange, in_memory, needs_openssl

import truststore

if TYPE_CHECKING:
    from certificates import Authority, Certificate

pytestmark = [
    needs_openssl,
    pytest.mark.skipif(sys.version_info < (3, 15), reason="these settings came with Python 3.15"),
]

#: A setter, what it is given, and what the client's connection says of it afterwards.
CHOICES = [
    ("set_groups", ("P-384",), "group", "secp384r1"),
    ("set_groups", ("P-256",), "group", "secp256r1"),
    ("set_ciphersuites", ("TLS_CHACHA20_POLY1305_SHA256",), "cipher", ("TLS_CHACHA20_POLY1305_SHA256", "TLSv1.3", 256)),
    ("set_server_sigalgs", ("rsa_pss_rsae_sha512",), "server_sigalg", "rsa_pss_rsae_sha512"),
]
REFUSED = [
    ("set_groups", ("nonsense",)),
    ("set_ciphersuites", ("nonsense",)),
    ("set_client_sigalgs", ("nonsense",)),
    ("set_server_sigalgs", (1,)),
]


@pytest.fixture(params=["OpenSSL verifies", "the system verifies"])
def context(request: pytest.FixtureRequest, system: Store, root: Authority, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "the system verifies":
        judged_by(FakeVerifier([root.der]), monkeypatch)
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.mark.parametrize(("setter", "arguments", "getter", "said"), CHOICES)
def test_a_choice(context: Any, leaf: Certificate, setter: str, arguments: tuple[Any, ...], getter: str, said: object) -> None:
    getattr(context, setter)(*arguments)
    client, server = in_memory(context, leaf.server_context())
    exchange(client, server)
    assert getattr(client, getter)() == said


@pytest.mark.parametrize(("setter", "arguments"), REFUSED)
def test_what_ssl_refuses(context: Any, setter: str, arguments: tuple[Any, ...]) -> None:
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    errors = []
    for each in (context, plain):
        with pytest.raises((ssl.SSLError, TypeError, ValueError)) as caught:
            getattr(each, setter)(*arguments)
        errors.append((caught.type, str(caught.value)))
    assert errors[0] == errors[1]


def test_groups_are_listed_as_in_ssl(context: Any) -> None:
    plain: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for each in (context, plain):
        each.set_groups("P-256:P-384")
    assert context.get_groups() == plain.get_groups()
