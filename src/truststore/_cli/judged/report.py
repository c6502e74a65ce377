"""What is printed about a verdict: in words, and as members of a document of `--json`."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ..._store import pem
from ..._verify_codes import UNKNOWN_ISSUER
from .. import say
from . import judges, tree
from .diagnosis import Diagnosis, diagnose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import Judged

#: The most certificates that are named though nothing comes of them.
MOST_SPARE = 5
STORE = "from the store"


class Origin(NamedTuple):
    """Where certificates come from, beside the store."""

    #: What is said of those that were judged.
    given: str
    #: A file that the command has loaded besides, with `--ca`.
    loaded: str | None = None

    def of(self, der: bytes, judged: Judged) -> str:
        """In a word or two."""
        if der in judged.sent:
            return self.given
        return "from --ca" if self.loaded and der in _certificates(self.loaded) else STORE


@lru_cache(maxsize=1)
def _certificates(path: str) -> frozenset[bytes]:
    try:
        return frozenset(der for der, _ in pem.blocks(pem.contents(path)) or ())
    except OSError:
        return frozenset()


class Report(NamedTuple):
    """All that there is to say."""

    judged: Judged
    origin: Origin
    verdicts: list[judges.Verdict]
    diagnosis: Diagnosis | None


def report_on(judged: Judged, origin: Origin) -> Report:
    """Ask everybody else, and look for the likely cause of a refusal."""
    verdicts = judges.all_of(judged)
    return Report(judged, origin, verdicts, diagnose(judged, judged.refusal, verdicts) if judged.refusal else None)


def judge(report: Report) -> str:
    """Who decided, with what."""
    context, loaded = report.judged.context, report.origin.loaded
    store = context._platform.store if context.system_store is None else context.system_store
    besides = f", and the certificates in {loaded} (--ca)" if loaded else ""
    return say.shown(f"{context._platform.name}, with {store}{besides}", say.SENTENCE)


def _warnings(judged: Judged) -> list[str]:
    """What is wrong with the system's store."""
    store = judged.context.system_store
    if store is None:
        return []
    try:
        return [*store.warnings, *map(str, store.damaged)]
    except OSError as error:
        return [*store.warnings, str(error)]


# -- in words ---------------------------------------------------------------------------------------------------------------------


def print_verdict(whose: str, report: Report, agreed: str = "") -> None:
    """In the first line. `agreed`: what else there is to say of a connection that was made."""
    refusal = report.judged.refusal
    if refusal is None:
        say.paragraph(f"{whose} is {say.painted('trusted', say.GREEN)}{agreed}.")
    else:
        rule = say.shown(refusal.verify_message, say.SENTENCE)
        say.paragraph(f"{whose} is {say.painted('REFUSED', say.RED)}: {rule} (verify code {refusal.verify_code}).")


def print_reasons(report: Report) -> None:
    """Who decided; of a refusal why, and what to do; and about which chain."""
    say.paragraph(f"Decided by {judge(report)}.")
    if report.diagnosis:
        _print_diagnosis(report.diagnosis, _warnings(report.judged))
    _print_chain(report)


def print_others(report: Report, *, verbose: bool) -> None:
    """What others say: if somebody disagrees, or if it was asked for."""
    if verbose or judges.differ(report.verdicts):
        judges.print_table(report.verdicts)


def _print_diagnosis(diagnosis: Diagnosis, warnings: list[str]) -> None:
    for sentence in diagnosis.sentences:
        say.paragraph(say.shown(sentence, say.SENTENCE))
    for command in diagnosis.commands:
        print(f"    {say.shown(command, say.VALUE)}")
    for warning in warnings:
        say.paragraph(say.shown(f"Warning: {warning}", say.SENTENCE))


def _print_chain(report: Report) -> None:
    judged = report.judged
    chain = judged.path
    if chain:
        say.heading("The chain, from the root that vouches for it:" if judged.refusal is None else "The chain, as far as it goes:")
        blamed = report.diagnosis.blamed if report.diagnosis else None
        is_broken = judged.refusal is not None and judged.refusal.verify_code in UNKNOWN_ISSUER
        tree.print_chain(chain, lambda der: report.origin.of(der, judged), blamed, is_broken=is_broken)
    spare = [der for der in judged.sent if der not in chain]
    for der in spare[:MOST_SPARE]:
        say.paragraph(f"{report.origin.given.capitalize()}, but not used: {tree.described(der)['subject']}", "  ", "  ")
    if len(spare) > MOST_SPARE:
        say.paragraph(f"and {len(spare) - MOST_SPARE} more", "  ")


# -- as JSON ----------------------------------------------------------------------------------------------------------------------


def described(report: Report) -> dict[str, object]:
    """The members of a verdict."""
    judged, refusal, diagnosis = report.judged, report.judged.refusal, report.diagnosis
    return {
        "trusted": refusal is None,
        "name": judged.name,
        "judge": judge(report),
        "code": refusal.verify_code if refusal else 0,
        "message": say.shown(refusal.verify_message, say.SENTENCE) if refusal else None,
        "cause": diagnosis.cause if diagnosis else None,
        "blamed": _blamed(diagnosis),
        "notes": [say.shown(each, say.SENTENCE) for each in diagnosis.sentences] if diagnosis else [],
        "warnings": [say.shown(each, say.SENTENCE) for each in _warnings(judged)],
        "commands": [say.shown(each, say.VALUE) for each in diagnosis.commands] if diagnosis else [],
        "sent": [tree.described(der) for der in judged.sent],
        "chain": [tree.described(der, report.origin.of(der, judged)) for der in judged.path],
        "others": [_verdict(verdict) for verdict in report.verdicts[1:]],
    }


def _blamed(diagnosis: Diagnosis | None) -> str | None:
    return str(tree.described(diagnosis.blamed)["sha256"]) if diagnosis and diagnosis.blamed else None


def _verdict(verdict: judges.Verdict) -> dict[str, object]:
    who, words = say.shown(verdict.who, say.VALUE), say.shown(verdict.words, say.SENTENCE)
    return {"key": verdict.key, "who": who, "trusted": verdict.trusted, "code": verdict.code, "message": words or None}
