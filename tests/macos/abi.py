"""Apple's SDK in a table, and what of `_security` disagrees with it.

apple_sdk.json is made by tools/apple_abi.py from what PyObjC generates out of Apple's headers. A type is written as what it is for the
machine: "int32", "uint8", "double", "void", "pointer" (to what only Apple knows), "memory" (void *), "pointer to uint32".
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

TABLE = Path(__file__).with_name("apple_sdk.json")
#: Absent from PyObjC's metadata: a struct whose address alone is used, and a number that is in Apple's sources but no public header.
NOT_LISTED = {"kCFTypeArrayCallBacks", "errSecInternal"}
LIBRARIES = {"_core": "CoreFoundation", "_security": "Security"}


@dataclasses.dataclass(frozen=True)
class Function:
    """As the SDK has it. `owned`: what the caller must release, "result" or "argument N"."""

    framework: str
    result: str
    arguments: Sequence[str]
    owned: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Declaration:
    """As `_security` has it."""

    framework: str
    result: Any
    arguments: Sequence[Any]


def table() -> tuple[dict[str, Function], dict[str, int]]:
    """The SDK's functions and constants that the package names."""
    data = json.loads(TABLE.read_text(encoding="ascii"))
    functions = {name: Function(*row) for name, row in data["functions"].items()}
    return functions, data["constants"]


def objects() -> dict[str, str]:
    """The SDK's constants that point to an object, and the framework that each is in."""
    found: dict[str, str] = json.loads(TABLE.read_text(encoding="ascii"))["objects"]
    return found


def declared_objects(module: ModuleType) -> dict[str, str]:
    """Those that `_security` names."""
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    found = re.findall(r'^(\w+) = _object\((\w+), "(\w+)"', text, re.MULTILINE)
    return {name: LIBRARIES[library] for name, library, symbol in found if name == symbol}


def declarations(module: ModuleType) -> dict[str, Declaration]:
    """What `_security` declares, by name, as ctypes will use it."""
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    found = {}
    for name, library, symbol in re.findall(r'^(\w+) = _(?:declare|if_there)\((\w+), "(\w+)"', text, re.MULTILINE):
        assert name == symbol, f"{symbol} is declared under the name {name}"
        function = getattr(module, name)
        found[name] = Declaration(LIBRARIES[library], function.restype, tuple(function.argtypes))
    return found


def constants(declarations: ModuleType, policy: ModuleType) -> dict[str, int]:
    """The numbers that the package knows by a name of Apple's."""
    named = vars(declarations).items()
    found = {name: value for name, value in named if name.startswith(("kCF", "kSec", "errSec")) and name not in objects()}
    found.update((name, number) for table in (policy.ERRORS, policy.RESULTS) for number, (name, _) in table.items())
    found.update((text.partition(":")[0], number) for number, text in policy.NO_VERDICT.items())
    return {name: value for name, value in found.items() if name not in NOT_LISTED}


def kind(declared: Any) -> str:
    """The type that ctypes was told, in the words of the table; "text" for c_char_p."""
    if declared is None:
        return "void"
    if issubclass(declared, ctypes.c_char_p):
        return "text"
    if issubclass(declared, ctypes.c_void_p):
        return "pointer"
    if issubclass(declared, ctypes._Pointer):
        return f"pointer to {kind(declared._type_)}"
    if declared in (ctypes.c_float, ctypes.c_double):
        return "float" if declared is ctypes.c_float else "double"
    signed = declared(-1).value == -1 and declared is not ctypes.c_bool
    return f"{'' if signed else 'u'}int{8 * ctypes.sizeof(declared)}"


#: What else may stand for a type of C: an argument of bytes for the memory it points at; any pointer for one nobody looks through.
ALSO_ARGUMENT = {"memory": ("text", "pointer"), "pointer to int8": ("text",)}
ALSO_RESULT = {"memory": ("pointer",)}


def disagreements(name: str, declared: Declaration, sdk: dict[str, Function]) -> Iterator[str]:
    """What is wrong with a declaration, in words."""
    if name not in sdk:
        yield f"{name}: no such function in the SDK"
        return
    real = sdk[name]
    if declared.framework != real.framework:
        yield f"{name} lives in {real.framework}, not in {declared.framework}"
    if kind(declared.result) not in (real.result, *ALSO_RESULT.get(real.result, ())):
        yield f"{name} returns {real.result}, not {kind(declared.result)}"
    if len(declared.arguments) != len(real.arguments):
        yield f"{name} takes {len(real.arguments)} arguments, not {len(declared.arguments)}"
    for number, (expected, given) in enumerate(zip(real.arguments, declared.arguments, strict=False)):
        if kind(given) not in (expected, *ALSO_ARGUMENT.get(expected, ())):
            yield f"{name}: argument {number} is {expected}, not {kind(given)}"
