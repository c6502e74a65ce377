"""Security.framework without a Mac: build the simulator, load it in the frameworks' place, and turn its switches.

What it proves: which functions are called and in which order, that every object is released exactly once on every path, that NULL and
nonsense are taken for failures, what becomes of each status, threads, and time. What it does not prove: Apple's verdicts. So the cases
of test_macos_verdict.py run on the real frameworks, too, where `sys.platform` is darwin.

No code of the package knows of it. Its rules are described in the C sources.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import truststore

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from types import ModuleType

    from certificates import Certificate

SOURCES = Path(__file__).with_name("simulator")
FRAMEWORKS = {"CoreFoundation": [], "Security": ["-lCoreFoundation", "-lcrypto"]}
COMPILER = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-fPIC", "-shared", "-pthread", "-fvisibility=hidden"]

# Functions that later or earlier systems do not have.
WITHOUT_ERROR = ("SecTrustEvaluateWithError",)  # before macOS 10.14
WITHOUT_CHAIN = ("SecTrustCopyCertificateChain",)  # before macOS 12
WITHOUT_DEPRECATED = ("SecTrustEvaluate", "SecTrustGetCertificateCount", "SecTrustGetCertificateAtIndex")  # some day
MACOS_10_13 = WITHOUT_ERROR + WITHOUT_CHAIN


class CannotBuild(Exception):
    """There is no compiler, or no libcrypto to compile with."""


def build(folder: Path) -> None:
    """Compile the two libraries into `folder`."""
    for name, libraries in FRAMEWORKS.items():
        source, target = SOURCES / f"{name.lower()}.c", folder / f"lib{name}.so"
        command = [*COMPILER, "-o", str(target), str(source), f"-L{folder}", *libraries, "-Wl,-rpath,$ORIGIN"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        except OSError as error:
            raise CannotBuild(f"no compiler: {error}") from error
        if done.returncode:
            raise CannotBuild(next((line for line in done.stderr.splitlines() if "error" in line), done.stderr))


class Simulator:
    """The libraries, and the switches that Apple's do not have."""

    def __init__(self, folder: Path) -> None:
        self.paths = {name: str(folder / f"lib{name}.so") for name in FRAMEWORKS}
        self.core = ctypes.CDLL(self.paths["CoreFoundation"])
        self.security = ctypes.CDLL(self.paths["Security"])
        for name in ("sim_report", "sim_trace"):
            getattr(self.core, name).restype = ctypes.c_char_p
        for name in ("sim_live", "sim_calls"):
            getattr(self.core, name).restype = ctypes.c_long
        self.security.sim_evaluations.restype = ctypes.c_long
        self.security.sim_settings.argtypes = ctypes.c_int, ctypes.c_char_p, ctypes.c_long, ctypes.c_char_p
        self.core.sim_fail.argtypes = ctypes.c_char_p, ctypes.c_long, ctypes.c_longlong, ctypes.c_int

    def reset(self) -> None:
        """As new, but for objects that live."""
        self.core.sim_reset()
        self.security.sim_network(True)
        self.security.sim_result(0)
        self.security.sim_keychain(None)
        self.security.sim_settings(0, None, 0, None)

    def forget_calls(self) -> None:
        """Forget calls, failures and delays."""
        self.core.sim_reset()

    def fail(self, function: str, nth: int = 1, value: int = 0, *, afterwards: bool = False) -> None:
        """Have the nth call from now on return `value`: instead of doing anything or, if `afterwards`, having done it."""
        self.core.sim_fail(function.encode(), nth, value, afterwards)

    @property
    def failed(self) -> bool:
        """Whether the call that was to fail has been made."""
        return bool(self.core.sim_failed())

    def delay(self, function: str, milliseconds: int) -> None:
        self.core.sim_delay(function.encode(), ctypes.c_long(milliseconds))

    def meet(self, function: str, threads: int) -> None:
        """Hold all calls of `function` until so many threads are inside it at once."""
        self.core.sim_meet(function.encode(), threads)

    @property
    def met(self) -> bool:
        return bool(self.core.sim_met())

    def network(self, available: bool) -> None:
        self.security.sim_network(available)

    def result(self, value: int) -> None:
        """What SecTrustEvaluate says, whatever it finds."""
        self.security.sim_result(value)

    @property
    def live(self) -> int:
        return int(self.core.sim_live())

    @property
    def report(self) -> str:
        """What lives: "2 CFData of CFDataCreate" and the like, a line each."""
        return str(self.core.sim_report().decode())

    @property
    def evaluations(self) -> int:
        return int(self.security.sim_evaluations())

    def calls(self, function: str | None = None) -> int:
        return int(self.core.sim_calls(function and function.encode()))

    @property
    def trace(self) -> list[str]:
        """The functions that were called, in order."""
        return str(self.core.sim_trace().decode()).split()

    def keychain(self, folder: Path, **directories: Iterable[Certificate]) -> None:
        """Put certificates into the keychain: system, user, admin, denied, revoked, revoked_online, good, intermediates."""
        for directory, certificates in directories.items():
            place = folder / directory.replace("_", "-")
            place.mkdir(parents=True, exist_ok=True)
            for certificate in certificates:
                (place / f"{len(list(place.iterdir()))}.pem").write_text(certificate.pem, encoding="ascii")
        self.security.sim_keychain(str(folder).encode())

    def settings(self, domain: int, certificate: Certificate, words: str) -> None:
        """What a domain's trust settings say of a certificate: "Result=3,Policy=server;KeyUsage=8", "" for an empty list."""
        self.security.sim_settings(domain, certificate.der, len(certificate.der), words.encode())


def _library(simulator: Simulator, absent: Collection[str]) -> type[ctypes.CDLL]:
    """What ctypes.CDLL is while the frameworks are simulated: their paths lead to ours, and some symbols nowhere."""

    class Library(ctypes.CDLL):
        def __init__(self, name: str, *args: Any, **options: Any) -> None:
            framework = name.rpartition("/")[2]
            if name != f"/System/Library/Frameworks/{framework}.framework/{framework}":
                raise OSError(f"dlopen({name}): image not found")
            super().__init__(simulator.paths[framework], *args, **options)

        def __getitem__(self, name_or_ordinal: Any) -> Any:
            if name_or_ordinal in absent:
                raise AttributeError(f"dlsym(RTLD_DEFAULT, {name_or_ordinal}): symbol not found")
            return super().__getitem__(name_or_ordinal)

    return Library


def forget_declarations(package: ModuleType = truststore) -> None:
    """Have the next verification load the frameworks anew."""
    sys.modules.pop(f"{package.__name__}._security", None)
    vars(package).pop("_security", None)


@contextlib.contextmanager
def frameworks(simulator: Simulator, *, absent: Collection[str] = (), package: ModuleType = truststore) -> Iterator[None]:
    """Put the simulator in the place of Apple's frameworks, of a system that lacks the functions `absent`."""
    real = ctypes.CDLL
    forget_declarations(package)
    ctypes.CDLL = _library(simulator, absent)  # type: ignore[misc]
    try:
        yield
    finally:
        ctypes.CDLL = real  # type: ignore[misc]
        forget_declarations(package)


@contextlib.contextmanager
def contexts(package: ModuleType = truststore) -> Iterator[None]:
    """Have every SSLContext of truststore, or of a vendored copy of it, ask Security.framework, as on a Mac."""
    macos = importlib.import_module(f"{package.__name__}._macos")
    cls: type[truststore.SSLContext] = package.SSLContext
    before = cls._verifier, cls._platform
    cls._verifier, cls._platform = staticmethod(macos.verify), macos.PLATFORM
    try:
        yield
    finally:
        cls._verifier, cls._platform = before
