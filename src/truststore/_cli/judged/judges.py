"""What others say of a server: the other judges on this machine, about the same certificates.

Nobody connects: OpenSSL is asked without a connection (`_first_flight`), with the store that the party would load.
"""

from __future__ import annotations

import argparse
import importlib
import os
import ssl
import sys
from contextlib import nullcontext, suppress
from functools import partial
from typing import NamedTuple

from ... import _stdlib
from ..._context import SSLContext
from ..._first_flight import verified_chain
from .. import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..._store.search import Store
    from . import Judged

#: What ssl.create_default_context() sets since Python 3.13, and whether this is one.
STRICT = ssl.VERIFY_X509_STRICT | _stdlib.PARTIAL_CHAIN
STRICT_BY_DEFAULT = sys.version_info >= (3, 13)
#: urllib3 does the same since this version.
STRICT_URLLIB3 = (2, 4)


def add(parser: argparse.ArgumentParser) -> None:
    """The options of a command that judges: how strictly, and how much of the others is printed."""
    parser.add_argument(
        "--strict",
        action=argparse.BooleanOptionalAction,
        default=STRICT_BY_DEFAULT,
        help="as strict as ssl.create_default_context() since Python 3.13 (default: as on this Python)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="print the verdicts of others even if all agree")
    parser.add_argument("--json", action="store_true", help="as a JSON document")


class Party(NamedTuple):
    """Who it is, in words; its store; and whether it is as strict as ssl.create_default_context() since Python 3.13."""

    who: str
    load: Callable[[], ssl.SSLContext]
    strict: bool


class Verdict(NamedTuple):
    """What one would say. `trusted` None: nobody can tell, and `words` say why."""

    key: str
    who: str
    trusted: bool | None
    code: int
    words: str


def all_of(judged: Judged) -> list[Verdict]:
    """The verdict that was given first, then everybody else's; that one alone if the server has sent nothing to judge."""
    refusal = judged.refusal
    given = Verdict(
        "given", "this command", refusal is None, refusal.verify_code if refusal else 0, refusal.verify_message if refusal else ""
    )
    return [given, *(_verdict(key, party(), judged) for key, party in PARTIES.items())] if judged.sent else [given]


def differ(verdicts: list[Verdict]) -> bool:
    """Whether it matters who is asked."""
    return len({verdict.trusted for verdict in verdicts if verdict.trusted is not None}) > 1


def _verdict(key: str, party: Party | str, judged: Judged) -> Verdict:
    if isinstance(party, str):
        return Verdict(key, party, None, 0, "")
    try:
        context = party.load()
    except (OSError, ValueError) as error:
        return Verdict(key, party.who, None, 0, f"its roots cannot be loaded: {error}")
    try:
        _ask(context, party.strict, judged)
    except ssl.SSLCertVerificationError as error:
        return Verdict(key, party.who, False, error.verify_code, error.verify_message)
    except (OSError, ValueError) as error:
        return Verdict(key, party.who, None, 0, str(error))
    return Verdict(key, party.who, True, 0, "")


def _ask(context: ssl.SSLContext, strict: bool, judged: Judged) -> None:
    flags = context.verify_flags | (STRICT if strict else 0)
    if isinstance(context, SSLContext):
        context.verify_flags = flags
        context.check_hostname = judged.name is not None
        context.verify_chain(judged.sent, judged.name)
    else:
        verified_chain(context, nullcontext(), judged.sent, judged.name, flags, _stdlib.get_host_flags(context))


# -- the parties ------------------------------------------------------------------------------------------------------------------


def _system() -> Party | str:
    """The store without variables of the environment."""
    if SSLContext._verifier is not None:
        return Party(SSLContext._platform.store, _truststore, strict=False)
    from ..._store.search import find

    store = find(environ={})
    if not store:
        return "the system's store, without variables: there is none"
    return Party("the system's store, without variables", lambda: _loaded(store), strict=False)


def _loaded(store: Store) -> ssl.SSLContext:
    from ..._store.files import load

    context = _stdlib.plain_context()
    if store.directory:
        context.load_verify_locations(capath=store.directory)
    for path in filter(None, (store.file, *store.files)):
        load(context, path)
    return context


def _environment() -> Party:
    return Party("the system's store, with the variables as they are", _truststore, strict=False)


def _strict() -> Party:
    return Party("the same, as strict as Python 3.13 and later are by default", _truststore, strict=True)


def _truststore() -> SSLContext:
    return SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _certifi() -> Party | str:
    try:
        certifi: Any = importlib.import_module("certifi")
    except ImportError:
        return "certifi is not installed"
    return Party(f"certifi {certifi.__version__}", lambda: _bundle(certifi.where()), strict=False)


def _requests() -> Party | str:
    """As its Session.merge_environment_settings() and its adapters have it."""
    strict = STRICT_BY_DEFAULT and _version("urllib3") >= STRICT_URLLIB3
    for variable in "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE":
        if path := os.environ.get(variable):
            return Party(f"Requests, with {variable}={path}", partial(_bundle, path), strict)
    party = PARTIES["certifi"]()
    return "Requests finds no roots" if isinstance(party, str) else Party("Requests, with certifi", party.load, strict)


def _version(package: str) -> tuple[int, ...]:
    import importlib.metadata

    with suppress(importlib.metadata.PackageNotFoundError, ValueError):
        return tuple(map(int, importlib.metadata.version(package).split(".")[:2]))
    return ()


def _bundle(path: str) -> ssl.SSLContext:
    context = _stdlib.plain_context()
    if os.path.isdir(path):
        context.load_verify_locations(capath=path)
        return context
    from ..._store.public import bundle

    return bundle(path).context(_stdlib.security_level(context))


def _ssl() -> Party:
    return Party("ssl.create_default_context(), without truststore", _plain_ssl, STRICT_BY_DEFAULT)


def _plain_ssl() -> ssl.SSLContext:
    """What it loads, even where truststore has been injected into `ssl`."""
    context = _stdlib.plain_context()
    if sys.platform == "win32":
        for store in "CA", "ROOT":
            for certificate, encoding, trust in ssl.enum_certificates(store):
                if encoding == "x509_asn" and (isinstance(trust, bool) or ssl.Purpose.SERVER_AUTH.oid in trust):
                    with suppress(ssl.SSLError):
                        context.load_verify_locations(cadata=certificate)
    context.set_default_verify_paths()
    return context


#: By the names that they have in JSON.
PARTIES: dict[str, Callable[[], Party | str]] = {
    "system": _system,
    "environment": _environment,
    "strict": _strict,
    "certifi": _certifi,
    "requests": _requests,
    "ssl": _ssl,
}


# -- in words ---------------------------------------------------------------------------------------------------------------------


def print_table(verdicts: list[Verdict]) -> None:
    """One line per party, or more if there is much to say."""
    say.heading("What others say:")
    for verdict in verdicts[1:]:
        word, colour = {True: ("trusted", say.GREEN), False: ("REFUSED", say.RED), None: ("-", say.BOLD)}[verdict.trusted]
        said = ": ".join(filter(None, (verdict.who, verdict.words))) + (f" ({verdict.code})" if verdict.code else "")
        text = say.wrapped(say.shown(said, say.SENTENCE), " " * 11, " " * 11)
        print(f"  {say.painted(word, colour)}{text[2 + len(word) :]}")
