"""Build the laboratory, and run tests and programs in it.

    python -m tools.windows_lab test [PYTEST ARGUMENT ...]      every version, each in a prefix of its own
    python -m tools.windows_lab run 3.12 [PYTHON ARGUMENT ...]  one version, in a prefix that stays

Exit status 77 means that it could not be built here, for the reason printed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import interpreter, wine

PROJECT = Path(__file__).resolve().parents[2]
LAB = Path(os.environ.get("TRUSTSTORE_WINDOWS_LAB") or PROJECT / ".nox" / "windows-lab")
MINORS = ("3.11", "3.12", "3.13")
APT_PACKAGES = ("wine", "wine64", "gcc-mingw-w64-x86-64", "gcc-mingw-w64-i686")
SKIPPED = 77

#: What runs in the lab, and on the newest version alone: what takes long, and CPython's own tests with truststore injected.
TESTS = ("tests/windows",)
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=300")  # the first test waits for all keys
WITHOUT_SLOW = ("-m", "not slow")
STDLIB = (
    "tools/stdlib_tests.py",
    "stock",
    "injected",
    "-m",
    "test.test_ssl",
    "-j",
    "2",
    "--differences",
    "tests/windows/stdlib_differences.csv",
)
#: What is about Windows, and runs here.
ON_LINUX = ("tests/windows/test_headers.py",)


def missing() -> list[str]:
    """What this machine lacks for the lab."""
    tools = {"wine": wine.loader(), "wineserver": wine.server()}
    tools |= {name: shutil.which(name) for name in (interpreter.COMPILER, interpreter.OBJDUMP, "i686-w64-mingw32-gcc")}
    lacking = [name for name, path in tools.items() if not path]
    return lacking + list(filter(None, (interpreter.Interpreter(minor, LAB).missing() for minor in MINORS)))


def install() -> None:
    """Have the distribution's package manager add what is missing, where that can be done without a password."""
    if sys.platform == "linux" and missing() and os.geteuid() == 0 and shutil.which("apt-get"):
        apt = ("apt-get", "-q", "-y")
        subprocess.run([*apt, "update"], check=False, stdout=subprocess.DEVNULL)
        subprocess.run([*apt, "install", "--no-install-recommends", *APT_PACKAGES], check=False, stdout=subprocess.DEVNULL)


def build() -> wine.Prefix:
    """Make what is not there yet. Returns the prefix that others are copied from."""
    template = wine.Prefix(LAB / "prefix")
    if not (template.folder / "system.reg").exists():
        with template:
            pass
    for minor in MINORS:
        interpreter.Interpreter(minor, LAB).build()
    return template


def test(arguments: list[str]) -> int:
    """Run the tests on each version. With arguments, pytest with those."""
    template, failed = build(), []
    if not arguments and subprocess.run([sys.executable, "-m", "pytest", "-q", *ON_LINUX], check=False, cwd=PROJECT).returncode:
        failed.append("here")
    for minor in MINORS:
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="truststore-windows-") as folder, template.copy(Path(folder, "prefix")) as prefix:
            statuses = [python(prefix, minor, command) for command in commands(minor, arguments)]
        if any(statuses):
            failed.append(minor)
        print(f"::::: Windows CPython {minor} on {wine.version()}: {time.monotonic() - started:.0f} s", flush=True)
    print(f"failed: {', '.join(failed)}" if failed else f"passed: {', '.join(MINORS)}")
    return 1 if failed else 0


def commands(minor: str, arguments: list[str]) -> list[list[str]]:
    """What runs on a version, all in one prefix."""
    if arguments:
        return [[*PYTEST, *arguments]]
    if minor != MINORS[-1]:
        return [[*PYTEST, *WITHOUT_SLOW, *TESTS]]
    return [[*PYTEST, *TESTS], [*STDLIB]]


def run(minor: str, arguments: list[str]) -> int:
    build()
    with wine.Prefix(LAB / "prefix-to-play-with") as prefix:
        return python(prefix, minor, arguments)


def python(prefix: wine.Prefix, minor: str, arguments: list[str]) -> int:
    """Windows Python, with this checkout on its path. It sees Linux's files as drive Z:."""
    chosen = interpreter.Interpreter(minor, LAB)
    environment = {
        "PYTHONPATH": f"Z:{PROJECT / 'src'};Z:{PROJECT / 'tests'}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "TRUSTSTORE_PEER": f"Z:{chosen.peer}",
        "CI": os.environ.get("CI", ""),
    }
    return prefix.run(chosen.executable, *arguments, environment=environment)


def main(arguments: list[str]) -> int:
    command, *rest = arguments or ["help"]
    if command not in {"test", "run"} or (command == "run" and (not rest or rest[0] not in MINORS)):
        print(__doc__)
        return 2
    install()
    if lacking := missing():
        print(f"The Windows lab needs {', '.join(lacking)}. On Debian or Ubuntu: apt-get install {' '.join(APT_PACKAGES)}")
        return 1 if os.environ.get("CI") else SKIPPED
    return test(rest) if command == "test" else run(rest[0], rest[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
