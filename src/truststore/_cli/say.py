"""How the commands print: 80 columns, in colour if the terminal supports it, and without control characters.

Texts from certificates, files and the environment may be anything: `shown` escapes and cuts them.
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

#: The version of the documents' format. It changes when a member is removed or changes its meaning, not when one is added.
SCHEMA = 1


def shown(text: str, most: int = NAME) -> str:
    """Somebody else's text for a terminal, on one line."""
    return printable(text if len(text) <= most else text[: most - 1] + "…")


def heading(text: str) -> None:
    """Print a heading."""
    print(painted(text, BOLD))


def fact(label: str, value: str) -> None:
    """Print a label and its text, which may take several lines and be somebody else's."""
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
    """The document for `--json`, in ASCII."""
    import json

    return json.dumps({"schema": SCHEMA, **members}, indent=2) + "\n"


def painted(text: str, colour: str, stream: TextIO | None = None) -> str:
    """In colour, if that is wanted on standard output (or `stream`)."""
    return f"\x1b[{colour}m{text}\x1b[0m" if _wants_colour(stream or sys.stdout) else text


def _wants_colour(stream: TextIO | None) -> bool:
    """As no-color.org and force-color.org have it, NO_COLOR first."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb" and _obeys_escapes()


def _obeys_escapes() -> bool:
    """Old consoles of Windows print escape sequences as text. Pythons before 3.13 cannot ask."""
    if sys.platform != "win32":
        return True
    import nt

    return bool(getattr(nt, "_supports_virtual_terminal", lambda: False)())
