"""Which errors there are, and how each platform says them: read from the tables in the code, for the reference (`error_codes`)."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from truststore import _osstatus, _verify_codes
from truststore._cli.judged import diagnosis

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What nearly every refusal is.
USUAL = (*sorted(_verify_codes.UNKNOWN_ISSUER), 9, 10, 62, 64, 23, 28, 26, 66, 67, 68, 3, 50, 1)
PACKAGE = Path(__file__).resolve().parents[1] / "src" / "truststore"
READ = tuple(PACKAGE / name for name in ("_verify_codes.py", "_osstatus.py", "_windows.py", "_crypt32.py"))


class Said(NamedTuple):
    """How a platform says it, and what to do about it there alone."""

    platform: str
    names: tuple[str, ...]
    remedy: str


def codes(group: str) -> list[int]:
    strict = sorted(diagnosis.STRICT_CODES)
    others = [code for code in sorted(_verify_codes.REMEDIES) if code not in (*USUAL, *strict)]
    return {"usual": list(USUAL), "strict": strict, "others": others}[group]


def words(code: int) -> str:
    """The newest OpenSSL's, whichever is linked here."""
    newest = _verify_codes.OPENSSL_WORDS.copy()
    for newer in _verify_codes.NEWER_WORDS.values():
        newest |= newer
    return newest[code]


def platforms(code: int) -> list[Said]:
    """How Windows and macOS say what OpenSSL has this code for."""
    return [*(said for number, said in said_by_windows() if number == code), *_said_by_macos(code)]


def _said_by_macos(code: int) -> Iterator[Said]:
    for status, (name, number) in _osstatus.ERRORS.items():
        if code in _told_apart(number):
            yield Said("macOS", (f"{name} ({status})",), _osstatus.REMEDIES.get(status, ""))


def said_by_windows() -> Iterator[tuple[int, Said]]:
    """`FINDINGS` of `_windows`, which only Windows can import: read, not run."""
    numbers, constants = _assigned(PACKAGE / "_windows.py"), _assigned(PACKAGE / "_crypt32.py")
    for finding in _elements(PACKAGE / "_windows.py", "FINDINGS"):
        code, _bit, *hresults = finding.args
        names = tuple(each.attr for each in hresults if isinstance(each, ast.Attribute))
        remedy = "".join(str(ast.literal_eval(each.value)) for each in finding.keywords)
        said = Said("Windows", tuple(f"{name} (0x{constants[name]:08X})" for name in names), remedy)
        for number in _told_apart(numbers[code.id] if isinstance(code, ast.Name) else ast.literal_eval(code)):
            yield number, said


def _told_apart(code: int) -> tuple[int, ...]:
    """OpenSSL has two codes for what platforms have one word for: `_windows` and `_osstatus` say which of them it is."""
    return {10: (9, 10), 19: (18, 19), 62: (62, 64), 66: (66, 67)}.get(code, (code,))


def _elements(path: Path, table: str) -> Iterator[ast.Call]:
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == table and isinstance(node.value, ast.Tuple):
            yield from (each for each in node.value.elts if isinstance(each, ast.Call))


def _assigned(path: Path) -> dict[str, int]:
    """The numbers that a module's names stand for."""
    found: dict[str, int] = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign):
            names, values = (each.elts if isinstance(each, ast.Tuple) else [each] for each in (node.targets[0], node.value))
            for name, value in zip(names, values, strict=False):
                if isinstance(value, ast.Constant) and isinstance(value.value, int):
                    found[ast.unparse(name)] = value.value
    return found
