"""What get_ca_certs() and cert_store_stats() answer: what plain `ssl` would after the same calls.

The system's roots are listed if the program asked for them by name (`load_default_certs()`), not because a connection had them loaded.
A public bundle that was set aside is listed, since it was loaded. Imported when somebody asks.
"""

from __future__ import annotations

from ._stdlib import CContext

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from typing import Any

    from ._stdlib import Decoded
    from ._trust import Trust


def certificates(trust: Trust, context: ssl.SSLContext, binary_form: bool) -> list[bytes] | list[Decoded]:
    """What `get_ca_certs()` answers."""
    return list(_listed(trust, context, binary_form).values())


def statistics(trust: Trust, context: ssl.SSLContext) -> dict[str, int]:
    """What `cert_store_stats()` answers."""
    authorities = len(_listed(trust, context, True))
    parts = [CContext.cert_store_stats(context)]
    if trust.is_mixed and not trust.lists_system:
        parts = [trust.own.statistics_before, *trust.own.statistics_later()]
    parts += [CContext.cert_store_stats(part) for part in _beside(trust)]
    others = sum(part["x509"] - part["x509_ca"] for part in parts)
    return {"x509": authorities + others, "crl": sum(part["crl"] for part in parts), "x509_ca": authorities}


def _listed(trust: Trust, context: ssl.SSLContext, binary_form: bool) -> dict[bytes, Any]:
    """By DER, which tells what is the same."""
    listed: dict[bytes, Any] = {}
    for part in _beside(trust):
        listed.update(_by_der(part, binary_form))
    shown = _by_der(context, binary_form)
    if trust.is_mixed and not trust.lists_system:
        shown = {der: shown[der] for der in trust.own.authorities(context) if der in shown}
    return {**listed, **shown}


def _beside(trust: Trust) -> list[ssl.SSLContext]:
    """What is to be listed, and is not all in the context's own store."""
    system = [trust.roots.everything()] if trust.lists_system and trust.roots and not trust.holds_all_of_system else []
    return [*system, *(bundle.context(0) for bundle in trust.public)]


def _by_der(context: ssl.SSLContext, binary_form: bool) -> dict[bytes, Any]:
    """Out of two lists, which are in the same order unless a handshake in another thread had OpenSSL sort its store in between."""
    while True:
        ders = CContext.get_ca_certs(context, True)
        shown = ders if binary_form else CContext.get_ca_certs(context)
        if binary_form or ders == CContext.get_ca_certs(context, True):
            return dict(zip(ders, shown))
