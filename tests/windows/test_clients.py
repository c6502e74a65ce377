"""Whole HTTP clients, against servers that the system's store, the program's own anchors, or nobody trusts."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import io
import os
import shutil
import ssl
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority, Certificate
from servers import Server

import truststore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from windows.watching import Calls

assert sys.platform == "win32"

HOST = "localhost"
BODY = b"hello"
TRUST = ["system", "own", "nobody"]


def respond(files: dict[str, tuple[str, bytes]], sock: Any) -> None:
    """One request of HTTP/1.1, then goodbye."""
    request = b""
    while b"\r\n\r\n" not in request:
        data = sock.recv(65536)
        if not data:
            return
        request += data
    path = request.split()[1].decode()
    kind, body = files.get(path, ("text/plain", BODY))
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    sock.sendall(head.encode() + body)


@pytest.fixture(scope="module")
def own() -> Authority:
    return Authority.new("Root of the program")


@pytest.fixture(scope="module")
def leaves(system_root: Authority, own: Authority) -> dict[str, Certificate]:
    issuers = {"system": system_root.authority(), "own": own.authority(), "nobody": Authority.new().authority()}
    return {trust: issuer.issue(HOST, "127.0.0.1") for trust, issuer in issuers.items()}


@pytest.fixture(params=TRUST)
def trust(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextlib.contextmanager
def serving(leaf: Certificate, files: dict[str, tuple[str, bytes]] | None = None) -> Iterator[str]:
    with Server(leaf.server_context(), lambda sock: respond(files or {}, sock)) as server:
        yield f"https://{HOST}:{server.port}/"


@pytest.fixture
def url(trust: str, leaves: dict[str, Certificate]) -> Iterator[str]:
    with serving(leaves[trust]) as url:
        yield url


@pytest.fixture
def context(own: Authority) -> ssl.SSLContext:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=own.der)
    return context


@pytest.fixture
def injected() -> Iterator[None]:
    truststore.inject_into_ssl()
    try:
        yield
    finally:
        truststore.extract_from_ssl()


def judge(trust: str, fetch: Callable[[], bytes], error: type[Exception], calls: Calls) -> None:
    """Windows is asked once, but not about whom the program's own root vouches for."""
    if trust != "nobody":
        assert fetch() == BODY
    else:
        with pytest.raises(error) as caught:
            fetch()
        assert "unable to get local issuer certificate" in str(list(causes(caught.value)))
    assert calls["CertGetCertificateChain"] == (0 if trust == "own" else 1)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it, by each library's ways."""
    while error is not None:
        yield error
        reason = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        error = error.__cause__ or error.__context__ or (reason if isinstance(reason, BaseException) else None)


def test_urllib3(trust: str, url: str, context: ssl.SSLContext, calls: Calls) -> None:
    import urllib3

    with urllib3.PoolManager(ssl_context=context, retries=False) as pool:
        judge(trust, lambda: pool.request("GET", url).data, urllib3.exceptions.SSLError, calls)


def test_requests(trust: str, url: str, own: Authority, injected: None, tmp_path: Path, calls: Calls) -> None:
    import requests

    (tmp_path / "own.pem").write_text(own.pem)
    judge(trust, lambda: requests.get(url, verify=str(tmp_path / "own.pem")).content, requests.exceptions.SSLError, calls)


def test_httpx(trust: str, url: str, context: ssl.SSLContext, calls: Calls) -> None:
    import httpx

    with httpx.Client(verify=context, trust_env=False) as client:
        judge(trust, lambda: client.get(url).content, httpx.ConnectError, calls)


@pytest.mark.parametrize("loop", [asyncio.SelectorEventLoop, asyncio.ProactorEventLoop])
def test_aiohttp(
    trust: str, url: str, context: ssl.SSLContext, loop: Callable[[], asyncio.AbstractEventLoop], calls: Calls
) -> None:
    import aiohttp

    async def fetch() -> bytes:
        async with aiohttp.ClientSession() as session, session.get(url, ssl=context) as response:
            return await response.read()

    def run() -> bytes:
        running = loop()
        try:
            asyncio.set_event_loop(running)
            return running.run_until_complete(fetch())
        finally:
            running.run_until_complete(running.shutdown_asyncgens())
            running.close()

    judge(trust, run, aiohttp.ClientConnectorCertificateError, calls)


# pip


def wheel() -> bytes:
    """demo 1.0, of one module."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("demo.py", "answer = 42\n")
        archive.writestr("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
        archive.writestr(
            "demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(
            "demo-1.0.dist-info/RECORD",
            "demo.py,,\ndemo-1.0.dist-info/METADATA,,\ndemo-1.0.dist-info/WHEEL,,\ndemo-1.0.dist-info/RECORD,,\n",
        )
    return content.getvalue()


def copy(folder: Path, to: Path) -> None:
    """By copyfile(): Wine 8 lacks what copy() calls."""
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("__pycache__"), copy_function=shutil.copyfile)


@pytest.fixture(scope="module")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of pip, with this package in place of the truststore that it carries."""
    folder = tmp_path_factory.mktemp("pip")
    installed = Path(str(importlib.metadata.distribution("pip").locate_file("pip")))
    copy(installed, folder / "pip")
    vendored = folder / "pip" / "_vendor" / "truststore"
    assert (vendored / "_api.py").exists(), "pip carries no truststore any more"
    shutil.rmtree(vendored)
    copy(Path(truststore.__file__).parent, vendored)
    return folder


@pytest.mark.timeout(180)
def test_pip(trust: str, leaves: dict[str, Certificate], own: Authority, pip: Path, tmp_path: Path) -> None:
    files = {
        "/simple/demo/": (
            "text/html",
            b'<html><body><a href="/demo-1.0-py3-none-any.whl">demo-1.0-py3-none-any.whl</a></body></html>',
        ),
        "/demo-1.0-py3-none-any.whl": ("application/zip", wheel()),
    }
    (tmp_path / "own.pem").write_text(own.pem)
    with serving(leaves[trust], files) as url:
        command = [
            sys.executable,
            "-m",
            "pip",
            "--isolated",
            "--no-cache-dir",
            "--disable-pip-version-check",
            "--retries=0",
            "install",
        ]
        options = [
            "--no-deps",
            "--target",
            str(tmp_path / "out"),
            "--index-url",
            url + "simple/",
            "--cert",
            str(tmp_path / "own.pem"),
            "demo",
        ]
        environment = {**os.environ, "PYTHONPATH": str(pip)}
        done = subprocess.run([*command, *options], env=environment, capture_output=True, text=True, timeout=150)
    output = done.stdout + done.stderr
    assert (tmp_path / "out" / "demo.py").exists() == (trust != "nobody"), output
    if trust == "nobody":
        assert "unable to get local issuer certificate" in output
