"""The environment of one suite: a folder with the project and all that its tests need, and nothing of anybody else's."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.suites.table import Suite

CONSTRAINTS = Path(__file__).with_name("constraints.txt")
#: For the verifier of the gate mode.
ALWAYS = ("cryptography",)


def create(folder: Path, requirements: Iterable[str]) -> Path:
    """Make an environment, unless it is there already, without pip: the pip that runs here installs into it. Returns its Python."""
    wanted = [str(folder / "bin" / "python"), "install", "-qq", "--constraint", str(CONSTRAINTS), *requirements]
    python, made = Path(wanted[0]), folder / "made"
    if made.exists() and made.read_text("utf-8") == " ".join(wanted):
        return python
    venv.create(folder, symlinks=True, clear=True)
    subprocess.run([sys.executable, "-m", "pip", "--python", *wanted], check=True)
    made.write_text(" ".join(wanted), "utf-8")
    return python


def of(suite: Suite, folder: Path) -> Path:
    return create(folder, (suite.requirement, *suite.needs.split(), *ALWAYS))


def installed_in(python: Path) -> Path:
    """The folder of what is installed there."""
    [folder] = (python.parents[1] / "lib").glob("python3.*/site-packages")
    return folder
