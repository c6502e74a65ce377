"""What needs a process of its own: python -m benchmarks.child TASK FOLDER [SYSTEM SUBJECT COUNT].

first        seconds that the first connection of a process takes, after `import ssl`
memory       KiB that each of COUNT contexts, which are kept, takes after its first handshake
handshakes   COUNT handshakes on one context, for somebody who watches from outside; says what Python's audit hook told of files
server       a TLS server on 127.0.0.1: prints its port, and takes connections until its input ends
crowd        the same, for many connections at once
"""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .measure import clock
from .stage import Stage
from .wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable


def first(stage: Stage, system: str, subject: str, _count: str) -> float:
    stage.lead_plain(system)
    server = stage.server_context()
    begin = clock()
    if subject == "plain":
        context = ssl.create_default_context()
    else:
        import truststore

        stage.lead_ours(system)
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    making = clock() - begin
    return making + Wire(context, server).shake_hands().seconds


def memory(stage: Stage, system: str, subject: str, count: str) -> float:
    make, server = _maker(stage, system, subject), stage.server_context()

    def used() -> ssl.SSLContext:
        context = make()
        Wire(context, server).shake_hands()
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


def handshakes(stage: Stage, system: str, subject: str, count: str) -> int:
    context, server = _maker(stage, system, subject)(), stage.server_context()
    Wire(context, server).shake_hands()
    calls = 0

    def hook(event: str, _arguments: tuple[object, ...]) -> None:
        nonlocal calls
        calls += event == "open" or event.startswith(("os.", "shutil.", "glob."))

    sys.addaudithook(hook)
    for _ in range(int(count)):
        Wire(context, server).shake_hands()
    return calls


def _maker(stage: Stage, system: str, subject: str) -> Callable[[], ssl.SSLContext]:
    from . import subjects

    stage.lead(system)
    make: Callable[[], ssl.SSLContext] = getattr(subjects, subject)
    return make


def server(stage: Stage) -> None:
    import contextlib
    import socket
    import threading

    context = stage.server_context()
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


def crowd(stage: Stage) -> None:
    import asyncio
    import contextlib

    async def serve() -> None:
        listener = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=stage.server_context(), backlog=2000)
        print(listener.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # clients that have what they want go away at once
            await reader.read(1)
        writer.close()

    allow_many_connections()
    asyncio.run(serve())


def allow_many_connections() -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


TASKS: dict[str, Callable[..., object]] = {
    "first": first,
    "memory": memory,
    "handshakes": handshakes,
    "server": server,
    "crowd": crowd,
}

if __name__ == "__main__":
    task, folder, *arguments = sys.argv[1:]
    result = TASKS[task](Stage(Path(folder)), *arguments)
    if result is not None:
        print(result)
