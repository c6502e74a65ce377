"""Whatever is given, as a name, a variable or an argument: an error is one that plain `ssl` raises, and nobody is let in by it."""

from __future__ import annotations

import logging
import os
import ssl
import string
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from certificates import pem_file
from fake_verifier import FakeVerifier
from gate_servers import judged_by, other_root, root, sites
from many import examples
from properties import HealthCheck, example, given, settings, st
from servers import HOST, Store, in_memory, needs_openssl

import truststore
from truststore._store.search import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = needs_openssl

any_input = settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def world(system: Store) -> Store:
    system.holds(root())
    return system


@pytest.fixture(params=["openssl", "gate"])
def ours(request: pytest.FixtureRequest, world: Store, monkeypatch: pytest.MonkeyPatch) -> truststore.SSLContext:
    if request.param == "gate":
        judged_by(FakeVerifier([root().der]), monkeypatch)
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def plain() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=root().der)
    return context


def outcome(act: Callable[[], object]) -> str:
    """What it came to; a refusal is the same whatever the words."""
    try:
        act()
    except ssl.SSLCertVerificationError:
        return "refused"
    except Exception as error:  # noqa: BLE001 - compared
        return type(error).__name__
    return "done"


# -- names ------------------------------------------------------------------------------------------------------------------------------

#: What the certificates of the tests are for, in pieces, and what may be put around and between.
PIECES = st.sampled_from(
    [HOST, HOST.upper(), "127.0.0.1", "::1", "elsewhere.test", "test", "*", ".", "-", "%", "\0", " ", "/", "@", ":", "[", "]"]
)
NAMES = st.lists(PIECES | st.text(max_size=3), max_size=4).map("".join)


@any_input
@example(HOST)
@example(HOST + ".")
@example("127.0.0.1")
@example("127.0.0.1.")
@example("127.1")
@example("lo\0calhost")
@example(HOST + "\0.evil.test")
@given(name=NAMES)
def test_a_name(ours: truststore.SSLContext, name: str) -> None:
    """It is accepted if plain `ssl` accepts it, or but for a dot at its end, which verifiers of systems do without."""
    for site in "trusted", "misnamed", "untrusted":
        serving = sites()[site].serves()
        mine, theirs = (outcome(partial(in_memory, context, serving, name)) for context in (ours, plain()))
        assert mine == theirs or ((mine, theirs) == ("done", "refused") and is_accepted_without_dot(name, serving))
        assert site != "untrusted" or mine != "done"


def is_accepted_without_dot(name: str, serving: ssl.SSLContext) -> bool:
    return name.endswith(".") and outcome(lambda: in_memory(plain(), serving, name[:-1])) == "done"


@any_input
@given(name=NAMES)
def test_a_name_without_connection(ours: truststore.SSLContext, name: str) -> None:
    serving, chain = sites()["trusted"].serves(), [certificate.der for certificate in sites()["trusted"].certificate.chain]
    assert outcome(lambda: ours.verify_chain(chain, name)) == outcome(lambda: in_memory(ours, serving, name))


# -- certificates -----------------------------------------------------------------------------------------------------------------------


@any_input
@given(data=st.data())
def test_a_chain(ours: truststore.SSLContext, data: st.DataObject) -> None:
    """Nothing is accepted but the server's own certificate, as it was issued."""
    sent = [certificate.der for certificate in (*sites()["trusted"].certificate.chain, root(), other_root())]
    der = bytearray(data.draw(st.sampled_from(sent)))
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    chain = data.draw(st.lists(st.sampled_from([*sent, bytes(der)]) | st.binary(max_size=20), max_size=4))
    try:
        built = ours.verify_chain(chain, HOST)
    except (ssl.SSLError, ValueError):
        return
    assert built[0] == chain[0] == sent[0] and built[-1] == root().der


# -- the environment --------------------------------------------------------------------------------------------------------------------


@any_input
@given(data=st.data())
def test_the_environment(world: Store, tmp_path: Path, data: st.DataObject) -> None:
    """What it names is the store, or there is none; who is in neither is nobody. It never raises but out of the handshake.

    What goes to the log is left out: names that are not text cannot be part of the report of a worker of pytest-xdist.
    """
    good, junk = str(world.file), tmp_path / "junk.pem"
    junk.write_bytes(data.draw(st.binary(max_size=99) | st.sampled_from([pem_file([other_root()]).encode()[:-40], b""])))
    words = [
        good,
        str(junk),
        str(world.directory),
        str(tmp_path),
        "/nowhere",
        "relative",
        "",
        " ",
        os.pathsep,
        "é",
        "\udce9",
        "~",
        "$HOME",
    ]
    value = st.lists(st.sampled_from(words) | st.text(string.printable, max_size=3), max_size=3).map("".join)
    with pytest.MonkeyPatch.context() as environ:
        environ.setattr(logging.getLogger("truststore"), "disabled", True)
        for variable in "SSL_CERT_FILE", "SSL_CERT_DIR":
            environ.setenv(variable, data.draw(value))
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        store = truststore.system_store()
        assert store is not None and str(store) and repr(store)
        if data.draw(st.booleans()):
            context.load_default_certs()
        mine = [outcome(partial(in_memory, context, sites()[site].serves())) for site in ("trusted", "untrusted")]
        named = os.environ["SSL_CERT_FILE"] == good
    assert mine == ["done" if named else "refused", "refused"]
    assert store.step == ENVIRONMENT


# -- arguments --------------------------------------------------------------------------------------------------------------------------

ODD = st.sampled_from(
    [None, 0, -1, 2**70, 1.5, "", "x", "\0", b"", b"\xff", (), [1], object, float("nan"), bytearray(b"x"), memoryview(b"")]
)

#: Methods, and how many arguments each takes.
METHODS = {
    "load_verify_locations": 3,
    "load_cert_chain": 2,
    "set_ciphers": 1,
    "set_alpn_protocols": 1,
    "set_npn_protocols": 1,
    "load_default_certs": 1,
    "get_ca_certs": 1,
    "set_servername_callback": 1,
    "wrap_socket": 2,
    "wrap_bio": 4,
    "load_dh_params": 1,
    "set_ecdh_curve": 1,
}


@any_input
@pytest.mark.filterwarnings("ignore:ssl NPN is deprecated:DeprecationWarning")
@given(name=st.sampled_from(sorted(METHODS)), arguments=st.lists(ODD, max_size=4))
def test_arguments(ours: truststore.SSLContext, name: str, arguments: list[Any]) -> None:
    """Each raises what it raises in `ssl`, and leaves the context verifying."""
    arguments = arguments[: METHODS[name]]
    fresh = type(ours)(ssl.PROTOCOL_TLS_CLIENT)
    if hasattr(fresh, name):
        mine, theirs = (outcome(partial(getattr(context, name), *arguments)) for context in (fresh, plain()))
        # Of two mistakes either may be found first.
        assert mine == theirs or {mine, theirs} == {"TypeError", "ValueError"}
    assert (fresh.verify_mode, fresh.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert outcome(lambda: in_memory(fresh, sites()["untrusted"].serves())) != "done"
