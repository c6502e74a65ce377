"""Systems where OpenSSL verifies: load the system's store into a context, once.

`_stores` finds the store. `Roots` belongs to one context, whose lock guards every call here. The store is loaded at the first connection
that verifies a server, never again, and with `load_verify_locations()`: set_default_verify_paths() of OpenSSL 3 adds a lookup by URI
each time it is called, which every later handshake pays for (https://github.com/sethmlarson/truststore/issues/212).

A hashed directory that is proven to hold all of the bundle is loaded in its stead: OpenSSL then reads the one root a handshake needs.

The implicit roots do not show in get_ca_certs() and cert_store_stats(), which speak of what the user loaded, as in plain ssl. OpenSSL
keeps both in one store, so what was there before is remembered, and what the user adds later is loaded into a context aside, too.
"""

from __future__ import annotations

import ssl
import sys

from ._verdict import Platform, nothing_to_verify_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._stores import Store
    from ._verdict import Verifier

PLATFORM = Platform("OpenSSL", "the system's store")
verify: Verifier | None = None  # OpenSSL does it, inside the handshake


class Roots:
    """The system's roots in one context. `plain` is always that context, seen as the standard library's."""

    __slots__ = ("_aside", "_before", "_complete", "_statistics", "for_clients", "listed", "loaded", "store")

    def __init__(self) -> None:
        self.store: Store | None = None
        #: Servers can be verified.
        self.loaded = False
        #: The user asked for the roots by name: they show in the lists.
        self.listed = False
        #: They may vouch for clients as well.
        self.for_clients = False
        self._complete = False
        self._before: frozenset[bytes] = frozenset()
        self._statistics = {"x509": 0, "crl": 0, "x509_ca": 0}
        self._aside: ssl.SSLContext | None = None

    def load(self, plain: Any, has_own: bool) -> None:
        """Load the store, for verifying servers.

        Raises SSLCertVerificationError if there is none, and the user loaded nothing either (`has_own`).
        """
        store = self._find()
        if not (store.file or store.directory or store.files or has_own):
            raise nothing_to_verify_with(PLATFORM, store.passed_over)
        self._remember(plain)
        if store.directory:
            plain.load_verify_locations(None, store.directory, None)
        if not (store.covered and store.directory):
            self._load_files(plain, store)
        self.loaded = True

    def load_for_clients(self, plain: Any) -> None:
        """Load the store, for verifying clients and servers. Loads nothing if there is none, as in plain ssl."""
        self.listed = True
        self._load_completely(plain)
        self.for_clients = True

    def user_loaded(self, cafile: Any, capath: Any, cadata: Any) -> None:
        """Take note of what the user loaded behind the system's roots."""
        if self.loaded and not self.listed:
            if self._aside is None:
                self._aside = _plain_context()
            self._aside.load_verify_locations(cafile, capath, cadata)

    def certificates(self, plain: Any, binary_form: bool) -> list[Any]:
        if self.listed:
            self._load_completely(plain)
        if self.listed or not self.loaded:
            return list(plain.get_ca_certs(binary_form))
        users = self._users(plain)
        return [shown for der, shown in zip(plain.get_ca_certs(True), plain.get_ca_certs(binary_form)) if der in users]

    def statistics(self, plain: Any) -> dict[str, int]:
        if self.listed:
            self._load_completely(plain)
        if self.listed or not self.loaded:
            return dict(plain.cert_store_stats())
        before, aside = self._statistics, _plain_context() if self._aside is None else self._aside
        after = aside.cert_store_stats()
        authorities = len(self._users(plain))
        others = before["x509"] - before["x509_ca"] + after["x509"] - after["x509_ca"]
        return {"x509": authorities + others, "crl": before["crl"] + after["crl"], "x509_ca": authorities}

    def _find(self) -> Store:
        from ._stores import find

        self.store = find()
        _say(str(self.store))
        return self.store

    def _load_completely(self, plain: Any) -> None:
        """Have every certificate in the context, as lists want it: a directory alone shows only what was used."""
        if self._complete:
            return
        store = self.store or self._find()
        if store.directory and not self.loaded:
            plain.load_verify_locations(None, store.directory, None)
        if not self.loaded or store.covered:
            self._load_files(plain, store)
        self.loaded = self.loaded or bool(store.file or store.directory or store.files)
        self._complete = True

    def _load_files(self, plain: Any, store: Store) -> None:
        for path in filter(None, (store.file, *store.files)):
            plain.load_verify_locations(path, None, None)

    def _remember(self, plain: Any) -> None:
        self._statistics = plain.cert_store_stats()
        if self._statistics["x509_ca"]:
            self._before = frozenset(plain.get_ca_certs(True))

    def _users(self, plain: Any) -> frozenset[bytes]:
        """The user's authorities: loaded before or after the system's, or come by way of the user's own directory."""
        aside = frozenset(self._aside.get_ca_certs(True)) if self._aside else frozenset()
        return self._before | aside | (frozenset(plain.get_ca_certs(True)) - self._implicit())

    def _implicit(self) -> frozenset[bytes]:
        from ._pem import collect

        store = self.store or self._find()
        if store.covered or not store.directory:
            return frozenset(der for path in filter(None, (store.file, *store.files)) for der in collect(path, None, None))
        return frozenset(collect(store.file, store.directory, None))


def _plain_context() -> ssl.SSLContext:
    context: ssl.SSLContext = ssl._ssl._SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # type: ignore[attr-defined]
    return context


def _say(what: str) -> None:
    """Importing logging takes longer than all of this package; who has not imported it has not asked for the message."""
    if "logging" in sys.modules:
        import logging

        logging.getLogger("truststore").debug("%s", what)
