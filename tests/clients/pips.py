"""pip with truststore: `python -m clients.pips [VERSION...]` has pip fetch from indexes of this machine.

What differs from `RELEASES` is an error.

Each release is put to it as it is, and with this package in the place of what it uses: its vendored copy, or the package that it wants
to be installed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import os
import shutil
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from certificates import Authority, pem_file
from servers import HOST

import truststore

from . import environments
from .cases import REACHED, REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from certificates import Certificate

PACKAGE = Path(truststore.__file__).resolve().parent
FEATURE = ("--use-feature=truststore",)
BUILT = "built in isolation"
NEWEST = "newest"

#: By case: which server, and options that say what is to be trusted.
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "trusted": ("trusted", ()),
    "untrusted": ("untrusted", ()),
    "wrong name": ("wrong name", ()),
    "--cert, the file's": ("own CA", ("--cert", "{ca}")),
    "--cert, the system's": ("trusted", ("--cert", "{ca}")),
    "--trusted-host": ("untrusted", ("--trusted-host", HOST)),
}
ALWAYS = {"untrusted": REFUSED, "wrong name": REFUSED, "--cert, the file's": REACHED, "--trusted-host": REACHED}
BY_SYSTEM = {"trusted": REACHED, "--cert, the system's": REACHED, BUILT: REACHED}
BY_CERTIFI = {"trusted": REFUSED, "--cert, the system's": REFUSED, BUILT: REFUSED}


@dataclasses.dataclass(frozen=True)
class Release:
    version: str
    #: What it is told, on the command line or in the environment.
    options: tuple[str, ...]
    variables: Mapping[str, str]
    #: Where our package goes: "vendored", "installed", or "" for nowhere.
    ours: str
    wanted: Mapping[str, str]
    #: The first Python that it does not run on.
    before: tuple[int, int] = (4, 0)


RELEASES = (
    Release("22.2.2", FEATURE, {}, "installed", ALWAYS | BY_SYSTEM | {BUILT: REFUSED}, (3, 12)),
    Release("22.2.2", (), {"PIP_USE_FEATURE": "truststore"}, "installed", ALWAYS | BY_SYSTEM, (3, 12)),
    Release("23.2.1", (), {}, "installed", ALWAYS | BY_CERTIFI),
    Release("23.2.1", FEATURE, {}, "installed", ALWAYS | BY_SYSTEM | {BUILT: REFUSED}),
    Release("23.2.1", (), {"PIP_USE_FEATURE": "truststore"}, "installed", ALWAYS | BY_SYSTEM),
    Release("23.3.2", (), {}, "", ALWAYS | BY_CERTIFI),
    Release("23.3.2", FEATURE, {}, "", ALWAYS | BY_SYSTEM | {BUILT: REFUSED}),
    Release("23.3.2", FEATURE, {}, "vendored", ALWAYS | BY_SYSTEM | {BUILT: REFUSED}),
    Release("23.3.2", (), {"PIP_USE_FEATURE": "truststore"}, "vendored", ALWAYS | BY_SYSTEM),
    Release(NEWEST, (), {}, "", ALWAYS | BY_SYSTEM),
    Release(NEWEST, (), {}, "vendored", ALWAYS | BY_SYSTEM),
)


def main(versions: Sequence[str]) -> int:
    wrong = 0
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        indexes = Indexes(folder, stack)
        for release in RELEASES:
            if versions and release.version not in versions:
                continue
            if sys.version_info >= release.before:
                print(f"SKIPPED pip {release.version}: it does not run on this Python")
                continue
            programs = prepared(release, folder / f"pip {release.version} {release.ours}")
            became = {case: tried(release, programs, indexes, case) for case in (*CASES, BUILT)}
            differs = {case: outcome for case, outcome in became.items() if outcome != release.wanted[case]}
            wrong += bool(differs)
            said = " ".join((*release.options, *release.variables, release.ours and f"ours {release.ours}")).strip()
            print(f"pip {release.version} {said}: {differs or 'as expected'}", flush=True)
    return 1 if wrong else 0


def prepared(release: Release, folder: Path) -> Path:
    """An environment with this release, made once for all that it is told."""
    if folder.exists():
        return folder / environments.PROGRAMS
    programs = environments.made(folder, ["pip>=24.2" if release.version == NEWEST else f"pip=={release.version}"])
    [packages] = folder.glob("lib/*/site-packages") if os.name != "nt" else [folder / "Lib" / "site-packages"]
    if release.ours:
        place = packages / "pip" / "_vendor" if release.ours == "vendored" else packages
        shutil.rmtree(place / "truststore", ignore_errors=True)
        shutil.copytree(PACKAGE, place / "truststore", ignore=shutil.ignore_patterns("__pycache__"))
    return programs


def tried(release: Release, programs: Path, indexes: Indexes, case: str) -> str:
    server, options = CASES.get(case, ("trusted", ()))
    told = [option.format(ca=indexes.ca) for option in options]
    what = ["--no-binary", "demo", "demo"] if case == BUILT else ["--no-deps", "--only-binary", ":all:", "demo"]
    with tempfile.TemporaryDirectory() as out:
        command = ["python", "-m", "pip", "download", "--no-cache-dir", "--retries", "0", "--dest", out, *release.options, *told]
        index = ["--index-url", f"https://{HOST}:{indexes.ports[server]}/simple/"]
        command = [str(programs / command[0]), *command[1:], *index, *what]
        done = subprocess.run(command, env=variables(release, indexes), capture_output=True, text=True, cwd=out)
    if done.returncode == 0:
        return REACHED
    said = done.stdout + done.stderr
    return REFUSED if "CERTIFICATE_VERIFY_FAILED" in said or "certificate verify failed" in said else said.strip()[-300:]


def variables(release: Release, indexes: Indexes) -> dict[str, str]:
    """Nothing of this machine's own settings of pip."""
    names = ("PIP_", "SSL_", "PYTHON", "REQUESTS_", "CURL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(names) and "proxy" not in name.lower()}
    files = {"SSL_CERT_FILE": indexes.store, "SSL_CERT_DIR": f"{indexes.store}.d", "PIP_CONFIG_FILE": os.devnull}
    return {**kept, **files, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **release.variables}


# -- the indexes ----------------------------------------------------------------------------------------------------------------------


class Indexes:
    """The same packages on servers with different certificates."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        root, stranger, own = (Authority.new(name, key="p256") for name in ("Root", "Stranger", "Own"))
        self.store, self.ca = str(folder / "store.pem"), str(folder / "own.pem")
        Path(self.store).write_text(pem_file([root]), "ascii")
        Path(self.ca).write_text(own.pem, "ascii")
        packages = packed(folder / "packages")
        certificates = {
            "trusted": root.issue(HOST),
            "untrusted": stranger.issue(HOST),
            "wrong name": root.issue("elsewhere.example"),
            "own CA": own.issue(HOST),
        }
        self.ports = {name: stack.enter_context(serving(each, packages)) for name, each in certificates.items()}


@contextlib.contextmanager
def serving(certificate: Certificate, packages: Path) -> Iterator[int]:
    """A folder by HTTPS: the port."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(packages))  # type: ignore[arg-type]

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
            """Nothing."""

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that refuses us is what is tried."""

    with Server(("127.0.0.1", 0), Handler) as server:
        context: ssl.SSLContext = certificate.server_context()
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


BACKEND = """
import pathlib

METADATA = "Metadata-Version: 2.1\\nName: demo\\nVersion: 1\\n"

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = pathlib.Path(folder, "demo-1.dist-info")
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    return info.name
"""


def packed(folder: Path) -> Path:
    """`demo`, as a wheel and to be built, for which it needs `backend`."""
    for name in "demo", "backend":
        (folder / "simple" / name).mkdir(parents=True)
    wheel(folder / "simple" / "demo" / "demo-1-py3-none-any.whl", {"demo.py": ""})
    wheel(folder / "simple" / "backend" / "backend-1-py3-none-any.whl", {"backend.py": BACKEND})
    sources = folder / "demo-1"
    sources.mkdir()
    (sources / "pyproject.toml").write_text('[build-system]\nrequires = ["backend"]\nbuild-backend = "backend"\n')
    (sources / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: demo\nVersion: 1\n")
    with tarfile.open(folder / "simple" / "demo" / "demo-1.tar.gz", "w:gz") as archive:
        archive.add(sources, "demo-1")
    for each in (folder / "simple").iterdir():
        links = "".join(f'<a href="{file.name}">{file.name}</a>\n' for file in sorted(each.iterdir()))
        (each / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
    return folder


def wheel(path: Path, modules: Mapping[str, str]) -> None:
    name = path.name.partition("-")[0]
    info = f"{name}-1.dist-info"
    files = {
        **modules,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{each},,\n" for each in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(each, content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
