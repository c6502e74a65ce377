"""Run the test-suites of libraries that use `ssl`, each as it is, with truststore injected, and, of some, with a verifier in OpenSSL's
place.

Each suite has an environment of its own in a temporary folder, made from the package index. A regression is a test that passes in stock
and not in the mode; it is run again several times, with nothing beside it, and counts if it fails again where stock does not. Where a
difference is wanted, `differences.csv` says so and why; a row there for a test that passes is reported as a failure too.

Exit status: 0, or 1 if there is a regression, or a suite could not be run.
"""

from __future__ import annotations

import argparse
import datetime
import os
import ssl
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tools.stdlib_tests import PASSED
from tools.suites import comparing, environments, reporting
from tools.suites.fetching import Fetcher
from tools.suites.reporting import STOCK, Result
from tools.suites.running import CHECKOUT, Bench
from tools.suites.table import SUITES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.suites.comparing import Difference
    from tools.suites.table import Suite

DIFFERENCES = Path(__file__).with_name("differences.csv")
DOCS = CHECKOUT / "docs" / "suites.md"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("tools.suites", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(suite.name for suite in SUITES)} (default: all)")
    parser.add_argument("--short", action="store_true", help="those that take least, for a change on its way")
    parser.add_argument("--write", action="store_true", help=f"write {DOCS.relative_to(CHECKOUT)}; needs all suites")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="make the environments here, keep them, and use those that are there"
    )
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1, help="suites at once (default: %(default)s)")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.suites) - {suite.name for suite in SUITES}):
        parser.error(f"unknown suite {', '.join(unknown)}")
    if options.write and (options.suites or options.short):
        parser.error("the page is about all suites: --write goes with no other choice")
    options.chosen = [suite for suite in SUITES if suite.name in options.suites or not options.suites]
    options.chosen = [suite for suite in options.chosen if suite.short or not options.short]
    return options


class Session:
    """The folder that everything lies in, and what was made there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fetcher = Fetcher(folder / "sdists")
        self._benches: dict[str, Bench] = {}

    def run(self, suite: Suite) -> Result:
        result = Result(suite)
        try:
            if not suite.skip:
                self._run(suite, result)
        except (subprocess.CalledProcessError, OSError, ValueError) as error:  # of pip, of the sdist
            result.trouble = str(error)
        print(reporting.summary(result), flush=True)
        return result

    def _run(self, suite: Suite, result: Result) -> None:
        bench = self._benches[suite.name] = self._prepare(suite)
        result.runs = {mode: bench.run(mode) for mode in (STOCK, *suite.modes)}
        if not result.runs[STOCK].count(PASSED):
            result.trouble = f"not one test passes as it is: {result.runs[STOCK].trouble}"
        for mode in suite.modes:
            result.differences += comparing.compare(result.runs[STOCK], result.runs[mode])

    def _prepare(self, suite: Suite) -> Bench:
        folder = self._folder / suite.name
        scratch = folder / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        python = environments.of(suite, folder / "env")
        tests = environments.installed_in(python) if suite.installed else self._fetcher.fetch(suite)
        return Bench(suite, python, tests, scratch)

    def confirm(self, result: Result) -> None:
        """Run what differs again, alone, in both modes."""
        for mode in result.suite.modes:
            if found := comparing.doubtful(result.differences, mode):
                self._run_again(found, self._benches[result.suite.name], mode)

    @staticmethod
    def _run_again(found: Sequence[Difference], bench: Bench, mode: str) -> None:
        tests = [each.test for each in found]
        for _ in range(comparing.AGAIN):
            comparing.note_again(found, bench.run(STOCK, tests), bench.run(mode, tests))


def judge(options: argparse.Namespace, folder: Path) -> int:
    session, table = Session(folder), comparing.reasons(DIFFERENCES)
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(session.run, options.chosen))
    for result in results:
        comparing.explain(result.differences, table)
        session.confirm(result)
    stale = list(comparing.lapsed([run for result in results for run in result.runs.values()], table))
    print(*reporting.table(results), *reporting.findings(results, stale), sep="\n")
    if options.write:
        DOCS.write_text(reporting.page(results, made(), comparing.AGAIN), "utf-8")
    return verdict(results, stale)


def made() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return f"Run on {today}, CPython {version}, {ssl.OPENSSL_VERSION}, {sys.platform}."


def verdict(results: Sequence[Result], stale: Sequence[str]) -> int:
    passed = sum(run.count(PASSED) for result in results for run in result.runs.values())
    failed = len(stale) + sum(len(result.fatal()) + bool(result.trouble) for result in results)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    if options.keep:
        return judge(options, options.keep.resolve())
    with tempfile.TemporaryDirectory(prefix="suites-", ignore_cleanup_errors=True) as folder:
        return judge(options, Path(folder).resolve())


if __name__ == "__main__":
    sys.exit(main())
