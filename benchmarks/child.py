"""What needs a process of its own: python -m benchmarks.child TASK SUBJECT FOLDER COUNT.

memory       KiB that each of COUNT contexts, which are kept, takes after its first handshake
handshakes   COUNT handshakes on one context, for somebody who watches from outside; or counts what Python's audit hook tells of files
server       a TLS server on 127.0.0.1: prints its port, and takes connections until its input ends
"""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def memory(subject: str, folder: str, count: str) -> float:
    from . import stage

    make = _made(subject, folder)
    server = stage.Stage(Path(folder)).server_context()

    def used() -> ssl.SSLContext:
        context = make()
        stage.Wire(context, server).shake_hands()
        return context

    kept = [used() for _ in range(50)]
    before = _resident()
    kept += [used() for _ in range(int(count))]
    return (_resident() - before) / (len(kept) - 50)


def _resident() -> float:
    """KiB of memory in use."""
    import resource

    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 1024


def handshakes(subject: str, folder: str, count: str) -> int:
    from . import stage

    context, server = _made(subject, folder)(), stage.Stage(Path(folder)).server_context()
    stage.Wire(context, server).shake_hands()
    calls = 0

    def hook(event: str, _arguments: tuple[object, ...]) -> None:
        nonlocal calls
        calls += event == "open" or event.startswith(("os.", "shutil.", "glob."))

    sys.addaudithook(hook)
    for _ in range(int(count)):
        stage.Wire(context, server).shake_hands()
    return calls


def _made(subject: str, folder: str) -> Callable[[], ssl.SSLContext]:
    from . import stage

    system, _, maker = subject.rpartition(":")
    stage.Stage(Path(folder)).use(system or "hashed")
    make: Callable[[], ssl.SSLContext] = getattr(stage, maker)
    return make


def server(_subject: str, folder: str, _count: str) -> None:
    import contextlib
    import socket
    import threading

    from . import stage

    context = stage.Stage(Path(folder)).server_context()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        print(listener.getsockname()[1], flush=True)

        def serve() -> None:
            while True:
                connection, _ = listener.accept()
                connection.settimeout(10)
                with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
                    tls.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        sys.stdin.read()


TASKS: dict[str, Callable[[str, str, str], object]] = {
    "memory": memory,
    "handshakes": handshakes,
    "server": server,
}

if __name__ == "__main__":
    task, *arguments = sys.argv[1:]
    result = TASKS[task](*arguments)
    if result is not None:
        print(result)
