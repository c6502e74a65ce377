"""Truststore beside its rivals, each from the package index and in processes of its own: python -m benchmarks --peers.

Each sample is a new process, and the rivals take turns (`measure.py`). What comes out is written into the documentation: a table, and
a plot (`plot.py`).
"""

from __future__ import annotations

import datetime
import os
import platform
import ssl
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import truststore

from .measure import Figure, in_turns, median, ratios
from .plot import drawn
from .rivals import OURS, PLAIN, RIVALS
from .stage import BUNDLED, HASHED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .rivals import Rival
    from .stage import Stage

CHECKOUT = Path(__file__).parents[1]
#: What the documentation includes.
TABLE, PLOT = CHECKOUT / "docs" / "side_by_side.md", CHECKOUT / "docs" / "side_by_side.svg"


@dataclass(frozen=True)
class Measure:
    """A line of the table: what it is called there, the task of `alone.py`, of how many, in what unit, and how often."""

    name: str
    task: str
    count: int
    unit: str
    rounds: int
    system: str = HASHED
    threads: int = 1

    def quick(self) -> Measure:
        """A tenth of it, twice."""
        return replace(self, count=max(self.count // 10, 1), rounds=2)


#: In plain ssl's column a number stands for so many of them.
UNITS = {"ms": 1e3, "us": 1e6, "KiB": 1.0}
MEASURES = (
    Measure("import, `ssl` included", "import", 1, "ms", 30),
    Measure("first connection of a process, hashed directory", "first", 1, "ms", 30),
    Measure("first connection of a process, bundle alone", "first", 1, "ms", 30, BUNDLED),
    Measure("a context and its first connection, hashed directory", "context", 20, "ms", 4),
    Measure("a context and its first connection, bundle alone", "context", 20, "ms", 4, BUNDLED),
    Measure("the same, each of 1 000 contexts that are kept, hashed directory", "contexts", 1000, "ms", 1),
    Measure("memory of such a context", "memory", 100, "KiB", 1),
    Measure("a connection on a warm context", "connection", 100, "ms", 8),
    Measure("a connection, each of 10 000", "connection", 10_000, "ms", 1),
    Measure("`wrap_bio()`", "wrap", 50, "us", 8),
    Measure("a connection over TCP, by 1 thread (wall)", "threads", 100, "ms", 4),
    Measure("a connection over TCP, by 10 threads on one context (wall)", "threads", 100, "ms", 4, threads=10),
    Measure("a connection over TCP, by 100 threads on one context (wall)", "threads", 100, "ms", 4, threads=100),
    Measure("each of 1 000 connections at once by asyncio, beside a server that says nothing (wall)", "loop", 1000, "ms", 2),
    Measure("1 byte, written and read", "byte", 20_000, "us", 4),
    Measure("1 MiB of 1 GiB, written and read", "mebibyte", 1024, "ms", 2),
)
#: Who takes as long as a minute for what others do in two seconds is asked for a tenth of it, where it is much.
MUCH = 1000


class Track:
    """Where they run: the stage, the rivals as pip has installed them, and a server."""

    def __init__(self, stage: Stage, port: int) -> None:
        self._stage, self._port = stage, port

    def sample(self, measure: Measure, rival: Rival) -> float:
        """One process."""
        count = measure.count // 10 if rival.is_slow and measure.count >= MUCH else measure.count
        numbers = str(count), str(measure.threads)
        arguments = measure.task, rival.name, *numbers, str(self._stage.folder), measure.system, str(self._port)
        command = [sys.executable, "-m", "benchmarks.alone", *arguments]
        done = subprocess.run(command, env=self._environment(rival), stdout=subprocess.PIPE, text=True, check=True, timeout=3600)
        return float(done.stdout)

    def _environment(self, rival: Rival) -> dict[str, str]:
        places = [CHECKOUT, self._stage.folder / "rivals" / rival.name]
        places += [Path(truststore.__file__).parents[1]] if rival.name == OURS else []
        env = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")}
        env["PYTHONPYCACHEPREFIX"] = str(self._stage.folder / "bytecode" / rival.name)
        return env | {"PYTHONPATH": os.pathsep.join(map(str, places))}


def install(stage: Stage) -> None:
    """Each rival into a folder of its own."""
    for rival in RIVALS:
        if rival.requirements:
            target = stage.folder / "rivals" / rival.name
            command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), *rival.requirements]
            subprocess.run(command, check=True)


@contextmanager
def track(stage: Stage) -> Iterator[Track]:
    """With a server of many connections at once, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.child", "crowd", str(stage.folder)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield Track(stage, int(server.stdout.readline()))
        finally:
            server.stdin.close()


class Line:
    """What came of one measure: plain ssl's own figure, and the others' ratios to it."""

    def __init__(self, measure: Measure, samples: dict[str, list[float]]) -> None:
        self.measure = measure
        self.plain, self.spread = median(samples[PLAIN])
        self.figures: dict[str, Figure] = {figure.subject: figure for figure in ratios(measure.name, samples)}


def measured(stage: Stage, *, quick: bool) -> list[Line]:
    """All measures, of all rivals."""
    install(stage)
    lines = []
    with track(stage) as place:
        for each in MEASURES:
            measure = each.quick() if quick else each
            calls = {rival.name: _call(place, measure, rival) for rival in RIVALS}
            once = measure.rounds == 1  # what takes minutes warms up by itself
            lines.append(
                Line(measure, {name: [call()] for name, call in calls.items()} if once else in_turns(calls, measure.rounds))
            )
            print(_row(lines[-1]), flush=True)
    return lines


def _call(place: Track, measure: Measure, rival: Rival) -> Callable[[], float]:
    return lambda: place.sample(measure, rival)


# -- for the documentation


def write(lines: Sequence[Line]) -> None:
    """The table and the plot."""
    others = [rival.name for rival in RIVALS if rival.name != PLAIN]
    head = ["| | plain `ssl` | " + " | ".join(others) + " |", "|---|--:|" + "--:|" * len(others)]
    versions = ", ".join(requirement.replace("==", " ") for rival in RIVALS for requirement in rival.requirements)
    where = f"CPython {platform.python_version()}, {ssl.OPENSSL_VERSION}, {platform.system()} {platform.machine()}"
    when = f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}, {where}, {os.cpu_count()} processors; {versions}."
    TABLE.write_text("\n".join([*head, *map(_row, lines), "", when, ""]), "utf-8")
    rows = [(line.measure.name, {name: line.figures[name].value for name in others}) for line in lines]
    PLOT.write_text(drawn(rows, others), "utf-8")


def _row(line: Line) -> str:
    factor = UNITS[line.measure.unit]
    plain = f"{line.plain * factor:.3g}{_spread(line.spread * factor)} {line.measure.unit}"
    cells = [_cell(line.figures[rival.name]) for rival in RIVALS if rival.name != PLAIN]
    return f"| {line.measure.name} | {plain} | {' | '.join(cells)} |"


def _cell(figure: Figure) -> str:
    text = f"{figure.value:.3f}" if figure.value < 10 else f"{figure.value:,.0f}".replace(",", "\N{NO-BREAK SPACE}")
    return text + _spread(figure.error)


def _spread(error: float) -> str:
    """Nothing is known of what was measured once."""
    return f" ± {error:.2g}" if error else ""
