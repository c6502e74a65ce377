"""What is compared, and what it is compared on: a store of real size, a server's certificate, contexts, and handshakes in memory.

All contexts verify against the same store: the roots of certifi and one of ours, which vouches for the server through an intermediate.
Plain `ssl` finds it as it finds the system's, in the bundle and the directory that SSL_CERT_FILE and SSL_CERT_DIR name. truststore finds it
in a file system of its own, laid out as Debian's.
"""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import ssl
import sys
import time
from functools import cache, partial
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import truststore
from truststore import _hashed, _stores

from .measure import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from truststore._verdict import Question

    Make = Callable[[], ssl.SSLContext]

#: Elsewhere the platform does, which does not know our root: the gate alone can be measured, with a verifier of our own.
OPENSSL_VERIFIES = truststore.SSLContext._verifier is None

HOST = "localhost"
BUNDLE, DIRECTORY = "etc/ssl/certs/ca-certificates.crt", "etc/ssl/certs"
#: `_store_files` trusts what it knows of a file only if the file is older than that.
SETTLED_AFTER = 1.1

_PEM = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)


class Stage:
    """A folder with a server's certificate, and two systems: `hashed` has the bundle and the directory, `bundled` the bundle alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server_pem = folder / "server.pem"

    @classmethod
    def built(cls, folder: Path) -> Stage:
        import certifi
        import trustme

        stage = cls(folder)
        root = trustme.CA(organization_name="truststore benchmarks")
        leaf = root.create_child_ca().issue_cert(HOST)
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        stage.server_pem.write_bytes(leaf.private_key_pem.bytes() + chain)
        pems = [*_PEM.findall(Path(certifi.where()).read_text("utf-8")), root.cert_pem.bytes().decode()]
        for system in ("hashed", "bundled"):
            (folder / system / DIRECTORY).mkdir(parents=True)
            (folder / system / BUNDLE).write_text("".join(pems), "ascii")
        if OPENSSL_VERIFIES:
            _link(folder / "hashed" / DIRECTORY, pems)
        time.sleep(SETTLED_AFTER)
        return stage

    def use(self, system: str) -> None:
        """Have plain ssl and truststore find this system's store from now on."""
        root = self.folder / system
        os.environ["SSL_CERT_FILE"] = str(root / BUNDLE)
        os.environ["SSL_CERT_DIR"] = str(root / DIRECTORY)
        nowhere = ("/nowhere/cert.pem", "/nowhere/certs")
        setattr(_stores, "find", partial(_FIND, str(root), {}, (), nowhere, "linux"))  # noqa: B010

    def server_context(self) -> ssl.SSLContext:
        context = _PLAIN(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_pem)
        return context


_FIND = _stores.find
_PLAIN = ssl.SSLContext


def _link(directory: Path, pems: Sequence[str]) -> None:
    """A file for each certificate, and the name that OpenSSL looks for leading to it."""
    numbers: dict[str, int] = {}
    for number, pem in enumerate(pems):
        (directory / f"root-{number}.pem").write_text(pem, "ascii")
        digest = _hashed.subject_hash(ssl.PEM_cert_to_DER_cert(pem))
        (directory / f"{digest}.{numbers.setdefault(digest, 0)}").symlink_to(f"root-{number}.pem")
        numbers[digest] += 1


# -- contexts


def plain() -> ssl.SSLContext:
    return ssl.create_default_context()


def plain_without_trust() -> ssl.SSLContext:
    """OpenSSL builds the chain whatever the mode, as far as it has something to build it of: here it has nothing, as under the gate."""
    context = _PLAIN(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ours() -> ssl.SSLContext:
    return _like_plain(truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


class Gated(truststore.SSLContext):
    """As where the platform decides, with a verdict that costs nothing."""

    @staticmethod
    def _verifier(question: Question) -> Sequence[bytes]:
        return question.chain


def gated() -> ssl.SSLContext:
    return _like_plain(Gated(ssl.PROTOCOL_TLS_CLIENT))


def _like_plain(context: ssl.SSLContext) -> ssl.SSLContext:
    """With the flags that create_default_context() sets on Python 3.13 and later: verification is to be the same."""
    context.verify_flags = _FLAGS
    return context


_FLAGS = ssl.create_default_context().verify_flags


@cache
def peer(directory: Path) -> Make:
    """The truststore of PyPI, from a folder that pip installed it into. It goes by another name here: ours has that one."""
    init = directory / "truststore" / "__init__.py"
    spec = importlib.util.spec_from_file_location("peer_truststore", init, submodule_search_locations=[str(init.parent)])
    if spec is None or spec.loader is None or not init.exists():
        raise FileNotFoundError(f"{init}: install it with  pip install --no-deps --target {directory} truststore==0.10.5")
    module: ModuleType | Any = importlib.util.module_from_spec(spec)
    sys.modules["peer_truststore"] = module
    spec.loader.exec_module(module)
    return lambda: _like_plain(module.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def with_code_of_its_own(context: ssl.SSLContext) -> ssl.SSLContext:
    """Copies of ssl's `read` and `write` for this context's connections.

    The interpreter adapts each call to the type it meets there. A program meets one; here two, in turns, would slow each other down.
    """
    context.sslobject_class = _copied(ssl.SSLObject)
    context.sslsocket_class = _copied(ssl.SSLSocket)
    return context


def _copied(cls: type[Any]) -> type[Any]:
    methods = {name: vars(cls)[name] for name in ("read", "write")}
    return type(cls.__name__, (cls,), {name: _copy(method) for name, method in methods.items()})


def _copy(function: FunctionType) -> FunctionType:
    code, names = function.__code__.replace(), function.__globals__
    return FunctionType(code, names, function.__name__, function.__defaults__, function.__closure__)


# -- handshakes


class Wire:
    """Client and server in one thread, connected in memory. The time that the client's end takes is added up; the server's is not."""

    client: ssl.SSLObject | ssl.SSLSocket
    server: ssl.SSLObject | ssl.SSLSocket

    def __init__(self, client: ssl.SSLContext, server: ssl.SSLContext) -> None:
        to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        begin = clock()
        self.client = client.wrap_bio(to_client, to_server, server_hostname=HOST)
        self.seconds = clock() - begin
        self.server = server.wrap_bio(to_server, to_client, server_side=True)

    def shake_hands(self) -> Wire:
        done = False
        while not done:
            begin = clock()
            done = _step(self.client)
            self.seconds += clock() - begin
            done = _step(self.server) and done
        return self


class SocketWire(Wire):
    """The same over a pair of sockets."""

    def __init__(self, client: ssl.SSLContext, server: ssl.SSLContext) -> None:
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        self.seconds = 0.0
        self.client = client.wrap_socket(near, server_hostname=HOST, do_handshake_on_connect=False)
        self.server = server.wrap_socket(far, server_side=True, do_handshake_on_connect=False)


def _step(end: ssl.SSLObject | ssl.SSLSocket) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
