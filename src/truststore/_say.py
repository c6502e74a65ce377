"""Messages to the log, under the name ``truststore``.

Called with no lock held: a handler is somebody else's code, and may itself open a TLS connection (`logging.handlers.HTTPHandler`). What
such a connection would log while a message is being handled, in the same thread, is dropped: otherwise it would never end.
"""

from __future__ import annotations

import sys
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._store.search import Store


def found(store: Store, wrong: Sequence[str]) -> None:
    """A context has found the system's store: which, at level DEBUG; what is wrong with it, at WARNING, once per process."""
    _without_echo(_debug, str(store))
    for warning in wrong:
        _without_echo(_warn_once, warning)


def _without_echo(say: Callable[[str], object], message: str) -> None:
    """Say it, unless this is called while something is being said: the stack knows, whatever exceptions there were."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code is _without_echo.__code__:
            return
        frame = frame.f_back  # type: ignore[assignment]
    say(message)


def _debug(message: str) -> None:
    import logging

    logging.getLogger("truststore").debug("%s", message)


@lru_cache(maxsize=64)
def _warn_once(message: str) -> None:
    import logging

    logging.getLogger("truststore").warning("%s", message)
