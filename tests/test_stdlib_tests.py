"""What `tools/stdlib_tests.py` makes of tests that pass, fail, hang and crash, with a truststore and a test module made for it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

TOOLS = Path(__file__).parents[1] / "tools"

pytest.importorskip("test.support", reason="this Python comes without CPython's test package")

pytestmark = pytest.mark.timeout(240)  # each starts up to ten interpreters, which a busy machine takes its time for

#: Stands for the package: what the tests below ask is whether it was injected, and with what.
TRUSTSTORE = """
    injected = False
    class SSLContext:
        _verifier = None
    def inject_into_ssl():
        global injected
        injected = True
"""
#: The head of every module of tests.
SAMPLE = """
    import os, sys, threading, unittest
    injected = "truststore" in sys.modules and sys.modules["truststore"].injected
"""
HEADER = "platform,python,mode,test,reason"


class Result:
    def __init__(self, status: int, output: str, report: dict[str, Any]) -> None:
        self.status, self.output, self.report = status, output, report
        self.last = output.splitlines()[-1]

    def of(self, mode: str) -> dict[str, str]:
        """The status of each test in a mode, by its method's name."""
        (run,) = (run for run in self.report["runs"] if run["mode"] == mode)
        return {test.rpartition(".")[2]: outcome["status"] for test, outcome in run["tests"].items()}


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    """Run the tool on one module with these tests."""

    def run(tests: str, *arguments: str, differences: str = "", env: dict[str, str] | None = None) -> Result:
        (tmp_path / "truststore.py").write_text(dedent(TRUSTSTORE), "utf-8")
        (tmp_path / "sample.py").write_text(dedent(SAMPLE) + dedent(tests), "utf-8")
        (tmp_path / "differences.csv").write_text(f"{HEADER}\n{differences}", "utf-8")
        command = [sys.executable, str(TOOLS / "stdlib_tests.py"), "-m", "sample", "--path", str(tmp_path), *arguments]
        command += ["--differences", str(tmp_path / "differences.csv"), "--json", str(tmp_path / "report.json")]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(env or {})})
        assert not done.stderr
        report = tmp_path / "report.json"
        return Result(done.returncode, done.stdout, json.loads(report.read_text("utf-8")) if report.exists() else {})

    return run


def test_every_kind_of_outcome(run: Callable[..., Result]) -> None:
    result = run(
        """
        class Tests(unittest.TestCase):
            def test_passes(self): self.assertTrue(True)
            def test_fails(self): self.fail("deliberately")
            def test_errs(self): raise OSError("deliberately")
            def test_skips(self): self.skipTest("deliberately")
            @unittest.skip("deliberately")
            def test_is_skipped(self): ...
            @unittest.expectedFailure
            def test_fails_as_expected(self): self.fail()
            @unittest.expectedFailure
            def test_unexpectedly_passes(self): ...
            def test_subtests(self):
                for number in range(3):
                    with self.subTest(number=number):
                        self.assertNotEqual(number, 1)
        class Broken(unittest.TestCase):
            @classmethod
            def setUpClass(cls): raise OSError("deliberately")
            def test_is_never_reached(self): ...
        """,
        "stock",
    )
    assert result.of("stock") == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_errs": "error",
        "test_skips": "skipped",
        "test_is_skipped": "skipped",
        "test_fails_as_expected": "expected failure",
        "test_unexpectedly_passes": "unexpected success",
        "test_subtests": "failed",
        "Broken)": "error",
    }
    subtests = result.report["runs"][0]["tests"]["sample.Tests.test_subtests"]["subtests"]
    assert [status for _, status in subtests] == ["passed", "failed", "passed"]
    assert result.status == 0, "what fails in stock is not ours"
    assert result.last == "1 passed, 0 failed"
    assert "stock itself   sample.Tests.test_fails\n               failed: AssertionError: deliberately" in result.output


def test_a_regression_fails(run: Callable[..., Result]) -> None:
    result = run(
        """
        class Tests(unittest.TestCase):
            def test_same(self): ...
            def test_worse(self): self.assertFalse(injected)
            def test_better(self): self.assertTrue(injected)
            def test_shorter(self):
                for number in range(1 if injected else 3):
                    with self.subTest(number=number): ...
        class Broken(unittest.TestCase):
            @classmethod
            def setUpClass(cls): assert not injected
            def test_not_reached(self): ...
        """,
        "injected",
    )
    assert [found["test"] for found in result.report["regressions"]] == [
        "sample.Broken.test_not_reached",
        "sample.Tests.test_shorter",
        "sample.Tests.test_worse",
    ]
    assert result.status == 1
    assert result.last == "7 passed, 3 failed"
    assert "REGRESSION injected sample.Tests.test_worse" in result.output


def test_what_fails_once_is_said_but_does_not_count(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run(
        f"""
        class Tests(unittest.TestCase):
            def test_moody(self):
                if injected:
                    os.mkdir({str(tmp_path / "seen")!r}) if not os.path.exists({str(tmp_path / "seen")!r}) else self.fail()
            def test_at_first(self):
                if injected and not os.path.exists({str(tmp_path / "again")!r}):
                    os.mkdir({str(tmp_path / "again")!r})
                    self.fail("at first")
        """,
        "injected",
    )
    assert result.status == 0
    assert "only once  injected sample.Tests.test_at_first\n                    failed: AssertionError: at first" in result.output
    assert "test_moody" not in result.output


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups to kill")
def test_a_hang_ends_with_all_its_children_and_the_rest_runs(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run(
        f"""
        import fcntl, subprocess
        class Tests(unittest.TestCase):
            def test_a(self): ...
            def test_b(self):
                if injected:
                    lock = open({str(tmp_path / "lock")!r}, "w")
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"], pass_fds=[lock.fileno()])
                    threading.Event().wait()
            def test_c(self): ...
        """,
        "injected",
        "--timeout=5",
    )
    assert result.of("injected") == {"test_a": "passed", "test_b": "hang", "test_c": "passed"}
    message = result.report["regressions"][0]["outcome"]["message"]
    assert "in test_b" in message, "the stacks are shown"
    import fcntl

    with open(tmp_path / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # type: ignore[attr-defined, unused-ignore] # would wait for ever for a child that is left


def test_a_crash_is_one_test_and_the_rest_runs(run: Callable[..., Result]) -> None:
    result = run(
        """
        class Tests(unittest.TestCase):
            def test_a(self): ...
            def test_b(self): injected and os._exit(3)
            def test_c(self): ...
        """,
        "injected",
    )
    assert result.of("injected") == {"test_a": "passed", "test_b": "crash", "test_c": "passed"}
    assert "crash: crash with exit status 3" in result.output
    assert result.last == "5 passed, 1 failed"


def test_a_module_that_keeps_crashing_is_given_up(run: Callable[..., Result]) -> None:
    tests = "\n".join(f"            def test_{number}(self): injected and os._exit(3)" for number in range(9))
    result = run(f"\n        class Tests(unittest.TestCase):\n{tests}\n", "injected")
    assert list(result.of("injected").values()) == ["crash"] * 4
    assert result.last == "9 passed, 9 failed", "what did not run counts as lost"


@pytest.mark.slow
def test_a_process_that_does_not_end_is_reported(run: Callable[..., Result]) -> None:
    result = run(
        """
        class Tests(unittest.TestCase):
            def test_leaves_a_thread(self):
                if injected:
                    threading.Thread(target=threading.Event().wait).start()
        """,
        "injected",
        "--timeout=5",
    )
    assert result.of("injected") == {"test_leaves_a_thread": "passed"}
    assert "REGRESSION injected sample (process)\n                    crash: hang of 5 s outside of any test" in result.output
    assert result.status == 1


def test_a_module_that_is_not_there_is_said_and_does_not_fail(run: Callable[..., Result]) -> None:
    result = run("", "stock", "injected", "-m", "test.test_no_such_module")
    assert "not in this Python (no module test.test_no_such_module)" in result.output
    assert (result.status, result.last) == (0, "0 passed, 0 failed")


def test_a_module_that_cannot_be_imported_when_injected_fails(run: Callable[..., Result]) -> None:
    result = run(
        """
        assert not injected
        class Tests(unittest.TestCase):
            def test_a(self): ...
            def test_b(self): ...
        """,
        "injected",
    )
    assert "REGRESSION injected sample (process)\n                    crash: AssertionError" in result.output
    assert "sample: 2 tests did not run" in result.output
    assert result.status == 1


def test_a_mode_that_cannot_work_is_said_once(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("", "gate", "--verifier", f"{tmp_path / 'nothing.py'}:Verifier")
    assert "gate cannot be run at all: crash with exit status 1" in result.output
    assert "nothing.py" in result.output
    assert (result.status, result.last) == (1, "0 passed, 1 failed")


def test_wanted_differences_are_checked_both_ways(run: Callable[..., Result]) -> None:
    tests = """
        class Tests(unittest.TestCase):
            def test_differs(self): self.assertFalse(injected)
            def test_passes(self): ...
    """
    wanted = "*,*,injected,sample.Tests.test_differs,for a reason\n"
    good = run(tests, "injected", differences=wanted + "*,2.*,*,*,of another Python\nos/2,*,*,*,of another system\n")
    assert (good.status, good.last) == (0, "3 passed, 0 failed")
    assert "deliberate injected sample.Tests.test_differs\n                    for a reason" in good.output
    lapsed = run(tests, "injected", differences=wanted + "*,*,injected,sample.Tests.test_passes,not any more\n")
    assert (lapsed.status, lapsed.last) == (1, "3 passed, 1 failed")
    assert "PASSES     injected sample.Tests.test_passes" in lapsed.output


def test_the_gate_gets_its_verifier_and_the_setup_comes_first(run: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "setup_sample.py").write_text("import sys\ndef prepare(): sys.prepared = 'truststore' not in sys.modules", "utf-8")
    (tmp_path / "verifier_sample.py").write_text("class Verifier:\n    def __call__(self, question): return question", "utf-8")
    result = run(
        """
        class Tests(unittest.TestCase):
            def test_set_up_before(self): self.assertTrue(sys.prepared)
            def test_verifier(self): self.assertEqual(sys.modules["truststore"].SSLContext()._verifier("question"), "question")
        """,
        "injected",
        "gate",
        "--setup=setup_sample:prepare",
        "--verifier",
        f"{tmp_path / 'verifier_sample.py'}:Verifier",
    )
    assert result.of("stock") == {"test_set_up_before": "error", "test_verifier": "error"}
    assert result.of("injected") == {"test_set_up_before": "passed", "test_verifier": "error"}
    assert result.of("gate") == {"test_set_up_before": "passed", "test_verifier": "passed"}


def test_surroundings(run: Callable[..., Result], tmp_path: Path) -> None:
    tests = f"""
        import tempfile
        from test import support
        class Tests(unittest.TestCase):
            def test_store_is_not_named(self): self.assertNotIn("SSL_CERT_FILE", os.environ)
            def test_folder_is_empty(self): self.assertEqual(os.listdir(), [])
            def test_folders_are_its_own(self):
                self.assertEqual(os.path.dirname(tempfile.gettempdir()), os.path.dirname(os.getcwd()))
            def test_no_network(self): self.assertFalse(support.is_resource_enabled("network"))
            def test_tools_are_not_importable(self): self.assertNotIn({str(TOOLS)!r}, sys.path)
    """
    env = {"SSL_CERT_FILE": str(tmp_path / "ca.pem")}
    assert run(tests, "stock", env=env).last == "5 passed, 0 failed"
    kept = run(tests, "stock", "--keep-environment", env=env)
    assert kept.of("stock")["test_store_is_not_named"] == "failed"


def test_an_unknown_mode_is_refused() -> None:
    done = subprocess.run([sys.executable, str(TOOLS / "stdlib_tests.py"), "injektion"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "unknown mode injektion: there are stock, injected, gate" in done.stderr


def test_the_table_of_wanted_differences_gives_reasons() -> None:
    with (TOOLS / "stdlib_differences.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert rows
    for row in rows:
        assert list(row) == HEADER.split(",")
        assert row["mode"] in {"injected", "gate"}
        assert row["test"].startswith("test.")
        assert len(row["reason"]) > 20
