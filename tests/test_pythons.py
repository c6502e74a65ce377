"""All that names the supported Pythons and systems names the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def ci(name: str) -> list[str]:
    """One of the lists of `.ci/run`."""
    match = re.search(rf"^{name}=\(?(.*?)\)?(?:  #.*)?$", text(".ci/run"), re.MULTILINE)
    assert match
    return match[1].split()


def workflow(path: str) -> list[str]:
    """Each Python that a matrix of a workflow names."""
    matrices = re.findall(r"^ *python: \[(.*)\]$", text(path), re.MULTILINE)
    return [name for matrix in matrices for name in re.findall(r'"(.*?)"', matrix)]


CLASSIFIERS = re.findall(r'"Programming Language :: Python :: (.*)"', text("pyproject.toml"))
MINORS = [name for name in CLASSIFIERS if re.fullmatch(r"3\.\d+", name)]


def test_ci_runs_what_is_declared() -> None:
    assert [name for name in ci("PYTHONS") if name.count(".") == 1] == MINORS
    assert ci("PYPY") and "Implementation :: PyPy" in CLASSIFIERS
    assert ci("FREE_THREADED") and any(name.startswith("Free Threading :: ") for name in CLASSIFIERS)


def test_the_workflow_runs_what_ci_runs() -> None:
    pypy = ci("PYPY")[0].rpartition("-")[0]
    assert workflow(".github/workflows/ci.yml") == [*ci("PYTHONS"), *ci("FREE_THREADED"), pypy]


@pytest.mark.parametrize("system", ["macos", "windows"])
def test_the_other_systems_run_each_minor_version(system: str) -> None:
    assert set(MINORS) <= set(workflow(f".github/workflows/{system}.yml"))


def test_the_documentation_says_so() -> None:
    linux, pypy, free = (line for line in text("docs/platforms.md").splitlines() if re.match(r"- \*\*(Linux|PyPy|Free-)", line))
    for name in ci("PYTHONS"):
        assert re.search(rf"(?<![\d.]){re.escape(name)}(?![\d.])", linux), name
    assert f"PyPy {ci('PYPY')[0].rpartition('-')[2]}" in pypy
    assert ci("FREE_THREADED")[0] in free


def test_the_types_are_checked_for_each() -> None:
    assert "nox.project.python_versions(PROJECT)" in text("noxfile.py")


#: By classifier: the system's name in docs/platforms.md, its workflow, and what that runs on.
SYSTEMS = {
    "POSIX :: Linux": ("Linux", "ci", "ubuntu-latest"),
    "Microsoft :: Windows": ("Windows", "windows", "windows-latest"),
    "MacOS": ("macOS", "macos", r"macos-[\w-]+"),
}


@pytest.mark.parametrize("classifier", SYSTEMS)
def test_each_system_has_its_tests_and_its_line(classifier: str) -> None:
    name, file, runner = SYSTEMS[classifier]
    assert re.search(rf"(runs-on|system): \[?{runner}", text(f".github/workflows/{file}.yml"))
    assert re.search(rf"^- \*\*{name}\*\*", text("docs/platforms.md"), re.MULTILINE)


def test_a_system_is_classified_once_it_has_confirmed_what_is_expected_of_it() -> None:
    """Until then a simulator has, or Wine, which is no promise. Linux is what all of it runs on."""
    unconfirmed = re.findall(r"^\| (\w+) \| none yet \|", text("docs/platforms.md"), re.MULTILINE)
    classified = set(re.findall(r'"Operating System :: (.*)"', text("pyproject.toml")))
    assert classified == {classifier for classifier, (name, *_) in SYSTEMS.items() if name not in unconfirmed}
