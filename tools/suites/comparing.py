"""What differs between a suite as it is and the suite in a mode, and whether that is wanted."""

from __future__ import annotations

import csv
import fnmatch
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.stdlib_tests import CRASH, PASSED, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tools.suites.running import Run

#: How often a test that differs is run again, alone.
AGAIN = 3
#: Stands for a test where pytest itself ended badly.
PROCESS = "(process)"


@dataclass
class Difference:
    """A test that passes in stock and not in a mode."""

    suite: str
    mode: str
    test: str
    outcome: Outcome
    reason: str = ""  #: why this is wanted, if it is
    alone: list[bool] = field(default_factory=list)  #: whether it passed when it was run again
    stock_alone: list[bool] = field(default_factory=list)

    @property
    def kind(self) -> str:
        if self.reason:
            return "deliberate"
        if not all(self.stock_alone):
            return "flaky itself"
        return "only once" if self.alone and all(self.alone) else "REGRESSION"


@dataclass(frozen=True)
class Reason:
    """A row of `differences.csv`. All but the reason are patterns as of the shell."""

    suite: str
    mode: str
    test: str
    reason: str

    def applies(self, suite: str, mode: str, test: str) -> bool:
        pairs = ((suite, self.suite), (mode, self.mode), (test.replace("[", "<").replace("]", ">"), self.pattern))
        return all(fnmatch.fnmatchcase(value, pattern) for value, pattern in pairs)

    @property
    def pattern(self) -> str:
        """Brackets are those of pytest's parameters, no classes of characters."""
        return self.test.replace("[", "<").replace("]", ">")


def reasons(file: Path) -> list[Reason]:
    with file.open(encoding="utf-8", newline="") as lines:
        return [Reason(**row) for row in csv.DictReader(lines)]


def compare(stock: Run, other: Run) -> Iterator[Difference]:
    """What passes in `stock` and not in `other`. A process that ends badly only in `other` is one too."""
    if other.trouble and not stock.trouble:
        yield Difference(other.suite, other.mode, PROCESS, Outcome(CRASH, other.trouble))
    for test, outcome in stock.tests.items():
        if outcome.status == PASSED and not other.passed(test):
            yield Difference(other.suite, other.mode, test, other.of(test))


def explain(found: Iterable[Difference], table: Sequence[Reason]) -> None:
    for difference in found:
        wanted = (row.reason for row in table if row.applies(difference.suite, difference.mode, difference.test))
        difference.reason = next(wanted, "")


def doubtful(found: Iterable[Difference], mode: str) -> list[Difference]:
    """Those that may be a mood of the machine, and have to show again."""
    return [each for each in found if each.mode == mode and not each.reason and each.test != PROCESS]


def note_again(found: Iterable[Difference], stock: Run, other: Run) -> None:
    """Enter what became of them when they were run again in both modes."""
    for difference in found:
        difference.stock_alone.append(stock.passed(difference.test))
        difference.alone.append(other.passed(difference.test))


def lapsed(runs: Iterable[Run], table: Sequence[Reason]) -> Iterator[str]:
    """Tests that pass although the table says that they do not."""
    for run in runs:
        for test in run.tests:
            if run.mode != "stock" and run.passed(test) and any(row.applies(run.suite, run.mode, test) for row in table):
                yield f"{run.suite} {run.mode} {test}"
