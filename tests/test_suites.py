"""What `tools/suites` makes of runs: which tests differ, which of these count, and what is written about them. No suite is run."""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from tools.stdlib_tests import Outcome
from tools.suites import comparing, fetching, reporting, running
from tools.suites.comparing import Difference, Reason
from tools.suites.table import SUITES, Suite

SUITE = Suite("sample", "1.0", modes=("injected", "gate"))


def run_of(mode: str, trouble: str = "", **tests: str) -> running.Run:
    outcomes = {f"tests/test_sample.py::{name}": Outcome(status, f"E   why {name}") for name, status in tests.items()}
    return running.Run("sample", mode, outcomes, trouble)


def named(found: list[Difference]) -> list[str]:
    return [each.test.rpartition("::")[2] for each in found]


@pytest.mark.parametrize("status", ["failed", "error", "skipped", "hang", "crash", "expected failure", "unexpected success"])
def test_what_passes_in_stock_alone_differs(status: str) -> None:
    found = list(comparing.compare(run_of("stock", one="passed", two="passed"), run_of("injected", one="passed", two=status)))
    assert named(found) == ["two"]


def test_what_is_gone_differs() -> None:
    assert named(list(comparing.compare(run_of("stock", one="passed"), run_of("injected")))) == ["one"]


def test_what_did_not_pass_in_stock_does_not_differ() -> None:
    assert not list(comparing.compare(run_of("stock", one="failed", two="skipped"), run_of("injected", one="passed", two="failed")))


def test_a_bad_end_differs_unless_stock_ends_so_too() -> None:
    bad = run_of("injected", "crash with exit status -11", one="passed")
    assert named(list(comparing.compare(run_of("stock", one="passed"), bad))) == ["(process)"]
    assert not list(comparing.compare(run_of("stock", "crash with exit status -11", one="passed"), bad))


@pytest.mark.parametrize(
    ("stock", "alone", "kind"),
    [
        ([True, True, True], [False, False, False], "REGRESSION"),
        ([True, True, True], [True, True, False], "REGRESSION"),
        ([True, True, True], [True, True, True], "only once"),
        ([True, False, True], [False, False, False], "flaky itself"),
        ([], [], "REGRESSION"),
    ],
)
def test_whether_a_difference_counts(stock: list[bool], alone: list[bool], kind: str) -> None:
    assert Difference("sample", "gate", "one", Outcome("failed"), alone=alone, stock_alone=stock).kind == kind


def test_the_second_look() -> None:
    found = list(comparing.compare(run_of("stock", one="passed", two="passed"), run_of("gate", one="failed", two="failed")))
    comparing.note_again(found, run_of("stock", one="passed", two="failed"), run_of("gate", one="passed"))
    assert [each.kind for each in found] == ["only once", "flaky itself"]


def test_what_has_to_show_again() -> None:
    """Neither what is explained, nor a bad end of pytest itself, which no test stands for."""
    stock, bad = run_of("stock", one="passed", two="passed"), run_of("gate", "crash with exit status 3", one="failed", two="failed")
    found = list(comparing.compare(stock, bad))
    comparing.explain(found, [Reason("sample", "gate", "*::one", "Because.")])
    assert named(comparing.doubtful(found, "gate")) == ["two"]
    assert not comparing.doubtful(found, "injected")
    assert [each.kind for each in found if each.test == comparing.PROCESS] == ["REGRESSION"]


def test_a_reason_is_of_a_suite_a_mode_and_a_pattern() -> None:
    reason = Reason("sample", "gate", "*::test_one[tls*]", "because")
    assert reason.applies("sample", "gate", "tests/a.py::test_one[tls12]")
    assert not reason.applies("sample", "gate", "tests/a.py::test_onet")
    assert not reason.applies("sample", "injected", "tests/a.py::test_one[tls12]")
    assert not reason.applies("other", "gate", "tests/a.py::test_one[tls12]")


def test_explained_differences_do_not_fail_and_lapsed_reasons_do() -> None:
    table = [Reason("sample", "*", "*::one", "because")]
    found = list(comparing.compare(run_of("stock", one="passed"), run_of("gate", one="failed")))
    comparing.explain(found, table)
    assert [(each.kind, each.reason) for each in found] == [("deliberate", "because")]
    assert not list(comparing.lapsed([run_of("gate", one="failed")], table))
    assert list(comparing.lapsed([run_of("gate", one="passed")], table)) == ["sample gate tests/test_sample.py::one"]


def test_lapsed_is_not_said_of_stock() -> None:
    assert not list(comparing.lapsed([run_of("stock", one="passed")], [Reason("*", "*", "*", "because")]))


def test_the_list_of_reasons() -> None:
    suites = {suite.name: suite for suite in SUITES}
    for row in comparing.reasons(Path(comparing.__file__).with_name("differences.csv")):
        assert row.suite in suites and row.mode in ("*", *suites[row.suite].modes) and row.reason.endswith(".")


def test_the_table_of_suites() -> None:
    assert len({suite.name for suite in SUITES}) == len(SUITES)
    for suite in SUITES:
        assert bool(suite.skip) is not bool(suite.tests), f"{suite.name} is either run or skipped for a reason"


def test_what_the_plugin_wrote(tmp_path: Path) -> None:
    events = [
        {"event": "start", "test": "one"},
        {"event": "end", "test": "one", "status": "passed", "message": ""},
        {"event": "start", "test": "two"},
    ]
    run = run_of("stock")
    assert running.collect(run, "\n".join(map(json.dumps, events))) == "two", "it did not come to its end"
    assert run.passed("one") and not run.passed("two")


def result(stock: running.Run, *others: running.Run) -> reporting.Result:
    found = [each for other in others for each in comparing.compare(stock, other)]
    return reporting.Result(SUITE, {run.mode: run for run in (stock, *others)}, found)


def test_the_page() -> None:
    sample = result(
        run_of("stock", one="passed", two="passed"),
        run_of("injected", one="passed", two="passed"),
        run_of("gate", one="failed", two="passed"),
    )
    comparing.explain(sample.differences, [Reason("sample", "gate", "*one", "Because.")])
    page = reporting.page([sample, reporting.Result(Suite("other", "2.0", skip="it needs a server"))], "Run today.", 3)
    assert "| sample | 1.0 | 2 | 2 | 1 (-1) |\n\nRun today.\n" in page
    assert "- sample, judged by a platform, `one`: Because.\n" in page
    assert page.endswith("- other: it needs a server\n")
    assert "| other |" not in page


def test_tests_with_one_reason_are_on_one_line() -> None:
    passing = {"one[a/b]": "passed", "two": "passed", "one[c]": "passed"}
    failing = dict.fromkeys(passing, "failed")
    sample = result(run_of("stock", **passing), run_of("injected", **failing), run_of("gate", **failing))
    comparing.explain(sample.differences, [Reason("sample", "*", "*", "Because.")])
    assert list(reporting.reasoned([sample])) == ["- sample, `one`, `two`: Because."]


def test_what_happened_once_is_not_on_the_page() -> None:
    sample = result(run_of("stock", one="passed"), run_of("injected", one="failed"))
    comparing.note_again(sample.differences, run_of("stock", one="passed"), run_of("injected", one="passed"))
    assert "| sample | 1.0 | 1 | 0 |  |" in reporting.page([sample], "", 3)


def test_what_is_said_of_a_difference() -> None:
    sample = result(run_of("stock", one="passed", two="failed"), run_of("injected", one="failed"))
    lines = list(reporting.findings([sample], ["sample gate three"]))
    assert lines == [
        "stock itself sample tests/test_sample.py::two\n             failed: E   why two",
        "REGRESSION   sample injected tests/test_sample.py::one\n             failed: E   why one",
        "PASSES       sample gate three\n             but is listed as a difference that is wanted: remove the row",
    ]


def test_an_sdist_is_unpacked_without_the_code_that_would_hide_what_is_installed(tmp_path: Path) -> None:
    for name in ("sample/__init__.py", "tests/test_sample.py"):
        (tmp_path / "sample-1.0" / name).parent.mkdir(parents=True)
        (tmp_path / "sample-1.0" / name).touch()
    with tarfile.open(tmp_path / "sample-1.0.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "sample-1.0", "sample-1.0")
    root = fetching.unpack(tmp_path / "sample-1.0.tar.gz", tmp_path / "sdist", ("sample",))
    assert [path.relative_to(root) for path in root.rglob("*")] == [Path("tests"), Path("tests/test_sample.py")]


def test_the_environment_names_no_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "PYTEST_ADDOPTS"):
        monkeypatch.setenv(name, "anything")
    environment = running.environment(Suite("sample", "1.0", environment={"MORE": "1"}), tmp_path, tmp_path / "request", tmp_path)
    assert "anything" not in environment.values() and environment["MORE"] == "1"


def test_only_the_files_that_hold_the_tests_are_run() -> None:
    command = running.command(
        Path("env/bin/python"), Suite("sample", "1.0", ("tests",)), ["tests/a.py::one", "tests/a.py::two", "tests/b.py::one"]
    )
    assert command[0] == "env/bin/pytest" and command[-2:] == ["tests/a.py", "tests/b.py"]
