"""Where OpenSSL verifies: the system's store is loaded once, when it is needed, and for verifying servers alone."""

from __future__ import annotations

import collections
import functools
import json
import logging
import os
import shutil
import ssl
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import CLIENT_AUTH, Authority, Certificate, pem_file
from cryptography.hazmat.primitives.serialization import Encoding
from fake_root import subject_hash
from many import examples
from properties import HealthCheck, given, settings, st
from servers import HOST, Store, carry, in_memory, needs_openssl

import truststore
from truststore import _stdlib
from truststore._store import search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = needs_openssl

SERVERS = {"server": ssl.PROTOCOL_TLS_SERVER, "either": ssl.PROTOCOL_TLS}


@pytest.fixture(scope="module")
def second() -> Authority:
    return Authority.new("Second root")


def made(protocol: int | None) -> truststore.SSLContext:
    """A context, without its DeprecationWarning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return truststore.SSLContext(protocol)


def client(protocol: int | None = ssl.PROTOCOL_TLS_CLIENT) -> truststore.SSLContext:
    context = made(protocol)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def server(protocol: int | None, certificate: Certificate, folder: Path, mode: ssl.VerifyMode = ssl.CERT_REQUIRED) -> Any:
    context = made(protocol)
    carry(context, certificate, folder)
    context.verify_mode = mode
    return context


def accepts(context: ssl.SSLContext, certificate: Certificate) -> bool:
    try:
        in_memory(context, certificate.server_context())
    except ssl.SSLCertVerificationError as error:
        assert error.verify_code in {2, 18, 19, 20, 21}, error  # noqa: PT017 - no anchor, by several names
        return False
    return True


def inside(context: ssl.SSLContext) -> int:
    """How many certificates OpenSSL has in the store, whosever they are."""
    return int(_stdlib.CContext.cert_store_stats(context)["x509"])


def rehash(folder: Path, *certificates: Certificate) -> Path:
    """Put them into the directory, under the names that OpenSSL looks for."""
    folder.mkdir(parents=True, exist_ok=True)
    for certificate in certificates:
        (folder / f"{subject_hash(certificate)}.0").write_text(certificate.pem, "ascii")
    return folder


# -- once, and when it is needed ------------------------------------------------------------------------------------------------


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[search.Store]:
    """The stores that were looked for and found."""
    found: list[search.Store] = []
    find = search.find

    def recording(*args: Any, **options: Any) -> search.Store:
        found.append(find(*args, **options))
        return found[-1]

    monkeypatch.setattr(search, "find", recording)
    return found


each_client = pytest.mark.parametrize(
    "protocol", [ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS, None], ids=["client", "either", "bare"]
)


@each_client
def test_it_is_loaded_at_the_first_connection_that_verifies(
    system: Store, leaf: Certificate, searches: list[search.Store], protocol: int | None
) -> None:
    context = client(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    assert accepts(context, leaf)
    assert (searches, context.system_store, inside(context)) == ([], None, 0)
    context.verify_mode = ssl.CERT_REQUIRED
    for _ in range(3):
        assert accepts(context, leaf)
    assert [context.system_store] == searches
    assert inside(context) == 1


def test_servers_never_look_for_it(
    system: Store, leaf: Certificate, second: Authority, searches: list[search.Store], tmp_path: Path
) -> None:
    near = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    near.load_verify_locations(cadata=leaf.root.pem)
    for protocol in (*SERVERS.values(), None):
        for mode in ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED:
            context = server(protocol, leaf, tmp_path, mode)
            context.load_verify_locations(cadata=second.pem)
            carry(near, second.issue(HOST, purposes=[CLIENT_AUTH]), tmp_path)
            in_memory(near, context)
            assert inside(context) == 1
    assert searches == []


def test_it_does_not_grow(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    context = client()
    assert accepts(context, leaf)
    before = inside(context)
    for certificate in (leaf, stranger) * 20:
        assert accepts(context, certificate) is (certificate is leaf)
    assert inside(context) == before


EVENTS = {"open", "os.listdir", "os.scandir", "import", "os.putenv"}
_heard: list[tuple[str, str]] | None = None


@functools.cache
def listen() -> None:
    """Have the events of this process appended to `_heard`, for as long as it is a list: hooks stay for ever."""
    sys.addaudithook(lambda event, args: _heard.append((event, str(args[:1]))) if _heard is not None and event in EVENTS else None)


@each_client
def test_later_connections_make_python_do_nothing(
    system: Store, leaf: Certificate, stranger: Certificate, protocol: int | None
) -> None:
    context, server_contexts = client(protocol), (leaf.server_context(), stranger.server_context())
    listen()

    def connect() -> list[tuple[str, str]]:
        global _heard  # noqa: PLW0603
        heard: list[tuple[str, str]] = []
        _heard = heard
        try:
            in_memory(context, server_contexts[0])
            with pytest.raises(ssl.SSLCertVerificationError):
                in_memory(context, server_contexts[1])
            context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=HOST)
        finally:
            _heard = None
        return heard

    assert str(system.file) in str(connect()), "the first one reads the store, or the hook is deaf"
    connect()
    assert connect() == []


COUNTED = """
import os, ssl, sys
import truststore
from truststore._store import search

search.without_variables = lambda: search.Store(search.NOTHING)  # what a refusal looks for is no part of the handshake
name, certificate, kind, file, directory = sys.argv[1:]
if kind == "truststore":
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
else:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file, directory or None)
server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_context.load_cert_chain(certificate)

def connect():
    a, b = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = context.wrap_bio(a, b, server_hostname=name), server_context.wrap_bio(b, a, server_side=True)
    try:
        for _ in range(3):
            for side in client, server:
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    pass
    except ssl.SSLCertVerificationError:
        pass

for number in range(30):
    os.path.exists(f"/mark/{number}")
    connect()
os.path.exists("/mark/end")
"""


def file_system_calls(*arguments: str) -> list[collections.Counter[str]]:
    """Per connection, the system calls that take a path, and how often the kernel saw them."""
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("strace is not installed")
    trace = [strace, "-f", "-qq", "-e", "trace=%file", "-e", "signal=none"]
    if subprocess.run([*trace, "-o", os.devnull, "true"], capture_output=True, timeout=50).returncode:
        pytest.skip("this kernel does not let strace watch a process")
    environment = os.environ | {"PYTHONPATH": str(Path(truststore.__file__).parents[1])}
    command = [*trace, sys.executable, "-c", COUNTED, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr[-2000:]
    calls: list[collections.Counter[str]] = []
    for line in done.stderr.splitlines():
        if '"/mark/' in line:
            calls.append(collections.Counter())
        elif calls:
            calls[-1][line.partition("(")[0].rpartition(" ")[2]] += 1
    return calls[:-1]


@pytest.mark.parametrize("whose", ["leaf", "stranger"])
@pytest.mark.parametrize("hashed", [False, True], ids=["bundle", "bundle and directory"])
def test_the_kernel_sees_what_it_sees_of_plain_ssl(
    system: Store, leaf: Certificate, stranger: Certificate, second: Authority, tmp_path: Path, whose: str, hashed: bool
) -> None:
    """https://github.com/sethmlarson/truststore/issues/212"""
    if hashed:
        rehash(system.directory, second)
    certificate = leaf if whose == "leaf" else stranger
    (tmp_path / "server.pem").write_text(certificate.chain_and_key(), "ascii")
    arguments = [str(system.file), str(system.directory) if hashed else ""]
    ours = file_system_calls(HOST, str(tmp_path / "server.pem"), "truststore", *arguments)
    plain = file_system_calls(HOST, str(tmp_path / "server.pem"), "plain", *arguments)
    assert len(ours) == len(plain) == 30
    assert ours[1:] == plain[1:]
    assert bool(ours[-1]) is (hashed and whose == "stranger"), "OpenSSL looks into the directory for what the bundle has not"


# -- a hashed directory instead of the bundle -----------------------------------------------------------------------------------


class Debian:
    """A file system with a bundle and a hashed directory where Debian has them, and a context's way to it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = root / "etc/ssl/certs"
        self.bundle = self.directory / "ca-certificates.crt"
        self.directory.mkdir(parents=True)
        find = functools.partial(search.find, str(root), environ={}, prefixes=[], compiled=("/none.pem", "/none"), platform="linux")
        monkeypatch.setattr(search, "find", find)

    def holds(self, *roots: Certificate) -> None:
        self.bundle.write_text(pem_file(roots), "ascii")
        rehash(self.directory, *roots)


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Authority, second: Authority) -> Debian:
    system = Debian(tmp_path / "root", monkeypatch)
    system.holds(root, second)
    return system


def link(debian: Debian, certificate: Certificate) -> Path:
    return rehash(debian.directory, certificate) / f"{subject_hash(certificate)}.0"


def test_a_proven_directory_stands_for_the_bundle(
    debian: Debian, leaf: Certificate, second: Authority, stranger: Certificate
) -> None:
    context = client()
    assert accepts(context, leaf)
    assert inside(context) == 1, "the one root that was needed"
    assert context.system_store is not None
    assert context.system_store.covered
    assert accepts(context, second.issue(HOST))
    assert inside(context) == 2
    assert not accepts(context, stranger)
    assert context.get_ca_certs() == []


def append(debian: Debian, second: Authority, other: Authority) -> None:
    with debian.bundle.open("a", encoding="ascii") as file:
        file.write(other.pem)


def replace(debian: Debian, second: Authority, content: str) -> None:
    path = link(debian, second)
    path.unlink()
    path.write_text(content, "ascii")


def break_(debian: Debian, second: Authority, other: Authority) -> None:
    path = link(debian, second)
    path.unlink()
    path.symlink_to("nowhere")


def same_size(debian: Debian, second: Authority, other: Authority) -> None:
    while len(other.pem) != len(second.pem):  # serial numbers differ in length
        other = Authority.new("Sister root", private_key=other.key)
    replace(debian, second, other.pem)


TAMPERED: dict[str, Callable[[Debian, Authority, Authority], object]] = {
    "appended to the bundle": append,
    "a broken link": break_,
    "a link removed": lambda debian, second, other: link(debian, second).unlink(),
    "a link doubled": lambda debian, second, other: shutil.copy(link(debian, second), link(debian, second).with_suffix(".1")),
    "one that is not in the bundle": lambda debian, second, other: link(debian, other),
    "other content of the same size": same_size,
    "junk": lambda debian, second, other: replace(debian, second, "junk"),
    "empty": lambda debian, second, other: replace(debian, second, ""),
    "behind a gap": lambda debian, second, other: link(debian, second).rename(link(debian, second).with_suffix(".1")),
}


@pytest.mark.parametrize("how", TAMPERED)
@pytest.mark.parametrize("proven_before", [False, True], ids=["first", "later"])
def test_a_directory_in_doubt_does_not_hide_the_bundle(
    debian: Debian, leaf: Certificate, second: Authority, stranger: Certificate, how: str, proven_before: bool
) -> None:
    other = Authority.new("Other root", private_key=stranger.root.key)
    if proven_before:
        assert accepts(client(), leaf)
    TAMPERED[how](debian, second, other)
    context = client()
    assert accepts(context, leaf)
    assert accepts(context, second.issue(HOST))
    assert accepts(context, other.issue(HOST)) is (how == "appended to the bundle")
    assert context.system_store is not None
    assert not context.system_store.covered


def test_a_file_that_openssl_ignores_is_no_doubt(debian: Debian, leaf: Certificate, stranger: Certificate) -> None:
    (debian.directory / "stranger.crt").write_text(stranger.root.pem, "ascii")
    context = client()
    assert accepts(context, leaf)
    assert not accepts(context, stranger)
    assert inside(context) == 1


# -- what is listed --------------------------------------------------------------------------------------------------------------


class World:
    """Authorities, where each can be loaded from, and a server of each."""

    def __init__(self, folder: Path) -> None:
        self.system, self.file, self.directory, self.data = (
            Authority.new(name) for name in ("System", "File", "Directory", "Data")
        )
        self.both = Authority.new("Both")
        self.self_signed = Authority.new("Self-signed", ca=None, key_usage=None)
        self.system_file, self.user_file, self.user_directory = folder / "system.pem", folder / "user.pem", folder / "user.d"
        self.system_file.write_text(pem_file([self.system, self.both]), "ascii")
        self.user_file.write_text(pem_file([self.file, self.both]), "ascii")
        (folder / "empty").mkdir()
        self.environment = {"SSL_CERT_FILE": str(self.system_file), "SSL_CERT_DIR": str(folder / "empty")}
        self.crl = folder / "crl.pem"
        self.crl.write_bytes(pem_crl(self.file.crl()))
        rehash(self.user_directory, self.directory)
        authorities = self.system, self.both, self.file, self.directory, self.data
        self.server_contexts = [authority.issue(HOST).server_context() for authority in authorities]

    def actions(self) -> dict[str, Callable[[ssl.SSLContext], object]]:
        return {
            "file": lambda context: context.load_verify_locations(self.user_file),
            "directory": lambda context: context.load_verify_locations(capath=self.user_directory),
            "text": lambda context: context.load_verify_locations(cadata=self.data.pem),
            "bytes": lambda context: context.load_verify_locations(cadata=self.data.der + self.file.der),
            "leaf": lambda context: context.load_verify_locations(cadata=self.self_signed.pem),
            "revoked": lambda context: context.load_verify_locations(self.crl),
            "the system's file": lambda context: context.load_verify_locations(self.system_file),
            "nonsense": lambda context: context.load_verify_locations(cadata="nonsense"),
            "default": lambda context: context.load_default_certs(),
            "default for servers": lambda context: context.load_default_certs(ssl.Purpose.SERVER_AUTH),
            "default for clients": lambda context: context.load_default_certs(ssl.Purpose.CLIENT_AUTH),
            "default paths": lambda context: context.set_default_verify_paths(),
            **{f"connect {number}": functools.partial(self.connect, number) for number in range(len(self.server_contexts))},
        }

    def connect(self, number: int, context: ssl.SSLContext) -> None:
        try:
            in_memory(context, self.server_contexts[number])
        except ssl.SSLCertVerificationError:
            return  # plain ssl trusts none of the system's, unless told to


def pem_crl(der: bytes) -> bytes:
    from cryptography import x509

    return x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in world.environment.items():
            monkeypatch.setenv(name, value)
        yield world


def listed(context: ssl.SSLContext) -> tuple[list[bytes], list[str], dict[str, int]]:
    decoded = [json.dumps(certificate, sort_keys=True) for certificate in context.get_ca_certs()]
    return sorted(context.get_ca_certs(True)), sorted(decoded), context.cert_store_stats()


NAMES = st.sampled_from(
    ["file", "directory", "text", "bytes", "leaf", "revoked", "the system's file", "nonsense", "default", "default for servers",
     "default for clients", "default paths", *(f"connect {number}" for number in range(5))]
)  # fmt: skip


#: Certificates of no authority, and revocation lists, count twice if they are loaded before and after the system's roots.
ONCE = ("leaf", "revoked")


@settings(deadline=None, max_examples=examples(120), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(NAMES, max_size=7).filter(lambda names: all(names.count(name) < 2 for name in ONCE)),
    ask_in_between=st.booleans(),
)
def test_lists_are_those_of_plain_ssl(world: World, names: list[str], ask_in_between: bool) -> None:
    ours, plain, actions = client(), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), world.actions()
    assert set(actions) == set(NAMES.elements)  # type: ignore[attr-defined]
    for name in names:
        outcomes = []
        for context in ours, plain:
            try:
                outcomes.append(str(actions[name](context)))
            except ssl.SSLError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]
        if ask_in_between:
            assert listed(ours) == listed(plain), name
    assert listed(ours) == listed(plain)


def test_the_lists_do_not_change_with_the_files(system: Store, leaf: Certificate, second: Authority) -> None:
    context = client()
    context.load_verify_locations(cadata=second.pem)
    assert accepts(context, leaf)
    system.holds(second)
    assert context.get_ca_certs(True) == [second.der]
    assert context.cert_store_stats() == {"x509": 1, "crl": 0, "x509_ca": 1}


# -- never for clients -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def visitor(system: Store, root: Authority, tmp_path: Path) -> ssl.SSLContext:
    """A client with a certificate by an authority of the system's."""
    context = client()
    carry(context, root.issue("visitor.example", purposes=[CLIENT_AUTH]), tmp_path)
    return context


def lets_in(context: ssl.SSLContext, visitor: ssl.SSLContext) -> bool:
    try:
        _, far = in_memory(visitor, context)
    except ssl.SSLCertVerificationError as error:
        assert error.verify_code in {19, 20}, error  # noqa: PT017
        return False
    return bool(far.getpeercert())


each_server = pytest.mark.parametrize("protocol", [*SERVERS.values(), None], ids=[*SERVERS, "bare"])
each_mode = pytest.mark.parametrize("mode", [ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED], ids=lambda mode: mode.name)


@each_server
@each_mode
def test_the_systems_roots_do_not_vouch_for_clients(
    visitor: ssl.SSLContext, leaf: Certificate, second: Authority, tmp_path: Path, protocol: int | None, mode: ssl.VerifyMode
) -> None:
    context = server(protocol, leaf, tmp_path, mode)
    assert not lets_in(context, visitor)
    context.load_verify_locations(cadata=second.pem)
    assert not lets_in(context, visitor)
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    context.get_ca_certs()
    context.cert_store_stats()
    assert not lets_in(context, visitor)
    assert context.get_ca_certs(), "the lists show them all the same, as in plain ssl"


@each_server
@pytest.mark.parametrize(
    "trust",
    [lambda context: context.load_default_certs(ssl.Purpose.CLIENT_AUTH), lambda context: context.set_default_verify_paths()],
)
def test_the_systems_roots_vouch_for_clients_if_told_to(
    visitor: ssl.SSLContext, leaf: Certificate, tmp_path: Path, protocol: int | None, trust: Any
) -> None:
    context = server(protocol, leaf, tmp_path)
    trust(context)
    assert lets_in(context, visitor)


def test_a_server_that_verifies_nobody_chooses_as_it_likes(visitor: ssl.SSLContext, leaf: Certificate, tmp_path: Path) -> None:
    context, chosen = server(ssl.PROTOCOL_TLS_SERVER, leaf, tmp_path, ssl.CERT_NONE), server(ssl.PROTOCOL_TLS, leaf, tmp_path)
    assert accepts(chosen, leaf)
    context.sni_callback = lambda tls, name, context: setattr(tls, "context", chosen)
    _, far = in_memory(visitor, context)
    assert far.context is chosen
    assert far.getpeercert() is None


def test_roots_that_were_loaded_in_part_do_not_vouch_for_clients(
    leaf: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the store was missing: the connection to a server was refused, but the roots of the others are in OpenSSL's store."""
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    good.write_text(leaf.root.pem)
    monkeypatch.setattr(search, "find", lambda: search.Store(search.TABLE, files=(str(good), str(bad))))
    visitor = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    visitor.check_hostname, visitor.verify_mode = False, ssl.CERT_NONE
    carry(visitor, leaf.root.issue("visitor.example", purposes=[CLIENT_AUTH]), tmp_path)  # type: ignore[attr-defined]
    context = server(ssl.PROTOCOL_TLS, leaf, tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="bad"):
        in_memory(context, leaf.server_context())
    assert inside(context) == 1
    assert not lets_in(context, visitor)


def test_a_server_that_tries_to_connect_stays_a_server(visitor: ssl.SSLContext, leaf: Certificate, tmp_path: Path) -> None:
    context = server(ssl.PROTOCOL_TLS_SERVER, leaf, tmp_path)
    for name in HOST, None:
        with pytest.raises((ValueError, ssl.SSLError)):
            in_memory(context, leaf.server_context(), name)
    assert not lets_in(context, visitor)


# -- nothing to verify with, and what there is to know ---------------------------------------------------------------------------


def test_nothing_found_is_said(system: Store, leaf: Certificate) -> None:
    context, server_context = client(), leaf.server_context()
    system.file.unlink()
    with pytest.raises(ssl.SSLCertVerificationError) as raised:
        in_memory(context, server_context)
    error = raised.value
    assert "no trusted roots were found on this system" in str(error)
    assert str(system.file) in str(error)
    assert (error.verify_code, error.reason, error.library) == (20, "CERTIFICATE_VERIFY_FAILED", "SSL")
    if sys.version_info >= (3, 11):
        assert "SSL_CERT_FILE" in error.__notes__[0]
    system.holds(leaf.issuer)  # type: ignore[arg-type]
    assert accepts(context, leaf), "it is looked for again"


@pytest.mark.parametrize("content", ["", "junk", "-----BEGIN CERTIFICATE-----\njunk\n-----END CERTIFICATE-----\n"])
def test_an_empty_wish_is_not_replaced(system: Store, leaf: Certificate, content: str) -> None:
    system.file.write_text(content, "ascii")
    with pytest.raises(ssl.SSLCertVerificationError, match="no trusted roots were found"):
        in_memory(client(), leaf.server_context())


def test_the_users_own_roots_need_no_store(system: Store, second: Authority, leaf: Certificate) -> None:
    system.file.unlink()
    context = client()
    context.load_verify_locations(cadata=second.pem)
    assert accepts(context, second.issue(HOST))
    assert not accepts(context, leaf)


def test_the_users_own_roots_come_in_addition(system: Store, second: Authority, leaf: Certificate, stranger: Certificate) -> None:
    early, late = client(), client()
    early.load_verify_locations(cadata=second.pem)
    assert accepts(late, leaf)
    late.load_verify_locations(cadata=second.pem)
    for context in early, late:
        assert accepts(context, leaf)
        assert accepts(context, second.issue(HOST))
        assert not accepts(context, stranger)


def test_revocation_lists_in_the_bundle_are_loaded(system: Store, leaf: Certificate, second: Authority) -> None:
    """They are not among what may be loaded from memory."""
    crl = ssl.DER_cert_to_PEM_cert(second.crl()).replace("CERTIFICATE", "X509 CRL")
    system.file.write_text(leaf.root.pem + crl)
    context = client()
    assert accepts(context, leaf)
    assert _stdlib.CContext.cert_store_stats(context) == {"x509": 1, "crl": 1, "x509_ca": 1}


def test_a_store_that_cannot_be_loaded_is_an_error_each_time(
    system: Store, leaf: Certificate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It vanished after it was found."""
    context = client()
    with monkeypatch.context() as patched:
        patched.setattr(search, "find", lambda: search.Store(search.TABLE, str(tmp_path / "gone.pem")))
        for _ in range(2):
            with pytest.raises(ssl.SSLCertVerificationError, match=r"gone\.pem cannot be loaded \(.*No such file"):
                in_memory(context, leaf.server_context())
    assert accepts(context, leaf)


def test_a_damaged_block_costs_no_more_than_itself(system: Store, leaf: Certificate, second: Authority, caplog: Any) -> None:
    """As plain ssl, curl and others go on. It is said once, and with a refusal."""
    damaged = ssl.DER_cert_to_PEM_cert(b"\x30\x03\x02\x01\x05")
    system.file.write_text(leaf.root.pem + damaged + second.pem, "ascii")
    for _ in range(2):
        context = client()
        assert accepts(context, leaf)
        assert accepts(context, second.issue(HOST))
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert f"{system.file}, line {leaf.root.pem.count(chr(10)) + 1}: left out a block" in warning
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        in_memory(context, Authority.new().issue(HOST).server_context())
    assert sys.version_info < (3, 11) or any("left out a block" in note for note in caught.value.__notes__)


def test_a_store_that_is_missing_in_part_is_named(
    system: Store, leaf: Certificate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The files before it are loaded by then: that much is neither trusted nor taken for the user's."""
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    good.write_text(leaf.root.pem)
    context = client()
    with monkeypatch.context() as patched:
        patched.setattr(search, "find", lambda: search.Store(search.TABLE, files=(str(good), str(bad))))
        for _ in range(2):
            with pytest.raises(ssl.SSLCertVerificationError, match=r"bad\.pem cannot be loaded"):
                in_memory(context, leaf.server_context())
    assert accepts(context, leaf)
    assert context.get_ca_certs() == []


def test_later_contexts_see_what_changed(system: Store, leaf: Certificate, second: Authority) -> None:
    early = client()
    assert accepts(early, leaf)
    system.holds(second)
    late = client()
    assert not accepts(late, leaf)
    assert accepts(late, second.issue(HOST))
    assert accepts(early, leaf)
    assert not accepts(early, second.issue(HOST))


def test_the_logger_says_it_once(system: Store, leaf: Certificate, stranger: Certificate, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "truststore")
    context = client()
    for certificate in (leaf, stranger) * 3:
        accepts(context, certificate)
    context.get_ca_certs()
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("truststore", logging.DEBUG)
    assert str(system.file) in record.getMessage()


def test_what_was_used_can_be_asked(system: Store, leaf: Certificate, monkeypatch: pytest.MonkeyPatch, second: Authority) -> None:
    context = client()
    assert accepts(context, leaf)
    for store in context.system_store, truststore.system_store():
        assert store is not None
        assert store.step == search.ENVIRONMENT
        assert (store.file, store.directory, store.covered) == (str(system.file), None, False)
        assert store.read() == [leaf.root.der]
        assert str(system.directory) in dict(store.passed_over)
        assert str(system.file) in str(store)
    rehash(system.directory, second)
    store = truststore.system_store()
    assert store is not None
    assert (store.file, store.directory) == (str(system.file), str(system.directory))
    assert len(store.read()) == 2
    assert context.system_store.directory is None  # type: ignore[union-attr]
