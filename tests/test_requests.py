"""The adapter that the documentation gives for Requests: each combination of `verify` and `cert` trusts, and shows, what it says."""

from __future__ import annotations

import contextlib
import http.server
import re
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import CLIENT_AUTH, Authority
from servers import HOST, Store, needs_openssl

pytest.importorskip("requests", reason="requests is not installed")

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from certificates import Certificate

pytestmark = [needs_openssl, pytest.mark.usefixtures("system")]

USAGE = Path(__file__).resolve().parent.parent / "docs" / "usage.md"


def adapter() -> requests.adapters.HTTPAdapter:
    """As the documentation has it, without the request that follows."""
    [source] = re.findall(r"^class SystemTrust.*?^(?=with )", USAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(f"import ssl, requests.adapters, truststore\n{source}", names)
    made: requests.adapters.HTTPAdapter = names["SystemTrust"]()
    return made


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Say who the client is."""
        assert isinstance(self.connection, ssl.SSLSocket)
        certificate = self.connection.getpeercert(binary_form=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"known" if certificate else b"nobody")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        """Nothing."""


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A client that refuses us is what is tested."""


@contextlib.contextmanager
def serving(context: ssl.SSLContext) -> Iterator[str]:
    """The URL of a server."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield f"https://{HOST}:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.mount("https://", adapter())
        yield session


def test_a_file_vouches_alone_and_for_its_own_requests(
    session: requests.Session, leaf: Certificate, stranger: Certificate, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_text(stranger.root.pem, "ascii")
    with serving(leaf.server_context()) as known, serving(stranger.server_context()) as unknown:
        assert session.get(known).ok
        assert session.get(unknown, verify=str(other)).ok
        with pytest.raises(requests.exceptions.SSLError):
            session.get(known, verify=str(other))
        with pytest.raises(requests.exceptions.SSLError):
            session.get(unknown)


def test_false_verifies_nobody_and_for_its_own_requests(session: requests.Session, stranger: Certificate) -> None:
    with serving(stranger.server_context()) as unknown:
        with pytest.warns(Warning, match="Unverified HTTPS request"):
            assert session.get(unknown, verify=False).ok
        with pytest.raises(requests.exceptions.SSLError):
            session.get(unknown)


def test_a_client_certificate_is_shown_with_its_own_requests(
    session: requests.Session, root: Authority, leaf: Certificate, tmp_path: Path
) -> None:
    clients = Authority.new(key="p256")
    badge = tmp_path / "badge.pem"
    badge.write_text(clients.issue("client", purposes=(CLIENT_AUTH,), key="p256").chain_and_key(), "ascii")
    context = leaf.server_context()
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=clients.pem)
    with serving(context) as server:
        assert session.get(server).text == "nobody"
        assert session.get(server, cert=str(badge)).text == "known"
        assert session.get(server, headers={"Connection": "close"}).text == "nobody"
        assert session.get(server).text == "nobody"


def test_certifi_is_not_asked(session: requests.Session, system: Store, leaf: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = system.directory.parent / "certifi.pem"
    bundle.write_text(leaf.root.pem, "ascii")
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(bundle))
    system.holds(Authority.new(key="p256"))
    with serving(leaf.server_context()) as server, pytest.raises(requests.exceptions.SSLError):
        session.get(server)
