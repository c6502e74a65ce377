"""How protocols that begin in plain text switch to TLS: a table of dialogues, and the code that plays the client's part.

Nothing that comes before TLS is trusted. If a server sends more than its answer before TLS, somebody in between may have sent it, so that
it would count as protected by TLS (CVE-2011-0411): that is an error here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ... import _der
from .. import say
from ..status import CannotAsk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Stream(Protocol):
        """A socket, or what is like one."""

        def recv(self, most: int, /) -> bytes: ...
        def sendall(self, data: bytes, /) -> None: ...

    #: How long an answer is that begins so; 0 as long as that is not known.
    Length = Callable[[bytes], int]

#: No answer is longer.
MOST = 1 << 14


class Step(NamedTuple):
    """What is said (`{name}` is the server's name), how long the answer is (None: there is none), and whether it is a yes."""

    said: bytes
    length: Length | None
    good: Callable[[bytes], object]


def until(pattern: bytes) -> Length:
    """An answer that ends where this matches."""
    compiled = re.compile(pattern, re.MULTILINE | re.DOTALL)

    def length(data: bytes) -> int:
        found = compiled.search(data)
        return found.end() if found else 0

    return length


def like(pattern: bytes) -> Callable[[bytes], object]:
    """An answer that begins so."""
    return re.compile(pattern, re.DOTALL).match


def _der_length(data: bytes) -> int:
    try:
        return len(data) if len(list(_der.elements(data))) == 1 else 0
    except _der.Malformed:
        return 0


def _mysql_length(data: bytes) -> int:
    size = 4 + int.from_bytes(data[:3], "little")
    return size if 4 < size <= len(data) else 0


def _mysql_has_tls(packet: bytes) -> bool:
    """Protocol::HandshakeV10: after a version, 4 bytes of an id, 8 of a secret and a filler there are flags; 0x0800 is CLIENT_SSL."""
    flags = packet[5:].partition(b"\0")[2][13:15]
    return packet[4:5] == b"\x0a" and len(flags) == 2 and bool(flags[1] & 0x08)


#: SMTP's and FTP's (RFC 5321, 4.2; RFC 959, 4.2), IMAP's, POP3's.
_REPLY, _TAGGED, _LINE = until(rb"^\d{3}(?: [^\n]*)?\r?\n"), until(rb"^a (?:OK|NO|BAD)[^\n]*\n"), until(rb"\n")
_XMPP = (
    b"<?xml version='1.0'?><stream:stream to='{name}' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
)
_FEATURES = until(rb"</stream:features>|<stream:features/>|</stream:stream>")
_PROCEED = until(rb"<(?:proceed|failure)\b[^>]*/>|</(?:proceed|failure)>")
_LDAP = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
_MYSQL = bytes.fromhex("20000001") + bytes.fromhex("000a00000000000121") + bytes(23)

#: By the name of the protocol.
DIALOGUES: dict[str, tuple[Step, ...]] = {
    # RFC 3207
    "smtp": (
        Step(b"", _REPLY, like(rb"220")),
        Step(b"EHLO [127.0.0.1]\r\n", _REPLY, like(rb"250.*STARTTLS")),
        Step(b"STARTTLS\r\n", _REPLY, like(rb"220")),
    ),
    # RFC 9051, 6.2.1
    "imap": (Step(b"", _LINE, like(rb"\* OK")), Step(b"a STARTTLS\r\n", _TAGGED, like(rb"(.*\n)?a OK"))),
    # RFC 2595, 4
    "pop3": (Step(b"", _LINE, like(rb"\+OK")), Step(b"STLS\r\n", _LINE, like(rb"\+OK"))),
    # RFC 4217
    "ftp": (Step(b"", _REPLY, like(rb"220")), Step(b"AUTH TLS\r\n", _REPLY, like(rb"234"))),
    # RFC 4511, 4.14: the answer to an extended request (0x78) with the result code (0x0a) 0
    "ldap": (Step(_LDAP, _der_length, like(rb"\x30.{1,5}\x02\x01\x01\x78.{1,5}\x0a\x01\x00")),),
    # PostgreSQL's "Message Formats": SSLRequest, whose answer is one letter
    "postgres": (Step(bytes.fromhex("0000000804d2162f"), until(rb"."), like(rb"S")),),
    # MySQL's "Connection Phase": SSLRequest with CLIENT_PROTOCOL_41, CLIENT_SSL and CLIENT_SECURE_CONNECTION
    "mysql": (Step(b"", _mysql_length, _mysql_has_tls), Step(_MYSQL, None, bool)),
    # RFC 6120, 5
    "xmpp": (
        Step(_XMPP, _FEATURES, like(rb".*<starttls")),
        Step(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", _PROCEED, like(rb".*<proceed")),
    ),
}


def begin(stream: Stream, protocol: str, name: str) -> None:
    """Switch to TLS. Raises CannotAsk if the server does not, OSError if it does not answer."""
    rest = b""
    for said, length, good in DIALOGUES[protocol]:
        if said:
            stream.sendall(said.replace(b"{name}", name.encode("ascii")))
        if length is None:
            continue
        answer, rest = _answer(stream, rest, length, protocol)
        if not good(answer):
            raise CannotAsk(f"the server does not start TLS by {protocol}; it says {quoted(answer)}")
    if rest:
        raise CannotAsk(f"the server sends more than it may before TLS begins: {quoted(rest)}")


def _answer(stream: Stream, data: bytes, length: Length, protocol: str) -> tuple[bytes, bytes]:
    """An answer, and what came after it."""
    while not (end := length(data)):
        part = stream.recv(4096) if len(data) < MOST else b""
        if not part:
            raise CannotAsk(f"the server does not speak {protocol} as it should; it says {quoted(data)}")
        data += part
    return data[:end], data[end:]


def quoted(data: bytes) -> str:
    """What a server has said, for a message: its beginning, on one line."""
    text = data[:200].decode("latin-1").strip()
    return repr(say.shown(text, 60)) if text else "nothing"
