"""Where a suite's tests come from: the sdist, by pip, which builds metadata of it before it hands it over."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

from tools.suites import environments

if TYPE_CHECKING:
    from pathlib import Path

    from tools.suites.table import Suite

#: What sdists are built with, installed once for all: in an isolated environment for each, that takes pip ten times as long.
BACKENDS = (
    *(
        "setuptools",
        "setuptools-scm",
        "hatchling",
        "hatch-fancy-pypi-readme",
        "hatch-vcs",
        "flit-core",
        "poetry-core",
        "pdm-backend",
    ),
    *("cython", "pkgconfig", "packaging"),
)


class Fetcher:
    """Fetches sdists into a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._python = environments.create(folder / "backends", ("pip", *BACKENDS))

    def fetch(self, suite: Suite) -> Path:
        """The unpacked sdist, without the project's own code."""
        folder = self._folder / f"{suite.name}-{suite.version}"
        if not folder.exists():
            options = ("--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--dest", str(folder))
            subprocess.run([str(self._python), "-m", "pip", "download", "-qq", *options, suite.requirement], check=True)
        [archive] = folder.glob("*.tar.gz")
        return unpack(archive, folder / "sdist", suite.source)


def unpack(archive: Path, folder: Path, source: tuple[str, ...]) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(archive) as members:
        if sys.version_info >= (3, 12):
            members.extractall(folder, filter="data")
        else:
            members.extractall(folder)
    [root] = folder.iterdir()
    for name in source:
        shutil.rmtree(root / name)
    return root
