"""What is checked, and how: `nox -l` lists it, `nox -s NAME` does it, on the Python that nox runs on."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import nox

PROJECT = nox.project.load_toml("pyproject.toml")
#: Tests of what could be missing from a package: modules, data, scripts.
OF_A_PACKAGE = (
    *("tests/test_package.py", "tests/test_docs.py", "tests/test_context.py", "tests/test_stores.py"),
    *("tests/test_cli.py", "tests/test_cli_frame.py", "tests/test_cli_run.py", "tests/test_distribution.py"),
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
    """Ruff and codespell."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell")


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
    """Build the sdist, the wheel from it, and run tests out of the sdist against the installed wheel."""
    session.install(*nox.project.dependency_groups(PROJECT, "package"))
    with tempfile.TemporaryDirectory() as folder:  # not within the environment: no store in there counts as the system's
        session.run("python", "-m", "build", "--outdir", folder)
        [sdist], [wheel] = (list(map(str, Path(folder).glob(kind))) for kind in ("*.tar.gz", "*.whl"))
        session.run("twine", "check", "--strict", sdist, wheel)
        session.install("--no-deps", "--force-reinstall", wheel)
        shutil.unpack_archive(sdist, folder)
        session.chdir(sdist.removesuffix(".tar.gz"))
        session.run("pytest", "-q", "--collect-only", "-o", "pythonpath=tests", silent=True)  # all of them are there
        session.run("pytest", "-q", "-n", "auto", "-o", "pythonpath=tests", *(session.posargs or OF_A_PACKAGE))


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
