"""A suite in one mode: pytest in the suite's own environment, watched, and run again without the test that it hung in or died of."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tools.stdlib_tests import CRASH, HANG, MISSING, PASSED, Outcome, kill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.suites.table import Suite

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
PLUGIN = HERE / "pytest_injected.py"
VERIFIER = CHECKOUT / "tests" / "fake_verifier.py"
#: Abnormal ends of pytest after which the rest of a suite is given up.
ENDURED = 6
#: pytest's statuses that say no more than the tests themselves: all passed, some failed, none was there.
OWN_ENDS = (0, 1, 5)


@dataclass
class Run:
    """One suite in one mode."""

    suite: str
    mode: str
    tests: dict[str, Outcome] = field(default_factory=dict)
    trouble: str = ""  #: how pytest ended, if not by itself and well
    seconds: float = 0.0

    def count(self, *statuses: str) -> int:
        return sum(outcome.status in statuses for outcome in self.tests.values())

    def passed(self, test: str) -> bool:
        return self.of(test).status == PASSED

    def of(self, test: str) -> Outcome:
        return self.tests.get(test, Outcome(MISSING, self.trouble))


@dataclass(frozen=True)
class Bench:
    """A suite ready to run."""

    suite: Suite
    python: Path
    folder: Path  #: where its tests are looked for
    scratch: Path  #: for whatever a run leaves behind
    timeout: float = 120.0  #: seconds in one test that are a hang

    def run(self, mode: str, only: Sequence[str] | None = None) -> Run:
        """Run the tests, or some of them, in as many processes as it takes."""
        started, run = time.monotonic(), Run(self.suite.name, mode)
        for _ in range(ENDURED):
            if not self._continue(run, only):
                break
        run.seconds = time.monotonic() - started
        return run

    def _continue(self, run: Run, only: Sequence[str] | None) -> bool:
        """Run what has not run yet; true if that was cut short by one test and there may be more."""
        folder = Path(tempfile.mkdtemp(prefix=f"{run.mode}-", dir=self.scratch))
        (folder / "events").touch()
        (folder / "tmp").mkdir()
        trouble = self._watch(self._start(run, only, folder), folder / "events")
        culprit = collect(run, (folder / "events").read_text("utf-8"))
        if not trouble:
            return False
        output = (folder / "output").read_text("utf-8", "replace")[-4000:]
        if culprit:
            run.tests[culprit] = Outcome(trouble.partition(" ")[0], f"{output}\n{trouble}")
        else:
            run.trouble = f"{trouble}, outside of any test\n{output}"
        return bool(culprit)

    def _start(self, run: Run, only: Sequence[str] | None, folder: Path) -> subprocess.Popen[bytes]:
        request = folder / "request.json"
        suite, skip = self.suite, list(run.tests)
        fields = {"mode": run.mode, "only": only, "skip": skip, "before": suite.before, "after": suite.after}
        request.write_text(json.dumps(fields | {"events": str(folder / "events")}), "utf-8")
        with (folder / "output").open("wb") as output:
            return subprocess.Popen(
                command(self.python, suite, only),
                cwd=self.folder,
                env=environment(suite, folder / "tmp", request, laid(folder / "path")),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _watch(self, process: subprocess.Popen[bytes], events: Path) -> str:
        """Wait for the end as long as the tests get on. Returns what went wrong, "" if nothing did."""
        size, deadline = -1, 0.0
        while True:
            try:
                status = process.wait(0.1)
            except subprocess.TimeoutExpired:
                now = time.monotonic()
                if events.stat().st_size != size:
                    size, deadline = events.stat().st_size, now + self.timeout
                if now > deadline:
                    kill(process)
                    return f"{HANG} of {self.timeout:g} s"
            else:
                kill(process)  # children that it left behind
                return "" if status in OWN_ENDS else f"{CRASH} with exit status {status}"


def command(python: Path, suite: Suite, only: Sequence[str] | None) -> list[str]:
    """Of the files that hold `only`, or of all; the plugin does the rest: ids may be too many, or too odd, for a command line."""
    tests = suite.tests
    if only is not None:
        tests = tuple(dict.fromkeys(test.partition("::")[0] for test in only))
    always = ("-p", "pytest_injected", "-p", "no:cacheprovider", "-q", "--rootdir", ".", "--continue-on-collection-errors")
    return [str(python.with_name("pytest")), *always, *suite.options, *tests]


def laid(folder: Path) -> Path:
    """A folder to import truststore, the plugin and the verifier from, and nothing else of this checkout."""
    folder.mkdir()
    (folder / "truststore").symlink_to(CHECKOUT / "src" / "truststore")
    for file in (PLUGIN, VERIFIER):
        shutil.copy(file, folder)
    return folder


def environment(suite: Suite, temporary: Path, request: Path, path: Path) -> dict[str, str]:
    """The caller's, without the variables that say where the store is, and what others' tests would take for their own."""
    kept = {name: value for name, value in os.environ.items() if not unwanted(name)}
    mine = {"PYTHONPATH": str(path), "TRUSTSTORE_SUITE": str(request), "PYTHONDONTWRITEBYTECODE": "1"}
    return kept | mine | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)) | dict(suite.environment)


def unwanted(name: str) -> bool:
    return name.upper().startswith(("SSL_CERT_", "PYTEST_", "PIP_")) or name.upper().endswith(("_CA_BUNDLE", "_PROXY", "_CA_CERTS"))


def collect(run: Run, events: str) -> str:
    """Enter what the plugin wrote down into `run`. Returns the test that it was in at the end, or ""."""
    running = ""
    for line in events.splitlines():
        match json.loads(line):
            case {"event": "start", "test": test}:
                running = test
            case {"event": "end", "test": test, "status": status, "message": message}:
                running = ""
                run.tests[test] = Outcome(status, message)
    return running
