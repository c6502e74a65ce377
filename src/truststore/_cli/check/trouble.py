"""Why there is no verdict on a server: tables of errors of OpenSSL and the system that are not about trust, and what to check."""

from __future__ import annotations

import socket
import ssl

from .starttls import DIALOGUES, quoted
from .target import SCHEMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .target import Target

#: The first byte of what TLS says (RFC 8446, 5.1): an alert, or a message of the handshake.
RECORDS = b"\x15\x16"
VERSIONS = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2"}

OLDER = "the server only speaks older versions of TLS than this Python ({versions}): its operator has to update it"
NO_CERTIFICATE = "the server requires a client certificate: give one with --cert FILE"
ITS_CLIENTS = "the server does not accept the certificate from --cert ({reason})"
NOTHING_IN_COMMON = (
    "the server has nothing in common with this Python (versions, cipher suites, curves), or requires something that it does not name; "
    "a server that requires a client certificate may say the same (--cert FILE)"
)
UNKNOWN_NAME = "the server does not know the name {name}: try another with --server-name"
CLOSED = "the server closes the connection when TLS begins; is this a TLS port, and does a firewall let it through?"

#: By OpenSSL's reasons, as Python writes them.
REASONS = {
    "UNSUPPORTED_PROTOCOL": OLDER,
    "TLSV1_ALERT_PROTOCOL_VERSION": OLDER,
    "TLSV1_UNRECOGNIZED_NAME": UNKNOWN_NAME,
    "TLSV1_ALERT_UNRECOGNIZED_NAME": UNKNOWN_NAME,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": NO_CERTIFICATE,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": NOTHING_IN_COMMON,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": NOTHING_IN_COMMON,
    "UNEXPECTED_EOF_WHILE_READING": CLOSED,
    "DH_KEY_TOO_SMALL": "the server's key exchange is too weak for this Python ({reason}): its operator has to update it",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": "the server lacks secure renegotiation (RFC 5746): its operator has to update it",
}
#: What a server that has asked for a certificate says of one, or of none.
OF_CLIENTS = (
    *("SSLV3_ALERT_HANDSHAKE_FAILURE", "SSLV3_ALERT_BAD_CERTIFICATE", "SSLV3_ALERT_CERTIFICATE_UNKNOWN"),
    *("SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", "SSLV3_ALERT_CERTIFICATE_EXPIRED", "SSLV3_ALERT_CERTIFICATE_REVOKED"),
    *("TLSV1_ALERT_UNKNOWN_CA", "TLSV1_ALERT_ACCESS_DENIED", "TLSV13_ALERT_CERTIFICATE_REQUIRED", "UNEXPECTED_EOF_WHILE_READING"),
)


def on_the_way(error: Exception) -> str:
    """What went wrong before there was TLS."""
    if isinstance(error, socket.gaierror):
        return f"the name cannot be resolved ({error.strerror}); check its spelling and this machine's network"
    if isinstance(error, TimeoutError):
        return "no answer in time; check this machine's network, or give a longer --timeout"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens on this port"
    return str(error) or type(error).__name__


def in_handshake(error: Exception, heard: bytes, target: Target, name: str, *, asked: bool, shown: bool) -> str:
    """What went wrong in the handshake. `asked`: the server has asked for a certificate of its client; `shown`: there is one."""
    if heard and heard[0] not in RECORDS:
        return f"what answers there is not TLS; it says {quoted(heard)}{_started_otherwise(target)}"
    if not heard and isinstance(error, (ConnectionError, ssl.SSLError)):
        return CLOSED + _started_otherwise(target)
    if not isinstance(error, ssl.SSLError):
        return on_the_way(error)
    reason = error.reason or str(error)
    if asked and reason in OF_CLIENTS:
        return ITS_CLIENTS.format(reason=reason) if shown else NO_CERTIFICATE
    words = REASONS.get(reason, "the TLS handshake failed ({reason})")
    return words.format(reason=reason, name=name, versions=_version(heard))


def _version(heard: bytes) -> str:
    """What a ServerHello says (RFC 5246, 7.4.1.3), or nothing in particular."""
    is_hello = heard[:1] == b"\x16" and heard[5:6] == b"\x02"
    return VERSIONS.get(int.from_bytes(heard[9:11], "big"), "it does not say which") if is_hello else "it does not say which"


def _started_otherwise(target: Target) -> str:
    """Some ports are known for protocols that begin in plain text."""
    of_port = [starttls for port, starttls in SCHEMES.values() if port == target.port and starttls in DIALOGUES]
    return f"; try --starttls {of_port[0]}" if of_port and not target.starttls else ""
