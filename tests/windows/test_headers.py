"""Are the declarations of `_crypt32` those of wincrypt.h? mingw-w64's compilers compare them, for 32 and 64 bits. Runs on Linux.

The module is imported with a stand-in for WinDLL, which keeps the prototypes. From them and from the structures a C program is made
that states each size, offset, constant and parameter; it compiles if all of them are true.
"""

from __future__ import annotations

import ctypes
import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import truststore  # noqa: F401 - before the platform is disguised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

COMPILERS = {"win32": ("i686-w64-mingw32-gcc", 4), "win64": ("x86_64-w64-mingw32-gcc", 8)}

#: CERT_CHAIN_PARA grew with Windows 8, if one says so. wininet.h has the flags of the TLS policy.
PREAMBLE = """
#define _WIN32_WINNT 0x0602
#define NTDDI_VERSION 0x06020000
#define CERT_CHAIN_PARA_HAS_EXTRA_FIELDS
#include <stddef.h>
#include <stdint.h>
#include <windows.h>
#include <wincrypt.h>
#include <winerror.h>
#include <wininet.h>
#define SIGNED(T) ((T)-1 < 0)
#define IS_POINTER(T) (__builtin_classify_type((T)0) == 5)
#define STATE(what) _Static_assert(what, #what)
"""


class FakeFunction:
    restype: Any = ctypes.c_int
    argtypes: tuple[Any, ...] = ()


class FakeDLL:
    def __init__(self, name: str, use_last_error: bool = False) -> None:
        assert (name, use_last_error) == ("crypt32", True)
        self.functions: dict[str, FakeFunction] = {}

    def __getattr__(self, name: str) -> FakeFunction:
        return self.functions.setdefault(name, FakeFunction())


@pytest.fixture(scope="module")
def crypt32() -> ModuleType:
    with pytest.MonkeyPatch.context() as disguise:
        disguise.setattr(sys, "platform", "win32")
        disguise.setattr(ctypes, "WinDLL", FakeDLL, raising=False)
        module = importlib.import_module("truststore._crypt32")
    del sys.modules["truststore._crypt32"]
    return module


@pytest.fixture(params=COMPILERS)
def target(request: pytest.FixtureRequest) -> tuple[str, int]:
    compiler, pointer = COMPILERS[request.param]
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed: apt-get install gcc-mingw-w64-x86-64 gcc-mingw-w64-i686")
    return compiler, pointer


def structures(module: ModuleType) -> dict[str, type[ctypes.Structure]]:
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, ctypes.Structure) and name.isupper()
    }


def constants(module: ModuleType) -> dict[str, int | bytes]:
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, (int, bytes)) and re.match(r"[A-Z]|szOID", name) and name != "TYPE_CHECKING"
    }


def is_pointer(kind: Any) -> bool:
    return kind in (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_wchar_p) or issubclass(kind, ctypes._Pointer)


def is_signed(kind: Any) -> bool:
    return bool(kind(-1).value < 0)


def layout(kind: Any, pointer: int) -> tuple[int, int, dict[str, int]]:
    """Size, alignment and offsets of a type, as C has them where pointers have this size."""
    if is_pointer(kind):
        return pointer, pointer, {}
    if issubclass(kind, ctypes.Array):
        size, alignment, _ = layout(kind._type_, pointer)
        return size * kind._length_, alignment, {}
    if not issubclass(kind, ctypes.Structure):
        return ctypes.sizeof(kind), ctypes.sizeof(kind), {}
    end, alignment, offsets = 0, 1, {}
    for name, field, *_ in kind._fields_:
        size, aligned, _ = layout(field, pointer)
        offsets[name] = end = -(-end // aligned) * aligned
        end, alignment = end + size, max(alignment, aligned)
    return -(-end // alignment) * alignment, alignment, offsets


def compiles(statements: list[str], compiler: str, folder: Path) -> str:
    """What the compiler has against a program of these statements."""
    source = folder / "statements.c"
    source.write_text("\n".join([PREAMBLE, *statements]))
    done = subprocess.run([compiler, "-fsyntax-only", "-Wall", "-Werror", str(source)], capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def about_structures(module: ModuleType, pointer: int) -> Iterator[str]:
    for name, structure in structures(module).items():
        size, _, offsets = layout(structure, pointer)
        yield f"STATE(sizeof({name}) == {size});"
        for field, kind, *_ in structure._fields_:
            yield f"STATE(offsetof({name}, {field}) == {offsets[field]});"
            yield f"STATE(sizeof((({name} *)0)->{field}) == {layout(kind, pointer)[0]});"


def test_structures(crypt32: ModuleType, target: tuple[str, int], tmp_path: Path) -> None:
    compiler, pointer = target
    statements = list(about_structures(crypt32, pointer))
    assert len(statements) > 100
    assert compiles(statements, compiler, tmp_path) == ""


def test_this_layout_is_that_of_ctypes(crypt32: ModuleType) -> None:
    """The function above is right where ctypes can tell."""
    for structure in structures(crypt32).values():
        size, _, offsets = layout(structure, ctypes.sizeof(ctypes.c_void_p))
        assert size == ctypes.sizeof(structure)
        assert offsets == {field[0]: getattr(structure, field[0]).offset for field in structure._fields_}


def test_constants(crypt32: ModuleType, target: tuple[str, int], tmp_path: Path) -> None:
    statements = ["int main(void) {"]
    found = constants(crypt32)
    for name, value in found.items():
        if isinstance(value, bytes):
            statements.append(f'STATE(sizeof({name}) == {len(value) + 1} && !__builtin_strcmp({name}, "{value.decode()}"));')
        else:
            statements.append(f"STATE((uint32_t)(uintptr_t)({name}) == {value:#x}u);")
    assert len(found) > 50
    assert compiles([*statements, "return 0; }"], target[0], tmp_path) == ""


def prototypes(compiler: str, folder: Path) -> dict[str, list[str]]:
    """From the header: a function's name -> its result's and parameters' types."""
    source = folder / "header.c"
    source.write_text(PREAMBLE)
    text = subprocess.run([compiler, "-E", "-P", str(source)], check=True, capture_output=True, text=True).stdout
    pattern = (
        r"(\w+)\s+__attribute__\(\(__stdcall__\)\)\s+(Cert\w+)\s*\(([^()]*)\)\s*;"
        if "i686" in compiler
        else r"(\w+)\s+(Cert\w+)\s*\(([^()]*)\)\s*;"
    )
    found = {}
    for result, name, parameters in re.findall(pattern, text):
        found[name] = [result, *(re.sub(r"\b\w+$", "", parameter.strip()).strip() for parameter in parameters.split(","))]
    return found


def about_function(name: str, function: FakeFunction, types: list[str], pointer: int) -> Iterator[str]:
    declared = [function.restype, *function.argtypes]
    assert len(declared) == len(types), f"{name}: {len(types) - 1} parameters"
    for kind, theirs in zip(declared, types, strict=True):
        if kind is None:
            yield f"STATE(__builtin_types_compatible_p({theirs}, void));"
        elif is_pointer(kind):  # or a number of a pointer's size: HCRYPTPROV
            yield f"STATE(sizeof({theirs}) == {pointer});"
            yield f"STATE(IS_POINTER({theirs}) || __builtin_types_compatible_p({theirs}, ULONG_PTR));"
        else:
            yield f"STATE(sizeof({theirs}) == {ctypes.sizeof(kind)} && !IS_POINTER({theirs}));"
            yield f"STATE(SIGNED({theirs}) == {int(is_signed(kind))});"
        if isinstance(kind, type) and issubclass(kind, ctypes._Pointer) and issubclass(kind._type_, ctypes.Structure):
            yield f"STATE(__builtin_types_compatible_p(__typeof__(*({theirs})0), {kind._type_.__name__}));"


def test_prototypes(crypt32: ModuleType, target: tuple[str, int], tmp_path: Path) -> None:
    compiler, pointer = target
    theirs = prototypes(compiler, tmp_path)
    ours: dict[str, FakeFunction] = crypt32._dll.functions
    assert len(ours) >= 8
    statements = [line for name, function in ours.items() for line in about_function(name, function, theirs[name], pointer)]
    assert compiles(statements, compiler, tmp_path) == ""


@pytest.mark.parametrize("false", ["STATE(sizeof(CERT_CHAIN_PARA) == 1);", "STATE(CERT_TRUST_IS_REVOKED == 5);"])
def test_a_false_statement_does_not_compile(false: str, target: tuple[str, int], tmp_path: Path) -> None:
    assert "static assertion failed" in compiles([false], target[0], tmp_path)
