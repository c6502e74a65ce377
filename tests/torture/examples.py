"""The tests that Hypothesis feeds, with more examples: PEM, DER, names, the environment, arguments, the gate's state machine.

And those that interrupt us at some points, at all of them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from .watched import Wrong

if TYPE_CHECKING:
    from random import Random

TESTS = Path(__file__).resolve().parents[1]
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "400")


def of_the_tests(times: int, random: Random) -> Counter[str]:
    return _passed(
        {"TRUSTSTORE_EXAMPLES": str(times)}, "-m", "hypothesis", f"--hypothesis-seed={random.randrange(2**32)}", str(TESTS)
    )


def at_all_points(points: int, _: Random, *, path: str) -> Counter[str]:
    return _passed({"TRUSTSTORE_STRIDE": str(points)}, str(TESTS / path))


def _passed(variables: dict[str, str], *arguments: str) -> Counter[str]:
    """How many of the tests passed, which is all."""
    command, environment = [sys.executable, *PYTEST, *arguments], {**os.environ, **variables}
    done = subprocess.run(command, cwd=TESTS.parent, env=environment, capture_output=True, text=True)
    passed = re.search(r"(\d+) passed", done.stdout)
    if done.returncode or not passed:
        raise Wrong(f"status {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return Counter({"tests": int(passed[1])})
