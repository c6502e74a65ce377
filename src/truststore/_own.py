"""What the program loaded: whether it has any anchors, and which.

They are in the context's C store, and OpenSSL verifies with them there. Two questions remain.

Are there any? The C store knows, whatever the calls: a file with only a revocation list has none, a call that failed half-way may. Only
what lies in a directory cannot be counted, so a directory counts. It is asked until it says yes, which stays true; a no may be out of date,
since a signal handler may ask in the middle of a load.

Which are they, once the system's roots are in the same store? What was there before is remembered (`mixing()`), and what comes later is
loaded into a store aside as well. That settles authorities; the standard library hands out no others. For the rest, and for a store that
holds these and nothing else (`alone()`), they are loaded once more, when that is needed. If a file has changed meanwhile, so that
something else would be trusted, they are lost, and the caller that needs to know them refuses.
"""

from __future__ import annotations

import os
from itertools import count

from . import _stdlib
from ._stdlib import CContext, plain_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Sequence

    from _typeshed import ReadableBuffer, StrOrBytesPath

    #: What load_verify_locations() was given: cafile, capath, cadata.
    Load = tuple[StrOrBytesPath | None, StrOrBytesPath | None, str | ReadableBuffer | None]


class Lost(Exception):
    """What the program loaded cannot be told apart any more from what the system trusts."""


class Own:
    """Of one context."""

    __slots__ = ("_alone", "_any", "_before", "_keeps_loads", "_later", "_loads", "directories", "statistics_before")

    def __init__(self, *, keeps_loads: bool) -> None:
        #: Whether the system's roots may come into the same store.
        self._keeps_loads = keeps_loads
        self._loads: list[Load] = []
        #: What OpenSSL looks certificates up in.
        self.directories: tuple[str, ...] = ()
        #: Whether there is any anchor, as far as is known.
        self._any = False
        #: The authorities that were in the store before the system's; None: those are not there.
        self._before: frozenset[bytes] | None = None
        self.statistics_before = {"x509": 0, "crl": 0, "x509_ca": 0}
        # What came after the system's, and all of it.
        self._later: ssl.SSLContext | None = None
        self._alone: ssl.SSLContext | None = None

    # -- what happens to the C store --------------------------------------------------------------------------------------------

    def loading(self, load: Load) -> None:
        """Take note of what is about to be loaded: an interruption must not leave an anchor that nobody knows of."""
        self._alone = None
        if load[1] is not None:
            self.directories += tuple(filter(None, os.fsdecode(load[1]).split(os.pathsep)))
        if self._keeps_loads:
            self._loads.append((_absolute(load[0]), *load[1:]))
        if self._before is not None:
            self._later = self._later or plain_context()
            _load(self._later, [load])

    def mixing(self, context: ssl.SSLContext) -> None:
        """Remember what there is: the system's roots are about to be loaded into the same store."""
        if self._before is None:
            statistics = CContext.cert_store_stats(context)
            before = frozenset(CContext.get_ca_certs(context, True) if statistics["x509_ca"] else ())
            if self._before is None:  # or a signal handler has connected, and the system's are among these
                self.statistics_before, self._before = statistics, before

    # -- what is known of them --------------------------------------------------------------------------------------------------

    def there_are(self, context: ssl.SSLContext) -> bool:
        """Whether there is any anchor."""
        if not self._any:
            stores = [self.statistics_before, *self.statistics_later()]
            if self._before is None:
                stores = [CContext.cert_store_stats(context)]
            self._any = bool(self.directories) or sum(statistics["x509"] for statistics in stores) > 0
        return self._any

    def statistics_later(self) -> list[dict[str, int]]:
        """Of what was loaded after the system's roots."""
        return [CContext.cert_store_stats(self._later)] if self._later else []

    def authorities(self, context: ssl.SSLContext) -> list[bytes]:
        """Those that get_ca_certs() would list, if the system's were not in the same store."""
        listed: list[bytes] = CContext.get_ca_certs(context, True)
        if self._before is None:
            return listed
        known = self._before.union(CContext.get_ca_certs(self._later, True) if self._later else ())
        return [der for der in listed if der in known or (self.directories and der in self._filed_with(der))]

    def alone(self, context: ssl.SSLContext, security_level: int) -> ssl.SSLContext:
        """A store with these and nothing else. Raises `Lost`."""
        if self._before is None:
            return context
        if self._alone is None or _stdlib.security_level(self._alone) != security_level:
            self._alone = self._loaded_again(security_level)
        return self._alone

    def _loaded_again(self, security_level: int) -> ssl.SSLContext:
        again = plain_context(security_level)
        problem = _load(again, self._loads)
        known = (self._before or frozenset()).union(CContext.get_ca_certs(self._later, True) if self._later else ())
        if not known.issuperset(CContext.get_ca_certs(again, True)):
            raise Lost("a file that the program loaded has changed")
        if known and not self.directories and not known.issubset(CContext.get_ca_certs(again, True)):
            raise Lost(f"a file that the program loaded cannot be read again: {problem or 'it has changed'}")
        return again

    def vouch_for(self, chain: Sequence[bytes], context: ssl.SSLContext, *, partial: bool) -> bool:
        """Whether a chain that OpenSSL has verified ends in one of these, or in the same name and key: a root may have been renewed.

        `partial`: VERIFY_X509_PARTIAL_CHAIN is set, so any certificate of the chain may be the anchor. Raises `Lost`.
        """
        if not chain:
            return False
        if any(self._holds(der, context) for der in (chain if partial else chain[-1:])):
            return True
        return any(_same_authority(chain[-1], other) for other in (*self.authorities(context), *self._filed_with(chain[-1])))

    def _holds(self, der: bytes, context: ssl.SSLContext) -> bool:
        """Whether it is among these. OpenSSL does not list all of a store, but it does not load a certificate twice."""
        if der in self.authorities(context) or der in self._filed_with(der):
            return True
        alone = self.alone(context, _stdlib.security_level(context))
        before = CContext.cert_store_stats(alone)["x509"]
        self._alone = None  # it may hold a stranger from here on
        CContext.load_verify_locations(alone, cadata=der)
        return bool(CContext.cert_store_stats(alone)["x509"] == before)

    def _filed_with(self, der: bytes) -> list[bytes]:
        """What lies in the program's directories where OpenSSL looks for this certificate."""
        if not self.directories:
            return []
        from ._store.subjects import subject_hash

        try:
            digest = subject_hash(der)
        except ValueError:
            return []
        return [found for directory in self.directories for found in _filed_under(os.path.join(directory, digest))]


def _filed_under(stem: str) -> Iterable[bytes]:
    from ._store.pem import blocks, contents

    for number in count():
        try:
            data = contents(f"{stem}.{number}")
        except (OSError, ValueError):
            return
        yield from (certificate for certificate, _ in blocks(data) or ())


def _absolute(path: StrOrBytesPath | None) -> StrOrBytesPath | None:
    try:
        return path if path is None else os.path.abspath(path)
    except (OSError, TypeError, ValueError):  # load_verify_locations() will say so
        return path


def _load(context: ssl.SSLContext, loads: Iterable[Load]) -> Exception | None:
    """Load as much as can be, as in calls whose errors the program caught; the last of these errors."""
    problem = None
    for load in loads:
        try:
            CContext.load_verify_locations(context, *load)
        except (OSError, TypeError, ValueError) as error:  # noqa: PERF203
            problem = error
    return problem


def _same_authority(one: bytes, other: bytes) -> bool:
    from . import _der

    try:
        first, second = _der.Certificate(one), _der.Certificate(other)
    except _der.Malformed:
        return False
    return (first.subject, first.public_key) == (second.subject, second.public_key)
