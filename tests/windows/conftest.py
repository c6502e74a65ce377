"""The tests of the Windows part. Most need CryptoAPI; `nox -s windows` gives it to them on Linux."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from certificates import Authority, Certificate

    from windows.published import Publisher
    from windows.watching import Calls

FOLDER = Path(__file__).parent
ON_LINUX = {"test_headers.py"}
NEEDS_WINDOWS = "needs CryptoAPI: `nox -s windows` runs it with a Windows CPython under Wine"
NEEDS_LINUX = "the compilers that it needs run on Linux"


class Elsewhere(pytest.Module):
    """A module of tests that is reported as skipped, and not imported."""

    def collect(self) -> Iterator[pytest.Item]:
        pytest.skip(NEEDS_LINUX if sys.platform == "win32" else NEEDS_WINDOWS, allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    if module_path.parent != FOLDER or (module_path.name in ON_LINUX) == (sys.platform != "win32"):
        return None
    return Elsewhere.from_parent(parent, path=module_path)


@pytest.fixture(scope="session")
def publisher() -> Iterator[Publisher]:
    from windows.published import Publisher

    with Publisher() as publisher:
        yield publisher


@pytest.fixture(scope="session")
def system_root() -> Authority:
    """In the system's store."""
    from certificates import Authority

    return Authority.new("Root of the system")


@pytest.fixture(scope="session")
def expired_system_root() -> Authority:
    """In the system's store, since it was valid."""
    from certificates import Authority

    return Authority.new("Old root of the system", starts=-800, ends=-2)


@pytest.fixture(scope="session")
def leaf(system_root: Authority) -> Certificate:
    """Of a server that the system trusts."""
    return system_root.authority().issue("www.example.test", "127.0.0.1", "::1")


@pytest.fixture(scope="session")
def stranger() -> Certificate:
    """Of the right name, by an authority that nobody trusts."""
    from certificates import Authority

    return Authority.new("Stranger").authority().issue("www.example.test")


@pytest.fixture(scope="session", autouse=True)
def stores(request: pytest.FixtureRequest) -> None:
    """Put all roots into the system's store before the first verdict: Wine reads it once in the life of a process."""
    if sys.platform != "win32":
        return
    from windows import system

    system.add(request.getfixturevalue("system_root").der)
    system.add(request.getfixturevalue("expired_system_root").der)
    if any(item.path.name == "test_verdicts.py" for item in request.session.items):
        from windows import test_verdicts

        test_verdicts.fill_stores(request.getfixturevalue("publisher"))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    from windows.watching import Calls

    return Calls(monkeypatch)
