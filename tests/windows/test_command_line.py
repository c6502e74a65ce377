"""The command line on Windows, as a person would use it. Processes are slow under Wine: each command has one of its own once."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from commands import environment, truststore_command
from servers import Server

from truststore import _cli
from truststore._cli import pth
from windows import system

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from certificates import Authority, Certificate

assert sys.platform == "win32"

OURS = "truststore._context"
INJECTED = "import ssl; print(ssl.SSLContext.__module__)"


def test_verify(leaf: Certificate, stranger: Certificate, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "chain.pem"
    file.write_text("".join(each.pem for each in leaf.chain), "ascii")
    done = truststore_command("verify", "--name", "www.example.test", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "is trusted. Decided by CryptoAPI" in " ".join(done.stdout.split())
    file.write_text("".join(each.pem for each in stranger.chain), "ascii")
    assert _cli.main(["verify", "--json", str(file)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["trusted"], document["code"]) == (False, 20)


def test_check(leaf: Certificate, stranger: Certificate, capsys: pytest.CaptureFixture[str]) -> None:
    """One connection, and everybody else's verdict without another."""
    with Server(leaf.server_context()) as server:
        done = truststore_command("check", "--server-name", "www.example.test", f"127.0.0.1:{server.port}")
        assert (done.returncode, done.stderr) == (0, "")
        assert "as www.example.test is trusted (TLSv1.3" in done.stdout
        assert _cli.main(["check", f"127.0.0.1:{server.port}", "--json"]) == 0
        peer = json.loads(capsys.readouterr().out)["peers"][0]
    assert peer["judge"] == "CryptoAPI, with the Windows certificate stores"
    assert [each["whence"] for each in peer["chain"]] == ["sent", "sent", "from the store"]
    said = {each["key"]: each["trusted"] for each in peer["others"]}
    assert (said["system"], said["environment"]) == (True, True)
    with Server(stranger.server_context()) as server:
        assert _cli.main(["check", "--server-name", "www.example.test", f"127.0.0.1:{server.port}", "--json"]) == 1
        peer = json.loads(capsys.readouterr().out)["peers"][0]
    assert (peer["cause"], peer["commands"]) == ("unknown root", ["certutil -addstore -f Root root.pem"])


def test_roots(system_root: Authority, leaf: Certificate, tmp_path: pathlib.Path) -> None:
    file, folder = tmp_path / "roots.pem", tmp_path / "roots"
    done = truststore_command("roots", "--pem", "--output", str(file))
    assert (done.returncode, done.stdout) == (0, "")
    assert "roots of Microsoft's program when it first needs them" in " ".join(done.stderr.split())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file)
    exported = set(context.get_ca_certs(binary_form=True))
    assert system_root.der in exported
    assert exported.isdisjoint(each.der for each in leaf.chain)
    assert _cli.main(["roots", "--der-dir", str(folder)]) == 0
    assert system_root.der in {path.read_bytes() for path in folder.iterdir()}


def test_bad_input_is_one_line() -> None:
    done = truststore_command("verify", "nowhere.pem")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "nowhere.pem" in done.stderr


@pytest.mark.parametrize("argument", ["roots", "--help"])
def test_a_reader_that_went_away(argument: str) -> None:
    """Windows calls that an invalid argument."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = truststore_command(argument, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (2, "")


def test_run(tmp_path: pathlib.Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {INJECTED!r}]); print(sys.argv[1:]); sys.exit(7)"
    )
    done = truststore_command("run", str(script), "an argument", '"quoted"')
    assert (done.returncode, done.stderr) == (7, "")
    assert sorted(done.stdout.splitlines()) == [str(["an argument", '"quoted"']), OURS]


@pytest.fixture
def disabled() -> Iterator[None]:
    """For programs of this very Python."""
    path = pth.path()
    if not system.ROOTS_CAN_BE_ADDED or os.path.exists(path):
        pytest.skip("this Python is to stay as it is: set TRUSTSTORE_TESTS_MAY_ADD_ROOTS=1 on a Windows to throw away")
    yield
    if os.path.exists(path):
        os.unlink(path)


def module_of_contexts() -> str:
    command = [sys.executable, "-c", INJECTED]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=True, timeout=50).stdout.strip()


@pytest.mark.usefixtures("disabled")
def test_the_overview_and_an_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert _cli.main(["enable"]) == 0
    assert module_of_contexts() == OURS
    done = truststore_command()
    assert (done.returncode, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    assert "Decided by CryptoAPI, with the Windows certificate stores." in text
    assert f"enabled for all programs of this environment, by {pth.path()}" in text
    assert _cli.main(["disable"]) == 0
    assert module_of_contexts() == "ssl"
    assert not os.path.exists(pth.path())
    capsys.readouterr()
    assert _cli.main(["--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["enabled"], document["store"], document["judge"]) == (None, None, "CryptoAPI")
