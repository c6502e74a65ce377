"""Servers for mail and files, which know no more of their protocols than the clients of the tests need.

They speak TLS from the start, or begin it when told to.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, ClassVar

from servers import TIMEOUT

if TYPE_CHECKING:
    import ssl


class Dialogue:
    """Answers lines with lines. What a command's answer is, `replies` tells: text, or a function that does the work."""

    #: What a client reads first, and what begins TLS.
    greeting, starts_tls = "", ""
    replies: ClassVar[dict[str, Any]]

    def __init__(self, sock: Any, context: ssl.SSLContext) -> None:
        self.sock, self.context = sock, context
        try:
            self.send(self.greeting)
            while line := self.line():
                self.answer(line)
        finally:
            self.sock.close()

    def send(self, text: str) -> None:
        self.sock.sendall(text.replace("\n", "\r\n").encode())

    def line(self) -> str:
        line = b""
        while not line.endswith(b"\r\n"):
            part = self.sock.recv(1)
            if not part:
                return ""
            line += part
        return line.decode().strip()

    def answer(self, line: str) -> None:
        self.tag, command = self.split(line)
        reply = self.replies[command.upper()]
        self.send(reply(self) if callable(reply) else reply.replace("TAG", self.tag))
        if command.upper() == self.starts_tls:
            self.sock = self.context.wrap_socket(self.sock, server_side=True)

    def split(self, line: str) -> tuple[str, str]:
        return "", line.split(" ", maxsplit=1)[0]


class Smtp(Dialogue):
    greeting, starts_tls = "220 ready\n", "STARTTLS"
    replies: ClassVar = {"EHLO": "250-here\n250 STARTTLS\n", "STARTTLS": "220 go\n", "NOOP": "250 fine\n", "QUIT": "221 bye\n"}


class Imap(Dialogue):
    greeting, starts_tls = "* OK ready\n", "STARTTLS"
    replies: ClassVar = {
        "CAPABILITY": "* CAPABILITY IMAP4rev1 STARTTLS\nTAG OK done\n",
        "STARTTLS": "TAG OK go\n",
        "NOOP": "TAG OK fine\n",
        "LOGOUT": "* BYE\nTAG OK done\n",
    }

    def split(self, line: str) -> tuple[str, str]:
        tag, command = line.split(" ")[:2]
        return tag, command


class Pop(Dialogue):
    greeting, starts_tls = "+OK ready\n", "STLS"
    replies: ClassVar = {"CAPA": "+OK\nSTLS\n.\n", "STLS": "+OK go\n", "NOOP": "+OK fine\n", "QUIT": "+OK bye\n"}


class Ftp(Dialogue):
    greeting, starts_tls = "220 ready\n", "AUTH"

    def listen(self) -> str:
        self.listener = socket.create_server(("127.0.0.1", 0))
        port = self.listener.getsockname()[1]
        return f"227 here (127,0,0,1,{port >> 8},{port & 255})\n"

    def names(self) -> str:
        self.send("150 coming\n")
        with self.listener, self.listener.accept()[0] as data:
            data.settimeout(TIMEOUT)
            with self.context.wrap_socket(data, server_side=True) as tls:
                tls.sendall(b"a file\r\n")
                tls.unwrap()
        return "226 sent\n"

    replies: ClassVar = {
        "AUTH": "234 go\n",
        "USER": "331 and?\n",
        "PASS": "230 fine\n",
        "PBSZ": "200 fine\n",
        "PROT": "200 fine\n",
        "TYPE": "200 fine\n",
        "PASV": listen,
        "NLST": names,
        "QUIT": "221 bye\n",
    }
