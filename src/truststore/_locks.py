"""A lock that a forked child finds free.

A child has only the forking thread. A lock that another thread of the parent held would stay locked there forever, since its owner
does not exist. So each fork begins a new generation, and a lock of an older generation is replaced when it is next taken
(https://docs.python.org/3/library/os.html#os.register_at_fork). What the parent was in the middle of changing is safe: whatever these
locks guard is set anew by whoever takes them next, never read half done.
"""

from __future__ import annotations

import os
import sys
from _thread import RLock, get_ident

_generation = [0]
#: Taken to replace a lock, so that two threads of a child do not each make one. No other code runs under it.
_renewal = [RLock()]
#: The thread that forked this process.
_forker = [0]


def _begin_generation() -> None:
    """In the child, whose only thread this is."""
    _renewal[0], _forker[0] = RLock(), get_ident()
    _generation[0] += 1


def _finish_imports() -> None:
    """In the parent: nobody finishes in the child what another thread is importing."""
    if len(sys._current_frames()) > 1:
        try:
            from ._late import finish
        except (ImportError, OSError):  # the files are out of reach: nobody is importing anything
            return
        finish()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_finish_imports, after_in_child=_begin_generation)


class Lock:
    """A re-entrant lock, which is `current`: ``with lock.current:``.

    That is the interpreter's own lock, in whose `__enter__` and `__exit__` no signal handler can raise.
    It is held only briefly: never while waiting for a peer, a verifier or anybody else's code.
    """

    __slots__ = ("_lock", "_made_in")

    def __init__(self) -> None:
        self._lock, self._made_in = RLock(), _generation[0]

    @property
    def current(self) -> RLock:
        """The lock of this process."""
        if self._made_in != _generation[0]:
            self._renew()
        return self._lock

    def _renew(self) -> None:
        with _renewal[0]:
            if self._made_in == _generation[0]:
                return
            if not self._is_held_by_forker():
                self._lock = RLock()
            self._made_in = _generation[0]

    def _is_held_by_forker(self) -> bool:
        """Whether this very thread forked while it held the lock, and is about to give it back.

        Being the owner is not enough: a new thread of the child may have the number of a thread that stayed behind.
        """
        owned: bool = self._lock._is_owned()  # type: ignore[attr-defined]  # as threading.Condition asks
        return owned and get_ident() == _forker[0]
