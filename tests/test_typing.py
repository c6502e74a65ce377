"""What programs write with truststore, for type checkers: mypy and pyright, both strict, find nothing wrong here (`nox -s types`).

And so that nothing is promised to them which is not so, it is run as well.
"""
# pyright: strict

from __future__ import annotations

import asyncio
import ssl
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority
from servers import in_memory, needs_openssl

pytest.importorskip("aiohttp", reason="aiohttp is not installed")
pytest.importorskip("httpx", reason="httpx is not installed")
pytest.importorskip("urllib3", reason="urllib3 is not installed")

import aiohttp
import httpx
import urllib3

import truststore
from truststore import Refusal, Store

if TYPE_CHECKING:
    from typing_extensions import assert_type
else:

    def assert_type(value: object, _: object) -> object:
        return value


class Checked(truststore.SSLContext):
    """As programs derive from ssl.SSLContext."""

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        return super().wrap_socket(*args, **kwargs)


class Socket(ssl.SSLSocket):
    """Somebody's own."""


def context() -> truststore.SSLContext:
    made = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert_type(made, truststore.SSLContext)
    return made


def test_it_goes_where_a_context_of_ssl_goes() -> None:
    given: ssl.SSLContext = context()
    urllib.request.HTTPSHandler(context=given)
    httpx.Client(verify=given).close()
    urllib3.PoolManager(ssl_context=given).clear()

    async def connected() -> None:
        await aiohttp.TCPConnector(ssl=context()).close()

    asyncio.run(connected())


def test_what_is_derived_is_of_its_own_class() -> None:
    assert_type(Checked(ssl.PROTOCOL_TLS_CLIENT), Checked)
    assert isinstance(Checked(ssl.PROTOCOL_TLS_CLIENT), Checked)


def test_settings_have_their_types() -> None:
    made = context()
    assert_type(made.verify_mode, ssl.VerifyMode)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.options |= ssl.OP_NO_TICKET
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.sslsocket_class = Socket
    made.load_verify_locations(cadata=Authority.new().pem)
    assert_type(made.get_ca_certs(binary_form=True), "list[bytes]")
    subjects = [certificate["subject"] for certificate in made.get_ca_certs()]
    assert len(subjects) == 1


def where(store: Store | None) -> str | None:
    return None if store is None else store.file


@needs_openssl
def test_a_store_can_be_named() -> None:
    store = truststore.system_store()
    assert isinstance(store, Store)
    assert isinstance(where(store), str | None)
    assert_type(store.warnings, "tuple[str, ...]")
    assert where(context().system_store) is None


def said(error: ssl.SSLCertVerificationError) -> tuple[str, int | None]:
    """What a program shows to its user."""
    if isinstance(error, Refusal):
        return error.platform, error.platform_code
    return "OpenSSL", error.errno


def refuses(question: object) -> list[bytes]:
    from truststore._verdict import SECURITY_FRAMEWORK, Question, refusal

    assert isinstance(question, Question)
    raise refusal(question, 20, SECURITY_FRAMEWORK, platform_code=-67843)


def test_what_an_error_says_besides_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(ssl.SSLCertVerificationError(1, "somebody's"))[0] == "OpenSSL"
    monkeypatch.setattr(truststore.SSLContext, "_verifier", staticmethod(refuses))
    with pytest.raises(ssl.SSLCertVerificationError) as raised:
        in_memory(context(), Authority.new().issue("localhost").server_context())
    assert said(raised.value) == ("Security.framework", -67843)


def test_other_names_there_are_none() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'where'"):
        _ = truststore.where  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
