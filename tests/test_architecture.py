"""docs/architecture.py, from which the picture is drawn, is what the modules import: none is missing, and there is no cycle."""

from __future__ import annotations

import ast
import graphlib
import runpy
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "truststore"
architecture = SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "architecture.py")))


def module_name(path: Path) -> str:
    *packages, name = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(packages if packages and name == "__init__" else [*packages, name])


MODULES = {module_name(path): path for path in SOURCE.rglob("*.py")}


def is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def relative_imports(node: ast.AST) -> Iterator[ast.ImportFrom]:
    """At whatever depth, but for those that never run."""
    if isinstance(node, ast.ImportFrom) and node.level:
        yield node
    below = node.orelse if is_for_type_checkers(node) and isinstance(node, ast.If) else ast.iter_child_nodes(node)
    for each in below:
        yield from relative_imports(each)


@cache
def imported_by(name: str) -> set[str]:
    path = MODULES[name]
    found = set()
    for node in relative_imports(ast.parse(path.read_text("utf-8"))):
        package = path.parents[node.level - 1].relative_to(SOURCE).parts
        module = [*package, *(node.module.split(".") if node.module else [])]
        for alias in node.names:
            candidates = ".".join([*module, alias.name]), ".".join(module), "__init__"
            found.add(next(each for each in candidates if each in MODULES))
    return found - {name}


def test_every_module_is_in_one_part() -> None:
    assert all(architecture.part_of(name) for name in MODULES)
    named = {name for part in architecture.PARTS for name in part.modules}
    assert named <= {*MODULES, *(f"{name}*" for name in MODULES)}


def test_parts_import_what_is_described() -> None:
    real: dict[str, set[str]] = {part.name: set() for part in architecture.PARTS}
    for name in MODULES:
        own = architecture.part_of(name).name
        real[own] |= {architecture.part_of(each).name for each in imported_by(name)} - {own}
    assert real == {part.name: set(part.imports) for part in architecture.PARTS}


def test_imports_run_one_way() -> None:
    """Within functions, too: of modules, and of parts, none of which imports what is drawn above it."""
    graphlib.TopologicalSorter({name: imported_by(name) for name in MODULES}).prepare()
    rows = {part.name: part.row for part in architecture.PARTS}
    assert all(rows[part.name] < rows[name] for part in architecture.PARTS for name in part.imports)


def test_the_picture_shows_every_part_and_module() -> None:
    picture = architecture.svg()
    assert all(name in picture for part in architecture.PARTS for name in (part.name, *part.modules))
    assert picture.count('class="arrow"') == len(list(architecture.drawn()))
