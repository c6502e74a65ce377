"""What a path holds, for OpenSSL to use: looked at once, and again when it has changed.

What is wrong with a path is said in words that follow its name, "" for nothing. Only facts about files are remembered, keyed by their
state: an unchanged path costs one stat. Nothing waits: a FIFO is neither opened here nor left for OpenSSL to open.
"""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from ssl import SSLError
from time import time_ns

from . import hashed, pem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    State = tuple[int, ...]


def bundle_problem(path: str) -> str:
    """Why this file cannot serve as a bundle: it must be a regular one and hold a certificate, all in a form that OpenSSL loads."""
    return _problem(path, stat.S_ISREG, "is not a regular file", _bundle_problem)


def hashed_directory_problem(path: str) -> str:
    """Why OpenSSL would find nothing in this directory, or would wait there."""
    return _problem(path, stat.S_ISDIR, "is not a directory", _hashed_directory_problem)


def other_directory_problem(path: str) -> str:
    """Why there is nothing to read in this directory, whatever the names."""
    return _problem(path, stat.S_ISDIR, "is not a directory", _other_directory_problem)


def certificate_files(directory: str) -> tuple[str, ...]:
    """The files of a directory that hold a certificate, whatever their names; of a directory that cannot be read, nothing."""
    try:
        return _certificate_files(directory, _state(os.stat(directory)))
    except OSError:
        return ()


def covers(directory: str, bundle: str, marked: tuple[str, ...]) -> bool:
    """Whether a directory, one of those `marked` as having names by OpenSSL's hash, is proven to hold what the bundle holds."""
    try:
        return _covers(directory, _state(os.stat(directory)), bundle, _state(os.stat(bundle)), marked)
    except OSError:
        return False


def state(path: str) -> State:
    """What is another when a file or directory was changed. Raises OSError."""
    return _state(os.stat(path))


#: In nanoseconds; file systems count in steps of up to some milliseconds.
_SETTLED_AFTER = 10**9


def _state(status: os.stat_result) -> State:
    """The time of change tells what a time of modification, which can be set, hides.

    A file may be changed twice within one step of the file system's clock: what was changed just now is never the same again.
    """
    now = time_ns()
    fresh = now if abs(now - status.st_ctime_ns) < _SETTLED_AFTER else 0
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, fresh


def _problem(path: str, is_kind: Callable[[int], bool], otherwise: str, look: Callable[[str, State], str]) -> str:
    try:
        status = os.stat(path)
        return look(path, _state(status)) if is_kind(status.st_mode) else otherwise
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        return _words(error)


def _words(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "is missing"
    if isinstance(error, SSLError):
        return "is damaged: OpenSSL refuses to read it"
    return f"cannot be read ({getattr(error, 'strerror', None) or error})"


def as_der(bundle: str) -> bytes:
    """The bundle's certificates, one after the other: OpenSSL loads that faster. Nothing if more than certificates in plain form counts."""
    try:
        return _as_der(bundle, _state(os.stat(bundle)))
    except OSError:
        return b""


@lru_cache(maxsize=2)
def _as_der(bundle: str, _state: State) -> bytes:
    data = pem.contents(bundle)
    blocks = pem.blocks(data) or []
    plain = data.count(b"-----BEGIN CERTIFICATE-----") == data.count(b"-----BEGIN ") == len(blocks)
    return b"".join(certificate for certificate, _ in blocks) if plain else b""


@lru_cache(maxsize=64)
def _bundle_problem(path: str, _state: State) -> str:
    try:
        return "" if pem.count(path) else "holds no certificate"
    except OSError as error:
        return _words(error)


@lru_cache(maxsize=16)
def _hashed_directory_problem(path: str, _state: State) -> str:
    names, _ = hashed.names(os.listdir(path))
    modes = [mode for name in names if (mode := _mode(os.path.join(path, name)))]
    if not all(stat.S_ISREG(mode) or stat.S_ISDIR(mode) for mode in modes):
        return "holds a FIFO or a device, which OpenSSL would wait for"
    return "" if any(map(stat.S_ISREG, modes)) else "holds no file with a name that OpenSSL looks for (see 'openssl rehash')"


def _mode(path: str) -> int:
    """The type of what a path leads to; 0: nothing."""
    try:
        return os.stat(path).st_mode
    except OSError:
        return 0


def _other_directory_problem(path: str, state: State) -> str:
    return "" if _certificate_files(path, state) else "holds no certificate"


@lru_cache(maxsize=4)
def _certificate_files(directory: str, _state: State) -> tuple[str, ...]:
    paths = [os.path.join(directory, name) for name in sorted(os.listdir(directory))]
    return tuple(path for path in paths if not bundle_problem(path))


@lru_cache(maxsize=4)
def _covers(directory: str, _directory_state: State, bundle: str, _bundle_state: State, marked: tuple[str, ...]) -> bool:
    """The proof: each certificate of the bundle is the only one behind one name, and there is no other name."""
    if os.path.realpath(directory) not in map(os.path.realpath, marked):
        return False
    wanted = _certificates(bundle)
    names, gap = hashed.names(os.listdir(directory))
    if gap or not wanted:
        return False
    linked = [_certificates(os.path.join(directory, name)) for name in names]
    return all(len(each) == 1 for each in linked) and sorted(each[0] for each in linked) == sorted(wanted)


def _certificates(path: str) -> list[bytes]:
    """The certificates of a file; none if there is any doubt, or if OpenSSL's own settings stand with one."""
    found = pem.blocks(pem.contents(path)) or []
    return [] if any(settings for _, settings in found) else [certificate for certificate, _ in found]
