"""Why a server was refused: the likely cause, the certificate at fault, and the remedy.

OpenSSL says which rule was broken. The reason is guessed from what the server sent, from what others on this machine say, and from the
clock. Nothing is trusted because of it.
"""

from __future__ import annotations

import os
import shlex
from typing import NamedTuple

from ..._names import ip_address
from ..._verify_codes import HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH, REJECTED, REMEDIES, REVOKED, UNKNOWN_ISSUER
from .. import say
from . import remedies
from .details import (
    AUTHORITY_KEY,
    BASIC_CONSTRAINTS,
    KEY_USAGE,
    SUBJECT_KEY,
    Details,
    now,
    read,
    span,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from . import Judged
    from .judges import Verdict

#: What TLS-inspecting products call their authorities.
INSPECTORS = (
    *(
        "Avast",
        "AVG",
        "Barracuda",
        "Bitdefender",
        "Blue Coat",
        "Burp",
        "Charles Proxy",
        "Check Point",
        "Cisco Umbrella",
        "Cloudflare Gateway",
    ),
    *(
        "ContentWatch",
        "DigiCert SSL Inspection",
        "ESET",
        "Fiddler",
        "Forcepoint",
        "Fortinet",
        "FortiGate",
        "iboss",
        "Kaspersky",
        "Lightspeed",
    ),
    *("McAfee", "Menlo Security", "mitmproxy", "Netskope", "Palo Alto", "PortSwigger", "Skyhigh", "SonicWall", "Sophos"),
    *("Squid", "Symantec Web", "Trend Micro", "Untangle", "WatchGuard", "Websense", "Zscaler"),
)
#: What companies call theirs.
INSPECTING = ("proxy", "inspection", "intercept", "decrypt", "firewall", "mitm", "gateway")

#: What VERIFY_X509_STRICT asks of a certificate, by code: who breaks it, where that is seen from outside, and what is missing.
STRICT_RULES: dict[int, tuple[Callable[[Details], bool] | None, str]] = {
    79: (None, "basic constraints that say that it is an authority"),
    82: (None, "a key usage that fits"),
    83: (None, "the name of its issuer"),
    84: (None, "a subject"),
    85: (lambda each: AUTHORITY_KEY not in each.extensions and not each.names_itself, "an authority key identifier"),
    86: (lambda each: SUBJECT_KEY not in each.extensions and BASIC_CONSTRAINTS in each.extensions, "a subject key identifier"),
    87: (None, "a name in its subjectAltName"),
    89: (lambda each: _is_not_critical(each, BASIC_CONSTRAINTS), "basic constraints that are marked as critical"),
    90: (lambda each: not _is_not_critical(each, AUTHORITY_KEY), "an authority key identifier that is not marked as critical"),
    91: (lambda each: not _is_not_critical(each, SUBJECT_KEY), "a subject key identifier that is not marked as critical"),
    92: (lambda each: KEY_USAGE not in each.extensions and BASIC_CONSTRAINTS in each.extensions, "a key usage"),
    93: (None, "version 3, since it has extensions"),
}
STRICT_CODES = frozenset(range(79, 95))


def _is_not_critical(details: Details, which: bytes) -> bool:
    extension = details.extensions.get(which)
    return extension is not None and not extension.critical


class Diagnosis(NamedTuple):
    """What is likely wrong."""

    #: A word or two, which JSON has, too.
    cause: str
    #: The certificate that is to blame, if one is.
    blamed: bytes | None
    sentences: tuple[str, ...]
    #: To type on this machine.
    commands: tuple[str, ...] = ()


class Case:
    """What the diagnosis is based on."""

    def __init__(
        self, judged: Judged, refusal: ssl.SSLCertVerificationError, verdicts: Sequence[Verdict], moment: datetime
    ) -> None:
        self.judged, self.refusal, self.moment = judged, refusal, moment
        self.code: int = refusal.verify_code
        self.path = [details for details in map(read, judged.path) if details]
        self._said = {verdict.key: verdict.trusted for verdict in verdicts}

    def trusted_by(self, key: str) -> bool:
        """Whether somebody else would trust it."""
        return bool(self._said.get(key))

    def refused_by(self, key: str) -> bool:
        """Whether somebody else would refuse it."""
        return self._said.get(key) is False

    def first(self, is_to_blame: Callable[[Details], object]) -> Details | None:
        """The certificate of the chain, from the server's own on, of which this is true."""
        return next(filter(is_to_blame, self.path), None)


def diagnose(
    judged: Judged, refusal: ssl.SSLCertVerificationError, verdicts: Sequence[Verdict], moment: datetime | None = None
) -> Diagnosis:
    """The likely cause."""
    case = Case(judged, refusal, verdicts, moment or now())
    for explain in _empty_store, _unusable_store, _hidden_store, _strict:
        if (found := explain(case)) is not None:
            return found
    return BY_CODE.get(case.code, _other)(case) if case.path else _other(case)


# -- it is not the server -----------------------------------------------------------------------------------------------------------


def _empty_store(case: Case) -> Diagnosis | None:
    from ..._store.search import find

    store = case.judged.context.system_store
    if store is None or store:
        return None
    without = find(environ={})
    looked = [f"{path} {why}" for path, why in store.passed_over]
    first = f"There are no roots to verify with: {'; '.join(looked)}." if looked else "There are no roots to verify with."
    if without and remedies.set_variables():
        return Diagnosis("empty store", None, (first, _hides(str(without))), remedies.unset_variables())
    return Diagnosis("empty store", None, (first, "Install the system's roots."), remedies.commands(remedies.INSTALL_ROOTS))


def _unusable_store(case: Case) -> Diagnosis | None:
    if not case.judged.is_unasked:
        return None
    sentence = "Repair it with the system's own tool (update-ca-certificates, update-ca-trust and the like)."
    return Diagnosis("unusable store", None, (f"{case.refusal.verify_message}.", sentence))


def _hidden_store(case: Case) -> Diagnosis | None:
    if not (case.trusted_by("system") and case.refused_by("environment") and remedies.set_variables()):
        return None
    sentences = "The system's own store would trust this server.", _hides("it")
    return Diagnosis("hidden store", None, sentences, remedies.unset_variables())


def _hides(what: str) -> str:
    values = ", ".join(f"{name}={os.environ[name]}" for name in remedies.set_variables())
    return f"{values} hides {what}. Unset that, or point it to an up-to-date store."


def _strict(case: Case) -> Diagnosis | None:
    if case.code not in STRICT_CODES and not (case.trusted_by("environment") and case.refused_by("strict")):
        return None
    is_to_blame, what = STRICT_RULES.get(case.code, (None, "what the rules ask for"))
    blamed = case.first(is_to_blame) if is_to_blame else None
    return Diagnosis(
        "strict",
        blamed.der if blamed else None,
        (
            f"{_whose(blamed) if blamed else 'A certificate of the chain'} lacks {what}.",
            "ssl.create_default_context() requires that since Python 3.13 (VERIFY_X509_STRICT); --no-strict shows the verdict without it.",
            "The authority has to issue a correct one. A program can switch the check off: context.verify_flags &= ~ssl.VERIFY_X509_STRICT",
        ),
    )


# -- who issued it is not known -------------------------------------------------------------------------------------------------------


def _unknown_issuer(case: Case) -> Diagnosis:
    top = case.path[-1]
    inspector = _inspector(case)
    if inspector:
        sentence = f"By its name it belongs to {inspector}, which inspects TLS and answers with its own certificates."
        return _unknown_root(case, "inspecting proxy", sentence)
    if len(case.path) == 1 and top.names_itself:
        return _self_signed(case)
    if len(case.path) == 1 and (top.issuer_url or top.is_by_public_authority):
        return _missing_intermediate(case)
    return _unknown_root(case, "unknown root", "")


def _inspector(case: Case) -> str | None:
    """What looks into TLS and has issued this, to go by its name: a product, or what a company calls its own."""
    top = case.path[-1]
    if case.path[0].is_by_public_authority:
        return None
    names = f"{top.subject} {top.issuer}".lower()
    is_called = any(word in top.issuer.lower() for word in INSPECTING)
    return next((product for product in INSPECTORS if product.lower() in names), "a proxy or a firewall" if is_called else None)


def _self_signed(case: Case) -> Diagnosis:
    leaf = case.path[0]
    where, commands = _addition(case)
    sentences = (
        f"{_whose(leaf)} is self-signed: no authority vouches for it.",
        "If the server is yours, give it a certificate from an authority.",
        f"Or trust this one: take it from the server itself as {remedies.FILE}, compare its SHA-256 with the one below, and {where}",
    )
    return Diagnosis("self-signed", leaf.der, sentences, commands)


def _missing_intermediate(case: Case) -> Diagnosis:
    top = case.path[-1]
    url = top.issuer_url
    sentences = (
        f"{_whose(top)} was issued by [{top.issuer}], whose certificate was not sent, and is not in the store.",
        "It looks like an intermediate certificate. The server's operator has to make the server send it.",
        f"It can be downloaded from {url}" if url else "",
        "Browsers download or remember such certificates; programs do not.",
    )
    return Diagnosis("missing intermediate", top.der, tuple(filter(None, sentences)))


def _unknown_root(case: Case, cause: str, sentence: str) -> Diagnosis:
    top = case.path[-1]
    was_sent = top.names_itself
    root = top.subject if was_sent else top.issuer
    where, commands = _addition(case)
    compare = "compare its SHA-256 with the one below" if was_sent else "not from this connection"
    sentences = (
        f"The authority [{root}] is not in the store.",
        sentence,
        "certifi has it: this system's roots are out of date, or exclude it on purpose." if case.trusted_by("certifi") else "",
        f"If it is to be trusted, get its certificate from its administrators as {remedies.FILE}, {compare}, and {where}",
    )
    return Diagnosis(cause, top.der, tuple(filter(None, sentences)), commands)


def _addition(case: Case) -> tuple[str, tuple[str, ...]]:
    """Where, and how, to add a root so that this machine's programs trust it."""
    from ..._store.search import ENVIRONMENT, find

    store = case.judged.context.system_store
    if store is not None and store.step == ENVIRONMENT and store.file and store.file != find(environ={}).file:
        instead = f"add it to {store.file}, which an environment variable uses instead of the system's store:"
        return instead, (f"cat {remedies.FILE} >> {shlex.quote(store.file)}",)
    return "add it to the system's store:", remedies.commands(remedies.ADD_ROOT)


# -- what is wrong with the certificate -----------------------------------------------------------------------------------------------


def _expired(case: Case) -> Diagnosis:
    blamed = case.first(lambda each: case.moment > each.ends) or case.path[0]
    ago = span((case.moment - blamed.ends).total_seconds())
    sentences = f"{_whose(blamed)} expired {ago} ago, at {_at(blamed.ends)}.", _clock(case)
    if len(case.path) > 1 and all(case.moment > each.ends for each in case.path):
        return Diagnosis("clock", blamed.der, (*sentences, "All certificates of the chain have expired: is that clock ahead?"))
    return Diagnosis("expired", blamed.der, (*sentences, "If that is right, the server's operator has to renew the certificate."))


def _not_yet_valid(case: Case) -> Diagnosis:
    blamed = case.first(lambda each: case.moment < each.begins) or case.path[0]
    wait = span((blamed.begins - case.moment).total_seconds())
    sentences = f"{_whose(blamed)} will not be valid for {wait}, before {_at(blamed.begins)}.", _clock(case)
    if _is_behind(case.moment):
        return Diagnosis("clock", blamed.der, (*sentences, "This program's own files are newer: set the clock."))
    return Diagnosis("not yet valid", blamed.der, (*sentences, "If that is right, the server's operator has to act."))


def _is_behind(moment: datetime) -> bool:
    """Whether the clock shows a time that has passed already."""
    return os.stat(__file__).st_mtime > moment.timestamp()


def _clock(case: Case) -> str:
    return f"This machine's clock says {_at(case.moment)}."


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _wrong_name(case: Case) -> Diagnosis:
    leaf, name = case.path[0], case.judged.name or ""
    names = leaf.names
    most = 8
    listed = ", ".join(map(say.shown, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")
    what = f"is for {listed}" if names else "lists no name, and its common name does not count"
    by = "an address that it lists, or by a name" if ip_address(name) else "one of these"
    act = f"Connect by {by}, or have the server's operator get" if names else "Have the server's operator get"
    sentences = (
        f"{_whose(leaf)} {what}: not for {say.shown(name)}.",
        f"{act} a certificate that lists {say.shown(name)}.",
    )
    return Diagnosis("wrong name", leaf.der, sentences)


def _weak(case: Case) -> Diagnosis:
    by_signature = case.code == 68
    blamed = case.first(lambda each: each.weak_signature) if by_signature else _weakest_key(case)
    whose = _whose(blamed) if blamed else "A certificate of the chain"
    what = (
        f"is signed with {blamed.weak_signature if blamed else 'a weak hash'}"
        if by_signature
        else f"has a weak key ({blamed and blamed.key})"
    )
    return Diagnosis(
        "weak", blamed.der if blamed else None, (f"{whose} {what}: its issuer has to replace it with a stronger one.",)
    )


def _weakest_key(case: Case) -> Details:
    """Of the server's certificate, or of an authority."""
    candidates = case.path[:1] if case.code == 66 or len(case.path) == 1 else case.path[1:]
    return min(candidates, key=lambda each: int(each.key.rpartition(" ")[2]) if each.key.startswith("RSA ") else 1 << 16)


def _purpose(case: Case) -> Diagnosis:
    blamed = case.first(lambda each: not each.is_for_servers) or case.path[0]
    purposes = ", ".join(blamed.purposes)
    what = f"is for {purposes} only" if purposes else "is not for servers"
    return Diagnosis("purpose", blamed.der, (f"{_whose(blamed)} {what}: the server's operator has to get one for servers.",))


def _revoked(case: Case) -> Diagnosis:
    return Diagnosis("revoked", case.path[0].der, (REMEDIES[REVOKED],))


def _rejected(case: Case) -> Diagnosis:
    return Diagnosis("distrusted", case.path[-1].der, (REMEDIES[REJECTED],))


def _other(case: Case) -> Diagnosis:
    """What the library says."""
    notes = getattr(case.refusal, "__notes__", None) or [REMEDIES.get(case.code, "")]
    return Diagnosis("other", None, tuple(line for note in notes for line in note.splitlines() if line))


def _whose(details: Details) -> str:
    return f"The certificate of [{details.subject}]"


#: By OpenSSL's codes.
BY_CODE: dict[int, Callable[[Case], Diagnosis]] = {
    **dict.fromkeys(UNKNOWN_ISSUER, _unknown_issuer),
    9: _not_yet_valid,
    10: _expired,
    26: _purpose,
    REVOKED: _revoked,
    REJECTED: _rejected,
    HOSTNAME_MISMATCH: _wrong_name,
    IP_ADDRESS_MISMATCH: _wrong_name,
    66: _weak,
    67: _weak,
    68: _weak,
}
