"""Where OpenSSL refuses, the error carries what those of other platforms do; and what is told changes nothing about the refusal."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import os
import pickle
import select
import socket
import ssl
import sys
import threading
import traceback
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from certificates import CLIENT_AUTH, Authority, Certificate, pem_file, self_signed
from servers import HOST, TIMEOUT, Server, Store, connected, exchange, in_memory, needs_openssl

import truststore
from truststore import _der, _first_flight, _openssl, _refused, _stdlib, _verdict
from truststore._stand_in import Explained
from truststore._store import files, search

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [needs_openssl, pytest.mark.usefixtures("system")]
with_notes = pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have notes from Python 3.11 on")

STRICT, PARTIAL_CHAIN = ssl.VERIFY_X509_STRICT, 0x80000


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority.new("The system's root", key="p256")


@pytest.fixture(scope="module")
def upper(root: Authority) -> Authority:
    return root.authority("Upper", key="p256")


@pytest.fixture(scope="module")
def lower(upper: Authority) -> Authority:
    return upper.authority("Lower", key="p256")


@pytest.fixture(scope="module")
def leaf(lower: Authority) -> Certificate:
    return lower.issue(HOST, common_name="the server", key="p256")


@pytest.fixture(scope="module")
def stranger() -> Certificate:
    return Authority.new("Nobody's root", key="p256").issue(HOST, common_name="the stranger", key="p256")


def made(*, names: bool = True, loaded: Any = (), flags: int = 0) -> truststore.SSLContext:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = names
    context.verify_flags |= flags
    for certificate in loaded:
        context.load_verify_locations(cadata=certificate.pem)
    return context


def refusal(context: ssl.SSLContext, server: ssl.SSLContext, name: str = HOST) -> ssl.SSLCertVerificationError:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        in_memory(context, server, name)
    return caught.value


def note(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", ()))


def cn(certificate: Certificate) -> str:
    return _der.name(_der.Certificate(certificate.der).subject)


# -- what it carries ------------------------------------------------------------------------------------------------------------


def test_who_refused(stranger: Certificate) -> None:
    """With OpenSSL's own words, and nothing added to them."""
    server = stranger.server_context()
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ours, theirs = refusal(made(), server), refusal(plain, server)
    assert (ours.args, str(ours)) == (theirs.args, str(theirs))
    said, expected = vars(ours), vars(theirs)
    assert (said["platform"], said["platform_code"], said["platform_message"]) == ("OpenSSL", ours.verify_code, ours.verify_message)
    assert {name: said[name] for name in expected} == expected


@with_notes
@pytest.mark.parametrize("flags", [0, STRICT | PARTIAL_CHAIN], ids=["default", "as create_default_context()"])
def test_the_issuer_that_is_missing_is_named(
    flags: int, root: Authority, upper: Authority, lower: Authority, leaf: Certificate, system: Store
) -> None:
    system.holds(root)
    for chain, last, missing in [((leaf, lower), lower, upper), ((leaf,), leaf, lower)]:
        error = refusal(made(flags=flags), leaf.server_context(chain))
        assert error.verify_code == 20
        said = note(error)
        assert f"The certificate of [{cn(last)}], issued by [{cn(missing)}], was refused. Its issuer is missing" in said
        assert (f"The server's own certificate is that of [{cn(leaf)}]." in said) is (last is not leaf)
        assert "does not send an intermediate certificate" in said


@with_notes
def test_the_root_that_is_missing_is_named(
    root: Authority, upper: Authority, leaf: Certificate, stranger: Certificate, system: Store
) -> None:
    system.holds(stranger.root)
    unsent = note(refusal(made(), leaf.server_context()))
    assert f"The certificate of [{cn(upper)}], issued by [{cn(root)}], was refused. Its issuer is missing" in unsent
    sent = refusal(made(), leaf.server_context([*leaf.chain, root]))
    assert sent.verify_code == 19
    assert (
        f"The certificate of [{cn(root)}], issued by [{cn(root)}], was refused. It is self-signed, and is not in the store."
        in note(sent)
    )


@with_notes
def test_whose_it_is(root: Authority, upper: Authority, leaf: Certificate, system: Store) -> None:
    """As the code or the certificates say; where neither does, the chain is named."""
    system.holds(root)
    expired = root.authority("Expired", key="p256", starts=-9, ends=-1)
    future = root.issue(HOST, common_name="future", key="p256", starts=1, ends=9)
    below, client = expired.issue(HOST, key="p256"), upper.issue(HOST, common_name="client", key="p256", purposes=[CLIENT_AUTH])
    alone = self_signed(HOST, common_name="alone", key="p256")
    for certificate, name, code, said in [
        (leaf, "elsewhere.test", 62, f"The certificate of [{cn(leaf)}]"),
        (below, HOST, 10, f"The certificate of [{cn(expired)}]"),
        (future, HOST, 9, f"The certificate of [{cn(future)}]"),
        (alone, HOST, 18, f"The certificate of [{cn(alone)}]"),
        (
            client,
            HOST,
            26,
            f"One of these was refused (the server's own certificate first): [{cn(client)}], [{cn(upper)}], [{cn(root)}].",
        ),
    ]:
        error = refusal(made(), certificate.server_context(), name)
        assert error.verify_code == code
        assert note(error).startswith(said)


@with_notes
def test_what_strict_asks_for(system: Store) -> None:
    bare = Authority.new("Bare", key="p256", identifiers=False)
    system.holds(bare)
    error = refusal(made(flags=STRICT), bare.issue(HOST, key="p256").server_context())
    assert error.verify_code in {85, 86}
    assert "VERIFY_X509_STRICT, which ssl.create_default_context() sets since Python 3.13, requires that " in note(error)
    assert "context.verify_flags &= ~ssl.VERIFY_X509_STRICT" in note(error)


@with_notes
def test_which_store_was_asked_and_why(
    root: Authority, stranger: Certificate, system: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.holds(root)
    own = Authority.new("Own", key="p256")
    where = f"the roots in {system.file} (set in the environment)"
    assert f"Asked: OpenSSL, with {where}." in note(refusal(made(), stranger.server_context()))
    assert f"Asked: OpenSSL, with {where}; what the program loaded." in note(refusal(made(loaded=[own]), stranger.server_context()))
    system.file.unlink()
    said = note(refusal(made(loaded=[own]), stranger.server_context()))
    assert "Asked: OpenSSL, with no store: nothing that was looked at holds a certificate (looked at " in said
    assert f"{system.file}: is set in SSL_CERT_FILE, but is missing" in said
    assert f"SSL_CERT_FILE is set, but {system.file} is missing. Nothing else is used instead." in said


@with_notes
def test_own_anchors_alone(root: Authority, leaf: Certificate, stranger: Certificate, system: Store) -> None:
    """Before the system's roots are in the same store, and after; with and without a connection."""
    system.holds(root)
    context = made(names=False, loaded=[Authority.new("Own", key="p256")])
    mixed = made(loaded=[Authority.new("Own", key="p256")])
    in_memory(mixed, leaf.server_context())
    mixed.check_hostname = False
    for each in context, mixed:
        for server in stranger, leaf:
            for error in refusal(each, server.server_context()), unverified(each, server):
                assert "Asked: OpenSSL, with only what the program loaded, since check_hostname is False" in note(error)
                assert vars(error)["platform"] == "OpenSSL"
                assert str(system.file) not in note(error)


def unverified(context: truststore.SSLContext, certificate: Certificate) -> ssl.SSLCertVerificationError:
    """The refusal without a connection."""
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        context.verify_chain([each.der for each in certificate.chain], HOST)
    return caught.value


def test_the_same_without_a_connection(root: Authority, leaf: Certificate, stranger: Certificate, system: Store) -> None:
    system.holds(root)
    unpinned = made(names=False, loaded=[root])  # a pure store, so that a gate asks the system's aside
    in_memory(unpinned, leaf.server_context())
    unpinned.check_hostname = True
    for context in made(), unpinned:
        by_handshake, without = refusal(context, stranger.server_context()), unverified(context, stranger)
        assert vars(by_handshake) == vars(without)
        assert vars(by_handshake)["platform"] == "OpenSSL"
        assert sys.version_info < (3, 11) or str(system.file) in note(by_handshake)


# -- whichever way it comes to a handshake ---------------------------------------------------------------------------------------


def blocking(context: ssl.SSLContext, address: tuple[str, int]) -> None:
    with socket.create_connection(address) as sock:
        context.wrap_socket(sock, server_hostname=HOST)


def deferred(step: str) -> Callable[[ssl.SSLContext, tuple[str, int]], None]:
    def connect(context: ssl.SSLContext, address: tuple[str, int]) -> None:
        with (
            socket.create_connection(address) as sock,
            context.wrap_socket(sock, server_hostname=HOST, do_handshake_on_connect=False) as tls,
        ):
            steps: dict[str, Callable[[], object]] = {
                "handshake": tls.do_handshake,
                "recv": lambda: tls.recv(1),
                "send": lambda: tls.send(b"ping"),
            }
            steps[step]()

    return connect


def non_blocking(context: ssl.SSLContext, address: tuple[str, int]) -> None:
    with socket.create_connection(address) as sock:
        sock.setblocking(False)
        with context.wrap_socket(sock, server_hostname=HOST, do_handshake_on_connect=False) as tls:
            while True:
                try:
                    tls.do_handshake()
                    return
                except ssl.SSLWantReadError:
                    select.select([tls], [], [], TIMEOUT)


def by_asyncio(context: ssl.SSLContext, address: tuple[str, int]) -> None:
    async def connect() -> None:
        await asyncio.open_connection(*address, ssl=context, server_hostname=HOST)

    asyncio.run(connect())


WAYS = {
    "blocking": blocking,
    "non-blocking": non_blocking,
    "asyncio": by_asyncio,
    **{f"deferred to {step}": deferred(step) for step in ("handshake", "recv", "send")},
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way(way: str, stranger: Certificate) -> None:
    with Server(stranger.server_context()) as server, pytest.raises(ssl.SSLCertVerificationError) as caught:
        WAYS[way](made(loaded=[Authority.new(key="p256")]), server.address)
    assert vars(caught.value)["platform"] == "OpenSSL"
    assert sys.version_info < (3, 11) or note(caught.value).count("Its issuer is missing") == 1


def test_it_steps_aside(root: Authority, leaf: Certificate, system: Store) -> None:
    """On each context's first connection and on later ones, after the handshake and not before."""
    system.holds(root)
    context, server = made(), leaf.server_context()
    for _ in range(2):
        waiting = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=HOST)
        assert waiting.read is not None
        assert isinstance(_stdlib.connection_of(waiting), Explained)
        with contextlib.suppress(ssl.SSLError):
            waiting.read(0)
        assert isinstance(_stdlib.connection_of(waiting), Explained), "to read nothing takes no handshake"
        near, far = in_memory(context, server)
        assert type(_stdlib.connection_of(near)) is _stdlib.CConnection
        exchange(near, far)
        with connected(context, server) as (client, peer):
            assert type(_stdlib.connection_of(client)) is _stdlib.CConnection
            exchange(client, peer)


def test_a_connection_that_was_closed_meanwhile_stays_closed(root: Authority, leaf: Certificate, system: Store) -> None:
    """By another thread, while the handshake came to its end."""
    system.holds(root)
    near, _ = in_memory(made(), leaf.server_context())
    late = Explained(_stdlib.connection_of(near), made())
    near._sslobj = None  # type: ignore[attr-defined]
    late.do_handshake()
    assert near._sslobj is None  # type: ignore[attr-defined]


# -- what it must not do ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["asked", "tell", "add_notes", "sent_and_built"])
@pytest.mark.parametrize("error", [RuntimeError, MemoryError, ImportError, ssl.SSLCertVerificationError])
def test_whatever_fails_the_refusal_stands(
    what: str, error: type[Exception], stranger: Certificate, monkeypatch: pytest.MonkeyPatch, root: Authority, system: Store
) -> None:
    system.holds(root)

    def fails(*args: object, **options: object) -> None:
        raise error("while it is explained")

    monkeypatch.setattr(_refused, what, fails)
    refused = refusal(made(), stranger.server_context())
    assert refused.verify_code == 20
    assert refused.__context__ is None
    assert "while it is explained" not in "".join(traceback.format_exception(type(refused), refused, refused.__traceback__))


def test_whatever_fails_the_refusal_without_a_connection_stands(
    stranger: Certificate, monkeypatch: pytest.MonkeyPatch, root: Authority, system: Store
) -> None:
    system.holds(root)

    def fails(*args: object, **options: object) -> None:
        raise RuntimeError("while it is explained")

    for module, name in [(_der, "shown"), (_first_flight, "ders"), (_verdict, "annotate")]:
        with monkeypatch.context() as patched:
            patched.setattr(module, name, fails)
            assert unverified(made(), stranger).verify_code == 20


def test_whatever_fails_with_the_store_the_refusal_stands(
    stranger: Certificate, monkeypatch: pytest.MonkeyPatch, root: Authority, system: Store
) -> None:
    system.holds(root)

    def fails() -> search.Store:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(search, "without_variables", fails)
    for refused in refusal(made(), stranger.server_context()), unverified(made(), stranger):
        assert refused.verify_code == 20
        assert sys.version_info < (3, 11) or "Asked: OpenSSL" in note(refused)


def test_it_can_be_pickled_and_copied(stranger: Certificate) -> None:
    error = refusal(made(loaded=[Authority.new(key="p256")]), stranger.server_context())
    for other in pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error):
        assert (type(other), other.args, vars(other)) == (type(error), error.args, vars(error))


def test_the_error_keeps_no_connection_alive(stranger: Certificate) -> None:
    """No more than that of plain ssl: by its traceback alone, and without a cycle."""
    context = made(loaded=[Authority.new(key="p256")])
    gc.disable()
    try:
        to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(to_client, to_server, server_hostname=HOST)
        server = stranger.server_context().wrap_bio(to_server, to_client, server_side=True)
        alive = weakref.ref(client), weakref.ref(_stdlib.connection_of(client))
        for side in client, server:
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
        try:
            client.do_handshake()
        except ssl.SSLCertVerificationError as refused:
            error = refused.with_traceback(None)
        del client
        assert [reference() for reference in alive] == [None, None]
        assert vars(error)["platform"] == "OpenSSL"
        del context, error
    finally:
        gc.enable()


@with_notes
def test_a_long_or_hostile_name_is_cut_and_escaped() -> None:
    leaf = self_signed(HOST, common_name="\x1b[31m\r\n" + "x" * 50, key="p256")
    said = note(refusal(made(loaded=[Authority.new(key="p256")]), leaf.server_context()))
    assert r"CN=\x1b[31m\r\n" in said
    assert said.isprintable()
    encoded = _der.Certificate(leaf.der).subject * 8
    assert len(_der.shown(encoded)) == _der.SHOWN
    assert _der.name(encoded).endswith(_der.shown(encoded)[1:])


@with_notes
def test_a_hostile_path_is_escaped(root: Authority, stranger: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "\x1b[31m\nroots.pem"
    path.write_text(root.pem, "ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    said = note(refusal(made(), stranger.server_context()))
    assert r"\x1b[31m\nroots.pem (set in the environment" in said
    assert said.isprintable()


def test_many_at_once(stranger: Certificate, root: Authority, system: Store) -> None:
    system.holds(root)
    context, server, errors = made(), stranger.server_context(), list[ssl.SSLCertVerificationError]()
    threads = [threading.Thread(target=lambda: errors.append(refusal(context, server))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({repr(vars(error)) for error in errors}) == 1
    assert len(errors) == 8


# -- what a variable hides --------------------------------------------------------------------------------------------------------


@pytest.fixture
def hidden(root: Authority, system: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Behind the variables, a system's store with `root`; in what they name, somebody else."""
    system.holds(Authority.new("Stale", key="p256"))
    path = tmp_path / "behind.pem"
    path.write_text(pem_file([root]), "ascii")
    monkeypatch.setattr(search, "without_variables", lambda: search.Store(search.TABLE, str(path)))
    return path


HIDDEN = "The system's own store would trust this server; SSL_CERT_FILE and SSL_CERT_DIR hide it. Unset them, or add the root"


@with_notes
def test_a_store_that_variables_hide(hidden: Path, leaf: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        assert HIDDEN in note(refusal(made(), leaf.server_context()))
    assert HIDDEN in note(unverified(made(), leaf))
    monkeypatch.delenv("SSL_CERT_DIR")
    assert "SSL_CERT_FILE hides it. Unset that, or add the root" in note(refusal(made(), leaf.server_context()))


@with_notes
def test_what_they_hide_is_asked_the_same_question(
    hidden: Path, root: Authority, leaf: Certificate, stranger: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the name, flags and security level of the connection; and not at all where it must make no difference."""
    assert "own store" not in note(refusal(made(), stranger.server_context()))
    assert "own store" not in note(refusal(made(), leaf.server_context(), "elsewhere.test"))
    assert "own store" in note(refusal(made(names=False), leaf.server_context(), "elsewhere.test"))
    assert "own store" not in note(refusal(made(flags=ssl.VERIFY_CRL_CHECK_LEAF), leaf.server_context()))
    context = made()
    context.set_ciphers("DEFAULT:@SECLEVEL=5")
    assert "own store" not in note(unverified(context, leaf))


@with_notes
def test_what_they_hide_is_loaded_once(hidden: Path, root: Authority, leaf: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program may be refused often. When the store has changed it is loaded anew, and so it is in a child of fork()."""
    loaded: list[search.Store] = []
    load = _openssl._load_store

    def load_and_tell(context: ssl.SSLContext, store: search.Store) -> object:
        loaded.append(store)
        return load(context, store)

    monkeypatch.setattr(_openssl, "_load_store", load_and_tell)
    os.utime(hidden, ns=(0, 0))
    monkeypatch.setattr(files, "_SETTLED_AFTER", 0)

    def is_loaded_again() -> bool:
        loaded.clear()
        assert HIDDEN in note(unverified(made(), leaf))
        return [str(hidden)] == [store.file for store in loaded if store.step == search.TABLE]

    assert [is_loaded_again() for _ in range(3)] == [True, False, False]
    hidden.write_text(pem_file([root]) * 2, "ascii")
    assert [is_loaded_again() for _ in range(2)] == [True, False]
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert [is_loaded_again() for _ in range(2)] == [True, False]


@with_notes
def test_pinned_means_that_nothing_is_hidden(hidden: Path, leaf: Certificate) -> None:
    context = made(names=False, loaded=[Authority.new("Own", key="p256")])
    for error in refusal(context, leaf.server_context()), unverified(context, leaf):
        assert "own store" not in note(error)


@with_notes
@pytest.mark.parametrize("change", ["missing", "damaged"])
def test_what_they_hide_cannot_be_read(change: str, hidden: Path, leaf: Certificate) -> None:
    if change == "missing":
        hidden.unlink()
    else:
        hidden.write_text("-----BEGIN CERTIFICATE-----\njunk\n-----END CERTIFICATE-----\n", "ascii")
    error = refusal(made(), leaf.server_context())
    assert "own store" not in note(error)
    assert "Asked: OpenSSL" in note(error)


def test_what_is_behind_the_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All others of the environment count."""
    monkeypatch.undo()
    seen: list[Any] = []
    monkeypatch.setattr(search, "find", lambda **options: seen.append(options["environ"]))
    for name in "SSL_CERT_FILE", "SSL_CERT_DIR", "NIX_SSL_CERT_FILE", "CONDA_PREFIX":
        monkeypatch.setenv(name, str(tmp_path))
    search.without_variables()
    (environ,) = seen
    assert not {"SSL_CERT_FILE", "SSL_CERT_DIR", "NIX_SSL_CERT_FILE"} & environ.keys()
    assert environ["CONDA_PREFIX"] == str(tmp_path)
