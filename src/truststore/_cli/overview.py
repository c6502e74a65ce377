"""No command: what decides on this machine, and why."""

from __future__ import annotations

from .._context import SSLContext, system_store
from .status import TRUSTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from .._store.search import Store


def add(_parser: argparse.ArgumentParser) -> None:
    """It takes nothing."""


def answer(_options: argparse.Namespace) -> int:
    """Say what decides on this machine, and why."""
    store = system_store()
    print(f"Decided by {SSLContext._platform.name}, with {store or SSLContext._platform.store}.")
    if store is not None:
        for path, why in store.passed_over:
            print(f"  passed over: {path} ({why})")
        for warning in (*store.warnings, *_left_out(store)):
            print(f"  warning: {warning}")
    return TRUSTED


def _left_out(store: Store) -> tuple[object, ...]:
    """The blocks of its files that are not loaded, or why that cannot be said."""
    try:
        return store.damaged
    except OSError as error:
        return (error,)
