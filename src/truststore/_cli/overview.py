"""Without a command: which store is used on this machine, and why, for reading and for pasting into an issue."""

from __future__ import annotations

import os
import ssl
import sys
from datetime import datetime, timezone

from .._context import SSLContext, system_store
from . import obstacles, pth, say
from .status import REFUSED, TRUSTED
from .version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from .._store.search import Store

    Facts = dict[str, Any]


def add(parser: argparse.ArgumentParser) -> None:
    """Add its arguments."""
    parser.add_argument("--json", action="store_true", help="as a JSON document")


def answer(options: argparse.Namespace) -> int:
    """Print which store is used on this machine. Without any roots every server is refused."""
    store = system_store()
    facts = _facts(store)
    if options.json:
        print(say.document(facts), end="")
    else:
        _print(facts)
    return TRUSTED if store is None or store else REFUSED


# -- what is known, as `--json` has it --------------------------------------------------------------------------------------------


def _facts(store: Store | None) -> Facts:
    python = sys.implementation
    return {
        "truststore": {"version": VERSION, "path": os.path.dirname(os.path.dirname(os.path.abspath(__file__)))},
        "python": {"implementation": python.name, "version": sys.version.split()[0], "executable": sys.executable or None},
        "openssl": ssl.OPENSSL_VERSION,
        "system": _system(),
        "enabled": pth.path() if pth.is_written() else None,
        "judge": SSLContext._platform.name,
        "judges_with": str(SSLContext._platform.store if store is None else store),
        "store": None if store is None else _store(store),
        "in_the_way": [{"what": what, "value": value, "effect": effect} for what, value, effect in obstacles.found()],
    }


def _system() -> str:
    import platform

    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.platform()}"
    except (OSError, KeyError):
        return platform.platform()


def _store(store: Store) -> Facts:
    damaged, roots = _read(store)
    return {
        "step": store.step,
        "file": store.file,
        "directory": store.directory,
        "files": list(store.files),
        "covered": store.covered,
        "roots": roots,
        "changed": _changed(store),
        "passed_over": [{"path": path, "why": why} for path, why in store.passed_over],
        "warnings": list(store.warnings),
        "damaged": damaged,
        "without_variables": _without_variables(store),
    }


def _read(store: Store) -> tuple[list[str], int | None]:
    """The blocks of its files that are not loaded, or why that is not known; and the number of roots."""
    try:
        return list(map(str, store.damaged)), store.certificates
    except OSError as error:
        return [str(error)], None


def _changed(store: Store) -> str | None:
    """When a part of it was last changed."""
    paths = (*filter(None, (store.file, *(store.directory or "").split(os.pathsep))), *store.files)
    times = [os.stat(path).st_mtime for path in paths if os.path.exists(path)]
    return datetime.fromtimestamp(max(times), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if times else None


def _without_variables(store: Store) -> str | None:
    """The store without environment variables, if it is a different one."""
    from .._store.search import find

    without = find(environ={})
    return str(without) if (without.file, without.directory, without.files) != (store.file, store.directory, store.files) else None


# -- in words ---------------------------------------------------------------------------------------------------------------------


def _print(facts: Facts) -> None:
    python = facts["python"]
    say.heading(f"truststore {facts['truststore']['version']}")
    say.fact("package", facts["truststore"]["path"])
    say.fact("Python", f"{python['implementation']} {python['version']}, {python['executable']}")
    say.fact("OpenSSL", facts["openssl"])
    say.fact("system", facts["system"])
    say.heading("Who decides")
    say.paragraph(f"Decided by {facts['judge']}, with {say.shown(facts['judges_with'], say.SENTENCE)}.", "  ", "  ")
    if facts["store"] is not None:
        _print_store(facts["store"])
    if facts["enabled"]:
        say.fact("enabled", f"for all programs of this environment, by {facts['enabled']}")
    say.heading("What gets in the way")
    for each in facts["in_the_way"] or [None]:
        words = "nothing that is known" if each is None else obstacles.in_words((each["what"], each["value"], each["effect"]))
        say.paragraph(words, "  ", "    ")


def _print_store(store: Facts) -> None:
    say.fact("roots", "not known" if store["roots"] is None else str(store["roots"]))
    say.fact("changed", store["changed"] or "not known")
    for each in store["passed_over"]:
        say.fact("passed over", f"{each['path']} ({each['why']})")
    for warning in (*store["warnings"], *store["damaged"]):
        say.fact("warning", warning)
    if store["without_variables"] is not None:
        say.fact("shadowed", f"{store['without_variables']}, by environment variables")
