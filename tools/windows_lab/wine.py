"""Wine, and the Windows installations ("prefixes") that it makes.

Each program of a prefix talks to that prefix's one wineserver. The server must be started first, and apart from any pipe of ours: it and
the services it starts would inherit the pipe, and whoever reads it would wait for them. It is told to stay, because a start
without it takes 1.5 s instead of 0.1 s, and is stopped when the prefix is closed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Debian and Ubuntu put the 64-bit loader here, beside a `wine` script that prefers 32 bits and warns when they are missing.
LOADERS = ("wine64", "/usr/lib/wine/wine64", "wine")
SERVERS = ("wineserver64", "/usr/lib/wine/wineserver64", "wineserver", "/usr/lib/wine/wineserver")

#: What Linux programs are told this way must not reach a Windows one.
FOREIGN = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "VIRTUAL_ENV", "DISPLAY", "WAYLAND_DISPLAY")
FOREIGN_PREFIXES = ("PYTHON", "PIP_", "NOX", "COV_")

SETTINGS = {
    "WINEARCH": "win64",
    "WINEDEBUG": "-all",
    "WINEDLLOVERRIDES": "mscoree,mshtml,winemenubuilder.exe=",  # no .NET, no HTML engine, no entries in the desktop's menus
}


def loader() -> str | None:
    """The program that runs Windows programs, if it is installed."""
    return next(filter(None, map(shutil.which, LOADERS)), None)


def server() -> str | None:
    return next(filter(None, map(shutil.which, SERVERS)), None)


def version() -> str:
    return subprocess.run([loader() or "wine", "--version"], check=True, capture_output=True, text=True).stdout.strip()


class Prefix:
    """One Windows installation: a registry, certificate stores, and a wineserver while it is open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Prefix:
        self._quietly(server() or "wineserver", "-p")
        self._quietly(loader() or "wine", "wineboot", "-u" if not (self.folder / "system.reg").exists() else "-i")
        return self

    def __exit__(self, *_: object) -> None:
        self._quietly(server() or "wineserver", "-k", check=False)
        self._quietly(server() or "wineserver", "-w", check=False)

    def copy(self, folder: Path) -> Prefix:
        """Another installation in the same state. This one must be closed."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Prefix(folder)

    def run(
        self, program: Path, *arguments: str, environment: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> int:
        """Run a Windows program here, its output shown as it comes; return its exit status.

        Output goes through pipes: a file opened outside Wine is no valid handle for Windows' C library.
        """
        process = subprocess.Popen(
            [loader() or "wine", str(program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment(environment or {}),
        )
        assert process.stdout is not None
        reader = threading.Thread(target=_show, args=(process.stdout,), daemon=True)
        reader.start()
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            print(f"{program.name} did not end within {timeout} s")
            return 1
        reader.join(5)
        return status

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        ours = {key: value for key, value in os.environ.items() if key not in FOREIGN and not key.startswith(FOREIGN_PREFIXES)}
        return {**ours, **SETTINGS, "WINEPREFIX": str(self.folder), **more}

    def _quietly(self, *command: str, check: bool = True) -> None:
        nothing = subprocess.DEVNULL
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(command, check=check, stdin=nothing, stdout=nothing, stderr=nothing, env=self._environment({}), timeout=180)


def _show(output: IO[bytes]) -> None:
    for line in output:
        print(line.decode("utf-8", "replace").rstrip("\r\n"), flush=True)
