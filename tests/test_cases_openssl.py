"""The OpenSSL column of the table of cases, by handshakes of the standard library with itself."""

from __future__ import annotations

import collections
import functools
import ssl

import cases
import fake_verifier
import pytest

from truststore import _verify_codes

#: OpenSSL 1.1.1 had other codes, and fewer (openssl/x509_vfy.h). From 80 on there is none in it.
BEFORE_OPENSSL_3 = {79: 24}

_StockContext = ssl.SSLContext


def client_context(case: cases.Case) -> ssl.SSLContext:
    """A stock context that trusts and asks what the row says."""
    world = case.world()
    context = _StockContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = case.host is not None
    context.verify_flags |= case.flags
    context.hostname_checks_common_name = case.common_name
    fake_verifier.load(context, [certificate.der for certificate in (*world.roots, *world.anchors)], world.crls)
    return context


def handshake(client_context: ssl.SSLContext, server_context: ssl.SSLContext, host: str | None) -> ssl.SSLObject:
    """The client's end of a finished handshake in memory, or what the client raised."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    while not all([_finished(client), _finished(server)]):
        assert to_client.pending, "neither end goes on"
    return client


def _finished(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def expected_here(case: cases.Case) -> int:
    code = case.openssl
    assert code is not None
    if ssl.OPENSSL_VERSION_INFO >= (3,):
        return code
    if code >= 80:
        pytest.skip(f"{ssl.OPENSSL_VERSION} knows no error {code}")
    return BEFORE_OPENSSL_3.get(code, code)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS1.2", "TLS1.3"])
@pytest.mark.parametrize("case", cases.rows("openssl", without=[cases.UNSERVABLE]), ids=str)
def test_handshake(case: cases.Case, version: ssl.TLSVersion) -> None:
    server = _server(case)
    client = client_context(case)
    client.minimum_version = client.maximum_version = version
    expected = expected_here(case)
    if expected == 0:
        assert handshake(client, server, case.host).version() == version.name.replace("_", ".")
        return
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        handshake(client, server, case.host)
    assert (caught.value.verify_code, caught.value.verify_message) == (expected, _words(expected, case.host))


@pytest.mark.parametrize("case", [case for case in cases.rows("openssl") if cases.UNSERVABLE in case.needs], ids=str)
def test_unservable(case: cases.Case) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        fake_verifier.chain_built(client_context(case), case.world().ders, case.host)
    assert caught.value.verify_code == expected_here(case)


@functools.cache
def _server(case: cases.Case) -> ssl.SSLContext:
    world = case.world()
    return world.chain[0].server_context(world.chain)


def _words(code: int, host: str | None) -> str:
    if code in _verify_codes.MISMATCHES:
        return f"{_verify_codes.MISMATCHES[code]} mismatch, certificate is not valid for '{host}'."
    return _verify_codes.OPENSSL_WORDS[code]


# The table itself. -----------------------------------------------------------------------------------------------------------------------


def test_rows_have_names_of_their_own() -> None:
    repeated = [name for name, count in collections.Counter(case.id for case in cases.CASES).items() if count > 1]
    assert repeated == []


def test_every_row_says_why() -> None:
    assert [case.id for case in cases.CASES if not case.why] == []


def test_wine_says_why_it_differs() -> None:
    """Where both were measured or documented, or one accepts what the other refuses."""
    differ = [case for case in cases.CASES if case.wine is not None and case.windows is not None and case.wine != case.windows]
    assert [case.id for case in differ if not case.wine_why] == []
    assert [case.id for case in cases.CASES if case.wine_why and case not in differ] == []


def test_codes_have_words() -> None:
    for case in cases.CASES:
        codes = {case.openssl, case.windows, case.wine, case.macos} - {None, 0}
        assert codes <= _verify_codes.OPENSSL_WORDS.keys(), case.id


def test_a_wrong_guess_is_reported() -> None:
    case = cases.Case("guessed", cases.served(), cases.HOST, 0, "for this test", macos=cases.Guess(20))
    assert not cases.surprise(case, "macos", 20)
    with pytest.warns(cases.UnprovenExpectation, match="macos: guessed gives 0, guessed 20"):
        assert not cases.surprise(case, "macos", 0)
    assert cases.surprise(case, "openssl", 20)


def test_worlds_are_kept() -> None:
    case = next(case for case in cases.CASES if case.id == "missing-intermediate-published")
    assert case.world() is case.world()
    elsewhere = case.world("http://127.0.0.1:8080")
    assert elsewhere is not case.world()
    assert b"http://127.0.0.1:8080/" in elsewhere.chain[0].der
