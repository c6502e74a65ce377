"""What is read of a hashed directory, against what OpenSSL really finds there when it verifies a server."""

from __future__ import annotations

import ssl
import sys
from typing import TYPE_CHECKING

import pytest
from certificates import CLIENT_AUTH, SERVER_AUTH, Authority, Certificate
from fake_root import FakeRoot, subject_hash
from pem_files import CRL, FIRST, SECOND, THIRD, openssl, trusted
from servers import in_memory

from truststore._store.files import certificates_by_name, held_by_name

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    pytest.skip("no such files on Windows", allow_module_level=True)

ROOTS = (FIRST, SECOND, THIRD)
OPENSSL_3_5 = ssl.OPENSSL_VERSION_INFO >= (3, 5)


@pytest.fixture
def machine(tmp_path: Path) -> FakeRoot:
    machine = FakeRoot(tmp_path)
    machine.directory("/d")
    return machine


def found(machine: FakeRoot) -> set[Authority]:
    """OpenSSL finds the same, and so it is where plain files are taken at their word."""
    directory = machine("/d")
    expected = {root for root in ROOTS if verifies(openssl(capath=directory), root)}
    for read in (certificates_by_name, held_by_name):
        assert set(read(directory)) == {root.der for root in expected}
    return expected


def verifies(context: ssl.SSLContext, authority: Authority) -> bool:
    try:
        in_memory(context, authority.issue("localhost").server_context())
    except ssl.SSLCertVerificationError:
        return False
    return True


def name(certificate: Certificate, number: object = 0) -> str:
    return f"/d/{subject_hash(certificate)}.{number}"


def test_links(machine: FakeRoot) -> None:
    machine.hashed("/d", FIRST, SECOND)
    assert found(machine) == {FIRST, SECOND}


def test_names_that_do_not_count(machine: FakeRoot) -> None:
    machine.write("/d/first.pem", FIRST.pem)
    machine.write(name(SECOND, 1), SECOND.pem)
    machine.write(name(THIRD, "00"), THIRD.pem)
    assert found(machine) == set()


def test_certificate_by_anothers_name(machine: FakeRoot) -> None:
    machine.write(name(FIRST), SECOND.pem)
    assert found(machine) == set()


OBSTACLES = {
    "empty": "",
    "junk": "junk",
    "cut off": FIRST.pem[:300],
    "one cut off behind another": SECOND.pem + FIRST.pem[:300],
    "two joined without a newline": FIRST.pem.rstrip("\n") + SECOND.pem,
}


@pytest.mark.parametrize("obstacle", [*OBSTACLES, "a directory"])
def test_what_follows_something_unreadable(obstacle: str, machine: FakeRoot) -> None:
    if obstacle in OBSTACLES:
        machine.write(name(FIRST), OBSTACLES[obstacle])
    else:
        machine.directory(name(FIRST))
    machine.write(name(FIRST, 1), FIRST.pem)
    machine.write(name(THIRD), THIRD.pem)
    assert found(machine) == ({FIRST, THIRD} if OPENSSL_3_5 else {THIRD})


def test_what_stands_before_the_damage(machine: FakeRoot) -> None:
    """OpenSSL finds it. Here it does not count: better to say too little of what is there, and to load what a public bundle has of it."""
    machine.write(name(FIRST), FIRST.pem + SECOND.pem[:300])
    machine.write(name(SECOND), SECOND.pem)
    for read in (certificates_by_name, held_by_name):
        assert list(read(machine("/d"))) == [SECOND.der]


@pytest.mark.parametrize("target", ["/nowhere", None], ids=["nowhere", "itself"])
def test_what_follows_a_broken_link(target: str | None, machine: FakeRoot) -> None:
    machine.link(name(FIRST), target or name(FIRST))
    machine.write(name(FIRST, 1), FIRST.pem)
    assert found(machine) == ({FIRST} if OPENSSL_3_5 else set())


def test_what_follows_a_gap(machine: FakeRoot) -> None:
    machine.write(name(FIRST), "junk")
    machine.write(name(FIRST, 2), FIRST.pem)
    assert found(machine) == set()


def test_another_certificate_before(machine: FakeRoot) -> None:
    machine.write(name(FIRST), SECOND.pem)
    machine.write(name(FIRST, 1), FIRST.pem)
    assert found(machine) == {FIRST}


def test_text_around(machine: FakeRoot) -> None:
    machine.write(name(FIRST), f"First\n{FIRST.pem}bye\n")
    assert found(machine) == {FIRST}


def test_revocation_list_around(machine: FakeRoot) -> None:
    machine.write(name(FIRST), CRL + FIRST.pem)
    assert found(machine) == {FIRST}


def test_two_in_one_file(machine: FakeRoot) -> None:
    """OpenSSL finds the second only after it has looked for the first."""
    machine.write(name(FIRST), FIRST.pem + SECOND.pem)
    assert found(machine) == {FIRST}


def test_trusted_for_something_else(machine: FakeRoot) -> None:
    machine.write(name(FIRST), trusted(FIRST, [CLIENT_AUTH]))
    machine.write(name(SECOND), trusted(SECOND, [SERVER_AUTH]))
    assert found(machine) == {SECOND}


@pytest.mark.timeout(20)
def test_fifo_is_not_waited_for(machine: FakeRoot) -> None:
    """OpenSSL would: it is not asked."""
    machine.fifo(name(FIRST))
    machine.write(name(FIRST, 1), FIRST.pem)
    machine.write(name(SECOND), SECOND.pem)
    for read in (certificates_by_name, held_by_name):
        assert set(read(machine("/d"))) == ({FIRST.der, SECOND.der} if OPENSSL_3_5 else {SECOND.der})


def test_no_directory(machine: FakeRoot) -> None:
    for read in (certificates_by_name, held_by_name):
        with pytest.raises(FileNotFoundError):
            list(read(machine("/missing")))
