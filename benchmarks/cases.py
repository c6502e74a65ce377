"""The benchmarks: one function each, and the targets beside what they measure. Each yields the lines of the table that it fills."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import truststore

from . import stage
from .measure import PLAIN, Figure, Target, clock, drift, in_turns, median, ratios
from .stage import SocketWire, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .stage import Make, Stage

    Task = Callable[[Wire, int, int], float]

OURS, GATE, PEER = "truststore", "truststore, gate", "truststore 0.10.5 of PyPI"
AGAIN = "plain ssl against itself"
LOADED = "plain ssl, load_verify_locations()"


@dataclass
class Setting:
    """What the benchmarks are run with."""

    stage: Stage
    quick: bool
    peer: Path | None

    def rounds(self, number: int) -> int:
        return max(number // 10, 5) if self.quick else number

    def compared(
        self,
        benchmark: str,
        subjects: Mapping[str, Make],
        task: Callable[[Make], Callable[[], float]],
        rounds: int,
        targets: Mapping[str, Target] | None = None,
    ) -> Iterator[Figure]:
        """What `task` makes of each subject, against plain ssl. The peer, which takes long and empties caches, has a turn of its own."""
        times = in_turns(_each(task, subjects), self.rounds(rounds))
        yield from ratios(benchmark, times, targets)
        if self.peer:
            pair = {PLAIN: subjects[PLAIN], PEER: stage.peer(self.peer)}
            yield from ratios(benchmark, in_turns(_each(task, pair), self.rounds(rounds // 20)))


# -- Linux and the rest: OpenSSL verifies


def warm(setting: Setting) -> Iterator[Figure]:
    """A connection on a context that has loaded its store: wrap and handshake, the client's part of it."""
    subjects = {PLAIN: stage.plain, AGAIN: stage.plain, LOADED: _loaded(setting), OURS: stage.ours}
    targets = {OURS: Target.ratio(1.02)}
    yield from setting.compared("connection on a warm context", subjects, _connections(setting), 3000, targets)


def cold(setting: Setting) -> Iterator[Figure]:
    """A context and its first connection, where the hashed directory is proven to hold the bundle."""
    yield from _cold(setting, "hashed", "context and first connection, proven directory", Target.ratio(0.15))


def cold_bundle(setting: Setting) -> Iterator[Figure]:
    """A context and its first connection, where there is a bundle only."""
    yield from _cold(setting, "bundled", "context and first connection, bundle alone", Target.ratio(1.0))


def _cold(setting: Setting, system: str, name: str, target: Target) -> Iterator[Figure]:
    server = setting.stage.server_context()

    def first(make: Make) -> Callable[[], float]:
        def connect() -> float:
            begin = clock()
            context = make()
            making = clock() - begin
            return making + Wire(context, server).shake_hands().seconds

        return connect

    setting.stage.use(system)
    yield from setting.compared(name, {PLAIN: stage.plain, AGAIN: stage.plain, OURS: stage.ours}, first, 150, {OURS: target})


def memory(setting: Setting) -> Iterator[Figure]:
    """What a context keeps after its first connection: growth of the resident set, in a process of its own."""
    if not Path("/proc/self/statm").exists():
        print("memory: not measured, this system has no /proc/self/statm")
        return
    count = str(setting.rounds(400))
    for name, subject, target in (
        (OURS, "hashed:ours", Target(25, 75)),
        ("truststore, bundle alone", "bundled:ours", None),
        (PLAIN, "hashed:plain", None),
    ):
        used = float(_child("memory", subject, str(setting.stage.folder), count))
        yield Figure("memory of a context", name, used, unit="KiB", target=target)


def wrapping(setting: Setting) -> Iterator[Figure]:
    """`wrap_bio()` alone, on a context that has loaded its store. A sample is a hundred calls: one is too short to time."""
    setting.stage.use("hashed")
    server = setting.stage.server_context()

    def wrap(make: Make) -> Callable[[], float]:
        context = make()
        Wire(context, server).shake_hands()

        def hundred() -> float:
            ends = ssl.MemoryBIO(), ssl.MemoryBIO()
            begin = clock()
            for _ in range(100):
                context.wrap_bio(*ends, server_hostname=stage.HOST)
            return (clock() - begin) / 100

        return hundred

    subjects = {PLAIN: stage.plain, AGAIN: stage.plain, OURS: stage.ours, GATE: stage.gated}
    yield from setting.compared("wrap_bio()", subjects, wrap, 1000, {OURS: Target.ratio(1.1)})


def growth(setting: Setting) -> Iterator[Figure]:
    """Ten thousand handshakes on one context: the last tenth of them against the first."""
    count = max(setting.rounds(10_000), 1000)
    samples = in_turns(_each(_connections(setting), {PLAIN: stage.plain, OURS: stage.ours}), count)
    yield drift(f"last tenth of {count} handshakes against the first", OURS, samples, Target(1.02, 1.2))


def file_calls(setting: Setting) -> Iterator[Figure]:
    """System calls that take a file name, per handshake on a warm context. Two counts differ by the handshakes alone."""
    few, many = 5, 5 + setting.rounds(200)
    count, how = (_traced, "strace") if shutil.which("strace") else (_audited, "audit hook: Python's own calls alone")

    def calls(subject: str) -> float:
        return (count(setting, subject, many) - count(setting, subject, few)) / (many - few)

    reference = calls("hashed:plain")
    name = f"file system calls in a handshake ({how})"
    yield Figure(name, PLAIN, reference, unit="calls")
    yield Figure(name, OURS, calls("hashed:ours"), unit="calls", target=Target(reference, reference))
    yield Figure(name, "truststore, bundle alone", calls("bundled:ours"), unit="calls", target=Target(reference, reference))


def _traced(setting: Setting, subject: str, count: int) -> int:
    log = setting.stage.folder / "strace.log"
    tracer = ["strace", "-f", "-qq", "-e", "trace=%file", "-e", "signal=none", "-o", str(log)]
    _child("handshakes", subject, str(setting.stage.folder), str(count), prefix=tracer)
    return len(log.read_text("utf-8", "replace").splitlines())


def _audited(setting: Setting, subject: str, count: int) -> int:
    return int(_child("handshakes", subject, str(setting.stage.folder), str(count)))


def importing(setting: Setting) -> Iterator[Figure]:
    """What `import truststore` adds to `import ssl`, byte code at hand: a new interpreter each time."""
    code = (
        f"import ssl, sys; from time import {clock.__name__} as clock; sys.path.insert(0, sys.argv[1]);"
        "begin = clock(); import truststore; print(clock() - begin)"
    )
    places = {OURS: Path(truststore.__file__).parents[1]} | ({PEER: setting.peer} if setting.peer else {})

    env = _environment() | {
        "PYTHONPYCACHEPREFIX": str(setting.stage.folder / "bytecode")
    }  # written by the first round, which does not count
    env.pop("PYTHONDONTWRITEBYTECODE", None)

    def fresh(place: Path) -> Callable[[], float]:
        return lambda: float(subprocess.check_output([sys.executable, "-c", code, str(place)], env=env, text=True))

    samples = in_turns({name: fresh(place) for name, place in places.items()}, setting.rounds(100))
    for name, times in samples.items():
        value, error = median([1000 * time for time in times])
        yield Figure("import, beyond `import ssl`", name, value, error, "ms", Target(1.5, 4.5) if name == OURS else None)


def sockets(setting: Setting) -> Iterator[Figure]:
    """A connection over TCP to a server in another process, warm: connect, handshake, close. Time on the wall, the server's included."""
    setting.stage.use("hashed")
    command = [sys.executable, "-m", "benchmarks.child", "server", "", str(setting.stage.folder), ""]
    with subprocess.Popen(command, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        address = "127.0.0.1", int(server.stdout.readline())

        def connections(make: Make) -> Callable[[], float]:
            context = make()

            def connect() -> float:
                begin = time.perf_counter()
                with socket.create_connection(address, 10) as sock, context.wrap_socket(sock, server_hostname=stage.HOST):
                    return time.perf_counter() - begin

            return connect

        subjects = {PLAIN: stage.plain, AGAIN: stage.plain, LOADED: _loaded(setting), OURS: stage.ours, GATE: stage.gated}
        yield from setting.compared("connection over TCP, warm", subjects, connections, 1500)
        server.stdin.close()


# -- where the platform decides


def gate(setting: Setting) -> Iterator[Figure]:
    """A handshake through the gate with a verdict that costs nothing, against plain ssl that verifies, and that does not either."""
    for plain, name in ((stage.plain, "plain ssl verifies"), (stage.plain_without_trust, "nobody verifies")):
        subjects: dict[str, Make] = {PLAIN: plain, AGAIN: plain, GATE: stage.gated}
        samples = in_turns(_each(_connections(setting), subjects), setting.rounds(3000))
        yield from ratios(f"handshake through the gate, {name}", samples, {GATE: Target.ratio(1.03)})


def after_the_verdict(setting: Setting) -> Iterator[Figure]:
    """Writing and reading records of one byte and of 16 KiB, once the gate is open. A sample is a batch of records."""
    setting.stage.use("hashed")
    server = setting.stage.server_context()
    subjects: dict[str, Make] = {PLAIN: stage.plain, AGAIN: stage.plain, GATE: stage.gated}
    for place, wire in (("in memory", Wire), ("over sockets", SocketWire)):
        for size, batch in ((1, 100), (16 * 1024, 5)):
            for verb, task in (("write", _write), ("read", _read)):

                def records(
                    make: Make, wire: type[Wire] = wire, task: Task = task, size: int = size, batch: int = batch
                ) -> Callable[[], float]:
                    return partial(task, wire(stage.with_code_of_its_own(make()), server).shake_hands(), size, batch)

                samples = in_turns(_each(records, subjects), setting.rounds(1000))
                yield from ratios(f"{verb} of {size} byte{'s' * (size > 1)} {place}", samples, {GATE: Target.ratio(1.02)})


def _write(wire: Wire, size: int, batch: int) -> float:
    data, write = b"x" * size, wire.client.write
    begin = clock()
    for _ in range(batch):
        write(data)
    seconds = clock() - begin
    _drain(wire.server, size * batch)
    return seconds / batch


def _read(wire: Wire, size: int, batch: int) -> float:
    for _ in range(batch):
        wire.server.write(b"x" * size)
    read = wire.client.read
    begin = clock()
    for _ in range(batch):
        read(size)
    return (clock() - begin) / batch


def _drain(end: ssl.SSLObject | ssl.SSLSocket, size: int) -> None:
    while size:
        size -= len(end.read(size))


# -- in common


def _each(task: Callable[[Make], Callable[[], float]], subjects: Mapping[str, Make]) -> dict[str, Callable[[], float]]:
    return {name: task(make) for name, make in subjects.items()}


def _connections(setting: Setting) -> Callable[[Make], Callable[[], float]]:
    """Makes of a context a call that connects anew; it returns the client's time."""
    setting.stage.use("hashed")
    server = setting.stage.server_context()

    def connections(make: Make) -> Callable[[], float]:
        context = make()
        return lambda: Wire(context, server).shake_hands().seconds

    return connections


def _loaded(setting: Setting) -> Make:
    """Plain ssl without the lookup by URI that set_default_verify_paths() of OpenSSL 3 adds: the fairer comparison."""
    bundle = setting.stage.folder / "hashed" / stage.BUNDLE
    return lambda: ssl.create_default_context(cafile=bundle)


def _child(*arguments: str, prefix: list[str] | None = None) -> str:
    command = [*(prefix or []), sys.executable, "-m", "benchmarks.child", *arguments]
    return subprocess.run(command, env=_environment(), stdout=subprocess.PIPE, text=True, check=True).stdout


def _environment() -> dict[str, str]:
    """With this checkout's benchmarks and the truststore that is measured on the path."""
    places = Path(__file__).parents[1], Path(truststore.__file__).parents[1]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))}


WHERE_OPENSSL_VERIFIES = (warm, sockets, cold, cold_bundle, memory, wrapping, growth, file_calls)
EVERYWHERE = (importing, gate, after_the_verdict)
CASES: tuple[Callable[[Setting], Iterator[Figure]], ...] = (*WHERE_OPENSSL_VERIFIES, *EVERYWHERE)
