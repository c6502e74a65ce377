"""What is checked, and how: `nox -l` lists it, `nox -s NAME` does it, on the Python that nox runs on."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nox

PROJECT = nox.project.load_toml("pyproject.toml")
#: Tests of what could be missing from a package: modules, data, scripts.
OF_A_PACKAGE = (
    *("tests/test_package.py", "tests/test_docs.py", "tests/test_context.py", "tests/test_stores.py"),
    *("tests/test_cli.py", "tests/test_cli_frame.py", "tests/test_cli_run.py::test_it_is_injected", "tests/test_distribution.py"),
    "tests/gate/test_gate_refusal.py",
)
THREADED = ("tests/test_stress.py", "tests/test_threads.py", "tests/gate/test_gate_concurrency.py")
nox.options.sessions = ["lint", "types", "docs", "package", "tests"]


def install(session: nox.Session, *groups: str) -> None:
    session.install("-e", ".", *nox.project.dependency_groups(PROJECT, *groups))


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, with README's and the documentation's examples among them. Arguments go to pytest."""
    install(session, "tests")
    session.run("pytest", "-q", "-n", "auto", "--maxprocesses", "8", *session.posargs)


@nox.session
def threads(session: nox.Session) -> None:
    """The tests that have threads, and few that others need: for a Python without a GIL, which it must not switch on."""
    session.install("-e", ".", "cryptography", "pyopenssl", "pytest", "pytest-timeout")
    session.run(
        "pytest", "-q", *(session.posargs or THREADED), env={"PYTHON_GIL": "0"} if "t" in getattr(sys, "abiflags", "") else {}
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff and codespell; zizmor for the workflows."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell")
    session.run("zizmor", "--offline", "--strict-collection", "--quiet", ".github")


@nox.session
def format(session: nox.Session) -> None:  # noqa: A001
    """Have ruff mend what it can."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", "--fix")
    session.run("ruff", "format")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, as each Python sees it all, and each platform the package; pyright, and whether it knows the type of all that is public."""
    install(session, "types", "package", "benchmarks")
    for version in nox.project.python_versions(PROJECT):  # newer releases of nox name the free-threaded ones, too
        if not version.endswith("t"):
            session.run("mypy", "--python-version", version)
    for platform in ("win32", "darwin"):
        session.run("mypy", "--platform", platform, "src")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "truststore", "--ignoreexternal")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as HTML, in docs/_build; any warning is an error."""
    install(session, "docs")
    session.run("sphinx-build", "-q", "-W", "--keep-going", "docs", "docs/_build")


@nox.session
def package(session: nox.Session) -> None:
    """Build sdist and wheel, twice and the same, have them judged, and run tests out of the sdist as a distribution does. Into dist/."""
    session.install(*PROJECT["build-system"]["requires"], *nox.project.dependency_groups(PROJECT, "package"))
    session.run("validate-pyproject", "pyproject.toml")
    with tempfile.TemporaryDirectory() as name:  # not within the environment: no store in there counts as the system's
        folder = Path(name)
        sdist, wheel = built(session, folder / "one", umask=0o022)
        for one, another in zip((sdist, wheel), built(session, folder / "another", umask=0o077), strict=True):
            if one.read_bytes() != another.read_bytes():
                session.error(f"{one.name} is not the same each time it is built")
        session.run("twine", "check", "--strict", sdist, wheel)
        session.run("check-wheel-contents", wheel)
        session.run("pyroma", "--min", "10", "--skip-tests", "AuthorEmail", folder / "one" / "checkout")  # the authors are many
        shutil.unpack_archive(sdist, folder, filter="data")
        as_a_distribution(session, folder / sdist.name.removesuffix(".tar.gz"), wheel)
        shutil.rmtree("dist", ignore_errors=True)
        Path("dist").mkdir()
        for file in sdist, wheel:
            shutil.copy(file, "dist")


def built(session: nox.Session, folder: Path, *, umask: int) -> list[Path]:
    """The sdist, and the wheel made from it, of a copy of this checkout: what git has and does not ignore, as of now."""
    date = session.run("git", "log", "-1", "--format=%ct", external=True, silent=True, log=False)
    names = session.run("git", "ls-files", "-co", "--exclude-standard", external=True, silent=True, log=False)
    before = os.umask(umask)
    try:
        for name in filter(os.path.exists, str(names).splitlines()):
            copy_as_git_does(Path(name), folder / "checkout" / name, umask)
        build = "python", "-m", "build", "--no-isolation", "--outdir", folder, folder / "checkout"
        session.run(*build, env={"SOURCE_DATE_EPOCH": str(date).strip()}, silent=True)
    finally:
        os.umask(before)
    return [next(folder.glob(kind)) for kind in ("*.tar.gz", "*.whl")]


def copy_as_git_does(source: Path, target: Path, umask: int) -> None:
    """Of its mode, git keeps who may execute it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    if os.access(source, os.X_OK):
        target.chmod(0o777 & ~umask)


def as_a_distribution(session: nox.Session, sources: Path, wheel: Path) -> None:
    """Tests out of the sdist, of the wheel, with what each distribution has: all others are collected, or skipped with a reason."""
    python = sources.parent / "bare" / "bin" / "python"
    session.run("python", "-m", "venv", "--without-pip", python.parent.parent)
    install = "python", "-m", "pip", "--python", python, "install", "-q"
    session.run(*install, wheel, *nox.project.dependency_groups(PROJECT, "distribution"))
    pytest = python, "-m", "pytest", "-q", "-o", "pythonpath=tests"
    with session.chdir(sources):
        session.run(*pytest, "--collect-only", "-qq", external=True, silent=True)
        session.run(*pytest, *(session.posargs or OF_A_PACKAGE), external=True)


@nox.session
def sbom(session: nox.Session) -> None:
    """What is in the wheel that `package` left in dist/, and what it brings along, as CycloneDX."""
    session.install(*nox.project.dependency_groups(PROJECT, "sbom"))
    [wheel] = Path("dist").glob("*.whl")
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "venv", "--without-pip", folder)
        session.run("python", "-m", "pip", "--python", f"{folder}/bin/python", "install", "-q", wheel)
        out = "--output-reproducible", "--output-file", "dist/truststore.cdx.json"
        session.run(
            "cyclonedx-py", "environment", "--pyproject", "pyproject.toml", "--mc-type", "library", *out, f"{folder}/bin/python"
        )


@nox.session
def stdlib(session: nox.Session) -> None:
    """CPython's own tests: as they are, with truststore injected, and with a verifier in OpenSSL's place. No regression."""
    session.install("-e", ".", "cryptography")
    session.run("python", "tools/stdlib_tests.py", *session.posargs)


@nox.session
def suites(session: nox.Session) -> None:
    """Test suites of libraries that use `ssl`, as they are and with truststore injected: `-- --short` takes the four that matter most."""
    session.run("python", "-m", "tools.suites", *session.posargs)


@nox.session
def clients(session: nox.Session) -> None:
    """Clients that people use, in each way that truststore can be given to them (docs/clients.md): half an hour. Arguments: their names."""
    session.install("-e", ".", "cryptography", "pytest")
    session.run("python", "-m", "clients", *session.posargs, env={"PYTHONPATH": "tests"})
    if not session.posargs:
        for beside in "servers_asked", "children", "pips":
            session.run("python", "-m", f"clients.{beside}", env={"PYTHONPATH": "tests"})


@nox.session
def frozen(session: nox.Session) -> None:
    """Programs frozen by PyInstaller, cx_Freeze and Nuitka: minutes, most of them Nuitka's C compiler. Arguments go to pytest."""
    install(session, "frozen")
    session.run("pytest", "-q", "tests/test_frozen.py", *session.posargs)


@nox.session
def torture(session: nox.Session) -> None:
    """Faults, hostile peers, forks, signals, threads and long runs (tests/torture): `-- --short` takes a minute, all less than ten."""
    install(session, "tests")
    session.run("python", "-m", "torture", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session
def macos(session: nox.Session) -> None:
    """The table of Apple's declarations against today's PyObjC, and CPython's own tests with the simulator as the verifier."""
    session.run("python", "tools/apple_abi.py")
    folder = Path("tests/macos").resolve()
    simulator, wanted = f"{folder}/stdlib_verifier.py:simulated_mac", f"{folder}/stdlib_differences.csv"
    session.run("python", "tools/stdlib_tests.py", "gate", "--verifier", simulator, "--differences", wanted, *session.posargs)


@nox.session
def windows(session: nox.Session) -> None:
    """The Windows part, by a genuine CPython for Windows under Wine (docs/windows-lab.md). Arguments go to pytest."""
    session.install("-e", ".", "cryptography", "pytest", "pytest-timeout")
    skipped = 77  # for want of Wine, as the output says; in CI that is a failure
    session.run("python", "-m", "tools.windows_lab", "test", *session.posargs, success_codes=[0, skipped])


@nox.session
def real(session: nox.Session) -> None:
    """What a real Windows or Mac answers to the table of cases, row by row (docs/platforms.md); `-- --add-roots` changes the machine."""
    session.install("-e", ".", "cryptography", "pytest")
    session.run("python", "-m", "real", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session
def benchmarks(session: nox.Session) -> None:
    """What truststore costs, compared with plain `ssl`: `-- --quick` takes less than a minute."""
    install(session, "benchmarks")
    session.run("python", "-m", "benchmarks", *session.posargs)
