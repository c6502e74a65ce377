"""Sub-interpreters: injection is each one's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from interpreters_program import WORKERS
from servers import Server, Store, needs_openssl

import truststore

if TYPE_CHECKING:
    from certificates import Authority, Certificate

pytestmark = [
    needs_openssl,
    pytest.mark.skipif(sys.version_info < (3, 14), reason="concurrent.interpreters came with Python 3.14"),
]

PROGRAM = Path(__file__).with_name("interpreters_program.py")
#: Not sys.path: what a program does to it, its interpreters do not inherit.
SOURCES = str(Path(truststore.__file__).parents[1])


@pytest.fixture
def outcomes(system: Store, root: Authority, leaf: Certificate, stranger: Certificate, request: pytest.FixtureRequest) -> list[str]:
    with Server(leaf.server_context()) as trusted, Server(stranger.server_context()) as untrusted:
        command = [sys.executable, "-W", "error", str(PROGRAM), request.param, str(trusted.port), str(untrusted.port)]
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": SOURCES}, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("outcomes", ["initialized"], indirect=True)
def test_each_can_be_injected(outcomes: list[str]) -> None:
    refused = "truststore: unable to get local issuer certificate"
    assert outcomes == ["truststore: hello", refused] * WORKERS + ["truststore._context"]


@pytest.mark.parametrize("outcomes", ["inherited"], indirect=True)
def test_injection_is_not_inherited(outcomes: list[str]) -> None:
    """The main interpreter's is not touched by what they do."""
    refused = "ssl: unable to get local issuer certificate"
    assert outcomes == ["ssl: hello", refused] * WORKERS + ["truststore._context"]
