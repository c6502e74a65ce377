"""No command: what decides on this machine, and why."""

from __future__ import annotations

from .._context import SSLContext, system_store
from .status import TRUSTED


def show_store() -> int:
    """Say what decides on this machine, and why."""
    store = system_store()
    print(f"Decided by {SSLContext._platform.name}, with {store or SSLContext._platform.store}.")
    if store is not None:
        for path, why in store.passed_over:
            print(f"  passed over: {path} ({why})")
        for warning in store.warnings:
            print(f"  warning: {warning}")
    return TRUSTED
