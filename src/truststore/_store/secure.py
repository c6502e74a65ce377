"""Whether this process has more rights than its caller: then the environment, which is the caller's, does not count.

OpenSSL reads its variables with secure_getenv(), which goes by what the kernel said at exec (AT_SECURE: set-user-ID, set-group-ID, file
capabilities, a change of security domain), getauxval(3). That does not change when the process changes its user later, so comparing
user IDs is another question: a daemon that gives up root keeps its variables, and a program that has capabilities has the same IDs.

The kernel's word is read from /proc by `_platform`, when the package is imported: a process that has changed its user, or its root
directory, may not read its own file, and a context looks for the store as late as at its first connection. Where reading fails, and
on systems without AT_SECURE, the C library is asked, through ctypes, once somebody needs to know; the BSDs' issetugid() may change its
answer, so it is asked each time, as OpenSSL does.
"""

from __future__ import annotations

import os
import sys

from .. import _platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def is_secure() -> bool:
    """Whether the environment is not to be believed."""
    if _platform.AT_EXEC is not None:
        return _platform.AT_EXEC
    if sys.platform == "win32":  # which has no such programs
        return False
    try:
        return _asked_of_the_library()
    except (ImportError, OSError, AttributeError):  # no ctypes, no library to load, no such function: IDs tell most of it
        return os.getuid() != os.geteuid() or os.getgid() != os.getegid()


def _asked_of_the_library() -> bool:
    import ctypes

    library = ctypes.CDLL(None)
    if sys.platform in ("linux", "android"):
        getauxval: Callable[[int], int] = library.getauxval
        library.getauxval.argtypes, library.getauxval.restype = [ctypes.c_ulong], ctypes.c_ulong
        return bool(getauxval(_platform.AT_SECURE))
    return bool(library.issetugid())
