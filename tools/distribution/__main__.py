"""Write completion for bash, zsh and fish, and truststore(1), below a directory that is laid out as /usr/share.

    python3 -m tools.distribution DIR

Nothing has to be installed: the `truststore` beside this folder is described. The same sources give the same bytes; the manual page is
dated by SOURCE_DATE_EPOCH, if it is set.
"""

from __future__ import annotations

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__)
        return 2
    sys.path.insert(0, str(PROJECT / "src"))
    from . import files

    for name, text in files.all_of_them().items():
        path = Path(arguments[0], name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
