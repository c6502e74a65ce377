"""Every declaration, and the simulator's own, against what Apple's SDK says; and that no mistake in them goes unnoticed."""

from __future__ import annotations

import ctypes
import dataclasses
import importlib.util
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from macos import abi, simulated

from truststore import _osstatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from macos.simulated import Simulator

SDK, CONSTANTS = abi.table()
EVERY_KIND = [
    None, ctypes.c_int8, ctypes.c_ubyte, ctypes.c_bool, ctypes.c_int16, ctypes.c_int32, ctypes.c_uint32, ctypes.c_int64, ctypes.c_uint64,
    ctypes.c_double, ctypes.c_char_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_uint32),
    ctypes.POINTER(ctypes.c_uint64),
]  # fmt: skip


@pytest.fixture
def security(simulator: Simulator) -> ModuleType:
    from truststore import _security

    return _security


def test_every_function(security: ModuleType) -> None:
    declared = abi.declarations(security)
    assert declared.keys() == SDK.keys()
    assert [wrong for name, declaration in declared.items() for wrong in abi.disagreements(name, declaration, SDK)] == []


def test_nothing_is_called_undeclared(security: ModuleType) -> None:
    """Ctypes takes what it is not told for int: every function goes through one of the two lines that tell it."""
    loaded = {name for name, value in vars(security).items() if hasattr(value, "argtypes")}
    assert loaded == abi.declarations(security).keys()


def test_every_constant(security: ModuleType) -> None:
    known = abi.constants(security, _osstatus)
    assert len(known) > 40
    assert known == CONSTANTS


def test_every_object(security: ModuleType) -> None:
    assert abi.declared_objects(security) == abi.objects()
    assert all(getattr(security, name) for name in abi.objects())


def allowed(name: str, position: int | None, kind: Any) -> bool:
    """Whether another type is as good: no more than one other way to write each."""
    real = SDK[name]
    expected, also = (real.result, abi.ALSO_RESULT) if position is None else (real.arguments[position], abi.ALSO_ARGUMENT)
    return abi.kind(kind) in (expected, *also.get(expected, ()))


def mistakes(name: str, right: abi.Declaration) -> Iterator[abi.Declaration]:
    """All declarations that differ in one thing."""
    yield dataclasses.replace(right, framework={"Security": "CoreFoundation"}.get(right.framework, "Security"))
    yield dataclasses.replace(right, arguments=[*right.arguments, ctypes.c_void_p])
    yield dataclasses.replace(right, arguments=right.arguments[:-1])
    for kind in EVERY_KIND:
        if not allowed(name, None, kind):
            yield dataclasses.replace(right, result=kind)
        for position in range(len(right.arguments)):
            if not allowed(name, position, kind):
                arguments = [*right.arguments[:position], kind, *right.arguments[position + 1 :]]
                yield dataclasses.replace(right, arguments=arguments)


def test_every_planted_mistake_is_found(security: ModuleType) -> None:
    planted = 0
    for name, right in abi.declarations(security).items():
        for wrong in mistakes(name, right):
            assert list(abi.disagreements(name, wrong, SDK)), f"{name}: {wrong}"
            planted += 1
    assert planted > 1000
    assert list(abi.disagreements("SecTrustEvaluateWithHorror", right, SDK)) == [
        "SecTrustEvaluateWithHorror: no such function in the SDK"
    ]


@pytest.mark.parametrize("kind", [ctypes.c_uint32, ctypes.c_int64])
def test_the_peers_mistake(kind: Any, security: ModuleType) -> None:
    """CFOptionFlags are eight bytes, not four, and have no sign."""
    wrong = abi.Declaration("Security", ctypes.c_void_p, [kind])
    assert list(abi.disagreements("SecPolicyCreateRevocation", wrong, SDK)) == [
        f"SecPolicyCreateRevocation: argument 0 is uint64, not {abi.kind(kind)}"
    ]


def test_who_owns_results() -> None:
    """Create and Copy give away, Get lends: `_macos` relies on it, and takes the objects that come by argument."""
    for name, function in SDK.items():
        gives = bool(re.search("Create|Copy", name)) and function.result == "pointer"
        assert ("result" in function.owned) == gives, name
    by_argument = {name: function.owned for name, function in SDK.items() if any(what != "result" for what in function.owned)}
    assert by_argument == {
        "SecTrustCreateWithCertificates": ["argument 2"],
        "SecTrustEvaluateWithError": ["argument 1"],
        "SecTrustSettingsCopyCertificates": ["argument 1"],
        "SecTrustSettingsCopyTrustSettings": ["argument 2"],
    }


# --- the simulator

C_KINDS = {
    "void": "void", "CFIndex": "int64", "CFOptionFlags": "uint64", "OSStatus": "int32", "Boolean": "uint8", "unsigned char": "uint8",
    "SecTrustSettingsDomain": "uint32", "CFNumberType": "int64", "void *": "memory",
    "CFStringEncoding": "uint32", "CFTypeRef": "pointer", "CFTypeRef *": "pointer to pointer", "const CFTypeRef *": "pointer to pointer",
    "SecTrustResultType *": "pointer to uint32", "const unsigned char *": "memory", "const void *": "pointer", "char *": "pointer to int8",
}  # fmt: skip


def simulated_functions() -> Iterator[tuple[str, abi.Function]]:
    """The prototypes of the C sources."""
    for framework in simulated.FRAMEWORKS:
        source = (simulated.SOURCES / f"{framework.lower()}.c").read_text(encoding="utf-8")
        for result, name, arguments in re.findall(r"^EXPORT ([\w *]+?)\b((?:CF|Sec)\w+)\(([^)]*)\) \{", source, re.MULTILINE):
            kinds = [C_KINDS[re.sub(r"\w+$", "", argument.strip()).strip()] for argument in arguments.split(",")]
            yield name, abi.Function(framework, C_KINDS[result.strip()], kinds)


def test_the_simulator_has_the_same_prototypes() -> None:
    """Or it would agree with a mistake."""
    found = dict(simulated_functions())
    assert found.keys() == SDK.keys()
    for name, function in found.items():
        real = dataclasses.replace(SDK[name], owned=())
        if name == "CFStringCreateWithBytes":  # `const UInt8 *`, which PyObjC writes as characters
            real = dataclasses.replace(real, arguments=[real.arguments[0], "memory", *real.arguments[2:]])
        assert function == real, name


# --- the tool that makes the table


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = Path(__file__).parents[2] / "tools/apple_abi.py"
    spec = importlib.util.spec_from_file_location("apple_abi", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("v@", ["void", "pointer"]),
        ("B@o^@", ["uint8", "pointer", "pointer to pointer"]),
        ("i@o^I", ["int32", "pointer", "pointer to uint32"]),
        ("@Q", ["pointer", "uint64"]),
        ("Z^{__CFString=}^tqI", ["uint8", "pointer", "pointer to int8", "int64", "uint32"]),
        ("^{__CFData=}^{__CFAllocator=}^vq", ["pointer", "pointer", "memory", "int64"]),
        ("^{__CFArray=}^^{__CFError=}^{CFArrayCallBacks=q^?^?}", ["pointer", "pointer to pointer", "pointer"]),
        ("d{CGPoint=dd}", ["double", "struct"]),
        ("i^{outer={inner=i}q}l", ["int32", "pointer", "int64"]),
        ("v@?^^v", ["void", "pointer", "pointer to memory"]),
    ],
)
def test_encodings(encoding: str, expected: list[str], tool: ModuleType) -> None:
    assert tool.types(encoding) == expected


METADATA = '''
misc = {}
misc.update({"struct": objc.createStructType("x", b"{x=}", [])})
enums = """$errSecParam@-50$kSecRevocationOCSPMethod@1$errSecText@"abc"$"""
misc.update({})
constants = """$kCFAllocatorDefault@^{__CFAllocator=}$kSecPolicyOid$kSecUnrelated$"""
functions = {
    "SecPolicyCreateRevocation": (sel32or64(b"@L", b"@Q"), "", {"retval": {"already_cfretained": True}}),
    "SecTrustEvaluateWithError": (b"B@o^@", "", {"arguments": {1: {"already_cfretained": True}}}),
    "CFRelease": (b"v@",),
    "Unrelated": (b"v",),
}
'''


def test_metadata_becomes_a_table(tool: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "metadata", lambda wheels: [("Security", METADATA)])
    assert json.loads(tool.table([])) == {
        "functions": {
            "CFRelease": ["Security", "void", ["pointer"], []],
            "SecPolicyCreateRevocation": ["Security", "pointer", ["uint64"], ["result"]],
            "SecTrustEvaluateWithError": ["Security", "uint8", ["pointer", "pointer to pointer"], ["argument 1"]],
        },
        "constants": {"errSecParam": -50, "kSecRevocationOCSPMethod": 1},
        "objects": {"kSecPolicyOid": "Security"},
    }
