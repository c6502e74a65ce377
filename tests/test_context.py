"""`truststore.SSLContext` is an `ssl.SSLContext`: whatever is done to it, it answers as the standard library's does."""

from __future__ import annotations

import _ssl
import asyncio
import copy
import gc
import pickle
import select
import socket
import ssl
import sys
import warnings
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import CLIENT_AUTH, Authority, Certificate
from interruptions import points
from many import examples
from properties import given, settings, st
from servers import HOST, TIMEOUT, Server, Store, carry, connected, exchange, in_memory, needs_openssl

import truststore
from truststore import _stdlib

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = needs_openssl

PACKAGE = str(Path(truststore.__file__).parent)
PROTOCOLS = [ssl.PROTOCOL_TLS, ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLSv1_2]
SETTINGS = (
    "protocol", "verify_mode", "check_hostname", "verify_flags", "options", "minimum_version", "maximum_version", "security_level",
    "hostname_checks_common_name", "post_handshake_auth", "num_tickets", "keylog_filename", "sni_callback", "_msg_callback",
    "sslsocket_class", "sslobject_class",
)  # fmt: skip

each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
each_version = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name
)


def client() -> truststore.SSLContext:
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def quietly(make: Callable[..., Any], *args: Any) -> Any:
    """Make a context, of whatever protocol, without its DeprecationWarning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return make(*args)


def bare() -> truststore.SSLContext:
    context = quietly(truststore.SSLContext)
    assert isinstance(context, truststore.SSLContext)
    return context


def bare_server(certificate: Certificate, folder: Path) -> truststore.SSLContext:
    context = bare()
    carry(context, certificate, folder)
    return context


def seen(context: ssl.SSLContext) -> dict[str, Any]:
    return {name: getattr(context, name) for name in SETTINGS} | {
        "stats": context.session_stats(),
        "ciphers": context.get_ciphers(),
    }


def outcome(function: Callable[..., Any], *args: Any) -> tuple[Any, list[tuple[type, str]]]:
    """What a call returns or raises, and what it warns of."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            result = function(*args)
        except Exception as error:  # noqa: BLE001 - compared
            result = type(error), str(error)
    return result, [(each.category, str(each.message)) for each in warned]


def refused(context: ssl.SSLContext, certificate: Certificate, name: str = HOST) -> ssl.SSLCertVerificationError:
    with pytest.raises(ssl.SSLCertVerificationError) as raised:
        in_memory(context, certificate.server_context(), name)
    return raised.value


# -- a true subclass ------------------------------------------------------------------------------------------------------------


def test_it_is_an_ssl_context() -> None:
    context = client()
    assert isinstance(context, ssl.SSLContext)
    assert isinstance(context, _ssl._SSLContext)
    assert not [value for value in vars(context).values() if isinstance(value, _ssl._SSLContext)], "an inner context"
    assert set(dir(ssl.SSLContext)) <= set(dir(truststore.SSLContext))


@each_protocol
def test_an_explicit_protocol_is_the_standard_librarys(protocol: int) -> None:
    ours, ours_warned = outcome(truststore.SSLContext, protocol)
    plain, plain_warned = outcome(ssl.SSLContext, protocol)
    assert seen(ours) == seen(plain)
    assert [category for category, _ in ours_warned] == [category for category, _ in plain_warned]


@pytest.mark.parametrize("protocol", [99, -1, "TLS", 1.5, ssl.CERT_REQUIRED.__class__])
def test_a_protocol_that_is_none_is_refused_as_in_ssl(protocol: Any) -> None:
    result, _ = outcome(truststore.SSLContext, protocol)
    assert result == outcome(ssl.SSLContext, protocol)[0]
    assert issubclass(result[0], Exception)


VALUES: dict[str, list[Any]] = {
    "verify_mode": [*ssl.VerifyMode, 0, 2, 3, -1, "required", None],
    "check_hostname": [True, False, 0, 1, "", None],
    "verify_flags": [ssl.VerifyFlags.VERIFY_X509_STRICT, ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF, 0, -1, "strict"],
    "options": [ssl.OP_ALL, ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION, 0, "all"],
    "minimum_version": [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.MAXIMUM_SUPPORTED, 771, 5, "1.2"],
    "maximum_version": [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.MINIMUM_SUPPORTED, 771, 5, "1.2"],
    "hostname_checks_common_name": [True, False],
    "post_handshake_auth": [True, False, 1],
    "num_tickets": [0, 1, 5, -1, "2"],
    "keylog_filename": ["/nowhere/keys", None, 5],
    "sni_callback": [print, None, "callable"],
    "_msg_callback": [print, None, "callable"],
    "unknown": [1],
    "protocol": [ssl.PROTOCOL_TLS],
    "security_level": [1],
}
CHANGES = st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name])))


@settings(deadline=None, max_examples=examples(150))
@given(protocol=st.sampled_from(PROTOCOLS), changes=st.lists(CHANGES, max_size=12))
def test_settings_do_what_they_do_in_ssl(protocol: int, changes: list[tuple[str, Any]]) -> None:
    ours, plain = quietly(truststore.SSLContext, protocol), quietly(ssl.SSLContext, protocol)
    for name, value in changes:
        assert outcome(setattr, ours, name, value) == outcome(setattr, plain, name, value), (name, value)
        assert seen(ours) == seen(plain), (name, value)


def test_subclasses_may_take_arguments_of_their_own(system: Store, leaf: Certificate) -> None:
    class Context(truststore.SSLContext):
        def __new__(cls, protocol: int, label: str, *, colour: str) -> Context:
            return super().__new__(cls, protocol, label, colour=colour)

        def __init__(self, protocol: int, label: str, *, colour: str) -> None:
            self.label, self.colour = label, colour

    context = Context(ssl.PROTOCOL_TLS_CLIENT, "a", colour="red")
    assert (context.label, context.colour) == ("a", "red")
    assert in_memory(context, leaf.server_context())[0].context is context


def test_the_constructor_swallows_what_ssls_swallows() -> None:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT, 1, "two", three=3)
    assert seen(context) == seen(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT, 1, "two", three=3))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps], ids=["copy", "deepcopy", "pickle"])
def test_it_cannot_be_copied_as_ssls_cannot(duplicate: Callable[[Any], Any]) -> None:
    result, _ = outcome(duplicate, client())
    assert result == outcome(duplicate, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))[0]
    assert result[0] is TypeError


def test_it_dies_with_its_last_reference(system: Store, leaf: Certificate) -> None:
    gc.disable()
    try:
        context = client()
        in_memory(context, leaf.server_context())
        reference = weakref.ref(context)
        del context
        assert reference() is None
    finally:
        gc.enable()


# -- without a protocol ---------------------------------------------------------------------------------------------------------


def test_without_a_protocol_it_verifies() -> None:
    context, explicit = bare(), quietly(truststore.SSLContext, ssl.PROTOCOL_TLS)
    changed = {"verify_mode": ssl.CERT_REQUIRED, "check_hostname": True}
    assert seen(context) == seen(explicit) | changed
    assert context.protocol is ssl.PROTOCOL_TLS


def test_a_bare_client_verifies_chain_and_name(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    context = bare()
    exchange(*in_memory(context, leaf.server_context()))
    assert refused(context, stranger).verify_code == 20
    assert refused(context, leaf, "elsewhere.example").verify_code == 62
    with pytest.raises(ValueError, match="check_hostname requires server_hostname"):
        in_memory(context, leaf.server_context(), None)


def test_a_bare_context_serves_without_asking_for_certificates(system: Store, leaf: Certificate, tmp_path: Path) -> None:
    server_context = bare_server(leaf, tmp_path)
    both, other = connected(client(), server_context), in_memory(client(), server_context)
    with both as (near, far):
        exchange(near, far)
        assert far.getpeercert() is None
    exchange(*other)
    assert server_context.verify_mode is ssl.CERT_REQUIRED
    assert server_context.check_hostname is True


def test_a_bare_context_is_both_ends_at_once(system: Store, leaf: Certificate, stranger: Certificate, tmp_path: Path) -> None:
    context = bare_server(leaf, tmp_path)
    for _ in range(3):
        with connected(context, context) as (near, far):
            exchange(near, far)
        refused(context, stranger)


def test_a_bare_context_connects_from_within_its_own_server(
    system: Store, leaf: Certificate, stranger: Certificate, tmp_path: Path
) -> None:
    context = bare_server(leaf, tmp_path)
    within: list[Any] = []

    def on_name(_sock: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        context.sni_callback = None  # OpenSSL calls it on clients, too
        within.extend(
            [context.check_hostname, refused(context, stranger), outcome(in_memory, context, leaf.server_context(), None)[0]]
        )

    context.sni_callback = on_name
    with connected(client(), context) as (near, far):
        exchange(near, far)
    assert within[0] is False, "a server has no peer's name to check"
    assert within[1].verify_code == 20
    assert within[2] == (ValueError, "check_hostname requires server_hostname")


def test_a_bare_context_takes_cert_none(stranger: Certificate) -> None:
    context = bare()
    context.verify_mode = ssl.CERT_NONE
    assert context.check_hostname is False
    in_memory(context, stranger.server_context())


def test_a_bare_context_takes_a_name_that_is_not_checked(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    context = bare()
    context.check_hostname = False
    in_memory(context, leaf.server_context(), "elsewhere.example")
    in_memory(context, leaf.server_context(), None)
    refused(context, stranger)


def test_who_asks_for_the_name_has_to_take_it_back() -> None:
    context = bare()
    context.check_hostname = True
    with pytest.raises(ValueError, match="Cannot set verify_mode to CERT_NONE when check_hostname is enabled"):
        context.verify_mode = ssl.CERT_NONE
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("mode", [ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED], ids=lambda mode: mode.name)
@pytest.mark.parametrize("how", [connected, in_memory], ids=["socket", "bio"])
def test_a_bare_server_asks_for_certificates_if_told_to(
    system: Store, leaf: Certificate, root: Authority, tmp_path: Path, mode: ssl.VerifyMode, how: Any
) -> None:
    """As in plain ssl, where code that says SSLContext(), verify_mode and load_verify_locations() makes such a server."""
    server_context = bare_server(leaf, tmp_path)
    server_context.verify_mode = mode
    server_context.load_verify_locations(cadata=root.pem)
    with_certificate = client()
    carry(with_certificate, root.issue("client.example", purposes=[CLIENT_AUTH]), tmp_path)
    if how is in_memory:
        _, far = in_memory(with_certificate, server_context)
        assert far.getpeercert()
    else:
        with connected(with_certificate, server_context) as (_, far):
            assert far.getpeercert()
    if mode is ssl.CERT_REQUIRED:
        with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
            in_memory(client(), server_context)


# -- verifies, whichever way the handshake is started -----------------------------------------------------------------------------


def at_once(context: ssl.SSLContext, address: tuple[str, int]) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection(address, TIMEOUT), server_hostname=HOST)


def unshaken(context: ssl.SSLContext, address: tuple[str, int]) -> ssl.SSLSocket:
    sock = socket.create_connection(address, TIMEOUT)
    return context.wrap_socket(sock, server_hostname=HOST, do_handshake_on_connect=False)


def unconnected(context: ssl.SSLContext, address: tuple[str, int]) -> ssl.SSLSocket:
    return context.wrap_socket(socket.socket(), server_hostname=HOST)


def without_blocking(sock: ssl.SSLSocket, address: tuple[str, int]) -> None:
    sock.setblocking(False)
    while True:
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            select.select([sock], [], [], TIMEOUT)
        else:
            sock.setblocking(True)
            return


def through_a_file(sock: ssl.SSLSocket, mode: Any, use: Callable[[Any], object]) -> object:
    with sock.makefile(mode, buffering=0) as file:
        return use(file)


#: How the socket is made, and what then begins the handshake.
WAYS: dict[str, tuple[Callable[..., ssl.SSLSocket], Callable[..., object]]] = {
    "wrap_socket": (at_once, lambda sock, _: None),
    "do_handshake": (unshaken, lambda sock, _: sock.do_handshake()),
    "non-blocking": (unshaken, without_blocking),
    "connect": (unconnected, lambda sock, address: sock.connect(address)),
    "connect_ex": (unconnected, lambda sock, address: sock.connect_ex(address)),
    "send": (unshaken, lambda sock, _: sock.send(b"x")),
    "sendall": (unshaken, lambda sock, _: sock.sendall(b"x")),
    "write": (unshaken, lambda sock, _: sock.write(b"x")),
    "makefile": (unshaken, lambda sock, _: through_a_file(sock, "wb", lambda file: file.write(b"x"))),
}
#: Those that begin it by waiting for the server to speak.
READS: dict[str, Callable[[ssl.SSLSocket], object]] = {
    "recv": lambda sock: sock.recv(5),
    "recv_into": lambda sock: sock.recv_into(bytearray(5)),
    "read": lambda sock: sock.read(5),
    "makefile": lambda sock: through_a_file(sock, "rb", lambda file: file.read(5)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_stranger_is_refused_and_hears_nothing(system: Store, stranger: Certificate, way: str) -> None:
    make, start = WAYS[way]
    heard: list[bytes] = []
    with Server(stranger.server_context(), lambda sock: heard.append(sock.recv(1))) as server:
        with pytest.raises(ssl.SSLCertVerificationError) as raised, make(client(), server.address) as sock:
            start(sock, server.address)
        assert raised.value.verify_code == 20
        assert isinstance(server.outcome(), ssl.SSLError)
    assert heard == []


@pytest.mark.parametrize("way", WAYS)
def test_the_trusted_are_accepted(system: Store, leaf: Certificate, way: str) -> None:
    make, start = WAYS[way]
    context, heard = client(), []
    with Server(leaf.server_context(), lambda sock: heard.append(sock.recv(1))) as server:
        with make(context, server.address) as sock:
            start(sock, server.address)
            sock.sendall(b"x")
            assert sock.context is context
            assert sock.getpeercert()
        assert server.outcome() is None
    assert heard == [b"x"]


@pytest.mark.parametrize("way", READS)
@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "stranger"])
def test_nothing_is_read_before_the_verdict(
    system: Store, leaf: Certificate, stranger: Certificate, way: str, trusted: bool
) -> None:
    certificate = leaf if trusted else stranger
    with Server(certificate.server_context(), lambda sock: sock.sendall(b"hello")) as server:
        with unshaken(client(), server.address) as sock:
            if trusted:
                assert READS[way](sock) in {5, b"hello"}
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    READS[way](sock)
        assert trusted or isinstance(server.outcome(), ssl.SSLError)


# -- what connections share with ssl's ------------------------------------------------------------------------------------------


def test_sockets_and_objects_keep_the_context(system: Store, leaf: Certificate, tmp_path: Path) -> None:
    near_context, far_context = client(), truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    carry(far_context, leaf, tmp_path)
    with connected(near_context, far_context) as (near, far):
        assert (near.context, far.context) == (near_context, far_context)
        assert type(near) is ssl.SSLSocket
    near_object, far_object = in_memory(near_context, far_context)
    assert (near_object.context, far_object.context) == (near_context, far_context)
    assert type(near_object) is ssl.SSLObject


def test_socket_and_object_classes_of_the_users_choice(system: Store, leaf: Certificate) -> None:
    class Socket(ssl.SSLSocket):
        pass

    class Object(ssl.SSLObject):
        pass

    class Context(truststore.SSLContext):
        sslsocket_class = Socket
        sslobject_class = Object

    on_instance = client()
    on_instance.sslsocket_class, on_instance.sslobject_class = Socket, Object
    for context in on_instance, Context(ssl.PROTOCOL_TLS_CLIENT):
        with connected(context, leaf.server_context()) as (near, _):
            assert type(near) is Socket
        assert type(in_memory(context, leaf.server_context())[0]) is Object


def test_a_server_picks_another_context_by_name(system: Store, leaf: Certificate, root: Authority, tmp_path: Path) -> None:
    first, second = (truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2))
    carry(first, leaf, tmp_path)
    carry(second, root.issue("second.example"), tmp_path)
    called: list[Any] = []

    def choose(sock: Any, name: str | None, context: ssl.SSLContext) -> None:
        called.append((name, context, sock.context))
        sock.context = second

    first.sni_callback = choose
    near, far = in_memory(client(), first, "second.example")
    assert called == [("second.example", first, first)]
    assert first.sni_callback is choose
    assert far.context is second
    assert near.getpeercert()["subjectAltName"] == (("DNS", "second.example"),)  # type: ignore[index]


@pytest.mark.parametrize("tickets", [0, 2])
def test_tickets(system: Store, leaf: Certificate, tmp_path: Path, tickets: int) -> None:
    server_context = truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    carry(server_context, leaf, tmp_path)
    server_context.num_tickets = tickets
    near, far = in_memory(client(), server_context)
    exchange(near, far)
    assert near.session
    assert near.session.has_ticket is (tickets > 0)


@each_version
def test_sessions_are_resumed(system: Store, leaf: Certificate, tmp_path: Path, version: ssl.TLSVersion) -> None:
    context, server_context = client(), truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    carry(server_context, leaf, tmp_path)
    context.maximum_version = version
    near, far = in_memory(context, server_context)
    exchange(near, far)
    again, far = in_memory(context, server_context, session=near.session)
    exchange(again, far)
    assert (near.session_reused, again.session_reused) == (False, True)
    assert again.getpeercert() == near.getpeercert()
    assert server_context.session_stats()["hits"] == 1
    with pytest.raises(ValueError, match="Session refers to a different SSLContext"):
        in_memory(client(), server_context, session=near.session)


def test_keys_are_logged(system: Store, leaf: Certificate, tmp_path: Path) -> None:
    context = client()
    context.keylog_filename = str(tmp_path / "keys")
    in_memory(context, leaf.server_context())
    assert "CLIENT_HANDSHAKE_TRAFFIC_SECRET" in (tmp_path / "keys").read_text()


def test_messages_are_called_back(system: Store, leaf: Certificate) -> None:
    context, called = client(), []
    context._msg_callback = lambda *args: called.append(args)
    near, _ = in_memory(context, leaf.server_context())
    assert called
    assert all(args[0] is near for args in called)


def test_alpn_and_ciphers(system: Store, leaf: Certificate, tmp_path: Path) -> None:
    context, server_context = client(), truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    carry(server_context, leaf, tmp_path)
    for each in context, server_context:
        each.set_alpn_protocols(["h2", "http/1.1"])
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
    near, far = in_memory(context, server_context)
    assert near.selected_alpn_protocol() == far.selected_alpn_protocol() == "h2"
    assert near.cipher() == ("ECDHE-RSA-AES256-GCM-SHA384", "TLSv1.2", 256)


def test_a_certificate_is_shown_after_the_handshake(system: Store, leaf: Certificate, root: Authority, tmp_path: Path) -> None:
    context, server_context = client(), truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    carry(server_context, leaf, tmp_path)
    server_context.verify_mode = ssl.CERT_REQUIRED
    server_context.load_verify_locations(cadata=root.pem)
    context.post_handshake_auth = server_context.post_handshake_auth = True
    carry(context, root.issue("client.example", purposes=[CLIENT_AUTH]), tmp_path)
    near, far = in_memory(context, server_context)
    assert not far.getpeercert()
    far.verify_client_post_handshake()
    far.write(b"who are you?")
    near.read(12)
    near.write(b"me")
    far.read(2)
    assert far.getpeercert()["subjectAltName"] == (("DNS", "client.example"),)  # type: ignore[index]


@pytest.mark.skipif(sys.version_info < (3, 13), reason="pre-shared keys came with Python 3.13")
@each_version
def test_pre_shared_keys(version: ssl.TLSVersion) -> None:
    context, server_context = client(), truststore.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for each in context, server_context:
        each.maximum_version = version
        if version is ssl.TLSVersion.TLSv1_2:
            each.set_ciphers("PSK")
    identities: list[str | None] = []

    def key_of(identity: str | None) -> bytes:
        identities.append(identity)
        return b"secret"

    context.set_psk_client_callback(lambda hint: ("me", b"secret"))  # type: ignore[attr-defined,unused-ignore]
    server_context.set_psk_server_callback(key_of, "hint")  # type: ignore[attr-defined,unused-ignore]
    exchange(*in_memory(context, server_context))
    assert "me" in identities


@pytest.mark.parametrize("name", [None, ""], ids=["none", "empty"])
def test_a_name_to_check_is_needed(system: Store, leaf: Certificate, name: str | None) -> None:
    """Plain wrap_bio() would check no name at all."""
    with pytest.raises(ValueError, match="server_hostname"):
        in_memory(client(), leaf.server_context(), name)
    with pytest.raises(ValueError, match="server_hostname"), connected(client(), leaf.server_context(), name):
        pytest.fail("connected")


def test_cert_none_means_it(stranger: Certificate, system: Store) -> None:
    context = client()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    near, far = in_memory(context, stranger.server_context())
    exchange(near, far)
    assert near.getpeercert() == {}
    assert near.getpeercert(True) == stranger.der
    assert context.system_store is None, "nothing was looked for"


def test_cert_optional_verifies_servers(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    context = client()
    context.verify_mode = ssl.CERT_OPTIONAL
    in_memory(context, leaf.server_context())
    assert refused(context, stranger).verify_code == 20


def test_settings_hold_from_the_next_connection_on(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    context = client()
    in_memory(context, leaf.server_context())
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    in_memory(context, stranger.server_context(), "elsewhere.example")
    context.verify_mode = ssl.CERT_REQUIRED
    in_memory(context, leaf.server_context(), "elsewhere.example")
    context.check_hostname = True
    assert refused(context, leaf, "elsewhere.example").verify_code == 62
    assert refused(context, stranger).verify_code == 20


def test_a_context_that_was_used_to_verify_is_a_plain_server(system: Store, leaf: Certificate, tmp_path: Path) -> None:
    """Purpose of the protocol: PROTOCOL_TLS is both, and CERT_NONE asks no client for anything."""
    context = quietly(truststore.SSLContext, ssl.PROTOCOL_TLS)
    carry(context, leaf, tmp_path)
    exchange(*in_memory(client(), context))
    context.verify_mode = ssl.CERT_REQUIRED
    in_memory(context, leaf.server_context())
    context.verify_mode = ssl.CERT_NONE
    exchange(*in_memory(client(), context))


def test_a_bare_context_serves_over_memory(system: Store, leaf: Certificate, tmp_path: Path) -> None:
    """From 3.14 on SSLObject asks for `check_hostname` as SSLSocket does, and servers have no peer's name to check (gh-156793)."""
    context = bare()
    carry(context, leaf, tmp_path)
    exchange(*in_memory(client(), context))
    exchange(*in_memory(context, leaf.server_context()))
    assert context.check_hostname
    with pytest.raises(ValueError, match="check_hostname requires server_hostname"):
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())


def test_a_bare_context_serves_with_asyncio(system: Store, leaf: Certificate, tmp_path: Path) -> None:
    context = bare()
    carry(context, leaf, tmp_path)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async def visit() -> bytes:
        server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client(), server_hostname=HOST)
            greeting = await reader.read()
            writer.close()
            return greeting

    assert asyncio.run(visit()) == b"hello"


def test_a_client_within_a_servers_handshake_needs_a_name(system: Store, leaf: Certificate, tmp_path: Path) -> None:
    """The same bare context for both at once, by its `sni_callback`."""
    context, said = bare(), []

    def connects(tls: object, name: object, chosen: ssl.SSLContext) -> None:
        try:
            context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
        except ValueError as error:
            said.append(str(error))

    carry(context, leaf, tmp_path)
    context.sni_callback = connects
    with connected(client(), context) as (near, far):
        exchange(near, far)
    assert said == ["check_hostname requires server_hostname"]


# -- interruptions: Ctrl-C, signal handlers and finalizers come at any line -----------------------------------------------------


class Stop(BaseException):
    """Ctrl-C, but not pytest's."""


def stop() -> None:
    raise Stop


def wrap(context: ssl.SSLContext, server_side: bool = False) -> ssl.SSLObject:
    return context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side, None if server_side else HOST)


def warm(context: truststore.SSLContext) -> truststore.SSLContext:
    wrap(context)
    return context


@pytest.mark.parametrize("how", ["wrap_socket", "wrap_bio"])
def test_an_interrupted_server_leaves_names_to_check(how: str, system: Store) -> None:
    """While a bare context is wrapped as a server it says that it checks none. Nothing notes that but the call itself."""
    context, said = bare(), []

    class Interrupted:
        @classmethod
        def _create(cls, *arguments: object, **options: object) -> None:
            said.append(context.check_hostname)
            raise Stop

    context.sslsocket_class = context.sslobject_class = Interrupted  # type: ignore[assignment]
    wrapped: Any = getattr(context, how)
    with socket.socket() as sock, pytest.raises(Stop):
        wrapped(*([sock] if how == "wrap_socket" else [ssl.MemoryBIO(), ssl.MemoryBIO()]), server_side=True)
    assert (said, context.check_hostname) == ([False], True)


class Points:
    """Before and after each call by which the package changes or copies OpenSSL's settings, a destructor may run.

    (A tracer could not stand for it: what it calls is not traced, so could not be interrupted in its turn.)
    """

    CALLS = ("get_verify_mode", "set_verify_mode", "get_check_hostname", "set_check_hostname")

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._watched: list[list[Any]] = []
        for name in self.CALLS:
            monkeypatch.setattr(_stdlib, name, self._marked(getattr(_stdlib, name)))
        make = self._marked(_stdlib.wrap_bio)
        monkeypatch.setattr(ssl.SSLContext, "_wrap_bio", make, raising=False)

    def _marked(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def marked(*args: Any, **kwargs: Any) -> Any:
            self._pass()
            result = function(*args, **kwargs)
            self._pass()
            return result

        return marked

    def _pass(self) -> None:
        if self._watched:
            watch = self._watched[-1]
            watch[0] -= 1
            if watch[0] == 0:
                watch[1]()

    def at(self, number: int, act: Callable[[], object], function: Callable[[], object]) -> bool:
        """Call `function`, and `act` at its point with this number; whether it got there."""
        watch: list[Any] = [number, act]
        self._watched.append(watch)
        try:
            function()
        except Stop:
            return True
        finally:
            self._watched.remove(watch)
        return bool(watch[0] <= 0)


def test_a_destructor_may_use_the_context(system: Store, stranger: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it leaves behind, even where it is interrupted itself, must not reach the connection that it came in between."""
    context, server_context, points = warm(bare()), stranger.server_context(), Points(monkeypatch)
    outer, inner, reached = 1, 0, True
    while reached:
        inner += 1
        interrupted: list[bool] = []

        def serve() -> None:
            interrupted.append(points.at(inner, stop, lambda: wrap(context, True)))  # noqa: B023

        with pytest.raises(ssl.SSLCertVerificationError):
            points.at(outer, serve, lambda: in_memory(context, server_context))
        reached = bool(interrupted)
        if interrupted == [False]:
            outer, inner = outer + 1, 0
    assert outer > 5


def test_nobody_ever_sees_the_context_open(system: Store) -> None:
    context = warm(bare())
    observed: set[Any] = set()

    def look() -> None:
        observed.add(context._settings.in_force(context))  # `check_hostname` has another answer for whoever wraps a server

    for tracer in points(look):
        with tracer:
            wrap(context, True)
    assert observed == {(ssl.CERT_REQUIRED, True)}
