"""What the commands exit with."""

from __future__ import annotations

#: Trusted; refused; the question could not be asked (no such host, no TLS there, bad arguments).
TRUSTED, REFUSED, NOT_ASKED = 0, 1, 2
