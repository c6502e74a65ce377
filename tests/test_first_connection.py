"""What the first connection of a process costs where OpenSSL verifies, counted rather than timed: modules, and files that are opened.

Most programs make one connection. What they import for it is most of what they pay for truststore, and what is not named here is not
to come in by accident. `python -m benchmarks instructions` counts the rest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from fake_root import subject_hash
from servers import needs_openssl

import truststore

pytestmark = needs_openssl

#: A plain connection comes first: ssl itself imports the codec of host names late.
PROGRAM = """
import json, ssl, sys

def connect(context):
    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")

connect(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
before, opened = set(sys.modules), []
sys.addaudithook(lambda event, values: event in ("open", "os.listdir", "os.scandir") and opened.append(str(values[0])))
sys.path.insert(0, sys.argv[1])
import truststore
import truststore._store.files
truststore._store.files._SETTLED_AFTER = 0  # a file that was made just now is read each time, else
if sys.argv[2] == "injected":
    truststore.inject_into_ssl()
    connect(ssl.create_default_context())
else:
    connect(truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
print(json.dumps([sorted(set(sys.modules) - before), opened]))
"""

IMPORTED = {"_context", "_locks", "_own", "_platform", "_settings", "_stand_in", "_stdlib", "_trust", "_verdict"}
SEARCHED = {"_openssl", "_store", *(f"_store.{name}" for name in ("files", "hashed", "pem", "places", "search"))}
#: Only where a variable of the environment is set.
BELIEVED = {"_store.secure"}
#: Of others. `ssl` of 3.14 does without functools, which brings collections along.
STANDARD = {"__future__", "functools", "collections", "keyword", "operator", "_operator", "reprlib", "itertools", "types"}


def first_connection(how: str, store: dict[str, str]) -> tuple[set[str], list[str]]:
    """The modules that come in, those of truststore by their names in it; and what is opened that is none of Python's own files."""
    sources = str(Path(truststore.__file__).parents[1])
    command = [sys.executable, "-W", "error", "-c", PROGRAM, sources, how]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SSL_CERT", "NIX_", "CONDA"))} | store
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    said: Any = json.loads(done.stdout)
    modules, opened = said
    return {name.removeprefix("truststore.") for name in modules}, [path for path in opened if path.startswith(store["FOLDER"])]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, and a hashed directory of the same root."""
    folder, root = tmp_path_factory.mktemp("store"), Authority.new(key="p256")
    (folder / "bundle.pem").write_text(root.pem, "ascii")
    (folder / "certs").mkdir()
    (folder / "certs" / f"{subject_hash(root)}.0").write_text(root.pem, "ascii")
    return folder


def test_with_a_bundle(folder: Path) -> None:
    bundle = str(folder / "bundle.pem")
    modules, opened = first_connection("ours", {"SSL_CERT_FILE": bundle, "SSL_CERT_DIR": "", "FOLDER": str(folder)})
    assert modules - STANDARD == {"truststore"} | IMPORTED | SEARCHED | BELIEVED
    assert opened == [bundle]


def test_with_a_hashed_directory(folder: Path) -> None:
    directory = str(folder / "certs")
    modules, opened = first_connection("ours", {"SSL_CERT_FILE": "", "SSL_CERT_DIR": directory, "FOLDER": str(folder)})
    assert modules - STANDARD == {"truststore"} | IMPORTED | SEARCHED | BELIEVED
    assert opened == [directory]


def test_injected(folder: Path) -> None:
    """All of truststore that a connection may need is imported with the store (docs/store.md, chroot): nothing of others."""
    bundle = str(folder / "bundle.pem")
    modules, opened = first_connection("injected", {"SSL_CERT_FILE": bundle, "SSL_CERT_DIR": "", "FOLDER": str(folder)})
    late = {name.removeprefix("truststore.") for name in truststore_late()}
    expected = {"truststore", "_inject", "_preloaded", "_early", "_late"} | IMPORTED | SEARCHED | late
    assert modules - STANDARD == expected
    assert opened == [bundle]


def truststore_late() -> tuple[str, ...]:
    from truststore import _late

    return _late.LATE
