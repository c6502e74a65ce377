"""``roots``: list or export the roots of the system's store."""

from __future__ import annotations

import hashlib
import os
import sys

from .. import _der
from .._context import SSLContext, system_store
from .._verdict import SECURITY_FRAMEWORK
from . import certificate, export, say
from .status import TRUSTED, CannotAsk

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from .._store.search import Store

#: What roots are trusted for, as OIDs of extended key usage.
PURPOSES = {"server": bytes.fromhex("2b06010505070301"), "client": bytes.fromhex("2b06010505070302")}

LOST = (
    "A copy of the roots is not the system's trust: it does not contain limits of a root (names, dates, purposes), other certificates "
    "that the system distrusts, revocation, or later changes."
)


def add(parser: argparse.ArgumentParser) -> None:
    """Add its arguments."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--pem", action="store_true", help="as one PEM file")
    form.add_argument("--der-dir", metavar="DIR", help="as a new directory of files, named by their SHA-256")
    form.add_argument("--json", action="store_true", help="as a JSON document")
    parser.add_argument(
        "--purpose", choices=sorted(PURPOSES), default="server", help="what they are trusted for (default: %(default)s)"
    )
    parser.add_argument("--output", metavar="FILE", help="write to a file, completely or not at all")


def answer(options: argparse.Namespace) -> int:
    """List or export."""
    if options.der_dir is not None and options.output is not None:
        raise CannotAsk("roots writes either a directory or a file: give --der-dir or --output")
    listed = _listed(PURPOSES[options.purpose])
    if options.der_dir is not None:
        export.write_directory(options.der_dir, {f"{hashlib.sha256(root).hexdigest()}.der": root for root in listed.roots})
    else:
        _write(_json(options.purpose, listed) if options.json else _text(options, listed), options.output)
    if not options.json:
        _say_aside([f"warning: {warning}" for warning in listed.warnings])
    if options.der_dir is not None or options.pem:
        _say_aside([" ".join(filter(None, (f"{len(listed.roots)} roots.", LOST, listed.lost)))])
    return TRUSTED


class Listed:
    """Where the roots are, which ones are trusted, what is wrong there, and what a copy loses on this system in particular."""

    __slots__ = ("lost", "roots", "warnings", "where")

    def __init__(self, where: str, roots: list[bytes], warnings: list[str], lost: str = "") -> None:
        self.where, self.roots, self.lost = where, roots, lost
        self.warnings = [say.shown(warning, say.SENTENCE) for warning in warnings]
        if not roots:
            raise CannotAsk(f"there are no roots for this purpose: {where}")


def _listed(purpose: bytes) -> Listed:
    store = system_store()
    if store is not None:
        return Listed(str(store), _roots(store, purpose), [str(warning) for warning in (*store.warnings, *store.damaged)])
    read, lost = _reader()
    found, warnings = read(purpose)
    roots = [root for root in found if _is_self_issued(root) and _is_for(root, purpose)]
    return Listed(SSLContext._platform.store, roots, warnings, lost)


def _reader() -> tuple[Callable[[bytes], tuple[list[bytes], list[str]]], str]:
    """What knows where this system keeps the roots for a purpose, and what is wrong there; and what a copy loses here."""
    platform = SSLContext._platform
    if sys.platform == "win32":
        from .. import _windows_roots

        return _windows_roots.roots, _windows_roots.LOST
    if platform is SECURITY_FRAMEWORK and sys.platform != "ios":
        from .. import _macos_roots

        return _macos_roots.roots, _macos_roots.LOST
    raise CannotAsk(f"the roots here are those of {platform.store}, which {platform.name} does not let this command list")


def _is_self_issued(root: bytes) -> bool:
    """Otherwise it is an intermediate certificate that somebody has put beside the roots."""
    try:
        certificate = _der.Certificate(root)
    except _der.Malformed:
        return False
    return certificate.subject == certificate.issuer


def _roots(store: Store, purpose: bytes) -> list[bytes]:
    try:
        found = store.read()
    except OSError as error:
        raise CannotAsk(f"the system's store cannot be read: {error}") from error
    others = set(_with_settings(store)) if purpose != PURPOSES["server"] else set()
    return [root for root in found if root not in others and _is_for(root, purpose)]


def _is_for(root: bytes, purpose: bytes) -> bool:
    """As in OpenSSL: a root with purposes is for these purposes only."""
    try:
        purposes = _der.Certificate(root).purposes
    except _der.Malformed:
        return False
    return not purposes or purpose in purposes


def _with_settings(store: Store) -> Iterator[bytes]:
    """Roots with settings of OpenSSL's own, of which the store knows what they mean for servers alone."""
    from .._store import pem

    for path in _files(store):
        blocks = pem.blocks(pem.contents(path))
        if blocks is None:
            raise CannotAsk(f"{path} is not in plain form, so it is not known which of its roots are for clients")
        yield from (root for root, settings in blocks if settings)


def _files(store: Store) -> Iterator[str]:
    from .._store import hashed

    yield from filter(None, (store.file, *store.files))
    for directory in store.directory.split(os.pathsep) if store.directory else ():
        paths = (os.path.join(directory, name) for name in hashed.names(os.listdir(directory))[0])
        yield from filter(os.path.isfile, paths)


def _say_aside(sentences: list[str]) -> None:
    """On standard error, beside what is exported."""
    sys.stdout.flush()
    for sentence in sentences:
        say.paragraph(sentence, stream=sys.stderr)


def _write(text: str, path: str | None) -> None:
    if path is None:
        print(text, end="")
    else:
        export.write_file(path, text)


def _json(purpose: str, listed: Listed) -> str:
    described = [{**certificate.described(root), "pem": certificate.pem(root)} for root in listed.roots]
    return say.document({"store": listed.where, "purpose": purpose, "roots": described, "warnings": listed.warnings})


def _text(options: argparse.Namespace, listed: Listed) -> str:
    roots = listed.roots
    if options.pem:
        return "".join(map(_commented, roots))
    title = say.wrapped(f"{len(roots)} roots for TLS {options.purpose}s: {say.shown(listed.where, say.SENTENCE)}")
    return "\n".join([title, *map(certificate.line, sorted(roots, key=_name))]) + "\n"


def _commented(root: bytes) -> str:
    """With its name before it, written so that it cannot contain the beginning of a block."""
    name = _name(root).replace("-----", "- - -")
    return f"# {name.encode('ascii', 'backslashreplace').decode()}\n{certificate.pem(root)}"


def _name(root: bytes) -> str:
    return str(certificate.described(root)["subject"] or certificate.UNREADABLE)
