"""Run CPython's own tests of `ssl` and of what is built on it with truststore injected, and compare with the same Python without it.

    python tools/stdlib_tests.py stock injected gate

The claim is that `truststore.SSLContext` is `ssl.SSLContext` in everything but who decides trust; this is its proof. Three modes:

stock     the test-suite as it is: what the others are compared with, so it always runs
injected  after `truststore.inject_into_ssl()`
gate      injected, and a fake verifier decides in OpenSSL's place, by the CA files that the tests load: as on Windows and macOS

A regression is a test that passes in stock and not in the mode. As machines have moods, each is run again with nothing beside it, in both
modes, and counts only if it shows again; one that does not is printed all the same. Where a difference is wanted, `stdlib_differences.csv`
says so and why; a row there for a test that passes is reported as a failure too, so that the table stays true.

Each module runs in processes of its own (`stdlib_worker.py`) with its own working and temporary directory. One that gets nowhere for
`--timeout` seconds is killed with all its children, the test it was in is reported as a hang, and the tests after it run in a new process.

Exit status: 0, or 1 if there is a regression. Needs CPython with its `test` package (Debian: libpython3-testsuite); no network is used.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import fnmatch
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
CHECKOUT = TOOLS.parent
WORKER = TOOLS / "stdlib_worker.py"
DIFFERENCES = TOOLS / "stdlib_differences.csv"

MODES = ("stock", "injected", "gate")
MODULES = (  # longest first, so that they do not come last
    "test.test_imaplib",
    "test.test_ssl",
    "test.test_asyncio.test_ssl",
    "test.test_ftplib",
    "test.test_poplib",
    "test.test_asyncio.test_sslproto",
    "test.test_urllib2_localnet",
    "test.test_httplib",
)
#: A module without tests, to see whether a mode works at all.
HARMLESS = "json"
#: Abnormal ends of one process after which the rest of a module is given up: something is broken beyond single tests.
ENDURED = 4

PASSED, SKIPPED, HANG, CRASH, MISSING = "passed", "skipped", "hang", "crash", "missing"


@dataclass
class Outcome:
    """What became of one test."""

    status: str
    message: str = ""
    subtests: list[tuple[str, str]] = field(default_factory=list)

    def summary(self) -> str:
        """One line: the error, not the traceback that leads to it."""
        lines = self.message.splitlines()
        frames = [number for number, line in enumerate(lines) if line.startswith("  File ")]
        after = [line for line in lines[frames[-1] if frames else 0 :] if line.strip() and not line.startswith(" ")]
        return f"{self.status}: {after[0][:200]}" if after else self.status


@dataclass
class Run:
    """One module in one mode."""

    module: str
    mode: str
    tests: dict[str, Outcome] = field(default_factory=dict)
    missing: str = ""  #: why nothing ran, if this Python has no such module
    trouble: str = ""  #: how the process ended, if not by itself and well
    seconds: float = 0.0

    def count(self, status: str = PASSED) -> int:
        return sum(outcome.status == status for outcome in self.tests.values())

    def passed(self, test: str) -> bool:
        return self.of(test).status == PASSED

    def of(self, test: str) -> Outcome:
        return self.tests.get(test, Outcome(MISSING, self.trouble))


# Running


class Runner:
    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        self._options, self._scratch = options, scratch

    def run(self, module: str, mode: str, only: Sequence[str] | None = None) -> Run:
        """Run a module, or some tests of it, in as many processes as it takes."""
        started, run = time.monotonic(), Run(module, mode)
        for _ in range(ENDURED):
            if not self._continue(run, only):
                break
        run.seconds = time.monotonic() - started
        return run

    def _continue(self, run: Run, only: Sequence[str] | None) -> bool:
        """Run what has not run yet; true if that was cut short by one test and there may be more."""
        folder = Path(tempfile.mkdtemp(prefix=f"{run.module.rpartition('.')[2]}-{run.mode}-", dir=self._scratch))
        request = self._request(run, only, folder)
        trouble = self._watch(self._start(request, folder), folder)
        culprit = collect(run, (folder / "events").read_text("utf-8"))
        if not trouble:
            return False
        output = (folder / "output").read_text("utf-8", "replace")[-4000:]
        if culprit:
            run.tests[culprit] = Outcome(trouble.partition(" ")[0], f"{output}\n{trouble}")
        else:
            run.trouble = f"{trouble} outside of any test\n{output}"
        return bool(culprit)

    def _request(self, run: Run, only: Sequence[str] | None, folder: Path) -> Path:
        file = folder / "request.json"
        fields = {
            "module": run.module,
            "mode": run.mode,
            "events": str(folder / "events"),
            "only": only,
            "skip": list(run.tests),
            "path": [str(Path(entry).resolve()) for entry in self._options.path],
            "setup": self._options.setup,
            "verifier": self._options.verifier,
            "dump_after": self._options.timeout * 0.9,
        }
        file.write_text(json.dumps(fields), "utf-8")
        (folder / "events").touch()
        return file

    def _start(self, request: Path, folder: Path) -> subprocess.Popen[bytes]:
        work = folder / "work"
        work.mkdir()
        with (folder / "output").open("wb") as output:
            return subprocess.Popen(
                [sys.executable, *self._options.python_option, str(WORKER), str(request)],
                cwd=work,
                env=environment(work, keep=self._options.keep_environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=os.name == "posix",
            )

    def _watch(self, process: subprocess.Popen[bytes], folder: Path) -> str:
        """Wait for the end as long as the tests get on. Returns what went wrong, "" if nothing did."""
        events, size, deadline = folder / "events", -1, 0.0
        while True:
            try:
                status = process.wait(0.1)
            except subprocess.TimeoutExpired:
                now = time.monotonic()
                if events.stat().st_size != size:
                    size, deadline = events.stat().st_size, now + self._options.timeout
                if now > deadline:
                    kill(process)
                    return f"{HANG} of {self._options.timeout:g} s"
            else:
                kill(process)  # children that it left behind
                return f"{CRASH} with exit status {status}" if status else ""


def collect(run: Run, events: str) -> str:
    """Enter what a worker wrote down into `run`. Returns the test that it was in at the end, or ""."""
    running = ""
    for line in events.splitlines():
        match json.loads(line):
            case {"event": "start", "test": test}:
                running = test
            case {"event": "end", "test": test, "status": status, "message": message, "subtests": subtests}:
                running = ""
                run.tests[test] = Outcome(status, message, [(name, result) for name, result in subtests])
            case {"event": "missing", "why": why}:
                run.missing = why
    return running


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and, where the system has process groups, all that it started."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def environment(work: Path, keep: bool) -> dict[str, str]:
    """The caller's, with a temporary directory of its own and, unless `keep`, without the variables that say where the store is."""
    env = {name: value for name, value in os.environ.items() if keep or not name.upper().startswith("SSL_CERT_")}
    temporary = work.parent / "tmp"
    temporary.mkdir()
    return env | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))


# Judging


@dataclass
class Regression:
    """A test that passes in stock and not in a mode."""

    module: str
    mode: str
    test: str
    outcome: Outcome
    reason: str = ""  #: why this is wanted, if it is
    confirmed: bool = True

    @property
    def unreached(self) -> bool:
        """Its process ended before it, which is reported for itself."""
        return self.outcome.status == MISSING and bool(self.outcome.message)


@dataclass
class Difference:
    """A row of `stdlib_differences.csv`. All but the reason are patterns as of the shell."""

    platform: str
    python: str
    mode: str
    test: str
    reason: str

    def applies(self, mode: str, test: str) -> bool:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        pairs = ((sys.platform, self.platform), (version, self.python), (mode, self.mode), (test, self.test))
        return all(fnmatch.fnmatchcase(value, pattern) for value, pattern in pairs)


def differences(file: Path) -> list[Difference]:
    with file.open(encoding="utf-8", newline="") as lines:
        return [Difference(**row) for row in csv.DictReader(lines)]


def compare(stock: Run, other: Run) -> Iterator[Regression]:
    """What passes in `stock` and not in `other`. A process that ends badly only in `other` is one too."""
    if other.trouble and not stock.trouble:
        yield Regression(other.module, other.mode, f"{other.module} (process)", Outcome(CRASH, other.trouble))
    for test, outcome in stock.tests.items():
        if outcome.status == PASSED and not other.passed(test):
            yield Regression(other.module, other.mode, test, other.of(test))
        elif outcome.status == PASSED and (lost := lost_subtests(outcome, other.of(test))):
            yield Regression(other.module, other.mode, test, Outcome("incomplete", f"subtests that did not run: {lost}"))


def lost_subtests(stock: Outcome, other: Outcome) -> str:
    """Subtests of stock that the other does not have: its loop ended early. Counted, as names may hold ports and addresses."""
    before, after = Counter(name for name, _ in stock.subtests), Counter(name for name, _ in other.subtests)
    return ", ".join(before - after) if before.total() > after.total() else ""


def explain(regressions: Iterable[Regression], table: Sequence[Difference]) -> None:
    for regression in regressions:
        reasons = (row.reason for row in table if row.applies(regression.mode, regression.test))
        regression.reason = next(reasons, "")


def confirm(regressions: Sequence[Regression], runner: Runner) -> None:
    """Run what differs again, with nothing beside it: a regression has to show twice."""
    groups = dict.fromkeys((regression.module, regression.mode) for regression in regressions if not regression.reason)
    for module, mode in groups:
        mine = [regression for regression in regressions if (regression.module, regression.mode) == (module, mode)]
        tests = [regression.test for regression in mine]
        only = None if any(test.endswith("(process)") for test in tests) else tests
        again = {found.test: found for found in compare(runner.run(module, "stock", only), runner.run(module, mode, only))}
        for regression in mine:
            regression.confirmed = regression.test in again


def lapsed(runs: Sequence[Run], table: Sequence[Difference]) -> Iterator[str]:
    """Tests that pass although the table says that they do not."""
    for run in runs:
        for test in run.tests:
            if run.mode != "stock" and run.passed(test) and any(row.applies(run.mode, test) for row in table):
                yield f"{run.mode} {test}"


# Reporting


def show_table(runs: dict[tuple[str, str], Run], modes: Sequence[str], regressions: Sequence[Regression]) -> None:
    width = max(len(module) for module, _ in runs)
    print(f"{'passed':{width}}" + "".join(f"{mode:>12}" for mode in modes) + "   seconds")
    totals: Counter[str] = Counter()
    for module in dict.fromkeys(module for module, _ in runs):
        mine = [runs[module, mode] for mode in modes]
        if mine[0].missing:
            print(f"{module:{width}}  {mine[0].missing}")
            continue
        lost = Counter(found.mode for found in regressions if found.module == module)
        totals.update({run.mode: run.count() for run in mine})
        cells = "".join(f"{f'(-{lost[run.mode]}) ' if lost[run.mode] else ''}{run.count()}".rjust(12) for run in mine)
        print(f"{module:{width}}{cells}   {' + '.join(f'{run.seconds:.0f}' for run in mine)}")
    print(f"{'all':{width}}" + "".join(f"{totals[mode]:12}" for mode in modes))


def show_findings(runs: Iterable[Run], regressions: Sequence[Regression], stale: Sequence[str]) -> None:
    for run in runs:
        if run.mode == "stock":
            for test, outcome in run.tests.items():
                if outcome.status not in (PASSED, SKIPPED, "expected failure"):
                    print(f"stock itself   {test}\n               {outcome.summary()}")
            if run.trouble:
                print(f"stock itself   {run.module}: {run.trouble.splitlines()[0]}")
    unreached = Counter((found.mode, found.module) for found in regressions if found.unreached)
    for (mode, module), number in unreached.items():
        print(f"{'':10} {mode:8} {module}: {number} tests did not run, because of what follows")
    for found in regressions:
        if found.unreached:
            continue
        kind = "deliberate" if found.reason else "REGRESSION" if found.confirmed else "only once"
        print(f"{kind:10} {found.mode:8} {found.test}\n{'':19} {found.reason or found.outcome.summary()}")
    for each in stale:
        print(f"PASSES     {each}\n{'':19} but is listed as a difference that is wanted: remove the row")


def report(
    options: argparse.Namespace, runs: Iterable[Run], regressions: Iterable[Regression], stale: Sequence[str]
) -> dict[str, object]:
    return {
        "python": sys.version,
        "platform": sys.platform,
        "openssl": ssl.OPENSSL_VERSION,
        "path": options.path,
        "runs": [asdict(run) for run in runs],
        "regressions": [asdict(found) for found in regressions],
        "lapsed": list(stale),
    }


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modes", nargs="*", metavar="MODE", help=f"of {', '.join(MODES)} (default: all)")
    parser.add_argument("-m", "--module", action="append", metavar="NAME", help="only this test module; may be repeated")
    parser.add_argument(
        "-j", "--jobs", type=int, default=2 * (os.cpu_count() or 1), help="processes at once (default: %(default)s)"
    )
    parser.add_argument(
        "--timeout", type=float, default=120, metavar="S", help="seconds without progress that are a hang (%(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything, test by test, to this file")
    parser.add_argument("--path", action="append", metavar="DIR", help="import truststore from here (default: this checkout's src)")
    parser.add_argument("--setup", metavar="MODULE:FUNCTION", help="call this before the injection; the module is found in --path")
    parser.add_argument(
        "--verifier",
        default=f"{CHECKOUT / 'tests' / 'fake_verifier.py'}:FakeVerifier",
        metavar="FILE:NAME",
        help="what makes the verifier of the gate mode (default: FakeVerifier of tests/fake_verifier.py)",
    )
    parser.add_argument("--differences", type=Path, default=DIFFERENCES, metavar="FILE", help="the table of those that are wanted")
    parser.add_argument("--python-option", action="append", default=[], metavar="OPTION", help="for the interpreter, e.g. =-Xdev")
    parser.add_argument("--keep-environment", action="store_true", help="keep SSL_CERT_FILE and SSL_CERT_DIR")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.modes) - set(MODES)):
        parser.error(f"unknown mode {', '.join(unknown)}: there are {', '.join(MODES)}")
    options.modes = [mode for mode in MODES if mode in options.modes or mode == "stock" or not options.modes]
    options.path = options.path or [str(CHECKOUT / "src")]
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    scratch = Path(tempfile.mkdtemp(prefix="stdlib-tests-"))
    try:
        return judge(options, Runner(options, scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def judge(options: argparse.Namespace, runner: Runner) -> int:
    print(
        f"CPython {sys.version.split()[0]} on {sys.platform}, {ssl.OPENSSL_VERSION}, truststore from {' '.join(options.path)}",
        flush=True,
    )
    for mode in options.modes:
        if trouble := runner.run(HARMLESS, mode).trouble:
            print(f"{mode} cannot be run at all: {trouble}\n0 passed, 1 failed")
            return 1
    jobs = [(module, mode) for module in options.module or MODULES for mode in options.modes]
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = dict(zip(jobs, pool.map(lambda job: runner.run(*job), jobs), strict=True))
    table = differences(options.differences)
    regressions = [
        found for (module, mode), run in runs.items() if mode != "stock" for found in compare(runs[module, "stock"], run)
    ]
    explain(regressions, table)
    confirm(regressions, runner)
    stale = list(lapsed(list(runs.values()), table))
    show_table(runs, options.modes, regressions)
    show_findings(runs.values(), regressions, stale)
    if options.json:
        options.json.write_text(json.dumps(report(options, runs.values(), regressions, stale), indent=1), "utf-8")
    failed = len(stale) + sum(found.confirmed and not found.reason for found in regressions)
    print(f"{sum(run.count() for run in runs.values())} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
