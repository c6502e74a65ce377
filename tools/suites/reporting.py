"""What a run says: lines for whoever runs it, and the page of the documentation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.stdlib_tests import MISSING, PASSED, SKIPPED
from tools.suites.table import GATE, INJECTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tools.suites.comparing import Difference
    from tools.suites.running import Run
    from tools.suites.table import Suite

STOCK = "stock"
#: What a test may end with that is nobody's failure.
FINE = (PASSED, SKIPPED, "expected failure")
#: What fails the session.
FATAL = ("REGRESSION",)

PAGE = """\
# Test suites of others

The test suites of the libraries that most programs use for TLS run twice: unchanged, and after `truststore.inject_into_ssl()`.
Every test that passes unchanged must also pass injected.

Some run a third time, *judged by a platform*: injected, with a verifier in OpenSSL's place, as on Windows and macOS.

`nox -s suites` runs all of them, and with `-- --write` writes this page. It needs the package index and half an hour.
`nox -s suites -- --short` runs four suites in less than four minutes, and is part of CI. `tools/suites/table.py` lists what is run, in
which versions and with which other packages: of the larger projects, the test files that use TLS. A test that differs is repeated
{again} times. It counts if it fails again and never fails with plain `ssl`.

## Results

How many tests passed, and how many of those that pass with plain `ssl` did not. Tests that passed when they were repeated, or failed with
plain `ssl` then, do not count as different. `gevent-first` and `eventlet-first` patch `ssl` before the injection, the others after it.

{table}

{made}

## What differs, and why

{differences}

## What is not run

{skipped}
"""


@dataclass
class Result:
    """What became of one suite."""

    suite: Suite
    runs: dict[str, Run] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    trouble: str = ""  #: why it could not be run at all

    def fatal(self) -> list[Difference]:
        return [each for each in self.differences if each.kind in FATAL]


# For whoever runs it


def summary(result: Result) -> str:
    """One line about a suite, as soon as it is through."""
    if result.suite.skip:
        return f"{result.suite.name}: skipped: {result.suite.skip}"
    if result.trouble:
        return f"{result.suite.name}: cannot be run: {result.trouble}"
    cells = (f"{mode} {run.count(PASSED)} in {run.seconds:.0f} s" for mode, run in result.runs.items())
    return f"{result.suite.name} {result.suite.version}: passed {', '.join(cells)}"


def findings(results: Iterable[Result], stale: Iterable[str]) -> Iterator[str]:
    for result in results:
        yield from of_stock(result)
        yield from map(finding, sorted(result.differences, key=lambda each: each.kind))
    for each in stale:
        yield f"PASSES       {each}\n{'':13}but is listed as a difference that is wanted: remove the row"


def of_stock(result: Result) -> Iterator[str]:
    stock = result.runs.get(STOCK)
    for test, outcome in stock.tests.items() if stock else ():
        if outcome.status not in FINE:
            yield f"stock itself {result.suite.name} {test}\n{'':13}{outcome.summary()}"
    if stock and stock.trouble:
        yield f"stock itself {result.suite.name}: {stock.trouble}"


def finding(difference: Difference) -> str:
    outcome = difference.outcome
    why = difference.reason or (outcome.message if outcome.status == MISSING else outcome.summary())
    return f"{difference.kind:13}{difference.suite} {difference.mode} {difference.test}\n{'':13}{why}"


# For the documentation


def page(results: Sequence[Result], made: str, again: int) -> str:
    return PAGE.format(
        again=again,
        table="\n".join(table(results)),
        made=made,
        differences="\n".join(reasoned(results)) or "Nothing.",
        skipped="\n".join(skipped(results)) or "Nothing.",
    )


def table(results: Iterable[Result]) -> Iterator[str]:
    yield "| suite | version | plain `ssl` | injected | judged by a platform |"
    yield "|---|---|--:|--:|--:|"
    for result in results:
        if not result.suite.skip:
            cells = (result.suite.name, result.suite.version, *(cell(result, mode) for mode in (STOCK, INJECTED, GATE)))
            yield f"| {' | '.join(cells)} |"


def cell(result: Result, mode: str) -> str:
    if mode not in result.runs:
        return ""
    lost = sum(each.mode == mode and each.kind in ("deliberate", *FATAL) for each in result.differences)
    return f"{result.runs[mode].count(PASSED)}{f' (-{lost})' if lost else ''}"


def reasoned(results: Iterable[Result]) -> Iterator[str]:
    """One line for each reason that a suite has, in the order in which they come."""
    groups: dict[tuple[str, str], list[Difference]] = {}
    for result in results:
        for each in result.differences:
            if each.kind in ("deliberate", *FATAL):
                groups.setdefault((each.suite, each.reason), []).append(each)
    for (suite, reason), found in groups.items():
        where = ", judged by a platform" if {each.mode for each in found} == {GATE} else ""
        names = ", ".join(dict.fromkeys(f"`{function(each.test)}`" for each in found))
        yield f"- {suite}{where}, {names}: {reason or 'not explained yet.'}"


def function(test: str) -> str:
    """The name alone, without file, class and parameters."""
    return test.partition("[")[0].rpartition("::")[2]


def skipped(results: Iterable[Result]) -> Iterator[str]:
    for result in results:
        if result.suite.skip:
            yield f"- {result.suite.name}: {result.suite.skip}"
