"""`truststore` alone: what decides here, and what gets in the way, for people and for issues."""

from __future__ import annotations

import json
import ssl
import sys
from typing import TYPE_CHECKING, Any

import pytest
from commands import truststore_command
from servers import PROXIES, VARIABLES, Store, needs_openssl

from truststore._cli import obstacles
from truststore._cli.version import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from certificates import Authority

pytestmark = needs_openssl


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, *PROXIES, *map(str.upper, PROXIES), *(name for name, _ in obstacles.VARIABLES)):
        monkeypatch.delenv(name, raising=False)


def said(**variables: str) -> str:
    """In one line."""
    done = truststore_command(variables=variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.replace("\n", "").isprintable()
    return " ".join(done.stdout.split())


def document(**variables: str) -> dict[str, Any]:
    done = truststore_command("--json", variables=variables)
    assert done.stderr == ""
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def in_the_way(**variables: str) -> dict[str, str]:
    return {each["what"]: each["value"] for each in document(**variables)["in_the_way"]}


def test_the_versions_and_the_store(system: Store, root: Authority) -> None:
    output = said()
    for part in (f"truststore {VERSION}", sys.version.split()[0], sys.executable, ssl.OPENSSL_VERSION):
        assert part in output
    assert f"Decided by OpenSSL, with the roots in {system.file} (set in the environment)" in output
    assert "roots 1 changed 20" in output
    assert f"passed over {system.directory} (" in output
    assert f"SSL_CERT_FILE={system.file}: replaces the bundle" in output


def test_the_document(system: Store) -> None:
    answer = document()
    assert answer.keys() == {
        *("schema", "truststore", "python", "openssl", "system", "enabled", "judge", "judges_with", "store", "in_the_way"),
    }
    assert answer["schema"] == 1
    assert answer["truststore"].keys() == {"version", "path"}
    assert answer["python"].keys() == {"implementation", "version", "executable"}
    store = answer["store"]
    assert store.keys() == {
        *("step", "file", "directory", "files", "covered", "roots", "changed", "passed_over", "warnings", "damaged"),
        "without_variables",
    }
    assert (store["step"], store["file"], store["directory"], store["roots"]) == ("environment", str(system.file), None, 1)
    assert store["passed_over"][0].keys() == {"path", "why"}
    assert {frozenset(each) for each in answer["in_the_way"]} == {frozenset({"what", "value", "effect"})}


def test_nothing_to_verify_with_is_no_success(system: Store) -> None:
    system.file.unlink()
    done = truststore_command()
    assert done.returncode == 1
    assert "no store" in " ".join(done.stdout.split())
    assert document()["store"]["roots"] == 0


def test_what_a_variable_shadows(system: Store) -> None:
    """Whatever there is else on this machine."""
    assert document()["store"]["without_variables"] != ""
    assert str(system.file) not in (document()["store"]["without_variables"] or "")


@pytest.mark.parametrize("name", [name for name, _ in obstacles.VARIABLES if not name.startswith("SSL_CERT")])
def test_variables_are_named(system: Store, tmp_path: Path, name: str) -> None:
    if name in ("OPENSSL_CONF", "SSLKEYLOGFILE"):
        value = str(tmp_path / "file")
        (tmp_path / "file").touch()
    else:
        value = "/nowhere/roots.pem"
    assert name not in in_the_way()
    assert in_the_way(**{name: value})[name] == value


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("http://user:secret@proxy.example:3128", "http://(user)@proxy.example:3128"),
        ("user:secret@proxy.example:3128", "(user)@proxy.example:3128"),
        ("socks5h://user:se@cr/et@proxy.example", "socks5h://(user)@proxy.example"),
    ],
)
def test_proxies_are_named_without_passwords(system: Store, url: str, shown: str) -> None:
    assert in_the_way(HTTPS_PROXY=url)["HTTPS_PROXY"] == shown
    assert "secret" not in said(https_proxy=url)


def test_hostile_values(system: Store) -> None:
    assert "CURL_CA_BUNDLE=\\x1b[2J\\r\\ntrusted" in said(CURL_CA_BUNDLE="\x1b[2J\r\ntrusted")
    assert len(said(CURL_CA_BUNDLE="x" * 100_000)) < 10_000


def test_packages_are_named(system: Store) -> None:
    pytest.importorskip("certifi", reason="certifi is not installed")
    assert "certifi" in in_the_way()


def test_an_injection_at_the_start_is_named(system: Store, tmp_path: Path) -> None:
    assert "ssl.SSLContext" not in in_the_way()
    done = truststore_command("run", "-m", "truststore", "--json")
    found = {each["what"]: each for each in json.loads(done.stdout)["in_the_way"]}
    assert found["ssl.SSLContext"]["value"] == "truststore._context.SSLContext"
    assert found["ssl.SSLContext"]["effect"].startswith("injected")
    assert found["TRUSTSTORE_RUN"]["value"] == "children"


def test_a_replacement_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl, "SSLContext", type("Another", (ssl.SSLContext,), {"__module__": "elsewhere"}))
    assert ("ssl.SSLContext", "elsewhere.Another", "replaced at the start of Python") in list(obstacles.found())
