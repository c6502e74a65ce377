"""Many threads at once, and peers that send very many certificates."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from certificates import Authority

from windows import system
from windows.asking import about, verdict

if TYPE_CHECKING:
    from certificates import Certificate

    from windows.watching import Calls

assert sys.platform == "win32"

THREADS, QUESTIONS = 32, 10


def test_threads(leaf: Certificate, stranger: Certificate, calls: Calls) -> None:
    """Each gets the answer to its own question."""
    kinds = [(about(leaf.chain), 0), (about(leaf.chain, "other.test"), 62), (about(stranger.chain), 20)]
    start = threading.Barrier(THREADS)
    right: list[bool] = []

    def ask(number: int) -> None:
        question, expected = kinds[number % len(kinds)]
        start.wait()
        right.extend(verdict(question) == expected for _ in range(QUESTIONS))

    threads = [threading.Thread(target=ask, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * THREADS * QUESTIONS
    assert calls["CertGetCertificateChain"] == len(right)
    assert calls.owed == {}


def serial_numbers(certificate: Certificate, count: int) -> list[bytes]:
    """Certificates that differ in one number alone: no signature is right, and nobody looks at it."""
    number = certificate.parsed.serial_number.to_bytes(20, "big")
    assert certificate.der.count(number) == 1
    return [certificate.der.replace(number, b"\x01" + index.to_bytes(19, "big")) for index in range(count)]


#: Wine 8 takes ever longer to allocate memory.
VERY_MANY = int(os.environ.get("TRUSTSTORE_TESTS_MANY") or (10_000 if system.IS_WINE else 100_000))


@pytest.mark.timeout(600)
def test_very_many_certificates_and_duplicates(leaf: Certificate) -> None:
    """More than a handshake can bring, as `verify_chain()` may be given them."""
    template = Authority.new("One of very many")
    while template.parsed.serial_number >> 152 == 0:
        template = Authority.new("One of very many")
    many = serial_numbers(template, VERY_MANY)
    asked, [server, intermediate] = about(leaf.chain), [certificate.der for certificate in leaf.chain]
    started = time.monotonic()
    assert verdict(asked.about([server, *many, intermediate, *many[:1000], intermediate, server])) == 0
    assert verdict(asked.about([server, *many, *many[:1000]])) == 20
    assert time.monotonic() - started < 60
