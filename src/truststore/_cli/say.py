"""How the commands print: 80 columns, colour where the terminal wants it, and nothing that a terminal would obey.

Texts out of certificates, files and the environment are others': `shown` escapes them and cuts them.
"""

from __future__ import annotations

import os
import sys

from .._der import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

WIDTH = 79
#: The most characters of a name, of a path or value, and of a sentence that quotes some.
NAME, VALUE, SENTENCE = 160, 1000, 2000

BOLD, RED, GREEN = "1", "31", "32"

#: The number of the documents' form. It changes when a member goes or means something else, not when one is added.
SCHEMA = 1


def shown(text: str, most: int = NAME) -> str:
    """A text of others' for a terminal, on one line."""
    return printable(text if len(text) <= most else text[: most - 1] + "…")


def heading(text: str) -> None:
    """Print a line that others stand under."""
    print(painted(text, BOLD))


def fact(label: str, value: str) -> None:
    """Print a label and what is to be said of it, which may take several lines and be somebody else's text."""
    paragraph(shown(value, SENTENCE), f"  {label:<13}", " " * 15)


def paragraph(text: str, first: str = "", further: str = "", stream: TextIO | None = None) -> None:
    """Print a text within the width, its lines indented."""
    print(wrapped(text, first, further), file=stream)


def wrapped(text: str, first: str = "", further: str = "") -> str:
    """A text within the width. Long words, such as paths, stay whole."""
    import textwrap

    lines = textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines) or first.rstrip()


def document(members: dict[str, object]) -> str:
    """What `--json` asks for, in ASCII."""
    import json

    return json.dumps({"schema": SCHEMA, **members}, indent=2) + "\n"


def painted(text: str, colour: str, stream: TextIO | None = None) -> str:
    """In colour, if whoever reads standard output (or `stream`) wants it."""
    return f"\x1b[{colour}m{text}\x1b[0m" if _wants_colour(stream or sys.stdout) else text


def _wants_colour(stream: TextIO | None) -> bool:
    """As no-color.org and force-color.org have it, NO_COLOR first."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb" and _obeys_escapes()


def _obeys_escapes() -> bool:
    """Windows' consoles of old print escapes. Pythons before 3.13 cannot ask."""
    if sys.platform != "win32":
        return True
    import nt

    return bool(getattr(nt, "_supports_virtual_terminal", lambda: False)())
