"""What `check` prints about a server: in words, and as members of the document of `--json`."""

from __future__ import annotations

import sys
from typing import NamedTuple

from .. import say
from ..judged import report
from ..status import NOT_ASKED, REFUSED, TRUSTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from .connection import Seen
    from .target import Target

SENT = "sent"


class Checked(NamedTuple):
    """A server with a verdict."""

    seen: Seen
    report: report.Report


def checked(seen: Seen, options: argparse.Namespace) -> Checked:
    """With everything that there is to print."""
    return Checked(seen, report.report_on(seen.judged, report.Origin(SENT, options.ca)))


def status(found: Checked | str) -> int:
    """What to exit with."""
    if isinstance(found, str):
        return NOT_ASKED
    return REFUSED if found.seen.judged.refusal else TRUSTED


def worst(statuses: list[int]) -> int:
    """For several servers: a refusal says more than a missing verdict."""
    return next((status for status in (REFUSED, NOT_ASKED) if status in statuses), TRUSTED)


def print_checked(found: Checked, options: argparse.Namespace) -> None:
    """The verdict, who gave it, and about what; of a refusal why, and what to do."""
    seen = found.seen
    report.print_verdict(_peer(seen), found.report, f" ({seen.protocol}, {seen.cipher})")
    if seen.proxy:
        say.paragraph(f"Reached through the proxy {say.shown(str(seen.proxy))}.")
    report.print_reasons(found.report)
    if seen.asks:
        say.paragraph("The server asks for a client certificate" + (" (--cert FILE)." if options.cert is None else "."))
    report.print_others(found.report, verbose=options.verbose)


def _peer(seen: Seen) -> str:
    name = seen.judged.name
    return f"{say.shown(str(seen.target))}" + (f" as {say.shown(name)}" if name and name != seen.target.name else "")


def print_trouble(target: Target, why: str) -> None:
    """That a server could not be checked: one line."""
    sys.stdout.flush()
    print(f"{say.shown(str(target))} could not be checked: {say.shown(why, say.SENTENCE)}", file=sys.stderr)


def described(peer: Target, found: Checked | str, options: argparse.Namespace) -> dict[str, object]:
    """The members of a server; without a verdict there are three."""
    if isinstance(found, str):
        return {"peer": str(peer), "trusted": None, "error": say.shown(found, say.SENTENCE)}
    seen = found.seen
    return {
        "peer": str(peer),
        "error": None,
        "proxy": say.shown(str(seen.proxy)) if seen.proxy else None,
        "strict": options.strict,
        "protocol": seen.protocol,
        "cipher": seen.cipher,
        "asks_for_certificate": seen.asks,
        **report.described(found.report),
    }
