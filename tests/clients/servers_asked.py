"""Servers in each way, asked by clients with and without certificates: `python -m clients.servers_asked [NAME...]`.

What they answer has to be what they answer without truststore: client certificates are the business of what the server was given.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from certificates import CLIENT_AUTH, Authority, pem_file
from servers import HOST

from . import environments
from .__main__ import SOURCES, TESTS
from .cases import AFTER, BEFORE, REACHED, REFUSED, WITHOUT
from .proxies import free_port, wait_for
from .serve import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: By the certificate that the client shows, and whether the server asks for one: what is to become of it.
WANTED = {
    ("nothing", False): REACHED,
    ("nothing", True): REFUSED,
    ("its own authority's", True): REACHED,
    ("the system's authority's", True): REFUSED,
}


class Files:
    """The system's authority signs the server, and a client that nobody else knows; another signs the clients."""

    def __init__(self, folder: Path) -> None:
        root, clients = (Authority.new(name, key="p256") for name in ("Root", "Clients"))
        self.folder = folder
        self.store, self.authority = self.file("store", pem_file([root])), self.file("clients", clients.pem)
        self.server = self.file("server", root.issue(HOST, "127.0.0.1").chain_and_key())
        self.shown = {
            "its own authority's": self.file("known", clients.issue("client", purposes=(CLIENT_AUTH,)).chain_and_key()),
            "the system's authority's": self.file("systems", root.issue("client", purposes=(CLIENT_AUTH,)).chain_and_key()),
        }

    def file(self, name: str, content: str) -> str:
        path = self.folder / f"{name}.pem"
        path.write_text(content, "ascii")
        return str(path)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="servers_asked")
    parser.add_argument("servers", nargs="*")
    parser.add_argument("--environments", type=Path, help="a folder for the environment, to be kept")
    options = parser.parse_args(arguments)
    names = options.servers or list(SERVERS)
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder, files = options.environments or Path(name), Files(Path(name))
        programs = environments.made(folder / "shared", [SERVERS[each][1] for each in names])
        for each in names:
            became = {way: asked(each, way, programs / "python", files) for way in (WITHOUT, BEFORE, AFTER)}
            differs = {way: outcomes for way, outcomes in became.items() if outcomes != WANTED}
            wrong += bool(differs)
            print(f"{each}: {differs or 'as expected'}", flush=True)
    return 1 if wrong else 0


def asked(name: str, way: str, python: Path, files: Files) -> dict[tuple[str, bool], str]:
    outcomes = {}
    for asks in False, True:
        with serving(name, way, python, files, asks=asks) as port:
            for shown in (each for each, of_a_server_that_asks in WANTED if of_a_server_that_asks is asks):
                outcomes[shown, asks] = fetched(port, files, files.shown.get(shown))
    return outcomes


@contextlib.contextmanager
def serving(name: str, way: str, python: Path, files: Files, *, asks: bool) -> Iterator[int]:
    port = free_port()
    command = [str(python), "-m", "clients.serve", name, way, str(port), files.server, *([files.authority] if asks else [])]
    variables = {**os.environ, "PYTHONPATH": f"{SOURCES}{os.pathsep}{TESTS}", "SSL_CERT_FILE": files.store}
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(port, process)
            yield port
        finally:
            process.terminate()


def fetched(port: int, files: Files, certificate: str | None) -> str:
    context = ssl.create_default_context(cafile=files.store)
    if certificate:
        context.load_cert_chain(certificate)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(f"https://{HOST}:{port}/", timeout=20) as response:
            return REACHED if response.read() == b"ok" else "another page"
    except OSError:  # it says no more than that the connection has ended, or an alert
        return REFUSED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
