"""The benchmarks: one function each, with its target. Each yields the lines of the table that it fills."""

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

from .measure import PLAIN, Figure, Target, clock, drift, in_turns, ratios
from .stage import BUNDLED, HASHED
from .subjects import gated, ours, peer, plain, plain_without_trust, with_code_of_its_own
from .wire import HOST, SocketWire, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .stage import Stage
    from .subjects import Make

    #: Makes of a subject what is run in turns, and tells seconds.
    Task = Callable[[Make], Callable[[], float]]

OURS, GATE, PEER = "truststore", "truststore, gate", "truststore 0.10.5 of PyPI"
AGAIN = "plain ssl against itself"
LOADED = "plain ssl, load_verify_locations()"
OURS_BUNDLE = "truststore, bundle alone"


@dataclass
class Setting:
    """What the benchmarks are run with."""

    stage: Stage
    quick: bool
    peer: Path | None

    def rounds(self, number: int) -> int:
        return max(number // 10, 5) if self.quick else number

    def compared(
        self, name: str, subjects: Mapping[str, Make], task: Task, rounds: int, targets: Mapping[str, Target] | None = None
    ) -> Iterator[Figure]:
        """Each subject against plain ssl. The peer, which takes long and empties the caches, has turns of its own."""
        yield from ratios(name, in_turns(_each(task, subjects), self.rounds(rounds)), targets)
        if self.peer:
            pair = {PLAIN: subjects[PLAIN], PEER: peer(self.peer)}
            yield from ratios(name, in_turns(_each(task, pair), self.rounds(rounds // 20)))


# -- where OpenSSL verifies: Linux and the rest


def warm(setting: Setting) -> Iterator[Figure]:
    """A connection on a context that has loaded its store: wrap and handshake, the client's part of it."""
    subjects = {PLAIN: plain, AGAIN: plain, LOADED: _loaded(setting), OURS: ours}
    targets = {OURS: Target.ratio(1.02)}
    yield from setting.compared("connection on a warm context", subjects, _connections(setting), 3000, targets)


def sockets(setting: Setting) -> Iterator[Figure]:
    """A connection over TCP to a server in another process, warm: connect, handshake, close. Time on the wall, the server's included."""
    setting.stage.lead(HASHED)
    command = _python_child("server", setting)
    with subprocess.Popen(command, env=_environment(setting), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        address = "127.0.0.1", int(server.stdout.readline())

        def connections(make: Make) -> Callable[[], float]:
            context = make()

            def connect() -> float:
                begin = time.perf_counter()
                with socket.create_connection(address, 10) as sock, context.wrap_socket(sock, server_hostname=HOST):
                    return time.perf_counter() - begin

            return connect

        subjects = {PLAIN: plain, AGAIN: plain, LOADED: _loaded(setting), OURS: ours, GATE: gated}
        yield from setting.compared("connection over TCP, warm", subjects, connections, 1500)
        server.stdin.close()


def cold(setting: Setting) -> Iterator[Figure]:
    """A context and its first connection, where the hashed directory is proven to hold the bundle."""
    yield from _cold(setting, HASHED, "context and first connection, proven directory", Target.ratio(0.15))


def cold_bundle(setting: Setting) -> Iterator[Figure]:
    """A context and its first connection, where there is a bundle only."""
    yield from _cold(setting, BUNDLED, "context and first connection, bundle alone", Target.ratio(1.0))


def _cold(setting: Setting, system: str, name: str, target: Target) -> Iterator[Figure]:
    server = setting.stage.server_context()

    def first(make: Make) -> Callable[[], float]:
        def connect() -> float:
            begin = clock()
            context = make()
            making = clock() - begin
            return making + Wire(context, server).shake_hands().seconds

        return connect

    setting.stage.lead(system)
    yield from setting.compared(name, {PLAIN: plain, AGAIN: plain, OURS: ours}, first, 150, {OURS: target})


def first_of_a_process(setting: Setting) -> Iterator[Figure]:
    """The first connection of a new process, after `import ssl`: for truststore with its import, and the proof or the bundle's count."""

    def start(system: str, subject: str) -> Callable[[], float]:
        return lambda: float(_output("first", setting, system, subject, "1"))

    calls = {
        PLAIN: start(HASHED, "plain"),
        AGAIN: start(HASHED, "plain"),
        OURS: start(HASHED, "ours"),
        OURS_BUNDLE: start(BUNDLED, "ours"),
    }
    yield from ratios("first connection of a process", in_turns(calls, setting.rounds(50)))


def instructions(setting: Setting) -> Iterator[Figure]:
    """Instructions of a whole process with one connection, counted by valgrind: no clock, so no chance."""
    if not shutil.which("valgrind"):
        print("instructions: not measured, there is no valgrind on the PATH")
        return
    bundle, directory = str(setting.stage.bundle(BUNDLED)), str(setting.stage.bundle(HASHED).parent)
    for name, store, most in (
        ("bundle alone", {"SSL_CERT_FILE": bundle, "SSL_CERT_DIR": ""}, 1.10),
        ("hashed directory alone", {"SSL_CERT_FILE": "", "SSL_CERT_DIR": directory}, 1.15),
    ):
        counts = {how: _instructions(setting, how, store) for how in ("plain", "ours", "injected")}
        for how, subject, target in (("ours", OURS, Target(most, most)), ("injected", f"{OURS}, injected", None)):
            note = f"{counts[how] / 1e6:.1f} against {counts['plain'] / 1e6:.1f} million"
            value = counts[how] / counts["plain"]
            yield Figure(f"instructions of a process with one connection, {name}", subject, value, target=target, note=note)


def _instructions(setting: Setting, how: str, store: dict[str, str]) -> int:
    program = [sys.executable, str(Path(__file__).with_name("first.py")), how, str(setting.stage.folder / "server.pem")]
    environment = _environment(setting) | store | {"PYTHONHASHSEED": "0"}
    subprocess.run(program, env=environment, check=True)  # byte code is written, and the interpreter is in the memory
    counter = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}", *program]
    said = subprocess.run(counter, env=environment, stderr=subprocess.PIPE, text=True, check=True).stderr
    return int(said.rpartition("Collected :")[2].split()[0])


def memory(setting: Setting) -> Iterator[Figure]:
    """What a context keeps after its first connection: growth of the resident set, in a process of its own."""
    if not Path("/proc/self/statm").exists():
        print("memory: not measured, this system has no /proc/self/statm")
        return
    for name, system, subject, target in (
        (OURS, HASHED, "ours", Target(25, 75)),
        (OURS_BUNDLE, BUNDLED, "ours", None),
        (PLAIN, HASHED, "plain", None),
    ):
        used = float(_output("memory", setting, system, subject, str(setting.rounds(400))))
        yield Figure("memory of a context", name, used, unit="KiB", target=target)


def wrapping(setting: Setting) -> Iterator[Figure]:
    """`wrap_bio()` alone, on a context that has loaded its store. A sample is a hundred calls: one is too short to time.

    What stands before the C object until the handshake is over, to explain a refusal, costs a part of it: to the connection nothing.
    """
    setting.stage.lead(HASHED)
    server = setting.stage.server_context()

    def wrap(make: Make) -> Callable[[], float]:
        context = make()
        Wire(context, server).shake_hands()

        def hundred() -> float:
            ends = ssl.MemoryBIO(), ssl.MemoryBIO()
            begin = clock()
            for _ in range(100):
                context.wrap_bio(*ends, server_hostname=HOST)
            return (clock() - begin) / 100

        return hundred

    subjects = {PLAIN: plain, AGAIN: plain, OURS: ours, GATE: gated}
    yield from setting.compared("wrap_bio()", subjects, wrap, 1000, {OURS: Target.ratio(1.25)})


def growth(setting: Setting) -> Iterator[Figure]:
    """Ten thousand handshakes on one context: the last tenth of them against the first."""
    count = max(setting.rounds(10_000), 1000)
    samples = in_turns(_each(_connections(setting), {PLAIN: plain, OURS: ours}), count)
    yield drift(f"last tenth of {count} handshakes against the first", OURS, samples, Target(1.02, 1.2))


def file_calls(setting: Setting) -> Iterator[Figure]:
    """System calls that take a file name, per handshake on a warm context. Two counts differ by the handshakes alone."""
    few, many = 5, 5 + setting.rounds(200)
    count, how = (_traced, "strace") if shutil.which("strace") else (_audited, "audit hook: Python's own calls alone")

    def calls(system: str, subject: str) -> float:
        return (count(setting, system, subject, many) - count(setting, system, subject, few)) / (many - few)

    reference = calls(HASHED, "plain")
    target = Target(reference, reference)
    name = f"file system calls in a handshake ({how})"
    yield Figure(name, PLAIN, reference, unit="calls")
    yield Figure(name, OURS, calls(HASHED, "ours"), unit="calls", target=target)
    yield Figure(name, OURS_BUNDLE, calls(BUNDLED, "ours"), unit="calls", target=target)


def _traced(setting: Setting, system: str, subject: str, count: int) -> int:
    log = setting.stage.folder / "strace.log"
    tracer = ("strace", "-f", "-qq", "-e", "trace=%file", "-e", "signal=none", "-o", str(log))
    _output("handshakes", setting, system, subject, str(count), prefix=tracer)
    return len(log.read_text("utf-8", "replace").splitlines())


def _audited(setting: Setting, system: str, subject: str, count: int) -> int:
    return int(_output("handshakes", setting, system, subject, str(count)))


# -- where the platform decides, and everywhere


def gate(setting: Setting) -> Iterator[Figure]:
    """A handshake through the gate with a verdict that costs nothing: against plain ssl, and against one that has no verdict either."""
    for reference, name, targets in (
        (plain, "plain ssl verifies", {GATE: Target.ratio(1.03)}),
        (plain_without_trust, "nobody verifies", {}),
    ):
        samples = in_turns(_each(_connections(setting), {PLAIN: reference, AGAIN: reference, GATE: gated}), setting.rounds(3000))
        yield from ratios(f"handshake through the gate, {name}", samples, targets)


def own_anchor(setting: Setting) -> Iterator[Figure]:
    """A handshake with a server that the program's one root vouches for, which OpenSSL judges in a flight of its own before the gate opens.

    The server's part as well: that is what a program waits for. The flight has OpenSSL read and verify the certificates once more, so
    the figure depends on the key's kind and on OpenSSL: with P-256 keys and OpenSSL 3.0, whose decoders are slow, it is at its highest.
    """
    setting.stage.lead(HASHED)
    server = setting.stage.server_context()

    def loaded(make: Make) -> Make:
        def loaded() -> ssl.SSLContext:
            context = make()
            context.load_verify_locations(setting.stage.root)
            return context

        return loaded

    def connections(make: Make) -> Callable[[], float]:
        context = make()

        def connect() -> float:
            begin = clock()
            Wire(context, server).shake_hands()
            return clock() - begin

        return connect

    own = loaded(lambda: ssl.create_default_context(cafile=setting.stage.root))
    samples = in_turns(_each(connections, {PLAIN: own, AGAIN: own, GATE: loaded(gated)}), setting.rounds(1000))
    yield from ratios("handshake with an own anchor, both ends", samples)


def after_the_verdict(setting: Setting) -> Iterator[Figure]:
    """Writing and reading records of one byte and of 16 KiB, once the gate is open. A sample is a batch of records."""
    for place, wire in (("in memory", Wire), ("over sockets", SocketWire)):
        for size, batch in ((1, 100), (16 * 1024, 5)):
            for verb, work in (("write", _write), ("read", _read)):
                samples = in_turns(_each(_records(setting, wire, work, size, batch), PLAIN_AND_GATE), setting.rounds(1000))
                yield from ratios(f"{verb} of {size} byte{'s' * (size > 1)} {place}", samples, {GATE: Target.ratio(1.02)})


PLAIN_AND_GATE: dict[str, Make] = {PLAIN: plain, AGAIN: plain, GATE: gated}


def _records(setting: Setting, wire: type[Wire], work: Callable[[Wire, int, int], float], size: int, batch: int) -> Task:
    setting.stage.lead(HASHED)
    server = setting.stage.server_context()
    return lambda make: partial(work, wire(with_code_of_its_own(make()), server).shake_hands(), size, batch)


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


def importing(setting: Setting) -> Iterator[Figure]:
    """What `import truststore` adds to `import ssl`, byte code at hand: both in a new interpreter each time, and compared there."""
    code = (
        f"import sys; from time import {clock.__name__} as clock; sys.path.insert(0, sys.argv[1]);"
        "begin = clock(); import ssl; between = clock(); import truststore; print(between - begin, clock() - begin)"
    )
    places = {OURS: Path(truststore.__file__).parents[1]} | ({PEER: setting.peer} if setting.peer else {})
    env = _environment(setting)  # its byte code is written by the round that does not count

    def fresh(place: Path) -> tuple[float, float]:
        alone, both = subprocess.check_output([sys.executable, "-c", code, str(place)], env=env, text=True).split()
        return float(alone), float(both)

    for name, place in places.items():
        fresh(place)
        pairs = [fresh(place) for _ in range(setting.rounds(100))]
        samples = {PLAIN: [alone for alone, _ in pairs], name: [both for _, both in pairs]}
        yield from ratios("import, `import ssl` included", samples, {OURS: Target.ratio(1.15)})


# -- in common


def _each(task: Task, subjects: Mapping[str, Make]) -> dict[str, Callable[[], float]]:
    return {name: task(make) for name, make in subjects.items()}


def _connections(setting: Setting) -> Task:
    """Makes of a context a call that connects anew, and tells the client's time."""
    setting.stage.lead(HASHED)
    server = setting.stage.server_context()

    def connections(make: Make) -> Callable[[], float]:
        context = make()
        return lambda: Wire(context, server).shake_hands().seconds

    return connections


def _loaded(setting: Setting) -> Make:
    """Plain ssl without the lookup by URI that set_default_verify_paths() of OpenSSL 3 adds: the harder comparison."""
    return lambda: ssl.create_default_context(cafile=setting.stage.bundle(HASHED))


def _output(task: str, setting: Setting, *arguments: str, prefix: tuple[str, ...] = ()) -> str:
    command = [*prefix, *_python_child(task, setting), *arguments]
    return subprocess.run(command, env=_environment(setting), stdout=subprocess.PIPE, text=True, check=True).stdout


def _python_child(task: str, setting: Setting) -> list[str]:
    return [sys.executable, "-m", "benchmarks.child", task, str(setting.stage.folder)]


def _environment(setting: Setting) -> dict[str, str]:
    """With this checkout's benchmarks and the truststore that is measured on the path, and byte code, once written, at hand."""
    places = Path(__file__).parents[1], Path(truststore.__file__).parents[1]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = str(setting.stage.folder / "bytecode")
    return env | {"PYTHONPATH": os.pathsep.join(map(str, places))}


WHERE_OPENSSL_VERIFIES = (warm, sockets, cold, cold_bundle, first_of_a_process, instructions, memory, wrapping, growth, file_calls)
EVERYWHERE = (gate, own_anchor, after_the_verdict, importing)
CASES: tuple[Callable[[Setting], Iterator[Figure]], ...] = (*WHERE_OPENSSL_VERIFIES, *EVERYWHERE)
