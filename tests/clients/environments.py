"""An environment for all clients that go together, and one for each that does not."""

from __future__ import annotations

import os
import subprocess
import venv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


PROGRAMS = "Scripts" if os.name == "nt" else "bin"


def made(folder: Path, requirements: Iterable[str]) -> Path:
    """The folder with the programs of an environment that has these; what it lacks is installed."""
    programs = folder / PROGRAMS
    if not folder.exists():
        venv.create(folder, with_pip=True)
    wanted = sorted({each for requirement in requirements for each in requirement.split()})
    if wanted:
        subprocess.run([programs / "python", "-m", "pip", "install", "-q", *wanted], check=True)
    return programs
