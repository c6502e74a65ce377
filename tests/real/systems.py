"""Whom `real` asks: Windows, a Mac, or the simulator of one; and how each learns of the roots of the table."""

from __future__ import annotations

import contextlib
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from certificates import Certificate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cases import World
    from macos.simulated import Simulator


class System:
    """One that knows the roots of the table only if it has learned them."""

    def __init__(self, column: str, name: str, *, knows_roots: bool) -> None:
        #: Of the table of cases.
        self.column = column
        self.name, self.knows_roots = name, knows_roots

    def learn(self, worlds: Sequence[World]) -> None:
        raise NotImplementedError


@contextlib.contextmanager
def here(*, add_roots: bool) -> Iterator[System]:
    if sys.platform == "win32":
        from real.windows_or_wine import Windows

        yield Windows(add_roots=add_roots)
        return
    with tempfile.TemporaryDirectory(prefix="truststore-real-") as folder, contextlib.ExitStack() as undoing:
        if sys.platform == "darwin":
            yield Mac(Path(folder), undoing, add_roots=add_roots)
        else:
            yield simulated_mac(Path(folder), undoing)


def roots_of(worlds: Sequence[World]) -> list[Certificate]:
    return list({root.der: root for world in worlds for root in world.roots}.values())


def denied_of(worlds: Sequence[World]) -> list[Certificate]:
    return [certificate for world in worlds for certificate in world.denied]


# --- macOS


class Mac(System):
    """By the settings of the administrator, which `sudo security` changes. All that is changed is undone."""

    def __init__(self, folder: Path, undoing: contextlib.ExitStack, *, add_roots: bool) -> None:
        super().__init__("macos", f"macOS {platform.mac_ver()[0]}", knows_roots=add_roots)
        self._folder, self._undoing = folder, undoing

    def learn(self, worlds: Sequence[World]) -> None:
        keychain = self._folder / "truststore.keychain-db"
        self._security("create-keychain", "-p", "truststore", keychain)
        self._undoing.callback(self._security, "delete-keychain", keychain)
        for number, (certificate, trust) in enumerate(settings_of(worlds)):
            file = self._folder / f"{number}.pem"
            file.write_text(certificate.pem, encoding="ascii")
            self._undoing.callback(self._security, "remove-trusted-cert", "-d", file)
            self._security("add-trusted-cert", "-d", "-r", trust, "-k", keychain, file)

    def _security(self, *arguments: object) -> None:
        subprocess.run(["sudo", "security", *map(str, arguments)], check=True, timeout=300)


def settings_of(worlds: Sequence[World]) -> list[tuple[Certificate, str]]:
    denied = {certificate.der: certificate for certificate in denied_of(worlds)}
    trusted = [root for root in roots_of(worlds) if root.der not in denied]
    return [(root, "trustRoot") for root in trusted] + [(certificate, "deny") for certificate in denied.values()]


# --- the simulator of macOS


class Simulated(System):
    def __init__(self, simulator: Simulator, folder: Path) -> None:
        super().__init__("macos", "simulator of macOS", knows_roots=True)
        self._simulator, self._folder = simulator, folder

    def learn(self, worlds: Sequence[World]) -> None:
        published = [Certificate(der) for world in worlds for path, der in world.published.items() if path.endswith(".crt")]
        self._simulator.keychain(self._folder, admin=roots_of(worlds), denied=denied_of(worlds), intermediates=published)


def simulated_mac(folder: Path, undoing: contextlib.ExitStack) -> System:
    from macos import simulated

    simulated.build(folder)
    simulator = simulated.Simulator(folder)
    undoing.enter_context(simulated.frameworks(simulator))
    undoing.enter_context(simulated.contexts())
    undoing.callback(simulator.reset)
    return Simulated(simulator, folder / "keychain")
