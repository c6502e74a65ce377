"""Let the operating system decide which TLS servers to trust.

`SSLContext` is a drop-in replacement for `ssl.SSLContext`. `inject_into_ssl()` replaces `ssl.SSLContext` in a whole program, and
`extract_from_ssl()` undoes that. `system_store()` says which store is used here, and why.
"""

from __future__ import annotations

from . import _stdlib  # noqa: F401 - first: where Python lacks what is needed, it says so
from ._context import SSLContext, system_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from ._protocols import Refusal
    from ._store.search import Store
else:

    def __getattr__(name: str) -> object:
        """What programs name in annotations and for isinstance(), imported when it is named."""
        if name == "Refusal":
            from ._protocols import Refusal

            return Refusal
        if name == "Store":
            from ._store.search import Store

            return Store
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["Refusal", "SSLContext", "Store", "extract_from_ssl", "inject_into_ssl", "system_store"]


def inject_into_ssl() -> None:
    """Make `ssl.SSLContext` this package's, for the whole process. A second call does nothing. Any thread may call it.

    Call it as early as possible, and only in programs: a library that calls it decides for the whole process. Contexts made before keep
    their own trust, except those that libraries make while they are imported (requests, aiohttp, urllib.request): these are replaced.

    If a library raises an error while its context is replaced, that error is raised here, and nothing has changed.
    """
    _injection().inject()


def extract_from_ssl() -> None:
    """Undo `inject_into_ssl()`. Does nothing if that was not called. Contexts made in between keep working.

    If a library raises an error while its context is replaced, that error is raised here, after everything else has been undone.
    """
    _injection().extract()


def _injection() -> ModuleType:
    """Imported when it is used, since most programs make contexts of their own.

    The import is not within the functions above: without a global name in them, InterpreterPoolExecutor would run their code outside
    this package.
    """
    from . import _inject

    return _inject
