"""What everything is measured on: a store of real size, and a server's certificate that it vouches for through an intermediate.

The store holds the roots of certifi and one of ours. Plain `ssl` finds it as it finds the system's, in the bundle and the directory that
SSL_CERT_FILE and SSL_CERT_DIR name; truststore in a file system of its own, laid out as Debian's.

Imports truststore only when it is asked to lead it to the store: `child.py` measures what that costs, too.
"""

from __future__ import annotations

import os
import re
import ssl
import time
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from .wire import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

BUNDLE, DIRECTORY = "etc/ssl/certs/ca-certificates.crt", "etc/ssl/certs"
#: Has the bundle and the directory; has the bundle alone.
HASHED, BUNDLED = "hashed", "bundled"
#: `truststore._store.files` remembers what it knows of a file only if the file is older than that.
SETTLED_AFTER = 1.1

_PEM = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)


class Stage:
    """A folder with a server's certificate and the two systems."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def built(cls, folder: Path) -> Stage:
        import certifi
        import trustme

        stage = cls(folder)
        root = trustme.CA(organization_name="truststore benchmarks")
        leaf = root.create_child_ca().issue_cert(HOST)
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        (folder / "server.pem").write_bytes(leaf.private_key_pem.bytes() + chain)
        stage.root.write_bytes(root.cert_pem.bytes())
        pems = [*_PEM.findall(certifi.contents()), root.cert_pem.bytes().decode()]
        for system in (HASHED, BUNDLED):
            (folder / system / DIRECTORY).mkdir(parents=True)
            stage.bundle(system).write_text("".join(pems), "ascii")
        if os.name == "posix":
            _link(folder / HASHED / DIRECTORY, pems)
        time.sleep(SETTLED_AFTER)
        return stage

    def bundle(self, system: str) -> Path:
        return self.folder / system / BUNDLE

    @property
    def root(self) -> Path:
        """The root of ours, alone."""
        return self.folder / "root.pem"

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem")
        return context

    def lead_plain(self, system: str) -> None:
        """Have plain ssl find this system's store from now on."""
        os.environ["SSL_CERT_FILE"] = str(self.bundle(system))
        os.environ["SSL_CERT_DIR"] = str(self.folder / system / DIRECTORY)

    def lead_ours(self, system: str) -> None:
        """Have truststore find this system's store from now on."""
        from truststore._store import search

        nowhere = ("/nowhere/cert.pem", "/nowhere/certs")
        setattr(search, "find", partial(_original(), str(self.folder / system), {}, (), nowhere, "linux"))  # noqa: B010

    def lead(self, system: str) -> None:
        self.lead_plain(system)
        self.lead_ours(system)


@cache
def _original() -> Callable[..., Any]:
    from truststore._store.search import find

    return find


def _link(directory: Path, pems: Sequence[str]) -> None:
    """A file for each certificate, and the name that OpenSSL looks for leading to it."""
    from truststore._store.subjects import subject_hash

    numbers: dict[str, int] = {}
    for number, pem in enumerate(pems):
        (directory / f"root-{number}.pem").write_text(pem, "ascii")
        digest = subject_hash(ssl.PEM_cert_to_DER_cert(pem))
        (directory / f"{digest}.{numbers.setdefault(digest, 0)}").symlink_to(f"root-{number}.pem")
        numbers[digest] += 1
