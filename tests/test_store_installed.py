"""A copy of Mozilla's roots that somebody has put a root of the company's into: the record of what was installed proves it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from certificates import Authority
from fake_root import FakeRoot

from truststore._store.installed import is_changed
from truststore._store.search import ENVIRONMENT, PRIVATE, TABLE

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform == "win32":
    pytest.skip("symbolic links and paths as on Unix", allow_module_level=True)

MOZILLA, COMPANY, PUBLIC = (Authority.new(name, key="p256") for name in ("Mozilla", "Company", "Public"))
SITE = "/srv/venv/lib/python3.12/site-packages"
CERTIFI, RECORD = f"{SITE}/certifi/cacert.pem", f"{SITE}/certifi-2026.1.2.dist-info/RECORD"
CONDA = "/opt/conda/envs/work"
CACERT, META = f"{CONDA}/ssl/cacert.pem", f"{CONDA}/conda-meta/ca-certificates-2026.1.2-0.json"
INSTALLED = MOZILLA.pem.encode()
#: What people do: cat company.pem >> $(python -m certifi)
CHANGED = INSTALLED + COMPANY.pem.encode()


@pytest.fixture
def machine(tmp_path: Path) -> FakeRoot:
    machine = FakeRoot(tmp_path.resolve())
    machine.bundle("/etc/ssl/certs/ca-certificates.crt", PUBLIC)
    return machine


def line(name: str, content: bytes, algorithm: str = "sha256") -> str:
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).decode().rstrip("=")
    return f"{name},{algorithm}={digest},{len(content)}\n"


def meta(content: bytes, name: str = "ssl/cacert.pem", **more: str) -> str:
    entry = {"_path": name, "path_type": "hardlink", "sha256": hashlib.sha256(content).hexdigest(), **more}
    link = {"_path": "ssl/cert.pem", "path_type": "softlink", "sha256": hashlib.sha256(b"").hexdigest()}
    return json.dumps({"name": "ca-certificates", "paths_data": {"paths": [link, entry], "paths_version": 1}})


class TestPython:
    @pytest.mark.parametrize("changed", [True, False])
    def test_certifi(self, changed: bool, machine: FakeRoot) -> None:
        path = machine.write(CERTIFI, CHANGED if changed else INSTALLED)
        machine.write(RECORD, f"certifi/__init__.py,sha256=AAAA,94\n{line('certifi/cacert.pem', INSTALLED)}certifi/py.typed,,\n")
        assert is_changed(path) is changed
        store = machine.find({"SSL_CERT_FILE": CERTIFI})
        assert store.step == (ENVIRONMENT if changed else TABLE)
        assert (COMPANY.der in store.read()) is changed
        assert len(store.warnings) == (not changed)

    @pytest.mark.parametrize("name", ["cacert.pem", "link.pem"])
    def test_in_the_prefix_of_the_python(self, name: str, machine: FakeRoot) -> None:
        """And by a link beside it."""
        machine.write(CERTIFI, CHANGED)
        machine.link(f"{SITE}/certifi/link.pem", CERTIFI)
        machine.write(RECORD, line("certifi/cacert.pem", INSTALLED))
        assert machine.find({"SSL_CERT_FILE": f"{SITE}/certifi/{name}"}, prefixes=["/srv/venv"]).step == ENVIRONMENT

    def test_vendored(self, machine: FakeRoot) -> None:
        path = machine.write(f"{SITE}/pip/_vendor/certifi/cacert.pem", CHANGED)
        assert not is_changed(path)
        machine.write(f"{SITE}/pip-26.0.dist-info/RECORD", line("pip/_vendor/certifi/cacert.pem", INSTALLED))
        assert is_changed(path)

    def test_package_that_is_a_link(self, machine: FakeRoot) -> None:
        """As uv lays out an environment with --link-mode=symlink: the record stands beside the link."""
        machine.write("/root/.cache/uv/archive/certifi/cacert.pem", CHANGED)
        path = machine.link(CERTIFI, "/root/.cache/uv/archive/certifi/cacert.pem")
        machine.write(RECORD, line("certifi/cacert.pem", INSTALLED))
        assert is_changed(path)

    def test_relative(self, machine: FakeRoot, monkeypatch: pytest.MonkeyPatch) -> None:
        machine.write(CERTIFI, CHANGED)
        machine.write(RECORD, line("certifi/cacert.pem", INSTALLED))
        monkeypatch.chdir(machine(SITE))
        assert is_changed("certifi/cacert.pem")

    def test_of_several_records_none_may_know_it(self, machine: FakeRoot) -> None:
        """An upgrade that was broken off leaves two."""
        path = machine.write(CERTIFI, CHANGED)
        machine.write(RECORD, line("certifi/cacert.pem", INSTALLED))
        assert is_changed(path)
        machine.write(f"{SITE}/certifi-2026.3.4.dist-info/RECORD", line("certifi/cacert.pem", CHANGED))
        assert not is_changed(path)

    def test_carriage_returns_and_other_sums(self, machine: FakeRoot) -> None:
        path = machine.write(CERTIFI, CHANGED)
        machine.write(RECORD, line("certifi/cacert.pem", INSTALLED, "sha512").replace("\n", "\r\n"))
        assert is_changed(path)
        machine.write(RECORD, line("certifi/cacert.pem", CHANGED, "sha512").replace("\n", "\r\n"))
        assert not is_changed(path)

    @pytest.mark.parametrize(
        "record",
        [
            "",
            "certifi/cacert.pem,,\n",
            "certifi/cacert.pem\n",
            line("certifi/cacert.pem", INSTALLED, "md5"),
            line("certifi/cacert.pem", INSTALLED, "sha1"),
            line("other/cacert.pem", INSTALLED),
            line("certifi/cacert.pem.bak", INSTALLED),
            "certifi/cacert.pem,sha256=\xe9,1\n".encode("latin-1"),
            "certifi/cacert.pem,sha256=A,1\n",
            "\0\n\0",
        ],
        ids=["empty", "no sum", "a path alone", "MD5", "SHA-1", "another's", "a backup's", "Latin-1", "a short sum", "NUL"],
    )
    def test_records_that_prove_nothing(self, record: str | bytes, machine: FakeRoot) -> None:
        path = machine.write(CERTIFI, CHANGED)
        machine.write(RECORD, record)
        assert not is_changed(path)
        assert machine.find({"SSL_CERT_FILE": CERTIFI}).step == TABLE

    @pytest.mark.timeout(10)
    @pytest.mark.parametrize("kind", ["nothing", "directory", "fifo", "folder without"])
    def test_without_a_record(self, kind: str, machine: FakeRoot) -> None:
        """As Debian and Fedora install it."""
        path = machine.write(CERTIFI, CHANGED)
        if kind == "directory":
            machine.directory(RECORD)
        elif kind == "fifo":
            machine.fifo(RECORD)
        elif kind == "folder without":
            machine.directory(os.path.dirname(RECORD))
        assert not is_changed(path)

    def test_missing(self, machine: FakeRoot) -> None:
        machine.write(RECORD, line("certifi/cacert.pem", INSTALLED))
        assert not is_changed(machine(CERTIFI))
        assert not is_changed("")
        assert not is_changed("\0")

    def test_changes_are_seen(self, machine: FakeRoot) -> None:
        path = machine.write(CERTIFI, INSTALLED)
        machine.write(RECORD, line("certifi/cacert.pem", INSTALLED))
        assert not is_changed(path)
        machine.write(CERTIFI, CHANGED)
        assert is_changed(path)
        machine.write(RECORD, line("certifi/cacert.pem", CHANGED))
        assert not is_changed(path)


class TestConda:
    @pytest.mark.parametrize("changed", [True, False])
    @pytest.mark.parametrize("named", [CACERT, f"{CONDA}/ssl/cert.pem"])
    def test_its_file(self, named: str, changed: bool, machine: FakeRoot) -> None:
        machine.write(CACERT, CHANGED if changed else INSTALLED)
        machine.link(f"{CONDA}/ssl/cert.pem", CACERT)
        machine.write(META, meta(INSTALLED))
        store = machine.find({"SSL_CERT_FILE": named, "CONDA_PREFIX": CONDA})
        assert store.step == (ENVIRONMENT if changed else TABLE)
        assert (COMPANY.der in store.read()) is changed

    def test_set_by_its_script(self, machine: FakeRoot) -> None:
        machine.write(CACERT, CHANGED)
        machine.write(META, meta(INSTALLED))
        assert machine.find({"SSL_CERT_FILE": CACERT, "__CONDA_OPENSLL_CERT_FILE_SET": "1"}).step == ENVIRONMENT

    def test_prefix_written_into_it(self, machine: FakeRoot) -> None:
        path = machine.write(CACERT, CHANGED)
        machine.write(META, meta(INSTALLED, sha256_in_prefix=hashlib.sha256(CHANGED).hexdigest()))
        assert not is_changed(path)

    @pytest.mark.parametrize(
        "record",
        [
            "",
            "[]",
            "{}",
            "{",
            '{"paths_data": {"paths": [1]}}',
            '{"paths_data": {"paths": [{}]}}',
            meta(INSTALLED, "ssl/openssl.cnf"),
        ],
    )
    def test_records_that_prove_nothing(self, record: str, machine: FakeRoot) -> None:
        path = machine.write(CACERT, CHANGED)
        machine.write(META, record)
        assert not is_changed(path)

    def test_something_else_in_its_prefix(self, machine: FakeRoot) -> None:
        """No package has installed it: nothing is proven. It is said why it is not used, and what to do."""
        path = machine.bundle(f"{CONDA}/etc/company.pem", COMPANY)
        machine.write(META, meta(INSTALLED))
        store = machine.find({"SSL_CERT_FILE": f"{CONDA}/etc/company.pem", "CONDA_PREFIX": CONDA})
        assert (store.step, len(store.warnings)) == (TABLE, 1)
        assert f"SSL_CERT_FILE names {path}" in store.warnings[0]


def test_a_private_copy_that_is_used_after_all_is_not_said_to_be_unused(machine: FakeRoot) -> None:
    os.remove(machine("/etc/ssl/certs/ca-certificates.crt"))
    machine.write(CERTIFI, INSTALLED)
    store = machine.find({"SSL_CERT_FILE": CERTIFI})
    assert (store.step, len(store.warnings)) == (PRIVATE, 1)
    assert "is not used" not in store.warnings[0]
