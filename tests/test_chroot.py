"""What docs/store.md says to do before a chroot, as it says it: with a root directory where nothing is, not even Python's own modules."""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from gate_servers import Peer, root, sites
from servers import Store, needs_openssl

import truststore

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).resolve().parent.parent / "docs" / "store.md"
PROGRAM = Path(__file__).with_name("locked_in_server.py")
SOURCES = str(Path(truststore.__file__).parents[1])
HEADING = "## chroot, setuid, and few file descriptors"
UNKNOWN_ISSUER = "unable to get local issuer certificate"
MISNAMED = "Hostname mismatch, certificate is not valid for 'localhost'."


@functools.cache
def as_root() -> list[str] | None:
    """What to put before a command for it to be allowed a chroot(); None: nothing helps."""
    if not hasattr(os, "chroot"):
        return None
    for before in [], ["unshare", "--user", "--map-root-user"]:
        trial = [*before, sys.executable, "-c", "import os; os.chroot('/')"]
        if (not before or shutil.which(before[0])) and subprocess.run(trial, capture_output=True, timeout=50).returncode == 0:
            return before
    return None


pytestmark = [needs_openssl, pytest.mark.skipif("as_root() is None", reason="neither root nor a user namespace: no chroot() here")]


def section() -> str:
    return PAGE.read_text("utf-8").partition(HEADING)[2].partition("\n## ")[0]


def command_of_the_page() -> str:
    """How to start the program."""
    (command,) = re.findall(r"```sh\n(.+ python server\.py)\n```", section())
    return str(command)


@pytest.fixture
def ports(system: Store) -> Iterator[dict[str, int]]:
    system.holds(root())
    with Peer(sites()["trusted"]) as trusted, Peer(sites()["untrusted"]) as untrusted, Peer(sites()["misnamed"]) as misnamed:
        yield {"trusted": trusted.port, "untrusted": untrusted.port, "misnamed": misnamed.port}
        assert not untrusted.received and not misnamed.received


def locked_in(before: str, how: str, bundle: Path, folder: Path, ports: dict[str, int]) -> dict[str, Any]:
    """Run the server of the page by this shell command; what came of its visits, by the names of the ports."""
    shutil.copy(PROGRAM, folder / "server.py")
    (folder / "empty").mkdir()
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    arguments = [how, str(folder / "empty"), str(bundle), *map(str, ports.values())]
    environment = {**os.environ, "PYTHONPATH": SOURCES, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    command = [*(as_root() or ()), "sh", "-c", f"{before} {shlex.join(arguments)}"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    return {**said, **{name: said.pop(str(port)) for name, port in ports.items()}}


def test_the_command_of_the_page(system: Store, ports: dict[str, int], tmp_path: Path) -> None:
    command = command_of_the_page()
    path = re.findall(r"SSL_CERT_FILE=(\S+)", command)[0]
    said = locked_in(command.replace(path, str(system.file)), "load_default_certs", system.file, tmp_path, ports)
    assert (said["trusted"], said["untrusted"][0], said["misnamed"][0]) == ("trusted", UNKNOWN_ISSUER, MISNAMED)
    assert (said["listed"], said["counted"]) == (1, 1)
    works_on(said)


def test_the_bundle_as_its_own(system: Store, ports: dict[str, int], tmp_path: Path) -> None:
    assert "`context.load_verify_locations()`" in section()
    bundle = tmp_path / "bundle.pem"
    system.file.rename(bundle)
    said = locked_in("python server.py", "load_verify_locations", bundle, tmp_path, ports)
    assert (said["trusted"], said["untrusted"][0], said["misnamed"][0]) == ("trusted", UNKNOWN_ISSUER, MISNAMED)
    assert (said["listed"], said["counted"]) == (1, 1)
    works_on(said)


def works_on(said: dict[str, Any]) -> None:
    """Whatever comes then is a verdict, or the reason why there is none: every module is at hand."""
    assert "no trusted roots were found" in said["another context"][0]
    assert "no verdict on the certificates" in said["a chain"]
    assert "ModuleNotFoundError" not in str(said)


def test_the_page_says_what_ssl_itself_needs() -> None:
    """Without it plain `ssl` has "unknown encoding: idna", too: the program here imports it."""
    assert "`import encodings.idna`" in section()
