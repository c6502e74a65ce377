"""Let the operating system decide which TLS servers to trust.

`SSLContext` is a drop-in for `ssl.SSLContext`. `inject_into_ssl()` puts it in its place for a whole program, and `extract_from_ssl()`
takes it out again. `system_store()` says what is used here, and why.
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
    """Make `ssl.SSLContext` this package's, for the whole process. Twice is once; any thread may call it.

    Call it as early as possible, in programs only: a library that does it decides for everybody (docs/faq.md). Contexts made before keep
    their own trust, except those that libraries preload (requests, aiohttp, urllib.request).

    What a library raises while it makes its own anew is raised, and then nothing has changed.
    """
    _injection().inject()


def extract_from_ssl() -> None:
    """Undo `inject_into_ssl()`; nothing if it was not called. Contexts made in between keep working.

    What a library raises while it makes its own anew is raised after all else has been undone.
    """
    _injection().extract()


def _injection() -> ModuleType:
    """Imported when it is used: most programs make contexts of their own.

    Not within the functions above: without a global name in them, InterpreterPoolExecutor would run their code outside this package.
    """
    from . import _inject

    return _inject
