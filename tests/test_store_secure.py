"""Whether the environment is to be believed: as the kernel said at exec, whatever the process has done to its user since."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import truststore
from truststore import _platform
from truststore._store import secure

if sys.platform != "linux":
    pytest.skip("the kernel's vector is Linux's", allow_module_level=True)

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def vector(*pairs: tuple[int, int]) -> bytes:
    return b"".join(struct.pack("LL", *pair) for pair in pairs)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (vector((6, 4096), (23, 0), (0, 0)), False),
        (vector((6, 4096), (23, 1), (0, 0)), True),
        (vector((23, 2)), True),
        (vector((6, 23), (0, 0)), None),
        (b"", None),
        (vector((23, 1))[:-1], None),
    ],
)
def test_the_vector(content: bytes, expected: bool | None, tmp_path: Path) -> None:
    (tmp_path / "auxv").write_bytes(content)
    assert _platform.said_at_exec(str(tmp_path / "auxv")) is expected


def test_no_vector(tmp_path: Path) -> None:
    assert _platform.said_at_exec(str(tmp_path / "missing")) is None
    assert _platform.said_at_exec(str(tmp_path)) is None


def test_here() -> None:
    assert _platform.said_at_exec("/proc/self/auxv") is secure._asked_of_the_library() is secure.is_secure() is False


def test_without_proc_the_library_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_platform, "AT_EXEC", None)
    for answer in True, False:
        monkeypatch.setattr(secure, "_asked_of_the_library", lambda answer=answer: answer)
        assert secure.is_secure() is answer


@pytest.mark.parametrize("error", [ImportError, OSError, AttributeError])
def test_without_either_the_ids_tell(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> bool:
        raise error

    monkeypatch.setattr(_platform, "AT_EXEC", None)
    monkeypatch.setattr(secure, "_asked_of_the_library", fails)
    assert not secure.is_secure()
    monkeypatch.setattr(os, "getegid", lambda: os.getgid() + 1)
    assert secure.is_secure()


def test_a_change_of_user_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert not secure.is_secure()


def run(python: str, code: str, folder: Path, user: int | None = None) -> str:
    environ = {"SSL_CERT_FILE": "/somebody/elses.pem", "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n{code}"
    done = subprocess.run(
        [python, "-c", code], env=environ, stdout=subprocess.PIPE, text=True, timeout=60, cwd="/", check=True, user=user, group=user
    )
    return done.stdout.strip()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Where anybody may read it."""
    folder = tmp_path.resolve()
    shutil.copytree(Path(truststore.__file__).parent, folder / "truststore", ignore=shutil.ignore_patterns("__pycache__"))
    for each in (folder, *folder.parents):
        if each.name.startswith(("pytest-", "test_", "popen-")):
            each.chmod(0o755)
    return folder


@needs_root
@pytest.mark.parametrize("when", ["before the import", "after it", "after it, without ctypes"])
def test_a_daemon_that_gives_up_root_keeps_its_variables(when: str, package: Path) -> None:
    """Its own /proc is closed to it then. Importing the package is enough: the store is looked for as late as at a connection."""
    steps = ["import binascii, ctypes, importlib, re, truststore"]  # as nobody may not read this Python's library
    steps += [f"import os; os.seteuid({NOBODY})"]
    steps += (
        ["importlib.reload(truststore._platform)", "assert truststore._platform.AT_EXEC is None"]
        if when == "before the import"
        else []
    )
    steps += ["sys.modules['ctypes'] = None"] if "ctypes" in when else []
    steps += ["from truststore._store import search", "print('SSL_CERT_FILE' in search._environ())"]
    assert run(sys.executable, "\n".join(steps), package) == "True"


@needs_root
@pytest.mark.parametrize("bit", [0o4755, 0o2755])
def test_a_program_with_its_owners_rights_does_not_believe_its_caller(bit: int, package: Path) -> None:
    """In earnest, with a copy of the system's Python."""
    python = os.path.realpath("/usr/bin/python3")
    if not os.path.exists(python):
        pytest.skip("no Python that anybody may use")
    copied = package / "python"
    shutil.copy(python, copied)
    os.chown(copied, 1, 1)
    copied.chmod(bit)
    code = "import os; from truststore._store.search import _environ\n"
    code += "print(os.getresuid()[2], os.getresgid()[2], 'SSL_CERT_FILE' in _environ())"
    try:
        *ids, believed = run(str(copied), code, package, NOBODY).split()
    except subprocess.CalledProcessError:
        pytest.skip("the system's Python does not run from elsewhere, or cannot read this package")
    if "1" not in ids:
        pytest.skip("the file system ignores the bit")
    assert believed == "False"
    copied.chmod(0o755)
    assert run(str(copied), code, package, NOBODY).endswith("True")
