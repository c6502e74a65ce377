"""Pythons that are not CPython, or lack something: PyPy if there is one here, and what the others find is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from servers import Store, needs_openssl

import truststore

if TYPE_CHECKING:
    from certificates import Authority

PROGRAM = Path(__file__).with_name("other_python.py")
SOURCES = str(Path(truststore.__file__).parents[1])


def on_the_path(name: str) -> str:
    """Where it is; pyenv's stand-in for a Python that is not chosen is none."""
    path = shutil.which(name) or ""
    return path if path and subprocess.run([path, "-c", ""], check=False, capture_output=True).returncode == 0 else ""


#: `.ci/run` says where it is.
PYPY = os.environ.get("TRUSTSTORE_PYPY") or on_the_path("pypy3")

UNKNOWN_ISSUER = "unable to get local issuer certificate"
VERDICTS = ["trusted", UNKNOWN_ISSUER, "Hostname mismatch", "trusted", UNKNOWN_ISSUER, UNKNOWN_ISSUER]
SETTINGS = ["Cannot set verify_mode to CERT_NONE when check_hostname is enabled.", True, "TLSv1_2", "CERT_REQUIRED", True]
OUTCOMES = {
    "verdicts": VERDICTS,
    "verdicts of a bare context": VERDICTS,
    "unverified": ["trusted", "trusted"],
    "settings": SETTINGS,
    "served": ["trusted", "trusted", UNKNOWN_ISSUER],
    "lists": [[], 1, {"x509": 1, "crl": 0, "x509_ca": 1}],
    "injected": [True, "truststore._context", *VERDICTS, *SETTINGS],
    "without a connection": ["trusted", UNKNOWN_ISSUER],
    "gated": [*VERDICTS, [2], *SETTINGS],
}


@needs_openssl
@pytest.mark.parametrize(
    "python",
    [
        sys.executable,
        pytest.param(PYPY, marks=pytest.mark.skipif(not PYPY, reason="there is no pypy3 on the PATH, nor in TRUSTSTORE_PYPY")),
    ],
    ids=["this Python", "PyPy"],
)
def test_it_works(python: str, system: Store, root: Authority, tmp_path: Path) -> None:
    """By what this Python has issued: an intermediate's certificates, which come with it."""
    (tmp_path / "root.pem").write_text(root.pem, "ascii")
    for name, issuer in ("trusted", root.authority(key="p256")), ("stranger", type(root).new("Stranger").authority(key="p256")):
        (tmp_path / f"{name}.pem").write_text(issuer.issue("localhost", key="p256").chain_and_key(), "ascii")
    done = run(python, "-W", "error", str(PROGRAM), str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == OUTCOMES


def run(python: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": SOURCES}
    return subprocess.run([python, *arguments], env=environment, capture_output=True, text=True, timeout=50)


WITHOUT = {
    "Python built without OpenSSL, WASI": (
        "sys.modules['_ssl'] = None",
        "truststore needs the standard library's ssl module, which cannot be imported here",
    ),
    "Pyodide without its package ssl": (
        "sys.modules['ssl'] = None",
        "truststore needs the standard library's ssl module, which cannot be imported here",
    ),
    "Pyodide, whose _ssl is a stub": ("import _ssl; del _ssl._SSLSocket", "has no _ssl._SSLSocket"),
    "an older PyPy": (
        "import _ssl; _ssl._SSLSocket = type('_SSLSocket', (), {'do_handshake': None, 'getpeercert': None})",
        "has no _SSLSocket.get_unverified_chain",
    ),
    "no other form than PEM": ("import _ssl; del _ssl.ENCODING_DER", "has no _ssl.ENCODING_DER"),
}


@pytest.mark.parametrize(("lacking", "said"), WITHOUT.values(), ids=WITHOUT)
def test_what_is_missing_is_said(lacking: str, said: str) -> None:
    done = run(sys.executable, "-c", f"import sys; {lacking}; import truststore")
    assert done.returncode == 1
    assert "direct cause" in done.stderr
    *_, last = done.stderr.strip().splitlines()
    assert last.startswith("ImportError: truststore needs ") and last.endswith(said)


#: As PyPy's: written in Python, so a context's own properties are asked, and its module is another.
PYPYS = """
import sys, types, _ssl
elsewhere = types.ModuleType("elsewhere")
original = _ssl._SSLContext

class _SSLContext(original):
    __slots__ = ()
    __module__ = "elsewhere"

    @property
    def verify_mode(self):
        return original.verify_mode.__get__(self)

    @verify_mode.setter
    def verify_mode(self, mode):
        if not mode and self.check_hostname:
            raise ValueError("asked the wrong one")
        self._set_verify_mode(mode)

    def _set_verify_mode(self, mode):
        original.verify_mode.__set__(self, mode)

vars(elsewhere).update(_SSLSocket=_ssl._SSLSocket, _SSLContext=_SSLContext)
sys.modules["elsewhere"] = elsewhere
_ssl._SSLContext = _SSLContext
del _ssl._SSLSocket
import ssl, warnings, truststore
warnings.simplefilter("ignore")
context = truststore.SSLContext()
context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
context.verify_mode = ssl.CERT_NONE
context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
try:
    context.verify_mode = ssl.CERT_NONE
except ValueError as error:
    print(error)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
print(context.verify_mode.name)
"""


@needs_openssl
def test_an_ssl_module_like_pypys(system: Store) -> None:
    done = run(sys.executable, "-c", PYPYS)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [SETTINGS[0], "CERT_NONE"]
