"""What `check` and `verify` have in common: a server's certificates, the verdict on them, and what is printed about it.

`judges` asks everybody else for their verdict, `diagnosis` and `remedies` explain a refusal, `details` and `tree` describe a certificate
and a chain, `report` puts it all into words, or into the members of a document of `--json`.
"""

from __future__ import annotations

from typing import NamedTuple

from ... import _der

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

    from ..._context import SSLContext


class Judged(NamedTuple):
    """Certificates, and the verdict on them."""

    context: SSLContext
    #: What they are to be for; None: for any name.
    name: str | None
    refusal: ssl.SSLCertVerificationError | None
    #: Whether they were refused before anybody looked at them, since there is nothing to verify with.
    is_unasked: bool
    #: As the server sent them, or as they are in a file: the server's own first.
    sent: tuple[bytes, ...]
    #: The chain that was built; after a refusal as far as that came, which may be nowhere.
    built: tuple[bytes, ...]

    @property
    def path(self) -> tuple[bytes, ...]:
        """The chain as far as it goes, the server's certificate first: as it was built, or else by the names of those that were sent."""
        if self.built or not self.sent:
            return self.built
        found, others = [self.sent[0]], list(self.sent[1:])
        while (issuer := next((each for each in others if _names_issuer_of(each, found[-1])), None)) is not None:
            found.append(issuer)
            others.remove(issuer)
        return tuple(found)


def _names_issuer_of(issuer: bytes, issued: bytes) -> bool:
    try:
        return _der.Certificate(issuer).subject == _der.Certificate(issued).issuer
    except _der.Malformed:
        return False
