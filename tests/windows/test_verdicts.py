"""The verdict on every chain of the table: CryptoAPI's, and OpenSSL's where the program has roots of its own."""

from __future__ import annotations

import ssl
import sys
from typing import TYPE_CHECKING

import cases
import pytest
from fake_verifier import load
from offline import by_handshake, context_of, without_connection

import truststore
from truststore._platform import PLATFORM
from windows import system

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cases import Case, World
    from certificates import Certificate

    from windows.published import Publisher
    from windows.watching import Calls

assert sys.platform == "win32"

without = () if system.ROOTS_CAN_BE_ADDED and not system.IS_WINE else (cases.SETTINGS,)
#: Accepted, revoked, rejected: what OpenSSL says that nobody else is asked about.
FINAL = {0, 23, 28}
UNKNOWN_ISSUER = {2, 18, 19, 20, 21}
each_case = pytest.mark.parametrize("case", cases.rows(system.PLATFORM, without=without), ids=str)


def fill_stores(publisher: Publisher) -> None:
    for case in cases.rows(system.PLATFORM, without=without):
        world = case.world(publisher.url)
        publisher.files.update(world.published)
        for root in world.roots:
            system.add(root.der)
        for certificate in world.denied:
            system.add(certificate.der, "Disallowed")


def by_a_program(case: Case, world: World, loaded: Sequence[Certificate]) -> Sequence[bytes]:
    """The answer of a context that has loaded these and, as plain `ssl` needs them, the row's revocation lists."""
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = case.host is not None
    context.verify_flags |= case.flags
    context.revocation_best_effort = case.best_effort
    context.hostname_checks_common_name = case.common_name
    load(context, [certificate.der for certificate in loaded], world.crls)
    return context.verify_chain(world.ders, case.host)


def answer(world: World, ask: Callable[[], Sequence[bytes]]) -> tuple[int, ssl.SSLCertVerificationError | None]:
    try:
        chain = ask()
    except ssl.SSLCertVerificationError as error:
        return error.verify_code, error
    assert chain[0] == world.ders[0]
    return 0, None


@each_case
@pytest.mark.filterwarnings("default::cases.UnprovenExpectation")
def test_verdict(case: Case, publisher: Publisher, calls: Calls) -> None:
    """Windows' own or, where the program of the row has loaded something, that of its context."""
    world = case.world(publisher.url)
    code, error = answer(world, lambda: by_a_program(case, world, world.anchors))
    why = f"{code} instead of {getattr(case, system.PLATFORM)} because {case.wine_why or case.why}: {error!r}"
    if system.IS_WINE:  # all of it has been measured: nothing is a guess
        assert code == case.wine, why
    assert not cases.surprise(case, system.PLATFORM, code), why
    if error is not None:
        assert (error.reason, error.library) == ("CERTIFICATE_VERIFY_FAILED", "SSL")
        assert world.anchors or vars(error)["platform"] == PLATFORM.name
    settled = world.anchors and case.openssl in FINAL and cases.SYSTEM not in case.needs  # by an anchor of the program's
    assert calls["CertGetCertificateChain"] == (not settled)


#: Wine 8 finds a certificate revoked once, and not again when the list is in its cache: it cannot be asked twice.
asked_twice = cases.rows(system.PLATFORM, without=(*without, cases.UNSERVABLE, *[cases.CRL] * system.IS_WINE))


@pytest.mark.parametrize("case", asked_twice, ids=str)
def test_a_handshake_says_the_same(case: Case, publisher: Publisher) -> None:
    """As `verify_chain()`: verdict, words, Windows' code, notes, and the chain that was built."""
    world = case.world(publisher.url)
    context = context_of(case, world.anchors, world)
    assert without_connection(context, case, world) == by_handshake(context, case, world)


@pytest.mark.skipif(not system.IS_WINE, reason="what Windows says is guessed in part")
@each_case
def test_the_program_has_loaded_all_roots(case: Case, publisher: Publisher, calls: Calls) -> None:
    """OpenSSL and Windows both know them: who accepts settles it, and of two refusals the one that got further is told."""
    world = case.world(publisher.url)
    loaded = [*world.roots, *world.anchors]
    code, error = answer(world, lambda: by_a_program(case, world, loaded))
    settled = loaded and (case.openssl in FINAL or case.host is None)  # names off: nobody but these roots vouches
    assert code == (case.openssl if settled else after_both(case)), repr(error)
    assert calls["CertGetCertificateChain"] == (not settled)


def after_both(case: Case) -> int | None:
    """OpenSSL has refused, and so it is Windows' turn."""
    if case.wine == 0 or (case.openssl in UNKNOWN_ISSUER and case.wine not in UNKNOWN_ISSUER):
        return case.wine
    return case.openssl


def test_a_row_that_differs_under_wine_says_why() -> None:
    assert [case.id for case in cases.rows("wine") if case.wine != case.windows and not case.wine_why] == []
