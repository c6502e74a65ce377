"""What makes programs of this environment use other roots than the system's, or reach other servers than they asked for."""

from __future__ import annotations

import os
import re
import ssl
import sys

from . import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    #: What it is, its value or version, and its effect.
    Obstacle = tuple[str, str, str]

#: Environment variables, and what they do.
VARIABLES = (
    ("SSL_CERT_FILE", "replaces the bundle: for OpenSSL, and with it for truststore, except on Windows and macOS"),
    ("SSL_CERT_DIR", "replaces the directory: for OpenSSL, and with it for truststore, except on Windows and macOS"),
    ("NIX_SSL_CERT_FILE", "the same as SSL_CERT_FILE, for programs that Nix has built"),
    ("REQUESTS_CA_BUNDLE", "requests loads it instead of certifi's"),
    ("CURL_CA_BUNDLE", "curl loads it instead of its own bundle, requests instead of certifi's"),
    ("AWS_CA_BUNDLE", "the tools and libraries of AWS load it instead of certifi's"),
    ("PIP_CERT", "pip loads it instead of certifi's"),
    ("OPENSSL_CONF", "OpenSSL reads settings from it, such as the minimum strength of keys"),
    ("SSLKEYLOGFILE", "the keys of connections are written to it: whoever can read it can decrypt them"),
    ("__CONDA_OPENSLL_CERT_FILE_SET", "conda's activation script has set SSL_CERT_FILE"),
    ("TRUSTSTORE_RUN", "this was started by a program under 'truststore run'"),
)
PROXIES = ("https_proxy", "all_proxy", "no_proxy")
PROXY = "programs connect through it; a TLS-inspecting proxy answers with its own certificates"
NO_PROXY = "programs connect to these without the proxy"

#: Packages that change which roots others use, and what they do.
PACKAGES = (
    ("certifi", "a copy of Mozilla's roots, which requests and others load by themselves"),
    ("pip-system-certs", "changes at each start of Python what requests and pip trust"),
    ("python-certifi-win32", "changes at each start of Python what certifi holds"),
    ("certifi-win32", "changes at each start of Python what certifi holds"),
    ("certifi-system-store", "replaces certifi"),
    ("certifi-linux", "changes at each start of Python where certifi points"),
)


def found() -> Iterator[Obstacle]:
    """Everything that is in the way here."""
    yield from _variables(os.environ)
    yield from _proxies(os.environ)
    yield from _prefixes()
    yield from _packages()
    yield from _pip()
    yield from _another_truststore()
    yield from _ssl()


def _variables(environ: Mapping[str, str]) -> Iterator[Obstacle]:
    for name, effect in VARIABLES:
        if name in environ:
            yield name, environ[name], effect


def _proxies(environ: Mapping[str, str]) -> Iterator[Obstacle]:
    for name in PROXIES:
        for spelling in name, name.upper():
            if environ.get(spelling):
                yield spelling, without_password(environ[spelling]), NO_PROXY if name == "no_proxy" else PROXY


def without_password(url: str) -> str:
    """A proxy's address, without its password."""
    return re.sub(r"^([A-Za-z0-9+.-]*://)?.*@", r"\1(user)@", url)


def _prefixes() -> Iterator[Obstacle]:
    if os.path.isdir(os.path.join(sys.base_prefix, "conda-meta")):
        yield "conda", sys.base_prefix, "its OpenSSL was built for conda's own roots, which truststore skips"
    if hasattr(sys, "frozen"):
        yield "frozen", sys.executable, "the program was frozen with a copy of root certificates, which truststore skips"


def _packages() -> Iterator[Obstacle]:
    for name, effect in PACKAGES:
        version = _version(name)
        if version is not None:
            yield name, version, effect


def _pip() -> Iterator[Obstacle]:
    """Since 24.2 it asks the system through a copy of truststore 0.10."""
    import importlib.util

    spec = importlib.util.find_spec("pip")
    for folder in (spec and spec.submodule_search_locations) or ():
        if os.path.isdir(os.path.join(folder, "_vendor", "truststore")):
            yield "pip", _version("pip") or "", "contains its own truststore, which decides for pip"
        else:
            yield "pip", _version("pip") or "", "trusts its own copy of certifi's roots"


def _another_truststore() -> Iterator[Obstacle]:
    import importlib.util

    package = __name__.partition("._cli")[0]
    here = os.path.realpath(os.path.dirname(os.path.dirname(__file__)))
    spec = importlib.util.find_spec("truststore") if package != "truststore" else sys.modules[package].__spec__
    for folder in (spec and spec.submodule_search_locations) or ():
        if os.path.realpath(folder) != here:
            yield "truststore", folder, "another copy: it is what programs import by this name"


def _ssl() -> Iterator[Obstacle]:
    """What has replaced the standard library's class."""
    cls = ssl.SSLContext
    if cls.__module__ != "ssl":
        whose = "injected" if "_stands_for" in vars(cls) else "replaced"
        yield "ssl.SSLContext", f"{cls.__module__}.{cls.__qualname__}", f"{whose} at the start of Python"


def _version(name: str) -> str | None:
    import importlib.metadata

    try:
        return importlib.metadata.version(name)
    except (importlib.metadata.PackageNotFoundError, KeyError):
        return None


def in_words(obstacle: Obstacle) -> str:
    """One for a reader."""
    what, value, effect = obstacle
    joined = f"{what}={value}" if what.isupper() or what in PROXIES else f"{what} {value}"
    return f"{say.shown(joined.strip(), say.VALUE)}: {effect}"
