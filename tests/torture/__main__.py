"""Runs the trials, each in a process of its own, two at a time. Exit status: 0, or 1 if any failed."""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from .table import LIMITS, TRIALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .table import Trial

#: Seconds that a process has, beyond its limit, to say where it hangs.
GRACE = 20


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("torture", description=__doc__)
    parser.add_argument("words", nargs="*", help="run the trials whose names contain one of these")
    parser.add_argument("--short", action="store_true", help="about a minute in all")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="of an earlier run, to repeat it")
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time (default: 2)")
    parser.add_argument("--trial", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    form = "short" if options.short else "long"
    if options.trial:
        return run(options.trial, form, options.seed)
    names = [name for name in TRIALS if getattr(TRIALS[name], form) and any(word in name for word in options.words or [""])]
    print(f"torture, {form} form: --seed {options.seed}", flush=True)
    return run_all(names, form, options.seed, options.jobs)


# -- in the process of a trial -----------------------------------------------------------------------------------------------------


def run(name: str, form: str, seed: int) -> int:
    """Do it, and print what it counted. A hang ends with where each thread stands."""
    faulthandler.dump_traceback_later(LIMITS[form], exit=True)
    trial = TRIALS[name]
    function = getattr(importlib.import_module(f".{trial.module}", __package__), trial.function)
    times: int = getattr(trial, form)
    counted = function(times, random.Random(f"{seed} {name}"), **trial.options)
    print(f"{times} {trial.unit}: " + ", ".join(f"{number} {what}" for what, number in sorted(counted.items())))
    return 0


# -- in the process of all ---------------------------------------------------------------------------------------------------------


def run_all(names: Sequence[str], form: str, seed: int, jobs: int) -> int:
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as threads:
        faults = compiled(Path(folder))
        statuses = [threads.submit(trial_status, name, form, seed, faults) for name in names]
        failed = sum(status.result() != 0 for status in statuses)
    print(f"{len(names)} trials, {failed} failed, in {time.monotonic() - started:.0f} s")
    return 1 if failed or not names else 0


def trial_status(name: str, form: str, seed: int, faults: Path | None) -> int:
    """Run it in a process of its own, and print a line, or all that it said if it failed."""
    trial, started = TRIALS[name], time.monotonic()
    if trial.preloads and faults is None:
        print(f"SKIPPED {name}: it takes Linux and a C compiler", flush=True)
        return 0
    command = [sys.executable, "-X", "faulthandler", "-m", __package__, "--seed", str(seed), "--trial", name]
    command += ["--short"] if form == "short" else []
    status, said = ended(command, environment(trial, faults), LIMITS[form] + GRACE)
    took = f"({time.monotonic() - started:.0f} s)"
    if status == 0:
        print(f"PASSED  {name}: {said.splitlines()[-1]} {took}", flush=True)
    else:
        print(f"FAILED  {name}: status {status} {took}\n{said}\nOnce more: --seed {seed} {name!r}", flush=True)
    return status


def ended(command: Sequence[str], environ: dict[str, str], limit: float) -> tuple[int, str]:
    """The exit status, and what was printed."""
    try:
        done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit)
    except subprocess.TimeoutExpired as error:
        return 1, f"{(error.stdout or b'').decode(errors='replace')}\nIt came to no end within {limit:.0f} s."
    return done.returncode, done.stdout.decode(errors="replace")


def environment(trial: Trial, faults: Path | None) -> dict[str, str]:
    return {**os.environ, "LD_PRELOAD": str(faults)} if trial.preloads else dict(os.environ)


def compiled(folder: Path) -> Path | None:
    """faults.c as a library, if that is possible here."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not (sys.platform == "linux" and compiler):
        return None
    library = folder / "faults.so"
    source = Path(__file__).with_name("faults.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", library, source, "-ldl"], check=True)
    return library


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
