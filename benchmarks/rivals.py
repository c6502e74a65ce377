"""Those who are compared side by side: what pip installs, and how a program gets its context from them.

Imports nothing of theirs before `load()`: what that costs is measured, too.
"""

from __future__ import annotations

import importlib
import os
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .stage import Stage
    from .subjects import Make

#: The folder of the store, within the stage's system.
CERTIFICATES = "etc/ssl/certs"


@dataclass(frozen=True)
class Rival:
    """One of them. `load` imports what it needs and answers with what makes a context."""

    name: str
    #: For pip, each of them pinned; nothing for what is here anyway.
    requirements: tuple[str, ...]
    load: Callable[[Stage, str], Make]
    #: Have it find the stage's store. Called before anything is timed.
    lead: Callable[[Stage, str, Path], None]
    #: Whether each connection takes it longer than others a context.
    is_slow: bool = False


def _by_variables(stage: Stage, system: str, _folder: Path) -> None:
    stage.lead_plain(system)


# -- plain ssl


def _plain(_stage: Stage, _system: str) -> Make:
    return ssl.create_default_context


# -- certifi and ssl


def _certifi(_stage: Stage, _system: str) -> Make:
    certifi: Any = importlib.import_module("certifi")
    return lambda: ssl.create_default_context(cafile=certifi.where())


def _into_certifis_file(stage: Stage, system: str, folder: Path) -> None:
    """The same roots, where certifi keeps its own."""
    target = folder / "certifi" / "cacert.pem"
    if target.read_bytes() != (bundle := stage.bundle(system).read_bytes()):
        target.write_bytes(bundle)


# -- truststore, ours and that of PyPI


def _truststore_of_pypi(_stage: Stage, _system: str) -> Make:
    truststore: Any = importlib.import_module("truststore")
    return lambda: truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _truststore(stage: Stage, system: str) -> Make:
    """Ours takes a hashed directory for a proof only where a system has one: it is led there when a context is made, not before."""
    truststore: Any = importlib.import_module("truststore")

    def make() -> ssl.SSLContext:
        stage.lead_ours(system)
        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return context

    return make


# -- wassima


def _wassima(_stage: Stage, _system: str) -> Make:
    wassima: Any = importlib.import_module("wassima")
    places: Any = importlib.import_module("wassima._os._linux")
    places.BUNDLE_TRUST_STORE_DIRECTORIES[:] = [os.environ["SSL_CERT_DIR"]]  # it asks no variable
    return wassima.create_default_ssl_context  # type: ignore[no-any-return]


# -- pip-system-certs


def _pip_system_certs(_stage: Stage, _system: str) -> Make:
    """What its .pth file does in the end, at the start of each program."""
    patches: Any = importlib.import_module("pip_system_certs.wrapt_requests")
    patches.inject_truststore()
    return ssl.create_default_context


OURS, PLAIN = "truststore", "plain ssl"
RIVALS = (
    Rival(PLAIN, (), _plain, _by_variables),
    Rival(OURS, (), _truststore, _by_variables),
    Rival("certifi + ssl", ("certifi==2026.7.22",), _certifi, _into_certifis_file),
    Rival("truststore 0.10.5", ("truststore==0.10.5",), _truststore_of_pypi, _by_variables, is_slow=True),
    Rival("wassima", ("wassima==2.1.5",), _wassima, _by_variables),
    Rival("pip-system-certs", ("pip-system-certs==5.3", "pip==26.3"), _pip_system_certs, _by_variables, is_slow=True),
)
BY_NAME = {rival.name: rival for rival in RIVALS}
