"""What is shipped, and what importing it costs: the promises to those who package and vendor truststore."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import truststore

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(truststore.__file__).resolve().parent
MODULES = sorted(PACKAGE.glob("**/*.py"))

each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)


def python(*arguments: str, folder: Path | None = None) -> str:
    """Run a new interpreter that sees nothing but the standard library and what is in `folder`; its output."""
    command = [sys.executable, "-I", "-W", "error", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def imports(path: Path) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, (ast.Import, ast.ImportFrom))]


# Vendoring


@each_module
def test_the_package_is_python_3_9(path: Path) -> None:
    ast.parse(path.read_text("utf-8"), feature_version=(3, 9))


@each_module
def test_annotations_are_never_evaluated(path: Path) -> None:
    """They are of today's syntax; the code is not."""
    code = ast.parse(path.read_text("utf-8"))
    annotated = any(isinstance(node, (ast.AnnAssign, ast.arg)) and node.annotation for node in ast.walk(code))
    assert not annotated or "annotations" in {name.name for node in imports(path) for name in node.names}


@each_module
def test_the_package_needs_itself_relatively_and_the_standard_library(path: Path) -> None:
    absolute = {node.module or "" for node in imports(path) if isinstance(node, ast.ImportFrom) and not node.level}
    absolute |= {name.name for node in imports(path) if isinstance(node, ast.Import) for name in node.names}
    known = sys.stdlib_module_names | {"_typeshed", "typing_extensions"}  # which type checkers alone import
    known |= {"sitecustomize"}  # which may be there, or not
    assert {name.partition(".")[0] for name in absolute} <= known


@pytest.fixture
def vendored(tmp_path: Path) -> Path:
    shutil.copytree(PACKAGE, tmp_path / "vendor" / "truststore", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "vendor" / "__init__.py").touch()
    return tmp_path


VENDORED = """
import sys
sys.path.insert(0, sys.argv[1])
import ssl
import vendor.truststore
context = vendor.truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
assert isinstance(context, ssl.SSLContext) and context.verify_mode is ssl.CERT_REQUIRED
stock = ssl.SSLContext
vendor.truststore.inject_into_ssl()
assert isinstance(ssl.create_default_context(), vendor.truststore.SSLContext)
vendor.truststore.extract_from_ssl()
assert ssl.SSLContext is stock
assert "truststore" not in sys.modules
"""


def test_it_works_under_another_name(vendored: Path) -> None:
    python("-c", VENDORED, str(vendored))


# What importing it costs

LOADED = """
import sys
sys.path.insert(0, sys.argv[1])
import ssl
before = set(sys.modules)
import truststore
print(*sorted(name for name in set(sys.modules) - before if name.partition(".")[0] != "truststore"))
"""


def test_importing_it_loads_nothing_but_itself() -> None:
    """Above all not typing, dataclasses, threading, contextlib, logging or ctypes: each costs as much as the package or more.

    Nor functools, which `ssl` of 3.14 does without.
    """
    assert set(python("-c", LOADED, str(PACKAGE.parent)).split()) <= {"__future__"}


# What is shipped


def build(kind: str, out: Path) -> Path:
    """Build with the backend alone: no isolation, so no network."""
    pytest.importorskip("flit_core", reason="the build backend is not installed")
    code = f"import sys, flit_core.buildapi as backend; print(backend.build_{kind}(sys.argv[1]))"
    return out / python("-W", "ignore", "-c", code, str(out), folder=ROOT).strip()


def test_the_wheel_carries_the_package_and_nothing_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(build("wheel", tmp_path)) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        metadata = next(wheel.read(name).decode() for name in wheel.namelist() if name.endswith("/METADATA"))
    sources = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "truststore").rglob("*") if path.is_file()}
    assert names == {name for name in sources if not name.endswith(".pyc")}  # Python 2, of a test, writes one beside its source
    assert "truststore/py.typed" in names
    assert not re.search(r"^Requires-Dist: (?!.*extra ==)", metadata, re.MULTILINE)


def test_the_sdist_carries_the_tests_and_all_they_need(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CITATION.cff",
        "CODE_OF_CONDUCT.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "noxfile.py",
        "pyproject.toml",
        ".ci/run",
    } <= names
    for folder, suffix in ("tests", ".py"), ("tools", ".py"), ("docs", ".md"), ("benchmarks", ".py"):
        assert {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).glob(f"*{suffix}")} <= names
    assert not [name for name in names if "__pycache__" in name or "_build" in name]


def test_the_citation_is_of_this_version() -> None:
    """And says what the metadata say, read line by line: Python 3.10 has a parser for neither."""
    citation, metadata = ((ROOT / name).read_text("utf-8") for name in ("CITATION.cff", "pyproject.toml"))
    for ours, theirs in ("version", "version"), ("abstract", "description"), ("repository-code", "Source"):
        [said] = re.findall(rf'^{ours}: (".*")$', citation, re.MULTILINE)
        assert f"\n{theirs} = {said}\n" in metadata
