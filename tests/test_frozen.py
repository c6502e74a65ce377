"""Programs frozen by PyInstaller, cx_Freeze and Nuitka: what they carry is not the user's wish, what lies elsewhere is."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from certificates import Authority

if sys.platform == "win32":
    pytest.skip("the store as files is another system's", allow_module_level=True)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SOURCES = Path(__file__).parent.parent / "src"

#: Copies a bundle to several places and says, for each in SSL_CERT_FILE, what decides. There is nothing of the system's to find.
PROGRAM = """
import json, os, shutil, sys
from truststore._store.search import find

bundle = sys.argv[1]
own = getattr(sys, "_MEIPASS", None) or os.path.dirname(os.path.realpath(sys.executable))
folders = {"own": own, "in own": os.path.join(own, "test"), "beside": os.path.dirname(os.path.realpath(sys.executable))}
said = {}
for name, folder in folders.items():
    os.makedirs(folder, exist_ok=True)
    path = shutil.copy(bundle, os.path.join(folder, "cacert.pem"))
    said[name] = find(environ={"SSL_CERT_FILE": path}, compiled=("/nowhere/cert.pem", "/nowhere/certs"), platform="haiku").step
    os.remove(path)
said["elsewhere"] = find(environ={"SSL_CERT_FILE": bundle}, compiled=("/nowhere/cert.pem", "/nowhere/certs"), platform="haiku").step
print(json.dumps(said))
"""

#: The module of a tool, how it is called for `program.py`, the program it makes, and whether it unpacks itself elsewhere.
TOOLS = {
    "PyInstaller, one file": ("PyInstaller", ["--onefile", "--paths", str(SOURCES), "program.py"], "dist/program", True),
    "PyInstaller, one folder": ("PyInstaller", ["--onedir", "--paths", str(SOURCES), "program.py"], "dist/program/program", False),
    "cx_Freeze": ("cx_Freeze", ["build_exe", "--script", "program.py", "--target-dir", "dist"], "dist/program", False),
    "Nuitka": ("nuitka", ["--standalone", "--assume-yes-for-downloads", "program.py"], "program.dist/program.bin", False),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_what_it_carries_is_not_the_users_wish(tool: str, tmp_path: Path) -> None:
    module, arguments, program, unpacks_itself = TOOLS[tool]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "program.py").write_text(PROGRAM)
    bundle = tmp_path / "company.pem"
    bundle.write_text(Authority.new("Company", key="p256").pem)
    environ = {**os.environ, "PYTHONPATH": str(SOURCES)}
    command = [sys.executable, "-m", module, *arguments]
    made = subprocess.run(command, cwd=tmp_path / "build", env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert made.returncode == 0, made.stdout[-2000:]
    done = subprocess.run(
        [tmp_path / "build" / program, bundle], stdout=subprocess.PIPE, text=True, check=True, timeout=60, cwd=tmp_path
    )
    beside = "environment" if unpacks_itself else "private"
    assert json.loads(done.stdout) == {"own": "private", "in own": "private", "beside": beside, "elsewhere": "environment"}
