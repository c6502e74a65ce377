"""A chain as a tree, from the root that vouches to the server's own certificate; and its members in a document of `--json`."""

from __future__ import annotations

from .. import certificate, say
from .details import Details, life, now, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Deeper branches are drawn as if they were so deep: a SHA-256 takes 64 columns.
DEEPEST = 3
#: The most names of a certificate that are printed.
MOST_NAMES = 6


def print_chain(chain: Sequence[bytes], whence: Callable[[bytes], str], blamed: bytes | None, *, is_broken: bool) -> None:
    """The chain (the server's certificate first), whence each of it is, and which one is to blame. `is_broken`: an issuer is missing."""
    top = read(chain[-1])
    missing = top.issuer if top and is_broken and not top.names_itself else None
    if missing is not None:
        say.paragraph(f"({say.shown(missing)}: neither sent nor in the store)", "  ", "   ")
    for depth, der in enumerate(reversed(chain), 0 if missing is None else 1):
        _print(der, min(depth, DEEPEST), whence(der), is_leaf=der == chain[0], is_to_blame=der == blamed)


def _print(der: bytes, depth: int, whence: str, *, is_leaf: bool, is_to_blame: bool) -> None:
    indent = "  " + "   " * depth
    details = read(der)
    sha256 = str(certificate.described(der)["sha256"])
    name = say.shown(details.subject) if details else certificate.UNREADABLE
    mark = f"{say.painted('REFUSED', say.RED)}; " if is_to_blame else ""
    say.paragraph(name, f"{indent[:-3]}`- " if depth else indent, indent)
    if details:
        say.paragraph(mark + _facts(details, whence, is_leaf=is_leaf), indent, indent)
    print(indent + sha256)


def _facts(details: Details, whence: str, *, is_leaf: bool) -> str:
    names = details.names if is_leaf else []
    listed = ", ".join(map(say.shown, names[:MOST_NAMES])) + (
        f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    )
    return "; ".join(filter(None, (whence, details.key, life(details, now()), listed and f"for {listed}")))


def described(der: bytes, whence: str | None = None) -> dict[str, object]:
    """The members of a certificate, and more of them than elsewhere."""
    details = read(der)
    return {
        **certificate.described(der),
        "names": list(map(say.shown, details.names)) if details else [],
        "key": details.key if details else None,
        "seconds_left": int((details.ends - now()).total_seconds()) if details else None,
        **({} if whence is None else {"whence": whence}),
    }
