"""What `check` says of a server: in words, and as members of the document of `--json`."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import NamedTuple

from ..._store import pem
from ..._verify_codes import UNKNOWN_ISSUER
from .. import say
from ..status import NOT_ASKED, REFUSED, TRUSTED
from . import judges, tree
from .diagnosis import Diagnosis, diagnose, path

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from .connection import Seen
    from .target import Target

#: The most certificates that are named though nothing comes of them.
MOST_SPARE = 5
SENT, OWN, STORE = "sent", "from --ca", "from the store"


class Report(NamedTuple):
    """Of one server that could be asked."""

    seen: Seen
    verdicts: list[judges.Verdict]
    diagnosis: Diagnosis | None


def report_on(seen: Seen) -> Report:
    """All that there is to say."""
    verdicts = judges.all_of(seen)
    return Report(seen, verdicts, diagnose(seen, seen.refusal, verdicts) if seen.refusal else None)


def status(found: Report | str) -> int:
    """What to exit with."""
    if isinstance(found, str):
        return NOT_ASKED
    return REFUSED if found.seen.refusal else TRUSTED


def worst(statuses: list[int]) -> int:
    """Of several servers: that one is refused says more than that another could not be asked."""
    return next((status for status in (REFUSED, NOT_ASKED) if status in statuses), TRUSTED)


# -- in words ---------------------------------------------------------------------------------------------------------------------


def print_report(report: Report, options: argparse.Namespace) -> None:
    """The verdict, who gave it, and about what; of a refusal why, and what to do."""
    seen, refusal = report.seen, report.seen.refusal
    peer = _peer(seen)
    if refusal is None:
        say.paragraph(f"{peer} is {say.painted('trusted', say.GREEN)} ({seen.protocol}, {seen.cipher}).")
    else:
        rule = say.shown(refusal.verify_message, say.SENTENCE)
        say.paragraph(f"{peer} is {say.painted('REFUSED', say.RED)}: {rule} (verify code {refusal.verify_code}).")
    if seen.proxy:
        say.paragraph(f"Reached by the proxy {say.shown(str(seen.proxy))}.")
    say.paragraph(f"Decided by {judge(seen, options)}.")
    if report.diagnosis:
        _print_diagnosis(report.diagnosis, _warnings(seen))
    _print_chain(report, options)
    if seen.asks:
        say.paragraph("The server asks for a certificate of its clients" + (" (--cert FILE)." if options.cert is None else "."))
    if options.verbose or judges.differ(report.verdicts):
        judges.print_table(report.verdicts)


def _peer(seen: Seen) -> str:
    return f"{say.shown(str(seen.target))}" + (f" as {say.shown(seen.name)}" if seen.name != seen.target.name else "")


def _print_diagnosis(diagnosis: Diagnosis, warnings: list[str]) -> None:
    for sentence in diagnosis.sentences:
        say.paragraph(say.shown(sentence, say.SENTENCE))
    for command in diagnosis.commands:
        print(f"    {say.shown(command, say.VALUE)}")
    for warning in warnings:
        say.paragraph(say.shown(f"Warning: {warning}", say.SENTENCE))


def _warnings(seen: Seen) -> list[str]:
    """What is wrong with the system's store."""
    store = seen.context.system_store
    if store is None:
        return []
    try:
        return [*store.warnings, *map(str, store.damaged)]
    except OSError as error:
        return [*store.warnings, str(error)]


def _print_chain(report: Report, options: argparse.Namespace) -> None:
    seen = report.seen
    chain = path(seen)
    if chain:
        say.heading("The chain, from the root that vouches for it:" if seen.refusal is None else "The chain, as far as it goes:")
        blamed = report.diagnosis.blamed if report.diagnosis else None
        is_broken = seen.refusal is not None and seen.refusal.verify_code in UNKNOWN_ISSUER
        tree.print_chain(chain, lambda der: _whence(der, seen, options), blamed, is_broken=is_broken)
    spare = [der for der in seen.sent if der not in chain]
    for der in spare[:MOST_SPARE]:
        say.paragraph(f"Sent as well, and of no use: {tree.described(der)['subject']}", "  ", "  ")
    if len(spare) > MOST_SPARE:
        say.paragraph(f"and {len(spare) - MOST_SPARE} more", "  ")


def _whence(der: bytes, seen: Seen, options: argparse.Namespace) -> str:
    if der in seen.sent:
        return SENT
    return OWN if options.ca and der in _certificates(options.ca) else STORE


@lru_cache(maxsize=1)
def _certificates(path: str) -> frozenset[bytes]:
    try:
        return frozenset(der for der, _ in pem.blocks(pem.contents(path)) or ())
    except OSError:
        return frozenset()


def judge(seen: Seen, options: argparse.Namespace) -> str:
    """Who decided, with what."""
    platform, store = seen.context._platform, seen.context.system_store
    besides = f", and the certificates in {options.ca} (--ca)" if options.ca else ""
    return say.shown(f"{platform.name}, with {platform.store if store is None else store}{besides}", say.SENTENCE)


def print_trouble(target: Target, why: str) -> None:
    """That a server could not be asked: one line."""
    sys.stdout.flush()
    print(f"{say.shown(str(target))} could not be asked: {say.shown(why, say.SENTENCE)}", file=sys.stderr)


# -- as JSON ----------------------------------------------------------------------------------------------------------------------


def described(peer: Target, found: Report | str, options: argparse.Namespace) -> dict[str, object]:
    """The members of a server; of one that could not be asked, there are three."""
    if isinstance(found, str):
        return {"peer": str(peer), "trusted": None, "error": say.shown(found, say.SENTENCE)}
    seen, refusal, diagnosis = found.seen, found.seen.refusal, found.diagnosis
    return {
        "peer": str(peer),
        "trusted": refusal is None,
        "error": None,
        "name": seen.name,
        "proxy": say.shown(str(seen.proxy)) if seen.proxy else None,
        "strict": options.strict,
        "protocol": seen.protocol,
        "cipher": seen.cipher,
        "asks_for_certificate": seen.asks,
        "judge": judge(seen, options),
        "code": refusal.verify_code if refusal else 0,
        "message": say.shown(refusal.verify_message, say.SENTENCE) if refusal else None,
        "cause": diagnosis.cause if diagnosis else None,
        "blamed": _blamed(diagnosis),
        "notes": [say.shown(each, say.SENTENCE) for each in diagnosis.sentences] if diagnosis else [],
        "warnings": [say.shown(each, say.SENTENCE) for each in _warnings(seen)],
        "commands": [say.shown(each, say.VALUE) for each in diagnosis.commands] if diagnosis else [],
        "sent": [tree.described(der) for der in seen.sent],
        "chain": [tree.described(der, _whence(der, seen, options)) for der in path(seen)],
        "others": [_verdict(verdict) for verdict in found.verdicts[1:]],
    }


def _blamed(diagnosis: Diagnosis | None) -> str | None:
    return str(tree.described(diagnosis.blamed)["sha256"]) if diagnosis and diagnosis.blamed else None


def _verdict(verdict: judges.Verdict) -> dict[str, object]:
    who, words = say.shown(verdict.who, say.VALUE), say.shown(verdict.words, say.SENTENCE)
    return {"key": verdict.key, "who": who, "trusted": verdict.trusted, "code": verdict.code, "message": words or None}
