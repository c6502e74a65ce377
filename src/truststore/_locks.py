"""A lock that a forked child finds free.

A child has the forking thread alone. What another thread of the parent held would stay locked there for good, since whoever held it
does not exist. So each fork begins a new generation, and a lock of an older one is replaced when it is next taken
(https://docs.python.org/3/library/os.html#os.register_at_fork). What the parent was in the middle of changing is safe: whatever these
locks guard is set anew by whoever takes them next, never read half done.
"""

from __future__ import annotations

import os
from _thread import RLock

_generation = [0]


def _begin_generation() -> None:
    _generation[0] += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_generation)


class Lock:
    """A re-entrant lock, which is `current`: ``with lock.current:``.

    That is the interpreter's own lock, in whose `__enter__` and `__exit__` no signal handler can raise.
    It is held for moments only: never while a peer, a verifier or anybody else's code is waited for.
    """

    __slots__ = ("_lock", "_made_in")

    def __init__(self) -> None:
        self._lock, self._made_in = RLock(), _generation[0]

    @property
    def current(self) -> RLock:
        """The lock of this process."""
        if self._made_in != _generation[0]:
            # Unless this very thread forked while it held the lock, and is about to give it back.
            if not self._lock._is_owned():  # type: ignore[attr-defined]  # as threading.Condition asks
                self._lock = RLock()
            self._made_in = _generation[0]
        return self._lock
