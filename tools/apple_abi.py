"""Keep tests/macos/apple_sdk.json: what Apple's SDK says of the functions and constants that truststore declares.

    python tools/apple_abi.py            # compare the table with today's PyObjC; status 1 if it is out of date
    python tools/apple_abi.py --write    # bring it up to date
    python tools/apple_abi.py WHEEL...   # with wheels that are there already

PyObjC generates its metadata from Apple's headers, and its wheels carry it as Python source. They are fetched from PyPI with pip, and only
read: nothing of them is imported or executed. A function is described there in Objective-C's type encoding
(https://developer.apple.com/library/archive/documentation/Cocoa/Conceptual/ObjCRuntimeGuide/Articles/ocrtTypeEncodings.html).
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROJECT = Path(__file__).resolve().parent.parent
TABLE = PROJECT / "tests/macos/apple_sdk.json"
SOURCES = [PROJECT / "src/truststore" / name for name in ("_macos.py", "_macos_roots.py", "_osstatus.py", "_security.py")]
PACKAGES = ["pyobjc-framework-Security", "pyobjc-framework-Cocoa"]
FRAMEWORKS = ("CoreFoundation", "Security")

TYPES = {
    "v": "void", "c": "int8", "t": "int8", "C": "uint8", "Z": "uint8", "B": "uint8", "s": "int16", "S": "uint16", "i": "int32",
    "I": "uint32", "l": "int64", "q": "int64", "L": "uint64", "Q": "uint64", "f": "float", "d": "double", "@": "pointer", "#": "pointer",
    ":": "pointer", "?": "pointer", "*": "pointer to int8",
}  # fmt: skip
#: One type: qualifiers, then "^" for each pointer (which may be qualified, too), then what it is or points at.
TYPE = re.compile(r"[rnNoORVA]*(?P<pointers>(?:\^[rnNoORVA]*)*)(?P<base>\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|@\?|.)\d*")


def types(encoding: str) -> list[str]:
    """The types in an encoding, result first, in the words of the table."""
    found = []
    for match in TYPE.finditer(encoding):
        depth, base = match["pointers"].count("^"), match["base"]
        aggregate = base.startswith("{")
        if aggregate and not depth:
            found.append("struct")
            continue
        described = "pointer" if aggregate else TYPES[base[0]]
        depth -= aggregate
        if depth and described == "void":
            described, depth = "memory", depth - 1
        found.append("pointer to " * depth + described)
    return found


def value(node: ast.expr) -> Any:
    """A literal; of the choices by architecture, that of 64-bit ARM."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("sel32or64", "selAorI"):
        return value(node.args[node.func.id == "sel32or64"])
    if isinstance(node, ast.Dict):
        return {value(key): value(content) for key, content in zip(node.keys, node.values, strict=True) if key}
    if isinstance(node, ast.Tuple):
        return tuple(value(element) for element in node.elts)
    return ast.literal_eval(node)


def assigned(source: str, name: str) -> Iterator[ast.expr]:
    """What is assigned to `name`, or given to its update()."""
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == name:
            yield statement.value
        elif isinstance(statement, ast.Expr) and ast.unparse(statement.value).startswith(f"{name}.update("):
            yield statement.value.args[0]  # type: ignore[attr-defined]


def functions(source: str, framework: str) -> dict[str, list[Any]]:
    """Framework, result, arguments and what the caller must release, by name."""
    found = {}
    for node in assigned(source, "functions"):
        for name, (encoding, *more) in value(node).items():
            about = more[1] if len(more) > 1 else {}
            try:
                result, *arguments = types(encoding.decode())
            except KeyError:  # a vector or the like
                continue
            retained = result == "pointer" and about.get("retval", {}).get("already_cfretained")
            owned = ["result"] if retained else []
            for number, argument in sorted(about.get("arguments", {}).items()):
                owned += [f"argument {number}"] if argument.get("already_cfretained") else []
            found[name] = [framework, result, arguments, owned]
    return found


def constants(source: str) -> dict[str, int]:
    """The enumerations' values, by name."""
    texts = [value(node) for node in assigned(source, "enums")]
    pairs = [item.split("@") for text in texts if isinstance(text, str) for item in text.split("$") if "@" in item]
    return {name: int(number) for name, number in pairs if re.fullmatch(r"-?\d+", number)}


def objects(source: str, framework: str) -> dict[str, str]:
    """Where the constants are that point to an object, by name: those that are given no other type."""
    texts = [value(node) for node in assigned(source, "constants")]
    named = {item for text in texts for item in text.split("$") if item}
    return {name: framework for name in named if "@" not in name}


def metadata(wheels: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """(framework, source) of each piece of metadata in the wheels."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for framework in FRAMEWORKS:
                if f"{framework}/_metadata.py" in archive.namelist():
                    yield framework, archive.read(f"{framework}/_metadata.py").decode()


def fetch(folder: str) -> list[Path]:
    """Today's wheels. On which system makes no difference: they are for Macs, and not installed."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    subprocess.run(
        [*command, "--python-version", "313", "--platform", "macosx_11_0_universal2", "-d", folder, *PACKAGES], check=True
    )
    return sorted(Path(folder).glob("*.whl"))


def names() -> set[str]:
    """Whatever the sources call by a name that may be Apple's."""
    return set(
        re.findall(r"\b(?:CF|Sec|kCF|kSec|errSec|errSSL)\w+", "".join(source.read_text(encoding="utf-8") for source in SOURCES))
    )


def table(wheels: Iterable[Path]) -> str:
    """What apple_sdk.json should say, a line for each name."""
    known: dict[str, dict[str, Any]] = {"functions": {}, "constants": {}, "objects": {}}
    for framework, source in metadata(wheels):
        known["functions"].update(functions(source, framework))
        known["constants"].update(constants(source))
        known["objects"].update(objects(source, framework))
    wanted = names()
    sections = []
    for section, entries in known.items():
        lines = [f"  {json.dumps(name)}: {json.dumps(entries[name])}" for name in sorted(wanted & entries.keys())]
        sections.append(f' "{section}": {{\n' + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("wheels", nargs="*", type=Path, metavar="WHEEL")
    parser.add_argument("--write", action="store_true", help="bring the table up to date")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        today = table(options.wheels or fetch(folder))
    if options.write:
        TABLE.write_text(today, encoding="ascii")
    current = TABLE.read_text(encoding="ascii")
    lines = set(today.splitlines()) ^ set(current.splitlines())
    print("\n".join(sorted(lines)) or f"{TABLE.name} says what PyObjC says: {today.count(': ') - 2} names")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
