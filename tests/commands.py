"""The command line, driven as a person would: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import truststore

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCES = str(Path(truststore.__file__).parents[1])
#: What would change what is printed, or what children import.
_UNSET = ("NO_COLOR", "FORCE_COLOR", "PYTHON_COLORS", "COLUMNS", "PYTHONSAFEPATH", "PYTHONWARNINGS")


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Of a person at a plain terminal of 80 columns; `variables` besides."""
    kept = {name: value for name, value in os.environ.items() if name not in _UNSET}
    return kept | {"PYTHONPATH": SOURCES, "TERM": "dumb", **(variables or {})}


def truststore_command(
    *arguments: str, variables: Mapping[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m truststore`` with these arguments."""
    command = [sys.executable, "-W", "error", "-m", "truststore", *arguments]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
    return subprocess.run(command, env=environment(variables), text=True, timeout=50, **options)
