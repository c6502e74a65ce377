"""What `truststore roots` makes of trust settings, and the command line on the simulator of Security.framework."""

from __future__ import annotations

import json
import ssl
import sys
from typing import TYPE_CHECKING, Any

import pytest
from certificates import CLIENT_AUTH, SERVER_AUTH, Authority
from macos import simulated
from macos.asking import HOST, about, verdict
from servers import Server

from truststore import _cli, _macos_roots
from truststore._cli import roots as command
from truststore._cli import status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from certificates import Certificate
    from macos.simulated import Simulator

SERVERS, CLIENTS = (bytes.fromhex(f"2b060105050703{last}") for last in ("01", "02"))
USER, ADMIN, SYSTEM = range(3)


@pytest.fixture
def mac(simulator: Simulator) -> Iterator[Simulator]:
    with simulated.contexts():
        yield simulator


@pytest.fixture(scope="module")
def authorities() -> list[Authority]:
    return [Authority.new(key="p256") for _ in range(4)]


@pytest.fixture(scope="module")
def root(authorities: list[Authority]) -> Authority:
    return authorities[0]


def listed(purpose: bytes = SERVERS) -> list[bytes]:
    return _macos_roots.roots(purpose)[0]


def test_each_domain_but_not_the_denied(mac: Simulator, authorities: list[Authority], tmp_path: Path) -> None:
    """As the verdict has it. That of the system's roots is not looked up one by one, which takes a Mac a second each."""
    user, admin, system, denied = authorities
    mac.keychain(tmp_path, user=[user], admin=[admin], system=[system, denied], denied=[denied])
    assert set(listed()) == {user.der, admin.der, system.der}
    leaves = [each.issue(HOST) for each in authorities]
    assert [verdict(about(leaf.chain)) for leaf in leaves] == [0, 0, 0, 28]
    assert mac.calls("SecTrustSettingsCopyTrustSettings") == 3


@pytest.mark.parametrize(
    ("words", "vouches_for"),
    [
        ("", {SERVERS, CLIENTS}),
        ("-", {SERVERS, CLIENTS}),
        ("Result=1", {SERVERS, CLIENTS}),
        ("Result=2", {SERVERS, CLIENTS}),
        ("Result=3", set()),
        ("Result=4", set()),
        ("Result=0", set()),
        ("Result=99", set()),
        ("Policy=server", {SERVERS}),
        ("Policy=client", {CLIENTS}),
        ("Policy=new", {CLIENTS}),
        ("Policy=other", set()),
        ("Policy=server,Result=1;Policy=client,Result=1", {SERVERS, CLIENTS}),
        ("Policy=server,Result=1,AllowedError=-2147409654,PolicyName=sslServer", {SERVERS}),
        ("Policy=server,PolicyString=www.example.test", set()),
        ("Application=Safari", set()),
        ("KeyUsage=8", set()),
        ("SomethingNew=1", set()),
        ("PolicyString=www.example.test;Result=1", {SERVERS, CLIENTS}),
        ("Result=1;Policy=server,Result=3,PolicyString=www.example.test", set()),
        ("Result=1;Policy=client,Result=3", set()),
        ("Result=1;Policy=other,Result=3", {SERVERS, CLIENTS}),
    ],
)
def test_settings(words: str, vouches_for: set[bytes], mac: Simulator, root: Authority) -> None:
    mac.settings(USER, root, words)
    assert {purpose for purpose in (SERVERS, CLIENTS) if listed(purpose)} == vouches_for


@pytest.mark.parametrize(
    ("user", "admin", "trusted"),
    [
        ("Result=3", "Result=1", False),
        ("Result=1", "Result=3", True),
        ("Result=4", "Result=3", False),
        ("Policy=other,Result=3", "Result=1", True),
        ("Application=Safari", "Result=3", False),
        ("Application=Safari", None, True),
        (None, "Result=3", False),
        (None, None, True),
    ],
)
def test_the_first_domain_that_says_something_decides(
    user: str | None, admin: str | None, trusted: bool, mac: Simulator, root: Authority, tmp_path: Path
) -> None:
    mac.keychain(tmp_path, system=[root])
    for domain, words in (USER, user), (ADMIN, admin):
        if words is not None:
            mac.settings(domain, root, words)
    assert listed() == ([root.der] if trusted else [])


def test_what_is_trusted_under_conditions_is_counted(mac: Simulator, authorities: list[Authority]) -> None:
    for each, words in zip(authorities, ("Application=Safari", "PolicyString=www.example.test", "Result=1"), strict=False):
        mac.settings(USER, each, words)
    assert _macos_roots.roots(SERVERS)[1] == [_macos_roots.LEFT_OUT.format(2)]


def test_neither_intermediates_nor_purposes_that_it_denies_itself(mac: Simulator, root: Authority, tmp_path: Path) -> None:
    servers, clients = (Authority.new(key="p256", purposes=[each]) for each in (SERVER_AUTH, CLIENT_AUTH))
    mac.keychain(tmp_path, admin=[root.authority(key="p256"), servers, clients])
    assert command._listed(SERVERS).roots == [servers.der]
    assert command._listed(CLIENTS).roots == [clients.der]


# --- what fails

FAILURES = [
    ("SecTrustSettingsCopyCertificates", -50, False),
    ("SecTrustSettingsCopyCertificates", -50, True),
    ("SecTrustSettingsCopyTrustSettings", -50, False),
    ("SecTrustSettingsCopyTrustSettings", -50, True),
    ("SecCertificateCopyData", 0, False),
    ("SecPolicyCopyProperties", 0, False),
    ("CFStringCreateWithBytes", 0, False),
    ("CFArrayGetValueAtIndex", 0, False),
    ("CFNumberGetValue", 0, False),
]


@pytest.mark.parametrize(("call", "value", "afterwards"), FAILURES)
def test_a_call_that_fails_is_said(call: str, value: int, afterwards: bool, mac: Simulator, root: Authority) -> None:
    """And leaves nothing behind: `simulator` looks."""
    mac.settings(USER, root, "Policy=server,Result=1")
    mac.fail(call, 1, value, afterwards=afterwards)
    with pytest.raises(OSError, match=r"the trust settings cannot be read: .*security dump-trust-settings"):
        listed()
    assert mac.failed


@pytest.mark.parametrize("call", ["SecTrustSettingsCopyCertificates", "SecTrustSettingsCopyTrustSettings"])
def test_a_success_without_an_array_is_none(call: str, mac: Simulator, root: Authority) -> None:
    mac.settings(USER, root, "Result=1")
    mac.fail(call, 1, 0)
    with pytest.raises(OSError, match=f"{call} returned NULL"):
        listed()


@pytest.mark.parametrize("call", ["SecTrustSettingsCopyCertificates", "SecTrustSettingsCopyTrustSettings"])
def test_a_system_without_trust_settings(call: str, built: Simulator, root: Authority) -> None:
    """IOS has none. There the command does not get as far."""
    built.reset()
    built.settings(USER, root, "Result=1")
    with simulated.frameworks(built, absent=[call]), pytest.raises(OSError, match=f"this system has no {call}"):
        listed()
    built.reset()


def test_ios(mac: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "ios")
    with pytest.raises(status.CannotAsk, match="does not let this command list"):
        command._listed(SERVERS)


# --- the command line


def output(capsys: pytest.CaptureFixture[str], *arguments: str, exits_with: int = 0) -> tuple[str, str]:
    assert _cli.main(arguments) == exits_with
    said = capsys.readouterr()
    return " ".join(said.out.split()), " ".join(said.err.split())


@pytest.fixture
def keychain(mac: Simulator, authorities: list[Authority], tmp_path: Path) -> list[Authority]:
    mac.keychain(tmp_path / "keychain", user=authorities[:1], system=authorities[1:3], denied=authorities[3:])
    return authorities


def test_the_list_and_its_forms(keychain: list[Authority], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = output(capsys, "roots")
    assert out.startswith("3 roots for TLS servers: the keychains and Apple's root store")
    assert err == ""
    file = tmp_path / "roots.pem"
    out, err = output(capsys, "roots", "--pem", "--output", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(file)
    assert set(context.get_ca_certs(binary_form=True)) == {each.der for each in keychain[:3]}
    assert (out, err) == ("", f"3 roots. {command.LOST} {_macos_roots.LOST}")
    output(capsys, "roots", "--der-dir", str(tmp_path / "new"))
    assert {path.read_bytes() for path in (tmp_path / "new").iterdir()} == {each.der for each in keychain[:3]}
    document = json.loads(output(capsys, "roots", "--json")[0])
    assert {ssl.PEM_cert_to_DER_cert(each["pem"]) for each in document["roots"]} == {each.der for each in keychain[:3]}


def test_nothing_to_list_and_what_fails_are_one_line(mac: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = output(capsys, "roots", "--output", str(tmp_path / "new.pem"), exits_with=2)
    assert err == "truststore: there are no roots for this purpose: the keychains and Apple's root store"
    mac.fail("SecTrustSettingsCopyCertificates", 1, -50)
    assert _cli.main(["roots", "--pem"]) == 2
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)
    assert "SecTrustSettingsCopyCertificates failed (-50)" in said.err
    assert list(tmp_path.iterdir()) == []


def test_verify(keychain: list[Authority], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "chain.pem"

    def holds(leaf: Certificate) -> str:
        file.write_text("".join(each.pem for each in leaf.chain), "ascii")
        return str(file)

    out, _ = output(capsys, "verify", "--name", HOST, holds(keychain[0].issue(HOST)))
    assert "is trusted. Decided by Security.framework, with the keychains and Apple's root store." in out
    out, _ = output(capsys, "verify", "--name", "other.test", str(file), exits_with=1)
    assert "Hostname mismatch, certificate is not valid for 'other.test'." in out
    out, _ = output(capsys, "verify", holds(keychain[3].issue(HOST)), exits_with=1)
    assert "(verify code 28)" in out


def test_check(keychain: list[Authority], capsys: pytest.CaptureFixture[str]) -> None:
    """One connection, and everybody else's verdict without another."""
    leaf, denied, stranger = keychain[0].authority().issue(HOST), keychain[3].issue(HOST), Authority.new("Stranger").issue(HOST)
    with Server(leaf.server_context()) as server:
        at = f"127.0.0.1:{server.port}"
        assert f"{at} as {HOST} is trusted (TLSv1" in output(capsys, "check", "--server-name", HOST, at)[0]
        peer = checked(capsys, server, HOST)
        refused = checked(capsys, server, "other.test", exits_with=1)
    assert peer["judge"] == "Security.framework, with the keychains and Apple's root store"
    assert [each["whence"] for each in peer["chain"]] == ["sent", "sent", "from the store"]
    said = {each["key"]: each["trusted"] for each in peer["others"]}
    assert (said["system"], said["environment"]) == (True, True)
    assert (refused["cause"], refused["code"]) == ("wrong name", 62)
    for certificate, cause in (denied, "distrusted"), (stranger, "unknown root"):
        with Server(certificate.server_context()) as server:
            assert checked(capsys, server, HOST, exits_with=1)["cause"] == cause


def checked(capsys: pytest.CaptureFixture[str], server: Server, name: str, *, exits_with: int = 0) -> dict[str, Any]:
    arguments = "check", "--json", "--server-name", name, f"127.0.0.1:{server.port}"
    document: dict[str, Any] = json.loads(output(capsys, *arguments, exits_with=exits_with)[0])["peers"][0]
    return document


def test_the_overview(mac: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = output(capsys)
    assert "Decided by Security.framework, with the keychains and Apple's root store." in out
    assert err == ""
    document = json.loads(output(capsys, "--json")[0])
    assert (document["judge"], document["store"]) == ("Security.framework", None)


@pytest.mark.skipif(sys.platform != "darwin", reason="the roots of a Mac are on a Mac")
def test_of_this_mac(capsys: pytest.CaptureFixture[str]) -> None:
    found = command._listed(SERVERS).roots
    assert len(found) > 50
    out, err = output(capsys)
    assert "Decided by Security.framework" in out
    assert err == ""
