"""Systems where OpenSSL verifies: the system's roots as files, loaded into contexts.

`_store.search` finds the store. `Roots` belongs to one context, whose lock guards every call but `notes`, which is asked after a refusal.
The store is loaded once, and with `load_verify_locations()`: set_default_verify_paths() of OpenSSL 3 adds a lookup by URI each time it is
called, which every later handshake pays for (https://github.com/sethmlarson/truststore/issues/212).

A hashed directory that is proven to hold all of the bundle is loaded instead of it: OpenSSL then reads the one root a handshake needs.

What a library loaded by itself (`_store.public`) is added to the system's roots, without the certificates that these already have.
"""

from __future__ import annotations

import os
from ssl import SSLCertVerificationError

from . import _stdlib
from ._stdlib import CContext, plain_context
from ._verdict import OPENSSL, nothing_to_verify_with, unusable_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from ._store.damage import Damaged
    from ._store.public import Bundle
    from ._store.search import Store

#: How far loading has come. An error may have left it half done, with some roots in the context.
NOT_LOADED, BEGUN, LOADED = "not loaded", "begun", "loaded"


class Roots:
    """The system's roots of one context. It works on the C context below the overrides, whose lists would ask back here."""

    __slots__ = ("_aside", "_everything", "damaged", "state", "store")

    def __init__(self) -> None:
        self.store: Store | None = None
        self.state: str = NOT_LOADED
        #: Blocks of the store that were left out: a damaged one costs one certificate.
        self.damaged: tuple[Damaged, ...] = ()
        # Contexts with the system's roots alone: for a gate that asks them, and for the lists.
        self._aside: ssl.SSLContext | None = None
        self._everything: ssl.SSLContext | None = None

    @property
    def are_begun(self) -> bool:
        """Whether some of them may be in the context."""
        return self.state != NOT_LOADED

    @property
    def are_loaded(self) -> bool:
        """Whether they are in the context."""
        return self.state == LOADED

    def load(self, context: ssl.SSLContext, bundles: Iterable[Bundle], *, has_own: bool) -> None:
        """Load the store into the context, for verifying servers.

        Raises SSLCertVerificationError if it cannot be read, or if there is nothing at all to verify with.
        """
        store = self._found(has_others=has_own or bool(bundles))
        self.state = BEGUN
        self.damaged = _load_store(context, store)
        for bundle in bundles:
            self.load_public(context, bundle)
        self.state = LOADED

    def load_for_clients(self, context: ssl.SSLContext) -> None:
        """Load the whole store into the context, for verifying clients and servers; nothing if there is none, as in plain ssl.

        Raises SSLCertVerificationError if it cannot be read.
        """
        store = self.find()
        self.state = BEGUN
        _load_directory(context, store)
        self.damaged = _load_files(context, store)
        self.state = LOADED if store else self.state

    def load_public(self, context: ssl.SSLContext, bundle: Bundle) -> None:
        """Load what a public bundle has and the store lacks."""
        from ._store.public import extras

        if certificates := extras(bundle, self.store or self.find()):
            CContext.load_verify_locations(context, cadata=certificates)

    def aside(self, security_level: int, *, has_others: bool) -> ssl.SSLContext:
        """A context with the system's roots and nothing else. Raises what `load()` raises."""
        if self._aside is None or _stdlib.security_level(self._aside) != security_level:
            store, aside = self._found(has_others=has_others), plain_context(security_level)
            self.damaged = _load_store(aside, store)
            self._aside = aside
        return self._aside

    @property
    def notes(self) -> tuple[str, ...]:
        """What is wrong with the store, for the notes of a refusal and for the log."""
        if self.store is None:
            return ()
        if not self.damaged:
            return self.store.warnings
        from ._store.damage import in_words

        return (*self.store.warnings, in_words(self.damaged))

    def everything(self) -> ssl.SSLContext:
        """All of the store that plain ssl would list: a directory shows only what was used of it. What cannot be read is left out."""
        if self._everything is None:
            everything = plain_context()
            try:
                _load_files(everything, self.store or self.find())
            except SSLCertVerificationError:  # the handshake raises it
                return everything
            self._everything = everything
        return self._everything

    def find(self) -> Store:
        """The store as it is now."""
        from ._store.search import find

        self.store = find()
        return self.store

    def _found(self, *, has_others: bool) -> Store:
        store = self.find()
        if not (store or has_others):
            raise nothing_to_verify_with(OPENSSL, store.passed_over)
        return store


#: The last that `behind_variables()` has made, by what it was made of.
_BEHIND_VARIABLES: dict[object, ssl.SSLContext] = {}


def behind_variables(security_level: int) -> ssl.SSLContext:
    """A context with what would be the system's store if no variable of the environment named another. Raises OSError.

    It is kept until that store changes, since a program may be refused often. A child of fork() makes its own: another thread of the parent
    may have held the locks within.
    """
    from ._store.files import state
    from ._store.search import without_variables

    store = without_variables()
    paths = (*filter(None, (store.file, store.directory)), *store.files)
    made_of = os.getpid(), security_level, *((path, state(path)) for path in paths)
    context = _BEHIND_VARIABLES.get(made_of)
    if context is None:
        context = plain_context(security_level)
        _load_store(context, store)
        _BEHIND_VARIABLES.clear()
        _BEHIND_VARIABLES[made_of] = context
    return context


def _load_store(context: ssl.SSLContext, store: Store) -> tuple[Damaged, ...]:
    _load_directory(context, store)
    return () if store.covered else _load_files(context, store)


def _load_directory(context: ssl.SSLContext, store: Store) -> None:
    if store.directory:
        try:
            CContext.load_verify_locations(context, capath=store.directory)
        except OSError as error:
            raise unusable_store(OPENSSL, store.directory, error) from error


def _load_files(context: ssl.SSLContext, store: Store) -> tuple[Damaged, ...]:
    """Load what OpenSSL reads of them; what it does not read is the answer. Raises SSLCertVerificationError that names the file."""
    from ._store.files import load

    damaged: tuple[Damaged, ...] = ()
    for path in filter(None, (store.file, *store.files)):
        try:
            damaged += load(context, path)
        except OSError as error:  # noqa: PERF203
            raise unusable_store(OPENSSL, path, error) from error
    return damaged
