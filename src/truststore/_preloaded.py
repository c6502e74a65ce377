"""What libraries keep from `ssl` for later: contexts that they made by themselves, and the class.

Injection replaces the contexts, and extraction takes our class out again. To add a library, add a row.
"""

from __future__ import annotations

import sys
from ssl import PROTOCOL_TLS_CLIENT

from ._stdlib import CContext, stdlib_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from types import ModuleType
    from typing import Any

#: Contexts that libraries make when they are imported: module, attribute, and how the module makes another.
PRELOADED: tuple[tuple[str, str, Callable[[ModuleType], object]], ...] = (
    # some releases from requests 2.32.0 on, https://github.com/psf/requests/pull/6667 (until pull/6767)
    ("requests.adapters", "_preloaded_ssl_context", lambda module: module.create_urllib3_context()),
    # https://github.com/aio-libs/aiohttp/pull/9029
    ("aiohttp.connector", "_SSL_CONTEXT_VERIFIED", lambda module: module._make_ssl_context(True)),
    ("aiohttp.connector", "_SSL_CONTEXT_UNVERIFIED", lambda module: module._make_ssl_context(False)),
)

#: Where libraries keep the class that they found when they were imported; if that was ours, they are to forget it.
KEPT = (
    ("urllib3.util", "SSLContext"),
    ("urllib3.util.ssl_", "SSLContext"),
    ("urllib3.contrib.pyopenssl", "orig_util_SSLContext"),
    ("botocore.httpsession", "SSLContext"),
)


class Preloaded:
    """A context that a library made by itself, where it keeps it, and how it makes another."""

    __slots__ = ("_make", "context", "name", "owner")

    def __init__(self, owner: object, name: str, make: Callable[[Any], object]) -> None:
        self.owner, self.name, self._make = owner, name, make
        self.context = vars(owner).get(name)

    def make(self) -> object:
        """Another. Somebody else's code: it may take long, and raise whatever it likes."""
        return self._make(self.owner)

    def is_still_there(self) -> bool:
        """Whether it is still in its place."""
        return vars(self.owner).get(self.name) is self.context


def found() -> Iterator[Preloaded]:
    """Those of the libraries that are imported."""
    modules = ((sys.modules.get(name), attribute, make) for name, attribute, make in PRELOADED)
    known = [Preloaded(module, attribute, make) for module, attribute, make in modules if module is not None]
    for each in (*known, *_of_the_opener()):
        if isinstance(each.context, CContext):
            yield each


def _of_the_opener() -> Iterator[Preloaded]:
    """Since Python 3.12 urllib.request makes a context together with the opener, which urlopen() keeps from its first call on."""
    request: Any = sys.modules.get("urllib.request")
    if request is None or sys.version_info < (3, 12):
        return
    for handler in getattr(request._opener, "handlers", ()):
        if isinstance(handler, request.HTTPSHandler):
            yield Preloaded(handler, "_context", _as_http_client_makes_it)


def _as_http_client_makes_it(handler: Any) -> ssl.SSLContext:
    """Another context; the same if the program seems to have given it to the handler."""
    from http.client import HTTPSConnection, _create_https_context  # type: ignore[attr-defined]

    given: ssl.SSLContext = handler._context
    made: ssl.SSLContext = _create_https_context(HTTPSConnection._http_vsn)  # type: ignore[attr-defined]
    if not (_settings(given) == _settings(made) and _authorities(given) <= _authorities(made) | _authorities(_by_default())):
        return given
    made.check_hostname, made.verify_mode = given.check_hostname, given.verify_mode  # HTTPSHandler(check_hostname=False)
    return made


#: What can be read of a context. Nothing else in the standard library sets the first, so that alone nearly tells.
SETTINGS = ("post_handshake_auth", "options", "verify_flags", "minimum_version", "maximum_version")


def _settings(context: ssl.SSLContext) -> list[object]:
    return [context.get_ciphers(), *(getattr(context, name) for name in SETTINGS)]


def _authorities(context: ssl.SSLContext) -> set[bytes]:
    return set(context.get_ca_certs(binary_form=True))


def _by_default() -> ssl.SSLContext:
    """A context of the standard library's own class, which `ssl.SSLContext` may not be now, with its own default roots."""
    context: ssl.SSLContext = CContext.__new__(stdlib_class(), PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context


def forget(cls: type, instead: type) -> None:
    """Where a library has kept the one class, make it the other."""
    for name, attribute in KEPT:
        keeper = sys.modules.get(name)
        if getattr(keeper, attribute, None) is cls:
            setattr(keeper, attribute, instead)
