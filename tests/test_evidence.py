"""Every row of the table of cases says what it rests on."""

from __future__ import annotations

import cases
import evidence
import pytest

both = pytest.mark.parametrize("platform", ["windows", "macos"])


@both
def test_every_row_rests_on_something_or_is_a_guess(platform: str) -> None:
    without = [case.id for case in cases.rows(platform) if not _rests_on(case, platform)]
    assert without == []


def _rests_on(case: cases.Case, platform: str) -> str:
    try:
        return evidence.rests_on(case, platform)
    except KeyError:
        return ""


@both
def test_sources_are_of_rows_that_need_one(platform: str) -> None:
    by_source = {
        case.id
        for case in cases.rows(platform)
        if evidence.rests_on(case, platform) not in (evidence.GUESS, evidence.OPENSSL, evidence.OWN_CHECK)
    }
    named = [row for rows in getattr(evidence, platform.upper()).values() for row in rows.split()]
    assert sorted(named) == sorted(by_source)


def test_what_ran_here_or_in_the_lab_is_no_guess() -> None:
    assert [case.id for case in cases.CASES for code in (case.openssl, case.wine) if isinstance(code, cases.Guess)] == []
