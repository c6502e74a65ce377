"""The tests that Hypothesis feeds, with more examples: PEM, DER, names, the environment, arguments, the gate's state machine."""

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
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "hypothesis", "--timeout", "400")


def of_the_tests(times: int, random: Random) -> Counter[str]:
    command = [sys.executable, *PYTEST, f"--hypothesis-seed={random.randrange(2**32)}", str(TESTS)]
    environment = {**os.environ, "TRUSTSTORE_EXAMPLES": str(times)}
    done = subprocess.run(command, cwd=TESTS.parent, env=environment, capture_output=True, text=True)
    passed = re.search(r"(\d+) passed", done.stdout)
    if done.returncode or not passed:
        raise Wrong(f"status {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return Counter({"tests": int(passed[1])})
