"""The parts of `src/truststore`, what each is for, and which others it imports. tests/test_architecture.py holds this against the imports.

`PARTS` is the whole description. What is drawn of it: each part in its place, an arrow for each import but those that follow from others,
and none to the two at the bottom, which everybody may import.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Part(NamedTuple):
    """Modules that answer one kind of question. A name that ends in `*` stands for a package and all that is in it."""

    name: str
    what: str
    modules: tuple[str, ...]
    imports: tuple[str, ...]
    row: int
    column: int


PARTS = (
    Part("Public names", "what users import", ("__init__", "_protocols"), ("Injection", "Context", "Store", "Python"), 0, 0),
    Part(
        "Command line",
        "truststore check, verify, roots, run, enable",
        ("_cli*", "__main__"),
        ("Context", "Store", "Platforms", "OpenSSL, offline", "Verdict", "Certificates", "Python"),
        0,
        1,
    ),
    Part("Injection", "replaces ssl.SSLContext in a program", ("_inject", "_early", "_preloaded"), ("Context", "Python"), 1, 0),
    Part(
        "Context",
        "the SSLContext: settings, and how connections are made",
        ("_context", "_settings", "_listing", "_offline"),
        ("Gate", "Trust", "Judges", "Store", "Platforms", "Verdict", "Python"),
        2,
        0,
    ),
    Part(
        "Trust",
        "who may vouch for a peer",
        ("_trust", "_own"),
        ("Judges", "Roots", "Store", "Verdict", "Certificates", "Python"),
        3,
        0,
    ),
    Part(
        "Gate",
        "holds a connection back until the verdict",
        ("_connection", "_stand_in"),
        ("OpenSSL, offline", "Verdict", "Certificates", "Python"),
        3,
        1,
    ),
    Part(
        "Judges",
        "who is asked, in which order; checks afterwards; the notes of a refusal",
        ("_judges", "_checks", "_strength", "_denied", "_refused"),
        ("Roots", "OpenSSL, offline", "Verdict", "Certificates", "Python"),
        4,
        0,
    ),
    Part("Roots", "loads the store into OpenSSL", ("_openssl",), ("Store", "Verdict", "Python"), 5, 0),
    Part(
        "Store", "finds the system's root certificates in files", ("_store*", "_say"), ("Platforms", "Certificates", "Python"), 6, 0
    ),
    Part(
        "Platforms",
        "CryptoAPI and Security.framework",
        ("_platform", "_windows", "_crypt32", "_windows_roots", "_macos", "_security", "_osstatus", "_macos_roots"),
        ("Verdict", "Certificates"),
        7,
        0,
    ),
    Part("Verdict", "the question, the answer, the error", ("_verdict", "_verify_codes"), ("Certificates",), 8, 0),
    Part("OpenSSL, offline", "OpenSSL's verdict without a connection", ("_first_flight",), ("Python",), 8, 1),
    Part("Certificates", "reads DER; compares names", ("_der", "_names"), (), 9, 0),
    Part("Python", "CPython's private parts; locks that survive fork()", ("_stdlib", "_locks", "_late"), (), 9, 1),
)
BOTTOM = max(part.row for part in PARTS)


def part_of(module: str) -> Part:
    """`_store.pem` is of the part that names `_store*`. Raises LookupError for a module of none, or of several."""
    top = f"{module.partition('.')[0]}*"
    parts = [part for part in PARTS if module in part.modules or top in part.modules]
    if len(parts) != 1:
        raise LookupError(f"{module} is in {[part.name for part in parts]}")
    return parts[0]


def drawn() -> Iterator[tuple[Part, Part]]:
    """The imports that do not follow from others, but for those of the bottom row."""
    by_name = {part.name: part for part in PARTS}

    def reached(part: Part) -> set[str]:
        return {name for each in part.imports for name in (each, *reached(by_name[each]))}

    for part in PARTS:
        for name in part.imports:
            follows = any(name in reached(by_name[other]) for other in part.imports if other != name)
            if not follows and by_name[name].row != BOTTOM:
                yield part, by_name[name]


# -- the drawing ------------------------------------------------------------------------------------------------------------------------

WIDTH, HEIGHT, ACROSS, DOWN, MARGIN, BEND, LINE = 330, 84, 40, 34, 12, 16, 50
#: Of an arrow.
TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0 L8 4 L0 8 z"/></marker></defs>'
)


def svg() -> str:
    """The picture. Its colours are the page's."""
    wide, high = 2 * WIDTH + ACROSS + 2 * MARGIN, (BOTTOM + 1) * (HEIGHT + DOWN) - DOWN + 2 * MARGIN
    size = f'width="{wide}" height="{high}" viewBox="0 0 {wide} {high}"'
    lines = [
        f'<svg class="architecture" role="img" xmlns="http://www.w3.org/2000/svg" {size}>',
        "<title>The parts of truststore, and which import which</title>",
        TIP,
        *(_arrow(*each) for each in drawn()),
        *(line for part in PARTS for line in _box(part)),
        "</svg>",
    ]
    return "\n".join(lines)


def _box(part: Part) -> Iterator[str]:
    left, top = _corner(part)
    yield f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
    yield f'<text class="name" x="{left + 12}" y="{top + 22}">{escape(part.name)}</text>'
    for number, line in enumerate([*_folded(part.what), *_folded(", ".join(part.modules))]):
        kind = "what" if number < len(_folded(part.what)) else "modules"
        yield f'<text class="{kind}" x="{left + 12}" y="{top + 39 + 14 * number}">{escape(line)}</text>'


def _folded(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= LINE:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _corner(part: Part) -> tuple[int, int]:
    return MARGIN + part.column * (WIDTH + ACROSS), MARGIN + part.row * (HEIGHT + DOWN)


def _arrow(importer: Part, imported: Part) -> str:
    """Down from the importer; to the right and then down; or, by the gap between the columns, to the left."""
    (left, top), (to_left, to_top) = _corner(importer), _corner(imported)
    if importer.column == imported.column:
        path = f"M{left + WIDTH // 2} {top + HEIGHT} V{to_top}"
    elif importer.column < imported.column:
        y, to_x = top + HEIGHT * 3 // 4, to_left + WIDTH // 4
        path = f"M{left + WIDTH} {y} H{to_x - BEND} Q{to_x} {y} {to_x} {y + BEND} V{to_top}"
    else:
        y, to_y, gap = top + HEIGHT // 2, to_top + HEIGHT // 4, left - ACROSS // 2
        path = f"M{left} {y} Q{gap} {y} {gap} {y + BEND} V{to_y - BEND} Q{gap} {to_y} {to_left + WIDTH} {to_y}"
    return f'<path class="arrow" d="{path}" marker-end="url(#tip)"/>'
