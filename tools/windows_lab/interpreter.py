"""CPython for Windows, assembled from PyPI.

panda3d's wheels for win_amd64 carry the genuine pythonXY.dll, its extension modules and OpenSSL. Added to them are:

* Lib, the standard library of a Linux CPython of the same minor version. It is pure Python, and made for all systems.
* python.exe and python3.dll, which the wheel lacks (cryptography's wheels, like all of the stable ABI, want the latter), and
  bcryptprimitives.dll, which Wine lacks before version 9 and Rust's standard library wants. mingw-w64 makes them from a few lines.
* Lib/site-packages, wheels for win_amd64 that this machine's pip installs.

_wmi.pyd is left out: platform.uname() would use it, and Wine 8 does not survive that. `platform` does without.
"""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

COMPILER = "x86_64-w64-mingw32-gcc"
OBJDUMP = "x86_64-w64-mingw32-objdump"
SOURCE_OF_CPYTHON = "panda3d==1.10.16"

#: The Windows-only and the version-dependent dependencies are named: pip evaluates markers for the Python it runs on, not for the target.
PACKAGES = (
    "aiohttp", "async-timeout", "cffi", "colorama", "cryptography", "exceptiongroup", "h11", "httpx", "hypothesis", "pip", "pytest>=8",
    "pytest-timeout", "requests", "tomli", "trustme", "typing-extensions", "urllib3>=2",
)  # fmt: skip
#: The peer that the benchmark measures against. It has our name, so it is kept where nothing else looks.
PEER = "truststore==0.10.5"

EXCLUDED_FROM_WHEEL = re.compile(r"api-ms-win|_?tk|tcl|_msi|_wmi|.*\.cp\d+-", re.IGNORECASE)
EXCLUDED_FROM_LIB = (
    "lib-dynload",
    "site-packages",
    "__pycache__",
    "config-*",
    "idlelib",
    "turtledemo",
    "tkinter",
    "ensurepip",
    "lib2to3",
)

PYTHON_EXE = """
#include <wchar.h>
int _dowildcard = 0;  /* arguments are for the program to expand, as python.org's does */
int Py_Main(int argc, wchar_t **argv);
int wmain(int argc, wchar_t **argv) { return Py_Main(argc, argv); }
"""


class Interpreter:
    """CPython `minor` ("3.12") for Windows, in a folder of its own."""

    def __init__(self, minor: str, lab: Path) -> None:
        self.minor = minor
        self.tag = minor.replace(".", "")
        self.folder = lab / f"Python{self.tag}"
        self.executable = self.folder / "python.exe"
        self.peer = self.folder / "peer"
        self._downloads = lab / "downloads"
        self._stamp = self.folder / "made-of.json"

    def missing(self) -> str:
        """What this machine lacks to build it, or nothing."""
        return (
            ""
            if self._made() or standard_library(self.minor)
            else f"a CPython {self.minor} of this machine, for its standard library"
        )

    def build(self) -> None:
        if self._made():
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._unpack_dlls()
        self._copy_library()
        self._link()
        self._install(self.folder / "Lib" / "site-packages", *PACKAGES)
        self._install(self.peer, "--no-deps", PEER)
        self._stamp.write_text(json.dumps(self._recipe()))

    def _recipe(self) -> list[str]:
        return [
            SOURCE_OF_CPYTHON,
            *PACKAGES,
            PEER,
            *(path.read_text() for path in sorted(Path(__file__).parent.glob("interpreter.py"))),
        ]

    def _made(self) -> bool:
        return self._stamp.exists() and json.loads(self._stamp.read_text()) == self._recipe()

    def _unpack_dlls(self) -> None:
        self._downloads.mkdir(parents=True, exist_ok=True)
        _pip("download", "--no-deps", "--dest", str(self._downloads), *self._target(), SOURCE_OF_CPYTHON)
        wheel = next(self._downloads.glob(f"panda3d-*-cp{self.tag}-win_amd64.whl"))
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                name = member.removeprefix("deploy_libs/")
                if name != member and name and not EXCLUDED_FROM_WHEEL.match(name):
                    (self.folder / name).write_bytes(archive.read(member))

    def _copy_library(self) -> None:
        library = standard_library(self.minor)
        assert library, self.missing()
        shutil.copytree(library, self.folder / "Lib", ignore=shutil.ignore_patterns(*EXCLUDED_FROM_LIB))

    def _link(self) -> None:
        python = f"python{self.tag}"
        exports = exported_names(self.folder / f"{python}.dll")
        link_program(self.executable, PYTHON_EXE, self.folder / f"{python}.dll")
        link_forwarder(self.folder / "python3.dll", {name: f"{python}.{name}" for name in exports})
        link_forwarder(self.folder / "bcryptprimitives.dll", {"ProcessPrng": "advapi32.SystemFunction036"})

    def _install(self, folder: Path, *packages: str) -> None:
        _pip("install", "--no-compile", "--no-warn-conflicts", "--target", str(folder), *self._target(), *packages)

    def _target(self) -> tuple[str, ...]:
        return ("--platform=win_amd64", "--implementation=cp", f"--python-version={self.minor}", "--only-binary=:all:")


def standard_library(minor: str) -> Path | None:
    """The folder of the standard library of some CPython `minor` of this machine."""
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == minor:
        return Path(os.__file__).parent
    for candidate in (
        shutil.which(f"python{minor}"),
        *sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{minor}.*/bin/python"))),
    ):
        question = "import os, sys; print(*sys.version_info[:2], sep='.'); print(os.path.dirname(os.__file__))"
        answer = subprocess.run(
            [candidate or "false", "-c", question], check=False, capture_output=True, text=True
        ).stdout.splitlines()
        if answer[:1] == [minor]:
            return Path(answer[1])
    return None


def exported_names(dll: Path) -> list[str]:
    """The names that a DLL exports, as objdump lists them: lines of ordinal, perhaps the address, and name below a heading."""
    listing = subprocess.run([OBJDUMP, "-p", dll], check=True, capture_output=True, text=True).stdout
    table = listing.partition("[Ordinal/Name Pointer] Table")[2].partition("\n\n")[0]
    return re.findall(r"^\s*\[\s*\d+\].*?(\w+)$", table, re.MULTILINE)


def link_program(path: Path, source: str, *libraries: Path) -> None:
    _compile(path, source, "-municode", *map(str, libraries))


def link_forwarder(path: Path, targets: dict[str, str]) -> None:
    """A DLL without code, whose every name stands for one of another DLL."""
    lines = [f"LIBRARY {path.stem}", "EXPORTS", *(f"  {name} = {target}" for name, target in targets.items())]
    definitions = path.with_suffix(".def")
    definitions.write_text("\n".join(lines))
    _compile(path, "", "-shared", "-nostdlib", "-Wl,--entry,0", str(definitions))
    definitions.unlink()


def _compile(path: Path, source: str, *arguments: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "source.c")
        file.write_text(source)
        subprocess.run([COMPILER, "-O1", "-s", str(file), *arguments, "-o", str(path)], check=True)


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"pip {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
