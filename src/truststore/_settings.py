"""What the user set of a context, and the C settings as the next connection object copies them.

OpenSSL must not verify where somebody else does, nor may a context that nobody configured ask clients for a certificate. There, what
the user set (`verify_mode`, `check_hostname`) is kept here, as one tuple, and the C settings are merely what the next SSL_new() copies:
each wrap *sets* what it needs, under the lock, and never saves and restores. So an exception at any line, re-entry (a signal handler, a
`__del__`) or another thread can neither leave nor see the context more open than the user made it. Everywhere else nothing is kept, and
the C settings are the user's.

Lock. `lock` guards the C settings and the store while they change or are copied. SSL_new() gives up the GIL, so it matters on every
build. It is re-entrant, and never held during a handshake, a verdict, or anybody else's code.

A context passes itself to each call: no reference leads back to it.
"""

from __future__ import annotations

import sys
from ssl import CERT_NONE, CERT_REQUIRED, VerifyMode

from . import _stdlib
from ._locks import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from _thread import RLock
    from collections.abc import Callable

    from ._stdlib import Connection

    #: `verify_mode` and `check_hostname`.
    Values = tuple[VerifyMode, bool]

VERIFY_MODE, CHECK_HOSTNAME = "verify_mode", "check_hostname"

#: What C makes of a negative number: newer Pythons warn of one.
ALL_OPTIONS = (1 << 64) - 1


class Settings:
    """Of one context."""

    __slots__ = ("_kept", "_lock", "_needed_options", "revocation_best_effort", "unset")

    def __init__(self, *, bare: bool) -> None:
        self._lock = Lock()
        #: Of a bare context, made without a protocol: what nobody has set. Its clients verify, its servers ask for no certificate.
        self.unset: frozenset[str] = frozenset((VERIFY_MODE, CHECK_HOSTNAME) if bare else ())
        self._kept: Values | None = (CERT_REQUIRED, True) if bare else None
        self._needed_options = 0
        #: Whether the system is asked about revocation. There is no such bit in C's settings.
        self.revocation_best_effort: bool = False

    @property
    def lock(self) -> RLock:
        """To be taken for every change of the context, and only briefly."""
        return self._lock.current

    def keep(self, context: ssl.SSLContext) -> None:
        """From now on the C settings may be others than the user's."""
        if self._kept is None:
            self._kept = self.in_force(context)

    @property
    def are_kept(self) -> bool:
        """Whether the C settings may be others than the user's."""
        return self._kept is not None

    def in_force(self, context: ssl.SSLContext) -> Values:
        """What the user set."""
        return self._kept or (VerifyMode(_stdlib.get_verify_mode(context)), _stdlib.get_check_hostname(context))

    # -- the user's setters -----------------------------------------------------------------------------------------------------

    def set_verify_mode(self, context: ssl.SSLContext, value: int) -> None:
        """As `ssl` does, errors included."""
        with self.lock:
            if self._kept is None:
                _stdlib.set_verify_mode(context, value)
            else:
                self._change(context, lambda mode, check: self._with_mode(context, value, mode, check))
                self.unset -= {VERIFY_MODE}

    def _with_mode(self, context: ssl.SSLContext, value: int, mode: VerifyMode, check: bool) -> Values:
        if CHECK_HOSTNAME in self.unset and value == CERT_NONE:
            return CERT_NONE, False
        self._apply(context, mode, check)
        _stdlib.set_verify_mode(context, value)  # raises what ssl raises
        return VerifyMode(value), check

    def set_check_hostname(self, context: ssl.SSLContext, value: bool) -> None:
        """As `ssl` does."""
        with self.lock:
            if self._kept is None:
                _stdlib.set_check_hostname(context, value)
            else:
                self._change(context, lambda mode, _: (CERT_REQUIRED if value and mode == CERT_NONE else mode, bool(value)))
                self.unset -= {VERIFY_MODE, CHECK_HOSTNAME} if value else {CHECK_HOSTNAME}

    def set_options(self, context: ssl.SSLContext, value: int) -> None:
        """As `ssl` does, but for the options that nobody may switch off any more.

        Whoever calls this has had C set them once before: it warns of those that are new, and under the lock it must find none.
        """
        wanted = int.__and__(value, ALL_OPTIONS) if sys.version_info >= (3, 13) else int.__index__(value)
        with self.lock:  # another thread's `options |=` may have read them before ours were in
            _stdlib.set_options(context, wanted | self._needed_options)

    def need_options(self, context: ssl.SSLContext, options: int) -> None:
        """Have these on, now and from now on.

        The C context is looked at each time, since an exception may come between any two lines here.
        """
        self._needed_options |= options
        if ~_stdlib.get_options(context) & options:
            _stdlib.set_options(context, _stdlib.get_options(context) | options)

    def _change(self, context: ssl.SSLContext, changed: Callable[[VerifyMode, bool], Values]) -> None:
        """Keep what the user sets; once more if a signal handler or a destructor has set something meanwhile."""
        while True:
            before = self.in_force(context)
            after = changed(*before)
            if self._kept is before:
                self._kept = after
                return self._apply(context, *after)

    # -- the C settings ---------------------------------------------------------------------------------------------------------

    def apply(self, context: ssl.SSLContext) -> None:
        """Make the user's settings the C settings."""
        if self._kept is not None:
            self._apply(context, *self._kept)

    def made(self, context: ssl.SSLContext, values: Values, make: Callable[[], Connection]) -> Connection:
        """Have a C object made while these are the C settings."""
        if self._kept is None:
            return make()
        try:
            while True:
                self._apply(context, *values)
                connection = make()
                # Unless a __del__ or a signal handler that used this context was itself interrupted just before SSL_new().
                if _c_settings(context) == values:
                    return connection
        finally:
            self.apply(context)

    def _apply(self, context: ssl.SSLContext, mode: VerifyMode, check: bool) -> None:
        """Make these the C settings, whatever they were. The order is the one that C accepts from any state."""
        while _c_settings(context) != (mode, check):
            try:
                _stdlib.set_check_hostname(context, False)
                _stdlib.set_verify_mode(context, mode)
                _stdlib.set_check_hostname(context, check)
            except ValueError:  # noqa: PERF203 - a signal handler or a destructor has used the context between the first two
                continue


def _c_settings(context: ssl.SSLContext) -> tuple[int, bool]:
    return _stdlib.get_verify_mode(context), _stdlib.get_check_hostname(context)
