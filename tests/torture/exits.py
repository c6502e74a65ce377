"""The interpreter's end, while connections, threads and event loops are still alive, at whatever moment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from gate_servers import PING, Peer, sites

from .watched import GATE, NAMES_OF_VERIFIERS, OPENSSL, Wrong, world

if TYPE_CHECKING:
    from random import Random

PROGRAM = Path(__file__).with_name("exiting_program.py")
#: Seconds that a program has.
PATIENCE = 40


def with_live_connections(times: int, random: Random) -> Counter[str]:
    """The program ends with the status it was to end with, without a word, and its data was for the right server alone."""
    counted: Counter[str] = Counter()
    with world(OPENSSL), Peer(sites()["trusted"]) as trusted, Peer(sites()["untrusted"]) as untrusted:
        for _ in range(times):
            verifier, seed = random.choice((OPENSSL, GATE)), random.randrange(2**32)
            ends(NAMES_OF_VERIFIERS[verifier], seed, trusted.port, untrusted.port)
            counted[verifier] += 1
        if untrusted.received:
            raise Wrong("a server that is not to be trusted was sent data")
        if PING not in trusted.received:
            raise Wrong("the right server was never sent any")
    return counted


def ends(verifier: str, seed: int, *ports: int) -> None:
    options = ["-X", "faulthandler", "-W", "error", "-W", "ignore::ResourceWarning"]  # that things are left open is the point
    command = [sys.executable, *options, str(PROGRAM), verifier, str(seed), *map(str, ports)]
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, timeout=PATIENCE)
    if (done.returncode, done.stdout, done.stderr) != (STATUS, "", ""):
        raise Wrong(f"{command} ended with status {done.returncode} and said:\n{done.stdout}{done.stderr}")


#: What the program is to end with.
STATUS = 7
