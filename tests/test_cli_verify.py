"""`truststore verify`: the verdict on a chain in a file."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from certificates import Authority, Certificate, pem_file, self_signed
from commands import truststore_command
from cryptography import x509
from cryptography.x509.oid import NameOID
from servers import HOST, Store, needs_openssl

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
    lines = [line for line in done.stdout.splitlines() if line.startswith("  ")]
    assert len(lines) == 3, "leaf, intermediate, root"


def test_der_and_standard_input(system: Store, leaf: Certificate, file: Path) -> None:
    file.write_bytes(leaf.der)
    assert verified(file)["trusted"]
    file.write_text(f"Some text of 'openssl s_client -showcerts'\n{leaf.pem} more\n")
    assert verified(file)["trusted"]
    with file.open() as opened:
        assert truststore_command("verify", "-", stdin=opened).returncode == TRUSTED


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda root: Authority.new("Stranger").issue(HOST), 20),
        (lambda root: self_signed(HOST), 18),
        (lambda root: root.issue(HOST, starts=-9, ends=-2), 10),
        (lambda root: root.issue("elsewhere.example"), 62),
    ],
    ids=["stranger", "self-signed", "expired", "another name"],
)
def test_refused(system: Store, root: Authority, file: Path, make: Callable[[Authority], Certificate], code: int) -> None:
    file.write_text(pem_file(make(root).chain or [make(root)]))
    document = verified(file, "--name", HOST)
    assert (document["trusted"], document["code"], document["chain"]) == (False, code, None)
    assert document["notes"]
    done = truststore_command("verify", str(file), "--name", HOST)
    assert (done.returncode, done.stderr) == (REFUSED, "")
    assert "is REFUSED: " in done.stdout.replace("\n", " ")
    assert f"(verify code {code})" in done.stdout.replace("\n", " ")
    assert "The certificates in the file:" in done.stdout


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
    assert document.keys() == {"schema", "trusted", "name", "strict", "judge", "code", "message", "notes", "sent", "chain"}
    assert (document["schema"], document["code"], document["message"], document["notes"]) == (1, 0, None, [])
    assert len(document["sent"]) == 1
    assert [each.keys() for each in document["chain"]] == [{"subject", "issuer", "not_before", "not_after", "sha256"}] * 2
    assert document["chain"][0] == document["sent"][0]


def test_hostile_names(system: Store, file: Path) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "\x1b[2J\r\nis trusted \u202e\x07")])
    file.write_text(self_signed(HOST, subject=name).pem)
    done = truststore_command("verify", str(file))
    assert done.returncode == REFUSED
    assert done.stdout.replace("\n", "").isprintable()
    assert not [line for line in done.stdout.splitlines() if line.startswith("is trusted")]
    assert max(map(len, done.stdout.splitlines())) <= max(80, len(str(system.file)) + 1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "holds no certificate"),
        (b"no certificate\n", "holds no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nMAA=\n", "not whole"),
        (b"\xff\xfe\x00", "in no plain form"),
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
