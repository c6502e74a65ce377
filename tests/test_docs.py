"""README's and the documentation's examples, run as they are, in an internet of this machine's own.

Every name leads to one local HTTPS server, and to QUIC servers for UDP. `*.corp.example` is served with a certificate of a company's
authority, whose root lies in the working directory as `company-root.pem`; all else with one of an authority that the system's store
holds, which lies there as `example.pem`.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import http.server
import importlib
import importlib.util
import inspect
import re
import socket
import ssl
import sys
import textwrap
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority, Certificate, pem_file
from quic_servers import QuicServer, missing
from servers import Store, needs_openssl

import truststore
from truststore import _osstatus, _verify_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
WITH_EXAMPLES = [path for path in DOCUMENTS if "```python" in path.read_text("utf-8")]


class Server(http.server.ThreadingHTTPServer):
    """Answers every GET over TLS, with the certificate that goes with the name asked for."""

    def __init__(self, public: Certificate, company: Certificate) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.roots = public.root, company.root
        self.requests: list[str] = []
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
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(self.headers["Host"])
        body = f"Hello from {self.headers['Host']}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        """Nothing: pytest shows what matters."""


@pytest.fixture(scope="session")
def public() -> Certificate:
    return Authority.new().authority().issue("example.com", "*.example.com")


@pytest.fixture(scope="session")
def company() -> Certificate:
    return Authority.new("Company").issue("*.corp.example")


@pytest.fixture
def server(public: Certificate, company: Certificate) -> Iterator[Server]:
    with Server(public, company) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def quic(public: Certificate, company: Certificate) -> Iterator[list[QuicServer]]:
    """The public one and the company's; none where there can be none."""
    with contextlib.ExitStack() as stack:
        yield [] if missing() else [stack.enter_context(QuicServer(certificate)) for certificate in (public, company)]


@pytest.fixture
def internet(
    server: Server, quic: list[QuicServer], public: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    resolve, connect, here = socket.getaddrinfo, socket.socket.connect, server.server_address

    def resolve_here(host: str, port: int, family: int = 0, type: int = 0, *args: int, **options: int) -> object:  # noqa: A002
        if type == socket.SOCK_DGRAM and port == 443:
            port = quic[host.endswith(".corp.example")].port
        return resolve("127.0.0.1", port, family, type, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_here)
    monkeypatch.setattr(socket.socket, "connect", lambda self, to: connect(self, here if to[1] == 443 else to))
    public_root, company_root = server.roots
    Store(tmp_path, monkeypatch).holds(public_root)
    (tmp_path / "company-root.pem").write_text(company_root.pem, "ascii")
    (tmp_path / "example.pem").write_text(pem_file(public.chain), "ascii")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(urllib.request, "_opener", None)  # urlopen() keeps the first context it makes
    yield
    truststore.extract_from_ssl()


@dataclasses.dataclass(frozen=True, eq=False)
class Example:
    path: Path
    line: int
    parsed: str
    namespace: dict[str, Any]

    def evaluate(self) -> None:
        source = "\n" * self.line + self.parsed  # for tracebacks
        exec(compile(source, self.path, "exec", dont_inherit=True), self.namespace)


def examples_of(path: Path) -> list[Example]:
    """A document's blocks of Python, which know each other's names."""
    text, namespace = path.read_text("utf-8"), dict[str, Any]()
    blocks = re.finditer(r"^( *)```python\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    return [Example(path, text.count("\n", 0, block.start(2)), textwrap.dedent(block[2]), namespace) for block in blocks]


def skip_without_libraries_of(examples: list[Example]) -> None:
    """But for qh3, whose examples are left out one by one."""
    for example in examples:
        for library in re.findall(r"^ *(?:import|from) (?!qh3)(\w+)", example.parsed, re.MULTILINE):
            if not importlib.util.find_spec(library):
                pytest.skip(f"{library} is not installed")


def needs_quic(example: Example) -> bool:
    return "qh3" in example.parsed


@needs_openssl
@pytest.mark.usefixtures("internet")
@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.name)
def test_examples(path: Path) -> None:
    examples = examples_of(path)
    assert len(examples) == path.read_text("utf-8").count("```python")
    skip_without_libraries_of(examples)
    left_out = [example for example in examples if needs_quic(example) and missing()]
    for example in examples:
        if example not in left_out:
            example.evaluate()
    if left_out:
        pytest.skip(f"all ran but {len(left_out)}: {missing()}")


def fetching(library: str) -> Callable[[str], bytes]:
    """The function of docs/verify-chain.md that fetches from a host by this library."""
    examples = examples_of(ROOT / "docs" / "verify-chain.md")
    skip_without_libraries_of(examples)
    for example in examples:
        if library == "qh3" or not needs_quic(example):
            example.evaluate()
    fetch = examples[0].namespace[f"fetch_with_{library}"]
    return (lambda host: asyncio.run(fetch(host))) if inspect.iscoroutinefunction(fetch) else fetch


needs_qh3 = pytest.mark.skipif(bool(missing()), reason=missing())


@needs_openssl
@pytest.mark.parametrize("library", ["pyopenssl", pytest.param("qh3", marks=needs_qh3)])
def test_a_refused_server_gets_no_request(library: str, internet: None, server: Server, quic: list[QuicServer]) -> None:
    """From libraries that send what they are told to whomever they have connected to."""
    fetch = fetching(library)

    def requests() -> int:
        return len(server.requests) + sum(len(each.requests) for each in quic)

    before = requests()
    with pytest.raises(ssl.SSLCertVerificationError):
        fetch("intranet.corp.example")
    assert fetch("example.com")
    assert requests() == before + 1


@needs_openssl
@needs_qh3
def test_qh3_asks_for_the_key_all_the_same(internet: None, quic: list[QuicServer], public: Certificate) -> None:
    fetch = fetching("qh3")
    with QuicServer(public, key=public.root) as quic[0], pytest.raises(ConnectionError):
        fetch("example.com")


# -- links: on GitHub, on PyPI, which shows README.md alone, and on the site, which shows docs/ and includes these files ------------------

SHOWN_ELSEWHERE = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
ON_GITHUB = "https://github.com/truststore/truststore/blob/main/"
LINK = re.compile(r"(?<!!)\[(?P<text>(?:[^\]`]|`[^`]*`)*)\]\((?P<target>[^)\s]+)\)")


def links(path: Path) -> list[tuple[str, str]]:
    prose = re.sub(r"^ *```.*?^ *```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [(link["text"], link["target"]) for link in LINK.finditer(prose)]


def anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings, and MyST after it; and those of the errors, which are there when the page is built."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    codes = {f"verify-code-{code}" for code in _verify_codes.REMEDIES} if path.name == "errors.md" else set()
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings} | codes


def file_of(target: str, page: Path) -> Path | None:
    """What it leads to in this repository."""
    if target.startswith(ON_GITHUB):
        return ROOT / target.removeprefix(ON_GITHUB)
    return None if target.startswith("https:") else page.parent / target if target else page


@pytest.mark.parametrize("page", sorted({*DOCUMENTS, *SHOWN_ELSEWHERE}), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for text, target in links(page):
        assert text, f"GitHub shows nothing of a link without words: {target}"
        address, _, anchor = target.partition("#")
        path = file_of(address, page)
        if path is not None:
            assert path.exists(), target
            assert not anchor or anchor in anchors(path), target


@pytest.mark.parametrize("page", sorted({*DOCUMENTS, *SHOWN_ELSEWHERE}), ids=lambda page: page.name)
def test_links_work_wherever_a_page_is_shown(page: Path) -> None:
    relative = {target.partition("#")[0] for _, target in links(page) if not target.startswith("https://")} - {""}
    within_docs = {f"{path.name}" for path in (ROOT / "docs").glob("*.md")} if page.parent.name == "docs" else set()
    assert relative <= within_docs


# -- what is made when the documentation is built -----------------------------------------------------------------------------------------


def test_the_reference_of_errors_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each code is on the page once; and so is all that the tables of Windows and macOS hold."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    tables = importlib.import_module("error_tables")
    listed = [code for group in ("usual", "strict", "others") for code in tables.codes(group)]
    assert sorted(listed) == sorted(_verify_codes.REMEDIES)
    assert all(map(tables.words, listed))
    said = {name for code in listed for each in tables.platforms(code) for name in each.names}
    assert {f"{name} ({status})" for status, (name, _) in _osstatus.ERRORS.items()} <= said
    source = (ROOT / "src" / "truststore" / "_windows.py").read_text("utf-8")
    findings = source[source.index("FINDINGS = (") : source.index("UNKNOWN = Finding")]
    assert set(re.findall(r"_crypt32\.((?!CERT_TRUST_)\w+)", findings)) == {name.split()[0] for name in said if "(0x" in name}


def test_the_inventory_of_pythons_names_is_right() -> None:
    """docs/python.inv, by which the reference links to Python's documentation without asking it."""
    for line in (ROOT / "docs" / "python.inv").read_text("ascii").splitlines()[3:]:
        name, kind, _page = line.split()
        module, _, attributes = name.partition(".") if name.split(".")[0] in {"ssl", "os"} else ("builtins", "", name)
        found = functools.reduce(getattr, filter(None, attributes.split(".")), importlib.import_module(module))
        assert inspect.isclass(found) == (kind in {"class", "exception"}), name


def test_the_readme_holds_two_commands_to_paste() -> None:
    """`.ci/run` finds them by their beginning and runs them."""
    commands = re.findall(r"^python3 -m venv \.venv && .+$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [command.rpartition("&& ")[2] for command in commands] == [
        ".venv/bin/python -m truststore check example.com",
        ".venv/bin/nox -s tests",
    ]
