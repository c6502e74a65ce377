"""`truststore roots`: lists and exports what the system trusts, as a whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from certificates import CLIENT_AUTH, SERVER_AUTH, Authority
from commands import truststore_command
from cryptography import x509
from cryptography.x509.oid import NameOID
from pem_files import trusted
from servers import Store, needs_openssl

if TYPE_CHECKING:
    from certificates import Certificate

pytestmark = needs_openssl


@pytest.fixture(scope="module")
def second() -> Authority:
    return Authority.new("Another root")


@pytest.fixture
def two(system: Store, root: Authority, second: Authority) -> Store:
    system.holds(root, second)
    return system


def roots(*arguments: str) -> str:
    done = truststore_command("roots", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(*arguments: str) -> str:
    done = truststore_command("roots", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def loaded(path: Path) -> set[bytes]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path)
    return set(context.get_ca_certs(binary_form=True))


def test_the_list(two: Store, root: Authority, second: Authority) -> None:
    *title, one, other = roots().splitlines()
    lines = one, other
    assert title[0].startswith("2 roots for TLS servers: ")
    assert str(two.file) in " ".join(title)
    assert [line.split()[1] for line in lines] == [hashlib.sha256(each.der).hexdigest()[:16] for each in (second, root)], "by name"
    assert all(len(line) <= 79 for line in lines)


def test_pem(two: Store, root: Authority, second: Authority, tmp_path: Path) -> None:
    done = truststore_command("roots", "--pem")
    (tmp_path / "copy.pem").write_text(done.stdout, "ascii")
    assert loaded(tmp_path / "copy.pem") == {root.der, second.der}
    assert done.stderr.startswith("2 roots. A copy of the roots is not the system's trust")


def test_der(two: Store, root: Authority, second: Authority, tmp_path: Path) -> None:
    assert roots("--der-dir", str(tmp_path / "copy")) == ""
    expected = {f"{hashlib.sha256(each.der).hexdigest()}.der": each.der for each in (root, second)}
    assert {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()} == expected


def test_json(two: Store, root: Authority, second: Authority) -> None:
    document = json.loads(roots("--json"))
    assert document.keys() == {"schema", "store", "purpose", "roots", "warnings"}
    assert (document["schema"], document["purpose"], document["warnings"]) == (1, "server", [])
    assert {ssl.PEM_cert_to_DER_cert(each["pem"]) for each in document["roots"]} == {root.der, second.der}
    first = next(each for each in document["roots"] if each["sha256"] == hashlib.sha256(root.der).hexdigest())
    assert first.keys() == {"subject", "issuer", "not_before", "not_after", "sha256", "pem"}
    assert first["subject"] == first["issuer"]
    assert first["not_after"] == root.parsed.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_damaged_block_is_said(two: Store) -> None:
    two.file.write_text(two.file.read_text() + "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
    done = truststore_command("roots", "--pem")
    assert (done.returncode, done.stdout.count("BEGIN CERTIFICATE")) == (0, 2)
    assert done.stderr.startswith("warning:")
    assert "left out a block" in done.stderr.replace("\n", " ")
    assert "left out a block" in json.loads(roots("--json"))["warnings"][0]


def test_names_are_no_blocks(system: Store, tmp_path: Path) -> None:
    hostile = "\x1b[2J\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----"
    root = Authority.new(subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostile)]))
    system.holds(root)
    text = roots("--pem")
    assert text.count("-----BEGIN") == text.count("-----END") == 1
    assert text.replace("\n", "").isprintable()
    assert roots().replace("\n", "").isprintable()


# -- purposes ---------------------------------------------------------------------------------------------------------------------


def purposes(system: Store, *wanted: Certificate) -> dict[str, set[bytes]]:
    found = {}
    for purpose in "server", "client":
        document = json.loads(roots("--json", "--purpose", purpose))
        found[purpose] = {ssl.PEM_cert_to_DER_cert(each["pem"]) for each in document["roots"]}
    return found


def test_roots_that_say_what_they_are_for(system: Store, root: Authority) -> None:
    servers, clients = (Authority.new(purposes=[each]) for each in (SERVER_AUTH, CLIENT_AUTH))
    system.holds(root, servers, clients)
    assert purposes(system) == {"server": {root.der, servers.der}, "client": {root.der, clients.der}}


def test_settings_of_openssls(system: Store, root: Authority, second: Authority) -> None:
    """Whatever they say of clients: the store heeds what they say of servers."""
    system.file.write_text(root.pem + trusted(second, trust=[SERVER_AUTH]))
    assert purposes(system) == {"server": {root.der, second.der}, "client": {root.der}}


# -- what is written --------------------------------------------------------------------------------------------------------------


def test_a_file_is_replaced_as_a_whole(two: Store, tmp_path: Path) -> None:
    (tmp_path / "target.pem").write_text("old")
    (tmp_path / "target.pem").chmod(0o640)
    (tmp_path / "link.pem").symlink_to("target.pem")
    before = (tmp_path / "target.pem").stat().st_ino
    assert roots("--pem", "--output", str(tmp_path / "link.pem")) == ""
    assert (tmp_path / "link.pem").is_symlink()
    after = (tmp_path / "target.pem").stat()
    assert after.st_ino != before, "not written into"
    assert after.st_mode & 0o777 == 0o640
    assert len(loaded(tmp_path / "link.pem")) == 2


def test_new_files_have_usual_rights(two: Store, tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        roots("--pem", "--output", str(tmp_path / "new.pem"))
        roots("--der-dir", str(tmp_path / "new"))
    finally:
        os.umask(mask)
    assert (tmp_path / "new.pem").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o750


def test_nothing_is_written_after_a_failure(two: Store, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old.pem").write_text("old")
    two.file.unlink()
    refused("--pem", "--output", str(folder / "old.pem"))
    refused("--der-dir", str(folder / "new"))
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("old.pem", "old")]


def test_where_nothing_can_be_written(two: Store, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "old.der").touch()
    assert "is not an empty directory" in refused("--der-dir", str(tmp_path / "full"))
    assert "is not a regular file" in refused("--output", str(tmp_path / "full"))
    assert "nowhere" in refused("--output", str(tmp_path / "nowhere" / "new.pem"))
    assert "nowhere" in refused("--der-dir", str(tmp_path / "nowhere" / "new"))
    assert "--der-dir" in refused("--der-dir", "a", "--output", "b")
    assert "not allowed with" in refused("--pem", "--json")
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".new")] == []


def test_an_empty_directory_will_do(two: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    roots("--der-dir", str(tmp_path / "empty"))
    assert len(list((tmp_path / "empty").iterdir())) == 2


def test_a_reader_that_went_away(two: Store) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = truststore_command("roots", "--pem", stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (2, "")
