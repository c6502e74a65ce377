"""One of the rivals, alone in a process: python -m benchmarks.alone TASK RIVAL COUNT THREADS FOLDER SYSTEM PORT. Prints a number.

import       seconds to import `ssl` and what the rival needs
first        seconds to the end of the first connection, imports included
context      a context and its first connection, of COUNT after the first one
contexts     the same of COUNT, all of which are kept
memory       KiB that each of these keeps
connection   a connection, of COUNT on one context
wrap         a call of wrap_bio(), of COUNT on one context
threads      a connection over TCP to PORT, of COUNT by THREADS threads that share a context: seconds on the wall
loop         the same, of COUNT at once, by asyncio, beside one to a server that says nothing
byte         one byte written and read, of COUNT
mebibyte     one MiB written and read, of COUNT

Each number is the mean of COUNT: seconds of the processor, and in memory the client's part alone, where nothing else is said.
"""

from __future__ import annotations

from time import process_time as clock

_begin = clock()
import ssl  # noqa: E402 - before anything else has imported what it needs

IMPORTING_SSL = clock() - _begin

import os  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

from .rivals import BY_NAME  # noqa: E402
from .stage import Stage  # noqa: E402
from .wire import HOST, SocketWire, Wire  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .rivals import Rival
    from .subjects import Make

RECORD = bytes(16 * 1024)  # what a pair of sockets takes without waiting
RECORDS_OF_MIB = 64


class Setting:
    """Who is measured, and with what."""

    def __init__(self, rival: Rival, numbers: Sequence[str], stage: Stage, system: str) -> None:
        self.count, self.threads, self.port = map(int, numbers)
        self.server = stage.server_context()
        self.load: Callable[[], Make] = partial(rival.load, stage, system)

    def connected(self, context: ssl.SSLContext) -> float:
        """The client's seconds of one connection."""
        return Wire(context, self.server).shake_hands().seconds

    def warm(self) -> ssl.SSLContext:
        """A context that has connected."""
        context = self.load()()
        self.connected(context)
        return context


def importing(setting: Setting) -> float:
    begin = clock()
    setting.load()
    return IMPORTING_SSL + clock() - begin


def first(setting: Setting) -> float:
    begin = clock()
    context = setting.load()()
    return IMPORTING_SSL + clock() - begin + setting.connected(context)


def context(setting: Setting) -> float:
    make = setting.load()
    setting.connected(make())
    return _made_and_connected(setting, make)[0] / setting.count


def contexts(setting: Setting) -> float:
    return _made_and_connected(setting, setting.load())[0] / setting.count


def memory(setting: Setting) -> float:
    make = setting.load()
    kept = [*_made_and_connected(setting, make)[1]]
    before = _resident()
    kept += _made_and_connected(setting, make)[1]
    return (_resident() - before) / setting.count


def _made_and_connected(setting: Setting, make: Make) -> tuple[float, list[ssl.SSLContext]]:
    seconds, kept = 0.0, []
    for _ in range(setting.count):
        begin = clock()
        kept.append(make())
        seconds += clock() - begin + setting.connected(kept[-1])
    return seconds, kept


def _resident() -> float:
    """KiB of memory in use."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1024


def connection(setting: Setting) -> float:
    context = setting.warm()
    return sum(setting.connected(context) for _ in range(setting.count)) / setting.count


def wrap(setting: Setting) -> float:
    context, ends = setting.warm(), (ssl.MemoryBIO(), ssl.MemoryBIO())
    begin = clock()
    for _ in range(setting.count):
        context.wrap_bio(*ends, server_hostname=HOST)
    return (clock() - begin) / setting.count


def threads(setting: Setting) -> float:
    from concurrent.futures import ThreadPoolExecutor

    context = setting.warm()

    def connect(_number: int) -> None:
        with socket.create_connection(("127.0.0.1", setting.port), 60) as sock, context.wrap_socket(sock, server_hostname=HOST):
            pass

    with ThreadPoolExecutor(setting.threads) as pool:
        begin = time.perf_counter()
        list(pool.map(connect, range(setting.count)))
        return (time.perf_counter() - begin) / setting.count


def loop(setting: Setting) -> float:
    import asyncio

    from .child import allow_many_connections

    allow_many_connections()
    context = setting.warm()

    async def connect(port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=HOST)
        writer.close()

    async def connect_all() -> float:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            stalled = asyncio.ensure_future(connect(silent.getsockname()[1]))
            await asyncio.sleep(0.1)
            begin = time.perf_counter()
            await asyncio.gather(*(connect(setting.port) for _ in range(setting.count)))
            seconds = (time.perf_counter() - begin) / setting.count
            stalled.cancel()
            await asyncio.wait([stalled])
        return seconds

    return asyncio.run(connect_all())


def byte(setting: Setting) -> float:
    return _written_and_read(setting, b"x", setting.count) / setting.count


def mebibyte(setting: Setting) -> float:
    return _written_and_read(setting, RECORD, setting.count * RECORDS_OF_MIB) / setting.count


def _written_and_read(setting: Setting, data: bytes, times: int) -> float:
    wire = SocketWire(setting.warm(), setting.server).shake_hands()
    begin = clock()
    for _ in range(times):
        wire.client.write(data)
        left = len(data)
        while left:
            left -= len(wire.server.read(left))
    return clock() - begin


TASKS: dict[str, Callable[[Setting], float]] = {
    "import": importing,
    **{task.__name__: task for task in (first, context, contexts, memory, connection, wrap, threads, loop, byte, mebibyte)},
}


def main() -> None:
    task, name, count, threads, folder, system, port = sys.argv[1:]
    rival, stage = BY_NAME[name], Stage(Path(folder))
    rival.lead(stage, system, stage.folder / "rivals" / name)
    print(TASKS[task](Setting(rival, (count, threads, port), stage, system)))


if __name__ == "__main__":
    main()
