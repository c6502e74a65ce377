"""What package managers have recorded about the files they installed, to tell a file that somebody changed since.

Two records are read: RECORD of a Python distribution (https://packaging.python.org/en/latest/specifications/recording-installed-packages/),
which stands beside the package, and conda's own (``conda-meta/<package>.json``, whose `paths_data` has sums). What neither has recorded
is not proven to have been changed.

As in `files`, facts about files are remembered by the state of each file, and errors are not.
"""

from __future__ import annotations

import os
from functools import lru_cache

from . import pem
from .files import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .files import State

#: The sums that count, and those of conda. Older ones (md5, sha1) prove nothing.
_ALGORITHMS = ("sha256", "sha384", "sha512")
#: How far above a file its distribution may stand: ``site-packages/pip/_vendor/certifi/cacert.pem``.
_LEVELS = 4


def is_changed(path: str) -> bool:
    """Whether a file is proven not to be what a package manager has installed there: each record that knows the file has another sum."""
    try:
        known = {found for each in (os.path.abspath(path), os.path.realpath(path)) for found in _recorded(each)}
        return bool(known) and all(_sum(path, state(path), algorithm) != expected for algorithm, expected in known)
    except (OSError, ValueError):  # what cannot be read proves nothing
        return False


def _recorded(path: str) -> Iterator[tuple[str, bytes]]:
    """The sums that are recorded for a file: algorithm, digest."""
    names = [os.path.basename(path)]
    folder = os.path.dirname(path)
    for _ in range(_LEVELS):
        yield from _by_distributions(folder, names)
        yield from _by_conda(folder, names)
        names.insert(0, os.path.basename(folder))
        folder = os.path.dirname(folder)


def _by_distributions(folder: str, names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Out of RECORD, if the file is in a package below this folder. The distribution is named as the package, as those in question are."""
    if len(names) < 2:
        return
    for found in _listing(folder, state(folder)):
        if found.startswith(f"{names[0]}-") and found.endswith(".dist-info"):
            record = os.path.join(folder, found, "RECORD")
            if os.path.isfile(record):
                yield from _in_record(record, state(record), "/".join(names))


def _by_conda(prefix: str, names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Out of conda's record of its package ca-certificates, if this folder is the prefix of an environment."""
    folder = os.path.join(prefix, "conda-meta")
    if not os.path.isdir(folder):
        return
    for found in _listing(folder, state(folder)):
        if found.startswith("ca-certificates-") and found.endswith(".json"):
            record = os.path.join(folder, found)
            yield from _in_conda_meta(record, state(record), "/".join(names))


@lru_cache(maxsize=8)
def _listing(folder: str, _state: State) -> tuple[str, ...]:
    return tuple(name for name in os.listdir(folder) if name.endswith((".dist-info", ".json")))


@lru_cache(maxsize=8)
def _in_record(record: str, _state: State, name: str) -> tuple[tuple[str, bytes], ...]:
    """A line is ``path,algorithm=digest,size``, the digest in base64 for URLs without padding."""
    start = f"{name},".encode()
    lines = [line[len(start) :] for line in pem.contents(record).splitlines() if line.startswith(start)]
    sums = (line.partition(b",")[0].decode("ascii").partition("=") for line in lines)
    return tuple((algorithm, _from_base64(digest)) for algorithm, _, digest in sums if algorithm in _ALGORITHMS)


@lru_cache(maxsize=8)
def _in_conda_meta(record: str, _state: State, name: str) -> tuple[tuple[str, bytes], ...]:
    """A file is as installed with the sum that it has in the package, or with the one it had after the prefix was written into it."""
    import json

    try:
        paths = json.loads(pem.contents(record))["paths_data"]["paths"]
        entries = [entry for entry in paths if entry["_path"] == name and entry.get("path_type") != "softlink"]
        sums = [entry[key] for entry in entries for key in ("sha256", "sha256_in_prefix") if entry.get(key)]
        return tuple(("sha256", bytes.fromhex(digest)) for digest in sums)
    except (ValueError, KeyError, TypeError, AttributeError):  # not the record that we know
        return ()


@lru_cache(maxsize=8)
def _sum(path: str, _state: State, algorithm: str) -> bytes:
    import hashlib

    return hashlib.new(algorithm, pem.contents(path)).digest()


def _from_base64(digest: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4))
