"""What the commands exit with."""

from __future__ import annotations

#: Trusted, or done; refused; the question could not be asked (no such host, no such file, bad arguments).
TRUSTED, REFUSED, NOT_ASKED = 0, 1, 2


class CannotAsk(Exception):
    """The question could not be asked, and why: one line for stderr."""
