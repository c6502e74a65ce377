"""The table of clients and what the documentation shows of it. The clients themselves are put to the test by `nox -s clients`."""

from __future__ import annotations

from clients import report
from clients.cases import BEFORE, DIRECT, PASSED, REACHED, REFUSED, WITHOUT
from clients.table import CLIENTS, by_name


def test_the_documentation_shows_each_client_once_as_the_table_has_it() -> None:
    shown = [(name, how, remark) for name, how, *_, remark in report.read()]
    assert shown == [(client.name, client.how or "no", client.remark) for client in CLIENTS]


def test_who_trusts_everybody_is_never_said_to_be_as_it_should() -> None:
    fine = dict(DIRECT)
    assert report.cell(fine) == "yes"
    assert report.cell(fine | {"own CA": "cannot"}) == "yes, but no own CA"
    assert report.cell(fine | {"untrusted": REACHED}) == "untrusted: reached"
    assert report.cell(fine | {"untrusted": REACHED, "wrong name": REACHED}) == "verifies nobody"
    assert report.cell({"all": "came to no end"}) == "all: came to no end"
    alone = {"version": "1", "cases": {"trusted": REACHED, "untrusted": REFUSED}}
    result = {way: {"version": "1", "cases": fine} for way in (PASSED, BEFORE, "after")} | {WITHOUT: alone}
    assert report.row(by_name("requests"), result)[2:6] == ("cannot", "yes", "yes", "the roots of OpenSSL's store")
