"""Watches what `_windows` and `_windows_roots` call in crypt32, and what they owe to it afterwards."""

from __future__ import annotations

import collections
import ctypes
import sys
import threading
from typing import TYPE_CHECKING, Any

from truststore import _crypt32

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


FUNCTIONS = sorted(name for name, value in vars(_crypt32).items() if name.startswith("Cert") and callable(value))
#: What only `_windows_roots` calls, and what it calls besides.
NEXT = "CertEnumCertificatesInStore"
OF_ROOTS = {NEXT, "CertGetCertificateContextProperty"}
TO_VERIFY = [name for name in FUNCTIONS if name not in OF_ROOTS]
#: What makes something, and what takes it back. A certificate of NEXT's is taken back by its next call, too.
PAIRS = {
    "CertOpenStore": "CertCloseStore",
    "CertCreateCertificateContext": "CertFreeCertificateContext",
    "CertGetCertificateChain": "CertFreeCertificateChain",
}
ACCESS_DENIED = 5


class Calls:
    """Counts the calls of each function, by any thread; any of them can be made to fail or to do more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count: collections.Counter[str] = collections.Counter()
        self.failed: collections.Counter[str] = collections.Counter()
        #: How many calls were made to fail.
        self.injected = 0
        #: How many certificates NEXT has taken back.
        self.taken_back = 0
        self._patch, self._lock = monkeypatch, threading.Lock()
        for name in FUNCTIONS:
            self._put(name, getattr(_crypt32, name))
        self._free: Callable[..., object] = vars(_crypt32)["CertFreeCertificateContext"]

    def __getitem__(self, name: str) -> int:
        return self.count[name]

    def _put(self, name: str, function: Callable[..., Any]) -> None:
        def counted(*arguments: Any) -> Any:
            result = function(*arguments)
            with self._lock:
                self.count[name] += 1
                self.failed[name] += not result
                self.taken_back += name == NEXT and bool(arguments[1])
            return result

        self._patch.setattr(_crypt32, name, counted)

    def fail(self, name: str, after: int = 0, code: int = ACCESS_DENIED) -> None:
        """From now on, have the function fail, once it was called `after` times."""
        genuine = getattr(_crypt32, name)

        def failing(*arguments: Any) -> Any:
            if self.count[name] < after:
                return genuine(*arguments)
            self.injected += 1
            if name == NEXT and arguments[1]:
                self._free(arguments[1])
            if sys.platform == "win32":
                ctypes.set_last_error(code)
            return 0

        self._patch.setattr(_crypt32, name, failing)

    def afterwards(self, name: str, do: Callable[..., object]) -> None:
        """Have `do` see the function's arguments after each call, and change what they point to."""
        genuine = getattr(_crypt32, name)

        def altered(*arguments: Any) -> Any:
            result = genuine(*arguments)
            do(*arguments)
            return result

        self._patch.setattr(_crypt32, name, altered)

    @property
    def owed(self) -> dict[str, int]:
        """What was made and not given back, or given back twice."""
        balance = {make: self.count[make] - self.failed[make] - self.count[free] for make, free in PAIRS.items()}
        balance["CertCreateCertificateContext"] += self.count[NEXT] - self.failed[NEXT] - self.taken_back
        return {name: number for name, number in balance.items() if number}
