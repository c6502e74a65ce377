"""The simulator, for the tests here."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

import pytest
from macos import simulated

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> simulated.Simulator:
    """The simulator, compiled. Without a compiler the tests are skipped, but not in CI."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the simulator is for Linux; elsewhere only what runs on the real frameworks is tested")
    folder = tmp_path_factory.mktemp("simulator")
    try:
        simulated.build(folder)
    except simulated.CannotBuild as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the simulator of Security.framework needs gcc and libssl-dev: {error}")
    return simulated.Simulator(folder)


@pytest.fixture
def simulator(built: simulated.Simulator) -> Iterator[simulated.Simulator]:
    """The simulator in the frameworks' place: an empty keychain, nothing broken. No object may be left behind."""
    before = built.live  # what a failed test before this one still holds is not ours
    built.reset()
    with simulated.frameworks(built):
        yield built
        built.reset()
        if built.live > before:  # a collection takes longer than most of these tests
            gc.collect()
        assert built.live <= before, built.report
