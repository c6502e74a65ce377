"""The way through the system, end to end: an authority in a keychain of its own, trusted and denied in the machine's settings.

It changes whom the machine trusts while it runs, so it wants to be asked for: TRUSTSTORE_TEST_KEYCHAIN=yes, on a Mac that may be used for
tests, with sudo that asks no password.
"""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import servers
from certificates import Authority
from macos.asking import HOST, about, verdict

import truststore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    sys.platform != "darwin" or os.environ.get("TRUSTSTORE_TEST_KEYCHAIN") != "yes",
    reason="it changes a Mac's trust settings: set TRUSTSTORE_TEST_KEYCHAIN=yes to have it do so",
)


def security(*arguments: object) -> None:
    subprocess.run(["sudo", "-n", "security", *map(str, arguments)], check=True, timeout=30)


@pytest.fixture
def keychain(tmp_path: Path) -> Iterator[Path]:
    """An empty one, that is deleted in the end."""
    path = tmp_path / "truststore.keychain-db"
    security("create-keychain", "-p", "truststore", path)
    try:
        yield path
    finally:
        security("delete-keychain", path)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    """One whose settings are removed in the end."""
    made = Authority.new()
    (tmp_path / "root.pem").write_text(made.pem, encoding="ascii")
    try:
        yield made
    finally:
        security("remove-trusted-cert", "-d", tmp_path / "root.pem")


def test_trusted_then_denied(authority: Authority, keychain: Path, tmp_path: Path) -> None:
    leaf = authority.authority().issue(HOST)
    assert verdict(about(leaf.chain)) == 20
    security("add-trusted-cert", "-d", "-r", "trustRoot", "-k", keychain, tmp_path / "root.pem")
    assert verdict(about(leaf.chain)) == 0
    assert verdict(about(leaf.chain, "other.test")) == 62
    client, server = servers.in_memory(truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), leaf.server_context(), HOST)
    servers.exchange(client, server)
    security("add-trusted-cert", "-d", "-r", "deny", "-k", keychain, tmp_path / "root.pem")
    assert verdict(about(leaf.chain)) == 28
