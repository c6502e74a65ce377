"""inject_into_ssl() and extract_from_ssl(): the whole program uses the system's trust, without knowing.

Some things change, and extract_from_ssl() undoes each of them.

1. The name: `ssl.SSLContext` is ours. It reaches whoever looks it up there, ssl.create_default_context() among them.
2. `__new__` of the classes that had the name before makes ours: reaches code that said ``from ssl import SSLContext`` earlier.
   Subclasses of theirs, made earlier, are left alone.
3. Contexts made earlier are what they are, but pass for ours where somebody asks isinstance() (`_early`).
4. If gevent or eventlet has put its own class in place since we were imported, ours derives from it: their sockets, our trust.
5. Contexts that libraries made by themselves (`_preloaded`) are replaced.

All or nothing: what is to be undone is noted before it is done, and undoing twice is undoing once. So an exception at any line, Ctrl-C too,
leaves either what there was before, or the whole. Nothing is lost if others patch `ssl` in between: what is no longer ours when it is to
be undone stays as it is. Libraries make their contexts with no lock held: it is their code.
"""

from __future__ import annotations

import ssl

from . import _preloaded
from ._context import SSLContext, class_in_place
from ._early import passing
from ._locks import Lock
from ._stdlib import look_up, stdlib_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ._preloaded import Preloaded

_MISSING = object()
_lock = Lock()
_changes: list[tuple[object, str, object, object]] = []  # whose attribute, its name, what it was, what we made it


def inject() -> None:
    """What `inject_into_ssl()` does."""
    begun = False
    try:
        with _lock.current:
            begun = not _is_in_place()
            if begun:
                _undo_all()
                _changes.clear()
                _put_in_place()
        _replace_preloaded()
    except BaseException:
        if begun:
            extract()
        raise


def extract() -> None:
    """What `extract_from_ssl()` does."""
    try:
        _take_back()
    except BaseException:
        _take_back()
        raise


def _is_in_place() -> bool:
    """What is changed first, and undone last, is changed, and what is changed last is, unless others have changed it again."""
    return bool(SSLContext._stands_for) and _is_ours(ssl.SSLContext)


def _put_in_place() -> None:
    plain, outer = stdlib_class(), class_in_place()
    _change(SSLContext, "_stands_for", tuple(dict.fromkeys((plain, outer))))
    if not issubclass(SSLContext, outer):
        try:
            _change(SSLContext.__base__, "__bases__", (outer,))
        except TypeError:  # its contexts have fields that ours have not: none of its own
            pass
    make, look = vars(plain)["__new__"], vars(plain).get("__getattribute__", look_up)
    _change(plain, "__new__", _marked(_maker(make, SSLContext._stands_for), make))
    _change(plain, "__getattribute__", _marked(passing(look), look))
    if not _is_ours(ssl.SSLContext):  # a class of somebody else, derived from ours, that has outlived an injection
        _change(ssl, "SSLContext", SSLContext)


def _take_back() -> None:
    with _lock.current:
        if not _changes:
            return
        _undo_all()
        _undo_for_others()
        _preloaded.forget(SSLContext, ssl.SSLContext)
    _put_back(each for each in _preloaded.found() if _is_ours(type(each.context)))  # made while we were injected
    with _lock.current:
        if not _is_in_place():
            _changes.clear()


def _replace_preloaded() -> None:
    """No loop in the `try` of who calls this: CPython 3.13 leaves the way back to a loop's begin, where Ctrl-C may come, out of it."""
    for each in _preloaded.found():
        if not _is_ours(type(each.context)):
            _replace(each, in_place=True)


def _put_back(preloaded: Iterator[Preloaded]) -> None:
    """Each of them, whatever another's library raises."""
    for each in preloaded:
        try:
            _replace(each, in_place=False)
        except BaseException:  # noqa: PERF203
            _put_back(preloaded)
            raise


def _replace(preloaded: Preloaded, *, in_place: bool) -> None:
    """Have its library make another, unless somebody injects or extracts meanwhile."""
    made = preloaded.make()
    with _lock.current:
        if _is_in_place() is in_place and preloaded.is_still_there():
            if in_place:
                _change(preloaded.owner, preloaded.name, made)
            else:
                setattr(preloaded.owner, preloaded.name, made)


def _is_ours(cls: object) -> bool:
    """Of a context it is asked by its type: isinstance() says yes to all contexts while injected."""
    return isinstance(cls, type) and issubclass(cls, SSLContext)


# -- changes ------------------------------------------------------------------------------------------------------------------------


def _change(owner: object, name: str, value: object) -> None:
    _changes.append((owner, name, _held(owner, name), value))
    setattr(owner, name, value)


def _held(owner: object, name: str) -> object:
    """What the object itself has by this name."""
    return getattr(owner, name) if name == "__bases__" else vars(owner).get(name, _MISSING)


def _undo_all() -> None:
    for owner, name, before, ours in reversed(_changes):
        held = _held(owner, name)
        if held is ours or (name == "__bases__" and held == ours):
            _put(owner, name, before)


def _put(owner: object, name: str, value: object) -> None:
    if value is _MISSING:
        delattr(owner, name)
    else:
        setattr(owner, name, value)


def _undo_for_others() -> None:
    """Another copy of this package, injected before us and extracted before us, could not reach what it had put below ours."""
    other, original = ssl.SSLContext, stdlib_class()
    if vars(other).get("_stands_for") == ():
        setattr(ssl, "SSLContext", next(cls for cls in other.__mro__ if cls.__module__ != other.__module__))  # noqa: B010
    for name in ("__new__", "__getattribute__"):
        held: Any = vars(original).get(name)
        below = held
        while hasattr(below, "makes") and not below.makes._stands_for:
            below = below.instead_of
        if below is not held:
            _put(original, name, _MISSING if below is look_up else below)


# -- what is put into ssl's class -----------------------------------------------------------------------------------------------------


def _maker(make: Callable[..., object], replaced: tuple[type, ...]) -> Callable[..., object]:
    """The `__new__` of the classes that were replaced, in the place of `make`."""

    def __new__(cls: type, protocol: int | None = None, *args: object, **kwargs: object) -> object:  # noqa: N807
        if cls in replaced and SSLContext._stands_for:
            return SSLContext(protocol, *args, **kwargs)
        return make(cls, protocol, *args, **kwargs)

    return __new__


def _marked(function: Any, instead_of: Callable[..., object]) -> Callable[..., object]:
    """As ours, for another copy of this package to see."""
    function.makes, function.instead_of = SSLContext, instead_of
    return function  # type: ignore[no-any-return]
