"""A judge in the operating system's place, a context that asks it, and the servers to visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fake_verifier import FakeVerifier
from gate_servers import NAMES, VERSIONS, Site, client_context, judged_by, root, sites
from servers import Store

if TYPE_CHECKING:
    from pathlib import Path
    from ssl import TLSVersion

    import truststore


@pytest.fixture(autouse=True)
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A system's store that is empty, and no settings of the environment."""
    (tmp_path / "system").mkdir()
    return Store(tmp_path / "system", monkeypatch)


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> FakeVerifier:
    return judged_by(FakeVerifier([root().der]), monkeypatch)


@pytest.fixture
def context(judge: FakeVerifier) -> truststore.SSLContext:
    return client_context()


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def version(request: pytest.FixtureRequest) -> TLSVersion:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=NAMES)
def site(request: pytest.FixtureRequest) -> Site:
    return sites()[request.param]
