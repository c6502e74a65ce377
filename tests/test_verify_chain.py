"""`SSLContext.verify_chain()`: the verdict of a connection, without one."""

from __future__ import annotations

import ssl
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import cases
import pytest
from fake_verifier import PLATFORM, FakeVerifier
from offline import by_handshake, context_of, without_connection
from servers import HOST, Store, in_memory, needs_openssl
from test_cases_openssl import expected_here

import truststore
from truststore._first_flight import NoVerdict

if TYPE_CHECKING:
    from pathlib import Path

    from certificates import Authority, Certificate

pytestmark = needs_openssl

SERVABLE = cases.rows("openssl", without=[cases.UNSERVABLE])
BY_OPENSSL = cases.rows("openssl", without=[cases.UNSERVABLE, cases.BEST_EFFORT])


def client() -> truststore.SSLContext:
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def chain_of(certificate: Certificate) -> list[bytes]:
    return [each.der for each in certificate.chain]


# -- every row of the table, by each kind of judge -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", BY_OPENSSL, ids=str)
def test_the_system_store(case: cases.Case, system: Store) -> None:
    world = case.world()
    system.holds(*world.roots)
    context = context_of(case, world.anchors)
    if case.host is None:
        context.load_default_certs()
    assert without_connection(context, case) == by_handshake(context, case)


@pytest.mark.parametrize("case", BY_OPENSSL, ids=str)
def test_own_anchors(case: cases.Case, system: Store) -> None:
    """Of a context that trusts nobody else, in a store that holds the system's roots, too, and in one that does not."""
    world = case.world()
    context = context_of(case, [*world.roots, *world.anchors])
    said = without_connection(context, case)
    assert said == by_handshake(context, case)
    assert said[0] == (expected_here(case) or "accepted")


@pytest.mark.parametrize("case", SERVABLE, ids=str)
def test_a_verifier_of_the_system(case: cases.Case, monkeypatch: pytest.MonkeyPatch) -> None:
    world = case.world()
    verifier = FakeVerifier([root.der for root in world.roots], crls=world.crls)
    monkeypatch.setattr(truststore.SSLContext, "_verifier", staticmethod(verifier))
    monkeypatch.setattr(truststore.SSLContext, "_platform", PLATFORM)
    context = context_of(case, world.anchors)
    said, asked = without_connection(context, case), len(verifier.questions)
    assert said == by_handshake(context, case)
    assert len(verifier.questions) == 2 * asked


def test_a_context_whose_names_were_switched_off_late(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    context = client()
    context.load_verify_locations(cadata=stranger.root.der)
    in_memory(context, leaf.server_context())
    context.check_hostname = False
    assert context.verify_chain(chain_of(stranger))[-1] == stranger.root.der
    with pytest.raises(ssl.SSLCertVerificationError):
        context.verify_chain(chain_of(leaf))


# -- what it is given -----------------------------------------------------------------------------------------------------------


def test_it_answers_with_the_root(system: Store, leaf: Certificate, root: Authority) -> None:
    assert client().verify_chain(chain_of(leaf), HOST) == [leaf.der, root.der]
    assert client().verify_chain(iter(chain_of(leaf)), server_hostname=HOST) == [leaf.der, root.der]


@pytest.mark.parametrize(
    ("host", "kind"),
    [(None, ValueError), (".example", ValueError), ("a" * 64, UnicodeError), (b"localhost", None)],
)
def test_names_are_those_of_a_connection(system: Store, leaf: Certificate, host: Any, kind: Any) -> None:
    if kind is None:
        assert client().verify_chain(chain_of(leaf), host)
        return
    raised = []
    for ask in (lambda: client().verify_chain(chain_of(leaf), host), lambda: in_memory(client(), leaf.server_context(), host)):
        with pytest.raises(kind) as caught:
            ask()
        raised.append(str(caught.value))
    assert raised[0] == raised[1]


@pytest.mark.parametrize(
    ("chain", "kind", "says"),
    [
        ([], ValueError, "chain is empty"),
        (b"\x30\x00", TypeError, "not a single one"),
        ("-----BEGIN", TypeError, "not a single one"),
        (["-----BEGIN"], TypeError, "PEM_cert_to_DER_cert"),
        ([None], TypeError, "not NoneType"),
        (None, TypeError, "iterable"),
    ],
)
def test_what_is_no_chain(system: Store, chain: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        client().verify_chain(chain, HOST)


def test_no_name(system: Store, leaf: Certificate) -> None:
    for host in None, "":
        with pytest.raises(ValueError, match="server_hostname"):
            client().verify_chain(chain_of(leaf), host)


def test_contexts_that_do_not_verify_servers(system: Store, leaf: Certificate) -> None:
    unverified = client()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    for context in unverified, truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER):
        with pytest.raises(ValueError, match="does not verify servers"):
            context.verify_chain(chain_of(leaf), HOST)


@pytest.mark.parametrize("what", [[b""], [b"junk"], [b"\x30\x00"], [b"\x30" + bytes(2**17)]], ids=["empty", "junk", "no", "large"])
def test_no_verdict_is_an_error_that_says_why(system: Store, what: list[bytes]) -> None:
    with pytest.raises(ssl.SSLError, match="no verdict") as caught:
        client().verify_chain(what, HOST)
    assert type(caught.value) is NoVerdict
    assert not isinstance(caught.value, ssl.SSLCertVerificationError)


def test_a_bare_context(system: Store, leaf: Certificate) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context = truststore.SSLContext()
    assert context.verify_chain(chain_of(leaf), HOST)
    with pytest.raises(ssl.SSLCertVerificationError):
        context.verify_chain(chain_of(leaf), "elsewhere.example")


def test_nothing_to_verify_with(system: Store, leaf: Certificate) -> None:
    system.file.unlink()
    with pytest.raises(ssl.SSLCertVerificationError, match="no trusted roots were found"):
        client().verify_chain(chain_of(leaf), HOST)


def test_a_public_bundle(system: Store, stranger: Certificate, tmp_path: Path) -> None:
    (tmp_path / "certifi").mkdir()
    (tmp_path / "certifi" / "cacert.pem").write_text(stranger.root.pem, "ascii")
    context = client()
    context.load_verify_locations(tmp_path / "certifi" / "cacert.pem")
    assert context.verify_chain(chain_of(stranger), HOST)[-1] == stranger.root.der


def test_many_threads(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    """While the context connects, and is given more to trust and to show."""
    context, serving = client(), leaf.server_context()
    stop = threading.Event()

    def judge(number: int) -> int:
        for _ in range(30):
            assert context.verify_chain(chain_of(leaf), HOST)
            with pytest.raises(ssl.SSLCertVerificationError):
                context.verify_chain(chain_of(stranger), HOST)
        return number

    def connect() -> None:
        while not stop.is_set():
            in_memory(context, serving)

    with ThreadPoolExecutor(9) as threads:
        connecting = threads.submit(connect)
        try:
            assert list(threads.map(judge, range(8))) == list(range(8))
        finally:
            stop.set()
        connecting.result()
