"""Contexts that are not ours, because they were made before the injection, pass for ours with isinstance(): asyncio and others ask.

isinstance() asks the object's type, and then what the object says is its class. The type cannot be changed, and a metaclass of ours with an
`__instancecheck__` would keep programs from having one of their own, or a Protocol, for what they derive from ours. So such a context says,
while we are injected, that its class is an alias: a class derived from ours that stands for its real one, and is that class in all else.

What finds the difference: ``is``, and `pickle`, which for classes that can be pickled at all compares by it. `type()` tells the truth.

`__class__` cannot be put into a class that is there already; `__getattribute__` can, and is put into ssl's for as long as we are injected.
Ours have the usual one of their own (`_context`), so that alone contexts made earlier pay for it, and these no longer once it is taken out.
"""

from __future__ import annotations

from functools import lru_cache

from ._context import SSLContext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def passing(look_up: Callable[[object, str], object]) -> Callable[[object, str], object]:
    """The `__getattribute__` of contexts that pass for ours, in the place of `look_up`."""

    def __getattribute__(context: object, name: str) -> object:  # noqa: N807
        if name == "__class__" and SSLContext._stands_for:
            cls: Any = type(context)
            return alias(cls)
        return look_up(context, name)

    return __getattribute__


class _Alias(type):
    """The type of aliases: whatever is asked of one, or done to it, is asked of the class that it stands for."""

    def __getattribute__(cls, name: str) -> Any:
        return getattr(_real(cls), name)

    def __setattr__(cls, name: str, value: object) -> None:
        setattr(_real(cls), name, value)

    def __delattr__(cls, name: str) -> None:
        delattr(_real(cls), name)

    def __call__(cls, *args: object, **kwargs: object) -> Any:
        return _real(cls)(*args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _real(cls))

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, _real(cls))

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is _real(cls)

    def __hash__(cls) -> int:
        return hash(_real(cls))

    def __repr__(cls) -> str:
        return repr(_real(cls))


def _real(cls: Any) -> Any:
    return type.__getattribute__(cls, "_real")


@lru_cache(maxsize=64)
def alias(cls: type) -> type:
    """What stands for `cls`."""
    return _Alias(cls.__name__, (SSLContext,), {"__slots__": (), "_real": cls})
