"""README's and the documentation's examples, run as they are, in an internet of this machine's own.

Every name leads to one local HTTPS server. `*.corp.example` is served with a certificate of a company's authority, whose root lies
in the working directory as `company-root.pem`; all else with one of an authority that the system's store holds.
"""

from __future__ import annotations

import http.server
import re
import socket
import ssl
import sys
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sybil
from certificates import Authority, Certificate
from servers import Store, needs_openssl
from sybil.parsers.myst import PythonCodeBlockParser

import truststore

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_EXAMPLES = [path for path in DOCUMENTS if "```python" in path.read_text("utf-8")]


class Server(http.server.ThreadingHTTPServer):
    """Answers every GET over TLS, with the certificate that goes with the name asked for."""

    def __init__(self, public: Certificate, company: Certificate) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.roots = public.root, company.root
        self.public, self.company = public.server_context(), company.server_context()
        self.public.sni_callback = self.choose  # type: ignore[assignment]  # typeshed wants an SSLSocket alone

    def choose(self, sock: ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
        if name and name.endswith(".corp.example"):
            sock.context = self.company

    def get_request(self) -> tuple[socket.socket, object]:
        sock, address = super().get_request()
        # The handshake is left to the first read, in the request's own thread.
        return self.public.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # a client that refuses this server is what some examples show
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"Hello from {self.headers['Host']}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        """Nothing: pytest shows what matters."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Authority.new().issue("example.com", "*.example.com"), Authority.new("Company").issue("*.corp.example")) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def internet(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    resolve, connect, here = socket.getaddrinfo, socket.socket.connect, server.server_address
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *args, **options: resolve("127.0.0.1", *args, **options))
    monkeypatch.setattr(socket.socket, "connect", lambda self, to: connect(self, here if to[1] == 443 else to))
    public_root, company_root = server.roots
    Store(tmp_path, monkeypatch).holds(public_root)
    (tmp_path / "company-root.pem").write_text(company_root.pem, "ascii")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(urllib.request, "_opener", None)  # urlopen() keeps the first context it makes
    yield
    truststore.extract_from_ssl()


@needs_openssl
@pytest.mark.usefixtures("internet")
@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.name)
def test_examples(path: Path) -> None:
    examples = list(sybil.Sybil(parsers=[PythonCodeBlockParser()]).parse(path).examples())
    assert len(examples) == path.read_text("utf-8").count("```python")
    for example in examples:
        example.evaluate()


def test_the_readme_holds_two_commands_to_paste() -> None:
    """`.ci/run` finds them by their beginning and runs them."""
    commands = re.findall(r"^python3 -m venv \.venv && .+$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [command.rpartition("&& ")[2] for command in commands] == [
        ".venv/bin/python -m truststore check example.com",
        ".venv/bin/nox -s tests",
    ]
