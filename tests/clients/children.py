"""Children of other people's making, of programs that inject: `python -m clients.children`.

pytest-xdist, uvicorn, gunicorn and Celery, each as docs/usage.md says. `tests/test_children.py` has those of the standard library.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from . import environments
from .__main__ import SOURCES
from .proxies import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGES = ("pytest", "pytest-xdist", "uvicorn", "gunicorn", "celery")
OURS = "truststore._context"
PATIENCE = 120  # seconds

INJECT = "import os, ssl, truststore\ntruststore.inject_into_ssl()\n"
WSGI = """
import ssl
def application(environ, start_response):
    start_response("200 OK", [])
    return [ssl.SSLContext.__module__.encode()]
"""
ASGI = """
async def application(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": ssl.SSLContext.__module__.encode()})
"""
TASKS = """
from celery import Celery
folders = {name: os.path.join(os.getcwd(), name) for name in ("messages", "results", "control")}
for each in folders.values():
    os.makedirs(each, exist_ok=True)
app = Celery("tasks", broker="filesystem://", backend="file://" + folders["results"])
app.conf.broker_transport_options = {
    "data_folder_in": folders["messages"], "data_folder_out": folders["messages"], "control_folder": folders["control"]
}

@app.task
def whose():
    return ssl.SSLContext.__module__
"""
FILES = {
    "conftest.py": INJECT,
    "test_it.py": f"import ssl\ndef test_it(): assert ssl.SSLContext.__module__ == {OURS!r}\n",
    "injecting.py": INJECT + WSGI,
    "innocent.py": WSGI,
    "settings.py": INJECT,
    "asynchronous.py": INJECT + ASGI,
    "tasks.py": INJECT + TASKS,
}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="children")
    parser.add_argument("--environments", type=Path, help="a folder for the environment, to be kept")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in FILES.items():
            (folder / file).write_text(content)
        programs = environments.made((options.environments or folder) / "shared", PACKAGES)
        python = Program(str(programs / "python"), folder)
        whose = {
            "pytest-xdist, conftest.py": python.xdist(),
            "uvicorn --workers, the application": python.asked(
                "uvicorn", "--workers=2", "--port={port}", "asynchronous:application"
            ),
            "gunicorn, the application": python.asked("gunicorn", "--bind=127.0.0.1:{port}", "injecting:application"),
            "gunicorn --preload, the application": python.asked(
                "gunicorn", "--preload", "--bind=127.0.0.1:{port}", "injecting:application"
            ),
            "gunicorn, its settings": python.asked(
                "gunicorn", "--config=settings.py", "--bind=127.0.0.1:{port}", "innocent:application"
            ),
            "Celery, prefork": python.celery(),
        }
    for each, module in whose.items():
        print(f"{each}: {'injected' if module == OURS else module}")
    return 0 if set(whose.values()) == {OURS} else 1


class Program:
    """Python of an environment, in a folder."""

    def __init__(self, python: str, folder: Path) -> None:
        self.python, self.folder = python, folder
        self.variables = {**os.environ, "PYTHONPATH": f"{SOURCES}{os.pathsep}{folder}"}

    def output(self, *arguments: str) -> str:
        command = [self.python, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self.variables, capture_output=True, text=True, timeout=PATIENCE)
        return done.stdout.strip() if done.returncode == 0 else (done.stdout + done.stderr).strip()[-300:]

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        command = [self.python, "-m", *arguments]
        with subprocess.Popen(
            command, cwd=self.folder, env=self.variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    def xdist(self) -> str:
        said = self.output("-m", "pytest", "-q", "-n", "1", "test_it.py")
        return OURS if "1 passed" in said else said

    def asked(self, *arguments: str) -> str:
        """What a worker of a server says."""
        port = free_port()
        with self.running(*(argument.format(port=port) for argument in arguments)) as process:
            wait_for(port, process)
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as response:
                said: bytes = response.read()
                return said.decode()

    def celery(self) -> str:
        with self.running(
            "celery", "-q", "-A", "tasks", "worker", "-P", "prefork", "-c", "1", "--without-gossip", "--without-mingle"
        ):
            return self.output("-W", "ignore", "-c", f"import tasks; print(tasks.whose.delay().get(timeout={PATIENCE - 20}))")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
