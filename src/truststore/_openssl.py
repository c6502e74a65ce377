"""Systems where OpenSSL verifies: load the system's store into a context, once.

`_store.search` finds the store. `Roots` belongs to one context, whose lock guards every call here. The store is loaded at the first
connection that verifies a server, never again, and with `load_verify_locations()`: set_default_verify_paths() of OpenSSL 3 adds a lookup
by URI each time it is called, which every later handshake pays for (https://github.com/sethmlarson/truststore/issues/212).

A hashed directory that is proven to hold all of the bundle is loaded in its stead: OpenSSL then reads the one root a handshake needs.

The implicit roots do not show in get_ca_certs() and cert_store_stats(), which speak of what the user loaded, as in plain ssl. OpenSSL
keeps both in one store, so what was there before is remembered, and what the user adds later is loaded into a context aside, too.
"""

from __future__ import annotations

import sys

from ._stdlib import CContext, plain_context
from ._verdict import OPENSSL, nothing_to_verify_with, unusable_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any

    from _typeshed import ReadableBuffer, StrOrBytesPath

    from ._stdlib import Decoded
    from ._store.search import Store


class Roots:
    """The system's roots in one context. It works on the C context below the overrides, whose lists would ask back here."""

    __slots__ = ("_aside", "_before", "_everything", "_statistics", "begun", "for_clients", "listed", "loaded", "store")

    def __init__(self) -> None:
        self.store: Store | None = None
        #: Some of them may be in the context, be it that loading the others has failed.
        self.begun = False
        #: They are in the context.
        self.loaded = False
        #: The user asked for the roots by name: they show in the lists.
        self.listed = False
        #: They may vouch for clients as well.
        self.for_clients = False
        # What the user had loaded before the system's roots, and a context with what came later.
        self._before: frozenset[bytes] = frozenset()
        self._statistics = {"x509": 0, "crl": 0, "x509_ca": 0}
        self._aside: ssl.SSLContext | None = None
        # A context with the system's roots alone, for the lists.
        self._everything: ssl.SSLContext | None = None

    def load(self, context: ssl.SSLContext, has_own: bool) -> None:
        """Load the store, for verifying servers.

        Raises SSLCertVerificationError if it cannot be read, or if there is none and the user loaded nothing either (`has_own`).
        """
        store = self._find()
        if not (store or has_own):
            raise nothing_to_verify_with(OPENSSL, store.passed_over)
        self._remember(context)
        _load_directory(context, store)
        if not store.covered:
            _load_files(context, store)
        self.loaded = True

    def load_for_clients(self, context: ssl.SSLContext) -> None:
        """Load the store, for verifying clients and servers. Loads nothing if there is none, as in plain ssl."""
        store = self._find()
        self._remember(context)
        _load_directory(context, store)
        _load_files(context, store)
        self.for_clients = self.listed = True
        self.loaded = self.loaded or bool(store)

    def user_loaded(
        self,
        cafile: StrOrBytesPath | None,
        capath: StrOrBytesPath | None,
        cadata: str | ReadableBuffer | None,
    ) -> None:
        """Take note of what the user loaded behind the system's roots."""
        if self.loaded:
            if self._aside is None:
                self._aside = plain_context()
            self._aside.load_verify_locations(cafile, capath, cadata)

    # -- the lists; `has_directory`: the user loaded one, out of which OpenSSL takes what it needs ------------------------------------

    def certificates(self, context: ssl.SSLContext, binary_form: bool, has_directory: bool) -> list[bytes] | list[Decoded]:
        """What `get_ca_certs()` answers."""
        shown = _by_der(context, binary_form)
        if self.listed:
            shown = {**_by_der(self._system(), binary_form), **shown}
        elif self.loaded:
            users = self._users(context, has_directory)
            shown = {der: decoded for der, decoded in shown.items() if der in users}
        return list(shown.values())

    def statistics(self, context: ssl.SSLContext, has_directory: bool) -> dict[str, int]:
        """What `cert_store_stats()` answers."""
        authorities = len(self.certificates(context, True, has_directory))
        parts = [CContext.cert_store_stats(context)]
        if self.listed:
            if not self.loaded or (self.store and self.store.covered and not self.for_clients):
                parts.append(self._system().cert_store_stats())
        elif self.loaded:
            parts = [self._statistics, *([self._aside.cert_store_stats()] if self._aside else [])]
        others = sum(part["x509"] - part["x509_ca"] for part in parts)
        return {"x509": authorities + others, "crl": sum(part["crl"] for part in parts), "x509_ca": authorities}

    def _system(self) -> ssl.SSLContext:
        """All of the store that plain ssl would list: a directory shows only what was used of it."""
        if self._everything is None:
            self._everything = plain_context()
            _load_files(self._everything, self.store or self._find())
        return self._everything

    def _users(self, context: ssl.SSLContext, has_directory: bool) -> frozenset[bytes]:
        """The user's authorities: loaded before or after the system's, or come by way of the user's own directory."""
        users = self._before | frozenset(self._aside.get_ca_certs(True) if self._aside else ())
        if not has_directory:
            return users
        store = self.store or self._find()
        return users | (frozenset(CContext.get_ca_certs(context, True)) - frozenset(store.read()))

    def _remember(self, context: ssl.SSLContext) -> None:
        if self.begun:
            return
        self.begun = True
        self._statistics = CContext.cert_store_stats(context)
        if self._statistics["x509_ca"]:
            self._before = frozenset(CContext.get_ca_certs(context, True))

    def _find(self) -> Store:
        from ._store.search import find

        self.store = find()
        _say(str(self.store))
        return self.store


def _load_directory(context: ssl.SSLContext, store: Store) -> None:
    if store.directory:
        _load(context, store.directory, capath=store.directory)


def _load_files(context: ssl.SSLContext, store: Store) -> None:
    from ._store.files import as_der

    if store.file and (certificates := as_der(store.file)):
        _load(context, store.file, cadata=certificates)
    elif store.file:
        _load(context, store.file, cafile=store.file)
    for path in store.files:
        _load(context, path, cafile=path)


def _load(context: ssl.SSLContext, path: str, **as_what: str | bytes) -> None:
    """Raises SSLCertVerificationError that names what OpenSSL, which does not, cannot read."""
    try:
        CContext.load_verify_locations(context, **as_what)
    except OSError as error:
        raise unusable_store(OPENSSL, path, error) from error


def _by_der(context: ssl.SSLContext, binary_form: bool) -> dict[bytes, Any]:
    """The authorities in a context, as its user wants to see them."""
    return dict(zip(CContext.get_ca_certs(context, True), CContext.get_ca_certs(context, binary_form)))


def _say(what: str) -> None:
    """Importing logging takes longer than all of this package; who has not imported it has not asked for the message."""
    if "logging" in sys.modules:
        import logging

        logging.getLogger("truststore").debug("%s", what)
