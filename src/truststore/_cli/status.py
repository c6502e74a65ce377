"""What the commands exit with."""

from __future__ import annotations

#: Trusted, or done; refused; no verdict (no such host, no such file, bad arguments).
TRUSTED, REFUSED, NOT_ASKED = 0, 1, 2


class CannotAsk(Exception):
    """There is no verdict, and why: one line for stderr."""
