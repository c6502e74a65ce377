"""A plot of ratios, as SVG: for each measure a row of marks on a logarithmic scale, and a line where plain `ssl` is."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Row = tuple[str, Mapping[str, float]]

WIDTH, LEFT, RIGHT, TOP, HEIGHT = 760, 20, 30, 56, 46
#: Of Okabe and Ito, who made them for all kinds of eyes; and a shape besides.
COLOURS = ("#0072b2", "#e69f00", "#d55e00", "#009e73", "#cc79a7")
RADIUS = 6


def drawn(rows: Sequence[Row], subjects: Sequence[str]) -> str:
    """The document. `subjects` are the columns of each row, in the order of the legend."""
    scale = _Scale([value for _, values in rows for value in values.values()])
    height = TOP + HEIGHT * len(rows) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" role="img">',
        "<title>Cost as a ratio to plain ssl: less is better</title>",
        "<style>text{fill:#222}.faint{stroke:#bbb}.plain{stroke:#222}@media(prefers-color-scheme:dark){text{fill:#ddd}.plain{stroke:#ddd}}</style>",
        *_legend(subjects),
        *_grid(scale, height),
    ]
    for number, (name, values) in enumerate(rows):
        parts += _row(name, values, subjects, scale, TOP + HEIGHT * number)
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
    def __init__(self, values: Sequence[float]) -> None:
        self.first = math.floor(math.log10(min(*values, 1)))
        self.last = math.ceil(math.log10(max(*values, 10)))

    def x(self, value: float) -> float:
        share = (math.log10(value) - self.first) / (self.last - self.first)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _legend(subjects: Sequence[str]) -> Iterator[str]:
    x = LEFT
    for subject, colour in zip(subjects, COLOURS, strict=False):
        yield f'<circle cx="{x + RADIUS}" cy="14" r="{RADIUS}" fill="{colour}"/>'
        yield f'<text x="{x + 3 * RADIUS}" y="19">{escape(subject)}</text>'
        x += 34 + 7 * len(subject)


def _grid(scale: _Scale, height: int) -> Iterator[str]:
    for exponent in range(scale.first, scale.last + 1):
        value = 10.0**exponent
        kind = "plain" if exponent == 0 else "faint"
        x = scale.x(value)
        yield f'<line class="{kind}" x1="{x}" x2="{x}" y1="{TOP - 12}" y2="{height - 22}"/>'
        label = "plain ssl" if exponent == 0 else f"{value:g}"
        yield f'<text x="{x}" y="{height - 6}" text-anchor="middle">{label}</text>'


def _row(name: str, values: Mapping[str, float], subjects: Sequence[str], scale: _Scale, y: int) -> Iterator[str]:
    yield f'<text x="{LEFT}" y="{y + 8}">{escape(name.replace("`", ""))}</text>'
    for subject, colour in reversed(list(zip(subjects, COLOURS, strict=False))):  # the first one on top
        x = scale.x(values[subject])
        title = f"<title>{escape(subject)}: {values[subject]:.3g}</title>"
        yield f'<circle cx="{x}" cy="{y + 24}" r="{RADIUS}" fill="{colour}" fill-opacity="0.85">{title}</circle>'
