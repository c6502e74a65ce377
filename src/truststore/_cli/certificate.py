"""A certificate in words, for people and for `--json`. Its texts are not to be trusted."""

from __future__ import annotations

import hashlib

from .. import _der
from . import say

UNREADABLE = "(a certificate that cannot be read)"


def described(der: bytes) -> dict[str, object]:
    """The members of a certificate in a document of `--json`."""
    digest = hashlib.sha256(der).hexdigest()
    try:
        certificate = _der.Certificate(der)
        subject, issuer = _der.name(certificate.subject), _der.name(certificate.issuer)
    except _der.Malformed:
        return {"subject": None, "issuer": None, "not_before": None, "not_after": None, "sha256": digest}
    return {
        "subject": say.shown(subject),
        "issuer": say.shown(issuer),
        "not_before": _moment(certificate.not_before),
        "not_after": _moment(certificate.not_after),
        "sha256": digest,
    }


def _moment(text: str) -> str:
    """``YYYYMMDDHHMMSSZ`` as ISO 8601 writes it."""
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:14]}Z"


def line(der: bytes) -> str:
    """Its last day, the beginning of its SHA-256, and the end of its name, which says most, within the width."""
    about = described(der)
    name = str(about["subject"] or UNREADABLE)
    room = say.WIDTH - 32
    return f"  {str(about['not_after'] or '')[:10]:<10}  {about['sha256']!s:.16}  {name if len(name) <= room else f'…{name[1 - room :]}'}"


def pem(der: bytes) -> str:
    """A PEM block."""
    import ssl

    return ssl.DER_cert_to_PEM_cert(der)
