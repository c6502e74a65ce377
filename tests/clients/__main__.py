"""The run: environments, servers, a process for each client and way, and what became of it all."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import truststore

from . import environments, report
from .cases import WAYS
from .table import CLIENTS, Client
from .world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

TESTS = Path(__file__).resolve().parent.parent
SOURCES = Path(truststore.__file__).resolve().parent.parent
PATIENCE = 120  # seconds for all cases of a client; only one that hangs takes as long

#: What would lead clients elsewhere.
UNSET = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "HTTPLIB2_CA_CERTS", "SSLKEYLOGFILE", "SSL_CERT_DIR")


def main(arguments: Sequence[str]) -> int:
    options = parsed(arguments)
    wanted = [client for client in CLIENTS if not options.clients or client.name in options.clients]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        programs = installed(wanted, options.environments or folder)
        world = World(folder, stack, inspector(options.environments or folder))
        results = {}
        for client in wanted:
            results[client.name] = tried(client, programs[client.environment] / "python", world)
            print(report.line(client, results[client.name]), flush=True)
    return report.compared(wanted, results, write=options.write)


def parsed(arguments: Sequence[str]) -> Any:
    parser = argparse.ArgumentParser(prog="clients", description="Put clients that people use to the test, in each way.")
    parser.add_argument("clients", nargs="*", help="their names; all, if there are none", metavar="CLIENT")
    parser.add_argument("--write", action="store_true", help="write docs/clients.csv, rather than compare with it")
    parser.add_argument("--environments", type=Path, help="a folder for the environments, to be kept")
    return parser.parse_args(arguments)


def installed(clients: Sequence[Client], folder: Path) -> dict[str, Path]:
    """The programs of each environment that these clients need."""
    names = dict.fromkeys(client.environment for client in clients)
    return {
        name: environments.made(
            folder / name, (client.requirement for client in clients if client.environment == name and client.requirement)
        )
        for name in names
    }


def inspector(folder: Path) -> Path | None:
    """Mitmproxy, if it can be had."""
    try:
        return environments.made(folder / "mitmproxy-environment", ["mitmproxy"]) / "mitmdump"
    except subprocess.CalledProcessError:
        print("SKIPPED all that is inspected: mitmproxy cannot be installed here")
        return None


def tried(client: Client, python: Path, world: World) -> dict[str, Any]:
    """What became of a client: by way, its version and by case the outcome."""
    with world.serving(client.protocol) as told:
        return {way: attempted(client, way, python, world, told) for way in WAYS}


def attempted(client: Client, way: str, python: Path, world: World, told: str) -> dict[str, Any]:
    kept = {name: value for name, value in os.environ.items() if name not in UNSET and "proxy" not in name.lower()}
    variables = kept | {
        "PYTHONPATH": f"{SOURCES}{os.pathsep}{TESTS}",
        "SSL_CERT_FILE": str(world.store),
        "SSL_CERT_DIR": str(world.folder / "none"),
    }
    command = [str(python), "-m", "clients.attempt", client.name, way, told]
    try:
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return {"version": "?", "cases": {"all": "came to no end"}}
    if done.returncode:
        return {"version": "?", "cases": {"all": (done.stderr.strip() or f"status {done.returncode}").splitlines()[-1]}}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
