"""What OpenSSL's refusal is told besides: whose certificate it is about, which issuer is missing, who was asked and why that store.

OpenSSL says which rule was broken. Which certificate broke it, `ssl` does not hand on, but the connection object that was refused still has
what the peer sent and how far OpenSSL got with it: for most codes that says it, and for the others the chain is named.

Nothing here decides anything. It is imported and called after a refusal, of a handshake or of a flight without one; a connection that
succeeds never comes here. Whatever fails here leaves the refusal as it is. The error is given texts alone, never a connection or a
certificate, and names that the peer chose are escaped and cut.
"""

from __future__ import annotations

from _thread import allocate_lock
from time import gmtime, strftime

from . import _der, _verdict
from ._first_flight import ders, verified_chain
from ._verdict import OPENSSL, OWN, Platform
from ._verify_codes import EXPIRED, FINAL, ISSUER_NOT_FOUND, ITS_OWN_ISSUER, MISMATCHES, NOT_YET_VALID, OF_THE_LEAF, UNKNOWN_ISSUER

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from ssl import SSLCertVerificationError

    from ._openssl import Roots
    from ._stdlib import Connection
    from ._trust import Trust
    from ._verdict import Question

#: The most certificates of a chain that are named.
NAMED = 8

ALONE = "only what the program loaded, since check_hostname is False and load_default_certs() was not called"
MISSING = "Its issuer is missing: the server did not send a matching certificate of it, and the store has none."
ITS_OWN = "It is self-signed, and is not in the store."


def asked(trust: Trust, context: ssl.SSLContext, *, alone: bool) -> Platform:
    """OpenSSL, with which store, and why with that. `alone`: what the program loaded alone may vouch. With the context's lock held."""
    if alone:
        return Platform(OPENSSL.name, ALONE)
    stores = [in_words(trust.roots)] if trust.roots else []
    if trust.own.there_are(context):
        stores.append(OWN.store)
    stores += [f"{bundle.path}, which a library loaded by itself" for bundle in trust.public]
    return Platform(OPENSSL.name, "; ".join(stores))


def in_words(roots: Roots) -> str:
    """The system's store, and which step found it; where there is none, what was looked at."""
    if roots.store is None:
        return OPENSSL.store
    return str(roots.store) if roots.store else f"{roots.store} ({_verdict.looked_at(roots.store.passed_over)})"


def sent_and_built(connection: Connection) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """What the peer sent, and the chain that OpenSSL had made of it when it refused."""
    sent = ders(connection.get_unverified_chain())
    return sent, ders(connection.get_verified_chain()) or sent


def tell(error: SSLCertVerificationError, chain: Sequence[bytes], platform: Platform) -> None:
    """Have an error of OpenSSL's own carry what every refusal does. `chain` is how far OpenSSL got."""
    try:
        _verdict.tell(error, platform, whose(error.verify_code, chain))
    except Exception:  # noqa: BLE001 - the refusal stands, whatever is wrong with what is said of it
        return


def whose(code: int, chain: Sequence[bytes]) -> str:
    """The certificate that was refused, and what is to be said of its issuer; of some codes it may be any of the chain."""
    try:
        certificates = [_der.Certificate(der) for der in chain]
        at = _refused_one(code, certificates)
        if at is None:
            return _one_of(certificates)
        return " ".join(filter(None, (_verdict.blamed(certificates[at]), _of_its_issuer(code), _below(certificates[:at]))))
    except Exception:  # noqa: BLE001 - the peer made these bytes
        return _verdict.UNREADABLE


def _refused_one(code: int, certificates: Sequence[_der.Certificate]) -> int | None:
    """Where in the chain it is, if the code or the certificates say so."""
    if code in OF_THE_LEAF or len(certificates) == 1:
        return 0
    if code in UNKNOWN_ISSUER:
        return len(certificates) - 1
    if code in (NOT_YET_VALID, EXPIRED):
        now = strftime("%Y%m%d%H%M%SZ", gmtime())
        untimely = [at for at, each in enumerate(certificates) if now < each.not_before or now > each.not_after]
        return untimely[-1] if untimely else None  # OpenSSL looks from the root down
    return None


def _of_its_issuer(code: int) -> str:
    return MISSING if code in ISSUER_NOT_FOUND else ITS_OWN if code in ITS_OWN_ISSUER else ""


def _below(certificates: Sequence[_der.Certificate]) -> str:
    return f"The server's own certificate is that of [{_der.shown(certificates[0].subject)}]." if certificates else ""


def _one_of(certificates: Sequence[_der.Certificate]) -> str:
    names = [f"[{_der.shown(each.subject)}]" for each in certificates[:NAMED]]
    more = ", and further ones" if len(certificates) > NAMED else ""
    return f"One of these was refused (the server's own certificate first): {', '.join(names)}{more}."


# -- the system's store -------------------------------------------------------------------------------------------------------------


def add_notes(error: SSLCertVerificationError, question: Question, roots: Roots, host_flags: int) -> None:
    """Say what is wrong with the system's store, and whether variables of the environment hide one that trusts the peer."""
    try:
        for note in roots.notes:
            _verdict.annotate(error, note)
        if _is_trusted_behind_variables(error.verify_code, question, roots, host_flags):
            _verdict.annotate(error, _behind(roots))
    except Exception:  # noqa: BLE001 - as above
        return


def _is_trusted_behind_variables(code: int, question: Question, roots: Roots, host_flags: int) -> bool:
    """Asked of the certificates alone, without a connection. Not if it makes no difference, or should make none."""
    if roots.store is None or not roots.store.variables or code in MISMATCHES or code in FINAL:
        return False
    from ._openssl import behind_variables  # where OpenSSL verifies

    try:
        hidden = behind_variables(question.security_level)
        verified_chain(hidden, allocate_lock(), question.chain, question.server_hostname, question.flags, host_flags)
    except OSError:  # refused, no verdict, or no such store
        return False
    return True


def _behind(roots: Roots) -> str:
    variables = roots.store.variables if roots.store else ()
    hide = "hides it. Unset that" if len(variables) == 1 else "hide it. Unset them"
    return (
        f"The system's own store would trust this server; {' and '.join(variables)} {hide}, or add the root that is missing there."
    )
