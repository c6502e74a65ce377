"""inject_into_ssl() and extract_from_ssl(): the whole program uses the system's trust, without knowing.

Three things change, and extract_from_ssl() undoes each of them.

1. The name: `ssl.SSLContext` is ours. It reaches whoever looks it up there, ssl.create_default_context() among them.
2. `__new__` of the classes that had the name before makes ours: reaches code that said ``from ssl import SSLContext`` earlier.
   Subclasses of theirs, made earlier, are left alone.
3. Contexts that libraries made when they were imported are replaced (`PRELOADED`). Others keep working as what they are.

Nothing is lost if others patch `ssl` in between: what is no longer ours when it is to be undone stays as it is.
"""

from __future__ import annotations

import ssl
import sys

from ._context import SSLContext, class_in_place
from ._locks import Lock
from ._stdlib import CContext, stdlib_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

#: Contexts that libraries make when they are imported: module, attribute, and how the module makes another.
PRELOADED: tuple[tuple[str, str, Callable[[ModuleType], object]], ...] = (
    # some releases from requests 2.32.0 on, https://github.com/psf/requests/pull/6667 (until pull/6767)
    ("requests.adapters", "_preloaded_ssl_context", lambda module: module.create_urllib3_context()),
    # https://github.com/aio-libs/aiohttp/pull/9029
    ("aiohttp.connector", "_SSL_CONTEXT_VERIFIED", lambda module: module._make_ssl_context(True)),
    ("aiohttp.connector", "_SSL_CONTEXT_UNVERIFIED", lambda module: module._make_ssl_context(False)),
)

#: Where libraries keep the class that they found when they were imported; if that was ours, they are to forget it.
KEPT = (
    ("urllib3.util", "SSLContext"),
    ("urllib3.util.ssl_", "SSLContext"),
    ("urllib3.contrib.pyopenssl", "orig_util_SSLContext"),
    ("botocore.httpsession", "SSLContext"),
)

_MISSING = object()
_lock = Lock()
_changes: list[tuple[object, str, object, object]] = []  # whose attribute, its name, what it was, what we made it


def inject() -> None:
    """What `inject_into_ssl()` does."""
    with _lock.current:
        if issubclass(ssl.SSLContext, SSLContext):
            return
        extract()
        outer = class_in_place()
        replaced = tuple(dict.fromkeys((stdlib_class(), outer)))
        _change(SSLContext, "_stands_for", replaced)
        if not issubclass(SSLContext, outer):  # gevent was patched in after we were imported: its sockets, our trust
            _change(SSLContext, "_outer", outer)
            _change(SSLContext, "sslsocket_class", outer.sslsocket_class)
        _change(stdlib_class(), "__new__", _Maker(vars(stdlib_class())["__new__"], replaced))
        _change(ssl, "SSLContext", SSLContext)
        for module, attribute, make in _preloaded():
            if not _is_ours(getattr(module, attribute)):
                _change(module, attribute, make(module))


def extract() -> None:
    """What `extract_from_ssl()` does."""
    with _lock.current:
        if not _changes:
            return
        while _changes:
            _undo(*_changes.pop())
        _undo_for_others()
        for name, attribute in KEPT:
            keeper = sys.modules.get(name)
            if getattr(keeper, attribute, None) is SSLContext:
                setattr(keeper, attribute, ssl.SSLContext)
        for module, attribute, make in _preloaded():  # made while we were injected
            if _is_ours(getattr(module, attribute)):
                setattr(module, attribute, make(module))


def _preloaded() -> Iterator[tuple[ModuleType, str, Callable[[ModuleType], object]]]:
    """Those of `PRELOADED` that are there."""
    for name, attribute, make in PRELOADED:
        module = sys.modules.get(name)
        if module is not None and isinstance(getattr(module, attribute, None), CContext):
            yield module, attribute, make


def _is_ours(context: object) -> bool:
    """Not asked by isinstance(), which says yes to all contexts while injected."""
    return issubclass(type(context), SSLContext)


def _change(owner: object, name: str, value: object) -> None:
    _changes.append((owner, name, vars(owner).get(name, _MISSING), value))
    setattr(owner, name, value)


def _undo(owner: object, name: str, before: object, ours: object) -> None:
    if vars(owner).get(name) is not ours:
        return
    if before is _MISSING:
        delattr(owner, name)
    else:
        setattr(owner, name, before)


def _undo_for_others() -> None:
    """Another copy of this package, injected before us and extracted before us, could not reach what it had put below ours."""
    other, original = ssl.SSLContext, stdlib_class()
    if vars(other).get("_stands_for") == ():
        setattr(ssl, "SSLContext", next(cls for cls in other.__mro__ if cls.__module__ != other.__module__))  # noqa: B010
    maker = vars(original)["__new__"]
    while hasattr(maker, "makes") and not maker.makes._stands_for:
        maker = maker.instead_of
    setattr(original, "__new__", maker)  # noqa: B010


class _Maker:
    """The `__new__` of the classes that were replaced."""

    def __init__(self, instead_of: Callable[..., object], replaced: tuple[type, ...]) -> None:
        self.makes, self.instead_of = SSLContext, instead_of
        self._replaced = replaced

    def __call__(self, cls: type, protocol: int | None = None, *args: object, **kwargs: object) -> object:
        if cls in self._replaced and SSLContext._stands_for:
            return SSLContext(protocol, *args, **kwargs)
        return self.instead_of(cls, protocol, *args, **kwargs)
