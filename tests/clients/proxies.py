"""Proxies: one that connects to this machine whatever name it is told, and mitmproxy, which looks into what it carries."""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from servers import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator


def connect(sock: Any) -> None:
    """Answer CONNECT, and carry what comes in either direction."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = sock.recv(1)
        if not part:
            return
        head += part
    verb, target, _ = head.split(b" ", 2)
    if verb != b"CONNECT":
        sock.sendall(b"HTTP/1.1 405 Not here\r\nContent-Length: 0\r\n\r\n")
        return
    with socket.create_connection(("127.0.0.1", int(target.rpartition(b":")[2])), TIMEOUT) as other:
        sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        carry_between(sock, other)


def carry_between(one: Any, other: socket.socket) -> None:
    """Until either ends."""
    while True:
        decrypted = getattr(one, "pending", int)()
        for end in [one] if decrypted else select.select([one, other], [], [], TIMEOUT)[0]:
            data = end.recv(65536)
            if not data:
                return
            (other if end is one else one).sendall(data)


@contextlib.contextmanager
def inspecting(mitmdump: Path, folder: Path, upstream: int) -> Iterator[tuple[str, Path]]:
    """mitmproxy: its URL, and the file of the authority by which it signs. It trusts any server, and connects by another proxy."""
    port = free_port()
    command = [str(mitmdump), "-q", "--mode", f"upstream:http://127.0.0.1:{upstream}", "--ssl-insecure", "--listen-port", str(port)]
    options = ["--listen-host", "127.0.0.1", "--set", f"confdir={folder}", "--set", "connection_strategy=lazy"]
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(port, process)
            yield f"http://127.0.0.1:{port}", folder / "mitmproxy-ca-cert.pem"
        finally:
            process.terminate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until it listens."""
    until = time.monotonic() + 180  # mitmproxy takes long on a busy machine
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on {port}")
