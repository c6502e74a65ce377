"""What all commands of the command line have in common: how it is started, help, statuses, colour, and what it may not cost others."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from commands import SOURCES, truststore_command
from servers import HOST, Server, Store, needs_openssl
from test_package import build

from truststore import _cli
from truststore._cli import say, verify
from truststore._cli.parser import COMMANDS
from truststore._cli.version import VERSION

if TYPE_CHECKING:
    from certificates import Certificate

ROOT = Path(__file__).resolve().parent.parent
NAMES = [name for name, _, _ in COMMANDS]


def test_the_version_is_the_projects() -> None:
    assert f'\nversion = "{VERSION}"\n' in (ROOT / "pyproject.toml").read_text("utf-8")
    done = truststore_command("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"truststore {re.escape(VERSION)} \(\w+ 3\.\d+\.\d+, \w+\)\n", done.stdout)


def test_the_console_script_is_the_same_as_the_module(tmp_path: Path) -> None:
    with zipfile.ZipFile(build("wheel", tmp_path)) as wheel:
        entry_points = next(wheel.read(name).decode() for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    scripts = configparser.ConfigParser()
    scripts.read_string(entry_points)
    module, _, function = scripts["console_scripts"]["truststore"].partition(":")
    code = f"import sys; from {module} import {function}; sys.exit({function}())"
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], env=os.environ | {"PYTHONPATH": SOURCES}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: truststore [-h]")
    assert done.stdout.replace("truststore ", "") == truststore_command("--help").stdout.replace("python -m truststore ", "")


@pytest.mark.parametrize("command", ["", *NAMES])
def test_help(command: str) -> None:
    done = truststore_command(*filter(None, [command]), "--help", variables={"COLUMNS": "80"})
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "Exit status: " in done.stdout
    assert done.stdout.startswith(f"usage: python -m truststore {command}".rstrip())


def test_a_reader_of_the_help_that_went_away() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = truststore_command("--help", stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode in (0, 2), done.stderr) == (True, ""), "argparse itself says nothing of it, if it was told"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device here that is always full")
def test_a_full_disk_is_said_in_one_line() -> None:
    """By a command: argparse, which prints the help, does not say it everywhere."""
    with open("/dev/full", "w") as full:
        done = truststore_command(stdout=full)
    assert done.returncode != 0
    assert done.stderr.startswith("python -m truststore: ")
    assert len(done.stderr.splitlines()) <= 3, "Python says that it could not write either"


def test_an_abbreviation_is_no_option() -> None:
    """A later option of the same beginning would break it."""
    done = truststore_command("check", "--time", "3", "localhost:1")
    assert done.returncode == 2
    assert "--time" in done.stderr


@pytest.mark.parametrize("command", NAMES)
def test_an_option_before_its_command_is_not_overlooked(command: str) -> None:
    done = truststore_command("--json", command, "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--json goes after the command" in done.stderr


@needs_openssl
@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False), ({"FORCE_COLOR": ""}, False)],
    ids=repr,
)
def test_colour(system: Store, leaf: Certificate, variables: dict[str, str], coloured: bool) -> None:
    with Server(leaf.server_context()) as server:
        done = truststore_command("check", f"{HOST}:{server.port}", variables=variables)
    assert done.returncode == 0
    assert ("\x1b[32mtrusted\x1b[0m" in done.stdout) is coloured
    assert ("\x1b" in done.stdout) is coloured


@needs_openssl
def test_colour_on_a_terminal(system: Store, leaf: Certificate) -> None:
    pty: Any = pytest.importorskip("pty", reason="there are no terminals of this kind here")
    for kind, coloured in ("xterm", True), ("dumb", False):
        ours, theirs = pty.openpty()
        with Server(leaf.server_context()) as server:
            done = truststore_command("check", f"{HOST}:{server.port}", stdout=theirs, variables={"TERM": kind})
        os.close(theirs)
        output = os.read(ours, 65536)
        os.close(ours)
        assert done.returncode == 0
        assert (b"\x1b[32mtrusted\x1b[0m" in output) is coloured


@pytest.mark.parametrize("hostile", ["\x1b[2J", "a\nb", "\r", "\u202e", "\x9b1m", "\x07"])
def test_what_a_terminal_would_obey_is_escaped(hostile: str) -> None:
    assert say.shown(f"<{hostile}>").isprintable()


def test_what_is_too_long_is_cut() -> None:
    assert len(say.shown("x" * 10**6)) == say.NAME
    assert say.shown("x" * say.NAME) == "x" * say.NAME


def test_a_fault_is_no_verdict(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own exit status after a traceback says "refused"."""
    monkeypatch.setattr(verify, "pem", None)
    assert _cli.main(["verify", "chain.pem"]) == 2
    assert "AttributeError" in capsys.readouterr().err


def test_importing_the_package_imports_no_command_line() -> None:
    code = "import sys, truststore; print(*[name for name in sys.modules if '_cli' in name or name == 'argparse'])"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": SOURCES}, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")
