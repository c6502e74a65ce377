"""`nox -s real`, on the simulator: what a person with a Mac runs is known to run. tests/windows/test_real.py is its twin."""

from __future__ import annotations

import contextlib
import json
import subprocess
from typing import TYPE_CHECKING

import cases
import pytest
from macos import simulated
from real import __main__ as real
from real import systems

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from macos.simulated import Simulator


@pytest.fixture
def mac(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The simulator that the other tests use: two copies of it cannot be in one process."""
    system = systems.Simulated(simulator, tmp_path / "keychain")
    monkeypatch.setattr(systems, "here", lambda **options: contextlib.nullcontext(system))
    with simulated.contexts():
        yield


def test_a_report(mac: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "real.json"
    assert real.main(["stranger-leaf", "ed25519-leaf", "own-root-wrong-name", "impostor-leaf", "denied-", "--json", str(file)]) == 0
    report = json.loads(file.read_text("utf-8"))
    assert (report["system"], report["roots_added"]) == ("simulator of macOS", True)
    seen = {row["row"]: (row["expected"], row["seen"], row["result"]) for row in report["rows"]}
    assert seen == {
        "stranger-leaf-alone": (20, 20, "as expected"),
        "impostor-leaf-alone": (20, 20, "as expected"),
        "ed25519-leaf": (66, 66, "as expected"),
        "own-root-wrong-name": (62, 62, "as expected"),
        "denied-root": (28, 28, "as expected"),
        "denied-leaf": (28, 28, "as expected"),
    }
    assert [row["row"] for row in report["rows"] if row["rests_on"] == "guess"] == ["impostor-leaf-alone"]
    printed = capsys.readouterr().out
    assert "impostor-leaf-alone                       20?       20  as expected" in printed
    assert "6 as expected" in printed


def test_a_path_without_an_anchor_is_not_the_best(mac: None, tmp_path: Path) -> None:
    """All rows share one keychain: an intermediate of one was taken for another's, which it has not issued."""
    assert real.main(["path-too-long", "missing-intermediate-published", "--json", str(tmp_path / "real.json")]) == 0


@pytest.mark.parametrize(
    ("expected", "seen", "result"),
    [(20, 20, "as expected"), (cases.Guess(20), 0, "WRONG GUESS"), (20, 0, "WRONG"), (cases.Guess(20), None, "WRONG")],
)
def test_a_result(expected: int, seen: int | None, result: str) -> None:
    assert real.result(expected, seen) == result


def test_a_mac_forgets_what_it_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has run it on one: these are the commands."""
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, **options: commands.append(command))
    worlds = [case.world() for case in cases.CASES if case.id in {"stranger-leaf-alone", "denied-root"}]
    with contextlib.ExitStack() as undoing:
        systems.Mac(tmp_path, undoing, add_roots=True).learn(worlds)
        learned = len(commands)
    done = [(command[2], command[-1]) for command in commands]
    assert [command[:2] for command in commands] == [["sudo", "security"]] * len(commands)
    assert [command[5] for command in commands if command[2] == "add-trusted-cert"] == ["trustRoot", "deny"]
    put_in = [what for how, what in done[:learned] if how == "add-trusted-cert"]
    assert done[learned:] == [("remove-trusted-cert", what) for what in reversed(put_in)] + [("delete-keychain", done[0][1])]


def test_where_no_roots_may_be_added_strangers_alone_are_asked_about() -> None:
    asked = {case.id for case in cases.rows("macos") if real.is_about_a_stranger(case, "macos")}
    assert {"stranger-leaf-alone", "self-signed", "own-root-wrong-name"} <= asked
    assert asked.isdisjoint({"good", "wrong-name", "bad-signature-leaf", "denied-root"})
