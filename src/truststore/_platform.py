"""Who verifies on this system: chosen here, once, by `sys.platform`.

`PLATFORM` says who that is. `verify` answers a `Question` about a server, or is None where OpenSSL verifies within the handshake.
ctypes takes longer to import than all of this package, so it is not imported before the first question.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._verdict import Question, Verifier

if sys.platform == "win32":
    from ._verdict import CRYPTOAPI as PLATFORM

    def verify(question: Question) -> Sequence[bytes]:
        """Ask Windows. Raises ImportError where ctypes does not work: in a sub-interpreter of CPython 3.12."""
        try:
            from ._windows import verify as ask
        except ImportError as error:
            raise ImportError(
                f"truststore cannot ask {PLATFORM.name}, since ctypes does not work in this interpreter: {error}"
            ) from error
        return ask(question)
elif sys.platform in ("darwin", "ios"):
    from ._macos import verify
    from ._verdict import SECURITY_FRAMEWORK as PLATFORM
else:
    from ._verdict import OPENSSL as PLATFORM

    verify: Verifier | None = None  # OpenSSL does it, within the handshake

__all__ = ["PLATFORM", "verify"]
