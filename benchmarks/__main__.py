"""What truststore costs, compared with plain `ssl` on the same certificates: python -m benchmarks [NAME ...].

Figures are ratios to `ssl.create_default_context()`, measured in turns in one run (`measure.py`), or counts. With `--quick` it takes less
than a minute, and fails only where a target is missed by far; without, where one is missed by more than chance explains.
"""

from __future__ import annotations

import argparse
import json
import platform
import ssl
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import truststore

from .cases import CASES, EVERYWHERE, Setting
from .measure import Figure, table
from .stage import Stage
from .subjects import OPENSSL_VERIFIES

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = {case.__name__: case for case in (CASES if OPENSSL_VERIFIES else EVERYWHERE)}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    listing = "\n".join(f"  {name:18}{(case.__doc__ or '').splitlines()[0]}" for name, case in NAMES.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"{__doc__}\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which to run (default: all that work here)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds; fail only if a target is missed by far")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    parser.add_argument(
        "--peers", action="store_true", help="side by side with others of the package index instead; write docs/side_by_side.*"
    )
    parser.add_argument(
        "--peer", type=Path, metavar="DIR", help="compare with the truststore that pip installed into this folder, too"
    )
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(NAMES)):
        parser.error(f"no benchmark is called {', '.join(unknown)}: there are {', '.join(NAMES)}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    machine = f"CPython {platform.python_version()} on {platform.system()} {platform.machine()}, {ssl.OPENSSL_VERSION}"
    print(f"{machine}, truststore from {Path(truststore.__file__).parent}", flush=True)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:  # wassima passes over paths with "trust" in them
        stage = Stage.built(Path(folder))
        if options.peers:
            return compare(stage, quick=options.quick)
        setting = Setting(stage, options.quick, options.peer)
        for name in options.names or NAMES:
            found = list(NAMES[name](setting))
            print(table(found, options.quick), flush=True)
            figures += found
    missed = [figure for figure in figures if figure.misses(options.quick)]
    if options.json:
        report = {"machine": machine, "quick": options.quick, "figures": [asdict(figure) for figure in figures]}
        options.json.write_text(json.dumps(report, indent=1), "utf-8")
    print(f"\n{sum(figure.target is not None for figure in figures) - len(missed)} targets met, {len(missed)} missed")
    return 1 if missed else 0


def compare(stage: Stage, *, quick: bool) -> int:
    """With the rivals. A quick run, whose figures mean nothing, writes nothing."""
    from . import side_by_side

    lines = side_by_side.measured(stage, quick=quick)
    if not quick:
        side_by_side.write(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
