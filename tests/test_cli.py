"""`python -m truststore`: what it says, its exit status, and that whatever it is given it says something sensible."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority, Certificate, self_signed
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID
from many import examples
from properties import HealthCheck, example, given, settings, st
from servers import HOST, TIMEOUT, Server, Store, needs_openssl

import truststore
from truststore import _cli
from truststore._cli import overview
from truststore._verify_codes import OPENSSL_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [needs_openssl, pytest.mark.usefixtures("compiled")]

TRUSTED, REFUSED, NOT_ASKED = 0, 1, 2
SOURCES = str(Path(truststore.__file__).parents[1])


def run(*arguments: str) -> int:
    try:
        return _cli.main(arguments)
    except SystemExit as exited:  # argparse's way
        return exited.code if isinstance(exited.code, int) else -1


#: As with `-m truststore`, in a process that hears SIGINT although the shell that runs the tests may be in the background.
AS_A_USER = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("truststore", run_name="__main__", alter_sys=True)
"""


def start(*arguments: str, warnings: str = "error", **options: Any) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    command = [sys.executable, "-W", warnings, "-c", AS_A_USER, *arguments]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": SOURCES}, text=True, **options)


def checked(certificate: Certificate, capsys: pytest.CaptureFixture[str], name: str = HOST) -> tuple[int, str]:
    """What `check` makes of a server with this certificate."""
    with Server(certificate.server_context()) as server:
        status = run("check", f"{name}:{server.port}")
    output = capsys.readouterr()
    assert output.err == ""
    assert f"{name}:{server.port}" in output.out
    assert all(len(line) < 80 or os.sep in line for line in output.out.splitlines()), "paths stay whole"
    return status, output.out


def words(output: str) -> str:
    """Without regard to where lines are broken."""
    return " ".join(output.split())


# -- the answers ------------------------------------------------------------------------------------------------------------------


def test_trusted(system: Store, root: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    intermediate = root.authority()
    status, output = checked(intermediate.issue(HOST, common_name="The leaf"), capsys)
    assert status == TRUSTED
    assert "is trusted (TLSv1.3, TLS_AES_256_GCM_SHA384)" in output
    assert "Decided by OpenSSL" in output
    assert str(system.file) in output
    names = common_name(root), common_name(intermediate), "The leaf"
    assert sorted(names, key=output.find) == list(names), "the chain, root first"
    assert -1 not in map(output.find, names)


def common_name(certificate: Certificate) -> str:
    return str(certificate.parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda root: Authority.new("Stranger").issue(HOST), "unable to get local issuer certificate (verify code 20)"),
        (lambda root: self_signed(HOST), "self-signed certificate (verify code 18)"),
        (lambda root: root.issue(HOST, starts=-9, ends=-2), "certificate has expired (verify code 10)"),
        (lambda root: root.issue(HOST, starts=2), f"{OPENSSL_WORDS[9]} (verify code 9)"),
        (lambda root: root.issue("elsewhere.example"), "certificate is not valid for 'localhost'. (verify code 62)"),
    ],
    ids=["stranger", "self-signed", "expired", "not yet valid", "another name"],
)
def test_refused_with_the_rule(
    system: Store, root: Authority, capsys: pytest.CaptureFixture[str], make: Callable[[Authority], Certificate], rule: str
) -> None:
    certificate = make(root)
    status, output = checked(certificate, capsys)
    assert status == REFUSED
    assert "is REFUSED: " in output
    assert rule in words(output)
    assert "REFUSED; sent; RSA 2048; " in output
    assert certificate.parsed.fingerprint(hashes.SHA256()).hex() in output


def test_an_address(system: Store, leaf: Certificate, stranger: Certificate, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(leaf, capsys, "127.0.0.1")[0] == TRUSTED
    assert checked(stranger, capsys, "127.0.0.1")[0] == REFUSED


def test_an_address_of_the_other_kind(system: Store, root: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    class Server6(Server):
        address_family = socket.AF_INET6

        def server_bind(self) -> None:
            self.server_address = ("::1", 0)
            super().server_bind()

    try:
        server = Server6(root.issue("::1").server_context())
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server:
        assert run("check", f"[::1]:{server.port}") == TRUSTED
        assert f"[::1]:{server.port} is trusted" in capsys.readouterr().out


def test_names_cannot_write_to_the_terminal(system: Store, capsys: pytest.CaptureFixture[str]) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "\x1b[2J\r\nis trusted \u202e\x07")])
    _, output = checked(self_signed(HOST, subject=name), capsys)
    assert all(character.isprintable() for line in output.splitlines() for character in line)
    assert not [line for line in output.splitlines() if line.startswith("is trusted")]


def test_no_store_is_said(system: Store, leaf: Certificate, capsys: pytest.CaptureFixture[str]) -> None:
    system.file.unlink()
    status, output = checked(leaf, capsys)
    assert status == REFUSED
    assert "no trusted roots were found on this system" in words(output)
    assert str(system.file) in output


def test_what_decides_here(system: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert "Decided by OpenSSL" in output.out
    assert str(system.file) in output.out
    assert str(system.directory) in output.out, "passed over: it holds nothing"


def test_blocks_that_are_left_out(system: Store, root: Authority, capsys: pytest.CaptureFixture[str]) -> None:
    system.file.write_text(f"{root.pem}-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "ascii")
    assert run() == 0
    said = words(capsys.readouterr().out)
    assert f"warning {system.file}, line {root.pem.count(chr(10)) + 1}: left out a block" in said


def test_a_store_that_disappears(system: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    store = truststore.system_store()
    assert store is not None
    monkeypatch.setattr(overview, "system_store", lambda: store)
    system.file.unlink()
    assert run() == 0
    assert "No such file" in capsys.readouterr().out


def test_in_a_process_of_its_own(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    for certificate, status, verdict in (leaf, TRUSTED, "is trusted"), (stranger, REFUSED, "is REFUSED"):
        with Server(certificate.server_context()) as server, start("check", f"{HOST}:{server.port}") as process:
            out, err = process.communicate(timeout=TIMEOUT)
        assert (process.returncode, err) == (status, "")
        assert verdict in out


# -- could not be asked -----------------------------------------------------------------------------------------------------------


def not_asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run("check", *arguments) == NOT_ASKED
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.strip()
    return output.err


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_nobody_listens(system: Store, capsys: pytest.CaptureFixture[str]) -> None:
    port = closed_port()
    assert f"127.0.0.1:{port} could not be checked: nothing listens" in not_asked(capsys, f"127.0.0.1:{port}")


def test_no_such_name(system: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*args: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    message = not_asked(capsys, "nowhere.example")
    assert "nowhere.example:443 could not be checked: the name cannot be resolved (Name or service not known)" in message


@pytest.mark.parametrize(
    "said", [b"", b"220 mail.example ESMTP\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28"]
)
def test_no_tls_there(system: Store, capsys: pytest.CaptureFixture[str], said: bytes) -> None:
    def speak(sock: Any) -> None:
        sock.recv(65536)
        sock.sendall(said)

    with Server(None, speak) as server:
        assert "could not be checked: " in not_asked(capsys, f"127.0.0.1:{server.port}")


def test_no_answer_in_time(system: Store, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert "no answer in time" in not_asked(capsys, f"127.0.0.1:{port}", "--timeout", "0.05")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "HOST[:PORT]"),
        (["two\nlines/"], "two\\nlines/"),
        (["example.com", "--\x1b[2J"], "--\\x1b[2J"),
        ([""], "''"),
        (["http://example.com/"], "'http://example.com/'"),
        (["https:///path"], "'https:///path'"),
        (["https://example.com:x/"], "'x'"),
        (["example.com\r\nHost"], "example.com\\r\\nHost"),
        (["a..b"], "'a..b'"),
        (["example.com:"], "''"),
        (["example.com:https"], "'https'"),
        (["example.com:0"], "'0'"),
        (["example.com:65536"], "'65536'"),
        (["example.com:-1"], "'-1'"),
        (["example.com:\u0664\u0664"], "\u0664"),
        ([":443"], "':443'"),
        (["[::1"], "'[::1'"),
        (["[::1]443"], "'[::1]443'"),
        (["[]:443"], "'[]:443'"),
        (["example.com", "--timeout", "soon"], "'soon'"),
        (["example.com", "--timeout", "0"], "'0'"),
        (["example.com", "--timeout", "nan"], "'nan'"),
        (["example.com", "--timeout", "1e9"], "'1e9'"),
        (["example.com", "--server-name", "a b"], "'a b'"),
        (["example.com", "--starttls", "gopher"], "gopher"),
        (["example.com", "--proxy", "socks5://localhost"], "socks5"),
        (["example.com", "--proxy", "http://me:secret@"], "(user)@"),
        (["--unknown", "example.com"], "--unknown"),
    ],
    ids=repr,
)
def test_bad_arguments_are_named(capsys: pytest.CaptureFixture[str], arguments: list[str], named: str) -> None:
    message = not_asked(capsys, *arguments)
    assert named in message
    assert message.startswith("truststore")
    assert message.endswith(" --help)\n")
    assert len(message.splitlines()) == 1


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("inspect") == NOT_ASKED
    assert "'inspect'" in capsys.readouterr().err


@settings(deadline=None, max_examples=examples(200), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text() | st.text("[]:.-/%@a1 \ud800\xdf\u0130", max_size=12))
@example(text="a" * 64 + ".example")
@example(text="a..b")
@example(text="example.com:" + "9" * 5000)
@example(text="fe80::1%eth0")
@example(text="\udcff")
def test_any_peer_is_answered(system: Store, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Nothing listens there, or there is no such thing; the rest is said in words."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", unresolved)
        assert run("check", "--", text) == NOT_ASKED
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.strip()


def unresolved(host: str | bytes, *args: Any, **options: Any) -> Any:
    if isinstance(host, str):
        host.encode("idna")  # as the real one does, with its errors
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


# -- the world around -------------------------------------------------------------------------------------------------------------


def test_interrupted(system: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT)
        # ssl leaves the socket open if its handshake is interrupted: Python would warn.
        with start("check", f"127.0.0.1:{listener.getsockname()[1]}", warnings="ignore") as process:
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(TIMEOUT)
                sock.recv(1)
                out, err = interrupt(process)
    assert (process.returncode, out, err) == (130, "", "")


def interrupt(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Again if it is not heard: a signal just before _ssl.c polls the socket is not seen until the poll ends."""
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=2)
    raise AssertionError("it does not hear of being interrupted")


def test_a_reader_that_went_away(system: Store, leaf: Certificate) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with Server(leaf.server_context()) as server, start("check", f"{HOST}:{server.port}", stdout=writing) as process:
        os.close(writing)
        _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == NOT_ASKED
    assert err == ""


def test_nowhere_to_write(system: Store, leaf: Certificate, stranger: Certificate) -> None:
    for certificate, status in (leaf, TRUSTED), (stranger, REFUSED):
        with Server(certificate.server_context()) as server:
            command = f"exec '{sys.executable}' -m truststore check {HOST}:{server.port} >&- 2>&-"
            environment = os.environ | {"PYTHONPATH": SOURCES}
            assert subprocess.run(["sh", "-c", command], env=environment, timeout=TIMEOUT).returncode == status


def test_a_terminal_that_cannot_write_everything(system: Store, root: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    certificate = root.issue(HOST, common_name="Zürich €")
    with Server(certificate.server_context()) as server, start("check", f"{HOST}:{server.port}") as process:
        out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (TRUSTED, "")
    assert "Z\\xfcrich \\u20ac" in out
