"""How many examples Hypothesis tries: as many as a test says, or some times as many where there is time for that (`nox -s torture`)."""

from __future__ import annotations

import os

TIMES = int(os.environ.get("TRUSTSTORE_EXAMPLES", "1"))


def examples(count: int) -> int:
    return count * TIMES
