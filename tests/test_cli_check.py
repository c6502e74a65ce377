"""`truststore check`: what it takes, the ways to a server, the chain, why it is refused, and who else would say what."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import CLIENT_AUTH, Authority, Certificate, pem_file, self_signed
from connect_proxy import ConnectProxy
from cryptography.hazmat.primitives import hashes
from fake_verifier import PLATFORM, FakeVerifier
from servers import HOST, Server, Store, answer_http, needs_openssl
from starttls_servers import REFUSALS, SCRIPTS, StartTls

from truststore import SSLContext, _cli
from truststore._cli.check import starttls, stream, target, trouble
from truststore._cli.judged import Judged, details, diagnosis, judges, remedies
from truststore._cli.status import CannotAsk
from truststore._store import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [needs_openssl, pytest.mark.usefixtures("system", "compiled")]

TRUSTED, REFUSED, NOT_ASKED = 0, 1, 2


class Answer:
    """What `check` has said."""

    def __init__(self, status: int, output: str, errors: str) -> None:
        self.status, self.output, self.errors = status, output, errors

    @property
    def words(self) -> str:
        """Without regard to where lines are broken."""
        return " ".join(self.output.split())

    @property
    def peer(self) -> Any:
        """The first one, as JSON."""
        return json.loads(self.output)["peers"][0]


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def run(*arguments: str) -> Answer:
        try:
            status = _cli.main(["check", *arguments])
        except SystemExit as exited:
            status = int(exited.code or 0)
        return Answer(status, *capsys.readouterr())

    return run


def at(server: Server) -> str:
    return f"{HOST}:{server.port}"


@pytest.fixture(scope="session")
def small() -> Authority:
    """An authority with keys that are quick to make, which nobody trusts."""
    return Authority.new("Small", key="p256")


@pytest.fixture
def trusted(system: Store, small: Authority) -> Authority:
    """The same, which the system trusts."""
    system.holds(small)
    return small


def issued(authority: Authority, *names: str, **profile: Any) -> Certificate:
    return authority.issue(*(names or (HOST,)), **{"key": "p256", **profile})


# -- what it takes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "starttls", "host", "port", "by"),
    [
        ("example.com", None, "example.com", 443, None),
        ("example.com:8443", None, "example.com", 8443, None),
        ("https://user:secret@example.com/path?x=1", None, "example.com", 443, None),
        ("HTTPS://example.com:8443", None, "example.com", 8443, None),
        ("https://[::1]:8443/", None, "::1", 8443, None),
        ("https://[::1]", None, "::1", 443, None),
        ("::1", None, "::1", 443, None),
        ("smtp://mail.example", None, "mail.example", 25, "smtp"),
        ("postgresql://u:p@db.example/name", None, "db.example", 5432, "postgres"),
        ("imaps://mail.example", None, "mail.example", 993, None),
        ("mail.example", "imap", "mail.example", 143, "imap"),
        ("mail.example:1143", "imap", "mail.example", 1143, "imap"),
    ],
)
def test_targets(text: str, starttls: str | None, host: str, port: int, by: str | None) -> None:
    assert target.given(text).with_starttls(starttls) == (host, port, by)


def test_names_are_asked_for_as_the_dns_has_them() -> None:
    assert target.Target("bücher.example", 443, None).name == "xn--bcher-kva.example"
    assert target.Target("fe80::1%eth0", 443, None).name == "fe80::1"
    assert str(target.Target("fe80::1%eth0", 443, None)) == "[fe80::1%eth0]:443"


def test_several(trusted: Authority, small: Authority, check: Callable[..., Answer]) -> None:
    with Server(issued(trusted).server_context()) as good, Server(issued(trusted, "other.example").server_context()) as bad:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            nobody = f"{HOST}:{listener.getsockname()[1]}"
        assert check(at(good), f"https://{at(good)}/").status == TRUSTED
        assert check(at(good), nobody).status == NOT_ASKED
        all_three = check(nobody, at(bad), at(good))
        assert all_three.status == REFUSED, "the worst that helps"
        assert all_three.errors == f"{nobody} could not be checked: nothing listens on this port\n"
        assert all_three.output.startswith(f"{at(bad)} is REFUSED")
        assert f"\n\n{at(good)} is trusted" in all_three.output
        documents = json.loads(check(nobody, at(good), "--json").output)["peers"]
    assert documents[0] == {"peer": nobody, "trusted": None, "error": "nothing listens on this port"}
    assert documents[1]["trusted"] is True


def test_another_name(trusted: Authority, check: Callable[..., Answer]) -> None:
    with Server(issued(trusted, "www.example.test").server_context()) as server:
        assert check(at(server)).status == REFUSED
        answer = check(at(server), "--server-name", "www.example.test")
    assert answer.status == TRUSTED
    assert f"{at(server)} as www.example.test is trusted" in answer.words


def test_certificates_besides(small: Authority, tmp_path: Path, check: Callable[..., Answer]) -> None:
    file = tmp_path / "own.pem"
    file.write_text(small.pem)
    with Server(issued(small).server_context()) as server:
        assert check(at(server)).status == REFUSED
        answer = check(at(server), "--ca", str(file))
    assert answer.status == TRUSTED
    assert f"and the certificates in {file} (--ca)" in answer.words
    assert "from --ca; EC P-256" in answer.words


@pytest.mark.parametrize("option", ["--ca", "--cert"])
def test_a_file_that_does_not_help(option: str, tmp_path: Path, check: Callable[..., Answer]) -> None:
    file = tmp_path / "file.pem"
    for content in None, "nothing":
        if content:
            file.write_text(content)
        answer = check("localhost:1", option, str(file))
        assert (answer.status, answer.output) == (NOT_ASKED, "")
        assert answer.errors.startswith(f"truststore: {option} {file}: ")
        assert len(answer.errors.splitlines()) == 1


def demanding(leaf: Certificate, authority: Authority, version: ssl.TLSVersion) -> ssl.SSLContext:
    """A server's context that requires a client certificate."""
    context = leaf.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.der)
    context.minimum_version = context.maximum_version = version
    return context


def test_clients_certificates(trusted: Authority, tmp_path: Path, check: Callable[..., Answer]) -> None:
    own = tmp_path / "client.pem"
    own.write_text(issued(trusted, purposes=(CLIENT_AUTH,)).chain_and_key())
    leaf = issued(trusted)
    with Server(demanding(leaf, trusted, ssl.TLSVersion.TLSv1_2)) as server:
        refused = check(at(server))
        assert (refused.status, refused.output) == (NOT_ASKED, "")
        assert "requires a client certificate: give one with --cert FILE" in refused.errors
        assert check(at(server), "--cert", str(own)).status == TRUSTED
    with Server(demanding(leaf, trusted, ssl.TLSVersion.TLSv1_3)) as server:
        answer = check(at(server))
        assert answer.status == TRUSTED, "with TLS 1.3 the server objects later"
        assert "The server asks for a client certificate (--cert FILE)." in answer.words
        assert check(at(server), "--cert", str(own), "--json").peer["asks_for_certificate"] is True


def test_a_clients_certificate_that_is_not_taken(trusted: Authority, tmp_path: Path, check: Callable[..., Answer]) -> None:
    own = tmp_path / "client.pem"
    own.write_text(self_signed("me", key="p256").chain_and_key())
    with Server(demanding(issued(trusted), trusted, ssl.TLSVersion.TLSv1_2)) as server:
        answer = check(at(server), "--cert", str(own))
    assert answer.status == NOT_ASKED
    assert "does not accept the certificate from --cert (TLSV1_ALERT_UNKNOWN_CA)" in answer.errors


def test_the_chain_is_saved(trusted: Authority, tmp_path: Path, check: Callable[..., Answer]) -> None:
    file = tmp_path / "chain.pem"
    leaf = issued(trusted.authority(key="p256"))
    with Server(leaf.server_context()) as server:
        assert check(at(server), "--save-chain", str(file)).status == TRUSTED
        assert file.read_text() == pem_file(leaf.chain)
        assert check(at(server), at(server), "--save-chain", str(file)).status == NOT_ASKED
        assert check(at(server), "--save-chain", str(tmp_path / "none" / "chain.pem")).status == NOT_ASKED
    assert _cli.main(["verify", str(file), "--name", HOST]) == TRUSTED


def test_strictness(trusted: Authority, check: Callable[..., Answer]) -> None:
    authority = trusted.authority("Sloppy", key="p256", identifiers=False)
    with Server(issued(authority).server_context()) as server:
        answer = check(at(server), "--strict")
        assert check(at(server), "--no-strict").status == TRUSTED
        assert check(at(server)).status == (REFUSED if sys.version_info >= (3, 13) else TRUSTED), "as create_default_context()"
        peer = check(at(server), "--strict", "--json").peer
    assert answer.status == REFUSED
    assert "lacks an authority key identifier" in answer.words
    assert "--no-strict" in answer.words
    assert (peer["cause"], peer["blamed"]) == ("strict", fingerprint(authority))
    verdicts = {each["key"]: each["trusted"] for each in peer["others"]}
    assert (verdicts["environment"], verdicts["strict"]) == (True, False)
    assert "What others say:" in answer.output, "since they differ"


# -- the ways to a server ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", sorted(SCRIPTS))
def test_starttls(protocol: str, trusted: Authority, check: Callable[..., Answer]) -> None:
    with StartTls(issued(trusted).server_context(), SCRIPTS[protocol]) as server:
        answer = check(at(server), "--starttls", protocol)
    assert (answer.status, answer.errors) == (TRUSTED, "")


@pytest.mark.parametrize("protocol", sorted(REFUSALS))
def test_a_server_that_starts_no_tls(protocol: str, check: Callable[..., Answer]) -> None:
    with StartTls(None, REFUSALS[protocol]) as server:
        answer = check(at(server), "--starttls", protocol)
    assert (answer.status, answer.output) == (NOT_ASKED, "")
    assert f"the server does not start TLS by {protocol}; it says " in answer.errors


@pytest.mark.parametrize("protocol", sorted(set(SCRIPTS) - {"mysql", "ldap"}))
def test_what_is_said_too_much_before_tls_is_no_answer(protocol: str, check: Callable[..., Answer]) -> None:
    """CVE-2011-0411: it would be taken for the server's own words."""
    *begun, (asked, answered) = SCRIPTS[protocol]
    with StartTls(None, [*begun, (asked, answered + b"250 injected\r\n")]) as server:
        answer = check(at(server), "--starttls", protocol)
    assert answer.status == NOT_ASKED
    assert "more than it may before TLS begins: '250 injected'" in answer.errors


def test_a_server_of_another_protocol(check: Callable[..., Answer]) -> None:
    def hang_up(sock: Any) -> None:
        sock.sendall(b"SSH-2.0-\x1b[2J")

    with Server(None, hang_up) as server:
        answer = check(at(server), "--starttls", "smtp")
    assert "does not speak smtp as it should; it says 'SSH-2.0-\\\\x1b[2J'" in answer.errors


def test_endless_answers_end() -> None:
    class Endless:
        def recv(self, most: int) -> bytes:
            return b"2" * most

        def sendall(self, data: bytes) -> None: ...

    for protocol in starttls.DIALOGUES:
        if protocol != "postgres":
            with pytest.raises(CannotAsk):
                starttls.begin(Endless(), protocol, "localhost")


def test_a_real_smtp_server(trusted: Authority, check: Callable[..., Answer]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # typing.ByteString
        controller = pytest.importorskip("aiosmtpd.controller", reason="aiosmtpd is not installed")
        handler = pytest.importorskip("aiosmtpd.handlers").Sink()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    smtp = controller.Controller(handler, hostname="127.0.0.1", port=port, tls_context=issued(trusted).server_context())
    smtp.start()
    try:
        answer = check(f"smtp://{HOST}:{port}")
    finally:
        smtp.stop()
    assert (answer.status, answer.errors) == (TRUSTED, "")


def test_a_real_postgresql(trusted: Authority, check: Callable[..., Answer]) -> None:
    if not (shutil.which("postgres") and shutil.which("initdb")):
        pytest.skip("there is no PostgreSQL on this machine")
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        user: dict[str, Any] = {"cwd": folder}
        if os.geteuid() == 0:  # it does not run for root
            shutil.chown(folder, "nobody")
            user["user"] = "nobody"
        port = listener.getsockname()[1]
        leaf = issued(trusted)
        with postgresql(Path(folder), port, leaf, user, listener):
            answer = check(f"postgres://{HOST}:{port}/")
    assert (answer.status, answer.errors) == (TRUSTED, "")


@contextlib.contextmanager
def postgresql(folder: Path, port: int, leaf: Certificate, user: dict[str, Any], listener: socket.socket) -> Iterator[None]:
    """A server at this port, which `listener` has kept free."""
    data, key = folder / "data", folder / "server.key"
    made = subprocess.run(["initdb", "-D", str(data), "-A", "trust", "--no-sync"], capture_output=True, text=True, **user)
    if made.returncode:
        pytest.skip(f"initdb does not work here: {made.stderr.strip()[-200:]}")
    (folder / "server.crt").write_text(pem_file(leaf.chain))
    key.write_text(leaf.key_pem)
    key.chmod(0o600)
    if "user" in user:
        shutil.chown(key, "nobody")
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "ssl": "on",
        "ssl_cert_file": f"{folder}/server.crt",
        "ssl_key_file": str(key),
    }
    listener.close()
    command = ["postgres", "-D", str(data), "-p", str(port), *(f"--{name}={value}" for name, value in settings.items())]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"LC_ALL": "C"}, **user) as process:
        assert process.stderr
        try:
            said = ""
            while "ready to accept connections" not in said:
                line = process.stderr.readline()
                assert line, said
                said += line
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.stderr.read()


@pytest.mark.parametrize("secured", [False, True], ids=["http", "https"])
def test_by_a_proxy(secured: bool, trusted: Authority, check: Callable[..., Answer]) -> None:
    leaf = issued(trusted)
    with Server(leaf.server_context()) as server, ConnectProxy(leaf.server_context() if secured else None) as proxy:
        url = f"{'https' if secured else 'http'}://me:se%40cret@{HOST}:{proxy.port}"
        answer = check(at(server), "--proxy", url)
    assert (answer.status, answer.errors) == (TRUSTED, "")
    assert f"Reached through the proxy {url.partition(':')[0]}://(user)@{HOST}:{proxy.port}." in answer.words
    assert "cret" not in answer.output
    [head] = proxy.requests
    lines = head.decode().split("\r\n")
    assert lines[0] == f"CONNECT localhost:{server.port} HTTP/1.1"
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'me:se@cret').decode()}" in lines


def test_the_clients_certificate_is_not_for_the_proxy(trusted: Authority, tmp_path: Path, check: Callable[..., Answer]) -> None:
    own = tmp_path / "client.pem"
    own.write_text(issued(trusted, purposes=(CLIENT_AUTH,)).chain_and_key())
    curious = demanding(issued(trusted), trusted, ssl.TLSVersion.TLSv1_3)
    curious.verify_mode = ssl.CERT_OPTIONAL
    with Server(demanding(issued(trusted), trusted, ssl.TLSVersion.TLSv1_2)) as server, ConnectProxy(curious) as proxy:
        answer = check(at(server), "--proxy", f"https://{HOST}:{proxy.port}", "--cert", str(own))
    assert answer.status == TRUSTED
    assert proxy.shown == [None]


def test_a_name_goes_to_the_proxy_as_the_dns_has_it(trusted: Authority, check: Callable[..., Answer]) -> None:
    with Server(issued(trusted, "xn--bcher-kva.example").server_context()) as server, ConnectProxy() as proxy:
        proxy.leads_to = server.address
        answer = check("bücher.example", "--proxy", f"{HOST}:{proxy.port}")
    assert (answer.status, answer.errors) == (TRUSTED, "")
    assert proxy.requests[0].startswith(b"CONNECT xn--bcher-kva.example:443 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "it requires a user: "),
        (b"HTTP/1.1 403 No\x1b[2J\r\n\r\n", "it says 'HTTP/1.1 403 No\\\\x1b[2J'"),
        (b"SSH-2.0\r\n\r\n", "it says 'SSH-2.0'"),
        (b"nothing", "does not speak HTTP; it says 'nothing'"),
    ],
    ids=["407", "403", "no HTTP", "no head"],
)
def test_a_proxy_that_will_not(answer: bytes, said: str, check: Callable[..., Answer]) -> None:
    with ConnectProxy(answer=answer) as proxy:
        refused = check("www.example.test", "--proxy", f"http://me:secret@{HOST}:{proxy.port}")
    assert (refused.status, refused.output) == (NOT_ASKED, "")
    assert said in refused.errors
    assert f"the proxy http://(user)@{HOST}:{proxy.port}" in refused.errors
    assert "secret" not in refused.errors


def test_a_proxy_that_is_not_there(check: Callable[..., Answer]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = check("www.example.test", "--proxy", f"http://{HOST}:{port}")
    assert answer.errors.endswith(f"the proxy http://{HOST}:{port}: nothing listens on this port\n")


def test_a_proxy_that_is_not_trusted(small: Authority, check: Callable[..., Answer]) -> None:
    with ConnectProxy(issued(small).server_context()) as proxy:
        answer = check("www.example.test", "--proxy", f"https://me:secret@{HOST}:{proxy.port}")
    assert answer.status == NOT_ASKED
    assert "itself is refused: unable to get local issuer certificate" in answer.errors
    assert proxy.requests == [], "and never hears the password"


def test_the_environments_proxy(trusted: Authority, check: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(issued(trusted).server_context()) as server, ConnectProxy() as proxy:
        monkeypatch.setenv("https_proxy", f"http://{HOST}:{proxy.port}")
        assert check(at(server)).status == TRUSTED
        assert len(proxy.requests) == 1
        assert check(at(server), "--proxy", "").status == TRUSTED
        monkeypatch.setenv("no_proxy", HOST)
        assert check(at(server)).status == TRUSTED
        assert len(proxy.requests) == 1, "not any more"


def test_the_environments_proxy_for_other_protocols(
    trusted: Authority, check: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    with StartTls(issued(trusted).server_context(), SCRIPTS["imap"]) as server, ConnectProxy() as proxy:
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
        assert check(at(server), "--starttls", "imap").status == TRUSTED
        monkeypatch.setenv("all_proxy", f"http://{HOST}:{proxy.port}")
        assert check(at(server), "--starttls", "imap").status == TRUSTED
        assert len(proxy.requests) == 1
        monkeypatch.setenv("all_proxy", "socks5://me:secret@localhost")
        answer = check(at(server), "--starttls", "imap")
    assert answer.status == NOT_ASKED
    assert "the environment's proxy: 'socks5://(user)@localhost' is not a usable proxy" in answer.errors


# -- no question of trust -----------------------------------------------------------------------------------------------------------


SERVER_HELLO_1_0 = bytes.fromhex("160301002a 02000026 0301".replace(" ", "")) + bytes(32) + bytes.fromhex("00c01300")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what answers there is not TLS; it says 'HTTP/1.1 400 Bad Request"),
        (b"", "closes the connection when TLS begins"),
        (bytes.fromhex("15030100020246"), "only speaks older versions of TLS than this Python"),
        (SERVER_HELLO_1_0, "only speaks older versions of TLS than this Python (TLS 1.0)"),
        (bytes.fromhex("15030300020270"), "does not know the name localhost: try another with --server-name"),
        (bytes.fromhex("15030300020228"), "nothing in common"),
        (bytes.fromhex("15030300020250"), "the TLS handshake failed (TLSV1_ALERT_INTERNAL_ERROR)"),
    ],
    ids=["HTTP", "closed", "old, by alert", "TLS 1.0", "unrecognized name", "handshake failure", "internal error"],
)
def test_what_is_no_question_of_trust(said: bytes, words: str, check: Callable[..., Answer]) -> None:
    def speak(sock: Any) -> None:
        sock.recv(65536)
        sock.sendall(said)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(65536)

    with Server(None, speak) as server:
        answer = check(at(server))
    assert (answer.status, answer.output) == (NOT_ASKED, "")
    assert words in answer.errors


def test_a_server_that_takes_its_time(check: Callable[..., Answer]) -> None:
    """Each byte comes in time, but there is no end of them."""
    done = threading.Event()

    def drip(sock: Any) -> None:
        sock.sendall(b"\x16\x03\x03\x40\x00")
        while not done.wait(0.02):
            sock.sendall(b"\x02")

    with Server(None, drip) as server:
        answer = check(at(server), "--timeout", "0.2")
        done.set()
    assert "no answer in time" in answer.errors


def test_a_server_that_goes_away_is_refused_all_the_same(small: Authority) -> None:
    """It has sent its certificates, and does not wait for what comes of it."""

    class Below:
        def __init__(self) -> None:
            self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.server = issued(small).server_context().wrap_bio(self.incoming, self.outgoing, server_side=True)
            self.is_gone = False

        def recv(self, most: int) -> bytes:
            with contextlib.suppress(ssl.SSLWantReadError):
                self.server.do_handshake()
            self.is_gone = True
            return self.outgoing.read(most)

        def sendall(self, data: bytes) -> None:
            if self.is_gone:
                raise BrokenPipeError
            self.incoming.write(data)

    tls = stream.Tls(Below(), SSLContext(ssl.PROTOCOL_TLS_CLIENT), HOST)
    with pytest.raises(ssl.SSLCertVerificationError):
        tls.do_handshake()


def test_ports_that_begin_in_plain_text() -> None:
    for port, protocol in (25, "smtp"), (143, "imap"), (5432, "postgres"), (3306, "mysql"), (389, "ldap"):
        place = target.Target(HOST, port, None)
        said = trouble.in_handshake(ssl.SSLError(1, ""), b"220 mail", place, HOST, asked=False, shown=False)
        assert said.endswith(f"; try --starttls {protocol}")
    assert "starttls" not in trouble.in_handshake(
        ssl.SSLError(1, ""), b"220", target.Target(HOST, 443, None), HOST, asked=False, shown=False
    )


# -- the chain ----------------------------------------------------------------------------------------------------------------------


def fingerprint(certificate: Certificate) -> str:
    return certificate.parsed.fingerprint(hashes.SHA256()).hex()


def test_the_chain_as_a_tree(trusted: Authority, check: Callable[..., Answer]) -> None:
    intermediate = trusted.authority(key="p256", ends=800)
    leaf = issued(intermediate, HOST, "127.0.0.1", common_name="Leaf", ends=3.5)
    with Server(leaf.server_context()) as server:
        answer = check(at(server))
        peer = check(at(server), "--json").peer
    lines = answer.output.partition("vouches for it:\n")[2].splitlines()
    assert lines[0].startswith("  O=truststore tests, CN=Small ")
    assert lines[1].startswith("  from the store; EC P-256; ")
    assert lines[2] == f"  {fingerprint(trusted)}"
    assert lines[3].startswith("  `- O=truststore tests, CN=Intermediate")
    assert lines[4].startswith("     sent; EC P-256; ") and lines[4].endswith(", 2 years left")
    assert lines[5] == f"     {fingerprint(intermediate)}"
    assert lines[6] == "     `- O=truststore tests, CN=Leaf"
    assert "3 days left; for localhost, 127.0.0.1" in " ".join(answer.words.split())
    assert [each["sha256"] for each in peer["chain"]] == list(map(fingerprint, (leaf, intermediate, trusted)))
    assert [each["whence"] for each in peer["chain"]] == ["sent", "sent", "from the store"]
    assert [each["sha256"] for each in peer["sent"]] == list(map(fingerprint, (leaf, intermediate)))
    assert peer["chain"][0]["names"] == [HOST, "127.0.0.1"]
    assert peer["chain"][0]["key"] == "EC P-256"
    assert 3 * 86400 < peer["chain"][0]["seconds_left"] <= 3.5 * 86400


def test_what_was_sent_for_nothing(trusted: Authority, small: Authority, check: Callable[..., Answer]) -> None:
    leaf, other = issued(trusted), Authority.new("Bystander", key="p256")
    with Server(leaf.server_context([leaf, other])) as server:
        answer = check(at(server))
    assert "Sent, but not used: O=truststore tests, CN=Bystander" in answer.words


@pytest.mark.parametrize("kind", ["rsa2048", "p384", "ed25519"])
def test_keys_in_words(kind: str, root: Authority) -> None:
    found = details.read(root.issue(HOST, key=kind).der)
    assert found
    assert found.key == {"rsa2048": "RSA 2048", "p384": "EC P-384", "ed25519": "Ed25519"}[kind]


def test_any_certificate_is_described(small: Authority) -> None:
    """Whatever a server sends: each byte wrong in turn."""
    der = issued(small, HOST, "::1", issuer_url="http://ca.example/ca.crt").der
    whole = details.read(der)
    assert whole
    assert whole.issuer_url == "http://ca.example/ca.crt"
    assert whole.names == [HOST, "::1"]
    for position in range(0, len(der), 2):
        found = details.read(der[:position] + bytes([der[position] ^ 0xFF]) + der[position + 1 :])
        if found:
            said = found.key, found.names, found.purposes, found.is_for_servers, found.issuer_url, found.weak_signature
            assert len(said) == 6
            assert details.life(found, details.now())
            assert found.is_by_public_authority in (True, False)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "no time"), (1, "1 second"), (59, "59 seconds"), (150, "2 minutes"), (86400 * 1.5, "36 hours"), (86400 * 800, "2 years")],
)
def test_spans(seconds: float, words: str) -> None:
    assert details.span(seconds) == words


# -- why it is refused --------------------------------------------------------------------------------------------------------------


def zscaler(root: Authority) -> Certificate:
    return issued(Authority.new("Zscaler Intermediate Root", key="p256"))


def missing(root: Authority) -> Certificate:
    return issued(Authority.new("Public", key="p256").authority("Missing", key="p256"), issuer_url="http://ca.example/missing.crt")


CASES: dict[str, tuple[Callable[[Authority], Certificate], str]] = {
    "unknown root": (lambda root: issued(Authority.new("Stranger", key="p256")), "CN=Stranger"),
    "inspecting proxy": (zscaler, "By its name it belongs to Zscaler, which inspects TLS"),
    "missing intermediate": (
        missing,
        "whose certificate was not sent, and is not in the store. It looks like an intermediate certificate",
    ),
    "self-signed": (lambda root: self_signed(HOST, key="p256"), "is self-signed"),
    "expired": (lambda root: issued(root, starts=-9, ends=-2.5), "expired 2 days ago, at "),
    "not yet valid": (lambda root: issued(root, starts=2.5), "will not be valid for 2 days"),
    "wrong name": (lambda root: issued(root, "a.example", "b.example"), "is for a.example, b.example: not for localhost"),
    "weak": (lambda root: issued(root, key="rsa1024"), "has a weak key (RSA 1024)"),
    "purpose": (lambda root: issued(root, purposes=(CLIENT_AUTH,)), "is for clients only"),
}


@pytest.mark.parametrize("cause", CASES)
def test_causes(cause: str, trusted: Authority, check: Callable[..., Answer]) -> None:
    make, words = CASES[cause]
    leaf = make(trusted)
    with Server(leaf.server_context([leaf])) as server:
        answer = check(at(server))
        peer = check(at(server), "--json").peer
    assert (answer.status, answer.errors) == (REFUSED, "")
    assert words in answer.words
    assert fingerprint(leaf) in answer.output
    assert (peer["cause"], peer["blamed"], peer["trusted"]) == (cause, fingerprint(leaf), False)
    assert peer["code"] > 0
    assert peer["message"]
    assert peer["notes"]


def test_a_root_that_was_sent(trusted: Authority, check: Callable[..., Answer]) -> None:
    stranger = Authority.new("Stranger", key="p256")
    leaf = issued(stranger.authority(key="p256"))
    with Server(leaf.server_context([*leaf.chain, stranger])) as server:
        answer = check(at(server))
    assert "unknown root" not in answer.output
    assert "compare its SHA-256 with the one below" in answer.words
    assert fingerprint(stranger) in answer.output


def test_where_a_root_has_to_be_added(
    trusted: Authority, system: Store, compiled: Path, check: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not to the system's store, where a variable puts another in its place."""
    monkeypatch.setattr(remedies, "commands", lambda table: ("sudo update-ca-certificates",))
    with Server(issued(Authority.new("Stranger", key="p256")).server_context()) as server:
        assert check(at(server), "--json").peer["commands"] == [f"cat root.pem >> {system.file}"]
        monkeypatch.setenv("SSL_CERT_FILE", str(compiled))
        assert check(at(server), "--json").peer["commands"] == ["sudo update-ca-certificates"]


def test_an_inspecting_proxy_by_its_own_words(trusted: Authority, check: Callable[..., Answer]) -> None:
    leaf = issued(Authority.new("Example Corp TLS Inspection CA", key="p256"))  # which is not sent
    with Server(leaf.server_context()) as server:
        peer = check(at(server), "--json").peer
        answer = check(at(server))
    assert peer["cause"] == "inspecting proxy"
    assert ": neither sent nor in the store)" in answer.words
    assert "Example Corp TLS Inspection CA" in peer["notes"][0]


def test_the_clock(trusted: Authority) -> None:
    leaf = issued(trusted)
    refusal = ssl.SSLCertVerificationError()
    judged = Judged(SSLContext(ssl.PROTOCOL_TLS_CLIENT), HOST, refusal, False, (leaf.der, leaf.root.der), ())
    for code, days in (9, -5000), (10, 5000):
        refusal.verify_code, refusal.verify_message = code, ""
        assert diagnosis.diagnose(judged, refusal, [], datetime.now(timezone.utc) + timedelta(days=days)).cause == "clock"


def test_a_store_that_variables_hide(small: Authority, compiled: Path, system: Store, check: Callable[..., Answer]) -> None:
    """Not "install the root": it is there."""
    compiled.write_text(small.pem)
    with Server(issued(small).server_context()) as server:
        answer = check(at(server))
        peer = check(at(server), "--json").peer
    assert answer.status == REFUSED
    assert "The system's own store would trust this server." in answer.words
    assert f"SSL_CERT_FILE={system.file}, SSL_CERT_DIR={system.directory} hides it" in answer.words
    assert "unset SSL_CERT_FILE SSL_CERT_DIR" in answer.output
    assert "root.pem" not in answer.output
    assert peer["cause"] == "hidden store"
    assert peer["commands"] == ["unset SSL_CERT_FILE SSL_CERT_DIR"]


def test_an_empty_store(small: Authority, compiled: Path, system: Store, check: Callable[..., Answer]) -> None:
    system.file.write_text("")
    leaf = issued(small)
    with Server(leaf.server_context()) as server:
        answer = check(at(server))
        peer = check(at(server), "--json").peer
    assert answer.status == REFUSED
    assert "There are no roots to verify with: " in answer.words
    assert f"hides the roots in {compiled}" in answer.words
    assert peer["cause"] == "empty store"
    assert [each["sha256"] for each in peer["sent"]] == [fingerprint(leaf)], "looked at all the same"
    assert "no store" in peer["judge"]


def test_a_store_that_cannot_be_loaded(trusted: Authority, check: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    def load(context: ssl.SSLContext, path: str) -> Any:
        raise OSError("a fault of the disk")

    monkeypatch.setattr(files, "load", load)
    with Server(issued(trusted).server_context()) as server:
        peer = check(at(server), "--json").peer
    assert (peer["cause"], peer["trusted"]) == ("unusable store", False)
    assert "a fault of the disk" in peer["notes"][0]
    assert "Repair it" in peer["notes"][1]


def test_an_empty_store_and_certificates_besides(
    small: Authority, system: Store, tmp_path: Path, check: Callable[..., Answer]
) -> None:
    system.file.write_text("")
    own = tmp_path / "own.pem"
    own.write_text(small.pem)
    with Server(issued(small).server_context()) as server:
        answer = check(at(server), "--ca", str(own))
    assert answer.status == TRUSTED
    assert "Decided by OpenSSL, with no store: nothing that was looked at holds a certificate" in answer.words


def test_damage_of_the_store_is_said_with_a_refusal(small: Authority, system: Store, check: Callable[..., Answer]) -> None:
    with system.file.open("a") as file:
        file.write("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
    with Server(issued(small).server_context()) as server:
        answer = check(at(server))
    assert f"Warning: {system.file}, line " in answer.words


@pytest.mark.parametrize(
    ("platform", "there", "command"),
    [
        ("linux", "etc/pki/ca-trust/source/anchors/x", "sudo update-ca-trust"),
        ("linux", "etc/pki/trust/anchors/x", "sudo cp root.pem /etc/pki/trust/anchors/"),
        ("linux", "etc/ca-certificates/trust-source/anchors/x", "sudo trust anchor --store root.pem"),
        ("linux", "usr/sbin/update-ca-certificates", "sudo install -D -m 644 root.pem /usr/local/share/ca-certificates/root.crt"),
        ("freebsd14", "usr/sbin/certctl", "certctl rehash"),
        ("win32", "x", "certutil -addstore -f Root root.pem"),
        ("darwin", "x", "sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain root.pem"),
    ],
)
def test_the_commands_of_a_system(platform: str, there: str, command: str, tmp_path: Path) -> None:
    path = tmp_path / there
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert command in remedies.commands(remedies.ADD_ROOT, platform, str(tmp_path))


def test_a_system_without_known_commands(tmp_path: Path) -> None:
    assert remedies.commands(remedies.ADD_ROOT, "linux", str(tmp_path)) == ()


# -- who else would say what --------------------------------------------------------------------------------------------------------


def test_who_else(
    trusted: Authority, compiled: Path, tmp_path: Path, check: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled.write_text(trusted.pem)
    bundle = tmp_path / "requests.pem"
    bundle.write_text(trusted.pem)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setitem(judges.PARTIES, "certifi", lambda: "certifi is not installed")
    with Server(issued(trusted).server_context()) as server:
        plain = check(at(server))
        verbose = check(at(server), "-v")
        assert "Who else" not in plain.output, "all say the same"
        bundle.write_text(Authority.new("Another", key="p256").pem)
        differing = check(at(server))
        bundle.unlink()
        without = check(at(server), "--json").peer["others"]
    assert verbose.output.count("trusted ") == 6
    assert "- certifi is not installed" in verbose.words
    assert f"REFUSED Requests, with REQUESTS_CA_BUNDLE={bundle}: unable to get local issuer certificate (20)" in differing.words
    assert differing.status == TRUSTED, "whatever others say"
    assert [each["key"] for each in without] == list(judges.PARTIES)
    [requests] = [each for each in without if each["key"] == "requests"]
    assert requests["trusted"] is None
    assert "cannot be loaded" in requests["message"]


def test_certifi_is_asked(trusted: Authority, check: Callable[..., Answer]) -> None:
    certifi = pytest.importorskip("certifi", reason="certifi is not installed")
    with Server(issued(trusted).server_context()) as server:
        verdicts = {each["key"]: each for each in check(at(server), "--json").peer["others"]}
    assert verdicts["certifi"]["who"] == f"certifi {certifi.__version__}"
    assert (verdicts["certifi"]["trusted"], verdicts["certifi"]["code"]) == (False, 20)
    assert verdicts["requests"]["who"] == "Requests, with certifi"
    assert verdicts["ssl"]["trusted"] is True, "by SSL_CERT_FILE"


def test_one_connection_is_enough(trusted: Authority, small: Authority, check: Callable[..., Answer]) -> None:
    for leaf in issued(trusted), self_signed(HOST, key="p256"):
        with Server(leaf.server_context(), answer_http) as server:
            check(at(server), "-v")
            server.outcome()
            assert server.outcomes.empty()


def test_where_the_system_verifies(small: Authority, check: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows and macOS."""
    monkeypatch.setattr(SSLContext, "_verifier", staticmethod(FakeVerifier([small.der])))
    monkeypatch.setattr(SSLContext, "_platform", PLATFORM)
    for leaf, status in (issued(small.authority(key="p256")), TRUSTED), (issued(small, "a.example"), REFUSED):
        with Server(leaf.server_context()) as server:
            answer = check(at(server))
            peer = check(at(server), "--json").peer
        assert answer.status == status
        assert "Decided by Fake, with a store made for tests." in answer.words
        assert [each["sha256"] for each in peer["sent"]] == list(map(fingerprint, leaf.chain))
        assert peer["others"][0] == {
            "key": "system",
            "who": "a store made for tests",
            "trusted": status == TRUSTED,
            "code": peer["code"],
            "message": peer["message"],
        }
    assert peer["cause"] == "wrong name"


def test_the_documentation_has_all_members(trusted: Authority, check: Callable[..., Answer]) -> None:
    with Server(issued(trusted).server_context()) as server:
        peer = check(at(server), "--json").peer
    text = (Path(__file__).parents[1] / "docs" / "command-line.md").read_text("utf-8")
    section = text.partition("`check --json` has")[2].partition("`verify --json`")[0]
    own = {"subject", "issuer", "not_before", "not_after", "sha256"}  # of any certificate
    for member in {*peer, *peer["others"][0], *peer["chain"][0]} - own:
        assert f"`{member}`" in section
    assert all(f"`{key}`" in section for key in judges.PARTIES)


def test_a_hostile_chain_cannot_write_to_the_terminal(trusted: Authority, check: Callable[..., Answer]) -> None:
    leaf = issued(trusted, "\x1b[2J.example", "x" * 250 + ".example", common_name="\x1b[2J\r\n\u202e" + "x" * 5000)
    with Server(leaf.server_context()) as server:
        answer = check(at(server), "-v")
        document = check(at(server), "-v", "--json").output
    assert answer.status == REFUSED
    assert all(character.isprintable() for line in answer.output.split("\n") for character in line)
    assert len(answer.output) < 6000
    assert document.isascii()
    assert "\\u001b" not in document
