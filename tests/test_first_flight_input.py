"""What OpenSSL is given to judge without a connection: hostile names, junk for certificates, more than it takes."""

from __future__ import annotations

import functools
import ssl
import threading
from typing import TYPE_CHECKING, Any

import cases
import pytest
from cryptography import x509
from flights import judged, shaken, trusting, verified

from truststore import _first_flight

if TYPE_CHECKING:
    from collections.abc import Callable

    from certificates import Certificate

HOST = cases.HOST

NAMES = [
    HOST, HOST.upper(), HOST + ".", HOST + "..", "." + HOST, "", ".", "..", " ", f" {HOST}", f"{HOST} ", f"{HOST}\n", f"{HOST}\0",
    f"{HOST}\0.evil.test", "www.example.test:443", "https://www.example.test", "*.example.test", "www..example.test", "a.example.test",
    "a.b.example.test", "example.test", "-.example.test", "_.example.test", "xn--bcher-kva.test", "b\u00fccher.test", "B\u00dcCHER.test",
    "xn--.test", "xn--a\u00fc.test", "fa\u00df.test", "www\u3002example\u3002test", "www.example\uff0etest", "\u212aelvin.test",
    "kelvin.test", "\ud800.test", "\U0001f600.test", "a" * 63 + ".test", "a" * 64 + ".test", ("a" * 60 + ".") * 4 + "test",
    ("a" * 60 + ".") * 5 + "test", "a." * 1000, "127.0.0.1", "127.0.0.1.", "127.1", "127.0.0.01", "0x7f.0.0.1", "2130706433", "127.0.0.1 ",
    " 127.0.0.1", "127.0.0.1\0", "\uff11\uff12\uff17.0.0.1", "::1", "0:0:0:0:0:0:0:1", "[::1]", "::1%lo", "::ffff:127.0.0.1", "::",
    ":::", "1::2::3", "::1.2.3.4", "@", "www.example.test/", "localhost",
]  # fmt: skip


@functools.cache
def much_named() -> Certificate:
    names = [HOST, "*.example.test", "xn--bcher-kva.test", "fass.test", "kelvin.test", "127.0.0.1", "::1", "a" * 63 + ".test"]
    return cases.intermediate().issue(*names, x509.DNSName("2130706433"), x509.DNSName("www.example.test:443"))


def outcome(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except ssl.SSLError as error:  # a name that is too long for OpenSSL
        return "neither", str(error)
    except (TypeError, ValueError) as error:
        return (type(error),)


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_as_in_a_handshake(name: str) -> None:
    """What `ssl` encodes, OpenSSL compares; and the same names are none."""
    leaf, root = much_named(), cases.root()
    verdict = outcome(judged, trusting(root), leaf.chain, name)
    handshake = outcome(shaken, trusting(root), much_named_server(), name)
    assert verdict[0] == "neither" == handshake[0] or verdict == handshake


@functools.cache
def much_named_server() -> ssl.SSLContext:
    return much_named().server_context()


@pytest.mark.parametrize("name", ["", ".example.test", "a\0b", "b\u00fccher.test"])
def test_names_that_c_refuses(name: str) -> None:
    """As they are, without the encoding of `ssl`."""
    context, ends = trusting(cases.root()), (ssl.MemoryBIO(), ssl.MemoryBIO())
    with pytest.raises((TypeError, ValueError)) as ours:
        _first_flight.verified_chain(context, threading.Lock(), [cases.root().der], name, context.verify_flags, 0)
    with pytest.raises((TypeError, ValueError)) as plain:
        context._wrap_bio(*ends, False, name)  # type: ignore[attr-defined]
    assert (type(ours.value), str(ours.value)) == (type(plain.value), str(plain.value))
    assert not isinstance(ours.value, ssl.SSLError)


# -- certificates -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", [30, 60])
def test_chains_longer_than_a_record(extra: int) -> None:
    leaf, root = cases.intermediate().issue(HOST), cases.root()
    chain = [*leaf.chain, *[cases.stranger()] * extra]
    assert sum(len(certificate.der) for certificate in chain) > 16384
    assert judged(trusting(root), chain, HOST) == shaken(trusting(root), leaf.server_context(chain), HOST)
    assert judged(trusting(root), chain, HOST)[0] == "accepted"
    assert judged(trusting(), chain, HOST)[:2] == ("refused", 20)


def test_chains_longer_than_openssl_takes() -> None:
    leaf, root = cases.intermediate().issue(HOST), cases.root()
    chain = [*leaf.chain, *[cases.stranger()] * 150]
    assert sum(len(certificate.der) for certificate in chain) > 100 * 1024
    verdict, handshake = judged(trusting(root), chain, HOST), shaken(trusting(root), leaf.server_context(chain), HOST)
    assert (verdict[0], handshake[0]) == ("neither", "neither")
    assert "EXCESSIVE_MESSAGE_SIZE" in verdict[1]


def junk(der: bytes) -> dict[str, bytes]:
    """What is no certificate, or not written as one."""
    return {
        "nothing": b"",
        "zero": b"\0",
        "text": b"certificate",
        "empty sequence": b"\x30\x00",
        "endless sequence": b"\x30\x80",
        "truncated": der[:-1],
        "halved": der[: len(der) // 2],
        "byte too much": der + b"\0",
        "twice": der * 2,
        "PEM": ssl.DER_cert_to_PEM_cert(der).encode(),
        "length written longer": b"\x30\x83\0" + der[2:],
        "indefinite length": b"\x30\x80" + der[4:] + b"\0\0",
        "16 MiB - 1": bytes((1 << 24) - 1),
        "16 MiB": bytes(1 << 24),
        "65 KiB of a certificate": der + bytes(65536),
    }


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("kind", junk(bytes(5)))
def test_junk_is_no_verdict(kind: str, position: int) -> None:
    leaf, root = cases.intermediate().issue(HOST), cases.root()
    chain = [*[certificate.der for certificate in leaf.chain], root.der]
    chain[position] = junk(chain[position])[kind]
    for context in trusting(root), trusting():
        with pytest.raises((_first_flight.NoVerdict, ssl.SSLCertVerificationError)) as caught:
            verified(context, chain, HOST)
        assert isinstance(caught.value, _first_flight.NoVerdict) or "length" in kind


def test_every_bit_of_a_certificate_counts() -> None:
    """No flipped bit leads to an accept."""
    leaf, root = cases.intermediate().issue(HOST), cases.root()
    rest = [certificate.der for certificate in leaf.chain[1:]]
    context = trusting(root)
    verified(context, [leaf.der, *rest], HOST)
    for at in range(0, len(leaf.der), 3):
        flipped = leaf.der[:at] + bytes([leaf.der[at] ^ 1 << at % 8]) + leaf.der[at + 1 :]
        with pytest.raises((_first_flight.NoVerdict, ssl.SSLCertVerificationError)):
            verified(context, [flipped, *rest], HOST)


def test_an_empty_chain_is_no_verdict() -> None:
    assert judged(trusting(), [], HOST) == ("neither", "no verdict on the certificates: there is none")


@pytest.mark.parametrize("make", [bytearray, memoryview, lambda der: memoryview(der + der)[: len(der)]])
def test_bytes_of_other_types(make: Callable[[bytes], Any]) -> None:
    leaf, root = cases.intermediate().issue(HOST), cases.root()
    chain = [make(certificate.der) for certificate in leaf.chain]
    built = verified(trusting(root), chain, HOST)
    assert built == (*[certificate.der for certificate in leaf.chain], root.der)
    assert {type(der) for der in built} == {bytes}


class Anything(bytes):
    """Equal to anything."""

    __hash__ = bytes.__hash__

    def __eq__(self, other: object) -> bool:
        return True


def test_what_is_compared_is_bytes() -> None:
    leaf, root = cases.intermediate().issue(HOST), cases.root()
    rest = [certificate.der for certificate in leaf.chain[1:]]
    with pytest.raises(_first_flight.NoVerdict):
        verified(trusting(root), [Anything(junk(leaf.der)["length written longer"]), *rest], HOST)


@pytest.mark.parametrize("chain", [["text"], [5], [None], b"bytes", 5, None, [cases.root]])
def test_what_is_no_chain_is_a_type_error(chain: Any) -> None:
    with pytest.raises(TypeError):
        verified(trusting(), chain, HOST)


@pytest.mark.filterwarnings("ignore:integer value out of range:DeprecationWarning")
@pytest.mark.parametrize("flags", [-1, 1 << 64, 1 << 100])
def test_flags_that_c_does_not_take_are_no_verdict(flags: int) -> None:
    leaf, context = cases.intermediate().issue(HOST), trusting(cases.root())
    chain = [certificate.der for certificate in leaf.chain]
    with pytest.raises(_first_flight.NoVerdict, match="cannot make a client"):
        _first_flight.verified_chain(context, threading.Lock(), chain, HOST, flags, 0)


def test_flags_that_openssl_does_not_know_say_nothing() -> None:
    leaf, context = cases.intermediate().issue(HOST), trusting(cases.root())
    context.verify_flags |= 1 << 28
    assert context.verify_flags & 1 << 28
    assert judged(context, leaf.chain, HOST)[0] == "accepted"
    assert judged(context, cases.stranger().issue(HOST).chain, HOST)[:2] == ("refused", 20)
