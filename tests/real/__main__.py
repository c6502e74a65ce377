"""Asks this system for each row of the table of cases, prints what was expected and seen, and writes both to a file to send in an issue.

On Windows and macOS the system itself is asked; elsewhere the simulator of macOS, which shows that this program works. Nothing is changed
on the machine, and the rows whose roots the system would have to know are left out, unless --add-roots says that this machine is to be
thrown away.

Exit status: 0, also if a guess was wrong; 1 if anything else was, or no row could be asked.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import platform
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cases
import evidence
from offline import context_of
from windows.published import Publisher

import truststore
from real import systems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases import Case

#: Codes of those whom nobody issued: they need no root in the system to be refused.
STRANGERS = {18, 19, 20}

NOT_ASKED, AS_EXPECTED, WRONG_GUESS, WRONG = "needs --add-roots", "as expected", "WRONG GUESS", "WRONG"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("real", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="ask the rows whose names contain one of these")
    parser.add_argument("--add-roots", action="store_true", help="put roots into the system's store: on a machine to throw away")
    parser.add_argument("--json", type=Path, default=Path("truststore-real.json"), metavar="FILE", help="default: %(default)s")
    options = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        system = stack.enter_context(systems.here(add_roots=options.add_roots))
        wanted = [case for case in cases.rows(system.column) if any(word in case.id for word in options.words or [""])]
        rows = asked(system, wanted, stack.enter_context(Publisher()))
    report = {**about(system), "roots_added": system.knows_roots, "rows": rows}
    options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    show(system, rows)
    print(f"Written to {options.json}: please send it in an issue.")
    results = [row["result"] for row in rows]
    return int(WRONG in results or not set(results) - {NOT_ASKED})


def about(system: systems.System) -> dict[str, Any]:
    return {
        "system": system.name,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "machine": platform.machine(),
        "python": sys.version,
        "openssl": ssl.OPENSSL_VERSION,
    }


def asked(system: systems.System, wanted: Sequence[Case], publisher: Publisher) -> list[dict[str, Any]]:
    """All rows. The roots come first: a system may read its store but once."""
    can_ask = [case for case in wanted if system.knows_roots or is_about_a_stranger(case, system.column)]
    if system.knows_roots:
        worlds = [case.world(publisher.url) for case in can_ask]
        for world in worlds:
            publisher.files.update(world.published)
        system.learn(worlds)
    return [row(system, case, publisher.url, ask=case in can_ask) for case in wanted]


def is_about_a_stranger(case: Case, column: str) -> bool:
    """Whether the answer is the same if the system knows no root of the table."""
    expected = getattr(case, column)
    return case.id in evidence.OF_OPENSSL.split() or (expected in STRANGERS and not isinstance(expected, cases.Guess))


def row(system: systems.System, case: Case, url: str, *, ask: bool) -> dict[str, Any]:
    expected = getattr(case, system.column)
    said = answer(case, url) if ask else {}
    return {
        "row": case.id,
        "expected": int(expected),
        "rests_on": "the lab" if system.column == "wine" else evidence.rests_on(case, system.column),
        **said,
        "result": result(expected, said["seen"]) if ask else NOT_ASKED,
    }


def answer(case: Case, url: str) -> dict[str, Any]:
    world = case.world(url)
    try:
        context_of(case, world.anchors, world).verify_chain(world.ders, case.host)
    except ssl.SSLCertVerificationError as error:
        return {"seen": error.verify_code, "platform_code": vars(error).get("platform_code"), "said": str(error)}
    except Exception as error:  # noqa: BLE001  (the other rows are asked all the same)
        return {"seen": None, "said": f"{type(error).__name__}: {error}"}
    return {"seen": 0}


def result(expected: int, seen: int | None) -> str:
    if seen == expected:
        return AS_EXPECTED
    return WRONG_GUESS if isinstance(expected, cases.Guess) and seen is not None else WRONG


def show(system: systems.System, rows: Sequence[dict[str, Any]]) -> None:
    print(
        f"{system.name}, {platform.machine()}, Python {platform.python_version()}, truststore from {Path(truststore.__file__).parent}\n"
    )
    print(f"{'row':36} {'expected':>8} {'seen':>8}  result")
    for one in rows:
        expected = f"{one['expected']}{'?' if one['rests_on'] == evidence.GUESS else ''}"
        print(f"{one['row']:36} {expected:>8} {one.get('seen', '-')!s:>8}  {one['result']}")
    results = [one["result"] for one in rows]
    counts = [f"{results.count(kind)} {kind}" for kind in (AS_EXPECTED, WRONG_GUESS, WRONG, NOT_ASKED) if kind in results]
    print(f"\n{', '.join(counts)}; ?: a guess; 0: accepted; other numbers: OpenSSL's X509_V_ERR_*")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
