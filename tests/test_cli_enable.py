"""`truststore enable` and `disable`, in a virtual environment of the test's own."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import timeit
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from commands import SOURCES, environment

from truststore._cli import enable, pth, status

if TYPE_CHECKING:
    from servers import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the environment is laid out differently there")

INJECTED = "import ssl; print(ssl.SSLContext.__module__)"
OURS, OTHERS, NOBODYS = "truststore._context\n", "_truststore_of_run._context\n", "ssl\n"


class Environment:
    """With truststore installed."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        self.python = folder / "bin" / "python"
        self.packages = next(folder.glob("lib/*/site-packages"))
        self.installed = self.packages / "truststore"
        shutil.copytree(Path(SOURCES, "truststore"), self.installed, ignore=shutil.ignore_patterns("__pycache__"))

    def run(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        without = {name: value for name, value in environment(variables).items() if name != "PYTHONPATH"}
        command = [str(self.python), "-W", "error", "-X", "dev", *arguments]
        done = subprocess.run(command, env=without, capture_output=True, text=True, timeout=50)
        return done.returncode, done.stdout, done.stderr

    def command(self, *arguments: str) -> str:
        status, output, errors = self.run("-m", "truststore", *arguments)
        assert (status, errors) == (0, "")
        return " ".join(output.split())


@pytest.fixture
def here(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "environment")


def test_enabled_and_disabled(here: Environment, system: Store) -> None:
    before = sorted(here.packages.iterdir())
    assert json.loads(here.command("--json"))["enabled"] is None
    assert "truststore disable" in here.command("enable")
    assert [path.name for path in sorted(here.packages.iterdir()) if path not in before] == [pth.NAME]

    for flags, module in ((), OURS), (("-E",), OURS), (("-I",), OURS), (("-S",), NOBODYS):
        assert here.run(*flags, "-c", INJECTED) == (0, module, "")
    assert json.loads(here.command("--json"))["enabled"] == str(here.packages / pth.NAME)
    assert f"enabled for all programs of this environment, by {here.packages / pth.NAME}" in here.command()

    assert "enabled" in here.command("enable").lower(), "twice is once"
    assert "is removed" in here.command("disable")
    assert sorted(here.packages.iterdir()) == before
    assert here.run("-c", INJECTED) == (0, NOBODYS, "")
    assert "was not enabled" in here.command("disable")


@pytest.fixture
def enabled(here: Environment) -> Environment:
    (here.packages / pth.NAME).write_text(pth.content().replace(SOURCES, str(here.packages)), "ascii")
    return here


@pytest.mark.parametrize(
    "code",
    [
        "import ssl, truststore; print(ssl.SSLContext is truststore.SSLContext)",
        "import truststore, ssl; print(ssl.SSLContext is truststore.SSLContext)",
        "import ssl, sys; print(not [finder for finder in sys.meta_path if 'truststore' in str(type(finder)) + str(finder)])",
        "import sys; print(not {'ssl', 'truststore', '_truststore_startup'} & {*sys.modules})",
        "import importlib.util, importlib.metadata as m, pkgutil; m.distributions(); print(importlib.util.find_spec('nowhere') is None)",
        "import ssl, sys; print(not [path for path in sys.path if 'startup' in path])",
        "import subprocess as s, sys; print(s.run([sys.executable, '-c', 'import ssl; ssl.SSLContext._stands_for']).returncode == 0)",
        "import os; print(not [name for name in os.environ if 'TRUSTSTORE' in name])",
    ],
)
def test_a_program(enabled: Environment, code: str) -> None:
    assert enabled.run("-c", code) == (0, "True\n", "")


def test_together_with_run(enabled: Environment) -> None:
    assert enabled.run("-m", "truststore", "run", "-c", INJECTED) == (0, OURS, "")
    assert enabled.run("-c", INJECTED, PYTHONPATH=os.path.join(SOURCES, "truststore", "_cli", "startup"))[0] == 0


def test_another_file_that_imports_ssl(enabled: Environment) -> None:
    (enabled.packages / "another.pth").write_text("import ssl\n")
    assert enabled.run("-c", INJECTED) == (0, OURS, "")


def test_nothing_that_fails_stops_an_interpreter(enabled: Environment) -> None:
    startup = enabled.installed / "_cli" / "startup" / "_truststore_startup.py"
    for broken in "raise RuntimeError", "1 +", "":
        startup.write_text(broken)
        assert enabled.run("-c", INJECTED) == (0, NOBODYS, "")
    startup.unlink()
    assert enabled.run("-c", INJECTED) == (0, NOBODYS, "")
    shutil.copy(Path(SOURCES, "truststore", "_cli", "startup", startup.name), startup)
    (enabled.installed / "_inject.py").write_text("raise RuntimeError('broken')")
    status, output, errors = enabled.run("-c", INJECTED)
    assert (status, output) == (0, NOBODYS)
    assert errors == "truststore: the system's trust could not be set up: RuntimeError: broken\n"
    shutil.rmtree(enabled.installed)
    assert enabled.run("-c", INJECTED) == (0, NOBODYS, ""), "uninstalled"
    assert enabled.run("-c", "import truststore")[0] == 1


def test_another_truststore_in_its_place(enabled: Environment) -> None:
    """An older version, say: the file leads nowhere then."""
    shutil.rmtree(enabled.installed)
    (enabled.packages / "truststore.py").touch()
    assert enabled.run("-c", f"import truststore; {INJECTED}") == (0, NOBODYS, "")


def test_where_nothing_can_be_written(here: Environment) -> None:
    here.packages.joinpath(pth.NAME).mkdir()
    status, output, errors = here.run("-m", "truststore", "enable")
    assert (status, output) == (2, "")
    assert len(errors.splitlines()) == 1


def test_a_python_that_leaves_such_files_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pth, "LEFT_OUT_SINCE", sys.version_info[:2])
    with pytest.raises(status.CannotAsk, match="PEP 829"):
        enable.answer(argparse.Namespace())


def test_the_line_is_short_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a millisecond; ten times that passes here, as machines are busy."""
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    line = pth.content().splitlines()[1]

    def once() -> None:
        exec(line)
        sys.meta_path.pop(0)

    assert min(timeit.repeat(once, number=100, repeat=5)) / 100 < 0.001
