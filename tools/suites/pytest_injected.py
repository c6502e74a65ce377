"""A pytest plugin for the environment of a suite: injects truststore before anything of the suite is imported, and writes down what becomes
of each test, as it happens.

The other half of `running.py`, which names a JSON file with the fields of `Request` in `TRUSTSTORE_SUITE`. The answer is a file of JSON
lines (`Request.events`): ``start`` and ``end`` of each test, so that the parent knows in which one a run hung.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypedDict

    import pytest

    class Request(TypedDict):
        mode: str  # stock, injected or gate
        events: str  # file to write to
        only: list[str] | None  # ids of the tests to run; None: all of them
        skip: list[str]  # ids of the tests not to run
        before: str  # statement to run before the injection
        after: str  # statement to run after it


REQUEST: Request = json.loads(Path(os.environ["TRUSTSTORE_SUITE"]).read_text("utf-8"))
PASSED, FAILED, ERROR, SKIPPED = "passed", "failed", "error", "skipped"
EXPECTED_FAILURE, UNEXPECTED_SUCCESS = "expected failure", "unexpected success"


def inject(mode: str) -> None:
    if mode == "stock":
        return
    import truststore

    if mode == "gate":
        from fake_verifier import FakeVerifier

        truststore.SSLContext._verifier = FakeVerifier()
    truststore.inject_into_ssl()


def say(**fields: str) -> None:
    with open(REQUEST["events"], "a", encoding="utf-8") as file:
        file.write(json.dumps(fields) + "\n")


class Recorder:
    """Puts the reports on a test's phases, and on its subtests, together."""

    def __init__(self) -> None:
        self._status, self._message = "", ""

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._status, self._message = PASSED, ""
        say(event="start", test=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        status = status_of(report)
        if status and self._status in (PASSED, SKIPPED):  # the first failure tells more than those that follow from it
            self._status, self._message = status, report.longreprtext

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        say(event="end", test=nodeid, status=self._status, message=self._message[-4000:])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            say(event="end", test=report.nodeid, status=ERROR, message=report.longreprtext[-4000:])

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        only, skip = REQUEST["only"], REQUEST["skip"]
        items[:] = [item for item in items if (only is None or item.nodeid in only) and item.nodeid not in skip]

    def pytest_collection_finish(self) -> None:
        """All modules are imported, and whatever patches `ssl` has done so: a run without truststore would prove nothing."""
        if REQUEST["mode"] != "stock" and not is_injected():
            raise RuntimeError("truststore is not injected any more")


def is_injected() -> bool:
    import ssl

    import truststore

    return isinstance(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), truststore.SSLContext)


def status_of(report: pytest.TestReport) -> str:
    """What one phase makes of the test, "" if nothing."""
    if hasattr(report, "wasxfail"):
        return EXPECTED_FAILURE if report.skipped else UNEXPECTED_SUCCESS if report.when == "call" else ""
    if report.failed:
        return FAILED if report.when == "call" else ERROR
    return SKIPPED if report.skipped else ""


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Recorder())


exec(REQUEST["before"])
inject(REQUEST["mode"])
exec(REQUEST["after"])
