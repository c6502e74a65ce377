"""The tests of the Windows part. All but test_headers.py need CryptoAPI; `nox -s windows` gives it to them on Linux."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from published import Publisher

FOLDER = Path(__file__).parent
ANYWHERE = {"test_headers.py", "test_lab.py"}
REASON = "needs CryptoAPI: `nox -s windows` runs it with a Windows CPython under Wine"

sys.path.insert(0, str(FOLDER))


class NeedsWindows(pytest.Module):
    """A module of tests that is reported as skipped, and not imported."""

    def collect(self) -> Iterator[pytest.Item]:
        pytest.skip(REASON, allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    if sys.platform == "win32" or module_path.parent != FOLDER or module_path.name in ANYWHERE:
        return None
    return NeedsWindows.from_parent(parent, path=module_path)


@pytest.fixture(scope="session")
def publisher() -> Iterator[Publisher]:
    from published import Publisher

    with Publisher() as publisher:
        yield publisher
