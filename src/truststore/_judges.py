"""Who is asked about a server's chain, in which order.

1. OpenSSL, on a store of certificates that the program loaded, as plain `ssl` would judge it (`_first_flight`). Whom it accepts is
   trusted, and nobody else is asked. Revoked or rejected is final: whoever said so knows more than a list of roots.
2. The system. It sees neither what the program loaded nor what CPython refuses (`_denied`), which counts, too, as in `ssl`.
   Names and strength of what it trusts are checked again (`_checks`).
3. Public bundles that libraries load by themselves, and only if the system does not know the issuer: they must not bring back what the
   system distrusts, or finds expired or for another name.

Of two refusals, the one that got further is raised. It also names the other judge.

A `Judges` is a snapshot, taken when a connection is wrapped: any thread may ask it, without a lock. A refusal that is kept in a variable
is a copy (`again`): the original leads, by its traceback, to the very call that keeps it.
"""

from __future__ import annotations

from ssl import SSLCertVerificationError

from . import _checks, _der, _verdict
from ._denied import denied_in
from ._first_flight import NoVerdict, verified_chain
from ._refused import add_notes, tell, whose
from ._verify_codes import FINAL, REJECTED, UNKNOWN_ISSUER

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from ._openssl import Roots
    from ._settings import Settings
    from ._store.public import Bundle
    from ._verdict import Platform, Question, Verifier


class StoreJudge:
    """OpenSSL, with the store of a context. `platform`: whose refusal it is. `as_raised`: it is the error that OpenSSL raised."""

    __slots__ = ("_as_raised", "_context", "_host_flags", "_platform", "_settings")

    def __init__(
        self, context: ssl.SSLContext, settings: Settings, host_flags: int, platform: Platform, *, as_raised: bool = False
    ) -> None:
        self._context, self._settings, self._host_flags = context, settings, host_flags
        self._platform, self._as_raised = platform, as_raised

    def __call__(self, question: Question) -> tuple[bytes, ...]:
        """The chain that OpenSSL built. Raises SSLCertVerificationError if it refuses, NoVerdict if it does neither."""
        name, flags, got_to = question.server_hostname, question.flags, list[bytes]()
        try:
            return verified_chain(self._context, self._settings.lock, question.chain, name, flags, self._host_flags, got_to)
        except SSLCertVerificationError as error:
            if self._as_raised:
                tell(error, got_to or question.chain, self._platform)
                raise
            about = whose(error.verify_code, got_to or question.chain)
            raise _verdict.refusal(question, error.verify_code, self._platform, words=error.verify_message, whose=about) from None


class PublicBundles:
    """OpenSSL, with the public bundles that libraries have loaded by themselves."""

    __slots__ = ("_bundles", "_host_flags", "_settings")

    def __init__(self, bundles: Iterable[Bundle], settings: Settings, host_flags: int) -> None:
        self._bundles, self._settings, self._host_flags = tuple(bundles), settings, host_flags

    def instead_of(self, refused: SSLCertVerificationError, question: Question) -> tuple[bytes, ...]:
        """The chain that one of them vouches for. Raises the refusal that got furthest, the system's or theirs."""
        for bundle in self._bundles:
            whose = _verdict.Platform("OpenSSL", bundle.path)
            try:
                return StoreJudge(bundle.context(question.security_level), self._settings, self._host_flags, whose)(question)
            except SSLCertVerificationError as error:
                refused = _verdict.further(refused, error)
            except NoVerdict:
                continue
        raise _verdict.again(refused)


class Judges:
    """Of one connection."""

    __slots__ = ("_host_flags", "_own", "_public", "_roots", "_system", "platform")

    def __init__(
        self,
        own: StoreJudge | None,
        system: Verifier | None = None,
        platform: Platform = _verdict.OPENSSL,
        public: PublicBundles | None = None,
        roots: Roots | None = None,
        host_flags: int = 0,
    ) -> None:
        #: On what the program loaded; None: it loaded nothing.
        self._own = own
        #: None: what the program loaded alone may vouch.
        self._system = system
        #: None: no public bundle was loaded.
        self._public = public
        #: Who the system is, in messages.
        self.platform: Platform = platform
        #: The system's, if OpenSSL verifies by them: what the user should know of them is said when a peer is refused.
        self._roots, self._host_flags = roots, host_flags

    def verdict(self, question: Question) -> tuple[bytes, ...]:
        """The chain that was built, root included (DER, leaf first).

        Raises SSLCertVerificationError if nobody trusts the peer, and NoVerdict if what the program loaded alone may vouch and OpenSSL
        says neither yes nor no.
        """
        try:
            return self._verdict(question)
        except SSLCertVerificationError as error:
            if self._roots is not None:
                add_notes(error, question, self._roots, self._host_flags)
            raise

    def _verdict(self, question: Question) -> tuple[bytes, ...]:
        if self._system is None:
            return self._by_own_anchors(question)
        refused = None
        if self._own is not None:
            try:
                return self._by_own_anchors(question)
            except SSLCertVerificationError as error:
                if error.verify_code in FINAL:
                    raise
                refused = _verdict.again(error)
            except NoVerdict:
                refused = None
        try:
            return self._by_the_system(self._system, question)
        except SSLCertVerificationError as error:
            raise (_verdict.further(refused, error) if refused else error) from None

    def _by_own_anchors(self, question: Question) -> tuple[bytes, ...]:
        if self._own is None:
            raise _verdict.no_verdict(question, self.platform, "nobody can verify it")
        return self._own(question)

    def _by_the_system(self, system: Verifier, question: Question) -> tuple[bytes, ...]:
        """Its verdict; where it does not know the issuer, that of the public bundles."""
        try:
            return self._checked(question, self._not_denied(question, self._as_chain(question, system(question))))
        except NoVerdict as error:
            raise _verdict.no_verdict(question, self.platform, str(error)) from None
        except SSLCertVerificationError as refused:
            if self._public is None or refused.verify_code not in UNKNOWN_ISSUER:
                raise
            return self._public.instead_of(refused, question)
        except ImportError:  # there is no ctypes to ask it with
            raise
        except Exception as error:  # out of a call that went wrong: nothing is known about the peer
            raise _verdict.no_verdict(question, self.platform, f"{type(error).__name__}: {error}") from error

    def _not_denied(self, question: Question, chain: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """The chain, if CPython refuses none of its authorities."""
        try:
            whom = denied_in(chain)
        except _der.Malformed as error:
            raise _verdict.no_verdict(question, self.platform, str(error)) from None
        if whom is None:
            return chain
        raise _verdict.refusal(question, REJECTED, _verdict.CPYTHON, platform_message=f"the key of [{whom}] is on its list")

    def _checked(self, question: Question, chain: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """The chain, if nothing is wrong with it that systems let pass."""
        try:
            objection = _checks.objection(question, chain)
        except _der.Malformed as error:
            raise _verdict.no_verdict(question, self.platform, f"a certificate cannot be read: {error}") from None
        if objection is None:
            return chain
        code, index = objection
        raise _verdict.refusal(question.about(chain), code, self.platform, index=index)

    def _as_chain(self, question: Question, answer: object) -> tuple[bytes, ...]:
        """The answer, if it is a list of certificates, the peer's first. Anything else must not count as a yes, even if it is true."""
        if not (isinstance(answer, (tuple, list)) and answer and all(isinstance(der, bytes) and der for der in answer)):
            raise _verdict.no_verdict(question, self.platform, "the answer was not a chain")
        if answer[0] != question.chain[0]:
            raise _verdict.no_verdict(question, self.platform, "the chain that was built is not the peer's")
        return tuple(answer)
