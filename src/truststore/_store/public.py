"""Copies of Mozilla's roots that libraries bring along and load by themselves: certifi's and the like.

requests and httpx load certifi's file into each context, whether or not the program wants it. So it does not count as what the program
loaded, but is asked last. These files are recognised by their names only (`is_public`), without looking at the disk, and without errors.

`bundle` is the file itself. It raises what `load_verify_locations(cafile=)` would, but it does not cost what that costs (20 to 40 ms for
OpenSSL to take certifi's roots apart): a file in the plain form of `pem`, whose certificates have the outer form of one, is taken at its
word. What is deeper in a certificate is OpenSSL's business, once it loads it. Everything here is immutable and belongs to no context;
it is remembered as long as the files are the same.
"""

from __future__ import annotations

import os
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

    from _typeshed import StrOrBytesPath

    from .files import State
    from .search import Store

#: How their paths end, and which library loads them, where that is written.
_ENDINGS: tuple[tuple[str, str], ...] = (
    ("certifi/cacert.pem", "certifi (certifi/core.py), also where pip and others vendor it"),
    ("requests/cacert.pem", "requests up to 2.15 (requests/certs.py), also where botocore and pip vendored it"),
    ("botocore/cacert.pem", "botocore, where certifi is missing (botocore/httpsession.py, where())"),
    ("httplib2/cacerts.txt", "httplib2 (httplib2/certs.py), Google's API client"),
    ("boto/cacerts/cacerts.txt", "boto 2 (boto/https_connection.py)"),
    ("stripe/data/ca-certificates.crt", "stripe (stripe/__init__.py, ca_bundle_path)"),
    ("tornado/ca-certificates.crt", "tornado up to 4.0 (tornado/simple_httpclient.py)"),
    ("twilio/conf/cacert.pem", "twilio up to 5 (twilio/rest/resources/base.py)"),
    ("websocket/cacert.pem", "websocket-client up to 0.56 (websocket/_http.py)"),
)


def is_public(path: StrOrBytesPath) -> bool:
    """Whether a file is such a copy, by its name. Never raises, and looks at no file."""
    try:
        named = os.path.normcase(os.path.normpath(os.fsdecode(path))).replace("\\", "/")
    except Exception:  # noqa: BLE001  (what is no path is not one of these; OpenSSL says what is wrong with it)
        return False
    return f"/{named}".endswith(_AT_THE_END)


_AT_THE_END = tuple(f"/{ending}" for ending, _ in _ENDINGS)


class Bundle:
    """The certificates of one such file in one state. Immutable, for any number of contexts and threads."""

    __slots__ = ("_contexts", "_state", "certificates", "path")

    def __init__(self, path: str, state: State, certificates: tuple[bytes, ...]) -> None:
        #: Absolute.
        self.path: str = path
        #: DER, in the file's order, no duplicates, without those that are not to vouch for servers.
        self.certificates: tuple[bytes, ...] = certificates
        self._state = state
        self._contexts: dict[int, ssl.SSLContext] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self.certificates)} certificates in {self.path}>"

    def context(self, security_level: int) -> ssl.SSLContext:
        """A C context with these certificates and nothing else, at one of OpenSSL's security levels. All share it: nobody writes to it."""
        if security_level not in self._contexts:
            self._contexts.setdefault(security_level, _context(self.certificates, security_level))
        return self._contexts[security_level]


def bundle(path: StrOrBytesPath) -> Bundle:
    """Read such a file. Raises what `load_verify_locations(cafile=path)` raises; for what is not a regular file, OSError."""
    from .files import state

    absolute = os.path.abspath(os.fsdecode(path))
    return _bundle(absolute, state(absolute))


def extras(bundle: Bundle, store: Store) -> bytes:
    """Those of a bundle's certificates that the system's store does not hold (DER, one after the other).

    Loaded in addition to the store, they are as good as the whole bundle. All of them if the store cannot be read.
    """
    from .files import state

    files = (*filter(None, [store.file]), *store.files)
    directories = () if store.covered or not store.directory else tuple(store.directory.split(os.pathsep))
    try:
        return _extras(bundle, files, directories, tuple(map(state, files + directories)))
    except OSError:
        return b"".join(bundle.certificates)


@lru_cache(maxsize=8)
def _bundle(path: str, state: State) -> Bundle:
    from . import pem

    data = pem.contents(path)
    certificates = pem.plain_certificates(data)
    if certificates is None:
        from .._stdlib import plain_context
        from .damage import sound

        plain_context().load_verify_locations(path)  # for what it raises
        certificates = sound(data, path).certificates
    return Bundle(path, state, certificates)


def _context(certificates: tuple[bytes, ...], security_level: int) -> ssl.SSLContext:
    from .._stdlib import plain_context

    context = plain_context()
    context.set_ciphers(f"ALL:@SECLEVEL={security_level}")
    if certificates:  # OpenSSL takes a file with nothing but revocation lists, too, but no empty bytes
        context.load_verify_locations(cadata=b"".join(certificates))
    return context


@lru_cache(maxsize=8)
def _extras(bundle: Bundle, files: tuple[str, ...], directories: tuple[str, ...], _states: tuple[State, ...]) -> bytes:
    from .files import held, held_by_name

    missing = dict.fromkeys(bundle.certificates)
    for file in files:
        for certificate in held(file):
            missing.pop(certificate, None)
    for directory in directories:
        for certificate in held_by_name(directory):
            missing.pop(certificate, None)
    return b"".join(missing)
