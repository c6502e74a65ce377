"""Servers that begin in plain text: each plays its part of a protocol by a script, and goes on with TLS.

with StartTls(leaf.server_context(), "imap") as server: ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servers import Server

if TYPE_CHECKING:
    import ssl

#: What a MySQL server says first: version 10 and its name, an id, 8 bytes of a secret, a filler, flags with CLIENT_SSL, and the rest.
_MYSQL = b"\x0a8.0.36\0" + bytes(4) + b"saltsalt\0" + b"\xff\xff" + bytes(30)
_NO_SSL = b"\x0a5.1.73\0" + bytes(4) + b"saltsalt\0" + b"\xff\xf7" + bytes(30)
_LDAP = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
_HELLO = (
    b"<?xml version='1.0'?><stream:stream to='localhost' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
)
_STREAM = b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='1' from='localhost' version='1.0'>"
_OFFER = b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"

#: By protocol: what is expected, and what is answered.
SCRIPTS: dict[str, list[tuple[bytes, bytes]]] = {
    "smtp": [
        (b"", b"220-mail.example\r\n220 ESMTP\r\n"),
        (b"EHLO [127.0.0.1]\r\n", b"250-mail.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n"),
        (b"STARTTLS\r\n", b"220 2.0.0 Ready\r\n"),
    ],
    "imap": [(b"", b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"), (b"a STARTTLS\r\n", b"* BYTHEWAY\r\na OK begin\r\n")],
    "pop3": [(b"", b"+OK <1@pop.example>\r\n"), (b"STLS\r\n", b"+OK begin\r\n")],
    "ftp": [(b"", b"220-hello\r\n there\r\n220 ready\r\n"), (b"AUTH TLS\r\n", b"234 begin\r\n")],
    "ldap": [(_LDAP, bytes.fromhex("300c02010178070a010004000400"))],
    "postgres": [(bytes.fromhex("0000000804d2162f"), b"S")],
    "mysql": [
        (b"", len(_MYSQL).to_bytes(3, "little") + b"\0" + _MYSQL),
        (bytes.fromhex("20000001000a0000000000012100") + bytes(22), b""),
    ],
    "xmpp": [
        (_HELLO, _STREAM + _OFFER),
        (b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
    ],
}

#: The same, of servers that will not.
REFUSALS: dict[str, list[tuple[bytes, bytes]]] = {
    "smtp": [*SCRIPTS["smtp"][:1], (SCRIPTS["smtp"][1][0], b"250 mail.example\r\n")],
    "imap": [*SCRIPTS["imap"][:1], (b"a STARTTLS\r\n", b"a BAD unknown\r\n")],
    "pop3": [*SCRIPTS["pop3"][:1], (b"STLS\r\n", b"-ERR unknown\r\n")],
    "ftp": [*SCRIPTS["ftp"][:1], (b"AUTH TLS\r\n", b"502 unknown\r\n")],
    "ldap": [(_LDAP, bytes.fromhex("300c02010178070a013504000400"))],
    "postgres": [(SCRIPTS["postgres"][0][0], b"N")],
    "mysql": [(b"", len(_NO_SSL).to_bytes(3, "little") + b"\0" + _NO_SSL)],
    "xmpp": [(SCRIPTS["xmpp"][0][0], _STREAM + b"<stream:features/>")],
}


class StartTls(Server):
    """Plays the script of a protocol, then TLS with `context`; None: nothing more."""

    def __init__(self, context: ssl.SSLContext | None, script: list[tuple[bytes, bytes]]) -> None:
        super().__init__(None, self.play)
        self.after, self.script = context, script

    def play(self, sock: Any) -> None:
        for expected, answer in self.script:
            got = b""
            while len(got) < len(expected):
                part = sock.recv(len(expected) - len(got))
                assert part, "the client goes away"
                got += part
            assert got == expected
            sock.sendall(answer)
        if self.after is None:
            sock.recv(65536)
        else:
            with self.after.wrap_socket(sock, server_side=True) as tls:
                tls.recv(65536)
