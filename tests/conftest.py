"""What many tests start from: an authority that the system trusts, and what it and a stranger issued."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

import pytest
from certificates import Authority, Certificate
from servers import HOST, Store

import truststore
from truststore._store import search

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ANOTHER = Authority.new("Another root", key="p256")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """What is said to pytest-timeout is no mistake without it; it means nothing then."""
    if not pluginmanager.hasplugin("timeout"):
        parser.addini("timeout", "what a test may take: needs pytest-timeout")


def pytest_configure(config: pytest.Config) -> None:
    if not config.pluginmanager.hasplugin("timeout"):
        config.addinivalue_line("markers", "timeout(seconds): what the test may take: needs pytest-timeout")


@pytest.fixture(autouse=True)
def _no_opener(monkeypatch: pytest.MonkeyPatch) -> None:
    """urlopen() keeps the first opener that it makes, and from Python 3.12 on with it the context of whichever test that was."""
    monkeypatch.setattr(urllib.request, "_opener", None)


@pytest.fixture(scope="session")
def root() -> Authority:
    return Authority.new("System root")


@pytest.fixture(scope="session")
def leaf(root: Authority) -> Certificate:
    return root.issue(HOST, "127.0.0.1")


@pytest.fixture(scope="session")
def stranger() -> Certificate:
    """Of the right name, by an authority that nobody trusts."""
    return Authority.new("Stranger").issue(HOST, "127.0.0.1")


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Authority) -> Store:
    """The system's store, with `root` in it."""
    store = Store(tmp_path, monkeypatch)
    store.holds(root)
    return store


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Without variables of the environment the system's store is this file: it holds another authority, until a test writes to it."""
    file = tmp_path / "compiled.pem"
    file.write_text(_ANOTHER.pem, "ascii")
    monkeypatch.setattr(search, "_compiled", lambda: (str(file), str(tmp_path / "none")))
    return file


@pytest.fixture
def injected(system: Store) -> Iterator[None]:
    truststore.inject_into_ssl()
    try:
        yield
    finally:
        truststore.extract_from_ssl()
