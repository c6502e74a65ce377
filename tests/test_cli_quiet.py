"""What no command bothers anybody with: more than a line about bad input, anything about Ctrl-C, or about a reader that went away.

`check`, whose network takes its time, has such tests of its own, and so has `run`, which becomes another program.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest
from servers import Store, needs_openssl

from truststore import _cli
from truststore._cli import overview, pth, roots, run, status
from truststore._cli.parser import COMMANDS
from truststore._store import pem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from certificates import Certificate

pytestmark = needs_openssl

#: Where each does what it is there for: what is interrupted.
AT_WORK: dict[str, tuple[Any, str]] = {
    "": (overview, "system_store"),
    "verify chain.pem": (pem, "contents"),
    "roots": (roots, "system_store"),
    "roots --pem --output new.pem": (os, "fsync"),
    "roots --der-dir new": (os, "chmod"),
    "run -c pass": (run, "_became"),
    "enable": (os, "fsync"),
    "disable": (os, "unlink"),
}
#: What prints. `run` prints its own help alone.
PRINTING = ["", "--json", "verify chain.pem", "verify --json chain.pem", "roots", "roots --json", "run --help", "enable", "disable"]
BAD = [
    "--unknown",
    "unknown",
    "--json=1",
    "verify",
    "verify nowhere.pem",
    "verify empty.pem",
    "verify .",
    "verify --name",
    "verify a b",
    "roots --purpose unknown",
    "roots --output nowhere/new.pem",
    "roots extra",
    "run",
    "run --unknown",
    "enable extra",
    "disable --unknown",
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, system: Store, leaf: Certificate, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current one, with a chain in it. `enable` would write beside it."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "chain.pem").write_text(leaf.pem, "ascii")
    (here / "empty.pem").touch()
    monkeypatch.chdir(here)
    monkeypatch.setattr(pth, "path", lambda: str(tmp_path / "enabled.pth"))
    return here


def started(line: str) -> int:
    try:
        return _cli.main(line.split())
    except SystemExit as exited:  # argparse's way
        return exited.code if isinstance(exited.code, int) else -1


def test_all_commands_are_here() -> None:
    names = {name for name, _, _ in COMMANDS} - {"check"}
    for lines in AT_WORK, PRINTING, BAD:
        assert {line.split()[0] for line in lines if line and not line.startswith("-")} - {"unknown"} == names


@pytest.mark.parametrize("line", AT_WORK)
def test_interrupted(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """By a signal, while it works. Nothing half done is left behind."""
    before = sorted(folder.parent.rglob("*"))
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest may run in the background of a shell
    try:
        monkeypatch.setattr(*AT_WORK[line], lambda *_, **__: signal.raise_signal(signal.SIGINT))
        assert started(line) == _cli.INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, handler)
    assert capsys.readouterr() == ("", "")
    assert sorted(folder.parent.rglob("*")) == before


@contextlib.contextmanager
def closed_pipe(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """A standard stream whose reader went away. In the end it is flushed, as by Python, which would say that it cannot be."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", buffering=1 if name == "stderr" else -1) as file:
        monkeypatch.setattr(sys, name, file)
        yield


@pytest.mark.parametrize("line", PRINTING)
def test_a_reader_that_went_away(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with closed_pipe(monkeypatch, "stdout"):
        assert started(line) == status.NOT_ASKED
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("line", ["verify nowhere.pem", "verify --name other.test chain.pem", "roots --purpose unknown"])
def test_nobody_to_complain_to(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A status of 1 would say that somebody was refused."""
    with closed_pipe(monkeypatch, "stderr"):
        assert started(line) == (1 if "other.test" in line else 2)


@pytest.mark.parametrize("line", BAD)
def test_bad_input_is_one_line(line: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.parent.rglob("*"))
    assert started(line) == status.NOT_ASKED
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)
    assert said.err.startswith("truststore")
    assert sorted(folder.parent.rglob("*")) == before


def test_enabling_where_that_cannot_be_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pth, "path", lambda: str(tmp_path / "nowhere" / "enabled.pth"))
    assert started("enable") == status.NOT_ASKED
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert started("disable") == 0, "it was not enabled"
