"""Injection, in any order with what else a program imports, keeps and patches: each order in a program of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from certificates import Authority
from servers import Server, Store, answer_http, needs_openssl

import truststore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from certificates import Certificate

pytestmark = needs_openssl

PROGRAM = Path(__file__).with_name("injected_program.py")
SOURCES = Path(truststore.__file__).parents[1]

OTHERS = ("urllib3", "requests", "aiohttp", "httpx", "botocore")
LIBRARIES = ("urllib", "asyncio", *OTHERS)
#: Those that open sockets the blocking way, and so can be gevent's.
BLOCKING = ("urllib", "urllib3", "requests", "httpx", "botocore")

#: It forks beside its threads, for which Python warns from 3.12 on: where trio (which httpcore imports) has ctypes look for a library.
GEVENTS_OWN = ("-W", "ignore::DeprecationWarning:gevent", "-W", "ignore::DeprecationWarning:gevent.os")

TRUSTSTORES = ["ok", "refused"]
OPENSSLS = ["refused", "refused"]


@pytest.fixture(scope="module")
def ports(leaf: Certificate, stranger: Certificate) -> Iterator[tuple[str, str]]:
    """A server that the system trusts, and one that it does not."""
    with Server(leaf.server_context(), answer_http) as trusted, Server(stranger.server_context(), answer_http) as untrusted:
        yield str(trusted.port), str(untrusted.port)


@pytest.fixture(scope="module")
def other() -> Authority:
    """Of no interest."""
    return Authority.new("Other")


class Program:
    """Runs `injected_program.py`. Its OpenSSL finds roots of no interest, its truststore finds the system's."""

    def __init__(self, store: Path, ports: tuple[str, str]) -> None:
        self._arguments = [str(store), *ports]

    def __call__(self, *steps: str) -> dict[str, list[str]]:
        for step in steps:
            library = "requests" if step == "preloaded" else step
            if library in {"gevent", *OTHERS} and not importlib.util.find_spec(library):
                pytest.skip(f"{library} is not installed")
        command = [sys.executable, "-W", "error", *GEVENTS_OWN, str(PROGRAM), *self._arguments, *steps]
        environment = os.environ | {"PYTHONPATH": str(SOURCES)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        outcomes: dict[str, list[str]] = json.loads(done.stdout)
        return outcomes


@pytest.fixture
def program(system: Store, root: Authority, other: Authority, ports: tuple[str, str], tmp_path: Path) -> Program:
    system.holds(root)
    store = system.file.rename(tmp_path / "truststores.pem")
    system.holds(other)
    return Program(store, ports)


@pytest.mark.parametrize(
    "steps",
    [
        ["inject", *LIBRARIES],
        [*LIBRARIES, "inject"],
        ["truststore", *LIBRARIES, "inject"],
        ["urllib3", "inject", "requests", "aiohttp", "httpx", "botocore", "urllib", "asyncio"],
        ["aiohttp", "botocore", "truststore", "urllib3", "inject", "httpx", "requests", "urllib", "asyncio"],
        ["preloaded", "inject"],
        ["preloaded", "inject", "extract", "inject"],
    ],
    ids="-".join,
)
def test_every_library_is_reached(program: Program, steps: list[str]) -> None:
    assert program(*steps) == {step: TRUSTSTORES for step in steps if step not in {"inject", "extract", "truststore"}}


@pytest.mark.parametrize(
    ("steps", "made"),
    [
        (["ssl", "kept", "made", "inject"], OPENSSLS),
        (["truststore", "ssl", "kept", "made", "inject"], OPENSSLS),
        (["kept", "inject", "made", "ssl"], TRUSTSTORES),
        (["inject", "kept", "ssl", "made"], TRUSTSTORES),
        (["inject", "inject", "ssl", "kept", "made", "inject"], TRUSTSTORES),
        (["ssl", "kept", "made", "inject", "extract", "inject"], OPENSSLS),
        (["inject", "made", "extract", "inject", "ssl", "kept"], TRUSTSTORES),
    ],
    ids=lambda value: "-".join(value) if "ssl" in value else "",
)
def test_names_that_were_kept_and_contexts_that_were_made(program: Program, steps: list[str], made: list[str]) -> None:
    assert program(*steps) == {"ssl": TRUSTSTORES, "kept": TRUSTSTORES, "made": made}


@pytest.mark.parametrize(
    ("steps", "kept", "made"),
    [
        (["ssl", "kept", "made", "inject", "extract"], OPENSSLS, OPENSSLS),
        (["inject", "kept", "extract", "made", "ssl"], TRUSTSTORES, OPENSSLS),
        (["inject", "made", "extract", "kept", "ssl"], OPENSSLS, TRUSTSTORES),
        (["truststore", "ssl", "kept", "made"], OPENSSLS, OPENSSLS),
    ],
    ids=lambda value: "-".join(value) if "ssl" in value else "",
)
def test_extraction_gives_openssl_back(program: Program, steps: list[str], kept: list[str], made: list[str]) -> None:
    """A name or a context that was taken while injected stays what it was."""
    assert program(*steps) == {"ssl": OPENSSLS, "kept": kept, "made": made}


@pytest.mark.parametrize(
    "steps",
    [
        ["inject", *LIBRARIES, "extract"],
        ["inject", "preloaded", "extract"],
        [*LIBRARIES, "inject", "extract"],
        ["preloaded", "inject", "extract"],
    ],
    ids="-".join,
)
def test_extraction_reaches_every_library(program: Program, steps: list[str]) -> None:
    assert program(*steps) == {step: OPENSSLS for step in steps if step not in {"inject", "extract"}}


@pytest.mark.parametrize(
    "steps",
    [
        ["gevent", "inject", *BLOCKING, "ssl", "kept", "made"],
        ["gevent", *BLOCKING, "ssl", "kept", "inject", "made"],
        ["truststore", "gevent", "inject", *BLOCKING, "ssl", "kept", "made"],
        ["truststore", "gevent", *BLOCKING, "ssl", "kept", "inject", "made"],
        ["inject", "gevent", *BLOCKING, "ssl", "kept", "made"],
        ["inject", "ssl", "gevent", *BLOCKING],
    ],
    ids="-".join,
)
def test_it_works_beside_gevent(program: Program, steps: list[str]) -> None:
    assert program(*steps) == {step: TRUSTSTORES for step in steps if step not in {"inject", "gevent", "truststore"}}


@pytest.mark.parametrize(
    "steps",
    [
        ["gevent", "inject", "extract", "ssl", "kept", "made", *BLOCKING],
        ["truststore", "gevent", "inject", "extract", "ssl", "kept", "made", *BLOCKING],
        ["truststore", "gevent", "ssl", "kept", "made", *BLOCKING],
    ],
    ids="-".join,
)
def test_extraction_leaves_gevent_in_place(program: Program, steps: list[str]) -> None:
    assert program(*steps) == {step: OPENSSLS for step in steps if step not in {"inject", "extract", "gevent", "truststore"}}
