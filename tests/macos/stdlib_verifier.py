"""CPython's own tests with the simulator as the verifier:

    python tools/stdlib_tests.py gate --verifier $PWD/tests/macos/stdlib_verifier.py:simulated_mac --differences
        $PWD/tests/macos/stdlib_differences.csv

Loaded by its path, into a process that does nothing else.
"""

from __future__ import annotations

import atexit
import ctypes
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from truststore._verdict import Question


def simulated_mac() -> staticmethod[[Question], Sequence[bytes]]:
    """The verifier of macOS, as a class holds it, on a system that trusts nobody: the tests load their authorities."""
    sys.path.append(str(Path(__file__).parents[1]))
    from macos import simulated

    from truststore import _macos

    folder = Path(tempfile.mkdtemp(prefix="truststore-simulator-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    simulated.build(folder)
    simulator = simulated.Simulator(folder)
    simulator.reset()
    ctypes.CDLL = simulated._library(simulator, ())  # type: ignore[misc]
    return staticmethod(_macos.verify)
