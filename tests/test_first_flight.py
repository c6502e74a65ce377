"""OpenSSL's verdict without a connection is the verdict of a handshake of plain `ssl`: for every kind of chain and context."""

from __future__ import annotations

import functools
import ssl
import warnings
from typing import TYPE_CHECKING, Any

import cases
import pytest
from certificates import Authority, Certificate
from fake_root import subject_hash
from flights import judged, shaken, trusting
from test_cases_openssl import client_context, expected_here

from truststore import _first_flight

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOST = cases.HOST
PSK_CALLBACK = hasattr(ssl.SSLContext, "set_psk_client_callback")
#: VerifyFlags has no name for it: "Suite B at 128 bits, or at 192".
SUITE_B_128 = 0x30000


@pytest.mark.parametrize("case", cases.rows("openssl", without=[cases.UNSERVABLE]), ids=str)
def test_every_case_as_in_a_handshake(case: cases.Case) -> None:
    world = case.world()
    server = world.chain[0].server_context(world.chain)
    verdict = judged(client_context(case), world.chain, case.host)
    assert verdict == shaken(client_context(case), server, case.host)
    assert (verdict[0], verdict[1]) == ("refused", expected_here(case)) if case.openssl else verdict[0] == "accepted"


@pytest.mark.parametrize("case", [case for case in cases.rows("openssl") if cases.UNSERVABLE in case.needs], ids=str)
def test_every_case_that_no_server_can_show(case: cases.Case) -> None:
    assert judged(client_context(case), case.world().chain, case.host)[:2] == ("refused", expected_here(case))


# -- kinds of keys ------------------------------------------------------------------------------------------------------------------

#: The root's profile and the leaf's.
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "p521": ({"key": "p521", "hash": "sha512"}, {"key": "p521", "hash": "sha512"}),
    "ed25519": ({"key": "ed25519"}, {"key": "ed25519"}),
    "ed25519-under-rsa": ({}, {"key": "ed25519"}),
    "ed448": ({"key": "ed448"}, {"key": "ed448"}),
    "rsa-under-p256": ({"key": "p256"}, {}),
    "p256-under-rsa": ({}, {"key": "p256"}),
    "rsa-pss-signature": ({"hash": "sha256-pss"}, {"hash": "sha256-pss"}),
    "brainpool": ({"key": "brainpool256"}, {"key": "brainpool256"}),
    "secp256k1": ({"key": "secp256k1"}, {"key": "secp256k1"}),
    "ml-dsa": ({"key": "mldsa65"}, {"key": "mldsa65"}),
    "ml-dsa-under-rsa": ({}, {"key": "mldsa65"}),
}


@functools.cache
def of_kind(kind: str) -> tuple[Authority, Certificate]:
    if kind == "rsa-pss":
        root = Authority.new()
        return root, root.issue(HOST).for_pss()
    root_profile, profile = KINDS[kind]
    try:
        root = Authority.new(**root_profile)
        return root, root.issue(HOST, **profile)
    except ImportError as error:
        pytest.skip(f"no such key can be made here: {error}")


def expect_verdicts(kind: str) -> None:
    """By the chain's merits: accepted for the root's sake, refused for a wrong name and without the root."""
    root, leaf = of_kind(kind)
    assert judged(trusting(root), leaf.chain, HOST) == ("accepted", (leaf.der, root.der))
    assert judged(trusting(root), leaf.chain, "wrong.test")[:2] == ("refused", 62)
    assert judged(trusting(), leaf.chain, HOST)[:2] == ("refused", 20)


@pytest.mark.parametrize("kind", ["p521", "ed25519", "ed25519-under-rsa", "ed448", "rsa-under-p256", "p256-under-rsa", "rsa-pss-signature",
                                  "rsa-pss"])  # fmt: skip
def test_every_kind_of_key_as_in_a_handshake(kind: str) -> None:
    root, leaf = of_kind(kind)
    expect_verdicts(kind)
    for anchors, name in ([root], HOST), ([root], "wrong.test"), ([], HOST):
        assert judged(trusting(*anchors), leaf.chain, name) == shaken(trusting(*anchors), leaf.server_context(), name)


@pytest.mark.parametrize("kind", ["brainpool", "secp256k1"])
def test_curves_that_clients_do_not_offer(kind: str) -> None:
    """A handshake that can be made at all says the same: OpenSSL 3.2 and later have brainpool curves in TLS 1.3."""
    root, leaf = of_kind(kind)
    expect_verdicts(kind)
    assert shaken(trusting(root), leaf.server_context(), HOST) in [judged(trusting(root), leaf.chain, HOST), *neither(leaf, root)]


def neither(leaf: Certificate, root: Certificate) -> list[tuple[Any, ...]]:
    outcome = shaken(trusting(root), leaf.server_context(), HOST)
    return [outcome] if outcome[0] == "neither" else []


@pytest.mark.parametrize("kind", ["ml-dsa", "ml-dsa-under-rsa"])
def test_post_quantum_keys(kind: str) -> None:
    root, leaf = of_kind(kind)
    if ssl.OPENSSL_VERSION_INFO < (3, 5):
        assert judged(trusting(), leaf.chain, HOST)[0] == "refused"
        pytest.skip(f"{ssl.OPENSSL_VERSION} knows no ML-DSA: it refused the chain")
    expect_verdicts(kind)
    assert judged(trusting(root), leaf.chain, HOST) == shaken(trusting(root), leaf.server_context(), HOST)


#: Parameters for Diffie-Hellman (RFC 2409, 6.2), which suites for DSA keys need, as PKCS #3 has them.
OAKLEY_GROUP_2 = bytes.fromhex(
    "30818702818100ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef"
    "9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae"
    "9f24117c4b1fe649286651ece65381ffffffffffffffff020102"
)


def test_a_key_that_fits_no_suite(tmp_path: Path) -> None:
    """A DSA key: WRONG_CERTIFICATE_TYPE, after the verdict."""
    root = Authority.new()
    leaf = root.issue(HOST, key="dsa2048", key_usage=["digital_signature"])
    (tmp_path / "dh.pem").write_text(ssl.DER_cert_to_PEM_cert(OAKLEY_GROUP_2).replace("CERTIFICATE", "DH PARAMETERS"), "ascii")
    server = leaf.server_context()
    server.set_ciphers("aDSS:@SECLEVEL=0")
    server.load_dh_params(str(tmp_path / "dh.pem"))
    for anchors, name in ([root], HOST), ([root], "wrong.test"), ([], HOST):
        client = trusting(*anchors)
        client.set_ciphers("aDSS:@SECLEVEL=0")
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        assert judged(client, leaf.chain, name) == shaken(client, server, name)
    assert judged(trusting(root), leaf.chain, HOST) == ("accepted", (leaf.der, root.der))


def test_a_key_that_is_for_no_handshake() -> None:
    root = Authority.new()
    leaf = root.issue(HOST, key="x25519")
    outcome, why = judged(trusting(root), leaf.chain, HOST)
    assert outcome == "neither"
    assert "UNKNOWN_CERTIFICATE_TYPE" in why
    assert judged(trusting(), leaf.chain, HOST)[:2] == ("refused", 20)


@pytest.mark.parametrize("key", ["rsa2048", "p256", "ed25519"])
@pytest.mark.parametrize("name", [_first_flight.RSA_KEY.decode("latin-1"), "x" * 3000], ids=["algorithm", "long"])
def test_a_subject_misleads_nobody(key: str, name: str) -> None:
    root = Authority.new()
    leaf = root.issue(HOST, key=key, common_name=name)
    assert judged(trusting(root), leaf.chain, HOST) == shaken(trusting(root), leaf.server_context(), HOST)
    assert judged(trusting(), leaf.chain, HOST) == shaken(trusting(), leaf.server_context(), HOST)


@pytest.mark.parametrize("kind", ["rsa-pss", "p256-under-rsa", "rsa-under-p256", "ed25519-under-rsa"])
def test_the_order_of_suites_does_not_matter(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    in_turn = _first_flight._in_turn
    monkeypatch.setattr(_first_flight, "_in_turn", lambda leaf: in_turn(leaf)[::-1])
    expect_verdicts(kind)


# -- contexts -----------------------------------------------------------------------------------------------------------------------


def _tls_1_3_alone(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3


def _not_tls_1_2(context: ssl.SSLContext) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.options |= ssl.OP_NO_TLSv1_2


def _one_cipher(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-CHACHA20-POLY1305")


def _every_option(context: ssl.SSLContext) -> None:
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_ALL


def _protocols_and_curve(context: ssl.SSLContext) -> None:
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.set_ecdh_curve("secp384r1")


def _psk_alone(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("PSK")


def _psk_callback(context: ssl.SSLContext) -> None:
    if not PSK_CALLBACK:
        pytest.skip("this Python has no callbacks for pre-shared keys")
    getattr(context, "set_psk_client_callback")(lambda hint: pytest.fail("a pre-shared key was asked for"))  # noqa: B009


CONTEXTS = [_tls_1_3_alone, _not_tls_1_2, _one_cipher, _every_option, _protocols_and_curve, _psk_alone, _psk_callback]


@pytest.mark.parametrize("set_up", CONTEXTS)
def test_whatever_connections_the_context_is_for(set_up: Callable[[ssl.SSLContext], None]) -> None:
    leaf, root = cases.intermediate().issue(HOST), cases.root()
    for anchors, name in ([root], HOST), ([root], "wrong.test"), ([], HOST):
        context = trusting(*anchors)
        set_up(context)
        assert judged(context, leaf.chain, name) == shaken(trusting(*anchors), leaf.server_context(), name)


@pytest.mark.parametrize("protocol", ["PROTOCOL_TLS", "PROTOCOL_TLSv1_1", "PROTOCOL_TLSv1_2"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_contexts_of_every_protocol(protocol: str) -> None:
    if not hasattr(ssl, protocol):
        pytest.skip(f"this Python has no {protocol}")
    context = ssl.SSLContext(getattr(ssl, protocol))
    context.check_hostname = True
    context.load_verify_locations(cadata=cases.root().der)
    assert judged(context, cases.intermediate().issue(HOST).chain, HOST)[0] == "accepted"
    assert judged(context, cases.stranger().issue(HOST).chain, HOST)[:2] == ("refused", 20)


#: A leaf's profile, below RSA-3072, and the code it is refused with at the security levels 0 to 4.
STRENGTHS: list[tuple[dict[str, Any], tuple[int, ...]]] = [
    ({"key": "rsa1024"}, (0, 0, 66, 66, 66)),
    ({"hash": "md5"}, (0, 68, 68, 66, 66)),
    ({"hash": "sha1"}, (0, 68, 68, 66, 66)),
    ({"key": "rsa2048"}, (0, 0, 0, 66, 66)),
    ({"key": "rsa3072"}, (0, 0, 0, 0, 66)),
    ({"key": "p256"}, (0, 0, 0, 0, 66)),
    ({"key": "p384"}, (0, 0, 0, 0, 68)),
    ({"key": "ed25519"}, (0, 0, 0, 0, 66)),
]


@functools.cache
def strong_root() -> Authority:
    return Authority.new(key="rsa3072")


@pytest.mark.parametrize("level", range(5))
@pytest.mark.parametrize(
    ("profile", "codes"), STRENGTHS, ids=lambda value: "".join(value.values()) if isinstance(value, dict) else ""
)
def test_security_levels(level: int, profile: dict[str, Any], codes: tuple[int, ...]) -> None:
    leaf, context = strong_root().issue(HOST, **profile), trusting(strong_root())
    context.set_ciphers(f"DEFAULT:@SECLEVEL={level}")
    verdict, handshake = judged(context, leaf.chain, HOST), shaken(context, leaf.server_context(), HOST)
    assert verdict == handshake or handshake[0] == "neither"  # at level 4 client and server find nothing in common
    if ssl.OPENSSL_VERSION_INFO >= (3,):  # before, level 1 had room for SHA-1
        assert verdict[:2] == ("refused", codes[level]) if codes[level] else verdict[0] == "accepted"


@pytest.mark.parametrize(
    ("ciphers", "key", "digest", "code"),
    [
        ("SUITEB128", "p256", "sha256", 0),
        ("SUITEB128", "p384", "sha384", 0),
        ("SUITEB128", "p521", "sha512", 58),
        ("SUITEB128", "rsa2048", "sha256", 57),
        ("SUITEB192", "p384", "sha384", 0),
        ("SUITEB192", "p256", "sha256", 60),
        ("", "p256", "sha256", 0),
        ("", "rsa2048", "sha256", 57),
    ],
)
def test_suite_b(ciphers: str, key: str, digest: str, code: int) -> None:
    """RFC 6460, as the context's ciphers or its verify flags say."""
    root = Authority.new(key=key, hash=digest)
    leaf, context = root.issue(HOST, key=key, hash=digest), trusting(root)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.set_ciphers(ciphers or "DEFAULT")
    except ssl.SSLError as error:
        pytest.skip(f"{ssl.OPENSSL_VERSION} takes no {ciphers}: {error}")
    if not ciphers:
        context.verify_flags |= SUITE_B_128
    verdict, handshake = judged(context, leaf.chain, HOST), shaken(context, leaf.server_context(), HOST)
    assert verdict == handshake or handshake[0] == "neither"  # no cipher is left for other keys
    assert verdict[:2] == ("refused", code) if code else verdict[0] == "accepted"


def test_a_directory(tmp_path: Path) -> None:
    """Looked into when OpenSSL looks for an issuer: what is there then counts."""
    root, leaf, context = cases.root(), cases.intermediate().issue(HOST), trusting()
    context.load_verify_locations(capath=tmp_path)
    assert judged(context, leaf.chain, HOST)[:2] == ("refused", 20)
    assert context.cert_store_stats()["x509"] == 0
    (tmp_path / f"{subject_hash(root)}.0").write_text(root.pem, "ascii")
    verdict = judged(context, leaf.chain, HOST)
    assert verdict == ("accepted", (*[each.der for each in leaf.chain], root.der))
    assert verdict == shaken(context, leaf.server_context(), HOST)


SETTINGS = (
    "protocol", "verify_mode", "check_hostname", "verify_flags", "options", "minimum_version", "maximum_version", "security_level",
    "hostname_checks_common_name", "post_handshake_auth", "keylog_filename", "sni_callback", "_msg_callback", "_host_flags",
)  # fmt: skip


def seen(context: ssl.SSLContext) -> dict[str, Any]:
    """All that can be asked of it."""
    return {name: getattr(context, name, None) for name in SETTINGS} | {
        "ciphers": context.get_ciphers(),
        "sessions": context.session_stats(),
        "store": context.cert_store_stats(),
        "certificates": context.get_ca_certs(binary_form=True),
    }


@pytest.mark.parametrize("set_up", [lambda context: None, *CONTEXTS[:-1]], ids=lambda set_up: set_up.__name__)
def test_nothing_of_the_context_changes(set_up: Callable[[ssl.SSLContext], None], tmp_path: Path) -> None:
    context, keys = trusting(cases.root()), tmp_path / "keys"
    set_up(context)
    context.keylog_filename = str(keys)
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    context.hostname_checks_common_name = False
    before, written = seen(context), keys.read_text("ascii")
    leaf, stranger = cases.intermediate().issue(HOST), cases.stranger().issue(HOST)
    for chain, name in (leaf.chain, HOST), (leaf.chain, "wrong.test"), (stranger.chain, HOST), ([*leaf.chain] * 50, HOST):
        judged(context, chain, name)
        assert seen(context) == before
    assert keys.read_text("ascii") == written


def test_what_is_judged_later_counts_as_it_is_then() -> None:
    leaf, context = cases.intermediate().issue("other.test"), trusting()
    assert judged(context, leaf.chain, HOST)[:2] == ("refused", 20)
    context.load_verify_locations(cadata=cases.root().der)
    assert judged(context, leaf.chain, HOST)[:2] == ("refused", 62)
    context.check_hostname = False
    assert judged(context, leaf.chain, HOST)[0] == "accepted"
    context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    assert judged(context, leaf.chain, HOST)[:2] == ("refused", 3)
