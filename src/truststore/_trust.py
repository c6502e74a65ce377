"""Who may vouch for the peers of a context: the system, what the program loaded, and public bundles.

Servers. What the program loaded is judged by OpenSSL, on the context's own C store, exactly as plain `ssl` would. What it did not load is
judged by the system: by its verifier where it has one, elsewhere by OpenSSL with the system's roots. Either may vouch for a server,
unless the context is *pinned*: the program loaded anchors, switched the names off, and did not ask for the system's roots. Any
certificate of any public authority would do then; what is meant is "this authority, whatever the name". A pinned context is
plain `ssl`, unless others have vouched for servers of it before: their sessions could be resumed, so a gate judges after OpenSSL.

Clients. What the program loaded, and the system's roots only if `load_default_certs(Purpose.CLIENT_AUTH)` asked for them.

A public bundle that a library loads (`_store.public`) is not the program's wish, so it is neither. Where OpenSSL verifies, what it
has and the system lacks is loaded with the system's roots. Where the system verifies, it is asked last (`_judges`).

The C store. OpenSSL has one for all roles and settings. It is PURE while it holds what the program loaded and nothing else, and MIXED once
the system's roots are in it, which nobody can take out again.
- On systems with a verifier it is always pure.
- Elsewhere the system's roots are loaded at the first connection that wants them. Where only own anchors may vouch and the store is
  mixed, a gate judges after OpenSSL, by own anchors alone.
- A pure store that has been used for a connection where only own anchors may vouch stays pure (`_stays_pure`): that connection's handshake
  may still be under way in another thread, and must not find the system's roots. A later connection that wants them has
  OpenSSL verify nothing, and a gate that asks as on systems with a verifier, the system's roots being in a context aside.

Every call except `say()` is made with the context's lock held.
"""

from __future__ import annotations

import sys
from ssl import PROTOCOL_TLS_SERVER, Purpose, SSLCertVerificationError

from . import _stdlib
from ._own import Lost, Own
from ._verdict import OPENSSL, OWN, Platform, own_anchors_are_lost

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from _typeshed import StrOrBytesPath

    from ._judges import Judges
    from ._openssl import Roots
    from ._own import Load
    from ._settings import Settings
    from ._store.public import Bundle
    from ._store.search import Store
    from ._verdict import Verifier

#: Who decides on a connection: OpenSSL alone; a gate after OpenSSL, by own anchors alone; a gate instead of OpenSSL.
BY_OPENSSL, AFTER_OPENSSL, INSTEAD_OF_OPENSSL = "by OpenSSL", "after OpenSSL", "instead of OpenSSL"


class Trust:
    """Of one context."""

    __slots__ = ("_asked_for", "_others_vouched", "_platform", "_stays_pure", "_verifier", "_said", "own", "public", "roots")

    def __init__(self, verifier: Verifier | None, platform: Platform) -> None:
        self._verifier, self._platform = verifier, platform
        self.own = Own(keeps_loads=verifier is None)
        #: Public bundles that libraries have loaded by themselves.
        self.public: tuple[Bundle, ...] = ()
        #: Where OpenSSL verifies, and once they were needed: the system's.
        self.roots: Roots | None = None
        #: For whose certificates the program has asked for the system's roots, by name.
        self._asked_for: frozenset[Purpose] = frozenset()
        self._stays_pure = False
        #: Whether there may be sessions of servers that own anchors did not vouch for. OpenSSL does not verify those again.
        self._others_vouched = False
        self._said: Store | None = None

    # -- states -----------------------------------------------------------------------------------------------------------------

    @property
    def is_mixed(self) -> bool:
        """Whether the system's roots, or some of them, are in the context's own store."""
        return self.roots is not None and self.roots.are_begun

    @property
    def lists_system(self) -> bool:
        """Whether the program asked for the system's roots, so that they are to be listed."""
        return bool(self._asked_for)

    @property
    def holds_all_of_system(self) -> bool:
        """Whether the context's own store has all that is to be listed of the system's."""
        roots = self.roots
        if roots is None or not roots.are_loaded:
            return False
        return Purpose.CLIENT_AUTH in self._asked_for or not (roots.store and roots.store.covered)

    def is_pinned(self, context: ssl.SSLContext, check_hostname: bool) -> bool:
        """Whether own anchors alone vouch for servers."""
        return not check_hostname and not self._asked_for and self.own.there_are(context)

    # -- what the program loads -------------------------------------------------------------------------------------------------

    def load(self, context: ssl.SSLContext, load_into_c: Callable[..., None], load: Load) -> None:
        """What `load_verify_locations()` does. Raises what it raises in `ssl`."""
        self._prepare()
        if load[0] is not None and self._sets_aside(context, load[0]):
            load = None, *load[1:]
            if load == (None, None, None):
                return
        self.own.loading(load)
        load_into_c(*load)

    def _sets_aside(self, context: ssl.SSLContext, cafile: StrOrBytesPath) -> bool:
        """Whether this is a public bundle, which is not the program's own. A server's context is never given one but by the program."""
        from ._store.public import bundle, is_public

        if context.protocol == PROTOCOL_TLS_SERVER or not is_public(cafile):
            return False
        public = bundle(cafile)
        if public not in self.public:
            self.public += (public,)
            if self.roots is not None and self.is_mixed:
                self.roots.load_public(context, public)
        return True

    def asks_for_system(self, context: ssl.SSLContext, purpose: Purpose) -> None:
        """What `load_default_certs()` does: loads the system's roots now, as in `ssl`. What goes wrong is raised by the handshake."""
        self._asked_for |= {purpose}
        if self._verifier is not None:
            return
        self._prepare()
        try:
            if purpose == Purpose.CLIENT_AUTH:
                self.own.mixing(context)
                self._system().load_for_clients(context)
            elif context.protocol != PROTOCOL_TLS_SERVER and not self._stays_pure:
                self._mix(context)
        except SSLCertVerificationError:
            return

    # -- who decides ------------------------------------------------------------------------------------------------------------

    def for_servers(self, context: ssl.SSLContext, check_hostname: bool) -> str:
        """Who decides whether a server is trusted, after all that is needed for it has been loaded.

        Raises SSLCertVerificationError if the system's store is needed and cannot be loaded.
        """
        if context.protocol == PROTOCOL_TLS_SERVER:
            return BY_OPENSSL  # which refuses to connect with it
        if self.is_pinned(context, check_hostname):
            self._stays_pure = not self.is_mixed
            return AFTER_OPENSSL if self.is_mixed or self._others_vouched else BY_OPENSSL
        self._others_vouched = True
        if self._verifier is not None or self._stays_pure:
            return INSTEAD_OF_OPENSSL
        self._mix(context)
        return BY_OPENSSL

    def for_nobody(self) -> None:
        """A server is not to be verified."""
        if self._verifier is not None:  # elsewhere such a session is resumed by verifying connections, too, as in `ssl`
            self._others_vouched = True

    def for_clients(self, *, may_move: bool = False) -> str:
        """Who decides whether a client is trusted. `may_move`: the connection may go on with another context's store."""
        if self.is_mixed and Purpose.CLIENT_AUTH not in self._asked_for:
            return AFTER_OPENSSL
        self._stays_pure = not self.is_mixed
        return AFTER_OPENSSL if may_move and self._verifier is None else BY_OPENSSL

    def vouches_for_client(self, context: ssl.SSLContext, chain: tuple[bytes, ...]) -> bool:
        """Whether a chain of a client's, which OpenSSL has verified with all that is in the store, ends in an own anchor."""
        if self.for_clients() == BY_OPENSSL:
            return True
        try:
            return self.own.vouch_for(chain, context, partial=bool(context.verify_flags & _stdlib.PARTIAL_CHAIN))
        except Lost:
            return False

    def judges(self, context: ssl.SSLContext, settings: Settings, who: str) -> Judges:
        """Those who decide, as of now. Raises SSLCertVerificationError if the system's store is needed and cannot be loaded."""
        from ._judges import Judges, PublicBundles, StoreJudge
        from ._refused import asked, in_words

        host_flags = _stdlib.get_host_flags(context)
        if who != INSTEAD_OF_OPENSSL:
            alone = who == AFTER_OPENSSL or not self.is_mixed
            store = self._alone(context) if who == AFTER_OPENSSL else context
            judge = StoreJudge(store, settings, host_flags, asked(self, context, alone=alone), as_raised=True)
            return Judges(judge, roots=None if alone else self.roots, host_flags=host_flags)
        platform, system, roots = self._platform, self._verifier, self.roots
        if system is None:
            aside, roots = self._aside(context), self._system()
            platform = Platform(platform.name, in_words(roots))
            system = StoreJudge(aside, settings, host_flags, platform)
        own = StoreJudge(context, settings, host_flags, OWN) if self.own.there_are(context) else None
        public = PublicBundles(self.public, settings, host_flags) if self.public else None
        return Judges(own, system, platform, public, roots, host_flags)

    def say(self) -> None:
        """Log what was found: with the context's lock released, since a handler is somebody else's code."""
        roots = self.roots
        if roots is not None and roots.store is not None and roots.store is not self._said:
            self._said = roots.store
            if "logging" in sys.modules:  # importing it takes longer than all of this package; who has not done so has not asked
                from ._say import found

                found(roots.store, roots.notes)

    def _prepare(self) -> None:
        """A program that loads certificates may enter a sandbox before it connects."""
        if self._verifier is None:
            try:
                from ._late import import_all
            except (ImportError, OSError):  # it is in a sandbox already, or there is no file descriptor left
                return
            import_all()

    # -- the system's roots, where OpenSSL verifies -----------------------------------------------------------------------------

    def _system(self) -> Roots:
        if self.roots is None:
            from ._openssl import Roots

            self.roots = Roots()
        return self.roots

    def _mix(self, context: ssl.SSLContext) -> None:
        roots = self._system()
        if not roots.are_loaded:
            has_own = self.own.there_are(context)
            self.own.mixing(context)
            roots.load(context, self.public, has_own=has_own)

    def _aside(self, context: ssl.SSLContext) -> ssl.SSLContext:
        has_others = bool(self.public) or self.own.there_are(context)
        return self._system().aside(_stdlib.security_level(context), has_others=has_others)

    def _alone(self, context: ssl.SSLContext) -> ssl.SSLContext:
        try:
            return self.own.alone(context, _stdlib.security_level(context))
        except Lost as error:
            raise own_anchors_are_lost(OPENSSL, str(error)) from None
