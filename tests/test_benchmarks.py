"""What `benchmarks` makes of times, and that it runs. How long anything takes is asserted nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

import truststore

CHECKOUT = Path(__file__).parents[1]
sys.path.append(str(CHECKOUT))

from benchmarks import measure, plot, side_by_side  # noqa: E402
from benchmarks.measure import PLAIN, Figure, Target  # noqa: E402
from benchmarks.rivals import RIVALS  # noqa: E402


def test_a_ratio_is_of_times_of_the_same_round() -> None:
    machine_slows_down = [1.0, 10.0, 100.0, 1000.0]
    samples = {PLAIN: machine_slows_down, "ours": [1.1 * time for time in machine_slows_down]}
    (figure,) = measure.ratios("a task", samples)
    assert figure.value == pytest.approx(1.1)
    assert figure.error == pytest.approx(0)


def test_everybody_has_as_many_turns_in_changing_order() -> None:
    order: list[str] = []

    def task(name: str) -> float:
        order.append(name)
        return len(order)

    samples = measure.in_turns({name: partial(task, name) for name in "abc"}, 50)
    assert {name: len(times) for name, times in samples.items()} == {"a": 50, "b": 50, "c": 50}
    rounds = ["".join(order[start : start + 3]) for start in range(3, len(order), 3)]
    assert {"".join(sorted(each)) for each in rounds} == {"abc"}
    assert len(set(rounds)) == 6


def test_the_error_shrinks_with_the_number_of_rounds() -> None:
    few, many = [1.0, 1.1, 0.9] * 10, [1.0, 1.1, 0.9] * 1000
    assert measure.median(few)[0] == measure.median(many)[0] == 1.0
    assert measure.median(many)[1] == pytest.approx(measure.median(few)[1] / 10)


def test_drift_is_told_from_a_machine_that_slows_down() -> None:
    slower = [1.0 + number / 1000 for number in range(1000)]
    steady = measure.drift("", "ours", {PLAIN: slower, "ours": [2 * time for time in slower]}, Target(1.02, 1.2))
    assert steady.value == pytest.approx(1)
    assert not steady.misses(quick=False)
    growing = measure.drift("", "ours", {PLAIN: [1.0] * 1000, "ours": slower}, Target(1.02, 1.2))
    assert growing.value == pytest.approx(1.9, abs=0.05)
    assert growing.misses(quick=True)


@pytest.mark.parametrize(
    ("value", "error", "quick", "misses"),
    [
        (1.01, 0, False, False),
        (1.03, 0, False, True),
        (1.03, 0.01, False, False),  # within what chance explains
        (1.03, 0, True, False),
        (1.3, 0, True, True),
    ],
)
def test_when_a_target_is_missed(value: float, error: float, quick: bool, misses: bool) -> None:
    assert Figure("", "", value, error, target=Target.ratio(1.02)).misses(quick) is misses
    assert not Figure("", "", value, error).misses(quick)


def test_what_a_quick_run_lets_pass() -> None:
    assert [Target.ratio(value).gross for value in (0.15, 1.0, 1.02, 1.1)] == pytest.approx([0.45, 1.2, 1.2, 1.3])


def test_the_table_says_what_was_missed() -> None:
    figures = [
        Figure("first", "ours", 1.2345, 0.01, target=Target.ratio(1.02), note="5 against 4 us"),
        Figure("first", "another", 0.5),
        Figure("second", "ours", 20, unit="KiB", target=Target(25, 75)),
    ]
    lines = [line.split() for line in measure.table(figures, quick=False).splitlines() if line]
    assert lines == [
        ["first"],
        ["ours", "1.234", "±0.010", "target", "1.02", "MISSED", "5", "against", "4", "us"],
        ["another", "0.500"],
        ["second"],
        ["ours", "20.00", "KiB", "target", "25", "met"],
    ]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_quick_run(tmp_path: Path) -> None:
    """Of two of the benchmarks; `nox -s benchmarks` runs all."""
    pytest.importorskip("certifi")
    pytest.importorskip("trustme")
    names = ["after_the_verdict", "importing"]
    places = os.pathsep.join([str(CHECKOUT), str(Path(truststore.__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json", str(tmp_path / "figures.json"), *names],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": places},
    )
    assert not done.stderr
    assert done.returncode in {0, 1}, "1: this machine was too busy to measure"
    figures = json.loads((tmp_path / "figures.json").read_text("utf-8"))["figures"]
    assert all(figure["value"] >= 0 for figure in figures)
    assert len({figure["benchmark"] for figure in figures}) >= 8 + 1
    assert "targets met" in done.stdout.splitlines()[-1]


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    places = os.pathsep.join([str(CHECKOUT), str(Path(truststore.__file__).parents[1])])
    command = [sys.executable, "-m", "benchmarks", "wram"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": places})
    assert done.returncode == 2
    assert "no benchmark is called wram: there are " in done.stderr


# -- side by side


def test_a_row_of_the_table() -> None:
    measure = side_by_side.Measure("a task", "connection", 1, "ms", 3)
    samples = {rival.name: [0.0012 * factor] * 3 for rival, factor in zip(RIVALS, (1, 0.5, 2, 30, 4000, 1), strict=True)}
    row = side_by_side._row(side_by_side.Line(measure, samples))
    assert row == "| a task | 1.2 ms | 0.500 | 2.000 | 30 | 4\N{NO-BREAK SPACE}000 | 1.000 |"


def test_each_measure_has_its_task() -> None:
    from benchmarks.alone import TASKS

    assert {measure.task for measure in side_by_side.MEASURES} == TASKS.keys()
    assert {measure.unit for measure in side_by_side.MEASURES} <= side_by_side.UNITS.keys()


def test_the_plot_has_a_mark_for_everybody() -> None:
    names = [rival.name for rival in RIVALS if rival.name != PLAIN]
    rows = [(f"a <task> & `{number}`", dict.fromkeys(names, 10.0**number)) for number in range(-1, 4)]
    document = ElementTree.fromstring(plot.drawn(rows, names))
    marks = document.iter("{http://www.w3.org/2000/svg}circle")
    inside = [0 < float(mark.get("cx", "")) < plot.WIDTH for mark in marks]
    assert (len(inside), all(inside)) == (len(names) * (1 + len(rows)), True)
