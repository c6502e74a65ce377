"""The trials: what runs, how often, and for how long at most."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from .watched import GATE, OPENSSL

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Trial:
    """A function of a module of this package, which takes the number of times and a source of random numbers."""

    module: str
    function: str
    #: How often in the short form (0: not there) and in the long one, and what is counted by it.
    short: int
    long: int
    unit: str
    options: Mapping[str, object] = dataclasses.field(default_factory=dict)
    #: Runs with faults.c loaded before all other libraries.
    preloads: bool = False


def _on_both_paths(name: str, trial: Trial) -> dict[str, Trial]:
    paths = {"OpenSSL verifies": OPENSSL, "the gate": GATE}
    return {f"{name}, {path}": dataclasses.replace(trial, options={"verifier": verifier}) for path, verifier in paths.items()}


TRIALS: Mapping[str, Trial] = {
    "steady handshakes, OpenSSL verifies": Trial("steady", "handshakes", 800, 70_000, "handshakes", {"verifier": OPENSSL}),
    "steady handshakes, the gate": Trial("steady", "handshakes", 500, 30_000, "handshakes", {"verifier": GATE}),
    "steady contexts, OpenSSL verifies": Trial("steady", "contexts", 300, 7000, "contexts", {"verifier": OPENSSL}),
    "steady contexts, the gate": Trial("steady", "contexts", 200, 3000, "contexts", {"verifier": GATE}),
    "files that fail and change": Trial("files", "faults", 500, 10_000, "visits", preloads=True),
    "files that fail for a moment": Trial("files", "errors_that_pass", 200, 2000, "first looks", preloads=True),
    **_on_both_paths("hostile servers in memory", Trial("peers", "in_memory", 500, 10_000, "visits")),
    **_on_both_paths("hostile servers on sockets", Trial("peers", "on_sockets", 100, 1000, "visits")),
    **_on_both_paths("hostile clients", Trial("peers", "clients", 250, 5000, "visits")),
    **_on_both_paths("forks", Trial("forking", "while_threads_connect", 60, 600, "forks")),
    "pools": Trial("forking", "pools", 2, 12, "pools of 20 workers"),
    **_on_both_paths("signals", Trial("signalling", "interrupted", 300, 4000, "signals")),
    **_on_both_paths("threads", Trial("threads", "all_at_once", 4, 80, "rounds")),
    "the interpreter's end": Trial("exits", "with_live_connections", 8, 100, "programs"),
    **{
        f"interruptions, {path}": Trial("examples", "at_all_points", 0, 1, "for the distance of the points", {"path": path})
        for path in (
            "gate/test_gate_interruption.py",
            "test_interrupted_settings.py",
            "test_inject.py",
            "test_first_flight_meanwhile.py",
        )
    },
    "examples of Hypothesis": Trial("examples", "of_the_tests", 0, 3, "times as many examples as the tests try"),
}

#: In seconds, for one trial: beyond it hangs.
LIMITS = {"short": 60, "long": 500}
