"""Who may vouch for whom, where OpenSSL verifies: own anchors, the system's roots, public bundles, in every order of roles and settings.

The other systems' half of the rules is in tests/gate/test_gate_own_anchors.py.
"""

from __future__ import annotations

import _ssl
import contextlib
import os
import ssl
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from certificates import CLIENT_AUTH, Authority, Certificate, pem_file, self_signed
from servers import HOST, Store, carry, connected, exchange, in_memory, needs_openssl, shake_hands

import truststore
from truststore import _stdlib
from truststore._stand_in import Explained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [needs_openssl, pytest.mark.usefixtures("system")]

UNKNOWN_ISSUER = {2, 18, 19, 20, 21}
PARTIAL_CHAIN = 0x80000


@pytest.fixture(scope="module")
def own() -> Authority:
    return Authority.new("The program's own")


@pytest.fixture(scope="module")
def own_leaf(own: Authority) -> Certificate:
    return own.issue(HOST)


def made(protocol: int | None = ssl.PROTOCOL_TLS_CLIENT, *, names: bool = True, loaded: Any = ()) -> truststore.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context = truststore.SSLContext(protocol)
    context.verify_mode = ssl.CERT_REQUIRED
    if protocol is not None or not names:
        context.check_hostname = names
    for certificate in loaded:
        context.load_verify_locations(cadata=certificate.pem)
    return context


def accepts(context: ssl.SSLContext, certificate: Certificate, name: str = HOST) -> bool:
    """Whether the context connects to a server with this certificate; a refusal has to be for want of an anchor."""
    try:
        exchange(*in_memory(context, certificate.server_context([certificate]), name))
    except ssl.SSLCertVerificationError as error:
        assert error.verify_code in UNKNOWN_ISSUER, error  # noqa: PT017
        return False
    return True


def connection_type(context: truststore.SSLContext) -> object:
    """What a client's connection of this context is, to ssl."""
    client = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=HOST)
    return type(_stdlib.connection_of(client))


C_CONNECTION: type = _ssl._SSLSocket  # type: ignore[attr-defined]


# -- names off means pinned -----------------------------------------------------------------------------------------------------


def test_with_names_own_anchors_come_in_addition(own: Authority, own_leaf: Certificate, leaf: Certificate) -> None:
    context = made(loaded=[own])
    assert accepts(context, own_leaf)
    assert accepts(context, leaf)


def test_without_names_own_anchors_alone_vouch(own: Authority, own_leaf: Certificate, leaf: Certificate) -> None:
    """Any certificate of any public authority would do otherwise: what is meant is "our own, whatever its name"."""
    context = made(names=False, loaded=[own])
    assert accepts(context, own_leaf, "whatever.example")
    assert not accepts(context, leaf)
    assert context.system_store is None
    assert connection_type(context) is Explained


def test_without_names_and_without_anchors_the_system_vouches(leaf: Certificate, own_leaf: Certificate) -> None:
    context = made(names=False)
    assert accepts(context, leaf, "whatever.example")
    assert not accepts(context, own_leaf)


@pytest.mark.parametrize("ask", [truststore.SSLContext.load_default_certs, truststore.SSLContext.set_default_verify_paths])
def test_who_asks_for_the_systems_roots_gets_them(
    ask: Callable[[truststore.SSLContext], None], own: Authority, own_leaf: Certificate, leaf: Certificate
) -> None:
    context = made(names=False, loaded=[own])
    ask(context)
    assert accepts(context, leaf)
    assert accepts(context, own_leaf)


def test_the_order_of_settings_does_not_matter(own: Authority, leaf: Certificate) -> None:
    context = made(loaded=[own])
    context.check_hostname = False
    assert not accepts(context, leaf)


def test_a_list_of_the_revoked_is_no_anchor(own: Authority, leaf: Certificate, tmp_path: Path) -> None:
    (tmp_path / "crl.pem").write_text(ssl.DER_cert_to_PEM_cert(own.crl()).replace("CERTIFICATE", "X509 CRL"), "ascii")
    context = made(names=False)
    context.load_verify_locations(tmp_path / "crl.pem")
    assert accepts(context, leaf)


def test_a_call_that_raised_half_way_has_loaded_anchors(own: Authority, own_leaf: Certificate, leaf: Certificate) -> None:
    context = made(names=False)
    with pytest.raises(ssl.SSLError):
        context.load_verify_locations(cadata=own.pem + ssl.DER_cert_to_PEM_cert(b"\x30\x03\x02\x01\x05"))
    assert accepts(context, own_leaf)
    assert not accepts(context, leaf)


def test_a_directory_is_an_anchor_whatever_it_holds(leaf: Certificate, tmp_path: Path) -> None:
    """It may hold one when a connection is made, as in plain ssl."""
    context = made(names=False)
    context.load_verify_locations(capath=tmp_path)
    assert not accepts(context, leaf)


# -- one store for all: names on, then off, and back ---------------------------------------------------------------------------------


def mixed(own: Authority, protocol: int | None = ssl.PROTOCOL_TLS_CLIENT) -> truststore.SSLContext:
    """A context with own anchors whose store has the system's roots, too."""
    context = made(protocol, loaded=[own])
    wrapped = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=HOST)
    assert isinstance(_stdlib.connection_of(wrapped), Explained)
    assert context.system_store is not None
    return context


def test_names_on_then_off(own: Authority, own_leaf: Certificate, leaf: Certificate) -> None:
    context = mixed(own)
    assert accepts(context, leaf)
    context.check_hostname = False
    assert accepts(context, own_leaf, "whatever.example")
    assert not accepts(context, leaf)
    context.check_hostname = True
    assert accepts(context, leaf)
    assert connection_type(context) is Explained


def test_names_off_then_on(own: Authority, own_leaf: Certificate, leaf: Certificate, stranger: Certificate) -> None:
    """What own anchors alone vouch for may still be under way: their store stays theirs, and the system is asked aside."""
    context = made(names=False, loaded=[own])
    assert accepts(context, own_leaf)
    context.check_hostname = True
    assert accepts(context, leaf)
    assert accepts(context, own_leaf)
    assert not accepts(context, stranger)
    assert _stdlib.CContext.cert_store_stats(context)["x509"] == 1
    context.check_hostname = False
    assert not accepts(context, leaf)


def test_a_handshake_under_way_does_not_find_the_systems_roots(own: Authority, leaf: Certificate) -> None:
    context = made(names=False, loaded=[own])
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    pinned = context.wrap_bio(to_client, to_server, server_hostname=HOST)
    server = leaf.server_context().wrap_bio(to_server, to_client, server_side=True)
    context.check_hostname = True
    assert accepts(context, leaf)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(pinned, server)


def test_anchors_that_come_late_pin_as_well(own: Authority, own_leaf: Certificate, leaf: Certificate) -> None:
    context = made(names=False)
    assert accepts(context, leaf)
    context.load_verify_locations(cadata=own.der)
    assert not accepts(context, leaf)
    assert accepts(context, own_leaf)


def renewed(own: Authority) -> Authority:
    return Authority.new(subject=own.parsed.subject, private_key=own.key)


def test_mixed_a_root_renewed_with_the_same_key(system: Store, root: Authority, own: Authority, own_leaf: Certificate) -> None:
    """The system has the renewed one, and OpenSSL may end the chain in it."""
    system.holds(root, renewed(own))
    context = mixed(own)
    context.check_hostname = False
    assert accepts(context, own_leaf)


def test_mixed_a_leaf_that_is_its_own_anchor(leaf: Certificate, root: Authority) -> None:
    pinned = root.issue(HOST)
    context = made(loaded=[pinned])
    context.verify_flags |= PARTIAL_CHAIN
    assert accepts(context, leaf)
    context.check_hostname = False
    assert accepts(context, pinned)
    assert not accepts(context, leaf), "of the same root, which is the system's"


def test_mixed_a_self_signed_leaf(leaf: Certificate) -> None:
    """It is no authority, so get_ca_certs() does not list it."""
    pinned = self_signed(HOST)
    context = made(loaded=[pinned])
    assert accepts(context, leaf)
    context.check_hostname = False
    assert accepts(context, pinned)
    assert not accepts(context, leaf)


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_mixed_and_the_file_has_changed(
    change: str, own: Authority, own_leaf: Certificate, leaf: Certificate, stranger: Certificate, tmp_path: Path
) -> None:
    """Which anchors are the program's cannot be told any more, and nobody is trusted by guess."""
    path = tmp_path / "own.pem"
    path.write_text(own.pem, "ascii")
    context = made()
    context.load_verify_locations(path)
    assert accepts(context, leaf)
    path.unlink() if change == "removed" else path.write_text(stranger.root.pem, "ascii")
    context.check_hostname = False
    for certificate in own_leaf, leaf, stranger:
        with pytest.raises(ssl.SSLCertVerificationError, match="can no longer be told from the system's"):
            in_memory(context, certificate.server_context())
    context.check_hostname = True
    assert accepts(context, own_leaf)
    assert accepts(context, leaf)


def test_mixed_and_a_relative_path(
    own: Authority, own_leaf: Certificate, leaf: Certificate, tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "own.pem").write_text(own.pem, "ascii")
    monkeypatch.chdir(tmp_path)
    context = made()
    context.load_verify_locations("own.pem")
    assert accepts(context, leaf)
    monkeypatch.chdir("/")
    context.check_hostname = False
    assert accepts(context, own_leaf)


def test_mixed_sessions_are_judged_by_what_they_began_with(own: Authority, leaf: Certificate) -> None:
    """OpenSSL does not verify again when it resumes one."""
    context, serving = mixed(own), leaf.server_context()
    serving.maximum_version = ssl.TLSVersion.TLSv1_2
    client, server = in_memory(context, serving)
    exchange(client, server)
    context.check_hostname = False
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(context, serving, session=client.session)


# -- clients --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def visitors(root: Authority, own: Authority, tmp_path: Path) -> dict[str, ssl.SSLContext]:
    """Clients with a certificate of the system's authority, of the program's own, and without any. They trust any server."""
    contexts = {"system's": root, "own": own, "none": None}
    for name, authority in contexts.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if authority:
            carry(context, authority.issue("visitor.example", purposes=[CLIENT_AUTH]), tmp_path)
        contexts[name] = context  # type: ignore[assignment]
    return contexts  # type: ignore[return-value]


def both_roles(own: Authority, leaf: Certificate, folder: Path, protocol: int | None = ssl.PROTOCOL_TLS) -> truststore.SSLContext:
    context = made(protocol, loaded=[own])
    carry(context, leaf, folder)
    return context


@contextlib.contextmanager
def serving(context: ssl.SSLContext) -> Iterator[ssl.SSLContext]:
    """With the names off: a server has no peer's name to check, and SSLObject minds since Python 3.14, as SSLSocket always did."""
    names, context.check_hostname = context.check_hostname, False
    try:
        yield context
    finally:
        context.check_hostname = names


def meet(visitor: ssl.SSLContext, context: ssl.SSLContext, **options: Any) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    with serving(context):
        return in_memory(visitor, context, None, **options)


def lets_in(context: ssl.SSLContext, visitor: ssl.SSLContext) -> bool:
    """Whether the visitor gets to say something."""
    try:
        near, far = meet(visitor, context)
        exchange(near, far)
    except ssl.SSLError as error:
        assert error.reason in {"CERTIFICATE_VERIFY_FAILED", "PEER_DID_NOT_RETURN_A_CERTIFICATE"}, error  # noqa: PT017
        return False
    return True


BOTH = pytest.mark.parametrize("protocol", [ssl.PROTOCOL_TLS, None], ids=["either", "bare"])


@BOTH
@pytest.mark.parametrize("first", ["client", "server"])
def test_one_context_for_both_roles_in_either_order(
    first: str, protocol: int | None, own: Authority, own_leaf: Certificate, leaf: Certificate, visitors: Any, tmp_path: Path
) -> None:
    """A mesh: own certificates both ways. The system's roots vouch for servers, and never for clients."""
    context = both_roles(own, own_leaf, tmp_path, protocol)
    steps = {
        "client": lambda: (accepts(context, leaf), accepts(context, own_leaf)),
        "server": lambda: (not lets_in(context, visitors["system's"]), lets_in(context, visitors["own"])),
    }
    second = "server" if first == "client" else "client"
    for step in first, second, first, second:
        assert steps[step]() == (True, True), step
    assert not lets_in(context, visitors["none"])


def test_a_client_that_need_not_show_a_certificate(
    own: Authority, own_leaf: Certificate, leaf: Certificate, visitors: Any, tmp_path: Path
) -> None:
    context = both_roles(own, own_leaf, tmp_path)
    context.verify_mode = ssl.CERT_OPTIONAL
    assert accepts(context, leaf)
    assert lets_in(context, visitors["none"])
    assert lets_in(context, visitors["own"])
    assert not lets_in(context, visitors["system's"])
    _, far = meet(visitors["own"], context)
    assert far.getpeercert()
    _, far = meet(visitors["none"], context)
    assert far.getpeercert() is None


def test_nobody_asks_for_certificates_unless_told_to(own: Authority, own_leaf: Certificate, visitors: Any, tmp_path: Path) -> None:
    context = made(None, loaded=[own])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context = truststore.SSLContext()
    carry(context, own_leaf, tmp_path)
    context.load_verify_locations(cadata=own.der)
    assert accepts(context, own_leaf)
    assert lets_in(context, visitors["none"])


def test_the_systems_roots_vouch_for_clients_if_told_to(
    own: Authority, own_leaf: Certificate, visitors: Any, tmp_path: Path
) -> None:
    context = both_roles(own, own_leaf, tmp_path)
    context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    assert lets_in(context, visitors["system's"])
    assert lets_in(context, visitors["own"])


def test_a_visitor_under_way_does_not_find_the_systems_roots(
    own: Authority, own_leaf: Certificate, leaf: Certificate, visitors: Any, tmp_path: Path
) -> None:
    context = both_roles(own, own_leaf, tmp_path)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = visitors["system's"].wrap_bio(to_client, to_server)
    with serving(context):
        server = context.wrap_bio(to_server, to_client, server_side=True)
    assert accepts(context, leaf)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(client, server)


def test_a_pinned_client(own: Authority, own_leaf: Certificate, leaf: Certificate, root: Authority, tmp_path: Path) -> None:
    """Its own certificate is the anchor, with partial chains allowed."""
    known, other = (root.issue("visitor.example", purposes=[CLIENT_AUTH]) for _ in range(2))
    context = both_roles(own, own_leaf, tmp_path)
    context.verify_flags |= PARTIAL_CHAIN
    context.load_verify_locations(cadata=known.pem)
    assert accepts(context, leaf)
    for certificate in known, other:
        visitor = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        visitor.check_hostname, visitor.verify_mode = False, ssl.CERT_NONE
        carry(visitor, certificate, tmp_path)
        assert lets_in(context, visitor) is (certificate is known)


def test_own_anchors_in_a_directory_vouch_for_clients(
    own: Authority, own_leaf: Certificate, leaf: Certificate, visitors: Any, tmp_path: Path
) -> None:
    from truststore._store.subjects import subject_hash

    folder = tmp_path / "own.d"
    folder.mkdir()
    (folder / f"{subject_hash(own.der)}.0").write_text(own.pem, "ascii")
    context = made(ssl.PROTOCOL_TLS)
    context.load_verify_locations(capath=folder)
    carry(context, own_leaf, tmp_path)
    assert accepts(context, leaf)
    assert lets_in(context, visitors["own"])
    assert not lets_in(context, visitors["system's"])


def test_a_visitor_who_comes_back_with_a_session(
    own: Authority, own_leaf: Certificate, leaf: Certificate, visitors: Any, tmp_path: Path
) -> None:
    context = both_roles(own, own_leaf, tmp_path)
    assert accepts(context, leaf)
    near, far = meet(visitors["own"], context)
    exchange(near, far)
    assert far.session
    again, far = meet(visitors["own"], context, session=near.session)
    exchange(again, far)
    assert again.session_reused
    assert far.getpeercert()


def test_a_session_begun_before_the_store_was_mixed_is_refused_or_known(
    own: Authority, own_leaf: Certificate, leaf: Certificate, visitors: Any, tmp_path: Path
) -> None:
    """Begun while the system's roots vouched for clients on purpose, resumed where they do not."""
    open_for_all = both_roles(own, own_leaf, tmp_path)
    open_for_all.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    near, far = meet(visitors["system's"], open_for_all)
    exchange(near, far)
    strict = both_roles(own, own_leaf, tmp_path)
    assert accepts(strict, leaf)
    with pytest.raises(ssl.SSLError):
        exchange(*meet(visitors["system's"], strict, session=near.session))


def test_certificates_after_the_handshake_need_a_store_of_their_own(
    own: Authority, own_leaf: Certificate, leaf: Certificate, visitors: Any, tmp_path: Path
) -> None:
    """OpenSSL verifies them within some later read, where nobody can look at the chain."""
    for connects, expected in (False, True), (True, False):
        context = both_roles(own, own_leaf, tmp_path)
        context.post_handshake_auth = True
        visitors["own"].post_handshake_auth = True
        if connects:
            assert accepts(context, leaf)
        near, far = meet(visitors["own"], context)
        exchange(near, far)
        connection = _stdlib.connection_of(far)
        if expected:
            connection.verify_client_post_handshake()
        else:
            with pytest.raises(ssl.SSLError, match="use another context for the server side"):
                connection.verify_client_post_handshake()


# -- contexts that a server's sni_callback chooses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after", "never"])
def test_a_chosen_context_keeps_the_systems_roots_from_clients(
    when: str, own: Authority, own_leaf: Certificate, leaf: Certificate, visitors: Any, tmp_path: Path
) -> None:
    """OpenSSL takes the store of the context that is chosen, and the mode of the one it came from."""
    chosen = both_roles(own, own_leaf, tmp_path)
    context = made(ssl.PROTOCOL_TLS_SERVER, names=False)
    carry(context, own_leaf, tmp_path)
    context.sni_callback = lambda tls, name, context: setattr(tls, "context", chosen)
    if when == "before":
        assert accepts(chosen, leaf)
    for _ in range(2):
        assert lets_in(context, visitors["own"])
        assert not lets_in(context, visitors["system's"])
        if when == "after":
            assert accepts(chosen, leaf)


def test_a_callback_that_chooses_nothing(own: Authority, own_leaf: Certificate, visitors: Any, tmp_path: Path) -> None:
    context = made(ssl.PROTOCOL_TLS_SERVER, names=False, loaded=[own])
    carry(context, own_leaf, tmp_path)
    context.sni_callback = lambda tls, name, context: None
    assert lets_in(context, visitors["own"])
    assert not lets_in(context, visitors["system's"])
    _, far = meet(visitors["own"], context)
    assert far.getpeercert()


def test_a_plain_context_may_be_chosen(own: Authority, own_leaf: Certificate, visitors: Any, tmp_path: Path) -> None:
    chosen = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    carry(chosen, own_leaf, tmp_path)
    chosen.load_verify_locations(cadata=own.pem)
    context = made(ssl.PROTOCOL_TLS_SERVER, names=False)
    carry(context, own_leaf, tmp_path)
    context.sni_callback = lambda tls, name, context: setattr(tls, "context", chosen)
    assert lets_in(context, visitors["own"])
    assert not lets_in(context, visitors["system's"])


# -- public bundles -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def certifi(tmp_path: Path, stranger: Certificate, root: Authority) -> Path:
    """What a library would load by itself: a root that the system lacks, and one that it has."""
    (tmp_path / "certifi").mkdir()
    path = tmp_path / "certifi" / "cacert.pem"
    path.write_text(pem_file([stranger.root, root]), "ascii")
    return path


def test_a_public_bundle_comes_in_addition(certifi: Path, leaf: Certificate, stranger: Certificate, own_leaf: Certificate) -> None:
    early, late = made(), made()
    early.load_verify_locations(certifi)
    assert accepts(late, leaf)
    late.load_verify_locations(certifi)
    for context in early, late:
        assert accepts(context, leaf)
        assert accepts(context, stranger)
        assert not accepts(context, own_leaf)
        assert _stdlib.CContext.cert_store_stats(context)["x509"] == 2, "what the system has is not loaded twice"


def test_a_public_bundle_does_not_pin(certifi: Path, leaf: Certificate, stranger: Certificate) -> None:
    """urllib3 1.26 switches the names off and checks them itself."""
    context = made(names=False)
    context.load_verify_locations(certifi)
    assert accepts(context, leaf)
    assert accepts(context, stranger)


def test_a_public_bundle_does_not_vouch_where_own_anchors_alone_do(
    certifi: Path, own: Authority, own_leaf: Certificate, stranger: Certificate
) -> None:
    for mix in False, True:
        context = mixed(own) if mix else made(names=False, loaded=[own])
        context.load_verify_locations(certifi)
        context.check_hostname = False
        assert accepts(context, own_leaf)
        assert not accepts(context, stranger)


def test_a_public_bundle_vouches_for_no_client(
    certifi: Path, own: Authority, own_leaf: Certificate, leaf: Certificate, stranger: Certificate, tmp_path: Path
) -> None:
    visitor = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    visitor.check_hostname, visitor.verify_mode = False, ssl.CERT_NONE
    carry(visitor, stranger.root.issue("visitor.example", purposes=[CLIENT_AUTH]), tmp_path)  # type: ignore[attr-defined]
    context = both_roles(own, own_leaf, tmp_path)
    context.load_verify_locations(certifi)
    assert not lets_in(context, visitor)
    assert accepts(context, leaf)
    assert not lets_in(context, visitor)


def test_a_server_that_is_given_a_public_bundle_means_it(
    certifi: Path, own_leaf: Certificate, stranger: Certificate, tmp_path: Path
) -> None:
    """No library does that by itself."""
    visitor = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    visitor.check_hostname, visitor.verify_mode = False, ssl.CERT_NONE
    carry(visitor, stranger.root.issue("visitor.example", purposes=[CLIENT_AUTH]), tmp_path)  # type: ignore[attr-defined]
    context = made(ssl.PROTOCOL_TLS_SERVER, names=False)
    carry(context, own_leaf, tmp_path)
    context.load_verify_locations(certifi)
    assert lets_in(context, visitor)


def test_a_public_bundle_alone_is_enough(system: Store, certifi: Path, leaf: Certificate, stranger: Certificate) -> None:
    """An image without the system's roots goes on working, as long as it has certifi."""
    system.file.unlink()
    context = made()
    context.load_verify_locations(certifi)
    assert accepts(context, leaf)
    assert accepts(context, stranger)


@pytest.mark.parametrize("connect", [False, True])
def test_a_public_bundle_is_listed_as_in_ssl(connect: bool, certifi: Path, own: Authority, leaf: Certificate) -> None:
    ours, plain = made(loaded=[own]), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    plain.load_verify_locations(cadata=own.pem)
    if connect:
        assert accepts(ours, leaf)
    for context in ours, plain:
        context.load_verify_locations(certifi)
    if connect:
        assert accepts(ours, leaf)
    assert set(ours.get_ca_certs(True)) == set(plain.get_ca_certs(True))
    assert ours.cert_store_stats() == plain.cert_store_stats()


@pytest.mark.parametrize("content", [None, "", "junk"])
def test_a_public_bundle_that_cannot_be_read_raises_as_in_ssl(content: str | None, tmp_path: Path) -> None:
    (tmp_path / "certifi").mkdir()
    path = tmp_path / "certifi" / "cacert.pem"
    if content is not None:
        path.write_text(content, "ascii")
    raised = []
    for context in made(), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT):
        with pytest.raises(OSError) as caught:
            context.load_verify_locations(path)
        raised.append((type(caught.value), caught.value.errno))
    assert raised[0] == raised[1]


# -- loaded when plain ssl loads ------------------------------------------------------------------------------------------------


def test_load_default_certs_reads_the_store_then_and_there(
    system: Store, leaf: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = made()
    context.load_default_certs()
    system.file.unlink()
    for name in "SSL_CERT_FILE", "SSL_CERT_DIR":
        monkeypatch.setenv(name, "/nowhere")
    assert accepts(context, leaf)


def test_load_default_certs_does_not_raise(system: Store, leaf: Certificate, root: Authority) -> None:
    """The error is the handshake's, and passes with its cause."""
    system.file.unlink()
    context = made()
    context.load_default_certs()
    context.set_default_verify_paths()
    assert context.get_ca_certs() == []
    assert context.cert_store_stats() == {"x509": 0, "crl": 0, "x509_ca": 0}
    with pytest.raises(ssl.SSLCertVerificationError, match="no trusted roots"):
        in_memory(context, leaf.server_context())
    system.holds(root)
    assert accepts(context, leaf)


# -- the log is somebody else's code ---------------------------------------------------------------------------------------------


def test_a_log_handler_may_connect(leaf: Certificate, caplog: pytest.LogCaptureFixture) -> None:
    """As the standard library's HTTPHandler does: neither without end, nor with the lock held."""
    import logging

    class Connecting(logging.Handler):
        count = 0

        def emit(self, record: logging.LogRecord) -> None:
            self.count += 1
            done = threading.Thread(target=lambda: context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=HOST))
            done.start()
            done.join(10)
            assert not done.is_alive(), "the lock is held"
            accepts(made(), leaf)

    handler = Connecting()
    logger = logging.getLogger("truststore")
    logger.addHandler(handler)
    try:
        with caplog.at_level(logging.DEBUG, "truststore"):
            context = made()
            assert accepts(context, leaf)
    finally:
        logger.removeHandler(handler)
    assert 1 <= handler.count <= 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_finds_the_lock_free(leaf: Certificate) -> None:
    """Whoever held it in the parent does not exist in the child."""
    context = made()
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with context._settings.lock:
            held.set()
            release.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    child = os.fork()
    if child == 0:
        import faulthandler

        faulthandler.dump_traceback_later(20, exit=True)
        os._exit(0 if accepts(context, leaf) else 1)
    release.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_child_forked_under_the_lock_gives_it_back(leaf: Certificate) -> None:
    context = made()
    with context._settings.lock:
        child = os.fork()
        if child == 0:
            with context._settings.lock:
                context.check_hostname = True
    if child == 0:
        os._exit(0 if accepts(context, leaf) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# -- what is to be said with a refusal -------------------------------------------------------------------------------------------


@pytest.fixture
def unheeded(system: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """SSL_CERT_FILE names certifi's file, which nobody obeys."""
    (tmp_path / "certifi").mkdir()
    path = tmp_path / "certifi" / "cacert.pem"
    path.write_text(system.file.read_text("ascii"), "ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return str(path)


def notes_of(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", ()))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes came with Python 3.11")
def test_a_refusal_says_that_a_variable_was_not_obeyed(
    unheeded: str, leaf: Certificate, stranger: Certificate, system: Store, tmp_path: Path
) -> None:
    for ask in (
        lambda: in_memory(made(), stranger.server_context()),
        lambda: made().verify_chain([stranger.der], HOST),
    ):
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            ask()
        assert f"SSL_CERT_FILE names {unheeded}" in notes_of(caught.value)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes came with Python 3.11")
@pytest.mark.parametrize("step", ["do_handshake", "read", "write"])
def test_whichever_call_shakes_hands(step: str, unheeded: str, stranger: Certificate) -> None:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = made().wrap_bio(to_client, to_server, server_hostname=HOST)
    server = stranger.server_context().wrap_bio(to_server, to_client, server_side=True)
    arguments = (b"ping",) if step == "write" else ()
    with contextlib.suppress(ssl.SSLWantReadError):
        getattr(client, step)(*arguments)
    with contextlib.suppress(ssl.SSLWantReadError):
        server.do_handshake()
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        getattr(client, step)(*arguments)
    assert "SSL_CERT_FILE names" in notes_of(caught.value)


def test_the_connection_is_openssls_own_after_the_handshake(unheeded: str, leaf: Certificate, system: Store) -> None:
    context = made()
    context.load_verify_locations(system.file)
    client, server = in_memory(context, leaf.server_context())
    assert type(_stdlib.connection_of(client)) is C_CONNECTION
    exchange(client, server)
    with connected(context, leaf.server_context()) as (near, far):
        assert type(_stdlib.connection_of(near)) is C_CONNECTION
        assert near.context is context
        exchange(near, far)
