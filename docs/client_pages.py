"""A page for each client, made when the documentation is built: of the rows of clients.csv, and of the code that ran (tests/clients)."""

from __future__ import annotations

import csv
import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clients.table import Client
    from sphinx.application import Sphinx

    Row = dict[str, str]

DOCS = Path(__file__).resolve().parent
PAGES = DOCS / "clients"
#: Sections of usage.md, by the page's name.
SECTIONS = {
    **dict.fromkeys(("requests", "niquests"), "requests"),
    "urllib3": "urllib3",
    "httpx": "httpx",
    "aiohttp": "aiohttp",
    "asyncio": "asyncio",
    **dict.fromkeys(("http.client", "smtplib", "imaplib", "poplib", "ftplib"), "the-rest-of-the-standard-library"),
}


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", lambda _: write_all())
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_all() -> None:
    """Those that have changed, so that Sphinx reads no more than these again."""
    PAGES.mkdir(exist_ok=True)
    rows_of: dict[str, list[Row]] = {}
    for row in table():
        rows_of.setdefault(name_of(row), []).append(row)
    pages = {f"{name}.md": page(name, rows) for name, rows in rows_of.items()}
    for old in PAGES.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = PAGES / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def table() -> list[Row]:
    with (DOCS / "clients.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def name_of(row: Row) -> str:
    """Without the release or the way: "requests 2.31" and "redis, asynchronous" have no page of their own."""
    return re.split(r",? ", row["Client"], maxsplit=1)[0]


def page(name: str, rows: Sequence[Row]) -> str:
    return "\n".join([f"# {name}\n", *_how(name, rows), *_results(rows), *_remarks(rows), *_code(rows)])


def _how(name: str, rows: Sequence[Row]) -> Iterator[str]:
    parameters = list(dict.fromkeys(row["A context"] for row in rows if row["A context"] != "no"))
    if parameters:
        yield f"Pass a context: {_moved('; '.join(parameters))}. Or [inject](../usage.md#injection) truststore in the program.\n"
    elif any(row["injected before"] == "not reached by it" for row in rows):
        yield "It has TLS of its own. [What its users do](../clients.md#what-is-not-ssl).\n"
    else:
        run = "start it with [`truststore run`](../command-line.md#a-program)"
        yield f"It takes no context. [Inject](../usage.md#injection) truststore in the program, or {run}.\n"
    if name in SECTIONS:
        yield f"[Usage](../usage.md#{SECTIONS[name]}) has an example.\n"


def _results(rows: Sequence[Row]) -> Iterator[str]:
    """What became of it, as the [table](clients.md) of all has it."""
    yield "[What was tried](../clients.md), and what became of it:\n"
    yield "| | " + " | ".join(_moved(row["Client"]) for row in rows) + " |"
    yield "|---|" + "---|" * len(rows)
    for way in ("passed", "injected before", "injected after", "without truststore"):
        yield f"| {_in_words(way)} | " + " | ".join(row[way] for row in rows) + " |"
    yield ""


def _in_words(way: str) -> str:
    return {
        "passed": "a context is passed",
        "injected before": "truststore is injected before the import",
        "injected after": "truststore is injected after the import",
        "without truststore": "without truststore it trusts",
    }[way]


def _remarks(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row["Remark"]:
            yield f"- {row['Client']}: {_moved(row['Remark'])}"
    yield ""


def _moved(text: str) -> str:
    """Links, one folder further down."""
    text = text.replace("](#not-ssl)", "](clients.md#what-is-not-ssl)")
    return re.sub(r"\]\((?!https:)", "](../", text)


def _code(rows: Sequence[Row]) -> Iterator[str]:
    """What was run: each function once. Those that others are made of by another function say little by themselves."""
    sys.path.append(str(DOCS.parent / "tests"))
    from clients.table import CLIENTS

    by_name: dict[str, Client] = {client.name: client for client in CLIENTS}
    functions = dict.fromkeys(by_name[row["Client"]].attempt for row in rows if row["Client"] in by_name)
    sources = [inspect.getsource(function) for function in functions if "<locals>" not in function.__qualname__]
    if sources:
        yield "The code that was run (`lib` is the module, and `case` has what to connect to, and the context, if one is passed):\n"
        yield "```python"
        yield "\n\n".join(sources).rstrip()
        yield "```\n"
