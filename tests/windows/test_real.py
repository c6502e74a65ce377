"""`nox -s real` as a person with a Windows machine runs it first: nothing is changed."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from real import __main__ as real

from windows import system

if TYPE_CHECKING:
    from pathlib import Path

assert sys.platform == "win32"

ROWS = ["stranger-leaf-alone", "self-signed", "own-root-wrong-name", "own-root-for-stranger", "wrong-name"]


def test_a_report(tmp_path: Path) -> None:
    file = tmp_path / "real.json"
    assert real.main([*ROWS, "--json", str(file)]) == 0
    report = json.loads(file.read_text("utf-8"))
    assert report["system"].startswith("Wine" if system.IS_WINE else "Windows")
    assert not report["roots_added"]
    results = {row["row"]: (row.get("seen"), row["result"]) for row in report["rows"]}
    assert results["stranger-leaf-alone"] == (20, "as expected")
    assert results["self-signed"] == (18, "as expected")
    assert results["own-root-wrong-name"] == (62, "as expected")
    assert results["wrong-name"] == (None, "needs --add-roots")
