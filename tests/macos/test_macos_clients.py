"""Whole clients on the simulator, unchanged, as on a Mac with truststore injected; and pip, which vendors a copy."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import certificates
import pytest
from macos import simulated
from macos.talking import web_server
from servers import HOST, PROXIES, TIMEOUT, VARIABLES

pytest.importorskip("aiohttp", reason="aiohttp is not installed")
pytest.importorskip("httpx", reason="httpx is not installed")
pytest.importorskip("requests", reason="requests is not installed")
pytest.importorskip("urllib3", reason="urllib3 is not installed")

import aiohttp
import httpx
import requests
import urllib3

import truststore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from certificates import Authority, Certificate
    from macos.simulated import Simulator


@pytest.fixture(scope="module")
def authority() -> Authority:
    return certificates.Authority.new()


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> Certificate:
    return authority.authority().issue(HOST)


@pytest.fixture
def mac(simulator: Simulator, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A system that trusts the authority, and truststore injected."""
    for name in (*VARIABLES, *PROXIES, *map(str.upper, PROXIES)):
        monkeypatch.delenv(name, raising=False)
    simulator.keychain(tmp_path / "keychain", admin=[authority])
    with simulated.contexts():
        truststore.inject_into_ssl()
        try:
            yield simulator
        finally:
            truststore.extract_from_ssl()


def with_urllib(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        return bytes(answer.read())


def with_urllib3(url: str) -> bytes:
    with urllib3.PoolManager(retries=False, timeout=TIMEOUT) as pool:
        return pool.request("GET", url).data


def with_requests(url: str) -> bytes:
    with requests.Session() as session:
        return session.get(url, timeout=TIMEOUT).content


def with_httpx(url: str) -> bytes:
    with httpx.Client(timeout=TIMEOUT) as client:
        return client.get(url).content


def with_aiohttp(url: str) -> bytes:
    async def get() -> bytes:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return await answer.read()

    return asyncio.run(get())


def with_asyncio(url: str) -> bytes:
    async def get() -> bytes:
        host, _, port = url.removeprefix("https://").rstrip("/").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port), ssl=ssl.create_default_context())
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer[-5:]

    return asyncio.run(get())


CLIENTS = [with_urllib, with_urllib3, with_requests, with_httpx, with_aiohttp, with_asyncio]


def reasons(error: BaseException | None) -> Iterator[BaseException]:
    """The errors inside an error, in whichever way a client hands them on."""
    while error is not None:
        yield error
        inner = [argument for argument in (*error.args, getattr(error, "reason", None)) if isinstance(argument, BaseException)]
        error = error.__cause__ or error.__context__ or (inner[0] if inner else None)


@pytest.mark.parametrize("get", CLIENTS)
def test_a_server_that_the_system_trusts(get: Callable[[str], bytes], mac: Simulator, leaf: Certificate) -> None:
    before = mac.evaluations
    with web_server(leaf) as server:
        assert get(f"https://localhost:{server.port}/") == b"hello"
    assert mac.evaluations == before + 1


@pytest.mark.parametrize("get", CLIENTS)
@pytest.mark.parametrize("wrong", ["name", "issuer"])
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # asyncio's transports of refused connections
def test_a_server_that_it_does_not(wrong: str, get: Callable[[str], bytes], mac: Simulator, authority: Authority) -> None:
    issuer = authority if wrong == "name" else certificates.Authority.new(key="p256")
    server_certificate = issuer.issue("other.test" if wrong == "name" else HOST)
    before = mac.evaluations
    with web_server(server_certificate) as server, pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED") as caught:
        get(f"https://localhost:{server.port}/")
    refused = [error for error in reasons(caught.value) if isinstance(error, ssl.SSLCertVerificationError)]
    if refused:  # not every client hands it on, but each its text
        assert {getattr(error, "verify_code", None) for error in refused} <= {62, 20, None}
    assert ("Hostname mismatch" if wrong == "name" else "unable to get local issuer certificate") in str(caught.value)
    assert mac.evaluations == before + 1


# --- pip

RUN_PIP = """
import sys
from pathlib import Path
sys.path[:0] = eval(sys.argv[1])
from macos import simulated
import pip._vendor.truststore as vendored
assert vendored.__file__.startswith(sys.argv[2])
simulator = simulated.Simulator(Path(sys.argv[3]))
simulator.security.sim_keychain(sys.argv[4].encode())
with simulated.frameworks(simulator, package=vendored), simulated.contexts(vendored):
    from pip._internal.cli.main import main
    status = main(sys.argv[5:])
print("evaluations:", simulator.evaluations)
sys.exit(status)
"""


@pytest.fixture(scope="module")
def pip_with_ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of pip whose vendored truststore is this one."""
    found = importlib.util.find_spec("pip")
    pip = Path(str(found.origin)).parent if found else Path("absent")
    if not (pip / "_vendor/truststore").exists():
        pytest.skip("this environment has no pip, or one from before 24.2, which vendors no truststore")
    folder = tmp_path_factory.mktemp("vendored")
    shutil.copytree(pip, folder / "pip", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(folder / "pip/_vendor/truststore")
    shutil.copytree(
        Path(truststore.__file__).parent, folder / "pip/_vendor/truststore", ignore=shutil.ignore_patterns("__pycache__")
    )
    return folder


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "stranger"])
def test_pip(trusted: bool, pip_with_ours: Path, built: Simulator, authority: Authority, leaf: Certificate, tmp_path: Path) -> None:
    built.keychain(tmp_path / "keychain", admin=[authority] if trusted else [certificates.Authority.new(key="p256")])
    libraries = str(Path(built.paths["Security"]).parent)
    with web_server(leaf) as server:
        url = f"https://localhost:{server.port}/simple"
        arguments = ["download", "--isolated", "--no-cache-dir", "--retries=0", "--disable-pip-version-check", "-i", url, "absent"]
        path = repr([str(pip_with_ours), *sys.path])
        command = [sys.executable, "-W", "ignore", "-c", RUN_PIP, path, str(pip_with_ours), libraries, str(tmp_path / "keychain")]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=50, cwd=tmp_path, check=False)
    assert "No matching distribution found for absent" in done.stderr
    assert "evaluations: 1" in done.stdout
    assert ("CERTIFICATE_VERIFY_FAILED" in done.stdout) == (not trusted)
