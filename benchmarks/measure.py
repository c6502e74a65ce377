"""Times side by side, and what is made of them.

What is compared is run in turns within one process, round after round, each round in another order: whatever the machine does meanwhile
happens to all, and nobody always comes after the same one. A ratio is the median over the rounds of one time divided by the time of plain
`ssl` in the same round. What it would scatter by if all were done again (`error`) is estimated from the median's deviation; plain `ssl`
against itself shows it, too.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

#: Time spent by this process alone, where it is told finely enough: others on the machine then count less.
clock: Callable[[], float] = time.perf_counter if sys.platform == "win32" else time.process_time

#: What all others are divided by.
PLAIN = "plain ssl"


@dataclass(frozen=True)
class Target:
    """What is promised, and what is let pass in a quick run on a machine that is shared."""

    value: float
    gross: float

    @classmethod
    def ratio(cls, value: float) -> Target:
        return cls(value, max(1 + 3 * (value - 1), 1.2) if value >= 1 else 3 * value)


@dataclass(frozen=True)
class Figure:
    """One line of the table. `target` is None if nothing is promised about it."""

    benchmark: str
    subject: str
    value: float
    error: float = 0.0
    unit: str = "ratio"
    target: Target | None = None
    note: str = ""

    def misses(self, quick: bool) -> bool:
        """Beyond the target, by more than chance explains."""
        if self.target is None:
            return False
        return self.value - 2 * self.error > (self.target.gross if quick else self.target.value)


def in_turns(subjects: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Call each as often, in turns; each call returns the time it took."""
    names = list(subjects)
    for name in names:  # once for nothing, so that all is in place
        subjects[name]()
    samples: dict[str, list[float]] = {name: [] for name in names}
    shuffle = random.Random(0).sample
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name in shuffle(names, len(names)):
                samples[name].append(subjects[name]())
    finally:
        gc.enable()
    return samples


def ratios(
    benchmark: str, samples: Mapping[str, Sequence[float]], targets: Mapping[str, Target] | None = None, base: str = PLAIN
) -> list[Figure]:
    """A line for each but the base."""
    figures = []
    for name, times in samples.items():
        if name != base:
            quotients = [time / reference for time, reference in zip(times, samples[base], strict=True) if reference]
            value, error = median(quotients)
            note = f"{statistics.median(times) * 1e6:.1f} against {statistics.median(samples[base]) * 1e6:.1f} us"
            figures.append(Figure(benchmark, name, value, error, target=(targets or {}).get(name), note=note))
    return figures


def drift(benchmark: str, subject: str, samples: Mapping[str, Sequence[float]], target: Target, base: str = PLAIN) -> Figure:
    """The last tenth of the rounds against the first, in units of what the base did meanwhile."""
    quotients = [time / reference for time, reference in zip(samples[subject], samples[base], strict=True)]
    tenth = len(quotients) // 10
    (first, first_error), (last, last_error) = median(quotients[:tenth]), median(quotients[-tenth:])
    error = last / first * math.hypot(first_error / first, last_error / last)
    return Figure(benchmark, subject, last / first, error, target=target)


def median(values: Sequence[float]) -> tuple[float, float]:
    """The median, and its standard error as of a normal distribution with the same median deviation."""
    middle = statistics.median(values)
    deviation = 1.4826 * statistics.median(abs(value - middle) for value in values)
    return middle, 1.2533 * deviation / math.sqrt(len(values))


def table(figures: Iterable[Figure], quick: bool) -> str:
    """For reading."""
    lines, before = [], ""
    for figure in figures:
        if figure.benchmark != before:
            lines.append(f"\n{figure.benchmark}")
            before = figure.benchmark
        value = f"{figure.value:.3f}" if figure.unit == "ratio" else f"{figure.value:.2f} {figure.unit}"
        error = f" ±{figure.error:.3f}" if figure.error else ""
        target = f"target {figure.target.value:g}" if figure.target else ""
        verdict = ("MISSED" if figure.misses(quick) else "met") if figure.target else ""
        lines.append(f"  {figure.subject:34}{value:>12}{error:8} {target:12} {verdict:7}{figure.note}".rstrip())
    return "\n".join(lines)
