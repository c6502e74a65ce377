"""The verdict on a chain of certificates: one table for every verifier.

    @pytest.mark.parametrize("case", cases.CASES)
    def test_verdict(case):
        world = case.world()

A row tells what is served, which roots the system has and which anchors the program loaded, what is asked, and the `verify_code`
(0: accepted) that each verifier must answer with. "System roots" are such as an administrator added to the system's store; rules
that vendors keep for the roots they ship (Certificate Transparency, 398 days) cannot be shown with certificates of our own.

Expectations for OpenSSL are proven by test_cases_openssl.py, those for Wine in the lab; evidence.py says what those for Windows and macOS
rest on. What rests on nothing is a `Guess(code)`, an int too: a test on the real system reports another answer to it instead of failing
(`surprise()`). Where Wine answers differently from
Windows, `wine` has its answer and `wine_why` the reason. `None`: the verifier knows no such thing, the row is not for it.

Importing this module makes no certificate; a world is built when it is first asked for, and kept.
"""

from __future__ import annotations

import dataclasses
import functools
import warnings
from ssl import VerifyFlags
from typing import TYPE_CHECKING, Any

from certificates import ANY_PURPOSE, CLIENT_AUTH, CODE_SIGNING, Authority, Certificate, self_signed
from cryptography import x509

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Builder = Callable[[str], "World"]

# What a row may need of its surroundings, beyond roots and anchors.
AIA = "aia"  # `World.published` is served at the URL given to `Case.world()`, and the verifier may fetch from there
CRL = "crl"  # likewise, for revocation lists; OpenSSL gets `World.crls` instead
SETTINGS = "settings"  # `World.denied` are marked as never to be trusted in the system's settings
SYSTEM = "system"  # `World.roots` must be in the system's store: as anchors of the program they get another verdict
BEST_EFFORT = "best effort"  # `revocation_best_effort` is set: the verifier can look up what was revoked

UNSERVABLE = "unservable"  # no TLS handshake can be made with it: the chain can only be judged

NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody answers there

LEAF = VerifyFlags.VERIFY_CRL_CHECK_LEAF
CHAIN = VerifyFlags.VERIFY_CRL_CHECK_CHAIN
PARTIAL = VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
STRICT = VerifyFlags.VERIFY_X509_STRICT


class Guess(int):
    """An expectation that nobody has measured on the real system."""


class UnprovenExpectation(UserWarning):
    """A real system answered otherwise than this table guesses: the table is to be corrected, or the platform's module."""


@dataclasses.dataclass(frozen=True)
class World:
    """What is served, and who is trusted."""

    #: As sent, leaf first. The leaf has its private key.
    chain: Sequence[Certificate]
    roots: Sequence[Certificate] = ()
    anchors: Sequence[Certificate] = ()
    #: Revocation lists (DER).
    crls: Sequence[bytes] = ()
    #: Path below the URL -> what is to be served there.
    published: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    denied: Sequence[Certificate] = ()

    @property
    def ders(self) -> list[bytes]:
        return [certificate.der for certificate in self.chain]


@dataclasses.dataclass(frozen=True)
class Case:
    """One row. A column that is not given repeats the one before: openssl, windows, wine; macos repeats openssl."""

    id: str
    build: Builder
    host: str | None
    openssl: int | None
    why: str
    windows: int | None = -1
    wine: int | None = -1
    wine_why: str = ""
    macos: int | None = -1
    flags: VerifyFlags = VerifyFlags.VERIFY_DEFAULT
    common_name: bool = True
    needs: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for column, default in (("windows", "openssl"), ("wine", "windows"), ("macos", "openssl")):
            if getattr(self, column) == -1:
                code = getattr(self, default)
                object.__setattr__(self, column, int(code) if column == "wine" and code is not None else code)  # measured: no guess

    @property
    def best_effort(self) -> bool:
        return BEST_EFFORT in self.needs

    def world(self, url: str = NOWHERE) -> World:
        """Built once for each URL at which it will be served."""
        return _world(self.build, url)

    def __str__(self) -> str:
        return self.id


@functools.cache
def _world(build: Builder, url: str) -> World:
    return build(url)


def rows(platform: str, *, without: Sequence[str] = ()) -> list[Case]:
    """The rows for a column ("openssl", "windows", "wine", "macos"), but those that need one of `without`."""
    return [case for case in CASES if getattr(case, platform) is not None and case.needs.isdisjoint(without)]


def surprise(case: Case, platform: str, code: int) -> bool:
    """Whether `code` is wrong for certain. A wrong guess is reported as a warning, and is none."""
    expected = getattr(case, platform)
    if code != expected and isinstance(expected, Guess):
        warnings.warn(f"{platform}: {case.id} gives {code}, guessed {int(expected)}", UnprovenExpectation, stacklevel=2)
        return False
    return bool(code != expected)


# The authorities that most rows share. ------------------------------------------------------------


@functools.cache
def root() -> Authority:
    """In the system's store, unless a row says otherwise."""
    return Authority.new("System Root")


@functools.cache
def intermediate() -> Authority:
    return root().authority("System Intermediate")


@functools.cache
def own_root() -> Authority:
    """Of the program's own, unknown to the system."""
    return Authority.new("Own Root")


@functools.cache
def own_intermediate() -> Authority:
    return own_root().authority("Own Intermediate")


@functools.cache
def stranger() -> Authority:
    """Trusted by nobody."""
    return Authority.new("Stranger's Root")


@functools.cache
def stranger_intermediate() -> Authority:
    return stranger().authority("Stranger's Intermediate")


@functools.cache
def impostor() -> Authority:
    """Another key under the name of the system's root."""
    return Authority.new(subject=root().parsed.subject)


# Builders: what a row is made of. ------------------------------------------------------------

HOST = "www.example.test"


def served(*names: str | x509.GeneralName, **profile: Any) -> Builder:
    """A leaf of the system's intermediate. Without names: for HOST."""
    return lambda url: World(intermediate().issue(*(names or [HOST]), **profile).chain, [root()])


def unnamed(**profile: Any) -> Builder:
    """The same, without any alternative name."""
    return lambda url: World(intermediate().issue(**profile).chain, [root()])


def owned(*names: str, **profile: Any) -> Builder:
    """A leaf under the program's own root, which the system does not know."""
    return lambda url: World(own_intermediate().issue(*(names or [HOST]), **profile).chain, [root()], [own_root()])


def below(leaf: Mapping[str, Any] | None = None, **profile: Any) -> Builder:
    """A leaf for HOST of an intermediate with this profile."""

    def build(url: str) -> World:
        return World(root().authority(**profile).issue(HOST, **(leaf or {})).chain, [root()])

    return build


def under(*names: str, **profile: Any) -> Builder:
    """A leaf of an intermediate with this profile, for these names."""
    return lambda url: World(root().authority(**profile).issue(*names).chain, [root()])


def within(**profile: Any) -> Builder:
    """A leaf for HOST directly below a root with this profile, which is in the store."""

    def build(url: str) -> World:
        top = Authority.new(**profile)
        return World(top.issue(HOST).chain, [top])

    return build


def made(build: Callable[[], World]) -> Builder:
    """Anything else."""
    return lambda url: build()


def sent(*positions: int) -> Builder:
    """A chain of leaf (0), two intermediates (1, 2), root (3) and a stranger (4), sent in this order."""

    def build(url: str) -> World:
        everything = [*intermediate().authority("Second Intermediate").issue(HOST).chain, root(), stranger()]
        return World([everything[position] for position in positions], [root()])

    return build


def long_chain(length: int) -> World:
    issuer = root()
    for number in range(length):
        issuer = issuer.authority(f"Intermediate {number}")
    return World(issuer.issue(HOST).chain, [root()])


def impostors(*, root_sent: bool, identifiers: bool = True) -> Builder:
    def build(url: str) -> World:
        leaf = impostor().issue(HOST, identifiers=identifiers)
        return World([leaf, impostor()] if root_sent else [leaf], [root()])

    return build


def corrupt(position: int) -> Builder:
    def build(url: str) -> World:
        chain = list(intermediate().issue(HOST).chain)
        chain[position] = chain[position].with_bad_signature()
        return World(chain, [root()])

    return build


def path_lengths(*limits: int | None) -> Builder:
    """One intermediate below the other, with these limits."""

    def build(url: str) -> World:
        issuer = root()
        for limit in limits:
            issuer = issuer.authority(path_length=limit)
        return World(issuer.issue(HOST).chain, [root()])

    return build


def renewed_root() -> World:
    """The old root has expired and is sent; the new one of the same name and key is in the store."""
    old = Authority.new("Renewed Root", starts=-800, ends=-2)
    new = Authority.new(subject=old.parsed.subject, private_key=old.key)
    return World([old.issue(HOST), old], [new])


def renewed_root_beside() -> World:
    """Both are in the store."""
    world = renewed_root()
    return World(world.chain[:1], [world.chain[1], *world.roots])


def issuer_published(url: str) -> World:
    issuer = root().authority("Published Intermediate")
    path = f"/{issuer.parsed.serial_number:x}.crt"
    return World([issuer.issue(HOST, issuer_url=url + path)], [root()], published={path: issuer.der})


def self_signed_anchor(*names: str, **profile: Any) -> Builder:
    def build(url: str) -> World:
        leaf = self_signed(*(names or [HOST]), **profile)
        return World([leaf], [root()], [leaf])

    return build


def self_signed_root() -> World:
    leaf = self_signed(HOST)
    return World([leaf], [leaf])


def anchored(position: int) -> Builder:
    """One certificate of the chain as the only anchor: leaf (0), intermediate (1), root (2)."""

    def build(url: str) -> World:
        leaf = own_intermediate().issue(HOST)
        return World(leaf.chain, [root()], [[*leaf.chain, own_root()][position]])

    return build


def cross_signed(*, trusted_first: bool) -> Builder:
    """The same intermediate issued by the program's own root and by the stranger."""

    def build(url: str) -> World:
        mine = own_root().authority("Crossed Intermediate")
        theirs = stranger().authority(subject=mine.parsed.subject, private_key=mine.key)
        both = [mine, theirs] if trusted_first else [theirs, mine]
        return World([mine.issue(HOST), *both], [root()], [own_root()])

    return build


def crossed_expired(url: str) -> World:
    """An intermediate that an expired root and a good one have issued: the path that comes first is the wrong one."""
    old, good = Authority.new("Expired Root", starts=-90, ends=-1), Authority.new("Other Root")
    first = old.authority("Twice Issued")
    second = good.authority(subject=first.parsed.subject, private_key=first.key)
    return World([first.issue(HOST), first, second], [old, good])


def common_name_not_permitted(url: str) -> World:
    issuer = root().authority(permitted=["other.test"])
    return World(issuer.issue("127.0.0.1", common_name=HOST).chain, [root()])


def revocable(
    leaf: str = "good",
    issuer: str = "good",
    *,
    ends: float = 30,
    forged: bool = False,
    reachable: bool = True,
    anchor: bool = False,
) -> Builder:
    """Leaf and intermediate, each "good", "revoked" or "unlisted" (nobody has a list that covers it)."""

    def build(url: str) -> World:
        top = Authority.new("Revoking Root")
        of_root, of_middle = (f"/{top.parsed.serial_number:x}-{part}.crl" for part in ("root", "intermediate"))
        middle = top.authority("Revoking Intermediate", crl_url=url + of_root)
        server = middle.issue(HOST, crl_url=url + of_middle)
        signer = Authority.new(subject=middle.parsed.subject) if forged else middle
        lists = {}
        if issuer != "unlisted":
            lists[of_root] = top.crl(*[middle] * (issuer == "revoked"))
        if leaf != "unlisted":
            lists[of_middle] = signer.crl(*[server] * (leaf == "revoked"), starts=ends - 30, ends=ends)
        trusted: dict[str, Any] = {"roots": [root()], "anchors": [top]} if anchor else {"roots": [top]}
        return World(server.chain, crls=[*lists.values()], published=lists if reachable else {}, **trusted)

    return build


def denied(position: int) -> Builder:
    def build(url: str) -> World:
        top = Authority.new("Denied Root")
        leaf = top.issue(HOST)
        return World(leaf.chain, [top], denied=[(leaf, top)[position]])

    return build


LONGEST_NAME = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 56, "test"])
assert len(LONGEST_NAME) == 253

_NO_EKU_CHAIN = "Wine looks at the leaf's purposes alone"
_NO_SIGNING = "Wine wants keyCertSign of whoever says CA:TRUE"
_BASIC = "the platform has one code for whatever is wrong with basic constraints"

# Codes are X509_V_ERR_* of openssl/x509_vfy.h; `truststore._verify_codes.OPENSSL_WORDS` has them in words.
# fmt: off
CASES: list[Case] = [
    # Chains.
    Case("good", served(), HOST, 0, "leaf and intermediate, root in the store"),
    Case("good-without-name-check", served("other.test"), None, 0, "the user switched the name check off"),
    Case("directly-below-root", within(), HOST, 0, "a private authority without intermediate"),
    Case("root-sent-too", sent(0, 1, 2, 3), HOST, 0, "needless, and common"),
    Case("unordered", sent(0, 2, 1), HOST, 0, "many servers send intermediates in the wrong order"),
    Case("root-first-among-issuers", sent(0, 3, 2, 1), HOST, 0, "reversed"),
    Case("unrelated-extra", sent(0, 4, 1, 2), HOST, 0, "a certificate of somebody else in between"),
    Case("leaf-sent-twice", sent(0, 0, 1, 2), HOST, 0, "a file concatenated carelessly", windows=Guess(0)),
    Case("hundred-extra", sent(0, 1, 2, *[4] * 100), HOST, 0, "as much as OpenSSL takes from a server",
         windows=Guess(0), macos=Guess(0)),
    Case("twelve-intermediates", made(lambda: long_chain(12)), HOST, 0, "longer than any real chain",
         windows=Guess(0), macos=Guess(0)),
    Case("missing-intermediate", sent(0, 2), HOST, 20, "the server's operator forgot one"),
    Case("missing-all-intermediates", sent(0), HOST, 20, "as most do who forget"),
    Case("missing-intermediate-published", issuer_published, HOST, 20, "fetched from the address in the certificate",
         windows=0, macos=Guess(0), needs=frozenset({AIA})),
    Case("stranger-leaf-alone", made(lambda: World(stranger().issue(HOST).chain, [root()])), HOST, 20, "nobody known issued it"),
    Case("stranger-with-intermediate", made(lambda: World(stranger_intermediate().issue(HOST).chain, [root()])), HOST, 20, "likewise"),
    Case("stranger-with-root", made(lambda: World([*stranger_intermediate().issue(HOST).chain, stranger()], [root()])), HOST, 19,
         "a root that the peer brings along is no root"),
    Case("empty-store", made(lambda: World(stranger().issue(HOST).chain)), HOST, 20, "nobody is trusted"),
    Case("stranger-without-name-check", made(lambda: World(stranger().issue(HOST).chain, [root()])), None, 20, "trust is asked anyway"),
    Case("stranger-and-wrong-name", made(lambda: World(stranger().issue("a.test").chain, [root()])), HOST, 20, "trust before name"),
    Case("impostor-leaf-alone", impostors(root_sent=False), HOST, 20, "another key under the root's name", macos=Guess(20)),
    Case("impostor-without-identifiers", impostors(root_sent=False, identifiers=False), HOST, 7, "likewise; only the signature tells",
         macos=Guess(20)),
    Case("impostor-with-root", impostors(root_sent=True), HOST, 19, "likewise, and sent along", macos=Guess(19)),
    Case("self-signed", made(lambda: World([self_signed(HOST)], [root()])), HOST, 18, "a server that nobody set up"),
    Case("self-signed-wrong-name", made(lambda: World([self_signed("a.test")], [root()])), HOST, 18, "trust before name"),
    Case("self-signed-in-store", made(self_signed_root), HOST, 0, "a device's certificate", windows=Guess(0), macos=0),
    Case("bad-signature-leaf", corrupt(0), HOST, 7, "one bit of the signature", macos=Guess(20)),
    Case("bad-signature-intermediate", corrupt(1), HOST, 7, "likewise", macos=Guess(20)),
    Case("renewed-root", made(renewed_root), HOST, 0, "as with AddTrust in 2020", windows=Guess(0), wine=0, macos=Guess(0)),
    Case("renewed-root-beside", made(renewed_root_beside), HOST, 0, "the old one kept", windows=Guess(0), wine=0, macos=Guess(0)),
    # Time.
    Case("expired-leaf", served(starts=-90, ends=-1), HOST, 10, "since yesterday"),
    Case("future-leaf", served(starts=1, ends=90), HOST, 9, "from tomorrow; Apple calls it expired"),
    Case("expired-intermediate", below(starts=-90, ends=-1), HOST, 10, "since yesterday"),
    Case("future-intermediate", below(starts=1, ends=90), HOST, 9, "from tomorrow"),
    Case("expired-root", within(starts=-90, ends=-1), HOST, 10, "a root left in the store", macos=Guess(10)),
    Case("expired-and-wrong-name", served("a.test", starts=-90, ends=-1), HOST, 62, "OpenSSL looks at the name first",
         windows=Guess(10), macos=62),
    Case("expired-without-name-check", served(starts=-90, ends=-1), None, 10, "time is checked anyway"),
    Case("valid-900-days", served(ends=899), HOST, 0, "Apple takes 825 days at most (HT210176)", macos=50),
    Case("valid-600-days", served(ends=599), HOST, 0, "more than 398 days only counts for roots that Apple ships", macos=Guess(0),
         needs=frozenset({SYSTEM})),
    Case("valid-600-days-own", owned(ends=599), HOST, 0, "likewise for roots of the program's own"),
    Case("valid-from-before-2019", owned(starts=-3100, ends=899, purposes=None), HOST, 0, "before Apple's rules: what trustme makes"),
    # Names.
    Case("wrong-name", served("other.example.test"), HOST, 62, "another host"),
    Case("no-name", unnamed(), HOST, 62, "neither alternative name nor common name"),
    Case("second-name", served("a.test", HOST), HOST, 0, "one of several"),
    Case("upper-case-name", served("WWW.Example.TEST"), HOST, 0, "upper and lower case are one (RFC 4343)"),
    Case("wildcard", served("*.example.test"), HOST, 0, "one label"),
    Case("wildcard-two-labels", served("*.test"), HOST, 62, "it stands for one label alone"),
    Case("wildcard-apex", served("*.example.test"), "example.test", 62, "not for none"),
    Case("wildcard-deeper", served("*.example.test"), "a.b.example.test", 62, "not for two"),
    Case("wildcard-inside-label", served("w*.example.test"), HOST, 62, "partial wildcards are not supported"),
    Case("wildcard-second-label", served("www.*.test"), HOST, 62, "left-most label only"),
    Case("wildcard-alone", served("*"), "localhost", 62, "everything"),
    Case("wildcard-top-level", served("*.test"), "foo.test", 62, "two labels: Apple wants three, OpenSSL too"),
    Case("wildcard-and-a-label", served("*.example.test"), "xn--bcher-kva.example.test", 0, "an A-label is a label",
         windows=Guess(0), macos=Guess(0)),
    Case("a-label", served("xn--bcher-kva.test"), "xn--bcher-kva.test", 0, "an internationalised name"),
    Case("underscore", served("under_score.example.test"), "under_score.example.test", 0, "not a host name, and in use",
         windows=Guess(0), macos=Guess(0)),
    Case("embedded-nul", served("www.example.test\0.evil.test"), HOST, 62, "CVE-2009-2408"),
    Case("dot-after-name", served("www.example.test."), HOST, 62, "as written in the certificate"),
    Case("longest-name", served(LONGEST_NAME), LONGEST_NAME, 0, "253 characters (RFC 1035)", windows=Guess(0)),
    Case("suffix-of-name", served(HOST), "example.test", 62, "the certificate is for a host below"),
    Case("leading-dot", served(".example.test"), HOST, 62, "a domain, not a host"),
    Case("common-name-only", unnamed(common_name=HOST), HOST, 0, "as the stdlib allows by default; Apple never", macos=62),
    Case("common-name-switched-off", unnamed(common_name=HOST), HOST, 62, "hostname_checks_common_name", common_name=False),
    Case("common-name-beside-others", served("a.test", common_name=HOST), HOST, 62, "RFC 6125, 6.4.4"),
    Case("common-name-beside-address", served("192.0.2.1", common_name=HOST), HOST, 0, "no DNS name beside it",
         windows=Guess(0), wine=62, wine_why="Wine looks at the common name only if there is no alternative name at all", macos=62),
    Case("common-name-wrong", unnamed(common_name="a.test"), HOST, 62, "another host"),
    Case("common-name-of-2000", served(common_name="x" * 2000), HOST, 0, "the peer chooses the size of a message",
         windows=Guess(0), macos=Guess(0)),
    Case("common-name-of-2000-wrong", served("a.test", common_name="x" * 2000), HOST, 62, "likewise", macos=Guess(62)),
    Case("empty-subject", served(subject=x509.Name([])), HOST, 0, "RFC 5280 wants critical names then",
         windows=Guess(0), macos=Guess(84)),
    # Addresses: compared byte-wise with iPAddress, and with nothing else.
    Case("ipv4", served("127.0.0.1"), "127.0.0.1", 0, "loopback"),
    Case("ipv4-wrong", served("127.0.0.1"), "127.0.0.2", 64, "another address"),
    Case("ipv4-second", served("a.test", "192.0.2.1", "127.0.0.1"), "127.0.0.1", 0, "one of several"),
    Case("ipv4-no-address", served(), "127.0.0.1", 64, "names alone"),
    Case("ipv6", served("::1"), "::1", 0, "shortest form"),
    Case("ipv6-long", served("::1"), "0:0:0:0:0:0:0:1", 0, "another form"),
    Case("ipv6-longest", served("::1"), "0000:0000:0000:0000:0000:0000:0000:0001", 0, "another form"),
    Case("ipv6-upper-case", served("2001:db8::abcd"), "2001:DB8::ABCD", 0, "another form"),
    Case("ipv6-dotted", served("::102:304"), "::1.2.3.4", 0, "another form"),
    Case("ipv6-wrong", served("::1"), "::2", 64, "another address"),
    Case("ipv4-in-ipv6", served("::ffff:127.0.0.1"), "::ffff:127.0.0.1", 0, "sixteen bytes both", macos=Guess(0)),
    Case("ipv4-in-ipv6-for-ipv4", served("127.0.0.1"), "::ffff:127.0.0.1", 64, "four bytes are not sixteen"),
    Case("ipv4-for-ipv4-in-ipv6", served("::ffff:127.0.0.1"), "127.0.0.1", 64, "nor the other way round"),
    Case("ipv6-in-brackets", served("::1"), "[::1]", 62, "as in a URL: a name to OpenSSL"),
    Case("ipv4-written-as-name", served(x509.DNSName("127.0.0.1")), "127.0.0.1", 64, "RFC 6125; Windows and Apple would take it"),
    Case("ipv4-wildcard", served(x509.DNSName("*.0.0.1")), "127.0.0.1", 64, "likewise"),
    Case("ipv4-in-common-name", unnamed(common_name="127.0.0.1"), "127.0.0.1", 64, "likewise"),
    # Purpose.
    Case("purpose-client", served(purposes=[CLIENT_AUTH]), HOST, 26, "a client's certificate"),
    Case("purpose-code", served(purposes=[CODE_SIGNING]), HOST, 26, "a program's signer"),
    Case("purpose-any", served(purposes=[ANY_PURPOSE]), HOST, 26, "OpenSSL wants serverAuth by name",
         windows=Guess(0), wine=26, wine_why="Wine knows no anyExtendedKeyUsage", macos=26),
    Case("purpose-absent", served(purposes=None), HOST, 0, "for everything", macos=Guess(0), needs=frozenset({SYSTEM})),
    Case("purpose-absent-own", owned(purposes=None), HOST, 0, "what the program loaded is judged by OpenSSL, not by Apple's rules"),
    Case("purpose-client-intermediate", below(purposes=[CLIENT_AUTH]), HOST, 26, "purposes nest",
         wine=0, wine_why=_NO_EKU_CHAIN, macos=26),
    Case("usage-signing-only", served(key_usage=["key_cert_sign"]), HOST, 26, "not for TLS", macos=0),
    Case("usage-no-certificate-signing", below(key_usage=["crl_sign"]), HOST, 79, "not an issuer of certificates",
         windows=26, macos=Guess(26)),
    # Authorities.
    Case("issuer-is-no-authority", below(ca=False), HOST, 79, "any server could issue"),
    Case("issuer-without-constraints", below(ca=None, key_usage=None), HOST, 79, "likewise"),
    Case("issuer-by-usage-alone", below(ca=None), HOST, 79, "keyCertSign makes no authority"),
    Case("path-too-long", path_lengths(0, None), HOST, 25, _BASIC, windows=79, macos=25),
    Case("path-just-right", path_lengths(1, 0), HOST, 0, "the leaf does not count"),
    Case("leaf-is-authority", served(ca=True), HOST, 0, "unwise, and in use",
         windows=Guess(0), wine=26, wine_why=_NO_SIGNING, macos=Guess(0)),
    Case("leaf-without-constraints", served(ca=None), HOST, 0, "the extension is for authorities"),
    Case("name-permitted", under(HOST, permitted=["example.test"]), HOST, 0, "within", macos=Guess(0)),
    Case("name-not-permitted", under(HOST, permitted=["other.test"]), HOST, 47, "without"),
    Case("name-excluded", under(HOST, excluded=["example.test"]), HOST, 48, "Apple has one code for both",
         windows=Guess(48), wine=48, macos=47),
    Case("address-permitted", under("127.0.0.1", permitted=["127.0.0.0/8"]), "127.0.0.1", 0, "within",
         windows=Guess(0), wine=0, macos=Guess(0)),
    Case("address-not-permitted", under("127.0.0.1", permitted=["192.0.2.0/24"]), "127.0.0.1", 47, "without",
         windows=Guess(47), wine=47, macos=Guess(47)),
    Case("common-name-not-permitted", common_name_not_permitted, "127.0.0.1", 47, "nobody looks for it, but a constraint is broken",
         wine=0, wine_why="Wine applies no constraint to a common name", macos=Guess(0)),
    Case("crossed-expired", crossed_expired, HOST, 10, "two issuers of the same intermediate in the store, the first expired",
         windows=0, macos=Guess(0)),
    Case("unknown-critical-leaf", served(unknown_critical=True), HOST, 34, "RFC 5280, 4.2"),
    Case("unknown-critical-intermediate", below(unknown_critical=True), HOST, 34, "RFC 5280, 4.2"),
    # Strength: security level 2, as CPython sets it. Where the system verifies it is judged by ourselves, after its yes.
    Case("md5-leaf", served(hash="md5"), HOST, 68, "forgeable"),
    Case("md5-intermediate", below(hash="md5"), HOST, 68, "forgeable"),
    Case("sha1-leaf", served(hash="sha1"), HOST, 68, "forgeable"),
    Case("sha1-intermediate", below(hash="sha1"), HOST, 68, "forgeable"),
    Case("sha1-root", within(hash="sha1"), HOST, 0, "a root's signature vouches for nothing", windows=Guess(0), macos=Guess(0)),
    Case("rsa1024-leaf", served(key="rsa1024"), HOST, 66, "breakable"),
    Case("rsa1024-intermediate", below(key="rsa1024"), HOST, 67, "breakable"),
    Case("p192-leaf", served(key="p192"), HOST, 66, "breakable",
         needs=frozenset({UNSERVABLE})),
    Case("pss", served(hash="sha256-pss"), HOST, 0, "RSASSA-PSS with SHA-256", windows=Guess(0), wine=7,
         wine_why="Wine verifies no RSASSA-PSS", macos=Guess(0)),
    Case("sha384", served(hash="sha384"), HOST, 0, "strong"),
    Case("rsa3072-leaf", served(key="rsa3072"), HOST, 0, "strong"),
    Case("p256", below({"key": "p256"}, key="p256"), HOST, 0, "what most servers use"),
    Case("p384", below({"key": "p384", "hash": "sha384"}, key="p384"), HOST, 0, "strong"),
    Case("p521", below({"key": "p521", "hash": "sha512"}, key="p521"), HOST, 0, "strong",
         wine=7, wine_why="Wine verifies no P-521 signature", macos=Guess(0)),
    Case("ed25519", below({"key": "ed25519"}, key="ed25519"), HOST, 0, "no platform but OpenSSL verifies it",
         windows=Guess(7), wine=7, macos=66),
    Case("ed25519-leaf", served(key="ed25519"), HOST, 0, "its key only", windows=Guess(0), wine=0, macos=66),
    # Anchors that the program loaded: OpenSSL judges by them on every system, and the system is asked if they do not vouch.
    Case("own-root", owned(), HOST, 0, "a company's server"),
    Case("own-root-sent", made(lambda: World([*own_intermediate().issue(HOST).chain, own_root()], [root()], [own_root()])), HOST, 0,
         "with its root"),
    Case("own-root-empty-store", made(lambda: World(own_root().issue(HOST).chain, [], [own_root()])), HOST, 0, "without the system"),
    Case("own-root-for-system-peer", made(lambda: World(intermediate().issue(HOST).chain, [root()], [own_root()])), HOST, 0,
         "the system is still trusted", needs=frozenset({SYSTEM})),
    Case("own-root-for-stranger", made(lambda: World(stranger().issue(HOST).chain, [root()], [own_root()])), HOST, 20, "still nobody"),
    Case("own-root-for-stranger-root-sent", made(lambda: World([stranger().issue(HOST), stranger()], [root()], [own_root()])), HOST, 19,
         "nor its root"),
    Case("own-root-twice", made(lambda: World(own_root().issue(HOST).chain, [root()], [own_root(), own_root()])), HOST, 0,
         "two files with the same root"),
    Case("own-root-wrong-name", owned("a.test"), HOST, 62, "every check is made under own roots too"),
    Case("own-root-wrong-address", owned("127.0.0.1"), "127.0.0.2", 64, "likewise"),
    Case("own-root-address", owned("127.0.0.1", "::1"), "::1", 0, "likewise"),
    Case("own-root-expired", owned(starts=-90, ends=-1), HOST, 10, "likewise"),
    Case("own-root-purpose", owned(purposes=[CLIENT_AUTH]), HOST, 26, "likewise"),
    Case("own-root-critical", owned(unknown_critical=True), HOST, 34, "likewise"),
    Case("own-root-sha1", owned(hash="sha1"), HOST, 68, "likewise"),
    Case("own-root-crossed", cross_signed(trusted_first=True), HOST, 0, "two issuers of the same intermediate, one known"),
    Case("own-root-crossed-last", cross_signed(trusted_first=False), HOST, 20, "OpenSSL follows the first path alone"),
    Case("own-self-signed", self_signed_anchor(), HOST, 0, "a device's certificate, pinned"),
    Case("own-self-signed-authority", self_signed_anchor(ca=True), HOST, 0, "likewise, and authority"),
    Case("own-self-signed-wrong-name", self_signed_anchor("a.test"), HOST, 62, "the name counts"),
    Case("own-self-signed-expired", self_signed_anchor(starts=-90, ends=-1), HOST, 10, "the time counts"),
    Case("own-intermediate", anchored(1), HOST, 2, "an anchor must be a root, unless partial chains are allowed"),
    Case("own-intermediate-partial", anchored(1), HOST, 0, "VERIFY_X509_PARTIAL_CHAIN, the default from Python 3.13",
         flags=PARTIAL),
    Case("own-leaf", anchored(0), HOST, 20, "likewise"),
    Case("own-leaf-partial", anchored(0), HOST, 0, "likewise", flags=PARTIAL),
    Case("partial-for-stranger", made(lambda: World(stranger_intermediate().issue(HOST).chain, [root()], [own_root()])), HOST, 20,
         "what the peer sends is no anchor", flags=PARTIAL),
    Case("strict-without-identifiers", served(identifiers=False), HOST, 85, "VERIFY_X509_STRICT is OpenSSL's alone",
         flags=STRICT, windows=Guess(0), macos=0),
    # Revocation, which is off unless `verify_flags` ask for it. Apple knows no lists since macOS 10.15 (Security-59306): OCSP alone.
    Case("revoked-not-asked", revocable("revoked"), HOST, 0, "no CRL is looked at", needs=frozenset({CRL})),
    Case("revoked-leaf", revocable("revoked"), HOST, 23, "asked for the leaf", flags=LEAF, macos=3, needs=frozenset({CRL})),
    Case("revoked-leaf-chain", revocable("revoked"), HOST, 23, "asked for the chain, of which the leaf is part",
         flags=CHAIN, macos=3, needs=frozenset({CRL})),
    Case("revoked-leaf-own-root", revocable("revoked", anchor=True), HOST, 23, "under own roots too",
         flags=LEAF, needs=frozenset({CRL})),
    Case("revoked-intermediate", revocable("good", "revoked"), HOST, 23, "by its root",
         flags=CHAIN, macos=3, needs=frozenset({CRL})),
    Case("revoked-intermediate-leaf-asked", revocable("good", "revoked"), HOST, 0, "the leaf's list alone is looked at",
         flags=LEAF, macos=3, needs=frozenset({CRL})),
    Case("good-leaf-listed", revocable(), HOST, 0, "the list is empty", flags=LEAF, macos=3, needs=frozenset({CRL})),
    Case("good-chain-listed", revocable(), HOST, 0, "both lists are empty", flags=CHAIN, macos=3, needs=frozenset({CRL})),
    Case("crl-nowhere", served(), HOST, 3, "no list, no address of one", flags=LEAF, macos=3),
    Case("crl-nowhere-chain", served(), HOST, 3, "likewise", flags=CHAIN, macos=3),
    Case("crl-unreachable", revocable("unlisted", reachable=False), HOST, 3, "offline is not good", flags=LEAF, macos=3,
         needs=frozenset({CRL})),
    Case("crl-of-intermediate-unlisted", revocable("good", "unlisted"), HOST, 3, "every list of the chain is needed",
         flags=CHAIN, windows=Guess(3), wine=3,
         macos=3, needs=frozenset({CRL})),
    Case("crl-expired", revocable(ends=-1), HOST, 12, "an old list says nothing of today", flags=LEAF,
         windows=Guess(3), wine=0, wine_why="Wine does not look at a list's time", macos=3, needs=frozenset({CRL})),
    Case("crl-forged", revocable(forged=True), HOST, 3, "signed by another key under the issuer's name", flags=LEAF,
         windows=Guess(3), wine=0, wine_why="Wine does not verify a list's signature", macos=3, needs=frozenset({CRL})),
    # `revocation_best_effort`: of the system's verdicts alone. OpenSSL, which cannot be asked so, judges what the program loaded without.
    Case("revoked-leaf-best-effort", revocable("revoked"), HOST, 0, "who is known to be revoked is refused",
         windows=23, macos=0, needs=frozenset({CRL, BEST_EFFORT})),
    Case("revoked-intermediate-best-effort", revocable("good", "revoked"), HOST, 0, "the whole chain is looked up",
         windows=23, macos=0, needs=frozenset({CRL, BEST_EFFORT})),
    Case("crl-nowhere-best-effort", served(), HOST, 0, "nobody knows", needs=frozenset({BEST_EFFORT})),
    Case("crl-unreachable-best-effort", revocable("unlisted", reachable=False), HOST, 0, "nobody can be asked",
         needs=frozenset({CRL, BEST_EFFORT})),
    # The platform's own settings.
    Case("denied-root", denied(1), HOST, None, "the user or an administrator said never", windows=Guess(28), wine=None, macos=28,
         needs=frozenset({SETTINGS, SYSTEM})),
    Case("denied-leaf", denied(0), HOST, None, "likewise", windows=Guess(28), wine=None, macos=28, needs=frozenset({SETTINGS, SYSTEM})),
]
# fmt: on
