"""Inject as soon as a program imports `ssl`, and cost almost nothing if it does not.

This runs outside of the package, at the start of an interpreter that may have another truststore, or none. A finder (`_Watch`) stands
before Python's own until `ssl` is imported. Then the package that this file belongs to injects itself: as `truststore`, if that is what
the program would get by this name, too, else under a name of its own, so that the program keeps what it has installed.

If the program imports `truststore` first, that imports `ssl`, half done itself: then the injection waits until all of it is there.

Types are in comments: to import `__future__` for them would cost more than all the rest.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Optional, Union

#: Set by `truststore run`: whether Python children are to inherit.
VARIABLE, CHILDREN, ALONE = "TRUSTSTORE_RUN", "children", "alone"

#: The package's name where `truststore` is something else.
OTHER_NAME = "_truststore_of_run"


def begin(folder):
    # type: (str) -> None
    """Watch for `ssl`. `folder` is this one, as it stands in PYTHONPATH."""
    alone = os.environ.get(VARIABLE) == ALONE
    if alone:
        _leave_environment(folder)
    package = os.path.dirname(os.path.dirname(folder))
    if "ssl" in sys.modules:  # imported by a .pth file
        _inject(package)
    sys.meta_path.insert(0, _Watch(package, None if alone else folder))


def enabled(folder, name, path, target):
    # type: (str, str, Optional[Sequence[str]], Optional[ModuleType]) -> Optional[ModuleSpec]
    """What the line of `truststore enable` has its finder find, once `ssl` or `truststore` is imported."""
    package = os.path.dirname(os.path.dirname(folder))
    if any(isinstance(finder, _Watch) for finder in sys.meta_path):  # of `truststore run`
        return None
    watch = _Watch(package, None)
    sys.meta_path.insert(0, watch)
    return watch.find_spec(name, path, target)


def _leave_environment(folder):
    # type: (str) -> None
    """Children find what they would have found without `truststore run`."""
    del os.environ[VARIABLE]
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path != folder]
    if others:
        os.environ["PYTHONPATH"] = os.pathsep.join(others)
    else:
        os.environ.pop("PYTHONPATH", None)


class _Watch:
    """Finds what the others find, and acts once that is imported. Removes itself when there is nothing more to do."""

    def __init__(self, package, folder):
        # type: (str, Optional[str]) -> None
        self._package = package
        self._then = {}  # type: dict[str, Callable[[], None]]
        if "ssl" not in sys.modules:
            self._then.update(dict.fromkeys(("ssl", "truststore"), self._inject))
        if folder is not None:
            self._then["subprocess"] = lambda: _pass_on(folder)

    def find_spec(self, name, path=None, target=None):
        # type: (str, Optional[Sequence[str]], Optional[ModuleType]) -> Optional[ModuleSpec]
        if name not in self._then:
            return None
        spec = _found_by_others(self, name, path, target)
        if spec is None or spec.loader is None or (name == "truststore" and not _is_this(spec.origin, self._package)):
            return spec
        then = self._then[name]
        if name == "truststore":
            self._then["ssl"] = lambda: None
        spec.loader = _Followed(spec.loader, lambda: self._imported(name, then))  # type: ignore[assignment]
        return spec

    def _imported(self, name, then):
        # type: (str, Callable[[], None]) -> None
        self._then.pop(name, None)
        then()
        if not self._then:
            # Another list: a thread that goes through this one must not miss a finder.
            sys.meta_path = [finder for finder in sys.meta_path if finder is not self]

    def _inject(self):
        # type: () -> None
        self._then.pop("ssl", None)
        self._then.pop("truststore", None)
        _inject(self._package)


def _found_by_others(watch, name, path, target):
    # type: (_Watch, str, Optional[Sequence[str]], Optional[ModuleType]) -> Optional[ModuleSpec]
    """Those behind it: those before it have found nothing."""
    finders = list(sys.meta_path)
    behind = finders[finders.index(watch) + 1 :] if watch in finders else finders
    specs = (finder.find_spec(name, path, target) for finder in behind if hasattr(finder, "find_spec"))
    return next(filter(None, specs), None)


class _Followed:
    """A loader after which something is done. The module does not see it."""

    def __init__(self, loader, then):
        # type: (Any, Callable[[], None]) -> None
        self._loader, self._then = loader, then

    def create_module(self, spec):
        # type: (ModuleSpec) -> Optional[ModuleType]
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module):
        # type: (ModuleType) -> None
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._then()

    def __getattr__(self, name):
        # type: (str) -> object
        return getattr(self._loader, name)


def _inject(package):
    # type: (str) -> None
    """Silent if truststore cannot use this Python's `ssl`. The program runs in any case."""
    try:
        import ssl

        if "_stands_for" not in vars(ssl.SSLContext):  # not in place already, by whatever copy
            _this_package(package).inject_into_ssl()
    except ImportError:
        return
    except Exception as error:  # noqa: BLE001
        sys.stderr.write(f"truststore: the system's trust could not be set up: {type(error).__name__}: {error}\n")


def _this_package(package):
    # type: (str) -> Any
    import importlib.util

    spec = importlib.util.find_spec("truststore")
    if spec is not None and _is_this(spec.origin, package):
        return importlib.import_module("truststore")
    init = os.path.join(package, "__init__.py")
    spec = importlib.util.spec_from_file_location(OTHER_NAME, init, submodule_search_locations=[package])
    if spec is None or spec.loader is None:
        raise ImportError(package)
    module = sys.modules[OTHER_NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _is_this(origin, package):
    # type: (Optional[str], str) -> bool
    return origin is not None and os.path.realpath(os.path.dirname(origin)) == os.path.realpath(package)


def _pass_on(folder):
    # type: (str) -> None
    """In pip, which gives build backends a PYTHONPATH of its own, put this folder in front of it."""
    import subprocess

    if "pip" not in sys.modules:
        return
    start = subprocess.Popen.__init__

    def start_with_it(process, *args, **options):
        # type: (subprocess.Popen[Any], *Any, **Any) -> None
        environment = _with_folder(os.environ if options.get("env") is None else options["env"], folder)
        start(process, *args, **({**options, "env": environment} if environment else options))

    setattr(subprocess.Popen, "__init__", start_with_it)  # noqa: B010


def _with_folder(environ, folder):
    # type: (Mapping[Any, Any], str) -> Union[dict[Any, Any], None]
    """None: it is there, or it is not wanted."""
    path = environ.get("PYTHONPATH") or ""
    if VARIABLE not in environ or folder in path.split(os.pathsep):
        return None
    return {**environ, "PYTHONPATH": os.pathsep.join(filter(None, (folder, path)))}
