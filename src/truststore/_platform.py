"""Who verifies on this system: chosen here, once, by `sys.platform`.

`PLATFORM` says who that is. `verify` answers a `Question` about a server, or is None where OpenSSL verifies within the handshake.
ctypes takes longer to import than all of this package, so it is not imported before the first question.

`AT_EXEC` is what the kernel said of this process's rights. `_store.secure` says what for; here it is read at `import truststore`, while the
process may. That takes 0.05 ms; to import `_store.secure` for it would take 0.4.
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

#: The key of linux/auxvec.h.
AT_SECURE = 23


def said_at_exec(path: str) -> bool | None:
    """AT_SECURE out of the vector that the kernel hands to a program: pairs of native longs. None: it is not known."""
    try:
        with open(path, "rb", 0) as file:
            words = memoryview(file.read(1 << 16)).cast("L")
    except (OSError, TypeError):
        return None
    return next((bool(value) for kind, value in zip(words[::2], words[1::2]) if kind == AT_SECURE), None)


AT_EXEC = said_at_exec("/proc/self/auxv") if sys.platform in ("linux", "android") else None

__all__ = ["AT_EXEC", "AT_SECURE", "PLATFORM", "said_at_exec", "verify"]
