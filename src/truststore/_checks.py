"""Further checks of a chain that the system trusts: strength and names, by rules that are the same on every platform.

A system's rules for names are partly unknown, partly laxer than OpenSSL's: common names that are not host names, wildcards for a
top-level domain, DNS names that spell an address. And no system knows the security level of a context. These checks run after the
system has accepted a chain, and can only refuse it.
"""

from __future__ import annotations

from . import _der, _names, _strength
from ._verify_codes import HOSTNAME_MISMATCH, INVALID_EXTENSION, IP_ADDRESS_MISMATCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._verdict import Question


def objection(question: Question, chain: Sequence[bytes]) -> tuple[int, int] | None:
    """OpenSSL's code for what is wrong, and with which certificate of the chain; None if nothing is wrong.

    Raises `_der.Malformed` if one of them cannot be read.
    """
    certificates = [_der.Certificate(der) for der in chain]
    return _strength.weakness(certificates, question.security_level) or _of_name(question, certificates)


def _of_name(question: Question, chain: Sequence[_der.Certificate]) -> tuple[int, int] | None:
    leaf, *authorities = chain
    if not _are_readable(leaf):
        return INVALID_EXTENSION, 0
    # Systems differ in whether constraints apply to a common name, so it does not count if there are any.
    common_name = question.common_name and not any(authority.constrains_names for authority in authorities)
    name = question.hostname
    if name is None or _names.is_for(leaf, name, common_name):
        return None
    return (IP_ADDRESS_MISMATCH if _names.ip_address(name) else HOSTNAME_MISMATCH), 0


def _are_readable(leaf: _der.Certificate) -> bool:
    """Its alternative names, asked for or not. OpenSSL refuses others too, but says that it cannot find the issuer."""
    try:
        return leaf.alternative_names is not None
    except _der.Malformed:
        return False
