"""What distributions make of the parser: completion for shells that works, and a manual page that is well-formed."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from truststore._cli.parser import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
BASH, ZSH = "bash-completion/completions/truststore", "zsh/site-functions/_truststore"
FISH, MANUAL = "fish/vendor_completions.d/truststore.fish", "man/man1/truststore.1"
NOW = {"SOURCE_DATE_EPOCH": "1767225600"}  # the first day of 2026


def tool(name: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        return importlib.import_module(f"tools.distribution.{name}")


@pytest.fixture(scope="module")
def files() -> Mapping[str, str]:
    made: Mapping[str, str] = tool("files").all_of_them(NOW)
    return made


@pytest.fixture(scope="module")
def written(files: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them, below a directory, with a name of their own each."""
    folder = tmp_path_factory.mktemp("share")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def complaints(*command: str) -> str:
    """What a program says of a file. Skips without it."""
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed here")
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, env=os.environ | {"LC_ALL": "C.UTF-8"})
    return done.stdout + done.stderr


def test_they_are_written_where_they_belong(files: Mapping[str, str], tmp_path: Path) -> None:
    """As a package's build does it, and the same bytes each time."""
    command = [sys.executable, "-m", "tools.distribution", str(tmp_path / "usr" / "share")]
    subprocess.run(command, cwd=ROOT, env=os.environ | NOW, check=True, timeout=50)
    found = {path.relative_to(tmp_path / "usr" / "share").as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    assert {name: path.read_text("utf-8") for name, path in found.items()} == files


@pytest.mark.parametrize("name", [BASH, ZSH, FISH, MANUAL])
def test_nothing_is_missing(name: str, files: Mapping[str, str]) -> None:
    text = files[name].replace("\\-", "-").replace("-l ", "--")  # as the manual and fish write them
    for command in tool("command_line").commands():
        assert command.name in text
        for option in command.options:
            assert [name for name in option.names if name.startswith("--") and name not in text] == []
    assert {command for command, _, _ in COMMANDS} == {command.name for command in tool("command_line").commands()} - {""}


@pytest.mark.parametrize(("shell", "name"), [("bash", BASH), ("zsh", ZSH), ("fish", FISH)])
def test_shells_can_read_them(shell: str, name: str, written: Path) -> None:
    assert complaints(shell, "-n", str(written / name)) == ""


COMPLETE = """
source "$1"; cd "$2"; shift 2
for line; do
    read -ra COMP_WORDS <<<"$line"
    [[ $line == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
    _truststore
    echo "${COMPREPLY[*]@Q}"
done
"""


def test_what_bash_completes(written: Path, tmp_path: Path) -> None:
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a file").touch()
    expected = {
        "truststore r": "'roots' 'run'",
        "truststore --v": "'--version'",
        "truststore roots --p": "'--pem' '--purpose'",
        "truststore roots --purpose ": "'client' 'server'",
        "truststore roots --purpose = s": "'server'",
        "truststore roots --purpose =": "'client' 'server'",
        "truststore roots --der-dir a": "'a folder'",
        "truststore roots --output a": "'a file' 'a folder'",
        "truststore roots a": "",
        "truststore verify a": "'a file' 'a folder'",
        "truststore verify --name a": "",
        "truststore run a": "'a file' 'a folder'",
        "truststore enable a": "",
    }
    if not complaints("bash", "--version").startswith(("GNU bash, version 5", "GNU bash, version 6")):
        pytest.skip("this bash is older than completion is written for")
    command = ["bash", "--norc", "-c", COMPLETE, "bash", str(written / BASH), str(tmp_path), *expected]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert done.stderr == ""
    lines = [" ".join(sorted(line.replace("' '", "'\n'").split("\n"))) for line in done.stdout.splitlines()]
    assert dict(zip(expected, lines, strict=True)) == expected


def test_the_manual_page_is_well_formed(written: Path) -> None:
    assert complaints("groff", "-ww", "-man", "-Tutf8", "-z", str(written / MANUAL)) == ""


def test_mandoc_has_nothing_against_the_manual_page(written: Path) -> None:
    assert complaints("mandoc", "-T", "lint", "-W", "warning", str(written / MANUAL)) == ""


def test_the_manual_page_is_dated_by_who_builds_it(files: Mapping[str, str]) -> None:
    assert files[MANUAL].startswith('.TH TRUSTSTORE 1 "2026-01-01"')


def test_hostile_texts_stay_texts(written: Path) -> None:
    """Of the help: nothing in it is a request of the formatter's, or ends a shell's word."""
    model, manual, zsh, fish = (tool(name) for name in ("command_line", "manual", "zsh", "fish"))
    option = model.Argument(["--it's"], ".br it's [a:b] \\n", "FILE")
    assert manual._escaped(option.help) == "\\&.br it's [a:b] \\en"
    assert zsh._option(option) == r"'--it'\''s[.br it'\''s \[a\:b\] \\n]:FILE:_files'"
    assert fish._option(option) == r"-l it's -r -F -d '.br it\'s [a:b] \\n'"
