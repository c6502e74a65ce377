"""Where this system keeps the roots for TLS servers: the order of the search. `places` has the paths.

That OpenSSL was compiled with a path proves nothing. Conda, Homebrew on Linux, Nix and frozen programs bring an OpenSSL with a copy of
Mozilla's roots. A program that uses it ignores what the administrator has installed. So the steps are:

1. environment variables: SSL_CERT_FILE and SSL_CERT_DIR (and, read first by Nix's OpenSSL, NIX_SSL_CERT_FILE). Each replaces its half,
   the bundle or the directory, of OpenSSL's default; the other half stays. A half that is set but unusable is empty: nothing else is
   taken instead. Not the user's are values that point to certifi or into the directories of this Python, conda, Homebrew or a
   frozen program, unless the file is proven to have been changed since it was installed (`installed`): then somebody has put a
   company's root into it;
2. what OpenSSL was compiled with, if it lies outside those directories and holds something;
3. the table: the first bundle that holds a certificate, else the first directory that does;
4. a private copy that was set aside on the way, with a warning; else nothing.

The hashed directory may stand for the bundle (`Store.covered`) where it is proven to hold the same certificates, no more, no less
(`files.covers`). The proof takes the table's word that the names in the directory are right: behind a wrong name a root is not
found, and the servers under it are refused. And it is made anew when the bundle or the directory changes, not when somebody writes
into a file that a link leads to: OpenSSL notices that itself, for a context that has not used the root yet.

Nothing is loaded or kept here: each search looks again, for a few stats, and sees what has changed.
"""

from __future__ import annotations

import os
import ssl
import sys
from functools import lru_cache

from . import files
from .files import EMPTY, bundle_problem, certificate_files, covers, hashed_directory_problem, other_directory_problem
from .places import (
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

    from .damage import Damaged
    from .files import State
    from .places import Row

    Problem = Callable[[str], str]

#: Those of the environment that count.
_VARIABLES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NIX_SSL_CERT_FILE",
    CONDA_MARKER,
    *(variable for variable, _ in PRIVATE_PREFIX_VARIABLES),
)

#: The steps.
ENVIRONMENT, OPENSSL, TABLE, PRIVATE, NOTHING = "environment", "openssl", "table", "private", "nothing"
#: In words, for what was found.
_BECAUSE = {
    ENVIRONMENT: "set in the environment",
    OPENSSL: "what OpenSSL was built for",
    TABLE: "where this kind of system keeps them",
    PRIVATE: "a private copy, not the system's",
}

_UNHEEDED = (
    "{variable} names {path}, which is {whose}. It is not used: programs set that without being asked, and it lacks the roots that the "
    "administrator has installed. If you mean it, copy it to another place and name that; otherwise unset {variable}."
)


class Store:
    """Where the system's roots were found, and why there.

    A context loads `directory`, if there is one; `file`, if there is one and `covered` is False; and each of `files`. A store is
    false if there is nothing to load; `passed_over` says why. `str()` gives the sentence that the command line prints.
    """

    __slots__ = ("covered", "defaults", "directory", "file", "files", "passed_over", "step", "variables", "warnings")

    def __init__(
        self,
        step: str,
        file: str | None = None,
        directory: str | None = None,
        files: tuple[str, ...] = (),
        covered: bool = False,
        passed_over: tuple[tuple[str, str], ...] = (),
        warnings: tuple[str, ...] = (),
        defaults: tuple[str, ...] = (),
        variables: tuple[str, ...] = (),
    ) -> None:
        #: Which step found it: "environment", "openssl", "table", "private" or "nothing".
        self.step: str = step
        #: The bundle, or None.
        self.file: str | None = file
        #: A directory with hash names, several separated by `os.pathsep`, or None.
        self.directory: str | None = directory
        #: The files of a directory whose names are not those that OpenSSL looks for.
        self.files: tuple[str, ...] = files
        #: Whether the directory is proven to hold the same certificates as the bundle, and is used instead of it.
        self.covered: bool = covered
        #: Paths from OpenSSL's defaults, where the environment names only the file or only the directory.
        self.defaults: tuple[str, ...] = defaults
        #: What was looked at and is not used, in order: pairs of path and reason.
        self.passed_over: tuple[tuple[str, str], ...] = passed_over
        #: The environment variables that name it, if the step is "environment".
        self.variables: tuple[str, ...] = variables
        #: Problems that the user should know of, as sentences.
        self.warnings: tuple[str, ...] = warnings

    def __bool__(self) -> bool:
        return bool(self.file or self.directory or self.files)

    def __str__(self) -> str:
        if not self:
            return "no store: nothing that was looked at holds a certificate"
        parts = [(path, _BECAUSE[OPENSSL if path in self.defaults else self.step]) for path in (self.file, self.directory) if path]
        if self.files:
            parts.append((f"{len(self.files)} files in {os.path.dirname(self.files[0])}", _BECAUSE[self.step]))
        *others, (last, why) = parts
        before = "".join(f"{path} and " if reason == why else f"{path} ({reason}) and " for path, reason in others)
        same = ", the directory instead of the file, with the same certificates" if self.covered else ""
        return f"the roots in {before}{last} ({why}{same})"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def read(self) -> list[bytes]:
        """The certificates (DER, without duplicates). Reads all files. Raises `OSError`."""
        found = [certificate for path in self._loaded_files for certificate in files.certificates(path)]
        for directory in self.directory.split(os.pathsep) if self.directory else ():
            found += files.certificates_by_name(directory)
        return list(dict.fromkeys(found))

    @property
    def damaged(self) -> tuple[Damaged, ...]:
        """The PEM blocks that are left out because OpenSSL does not load them. Reads all files. Raises `OSError`."""
        return tuple(block for path in self._loaded_files for block in files.damaged(path))

    @property
    def _loaded_files(self) -> tuple[str, ...]:
        return (*([self.file] if self.file and not self.covered else []), *self.files)

    @property
    def certificates(self) -> int:
        """How many certificates it holds. Reads all files. Raises `OSError`."""
        return len(self.read())


def find(
    root: str = "/",
    environ: Mapping[str, str] | None = None,
    prefixes: Iterable[str] | None = None,
    compiled: tuple[str, str] | None = None,
    platform: str | None = None,
) -> Store:
    """Find the system's roots. Without arguments: those of this machine, for this Python.

    `root` is the directory that absolute paths are taken in; `prefixes` are this Python's own directories; `compiled` is the file
    and the directory that OpenSSL was compiled with; `platform` is a `sys.platform`. To see what the variables of the environment
    shadow, search a second time with another `environ`. Never raises.
    """
    search = _Search(
        root,
        _environ() if environ is None else environ,
        _prefixes() if prefixes is None else tuple(prefixes),
        _compiled() if compiled is None else compiled,
        _platform() if platform is None else platform,
    )
    for step in (search.environment, search.openssl, search.table, search.private):
        store = step()
        if store is not None:  # not "if store": the user may have asked for no store
            return store
    return search.store(NOTHING)


def without_variables() -> Store:
    """The store as it would be found if nobody had named one in the environment."""
    return find(environ={name: value for name, value in _environ().items() if not name.endswith(("SSL_CERT_FILE", "SSL_CERT_DIR"))})


def _environ() -> Mapping[str, str]:
    """The environment; nothing in a program with more rights than its caller, whose environment it is (OpenSSL calls secure_getenv)."""
    if not any(variable in os.environ for variable in _VARIABLES):
        return {}
    from .secure import is_secure

    return {} if is_secure() else os.environ


def _prefixes() -> tuple[str, ...]:
    """The running Python's own directory, and that of the program it is frozen into. A virtual environment is the user's."""
    unpacked = getattr(sys, "_MEIPASS", "")
    beside = os.path.dirname(sys.executable) if hasattr(sys, "frozen") else ""
    # A program in one file is unpacked elsewhere: what lies beside it is not its own.
    return sys.base_prefix, unpacked, "" if unpacked and not _inside(unpacked, beside) else beside


@lru_cache(maxsize=1)  # they do not change, and asking for them looks for the files, too
def _compiled() -> tuple[str, str]:
    paths = ssl.get_default_verify_paths()
    return paths.openssl_cafile, paths.openssl_capath


def _platform() -> str:
    return "android" if hasattr(sys, "getandroidapilevel") else sys.platform


class _Search:
    """One search, and what was seen on the way."""

    def __init__(
        self, root: str, environ: Mapping[str, str], prefixes: tuple[str, ...], compiled: tuple[str, str], platform: str
    ) -> None:
        self._root, self._environ, self._platform = root, environ, platform
        self._bundle, self._directory = self._at(compiled[0]), self._at(compiled[1])
        self._nix = any(_inside(path, NIX_STORE) for path in (*compiled, *prefixes))
        named = (environ.get(variable, "") for variable, _ in PRIVATE_PREFIX_VARIABLES)
        self._private = _private_directories(root, (*prefixes, *named))
        self._passed_over: dict[str, str] = {}
        self._set_aside: list[tuple[str, Problem]] = []
        self._warnings: list[str] = []
        self._unheeded: dict[str, str] = {}

    # The steps. Each answers with a store, or with None.

    def environment(self) -> Store | None:
        file, directories = self._users_file(), self._users_directories()
        if file is None and directories is None:
            return None
        if file is None:
            bundle = default = self._default(self._bundle, bundle_problem)
        else:
            bundle, default = self._obeyed(*file, bundle_problem), None
        if directories is None:
            directory = default = self._default(self._directory, hashed_directory_problem)
        else:
            usable = filter(None, [self._obeyed("SSL_CERT_DIR", path, hashed_directory_problem) for path in directories])
            directory = os.pathsep.join(usable) or None
        variables = (*([file[0]] if file else []), *(["SSL_CERT_DIR"] if directories is not None else []))
        return self.store(ENVIRONMENT, bundle, directory, defaults=(default,) if default else (), variables=variables)

    def openssl(self) -> Store | None:
        bundle = self._default(self._bundle, bundle_problem)
        directory = self._default(self._directory, hashed_directory_problem)
        return self.store(OPENSSL, bundle, directory) if bundle or directory else None

    def table(self) -> Store | None:
        if bundle := self._first(BUNDLES, bundle_problem):
            same = (path for path in self._paths(HASHED_DIRECTORIES) if self._covers(path, bundle))
            return self.store(TABLE, bundle, next(same, None))
        if directory := self._first(HASHED_DIRECTORIES, hashed_directory_problem):
            return self.store(TABLE, None, directory)
        if directory := self._first(OTHER_DIRECTORIES, other_directory_problem):
            return self.store(TABLE, files=certificate_files(directory))
        return None

    def private(self) -> Store | None:
        for path, problem in self._set_aside:
            if not problem(path):
                del self._passed_over[path]
                self._unheeded.pop(path, None)
                self._warnings.append(
                    f"This system's store was not found. {path} is used, a private copy: it does not have the roots that the "
                    "administrator has installed, and may be out of date. Install the system's package of CA certificates."
                )
                return self.store(PRIVATE, path) if problem is bundle_problem else self.store(PRIVATE, None, path)
        return None

    def store(
        self,
        step: str,
        file: str | None = None,
        directory: str | None = None,
        files: tuple[str, ...] = (),
        defaults: tuple[str, ...] = (),
        variables: tuple[str, ...] = (),
    ) -> Store:
        covered = bool(file and directory and self._covers(directory, file))
        warnings = (*self._unheeded.values(), *self._warnings)
        return Store(step, file, directory, files, covered, tuple(self._passed_over.items()), warnings, defaults, variables)

    # What the user wishes.

    def _users_file(self) -> tuple[str, str] | None:
        """The variable that the user has set, and the bundle it names."""
        for variable in ("NIX_SSL_CERT_FILE", "SSL_CERT_FILE") if self._nix else ("SSL_CERT_FILE",):
            value = self._environ.get(variable)
            if value is not None and self._is_users(variable, value, bundle_problem):
                return variable, self._at(value)
        return None

    def _users_directories(self) -> list[str] | None:
        """What SSL_CERT_DIR names, without what the user has not set. An empty value is a wish, too: no directory."""
        value = self._environ.get("SSL_CERT_DIR")
        if value is None:
            return None
        listed = [path for path in value.split(os.pathsep) if path] or [""]
        return [self._at(path) for path in listed if self._is_users("SSL_CERT_DIR", path, hashed_directory_problem)] or None

    def _is_users(self, variable: str, value: str, problem: Problem) -> bool:
        path = self._at(value)
        whose = self._owner(path)
        if CONDA_MARKER in self._environ and value.replace("\\", "/").endswith("/ssl/cacert.pem"):
            whose = "conda's copy of Mozilla's roots, set by its activation script"
        if not whose or _is_changed(path):
            return True
        self._passed_over.setdefault(path, f"is set in {variable}, but it is {whose}: not the user's choice")
        self._unheeded.setdefault(path, _UNHEEDED.format(variable=variable, path=path, whose=whose))
        self._set_aside.append((path, problem))
        return False

    def _obeyed(self, variable: str, path: str, problem: Problem) -> str | None:
        if not path:
            self._passed_over.setdefault(variable, "is set to nothing")
            if variable != "SSL_CERT_DIR" and not self._environ.get("SSL_CERT_DIR"):  # only a directory may be what the user wants
                self._warnings.append(f"{variable} is set to the empty string. Nothing else is used instead.")
            return None
        why = problem(path)
        if not why:
            return path
        self._passed_over.setdefault(path, f"is set in {variable}, but {why}")
        if why != EMPTY:
            self._warnings.append(f"{variable} is set, but {path} {why}. Nothing else is used instead.")
        return None

    # What there is without the user.

    def _default(self, path: str, problem: Problem) -> str | None:
        """One of the paths that OpenSSL was compiled with, if it is the system's and holds something."""
        whose, why = self._owner(path), problem(path)
        if whose and not why:
            self._passed_over.setdefault(path, f"is what OpenSSL was built for, but it is {whose}: not the system's")
            self._set_aside.append((path, problem))
            return None
        return self._usable(path, why)

    def _first(self, table: Mapping[str, tuple[Row, ...]], problem: Problem) -> str | None:
        return next((path for path in self._paths(table) if self._usable(path, problem(path))), None)

    def _usable(self, path: str, why: str) -> str | None:
        if why:
            self._passed_over.setdefault(path, why)
        return None if why else path

    # Questions about paths.

    def _at(self, path: str) -> str:
        return _rooted(self._root, path)

    def _paths(self, table: Mapping[str, tuple[Row, ...]]) -> tuple[str, ...]:
        rows = next((rows for platform, rows in table.items() if self._platform.startswith(platform)), table["linux"])
        return tuple(self._at(path) for path, _, _ in rows)

    def _covers(self, directory: str, bundle: str) -> bool:
        return covers(directory, bundle, self._paths(HASHED_DIRECTORIES))

    def _owner(self, path: str) -> str:
        """Whose copy of somebody's roots this is, if it is not the system's."""
        parent = os.path.dirname(path)
        if os.path.basename(parent) == "certifi":
            return "certifi's copy of Mozilla's roots"
        if _in_standard_librarys_tests(path):
            return ""
        places = (path, _resolved(parent)) if path else ()
        return next(
            (f"in {own}, private to a Python or a package manager" for own in self._private for at in places if _inside(at, own)),
            "",
        )


def _is_changed(path: str) -> bool:
    from .installed import is_changed  # rarely needed

    return is_changed(path)


def _in_standard_librarys_tests(path: str) -> bool:
    """Their own files are what CPython's tests set the variables to. Not in frozen programs, whose library is no folder of files."""
    library = getattr(os, "__file__", "")
    return _inside(path, os.path.join(os.path.dirname(library), "test")) and os.path.isfile(library)


def _inside(path: str, directory: str) -> bool:
    return (path + "/").startswith(directory.rstrip("/") + "/")


def _resolved(path: str) -> str:
    """Where a path leads, if it leads somewhere: what does not exist holds nothing."""
    try:
        return _resolved_in(path, files.state(path))
    except (OSError, ValueError):  # also a relative path, where the working directory is gone; a null character
        return path


@lru_cache(maxsize=64)
def _resolved_in(path: str, _state: State) -> str:
    return os.path.realpath(path)


def _rooted(root: str, path: str) -> str:
    return path if root == "/" or not path.startswith("/") else root + path


def _private_directories(root: str, prefixes: tuple[str, ...]) -> tuple[str, ...]:
    """The directories whose roots are not the system's, as named and as resolved: those of this Python and of package managers."""
    named, shared = _named_directories(root, prefixes)
    return tuple(path for path in dict.fromkeys((*named, *map(_resolved, named))) if path not in shared)


@lru_cache(maxsize=8)
def _named_directories(root: str, prefixes: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    shared = frozenset(os.path.normpath(_rooted(root, prefix)) for prefix, _ in SHARED_PREFIXES)
    cellars = (prefix.partition("/Cellar/")[0] for prefix in prefixes if "/Cellar/" in prefix)
    given = (*prefixes, *cellars, *(prefix for prefix, _ in PRIVATE_PREFIXES))
    return tuple(os.path.normpath(_rooted(root, prefix)) for prefix in dict.fromkeys(given) if prefix.startswith("/")), shared
