"""The cases and the ways: what each client is put to, and what should become of it. Of the standard library alone: clients import it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

HOST = "localhost"
#: A name that the proxies alone know.
BEHIND = "behind.proxy.test"
TIMEOUT = 15

#: What becomes of a case. Anything else is what a client raised, in words.
REACHED, REFUSED = "reached", "refused"

#: By case: what is to become of it.
DIRECT = {
    "trusted": REACHED,
    "untrusted": REFUSED,
    "wrong name": REFUSED,
    "own CA": REACHED,
    "client certificate": REACHED,
}
BY_PROXY = {
    "CONNECT proxy": REACHED,
    "https:// proxy": REACHED,
    "inspecting proxy": REACHED,
}

#: How a client is given truststore. The last: not at all.
PASSED, BEFORE, AFTER, WITHOUT = WAYS = ("passed", "before", "after", "without")


@dataclasses.dataclass(frozen=True)
class Case:
    """A server, and what the client is to connect with."""

    host: str
    port: int
    #: To be passed, with all that the client needs; None: the client makes its own.
    context: ssl.SSLContext | None = None
    #: Files for the client's own parameters: an authority, a certificate with its key. If a context is passed they are in it.
    ca: str | None = None
    cert: str | None = None
    #: As a URL.
    proxy: str | None = None

    @property
    def by_files(self) -> bool:
        """Whether the client's own parameters have to say it."""
        return self.context is None and bool(self.ca or self.cert)

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}/"


#: How those say it that keep the text of an error alone, or compare names by themselves.
REFUSALS = ("certificate verify failed", "certificate_verify_failed", "certificate openssl verify result", "doesn't match")


class CannotError(Exception):
    """The client has no way to do what the case asks for."""


def causes(error: BaseException | None, seen: frozenset[int] = frozenset()) -> Iterator[BaseException]:
    """An error and what is behind it; libraries keep it in one place or another."""
    if error is None or id(error) in seen:
        return
    yield error
    for behind in (
        error.__cause__,
        error.__context__,
        *error.args,
        getattr(error, "reason", None),
        *getattr(error, "exceptions", ()),
    ):
        if isinstance(behind, BaseException):
            yield from causes(behind, seen | {id(error)})


def became(error: BaseException) -> str:
    """What a client's error says of a case."""
    behind = list(causes(error))
    if any(hasattr(each, "verify_code") or any(words in str(each).lower() for words in REFUSALS) for each in behind):
        return REFUSED
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
