"""`truststore verify`: the verdict on a chain in a file."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority, Certificate, pem_file, self_signed
from commands import truststore_command
from cryptography import x509
from cryptography.x509.oid import NameOID
from servers import HOST, Store, needs_openssl

from truststore._cli.judged import judges

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = needs_openssl

TRUSTED, REFUSED, NOT_ASKED = 0, 1, 2


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "chain.pem"


def verified(file: Path, *arguments: str) -> dict[str, Any]:
    done = truststore_command("verify", str(file), "--json", *arguments)
    assert done.stderr == ""
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (TRUSTED if document["trusted"] else REFUSED)
    return document


def test_trusted(system: Store, root: Authority, file: Path) -> None:
    leaf = root.authority().issue(HOST)
    file.write_text(pem_file(leaf.chain))
    done = truststore_command("verify", str(file), "--name", HOST)
    assert (done.returncode, done.stderr) == (TRUSTED, "")
    text = done.stdout.replace("\n", " ")
    assert f"{file} for {HOST} is trusted." in text
    assert f"Decided by OpenSSL, with the roots in {system.file}" in text
    assert "The chain, from the root that vouches for it:" in text
    digests = [line.strip() for line in done.stdout.splitlines() if len(line.strip()) == 64]
    assert digests == [sha256(each.der).hexdigest() for each in (root, *reversed(leaf.chain))]


def test_der_and_standard_input(system: Store, leaf: Certificate, file: Path) -> None:
    file.write_bytes(leaf.der)
    assert verified(file)["trusted"]
    file.write_text(f"Some text of 'openssl s_client -showcerts'\n{leaf.pem} more\n")
    assert verified(file)["trusted"]
    with file.open() as opened:
        assert truststore_command("verify", "-", stdin=opened).returncode == TRUSTED


@pytest.mark.parametrize(
    ("make", "code", "cause"),
    [
        (lambda root: Authority.new("Stranger").issue(HOST), 20, "unknown root"),
        (lambda root: self_signed(HOST), 18, "self-signed"),
        (lambda root: root.issue(HOST, starts=-9, ends=-2), 10, "expired"),
        (lambda root: root.issue("elsewhere.example"), 62, "wrong name"),
    ],
    ids=["stranger", "self-signed", "expired", "another name"],
)
def test_refused(
    system: Store, root: Authority, file: Path, make: Callable[[Authority], Certificate], code: int, cause: str
) -> None:
    file.write_text(pem_file(make(root).chain or [make(root)]))
    document = verified(file, "--name", HOST)
    assert (document["trusted"], document["code"], document["cause"]) == (False, code, cause)
    assert document["blamed"] == document["sent"][0]["sha256"]
    assert document["notes"]
    done = truststore_command("verify", str(file), "--name", HOST)
    assert (done.returncode, done.stderr) == (REFUSED, "")
    assert "is REFUSED: " in done.stdout.replace("\n", " ")
    assert f"(verify code {code})" in done.stdout.replace("\n", " ")
    assert "The chain, as far as it goes:" in done.stdout
    assert document["notes"][0] in done.stdout.replace("\n", " ")


def test_any_name_will_do_without_one(system: Store, root: Authority, file: Path) -> None:
    file.write_text(root.issue("elsewhere.example").pem)
    assert verified(file)["trusted"]
    assert not verified(file, "--name", HOST)["trusted"]


def test_strict(system: Store, file: Path) -> None:
    """As ssl.create_default_context() since 3.13: an authority without key identifiers."""
    lax = Authority.new(identifiers=False)
    system.holds(lax)
    file.write_text(lax.issue(HOST).pem)
    assert verified(file, "--no-strict")["trusted"]
    assert not verified(file, "--strict")["trusted"]
    default = verified(file)
    assert default["strict"] is (sys.version_info >= (3, 13))
    assert default["trusted"] is not default["strict"]


def test_the_document(system: Store, leaf: Certificate, root: Authority, file: Path) -> None:
    file.write_text(leaf.pem)
    document = verified(file, "--name", HOST)
    members = {
        "schema",
        "trusted",
        "name",
        "strict",
        "judge",
        "code",
        "message",
        "cause",
        "blamed",
        "notes",
        "warnings",
        "commands",
    }
    assert document.keys() == {*members, "sent", "chain", "others"}
    assert (document["schema"], document["code"], document["message"], document["notes"]) == (1, 0, None, [])
    assert len(document["sent"]) == 1
    assert [each.pop("whence") for each in document["chain"]] == ["in the file", "from the store"]
    assert document["chain"][0] == document["sent"][0]


def test_who_else_would_say_what(
    system: Store, leaf: Certificate, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file.write_text(leaf.pem)
    others = {each["key"]: each["trusted"] for each in verified(file, "--name", HOST)["others"]}
    assert others["environment"] is True
    assert others.keys() == judges.PARTIES.keys()
    other = tmp_path / "other.pem"
    other.write_text(Authority.new("Another").pem)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    assert "What others say:" in truststore_command("verify", str(file)).stdout


def test_nothing_to_verify_with(system: Store, leaf: Certificate, file: Path) -> None:
    """Not "an unknown root"."""
    system.file.write_text("")
    file.write_text(leaf.pem)
    assert verified(file)["cause"] == "empty store"


def test_hostile_names(system: Store, file: Path) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "\x1b[2J\r\nis trusted \u202e\x07")])
    file.write_text(self_signed(HOST, subject=name).pem)
    done = truststore_command("verify", str(file))
    assert done.returncode == REFUSED
    assert done.stdout.replace("\n", "").isprintable()
    assert not [line for line in done.stdout.splitlines() if line.startswith("is trusted")]
    lines = [line for line in done.stdout.splitlines() if not line.startswith("    ")]  # those are to be copied, as one line
    assert max(map(len, lines)) <= max(80, len(str(system.file)) + 1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "holds no certificate"),
        (b"no certificate\n", "holds no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nMAA=\n", "incomplete"),
        (b"\xff\xfe\x00", "not in plain PEM"),
        (b"0\x03\x02\x01\x00", "no verdict"),
        (b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "no verdict"),
    ],
    ids=repr,
)
def test_no_chain(system: Store, file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    done = truststore_command("verify", str(file))
    assert (done.returncode, done.stdout) == (NOT_ASKED, "")
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_file(system: Store, tmp_path: Path, file: Path, leaf: Certificate) -> None:
    for path in tmp_path / "nowhere", tmp_path:
        done = truststore_command("verify", str(path))
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (NOT_ASKED, "", 1)
        assert str(path) in done.stderr
    file.write_text(leaf.pem)
    done = truststore_command("verify", str(file), "--name", "a..b")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (NOT_ASKED, "", 1)
