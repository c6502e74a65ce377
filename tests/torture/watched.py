"""The account of what moved between which ends, and the worlds in which it is kept.

with world(GATE) as here:                             # a system that trusts `root()`, and whoever verifies
    visit = Visit(here.client(), "untrusted")
    visit.converse()
    here.account.note(visit)                          # raises if anything moved that may not
"""

from __future__ import annotations

import contextlib
import functools
import logging
import ssl
import tempfile
import threading
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from fake_verifier import FakeVerifier
from gate_servers import GREETING, PING, judged_by, root, sites
from servers import HOST, Store

import truststore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from truststore._verdict import Question

#: Who verifies servers.
OPENSSL, GATE = "OpenSSL", "a verifier in the system's place"
#: For the command line of a program.
NAMES_OF_VERIFIERS = {OPENSSL: "openssl", GATE: "gate"}
VERSIONS = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
#: So often either says what it says, at most.
TIMES = 20
#: What a connection that fails may raise. Any other error is a fault of ours.
FAILURES = (OSError, EOFError)


class Wrong(Exception):
    """Something moved that may not, or did not that should."""


@functools.cache
def serving(site: str, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    return sites()[site].serves(version)


class Judge(FakeVerifier):
    """Counts what it grants instead of remembering what it was asked."""

    def __init__(self) -> None:
        super().__init__([root().der])
        self.granted: Counter[tuple[tuple[bytes, ...], str | None]] = Counter()
        self.lock = threading.RLock()

    def __call__(self, question: Question) -> Sequence[bytes]:
        built = super().__call__(question)
        self.questions.clear()
        with self.lock:
            self.granted[question.chain, question.hostname] += 1
        return built


class Ends(Protocol):
    """What both ends of a connection have seen."""

    site: str
    #: What arrived at the client, and at the server, decrypted.
    heard: bytes
    got: bytes


class Account:
    """What came of all connections."""

    def __init__(self, judge: Judge | None = None) -> None:
        self.outcomes: Counter[str] = Counter()
        self._judge = judge
        self._moved = 0
        self._lock = threading.RLock()

    def note(self, visit: Ends, error: BaseException | None = None, *, may_move: bool = True) -> bool:
        """Whether data moved. Raises `Wrong` if that was not to be; `may_move`: to or from a server that is to be trusted."""
        moved = bool(visit.heard or visit.got)
        if moved and not (may_move and visit.site == "trusted"):
            raise Wrong(f"data moved to or from a server that is {visit.site}: {visit.heard!r}, {visit.got!r}")
        if not ((GREETING * TIMES).startswith(visit.heard) and (PING * TIMES).startswith(visit.got)):
            raise Wrong(f"what arrived is not what was sent: {visit.heard!r}, {visit.got!r}")
        if error is not None and not isinstance(error, FAILURES):
            raise Wrong(f"{visit.site}: {error!r} is no error of a connection") from error
        with self._lock:
            self.outcomes[_in_words(moved, error)] += 1
            self._moved += moved
            if self._judge and self._moved > self._granted():
                raise Wrong("more connections had data than verdicts were given for their chain and name")
        return moved

    def _granted(self) -> int:
        chain = tuple(certificate.der for certificate in sites()["trusted"].certificate.chain)
        return self._judge.granted[chain, HOST] if self._judge else 0


def _in_words(moved: bool, error: BaseException | None) -> str:
    if moved:
        return "served"
    return "refused" if isinstance(error, ssl.SSLCertVerificationError) else "failed" if error else "came to nothing"


class World:
    """A system that trusts `root()`; nobody else's settings reach it."""

    def __init__(self, store: Store, verifier: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.monkeypatch = store, monkeypatch
        monkeypatch.setattr(logging.getLogger("truststore"), "disabled", True)  # what is odd about a store is no news here
        for site in sites():
            serving(site)  # before there are threads, each of which would make its own
        store.holds(root())
        self.judge = Judge() if verifier == GATE else None
        if self.judge:
            judged_by(self.judge, monkeypatch)
        self.account = Account(self.judge)

    def begins_anew(self) -> None:
        """In a forked child: the locks of the account were whoever's."""
        self.account = Account()
        if self.judge:
            self.judge.lock = threading.RLock()

    @staticmethod
    def client(protocol: int | None = ssl.PROTOCOL_TLS_CLIENT) -> truststore.SSLContext:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return truststore.SSLContext(protocol)

    def visit(self, context: ssl.SSLContext, site: str, version: ssl.TLSVersion | None = None, *, may_move: bool = True) -> bool:
        """Whether the server was accepted: then data has moved both ways."""
        visit = Visit(context, site, version)
        error = visit.outcome()
        return self.account.note(visit, error, may_move=may_move)

    def tells_them_apart(self, context: ssl.SSLContext) -> None:
        """Raises `Wrong` unless the context accepts the right server, and no other."""
        if not self.visit(context, "trusted"):
            raise Wrong("the right server was refused")
        for site in "untrusted", "misnamed":
            self.visit(context, site)


@contextlib.contextmanager
def world(verifier: str = OPENSSL) -> Iterator[World]:
    if verifier == OPENSSL and truststore.SSLContext._verifier is not None:
        raise SystemExit("the system's own verifier decides here, and cannot be told to trust an authority of the tests")
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        yield World(Store(Path(folder), monkeypatch), verifier, monkeypatch)


class Visit:
    """A client of ours and a server in memory; all that the server sends goes through `passed`.

    `first` is what the client begins with, "do_handshake", "write" or "read": the rest follows by itself.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        site: str,
        version: ssl.TLSVersion | None = None,
        *,
        first: str = "do_handshake",
        passed: Callable[[bytes], bytes] = lambda data: data,
        **options: Any,
    ) -> None:
        self.site, self.passed = site, passed
        self.to_client, self.to_server, self._sent = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = serving(site, version).wrap_bio(self.to_server, self._sent, server_side=True)
        self._wrap = functools.partial(context.wrap_bio, self.to_client, self.to_server, server_hostname=HOST, **options)
        #: What arrived at either end, decrypted.
        self.heard, self.got = b"", b""
        self._client: ssl.SSLObject | None = None
        self._left = [first, *(step for step in ("do_handshake", "write", "read") if step != first)]
        self._greeted = False

    @property
    def client(self) -> ssl.SSLObject:
        """Wrapped when it is first used: that may raise what a handshake raises."""
        self._client = self._client or self._wrap()
        return self._client

    def converse(self, rounds: int = 12) -> None:
        """Until each has heard the other, or nothing goes on; raises what the client raises."""
        for _ in range(rounds):
            with contextlib.suppress(ssl.SSLWantReadError):
                while self._left:
                    self._step(self._left[0])
                    self._left.pop(0)
            self.serve()
            if not self._left and self.got:
                return

    def outcome(self) -> Exception | None:
        """Converse; what the client raised."""
        try:
            self.converse()
        except Exception as error:  # noqa: BLE001 - for the account to judge
            return error
        return None

    def _step(self, step: str) -> None:
        if step == "write":
            self.client.write(PING)
        elif step == "read":
            self.heard += self.client.read(len(GREETING))
        else:
            self.client.do_handshake()

    def serve(self) -> None:
        """The server does all it can: finish the handshake, greet, listen."""
        with contextlib.suppress(ssl.SSLError):
            self.server.do_handshake()
            if not self._greeted:
                self._greeted = bool(self.server.write(GREETING))
            self.got += self.server.read()
        if data := self.passed(self._sent.read()):
            self.to_client.write(data)

    def try_everything(self) -> None:
        """Whatever a client that has caught an error may still do with its connection."""
        for _ in range(3):
            for step in "do_handshake", "write", "read":
                with contextlib.suppress(*FAILURES):
                    self._step(step)
            with contextlib.suppress(*FAILURES):
                self.client.unwrap()
            with contextlib.suppress(*FAILURES):
                self.serve()
