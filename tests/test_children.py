"""Which children of a program that injects are injected, too: what docs/usage.md says of each way to start one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from commands import environment

PROGRAM = str(Path(__file__).with_name("children_program.py"))
OURS, PLAIN = "truststore._context", "ssl"


def answers(where: str) -> dict[str, str]:
    """Whose contexts the children make, by how they were started."""
    command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", PROGRAM, where]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")
    said: dict[str, str] = json.loads(done.stdout)
    return said


def test_at_the_top_of_the_main_module_it_reaches_all_but_other_programs() -> None:
    assert answers("top").items() <= {"fork": OURS, "spawn": OURS, "forkserver": OURS, "subprocess": PLAIN}.items()


def test_under_the_guard_it_reaches_what_is_forked_or_injects_for_itself() -> None:
    wanted = {"fork": OURS, "spawn": PLAIN, "forkserver": PLAIN, "subprocess": PLAIN, "initialized": OURS}
    assert answers("main").items() <= wanted.items()
