"""Modules that are imported when they are first needed, and the two moments when that would be too late.

fork(). A child has only the forking thread. A module that another thread was importing at that moment is incomplete, and locked forever:
an import in the child would wait for a thread that does not exist. Plain `ssl` imports late only the codec for names. So before
a process with threads forks, everything is imported that would be imported late: imports under way are waited for, and none is left
to begin. That takes some milliseconds, at the first such fork.

chroot(), a sandbox. After that the files are out of reach. A program that has loaded certificates must be able to connect with them.
"""

from __future__ import annotations

import sys

#: Modules of this package.
LATE = tuple(
    f"{__package__}.{name}"
    for name in (
        "_checks",
        "_connection",
        "_denied",
        "_der",
        "_first_flight",
        "_judges",
        "_listing",
        "_names",
        "_offline",
        "_openssl",
        "_refused",
        "_say",
        "_stand_in",
        "_store.damage",
        "_store.files",
        "_store.hashed",
        "_store.installed",
        "_store.pem",
        "_store.public",
        "_store.search",
        "_store.secure",
        "_store.subjects",
        "_strength",
        "_verify_codes",
    )
)
#: What ours import late of others; and the codec of host names, which ssl imports late itself.
OTHERS = ("base64", "encodings.idna", "hashlib", "json", "tempfile")
#: What is waited for, but not imported: it takes long, and few need it.
IF_BEGUN = (
    "ctypes",
    "http.client",
    "logging",
    *(f"{__package__}.{name}" for name in ("_early", "_inject", "_osstatus", "_preloaded", "_protocols", "_security")),
)


def import_all() -> None:
    """Have what connections may need at hand."""
    for name in LATE:
        _import(name)


def finish() -> None:
    """Have no other thread be in the middle of importing any of these. Called before a process with threads forks (`_locks`)."""
    for name in (*LATE, *OTHERS, *(name for name in IF_BEGUN if name in sys.modules)):
        _import(name)


def _import(name: str) -> None:
    """If that is possible: there may be no file descriptor left, or this thread itself imports it, and a signal handler of it forks."""
    try:
        __import__(name)
    except (ImportError, OSError):
        return
