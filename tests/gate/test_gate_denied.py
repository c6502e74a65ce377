"""Authorities that CPython refuses, whoever trusts them: those of its list (gh-160040) are refused where the system verifies, too."""

from __future__ import annotations

import functools
import ssl
import sys
from typing import TYPE_CHECKING, Any

import pytest
from certificates import NOW, Authority
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from gate_servers import REJECTED, client_context, root, sites
from servers import HOST, exchange, in_memory

import truststore
from truststore import _denied, _der, _stdlib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from truststore._verdict import Question

HAS_LIST = (3, 14, 10) <= sys.version_info < (3, 15) or sys.version_info >= (3, 15, 2)
needs_list = pytest.mark.skipif(not HAS_LIST, reason="CPython's list of authorities that it refuses came with 3.14.10 and 3.15.2")


@functools.cache
def listed() -> bytes:
    """A certificate that our root has issued for a key of the list."""
    key: Any = load_der_public_key(_denied._sequence(_denied.LISTED))
    signer: Any = root().key
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(root().parsed.subject).serial_number(1)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW).public_key(key)
    return builder.sign(signer, SHA256()).public_bytes(Encoding.DER)


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    _forget()
    yield
    _forget()


def _forget() -> None:
    _denied._is_denied.cache_clear()
    _denied._has_list.cache_clear()


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """From now on the system accepts everybody, by a chain of these authorities."""

    def build(*authorities: bytes) -> None:
        def verifier(question: Question) -> Sequence[bytes]:
            return question.chain[0], *authorities

        monkeypatch.setattr(truststore.SSLContext, "_verifier", staticmethod(verifier))

    return build


def visit(context: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    return in_memory(context, sites()["trusted"].certificate.server_context())


@needs_list
@pytest.mark.parametrize("at", [0, 1, 2])
def test_one_that_is_listed_is_refused(at: int, build: Callable[..., None]) -> None:
    """Wherever it is in the chain."""
    authorities = [root().der, root().der]
    authorities.insert(at, listed())
    build(*authorities)
    for _ in range(2):
        with pytest.raises(ssl.SSLCertVerificationError, match="certificate rejected \\(CPython: the key of ") as caught:
            visit(client_context())
        assert caught.value.verify_code == REJECTED


@needs_list
def test_without_a_connection(build: Callable[..., None]) -> None:
    build(root().der, listed())
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        client_context().verify_chain([sites()["trusted"].certificate.der], HOST)
    assert caught.value.verify_code == REJECTED


@needs_list
def test_one_that_is_its_own_authority(build: Callable[..., None]) -> None:
    """Nobody in these tests has the key to serve with it."""
    build()
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        client_context().verify_chain([listed()], HOST)
    assert caught.value.verify_code == REJECTED


def test_all_others_are_accepted(build: Callable[..., None]) -> None:
    build(root().der)
    exchange(*visit(client_context()))


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "p384", "p521", "brainpool256", "ed25519", "dsa2048"])
def test_any_kind_of_key_can_be_asked_about(kind: str) -> None:
    """Also one that no server can have with TLS 1.2."""
    key = _der.Certificate(Authority.new(key=kind).der).public_key
    assert not _denied._is_on_list(key)
    context = _stdlib.plain_context()
    context.load_verify_locations(cadata=_denied._certificate_for(key))
    assert context.cert_store_stats()["x509"] == 1, "OpenSSL could not read it"


@needs_list
def test_another_key_is_not_listed() -> None:
    """Nor what is none."""
    assert _denied._is_on_list(_denied.LISTED)
    assert not _denied._is_on_list(_denied.LISTED[:-1] + b"\x00")
    assert not _denied._is_on_list(b"")


def test_a_python_without_a_list_is_asked_once(build: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    monkeypatch.setattr(_denied, "_is_on_list", asked.append)
    build(root().der, listed())
    for _ in range(2):
        visit(client_context())
    assert asked == [_denied.LISTED]


def test_each_authority_is_asked_about_once(build: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def is_on_list(key: bytes) -> bool:
        asked.append(key)
        return key == _denied.LISTED

    monkeypatch.setattr(_denied, "_is_on_list", is_on_list)
    build(root().der)
    for _ in range(2):
        visit(client_context())
    assert len(asked) == 2
    build(root().der, listed())
    for _ in range(2):
        with pytest.raises(ssl.SSLCertVerificationError):
            visit(client_context())
    assert len(asked) == 3


@needs_list
def test_an_authority_that_cannot_be_read(build: Callable[..., None]) -> None:
    """Nobody knows its key."""
    build(b"nonsense")
    with pytest.raises(ssl.SSLCertVerificationError, match="could not be evaluated"):
        visit(client_context())
