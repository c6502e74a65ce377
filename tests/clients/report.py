"""What is said of a client: a line on the terminal, and a row of docs/clients.csv, which the documentation shows."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cases import AFTER, BEFORE, BY_PROXY, DIRECT, PASSED, REACHED, REFUSED, WITHOUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .table import Client

TABLE = Path(__file__).resolve().parents[2] / "docs" / "clients.csv"
HEAD = ("Client", "A context", "passed", "injected before", "injected after", "without truststore", "Remark")
WANTED = DIRECT | BY_PROXY


def line(client: Client, result: dict[str, Any]) -> str:
    version, (name, *cells) = result[BEFORE]["version"], row(client, result)
    return f"{name} {version}: " + " | ".join(cells)


def row(client: Client, result: dict[str, Any]) -> tuple[str, ...]:
    ways = [cell(result[way]["cases"]) for way in (PASSED, BEFORE, AFTER)]
    if not client.how:
        ways[0] = "cannot"
    return client.name, client.how or "no", *ways, "" if client.always_given else alone(result[WITHOUT]["cases"]), client.remark


def cell(cases: dict[str, str]) -> str:
    """In how far all became what they should."""
    if cases.get("untrusted") == cases.get("wrong name") == REACHED:
        return "verifies nobody"
    if cases.get("trusted") == cases.get("untrusted") == REFUSED:
        return "not reached by it"
    cannot = [name for name, outcome in cases.items() if outcome.startswith("cannot")]
    wrong = [f"{name}: {outcome}" for name, outcome in cases.items() if name not in cannot and outcome != WANTED.get(name)]
    if wrong:
        return "; ".join(wrong)
    return f"yes, but no {', no '.join(cannot)}" if cannot else "yes"


def alone(cases: dict[str, str]) -> str:
    """Whom a client trusts that is told nothing."""
    meanings = {
        (REACHED, REFUSED): "the roots of OpenSSL's store",
        (REFUSED, REFUSED): "roots of its own",
        (REACHED, REACHED): "everybody",
    }
    outcomes = cases.get("trusted", ""), cases.get("untrusted", "")
    return meanings.get(outcomes, "; ".join(cases.values()))


def compared(clients: Sequence[Client], results: dict[str, Any], *, write: bool) -> int:
    """Whether all is as the documentation has it; or have the documentation say what is."""
    rows = [row(client, results[client.name]) for client in clients]
    if write:
        written(rows)
        return 0
    known = {each[0]: each for each in read()}
    changed = [each for each in rows if known.get(each[0]) != each]
    for each in changed:
        print(f"DIFFERENT {each[0]}:\n  is  {each}\n  was {known.get(each[0])}")
    print(f"{len(rows)} clients, {len(changed)} of them other than {TABLE.name} says")
    return 1 if changed else 0


def read() -> list[tuple[str, ...]]:
    if not TABLE.exists():
        return []
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [tuple(each) for each in csv.reader(file)][1:]


def written(rows: Sequence[tuple[str, ...]]) -> None:
    """Those that were not run stay as they were, in the order of the table of clients."""
    from .table import CLIENTS

    known = {each[0]: each for each in (*read(), *rows)}
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEAD, *(known[each.name] for each in CLIENTS if each.name in known)])
