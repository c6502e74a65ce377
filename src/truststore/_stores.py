"""Where this system keeps the roots for TLS servers. Used where OpenSSL verifies; `_unix_stores` has the paths.

That OpenSSL was compiled with a path proves nothing: conda, Homebrew on Linux, Nix and frozen programs bring an OpenSSL with a copy of
Mozilla's roots, and ending there would ignore what the administrator has installed. So the order is:

1. what the user says: SSL_CERT_FILE and SSL_CERT_DIR (and, asked first by Nix's OpenSSL, NIX_SSL_CERT_FILE). Each replaces its half,
   the file or the directory, of OpenSSL's default; the other half stays. A half that is set but unusable is empty: no other store is
   taken instead. Not the user's are values that point into this Python's prefix, conda's, certifi's or a frozen program's directory;
2. OpenSSL's compiled paths, if they lie outside those and hold something;
3. the table of `_unix_stores`: the first bundle that holds a certificate, else the first directory;
4. a private copy that was set aside on the way, with a warning; else nothing.

Nothing is loaded here, and nothing is kept but what was proven of files, keyed by their state (`_state`): `find` costs a few stats when nothing
changed, and sees it when something did. Files are never waited for: a FIFO is not opened by OpenSSL's means.

The hashed directory replaces the bundle (`Store.covered`) if it is proven to hold the same certificates, no more, no less. The proof
trusts that the links have the right names, as the table says of the directory: behind a misnamed link a root is not found,
and its servers are refused. It reads what links point to once per state of bundle and directory, so a target that is changed later, with both
untouched, goes unnoticed: only the system's administrator can do that, and OpenSSL, which reads it at the handshake, does notice.
"""

from __future__ import annotations

import os
import ssl
import stat
import sys
from functools import lru_cache

from . import _hashed, _pem
from ._unix_stores import (
    BUNDLES,
    CONDA_MARKER,
    HASHED_DIRECTORIES,
    NIX_STORE,
    OTHER_DIRECTORIES,
    PRIVATE_PREFIX_VARIABLES,
    PRIVATE_PREFIXES,
    SHARED_PREFIXES,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    State = tuple[int, ...]

ENVIRONMENT, OPENSSL, TABLE, PRIVATE, NOTHING = "environment", "openssl", "table", "private", "nothing"


class Store:
    """What was found, and how: for loading and for diagnosis.

    To be loaded: `directory` if there is one, `file` unless `covered`, and each of `files`. All may be missing, in any step:
    then there is nothing to verify with, and `passed_over` and `warnings` say why.
    """

    __slots__ = ("covered", "directory", "file", "files", "passed_over", "step", "warnings")

    def __init__(
        self,
        step: str,
        file: str | None = None,
        directory: str | None = None,
        files: tuple[str, ...] = (),
        covered: bool = False,
        passed_over: tuple[tuple[str, str], ...] = (),
        warnings: tuple[str, ...] = (),
    ) -> None:
        #: Which step decided: one of the constants above.
        self.step = step
        #: The bundle, or None.
        self.file = file
        #: For `load_verify_locations(capath=)`: one directory, or several with `os.pathsep` between them, or None.
        self.directory = directory
        #: Every file to load, where the directory's names are not those that OpenSSL looks for.
        self.files = files
        #: The directory is proven to hold the same certificates as the bundle, and may be used instead.
        self.covered = covered
        #: (path, why) of what was looked at and is not used, in order.
        self.passed_over = passed_over
        #: Sentences for the user.
        self.warnings = warnings

    def __bool__(self) -> bool:
        return bool(self.file or self.directory or self.files)

    def read(self) -> list[bytes]:
        """Its certificates (DER, no duplicates). Reads all files: for diagnosis."""
        found = [] if self.covered or not self.file else _pem.read_certificates(cafile=self.file)
        found += _pem.read_certificates(capath=self.directory) if self.directory else []
        for file in self.files:
            found += _pem.read_certificates(cafile=file)
        return list(dict.fromkeys(found))

    @property
    def certificates(self) -> int:
        """How many: reads all files."""
        return len(self.read())


def find(
    root: str = "/",
    environ: Mapping[str, str] | None = None,
    prefixes: Iterable[str] | None = None,
    compiled: tuple[str, str] | None = None,
    platform: str | None = None,
) -> Store:
    """Find the system's roots. Without arguments: those of the running Python, here.

    `root` is the directory that absolute paths are looked up in, `prefixes` are this Python's own directories, `compiled` is the file
    and the directory that OpenSSL was compiled with, `platform` a `sys.platform`. To see what the environment's variables shadow,
    find a second time with an empty `environ`. Never raises.
    """
    search = _Search(
        root,
        _environ() if environ is None else environ,
        _prefixes() if prefixes is None else prefixes,
        _compiled() if compiled is None else compiled,
        _platform() if platform is None else platform,
    )
    return search.environment() or search.openssl() or search.table() or search.private() or search.store(NOTHING)


def _environ() -> Mapping[str, str]:
    """The environment; nothing where another user may have set it (as in OpenSSL, which calls secure_getenv)."""
    return os.environ if os.getuid() == os.geteuid() and os.getgid() == os.getegid() else {}


def _prefixes() -> tuple[str, ...]:
    """This Python's own directories, and that of the program it is frozen into."""
    frozen = getattr(sys, "_MEIPASS", "") or (os.path.dirname(sys.executable) if hasattr(sys, "frozen") else "")
    return tuple(filter(None, (sys.prefix, sys.base_prefix, frozen)))


def _compiled() -> tuple[str, str]:
    paths = ssl.get_default_verify_paths()
    return paths.openssl_cafile, paths.openssl_capath


def _platform() -> str:
    return "android" if hasattr(sys, "getandroidapilevel") else sys.platform


class _Search:
    """One search, and what was seen on the way."""

    def __init__(self, root: str, environ: Mapping[str, str], prefixes: Iterable[str], compiled: tuple[str, str], platform: str) -> None:
        self._root, self._environ, self._platform = root, environ, platform
        self._file, self._directory = map(self._at, compiled)
        self._nix = any(_inside(path, self._at(NIX_STORE)) for path in (self._file, self._directory, *map(self._at, prefixes)))
        self._own = self._private_prefixes(prefixes)
        self._passed_over: dict[str, str] = {}
        self._warnings: list[str] = []
        self._set_aside: list[tuple[str, Callable[[str], str]]] = []

    def _at(self, path: str) -> str:
        return os.path.join(self._root, path.lstrip("/")) if path.startswith("/") else path

    def _private_prefixes(self, prefixes: Iterable[str]) -> tuple[str, ...]:
        """Directories whose roots are a copy of somebody else's, resolved and not."""
        named = (self._environ.get(variable, "") for variable, _ in PRIVATE_PREFIX_VARIABLES)
        prefixes = tuple(prefixes)
        cellars = (prefix.partition("/Cellar/")[0] for prefix in prefixes if "/Cellar/" in prefix)
        shared = {os.path.normpath(prefix) for prefix, _ in SHARED_PREFIXES}
        own = {os.path.normpath(prefix) for prefix in (*prefixes, *named, *cellars) if prefix.startswith("/")} - shared
        return _resolved(tuple(self._at(prefix) for prefix in sorted(own | {prefix for prefix, _ in PRIVATE_PREFIXES})))

    # The steps, in order: each answers with a store or None.

    def environment(self) -> Store | None:
        file, directories = self._users_file(), self._users_directories()
        if file is None and directories is None:
            return None
        return self.store(
            ENVIRONMENT,
            self._default(self._file, _file_problem) if file is None else self._obeyed(*file, _file_problem),
            self._default(self._directory, _directory_problem)
            if directories is None
            else os.pathsep.join(filter(None, (self._obeyed("SSL_CERT_DIR", path, _directory_problem) for path in directories))) or None,
        )

    def openssl(self) -> Store | None:
        file, directory = self._default(self._file, _file_problem), self._default(self._directory, _directory_problem)
        return self.store(OPENSSL, file, directory) if file or directory else None

    def table(self) -> Store | None:
        hashed = self._paths(HASHED_DIRECTORIES)
        for path in self._paths(BUNDLES):
            if self._usable(path, _file_problem):
                covering = next((directory for directory in hashed if self._covers(directory, path)), None)
                return self.store(TABLE, path, covering)
        for path in hashed:
            if self._usable(path, _directory_problem):
                return self.store(TABLE, None, path)
        for path in self._paths(OTHER_DIRECTORIES):
            if self._usable(path, _files_problem):
                return self.store(TABLE, None, None, _certificate_files(path, _state(os.stat(path))))
        return None

    def private(self) -> Store | None:
        for path, problem in self._set_aside:
            if not problem(path):
                self._warnings.append(
                    f"No store of the system was found. {path} is used instead, a private copy: it may be out of date, "
                    "and roots that the administrator has installed are not in it."
                )
                del self._passed_over[path]
                return self.store(PRIVATE, *((path, None) if problem is _file_problem else (None, path)))
        return None

    def store(self, step: str, file: str | None = None, directory: str | None = None, files: tuple[str, ...] = ()) -> Store:
        covered = bool(file and directory and self._covers(directory, file))
        return Store(step, file, directory, files, covered, tuple(self._passed_over.items()), tuple(self._warnings))

    # What the user wishes.

    def _users_file(self) -> tuple[str, str] | None:
        """The variable that names the bundle, and the bundle; None: the user has not set any."""
        for variable in ("NIX_SSL_CERT_FILE", "SSL_CERT_FILE") if self._nix else ("SSL_CERT_FILE",):
            value = self._environ.get(variable)
            if value is not None and not self._not_the_users(variable, value, _file_problem):
                return variable, self._at(value)
        return None

    def _users_directories(self) -> list[str] | None:
        """The directories of SSL_CERT_DIR; None: the user has not set it."""
        value = self._environ.get("SSL_CERT_DIR")
        if value is None:
            return None
        given = [part for part in value.split(os.pathsep) if part] or [""]
        users = [self._at(part) for part in given if not self._not_the_users("SSL_CERT_DIR", part, _directory_problem)]
        return users or None

    def _not_the_users(self, variable: str, value: str, problem: Callable[[str], str]) -> bool:
        path = self._at(value)
        if os.path.basename(os.path.dirname(path)) == "certifi":
            why = "is certifi's copy"
        elif CONDA_MARKER in self._environ and value.replace("\\", "/").endswith("/ssl/cacert.pem"):
            why = "was set by conda's activation"
        elif self._is_private(path):
            why = "lies in this Python's own directories"
        else:
            return False
        self._pass_over(path, f"{variable}: {why}, which is not a wish of the user's")
        self._set_aside.append((path, problem))
        return True

    def _obeyed(self, variable: str, path: str, problem: Callable[[str], str]) -> str | None:
        why = problem(path)
        if not why:
            return path
        self._pass_over(path, f"{variable}: {why}")
        self._warnings.append(f"{variable} is set to {path or 'nothing'}, but this {why}. No other roots are taken in its place.")
        return None

    # What is found without the user.

    def _default(self, path: str, problem: Callable[[str], str]) -> str | None:
        """One of OpenSSL's compiled paths, if it is the system's and holds something."""
        if self._is_private(path):
            self._pass_over(path, "is OpenSSL's default, but in this Python's own directories: not the system's")
            if not problem(path):
                self._set_aside.append((path, problem))
            return None
        return path if self._usable(path, problem) else None

    def _usable(self, path: str, problem: Callable[[str], str]) -> bool:
        why = problem(path)
        if why:
            self._pass_over(path, why)
        return not why

    def _pass_over(self, path: str, why: str) -> None:
        self._passed_over.setdefault(path, why)

    def _paths(self, table: Mapping[str, Iterable[tuple[str, str, str]]]) -> list[str]:
        rows = next((rows for platform, rows in table.items() if self._platform.startswith(platform)), table["linux"])
        return [self._at(path) for path, _, _ in rows]

    def _is_private(self, path: str) -> bool:
        resolved = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        return any(_inside(path, prefix) or _inside(resolved, prefix) for prefix in self._own)

    def _covers(self, directory: str, bundle: str) -> bool:
        try:
            marked = tuple(self._paths(HASHED_DIRECTORIES))
            return _covers(directory, _state(os.stat(directory)), bundle, _state(os.stat(bundle)), marked)
        except OSError:
            return False


def _inside(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix.rstrip("/") + "/")


@lru_cache(maxsize=8)
def _resolved(prefixes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*prefixes, *map(os.path.realpath, prefixes))))


def _state(status: os.stat_result) -> State:
    """What changes when a file or directory does. The change time, unlike the modification time, cannot be set back."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


# Questions about a path, answered with what is wrong with it ("" for nothing) in words that follow its name.


def _problem(path: str, kind: Callable[[int], bool], otherwise: str, look: Callable[[str, State], str]) -> str:
    try:
        status = os.stat(path)
        return look(path, _state(status)) if kind(status.st_mode) else otherwise
    except (OSError, ValueError) as error:  # ValueError: a null character
        return _words(error)


def _words(error: Exception) -> str:
    return "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({getattr(error, 'strerror', None) or error})"


def _file_problem(path: str) -> str:
    return _problem(path, stat.S_ISREG, "is not a regular file", _bundle_problem)


def _directory_problem(path: str) -> str:
    return _problem(path, stat.S_ISDIR, "is not a directory", _hashed_directory_problem)


def _files_problem(path: str) -> str:
    return _problem(path, stat.S_ISDIR, "is not a directory", lambda path, state: "" if _certificate_files(path, state) else "holds no certificate")


@lru_cache(maxsize=64)
def _bundle_problem(path: str, state: State) -> str:
    try:
        return "" if _pem.count(path) else "holds no certificate"
    except OSError as error:
        return _words(error)


@lru_cache(maxsize=16)
def _hashed_directory_problem(path: str, state: State) -> str:
    try:
        modes = [os.stat(os.path.join(path, name)).st_mode for name in _hashed.names(path)]
    except OSError as error:
        return _words(error)
    if not modes:
        return "holds no file with a name that OpenSSL looks for (see 'openssl rehash')"
    return "" if all(stat.S_ISREG(mode) for mode in modes) else "holds something that is not a file"


@lru_cache(maxsize=4)
def _certificate_files(directory: str, state: State) -> tuple[str, ...]:
    """The files of a directory that hold a certificate, whatever their names."""
    paths = [os.path.join(directory, name) for name in sorted(os.listdir(directory))]
    return tuple(path for path in paths if not _file_problem(path))


# The proof that a directory may stand for a bundle.


@lru_cache(maxsize=4)
def _covers(directory: str, directory_state: State, bundle: str, bundle_state: State, marked: tuple[str, ...]) -> bool:
    """Whether OpenSSL finds the same certificates in both. The states are there to ask again when something changed."""
    if os.path.realpath(directory) not in map(os.path.realpath, marked):
        return False
    listing = os.listdir(directory)
    names = _hashed.names(directory)
    wanted = _plain(bundle)
    if _hashed.has_gap(listing) or len(names) != len(wanted):
        return False
    linked = [_plain(os.path.join(directory, name)) for name in names]
    return all(len(each) == 1 for each in linked) and {each[0] for each in linked} == set(wanted) and len(set(wanted)) == len(wanted)


def _plain(path: str) -> list[bytes]:
    """Its certificates, none in doubt."""
    data = _pem.contents(path)
    return [] if b"TRUSTED" in data else _pem.certificates(data) or []
