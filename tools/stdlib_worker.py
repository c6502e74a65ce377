"""Run one module of CPython's test-suite in this process and write down what became of each test, as it happens.

The other half of `stdlib_tests.py`, which starts it as ``python stdlib_worker.py REQUEST`` in an empty working directory. The request is a
JSON file with the fields of `Request`. The answer is a file of JSON lines (`Request.events`): ``start`` and ``end`` of each test, so that
the parent knows which test hung or crashed, then ``done``. ``missing`` says that this Python has no such module.

Imports little: what it loads before the injection is loaded with the standard library's own `ssl`.
"""

from __future__ import annotations

import faulthandler
import importlib
import importlib.util
import json
import sys
import unittest
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType, TracebackType
    from typing import TextIO, TypedDict

    from truststore._verdict import Verifier

    ErrorInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

    class Request(TypedDict):
        module: str  # the test module, by its full name
        mode: str  # stock, injected or gate
        events: str  # file to write to
        only: list[str] | None  # ids of the tests to run; None: all of them
        skip: list[str]  # ids of the tests not to run
        path: list[str]  # directories to import truststore and the setup from, before all others
        setup: str | None  # "MODULE:FUNCTION", called before the injection
        verifier: str  # "FILE:NAME", what to call for the fake verifier of the gate mode
        dump_after: float  # seconds in one test after which every thread's stack is shown


#: Nothing that needs a network. `walltime` is what merely takes seconds, test_imaplib's certificate checks among it.
RESOURCES = ("walltime",)

PASSED, FAILED, ERROR, SKIPPED = "passed", "failed", "error", "skipped"
EXPECTED_FAILURE, UNEXPECTED_SUCCESS = "expected failure", "unexpected success"


class Recorder(unittest.TestResult):
    """Writes one line when a test begins and one when it ends."""

    def __init__(self, events: TextIO, dump_after: float) -> None:
        super().__init__()
        self._events, self._dump_after = events, dump_after
        self._running: str | None = None
        self._begin()

    def _begin(self) -> None:
        self._status, self._message = PASSED, ""
        self._subtests: list[tuple[str, str]] = []

    def say(self, event: str, **details: object) -> None:
        json.dump({"event": event, **details}, self._events)
        self._events.write("\n")
        self._events.flush()

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._begin()
        self._running = test.id()
        faulthandler.dump_traceback_later(self._dump_after)
        self.say("start", test=test.id())

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        if self._running == test.id():  # Python 3.12.1 stops a skipped test that it never started
            self._end(test.id())

    def _end(self, test_id: str) -> None:
        self.say("end", test=test_id, status=self._status, message=self._message, subtests=self._subtests)
        self._running = None
        self._begin()

    def _note(self, test: unittest.TestCase, status: str, message: str) -> None:
        if self._status in (PASSED, SKIPPED):  # the first failure tells more than those that follow from it
            self._status, self._message = status, message
        if self._running is None:  # setUpClass, setUpModule, or a test that was skipped without being started
            self._end(test.id())

    def addError(self, test: unittest.TestCase, err: ErrorInfo) -> None:
        super().addError(test, err)
        self._note(test, ERROR, self.errors[-1][1])

    def addFailure(self, test: unittest.TestCase, err: ErrorInfo) -> None:
        super().addFailure(test, err)
        self._note(test, FAILED, self.failures[-1][1])

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._note(test, SKIPPED, reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: ErrorInfo) -> None:
        super().addExpectedFailure(test, err)
        self._note(test, EXPECTED_FAILURE, "")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self._note(test, UNEXPECTED_SUCCESS, "")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: ErrorInfo | None) -> None:
        super().addSubTest(test, subtest, err)
        status = PASSED
        if err is not None and err[0] is not None:
            status = FAILED if issubclass(err[0], test.failureException) else ERROR
            recorded = self.failures if status == FAILED else self.errors
            self._note(test, status, recorded[-1][1])
        self._subtests.append((subtest.id().removeprefix(test.id()).strip(), status))


def main(request: Request) -> None:
    sys.path[:1] = request["path"]  # in place of this script's directory, whose modules are none of the tests' business
    with open(request["events"], "a", encoding="utf-8") as events:
        recorder = Recorder(events, request["dump_after"])
        if request["mode"] != "stock":
            inject(request)
        tests = load(request["module"], recorder)
        if tests is not None:
            unittest.TestSuite(wanted(tests, request)).run(recorder)
            recorder.say("done")


def inject(request: Request) -> None:
    if request["setup"]:
        module, _, function = request["setup"].partition(":")
        getattr(importlib.import_module(module), function)()
    import truststore

    if request["mode"] == "gate":
        truststore.SSLContext._verifier = fake_verifier(request["verifier"])
    truststore.inject_into_ssl()


def fake_verifier(where: str) -> Verifier:
    """Made by a file that is loaded by its path: the directory it lies in may hold anything."""
    file, _, name = where.rpartition(":")
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    verifier: Verifier = getattr(module, name)()
    return verifier


def load(name: str, recorder: Recorder) -> unittest.TestSuite | None:
    """The module's tests, or None if it is not there or wants to be skipped as a whole; then this is recorded."""
    try:
        from test import support

        support.use_resources = RESOURCES
        module: ModuleType = importlib.import_module(name)
    except unittest.SkipTest as skip:
        recorder.say("missing", why=f"skipped as a whole: {skip}")
        return None
    except ModuleNotFoundError as error:
        if error.name != "test" and not f"{name}.".startswith(f"{error.name}."):
            raise
        recorder.say("missing", why=f"not in this Python (no module {error.name})")
        return None
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def wanted(tests: unittest.TestSuite, request: Request) -> list[unittest.TestSuite | unittest.TestCase]:
    only, skip = request["only"], frozenset(request["skip"])
    return [test for test in flat(tests) if test.id() not in skip and (only is None or test.id() in only)]


def flat(tests: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
