"""What a path holds, for OpenSSL to use: looked at once, and again when it has changed.

What is wrong with a path is said in words that follow its name, "" for nothing. Only facts about files are remembered, keyed by their
state: an unchanged path costs one stat. A look that failed for lack of a descriptor, memory or permission is not a fact: functions
that remember raise then, and the next caller looks again. Nothing waits: a FIFO is neither opened here nor left for OpenSSL to open.

The amount is limited: for a file by `pem.LARGEST`, for a directory by the number of names below.
"""

from __future__ import annotations

import os
import stat
from errno import ELOOP
from functools import lru_cache
from ssl import SSLError
from time import time_ns

from .._stdlib import CContext, plain_context
from . import hashed, pem

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from .damage import Damaged, Sound

    State = tuple[int, ...]

#: What is wrong with an empty directory: nothing that its user need be told of.
EMPTY = "is empty"
#: Links of a hashed directory: up to so many all are followed, to find a FIFO or a device; of more, so many.
_LINKS, _LINKS_OF_MANY = 256, 4
#: A directory with more names is not compared with a bundle.
_PROVEN = 2000
#: In nanoseconds; file systems count in steps of up to some milliseconds.
_SETTLED_AFTER = 10**9


def bundle_problem(path: str) -> str:
    """Why this file cannot serve as a bundle: it must be a regular one and hold a certificate that OpenSSL loads."""
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
        return _certificate_files(directory, state(directory))
    except _NotForGood as now:
        return tuple(now.answer)
    except OSError:
        return ()


def covers(directory: str, bundle: str, marked: tuple[str, ...]) -> bool:
    """Whether a directory, one of those `marked` as having names by OpenSSL's hash, is proven to hold what the bundle holds."""
    try:
        return _covers(directory, state(directory), bundle, state(bundle), marked)
    except OSError:
        return False


def load(context: ssl.SSLContext, path: str) -> tuple[Damaged, ...]:
    """Load what OpenSSL reads of a file of the store, and say what was left out. Raises OSError if that is not possible now.

    A sound file costs what OpenSSL takes to load it, and less than from the file where it is in plain form.
    """
    return _loadable(path, state(path)).load(context)


def damaged(path: str) -> tuple[Damaged, ...]:
    """What `load` leaves out. Loads the file, for diagnosis. Raises OSError."""
    return load(plain_context(), path)


def certificates(path: str) -> tuple[bytes, ...]:
    """The certificates that `load` loads (DER, no duplicates). Loads the file, for diagnosis. Raises OSError."""
    return _loadable(path, state(path)).certificates()


def held(path: str) -> tuple[bytes, ...]:
    """As `certificates`, but a file in plain form is taken at its word, not loaded. Raises OSError."""
    found = pem.plain_certificates(pem.contents(path))
    return certificates(path) if found is None else found


def certificates_by_name(directory: str) -> Iterator[bytes]:
    """The certificates of a directory that OpenSSL comes to by their names. Loads all files, for diagnosis. Raises OSError."""
    return _by_name(directory, _refused_left_out)


def held_by_name(directory: str) -> Iterator[bytes]:
    """The same, but files in plain form are taken at their word, and the names have a bound."""
    return _by_name(directory, lambda path: pem.plain_certificates(pem.contents(path)) or _refused_left_out(path), _PROVEN)


def _by_name(directory: str, read: Callable[[str], tuple[bytes, ...]], most: int | None = None) -> Iterator[bytes]:
    names, _ = hashed.names(os.listdir(directory))
    hidden = set()
    for name in names[:most]:
        digest = name.partition(".")[0]
        found = () if digest in hidden else _read(read, os.path.join(directory, name))
        if not found and not hashed.LOOKS_BEHIND_UNREADABLE:
            hidden.add(digest)
        yield from (each for each in found if _is_named(each, digest))


def _read(read: Callable[[str], tuple[bytes, ...]], path: str) -> tuple[bytes, ...]:
    try:
        return read(path)
    except OSError:
        return ()


def _refused_left_out(path: str) -> tuple[bytes, ...]:
    """Nothing of a file that OpenSSL refuses: in a directory it is the reader, and finds at most what stands before the damage."""
    return _loadable(path, state(path)).certificates(whole=True)


def _is_named(certificate: bytes, digest: str) -> bool:
    from .subjects import subject_hash  # for whoever reads a directory as a whole

    try:
        return subject_hash(certificate) == digest
    except ValueError:
        return False


def state(path: str) -> State:
    """What is another when a file or directory was changed. Raises OSError."""
    return _state(os.stat(path))


def _state(status: os.stat_result) -> State:
    """The time of change tells what a time of modification, which can be set, hides.

    A file may be changed twice within one step of the file system's clock: what was changed just now is never the same again.
    """
    now = time_ns()
    fresh = now if abs(now - status.st_ctime_ns) < _SETTLED_AFTER else 0
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, fresh


class _NotForGood(Exception):
    """Raised out of a function that remembers, to answer without being remembered."""

    def __init__(self, answer: str | tuple[str, ...]) -> None:
        super().__init__()
        self.answer = answer


def _problem(path: str, is_kind: Callable[[int], bool], otherwise: str, look: Callable[[str, State], str]) -> str:
    try:
        status = os.stat(path)
        return look(path, _state(status)) if is_kind(status.st_mode) else otherwise
    except _NotForGood as now:
        return str(now.answer)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        return (
            "is missing"
            if isinstance(error, FileNotFoundError)
            else f"cannot be read ({getattr(error, 'strerror', None) or error})"
        )


def _is_fact(error: OSError) -> bool:
    """Whether an error says how the file system is, not how this process fares with it: there is nothing."""
    return isinstance(error, (FileNotFoundError, NotADirectoryError)) or error.errno == ELOOP


class _Loadable:
    """A file of the store in one state: what to give to OpenSSL, and what is known of how OpenSSL takes it."""

    __slots__ = ("_path", "_plain", "_sound")

    def __init__(self, path: str, plain: bytes) -> None:
        self._path = path
        #: The certificates, one after the other, if there is nothing else in the file: OpenSSL loads that faster.
        self._plain = plain
        #: What OpenSSL reads of it. Of a plain file it is asked only once loading all has failed.
        self._sound: Sound | None = None

    def load(self, context: ssl.SSLContext) -> tuple[Damaged, ...]:
        if self._plain and self._sound is None and _takes(context, self._plain):
            return ()
        sound = self.sound()
        sound.load(context)
        return sound.damaged

    def certificates(self, *, whole: bool = False) -> tuple[bytes, ...]:
        """`whole`: none, if OpenSSL does not read the file as it is."""
        if self._plain and self._sound is None and _takes(plain_context(), self._plain):
            return tuple(dict.fromkeys(pem.concatenated(self._plain)))
        sound = self.sound()
        return sound.certificates if sound.is_whole or not whole else ()

    def holds_one(self) -> bool:
        """Whether OpenSSL loads anything of it: the first certificate will mostly do to tell."""
        first = next(iter(pem.concatenated(self._plain)), b"")
        return bool(first and _takes(plain_context(), first)) or not self.sound().is_empty

    def sound(self) -> Sound:
        from .damage import sound

        if self._sound is None:
            data = pem.contents(self._path)
            try:
                self._sound = sound(data, self._path)
            except SSLError:
                raise
            except OSError:  # no temporary file can be written now: not remembered
                return sound(data, self._path, by_file=False)
        return self._sound


def _takes(context: ssl.SSLContext, certificates: bytes) -> bool:
    """Load certificates, all or up to the first that OpenSSL refuses."""
    try:
        CContext.load_verify_locations(context, cadata=certificates)
    except SSLError as error:
        if error.reason == "MALLOC_FAILURE":
            raise
        return False
    return True


@lru_cache(maxsize=4)
def _loadable(path: str, _state: State) -> _Loadable:
    data = pem.contents(path)
    blocks = pem.blocks(data) or []
    plain = data.count(b"-----BEGIN CERTIFICATE-----") == data.count(b"-----BEGIN ") == len(blocks)
    return _Loadable(path, b"".join(certificate for certificate, _ in blocks) if plain else b"")


@lru_cache(maxsize=64)
def _bundle_problem(path: str, state: State) -> str:
    loadable = _loadable(path, state)
    if loadable.holds_one():
        return ""
    return "is damaged: OpenSSL refuses to read it" if loadable.sound().damaged else "holds no certificate"


class _Entries:
    """The names of a directory that OpenSSL looks for, and the kinds of file behind them; only links take a call for that."""

    def __init__(self, listing: list[os.DirEntry[str]]) -> None:
        self._entries = {entry.name: entry for entry in listing if hashed.is_looked_for(entry.name)}
        self.links = [name for name, entry in self._entries.items() if entry.is_symlink()]
        self.others = self._entries.keys() - self.links
        self.reached, _ = hashed.names(self._entries)
        #: Some link could not be followed just now.
        self.failed = False

    def kind(self, name: str) -> int:
        """As in st_mode; 0: nothing."""
        entry = self._entries[name]
        try:
            return stat.S_IFREG if entry.is_file(follow_symlinks=False) else os.stat(entry.path).st_mode
        except OSError as error:
            self.failed = self.failed or not _is_fact(error)
            return 0

    def waits(self, name: str) -> bool:
        kind = self.kind(name)
        return bool(kind) and not stat.S_ISREG(kind) and not stat.S_ISDIR(kind)


@lru_cache(maxsize=16)
def _hashed_directory_problem(path: str, _state: State) -> str:
    with os.scandir(path) as found:
        listing = list(found)
    if _is_as_usual(listing):
        return ""
    entries = _Entries(listing)
    links = entries.links if len(entries.links) <= _LINKS else entries.links[:_LINKS_OF_MANY]
    if any(map(entries.waits, (*entries.others, *links))):
        problem = "holds a FIFO or a device, which OpenSSL would wait for"
    elif any(stat.S_ISREG(entries.kind(name)) for name in entries.reached):
        problem = ""
    elif not listing:
        problem = EMPTY
    else:
        problem = "holds no file with a name that OpenSSL looks for (see 'openssl rehash')"
    if entries.failed:
        raise _NotForGood(problem)
    return problem


def _is_as_usual(listing: list[os.DirEntry[str]]) -> bool:
    """Whether all that OpenSSL may look for are files, and it gets to one of them: nothing else needs to be looked at."""
    entries = [entry for entry in listing if entry.name[8:9] == "."]
    try:
        if len(entries) > _LINKS or not all(entry.is_file() for entry in entries):
            return False
    except OSError:
        return False
    return any(entry.name.endswith(".0") and hashed.is_looked_for(entry.name) for entry in entries)


def _other_directory_problem(path: str, state: State) -> str:
    try:
        return "" if _certificate_files(path, state) else "holds no certificate"
    except _NotForGood as now:
        return "" if now.answer else "holds no certificate that can be read now"


@lru_cache(maxsize=4)
def _certificate_files(directory: str, _state: State) -> tuple[str, ...]:
    failed, found = False, []
    for path in (os.path.join(directory, name) for name in sorted(os.listdir(directory))[:_PROVEN]):
        problem = _file_problem(path)
        failed = failed or problem is None
        if problem == "":
            found.append(path)
    if failed:
        raise _NotForGood(tuple(found))
    return tuple(found)


def _file_problem(path: str) -> str | None:
    """As `bundle_problem`, but None if that cannot be said now."""
    try:
        status = os.stat(path)
        return _bundle_problem(path, _state(status)) if stat.S_ISREG(status.st_mode) else "is not a regular file"
    except OSError as error:
        return "is missing" if _is_fact(error) else None


@lru_cache(maxsize=4)
def _covers(directory: str, directory_state: State, bundle: str, _bundle_state: State, marked: tuple[str, ...]) -> bool:
    """The proof: each certificate of the bundle is the only one behind one name, and there is no other name."""
    if directory not in marked and directory_state[:2] not in map(_identity, marked):
        return False
    decoded: dict[bytes, bytes] = {}
    wanted = _compared(bundle, decoded)
    names, gap = hashed.names(os.listdir(directory))
    if gap or not wanted or len(names) != len(wanted) or len(names) > _PROVEN:
        return False
    linked = [_compared(os.path.join(directory, name), decoded) for name in names]
    return all(len(each) == 1 for each in linked) and sorted(each[0] for each in linked) == sorted(wanted)


def _identity(path: str) -> State:
    try:
        return state(path)[:2]
    except OSError as error:
        if _is_fact(error):
            return ()
        raise


def _compared(path: str, decoded: dict[bytes, bytes]) -> list[bytes]:
    """The certificates of a file; none if there is any doubt, or if settings of OpenSSL's or revocation lists stand with them."""
    try:
        data = pem.contents(path)
    except OSError as error:
        if _is_fact(error):
            return []
        raise
    found = pem.blocks(data, decoded) or []
    return (
        [] if pem.REVOCATION_LIST in data or any(settings for _, settings in found) else [certificate for certificate, _ in found]
    )
