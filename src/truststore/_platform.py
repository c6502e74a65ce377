"""Who verifies, in words, and who does on this system: chosen here, once, by `sys.platform`.

`PLATFORM` says who that is. `verify` answers a `Question` about a server, or is None where OpenSSL verifies within the handshake.
What asks the system is imported with the first question, and ctypes with it, which takes longer to import than all of this package.

`AT_EXEC` is what the kernel said of this process's rights. `_store.secure` says what for; here it is read at `import truststore`, while the
process may. That takes 0.05 ms; to import `_store.secure` for it would take 0.4.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._verdict import Question, Verifier


class Platform:
    """Who decides, and where its anchors are: what messages and the command line say."""

    __slots__ = ("name", "store")

    def __init__(self, name: str, store: str) -> None:
        self.name, self.store = name, store


OPENSSL = Platform("OpenSSL", "the system's store")
OWN = Platform("OpenSSL", "what the program loaded")
CRYPTOAPI = Platform("CryptoAPI", "the Windows certificate stores")
SECURITY_FRAMEWORK = Platform("Security.framework", "the keychains and Apple's root store")


if sys.platform == "win32":
    PLATFORM = CRYPTOAPI
elif sys.platform in ("darwin", "ios"):
    PLATFORM = SECURITY_FRAMEWORK
else:
    PLATFORM = OPENSSL


def ask_the_system(question: Question) -> Sequence[bytes]:
    """Raises ImportError where ctypes does not work: in a sub-interpreter of CPython 3.12."""
    try:
        if sys.platform == "win32":
            from ._windows import verify
        else:
            from ._macos import verify
    except ImportError as error:
        raise ImportError(
            f"truststore cannot ask {PLATFORM.name}, since ctypes does not work in this interpreter: {error}"
        ) from error
    return verify(question)


#: OpenSSL verifies within the handshake.
verify: Verifier | None = None if PLATFORM is OPENSSL else ask_the_system

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
