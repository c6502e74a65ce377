"""What the program loaded is judged by OpenSSL as plain `ssl` does it, and the verifier is asked about the rest alone."""

from __future__ import annotations

import ssl
import sys
import threading
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from certificates import Authority, Certificate, pem_file, self_signed
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from fake_verifier import PLATFORM, FakeVerifier, load
from gate_servers import HOSTNAME_MISMATCH, REJECTED, UNKNOWN_ISSUER, client_context, judged_by, other_root, root, sites
from servers import HOST, TIMEOUT, connected, exchange, in_memory

from truststore import _judges, _stdlib, _verdict
from truststore._first_flight import NoVerdict
from truststore._store.subjects import subject_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from truststore import SSLContext

    Change = Callable[[ssl.SSLContext], object]

EXPIRED, REVOKED, NO_CRL, KEY_TOO_WEAK = 10, 23, 3, 66
PARTIAL_CHAIN = ssl.VerifyFlags(0x80000)
#: Appended to a certificate in a TRUSTED block: rejected for serverAuth (OpenSSL's X509_CERT_AUX).
REJECTED_FOR_SERVERS = bytes.fromhex("300ca00a06082b06010505070301")


class Refuses(FakeVerifier):
    """With this code, whoever comes."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code

    def __call__(self, question: _verdict.Question) -> Sequence[bytes]:
        self.questions.append(question)
        raise _verdict.refusal(question, self.code, PLATFORM)


@pytest.fixture
def own() -> Authority:
    return Authority.new("The program's own", key="p256")


@pytest.fixture
def own_leaf(own: Authority) -> Certificate:
    return own.authority(key="p256").issue(HOST, key="p256")


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> FakeVerifier:
    """A system that knows nobody."""
    return judged_by(FakeVerifier(), monkeypatch)


def code_of(context: ssl.SSLContext, certificate: Certificate, name: str | None = HOST) -> int:
    """Of the refusal; 0: accepted."""
    try:
        client, server = in_memory(context, certificate.server_context(), name)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code
    exchange(client, server)
    return 0


def refusal_of(context: ssl.SSLContext, certificate: Certificate) -> ssl.SSLCertVerificationError:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        in_memory(context, certificate.server_context())
    return caught.value


def plain_context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def rejected(certificate: Certificate) -> str:
    """A TRUSTED block."""
    return ssl.DER_cert_to_PEM_cert(certificate.der + REJECTED_FOR_SERVERS).replace("CERTIFICATE", "TRUSTED CERTIFICATE")


def file(folder: Path, content: str, name: str = "loaded.pem") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, "ascii")
    return path


# -- who is asked -----------------------------------------------------------------------------------------------------------------


def test_the_verifier_is_asked_about_what_own_anchors_do_not_vouch_for(
    context: SSLContext, own: Authority, own_leaf: Certificate, judge: FakeVerifier
) -> None:
    context.load_verify_locations(cadata=own.der)
    for number, site in enumerate([sites()["trusted"], sites()["untrusted"], sites()["misnamed"]], 1):
        assert code_of(context, own_leaf) == 0
        assert code_of(context, site.certificate) == site.code
        assert len(judge.questions) == number


def test_the_chain_is_the_one_that_openssl_built(context: SSLContext, own: Authority, own_leaf: Certificate) -> None:
    context.load_verify_locations(cadata=own.der)
    client, _ = in_memory(context, own_leaf.server_context())
    built = client._sslobj.get_verified_chain()  # type: ignore[attr-defined]
    assert [each.public_bytes(_stdlib.ENCODING_DER) for each in built] == [*(each.der for each in own_leaf.chain), own.der]


def test_a_session_is_resumed_by_what_it_was_begun_with(
    context: SSLContext, own: Authority, own_leaf: Certificate, judge: FakeVerifier, version: ssl.TLSVersion
) -> None:
    """Judged again, and with the intermediate that is not sent again."""
    serving = own_leaf.server_context()
    serving.minimum_version = serving.maximum_version = version
    context.load_verify_locations(cadata=own.der)
    client, server = in_memory(context, serving)
    exchange(client, server)
    resumed, _ = in_memory(context, serving, session=client.session)
    assert resumed.session_reused
    assert not judge.questions


def test_what_is_no_certificate_is_no_anchor(context: SSLContext, own: Authority, judge: FakeVerifier, tmp_path: Path) -> None:
    """A list of the revoked."""
    load(context, [], [own.crl()])
    context.check_hostname = False
    assert context.cert_store_stats()["crl"] == 1
    assert code_of(context, sites()["trusted"].certificate) == 0
    assert len(judge.questions) == 1


def test_a_call_that_raised_half_way_has_loaded_anchors(
    context: SSLContext, own: Authority, own_leaf: Certificate, judge: FakeVerifier
) -> None:
    with pytest.raises(ssl.SSLError):
        context.load_verify_locations(cadata=own.pem + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert code_of(context, own_leaf) == 0
    assert not judge.questions


def test_no_verdict_by_own_anchors(
    context: SSLContext, own: Authority, judge: FakeVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the verifier's turn, and his word stands."""

    def verified_chain(*_: object) -> object:
        raise NoVerdict(1, "OpenSSL says nothing")

    monkeypatch.setattr(_judges, "verified_chain", verified_chain)
    context.load_verify_locations(cadata=own.der)
    assert code_of(context, sites()["trusted"].certificate) == 0
    assert code_of(context, sites()["misnamed"].certificate) == HOSTNAME_MISMATCH
    assert len(judge.questions) == 2


def test_a_chain_that_is_too_long_for_openssl(context: SSLContext, own: Authority, judge: FakeVerifier) -> None:
    """Beyond 100 KiB it comes to no verdict; no handshake gets as far, but `verify_chain()` does."""
    chain = [own.issue(HOST, key="p256").der, *[own.der] * 300]
    context.load_verify_locations(cadata=own.der)
    judge.says = True
    assert context.verify_chain(chain, HOST) == chain
    judge.says = False
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        context.verify_chain(chain, HOST)
    assert caught.value.verify_code == REJECTED
    assert len(judge.questions) == 2


# -- refusals -----------------------------------------------------------------------------------------------------------------------


def test_revoked_is_final(context: SSLContext, judge: FakeVerifier) -> None:
    """The verifier would accept it."""
    judge.says = True
    own = root()
    leaf = own.issue(HOST, key="p256")
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    load(context, [own.der], [own.crl(leaf)])
    assert code_of(context, leaf) == REVOKED
    assert not judge.questions


def test_rejected_is_final(context: SSLContext, judge: FakeVerifier, tmp_path: Path) -> None:
    judge.says = True
    context.load_verify_locations(file(tmp_path, rejected(root())))
    assert code_of(context, sites()["trusted"].certificate) == REJECTED
    assert not judge.questions


@pytest.mark.parametrize(
    ("by_own", "by_system", "raised", "whose"),
    [
        (UNKNOWN_ISSUER, UNKNOWN_ISSUER, UNKNOWN_ISSUER, "own"),
        (UNKNOWN_ISSUER, HOSTNAME_MISMATCH, HOSTNAME_MISMATCH, "system"),
        (UNKNOWN_ISSUER, REJECTED, REJECTED, "system"),
        (HOSTNAME_MISMATCH, UNKNOWN_ISSUER, HOSTNAME_MISMATCH, "own"),
        (HOSTNAME_MISMATCH, EXPIRED, HOSTNAME_MISMATCH, "own"),
        (EXPIRED, UNKNOWN_ISSUER, EXPIRED, "own"),
        (EXPIRED, HOSTNAME_MISMATCH, EXPIRED, "own"),
    ],
)
def test_the_refusal_that_got_further(
    by_own: int, by_system: int, raised: int, whose: str, own: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both judges are named, wherever errors have notes."""
    leaf = {
        UNKNOWN_ISSUER: lambda: other_root().issue(HOST, key="p256"),
        HOSTNAME_MISMATCH: lambda: own.issue("elsewhere.test", key="p256"),
        EXPIRED: lambda: own.issue(HOST, key="p256", starts=-3, ends=-1),
    }[by_own]()
    system = judged_by(Refuses(by_system), monkeypatch)
    context = client_context()
    context.load_verify_locations(cadata=own.der)
    error = refusal_of(context, leaf)
    assert error.verify_code == raised
    assert vars(error)["platform"] == {"own": "OpenSSL", "system": PLATFORM.name}[whose]
    assert len(system.questions) == 1
    if sys.version_info >= (3, 11):
        said, besides = error.__notes__
        asked = ["OpenSSL, with what the program loaded", f"{PLATFORM.name}, with {PLATFORM.store}"]
        first, second = asked if whose == "own" else reversed(asked)
        assert f"Asked: {first}." in said
        assert f"Also asked: {second}: " in besides


def test_the_same_refusal_again(context: SSLContext, own: Authority, judge: FakeVerifier) -> None:
    """With its notes, and without another question."""
    context.load_verify_locations(cadata=own.der)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=HOST)
    server = sites()["untrusted"].serves().wrap_bio(to_server, to_client, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    errors = []
    for use in client.do_handshake, client.read, client.unwrap:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            use()
        errors.append((caught.value.args, vars(caught.value)))
    assert errors[0] == errors[1] == errors[2]
    assert len(judge.questions) == 1


# -- as plain ssl judges ------------------------------------------------------------------------------------------------------------


class World:
    """Certificates of the program's own, and what contexts do with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = Authority.new(key="p256")
        self.intermediate = self.root.authority(key="p256")
        self.leaf = self.intermediate.issue(HOST, key="p256")
        self.rsa_leaf = self.root.issue(HOST)
        self.weak_leaf = self.root.issue(HOST, key="rsa1024")
        self.self_signed = self_signed(HOST, key="p256")

    def loads(self, *certificates: Certificate) -> Change:
        return lambda context: context.load_verify_locations(cadata=b"".join(each.der for each in certificates))

    def has_directory(self, *certificates: Certificate) -> Change:
        for certificate in certificates:
            file(self.folder, certificate.pem, f"{subject_hash(certificate.der)}.0")
        return lambda context: context.load_verify_locations(capath=self.folder)

    def loads_file(self, content: str) -> Change:
        return lambda context: context.load_verify_locations(file(self.folder, content))

    def knows_revoked(self, *lists: bytes) -> Change:
        return lambda context: load(context, [], lists)


def flags(value: int) -> Change:
    def change(context: ssl.SSLContext) -> None:
        context.verify_flags |= value

    return change


def level(value: int) -> Change:
    return lambda context: context.set_ciphers(f"DEFAULT:@SECLEVEL={value}")


#: What the program does, what the server shows, and what OpenSSL says of it: None where versions differ.
ROWS: dict[str, Callable[[World], tuple[list[Change], Certificate, int | None]]] = {
    "a root": lambda world: ([world.loads(world.root)], world.leaf, 0),
    "somebody else's root": lambda world: ([world.loads(world.self_signed)], world.leaf, 20),
    "an expired leaf": lambda world: ([world.loads(world.root)], world.root.issue(HOST, key="p256", starts=-3, ends=-1), EXPIRED),
    "another name": lambda world: ([world.loads(world.root)], world.root.issue("a.test", key="p256"), HOSTNAME_MISMATCH),
    "a bad signature": lambda world: ([world.loads(world.root)], world.leaf.with_bad_signature(), 7),
    "valid for ten years": lambda world: ([world.loads(world.root)], world.root.issue(HOST, key="p256", ends=3650), 0),
    "without purposes": lambda world: ([world.loads(world.root)], world.root.issue(HOST, key="p256", purposes=None), 0),
    "a self-signed leaf": lambda world: ([world.loads(world.self_signed)], world.self_signed, 0),
    "an intermediate": lambda world: ([world.loads(world.intermediate)], world.leaf, 2),
    "partial, an intermediate": lambda world: ([flags(PARTIAL_CHAIN), world.loads(world.intermediate)], world.leaf, 0),
    "partial, a leaf": lambda world: ([flags(PARTIAL_CHAIN), world.loads(world.leaf)], world.leaf, 0),
    "a leaf": lambda world: ([world.loads(world.leaf)], world.leaf, 20),
    "level 0, RSA-1024": lambda world: ([level(0), world.loads(world.root)], world.weak_leaf, 0),
    "level 2, RSA-1024": lambda world: ([level(2), world.loads(world.root)], world.weak_leaf, KEY_TOO_WEAK),
    "level 2, RSA-2048": lambda world: ([level(2), world.loads(world.root)], world.rsa_leaf, 0),
    "level 3, RSA-2048": lambda world: ([level(3), world.loads(world.root)], world.rsa_leaf, KEY_TOO_WEAK),
    "level 3, P-256": lambda world: ([level(3), world.loads(world.root)], world.leaf, 0),
    "strict": lambda world: ([flags(ssl.VERIFY_X509_STRICT), world.loads(world.root)], world.leaf, 0),
    "strict, no identifiers": lambda world: (
        [flags(ssl.VERIFY_X509_STRICT), world.loads(world.root)],
        world.root.issue(HOST, key="p256", identifiers=False),
        None,
    ),
    "a list, revoked": lambda world: (
        [flags(ssl.VERIFY_CRL_CHECK_LEAF), world.loads(world.root), world.knows_revoked(world.intermediate.crl(world.leaf))],
        world.leaf,
        REVOKED,
    ),
    "a list, not revoked": lambda world: (
        [flags(ssl.VERIFY_CRL_CHECK_LEAF), world.loads(world.root), world.knows_revoked(world.intermediate.crl())],
        world.leaf,
        0,
    ),
    "lists, revoked authority": lambda world: (
        [
            flags(ssl.VERIFY_CRL_CHECK_CHAIN),
            world.loads(world.root),
            world.knows_revoked(world.intermediate.crl(), world.root.crl(world.intermediate)),
        ],
        world.leaf,
        REVOKED,
    ),
    "no list": lambda world: ([flags(ssl.VERIFY_CRL_CHECK_LEAF), world.loads(world.root)], world.leaf, NO_CRL),
    "a directory": lambda world: ([world.has_directory(world.root)], world.leaf, 0),
    "an empty directory": lambda world: ([world.has_directory()], world.leaf, 20),
    "a rejected root": lambda world: ([world.loads_file(rejected(world.root))], world.leaf, REJECTED),
}


@pytest.mark.parametrize("row", ROWS)
def test_own_anchors_judge_as_in_plain_ssl(row: str, stranger: FakeVerifier, tmp_path: Path) -> None:
    """The same code and words, and the verifier is asked after a refusal that is not final."""
    changes, leaf, expected = ROWS[row](World(tmp_path))
    ours, plain = client_context(), plain_context()
    for change in changes:
        change(ours)
        change(plain)
    code, words = said = said_by(plain, leaf)
    assert expected in {None, code}
    assert said_by(ours, leaf) == said, words
    assert len(stranger.questions) == (code not in {0, REVOKED, REJECTED})


def said_by(context: ssl.SSLContext, certificate: Certificate) -> tuple[int, str]:
    """Code and words of the refusal, if it is one."""
    try:
        in_memory(context, certificate.server_context())
    except ssl.SSLCertVerificationError as error:
        return error.verify_code, error.verify_message
    return 0, ""


# -- names off: pinned --------------------------------------------------------------------------------------------------------------


def pinned(*anchors: Certificate) -> SSLContext:
    context = client_context()
    context.check_hostname = False
    for anchor in anchors:
        context.load_verify_locations(cadata=anchor.der)
    return context


def test_without_names_own_anchors_alone_vouch(own: Authority, own_leaf: Certificate, judge: FakeVerifier) -> None:
    """Whatever the name."""
    context = pinned(own)
    for name in HOST, "elsewhere.test", None:
        assert code_of(context, own_leaf, name) == 0
        assert code_of(context, sites()["trusted"].certificate, name) == UNKNOWN_ISSUER
    assert not judge.questions


def test_a_pinned_connection_is_the_c_object(own: Authority, own_leaf: Certificate, judge: FakeVerifier) -> None:
    context = pinned(own)
    client, _ = in_memory(context, own_leaf.server_context())
    assert type(client._sslobj) is _stdlib.CConnection  # type: ignore[attr-defined]
    with connected(context, own_leaf.server_context()) as (tls, _):
        assert type(tls._sslobj) is _stdlib.CConnection  # type: ignore[attr-defined]
        assert tls.getpeercert(True) == own_leaf.der


def test_a_chain_is_judged_without_a_connection_by_the_same(own: Authority, own_leaf: Certificate, judge: FakeVerifier) -> None:
    context = pinned(own)
    assert context.verify_chain([each.der for each in own_leaf.chain])[-1] == own.der
    with pytest.raises(ssl.SSLCertVerificationError):
        context.verify_chain([each.der for each in sites()["trusted"].certificate.chain])
    assert not judge.questions


@pytest.mark.parametrize("first", ["names", "anchors"])
def test_the_order_does_not_matter(first: str, own: Authority, judge: FakeVerifier) -> None:
    context = client_context()
    steps: list[Callable[[], object]] = [
        lambda: setattr(context, "check_hostname", False),
        lambda: context.load_verify_locations(cadata=own.der),
    ]
    for step in steps if first == "names" else reversed(steps):
        step()
    assert code_of(context, sites()["trusted"].certificate) == UNKNOWN_ISSUER
    assert not judge.questions


@pytest.mark.parametrize("purpose", [None, ssl.Purpose.SERVER_AUTH, ssl.Purpose.CLIENT_AUTH], ids=["paths", "servers", "clients"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_who_asks_for_the_system_is_not_pinned(
    purpose: ssl.Purpose | None, when: str, own: Authority, own_leaf: Certificate, judge: FakeVerifier
) -> None:
    context = client_context()
    if when == "after":
        context.load_verify_locations(cadata=own.der)
    if purpose:
        context.load_default_certs(purpose)
    else:
        context.set_default_verify_paths()
    if when == "before":
        context.load_verify_locations(cadata=own.der)
    context.check_hostname = False
    assert code_of(context, own_leaf, "elsewhere.test") == 0
    assert code_of(context, sites()["misnamed"].certificate) == 0
    assert len(judge.questions) == 1


def test_names_switched_on_again(own: Authority, judge: FakeVerifier) -> None:
    context = pinned(own)
    context.check_hostname = True
    assert code_of(context, sites()["trusted"].certificate) == 0
    assert len(judge.questions) == 1


def test_without_anchors_and_names_the_system_vouches(judge: FakeVerifier) -> None:
    assert code_of(pinned(), sites()["misnamed"].certificate) == 0
    assert len(judge.questions) == 1


def test_a_directory_pins_whatever_it_holds(judge: FakeVerifier, tmp_path: Path) -> None:
    context = pinned()
    context.load_verify_locations(capath=tmp_path)
    assert code_of(context, sites()["trusted"].certificate) == UNKNOWN_ISSUER
    assert not judge.questions


def test_a_call_that_raised_half_way_pins(own: Authority, own_leaf: Certificate, judge: FakeVerifier) -> None:
    context = pinned()
    with pytest.raises(ssl.SSLError):
        context.load_verify_locations(cadata=own.pem + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert code_of(context, sites()["trusted"].certificate) == UNKNOWN_ISSUER
    assert code_of(context, own_leaf, "elsewhere.test") == 0
    assert not judge.questions


@pytest.mark.parametrize("begun", ["by the system's word", "unverified"])
def test_a_session_that_own_anchors_did_not_vouch_for(
    begun: str, own: Authority, judge: FakeVerifier, version: ssl.TLSVersion
) -> None:
    """OpenSSL does not verify a resumed session again."""
    serving = sites()["trusted"].serves(version)
    context = client_context()
    context.load_verify_locations(cadata=own.der)
    if begun == "unverified":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    client, server = in_memory(context, serving)
    exchange(client, server)
    session = client.session
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    judge.questions.clear()
    with pytest.raises(ssl.SSLCertVerificationError):
        in_memory(context, serving, session=session)
    assert not judge.questions


def test_a_session_that_own_anchors_vouched_for(
    own: Authority, own_leaf: Certificate, judge: FakeVerifier, version: ssl.TLSVersion
) -> None:
    """Before the names were switched off."""
    serving = own_leaf.server_context()
    serving.minimum_version = serving.maximum_version = version
    context = client_context()
    context.load_verify_locations(cadata=own.der)
    client, server = in_memory(context, serving)
    exchange(client, server)
    session = client.session
    context.check_hostname = False
    assert in_memory(context, serving, "elsewhere.test", session=session)[0].session_reused
    assert not judge.questions


# -- public bundles that libraries load by themselves -------------------------------------------------------------------------------


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """certifi's, as it were."""
    return file(tmp_path, pem_file([other_root(), Authority.new("Another", key="p256")]), "certifi/cacert.pem")


def bundled_leaf() -> Certificate:
    return sites()["untrusted"].certificate


@pytest.mark.parametrize("code", [2, 18, 19, 20, 21])
def test_a_bundle_is_asked_if_the_system_does_not_know_the_issuer(code: int, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = judged_by(Refuses(code), monkeypatch)
    context = client_context()
    context.load_verify_locations(bundle)
    assert code_of(context, bundled_leaf()) == 0
    assert len(system.questions) == 1


@pytest.mark.parametrize("code", [1, 3, EXPIRED, REVOKED, REJECTED, HOSTNAME_MISMATCH])
def test_a_bundle_does_not_bring_back_what_the_system_refuses(code: int, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = judged_by(Refuses(code), monkeypatch)
    context = client_context()
    context.load_verify_locations(bundle)
    assert code_of(context, bundled_leaf()) == code
    assert len(system.questions) == 1


def test_a_bundle_does_not_hide_whom_the_system_trusts(context: SSLContext, bundle: Path, judge: FakeVerifier) -> None:
    context.load_verify_locations(bundle)
    assert code_of(context, sites()["trusted"].certificate) == 0
    assert code_of(context, sites()["misnamed"].certificate) == HOSTNAME_MISMATCH
    assert len(judge.questions) == 2


def test_a_bundle_looks_at_the_name(context: SSLContext, bundle: Path, judge: FakeVerifier) -> None:
    context.load_verify_locations(bundle)
    assert code_of(context, bundled_leaf(), "elsewhere.test") == HOSTNAME_MISMATCH


def test_a_bundle_comes_after_own_anchors(
    context: SSLContext, bundle: Path, own: Authority, own_leaf: Certificate, judge: FakeVerifier
) -> None:
    context.load_verify_locations(bundle)
    context.load_verify_locations(cadata=own.der)
    assert code_of(context, own_leaf) == 0
    assert not judge.questions
    assert code_of(context, bundled_leaf()) == 0
    assert len(judge.questions) == 1


def test_a_bundle_never_pins(bundle: Path, judge: FakeVerifier) -> None:
    context = pinned()
    context.load_verify_locations(bundle)
    assert code_of(context, sites()["misnamed"].certificate) == 0
    assert code_of(context, bundled_leaf()) == 0
    assert len(judge.questions) == 2


def test_a_bundle_does_not_vouch_where_own_anchors_alone_do(bundle: Path, own: Authority, judge: FakeVerifier) -> None:
    context = pinned(own)
    context.load_verify_locations(bundle)
    assert code_of(context, bundled_leaf()) == UNKNOWN_ISSUER
    assert not judge.questions


def test_a_copy_of_a_bundle_by_another_name_is_the_programs_own(bundle: Path, judge: FakeVerifier, tmp_path: Path) -> None:
    context = pinned()
    context.load_verify_locations(file(tmp_path, bundle.read_text("ascii"), "ca.pem"))
    assert code_of(context, bundled_leaf()) == 0
    assert code_of(context, sites()["trusted"].certificate) == UNKNOWN_ISSUER
    assert not judge.questions


@pytest.mark.parametrize("more", [(), ("own",), ("own", "directory")], ids="-".join)
@pytest.mark.parametrize("used", [False, True], ids=["unused", "used"])
def test_a_bundle_is_listed_as_in_ssl(
    used: bool, more: tuple[str, ...], bundle: Path, own: Authority, judge: FakeVerifier, tmp_path: Path
) -> None:
    ours, plain = client_context(), plain_context()
    for context in ours, plain:
        context.load_verify_locations(bundle)
        if "own" in more:
            context.load_verify_locations(cadata=own.der)
        if "directory" in more:
            context.load_verify_locations(capath=tmp_path)
    if used:
        assert code_of(ours, bundled_leaf()) == 0
    assert ours.cert_store_stats() == plain.cert_store_stats()
    assert set(ours.get_ca_certs(True)) == set(plain.get_ca_certs(True))
    assert sorted(ours.get_ca_certs(), key=str) == sorted(plain.get_ca_certs(), key=str)


# -- while others use the context -----------------------------------------------------------------------------------------------------


def encrypted(certificate: Certificate, folder: Path, password: bytes | None) -> Path:
    assert certificate.key is not None
    algorithm = BestAvailableEncryption(password) if password else NoEncryption()
    key = certificate.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, algorithm).decode()
    return file(folder, key + pem_file(certificate.chain), "certificate.pem")


def test_a_password_callback_may_wait_for_another_thread_that_connects(
    context: SSLContext, own: Authority, own_leaf: Certificate, tmp_path: Path
) -> None:
    context.load_verify_locations(cadata=own.der)
    outcomes = []

    def ask() -> str:
        thread = threading.Thread(target=lambda: outcomes.append(code_of(context, own_leaf)), daemon=True)
        thread.start()
        thread.join(TIMEOUT)
        return "secret"

    context.load_cert_chain(encrypted(own_leaf, tmp_path, b"secret"), password=ask)
    assert outcomes == [0]


def test_no_password_is_asked_for_a_key_that_is_not_encrypted(context: SSLContext, own_leaf: Certificate, tmp_path: Path) -> None:
    asks = Mock(return_value="secret")
    context.load_cert_chain(encrypted(own_leaf, tmp_path, None), password=asks)
    asks.assert_not_called()


def test_a_password_is_asked_for_once(context: SSLContext, own_leaf: Certificate, tmp_path: Path) -> None:
    asks = Mock(return_value="secret")
    context.load_cert_chain(encrypted(own_leaf, tmp_path, b"secret"), password=asks)
    asks.assert_called_once_with()


PASSWORDS: dict[str, Any] = {
    "right, str": "secret",
    "right, bytes": b"secret",
    "right, bytearray": bytearray(b"secret"),
    "wrong": "other",
    "empty": "",
    "too long": "a" * 2000,
    "none": None,
    "a number": 1,
}


@pytest.mark.parametrize("answer", PASSWORDS)
def test_a_password_callback_answers_as_in_ssl(answer: str, context: SSLContext, own_leaf: Certificate, tmp_path: Path) -> None:
    path = encrypted(own_leaf, tmp_path, b"secret")
    ours, plain = (outcome(each, path, lambda: PASSWORDS[answer]) for each in (context, plain_context()))
    assert ours == plain


def test_a_password_callback_raises_as_in_ssl(context: SSLContext, own_leaf: Certificate, tmp_path: Path) -> None:
    def ask() -> str:
        raise LookupError("no password")

    with pytest.raises(LookupError, match="no password"):
        context.load_cert_chain(encrypted(own_leaf, tmp_path, b"secret"), password=ask)


@pytest.mark.parametrize("security_level", [0, 2, 3])
def test_a_weak_certificate_with_a_password_is_loaded_as_in_ssl(
    security_level: int, context: SSLContext, own: Authority, tmp_path: Path
) -> None:
    """The context's security level counts."""
    for kind in "rsa1024", "rsa2048":
        path = encrypted(own.issue("client.test", key=kind), tmp_path, b"secret")
        plain = plain_context()
        for each in context, plain:
            level(security_level)(each)
        assert outcome(context, path, lambda: "secret") == outcome(plain, path, lambda: "secret")


def outcome(context: ssl.SSLContext, path: Path, password: Callable[[], Any]) -> object:
    """The error, without the line of _ssl.c, or None."""
    try:
        context.load_cert_chain(path, password=password)
    except (OSError, TypeError, ValueError) as error:
        return type(error), str(error).partition(" (_ssl.c")[0]
    return None
