"""Databases and brokers that know no more than hello. Each function serves one connection, and may begin TLS by the context."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl


def exactly(sock: Any, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = sock.recv(length - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def until_the_end(sock: Any) -> bytes:
    data: bytes = sock.recv(65536)
    return data


def http(sock: Any, _: ssl.SSLContext) -> None:
    """One request, with what comes with it, and one answer."""
    request = b""
    while b"\r\n\r\n" not in request:
        request += exactly(sock, 1)
    length = re.search(rb"\r\ncontent-length: *(\d+)", request, re.IGNORECASE)
    exactly(sock, int(length[1]) if length else 0)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nok")


def redis(sock: Any, _: ssl.SSLContext) -> None:
    answers = {b"HELLO": b"%2\r\n+version\r\n+8.0.0\r\n+proto\r\n:3\r\n", b"PING": b"+PONG\r\n"}
    while data := until_the_end(sock):
        for command in data.split(b"*")[1:]:
            sock.sendall(next((answer for word, answer in answers.items() if word in command), b"+OK\r\n"))


def mqtt(sock: Any, _: ssl.SSLContext) -> None:
    until_the_end(sock)
    sock.sendall(b"\x20\x02\x00\x00")
    while until_the_end(sock):
        pass


def ldap(sock: Any, _: ssl.SSLContext) -> None:
    """To the bind request: success, under its number, which is the fifth byte."""
    while data := until_the_end(sock):
        sock.sendall(b"\x30\x0c\x02\x01" + data[4:5] + b"\x61\x07\x0a\x01\x00\x04\x00\x04\x00")


def postgres(sock: Any, context: ssl.SSLContext) -> None:
    exactly(sock, 8)
    sock.sendall(b"S")
    with context.wrap_socket(sock, server_side=True) as tls:
        exactly(tls, struct.unpack("!i", exactly(tls, 4))[0] - 4)
        tls.sendall(b"R" + struct.pack("!ii", 8, 0))
        for name, value in ("server_version", "17.0"), ("client_encoding", "UTF8"):
            pair = f"{name}\0{value}\0".encode()
            tls.sendall(b"S" + struct.pack("!i", 4 + len(pair)) + pair)
        tls.sendall(b"K" + struct.pack("!iii", 12, 1, 1) + b"Z" + struct.pack("!i", 5) + b"I")
        until_the_end(tls)


def mysql(sock: Any, context: ssl.SSLContext) -> None:
    """Greeting, the client's wish for TLS, TLS, and OK to whatever comes."""
    capabilities = 0x0200 | 0x8000 | 0x0800 | 0x00080000  # 4.1, its passwords, TLS, named plugins
    low, high = capabilities & 0xFFFF, capabilities >> 16
    greeting = b"\x0a8.0.0\0" + struct.pack("<I", 1) + b"12345678\0" + struct.pack("<HBHHB", low, 45, 0, high, 21) + bytes(10)
    packet(sock, 0, greeting + b"123456789012\0" + b"mysql_native_password\0")
    exactly(sock, int.from_bytes(exactly(sock, 4)[:3], "little"))
    with context.wrap_socket(sock, server_side=True) as tls:
        while True:
            try:
                head = exactly(tls, 4)
                exactly(tls, int.from_bytes(head[:3], "little"))
            except EOFError:
                return
            packet(tls, head[3] + 1, b"\0\0\0\0\0\0\0")


def packet(sock: Any, number: int, content: bytes) -> None:
    sock.sendall(len(content).to_bytes(3, "little") + bytes([number]) + content)


#: What is answered to whatever a client of MongoDB asks: hello, and that it is well.
HELLO = {
    "ismaster": True,
    "maxWireVersion": 25,
    "minWireVersion": 0,
    "maxBsonObjectSize": 1 << 24,
    "maxMessageSizeBytes": 1 << 25,
    "ok": 1,
}


def bson(document: dict[str, int]) -> bytes:
    parts = b""
    for name, value in document.items():
        kind, packed = (b"\x08", b"\x01") if value is True else (b"\x10", struct.pack("<i", value))
        parts += kind + name.encode() + b"\0" + packed
    return struct.pack("<i", len(parts) + 5) + parts + b"\0"


def mongo(sock: Any, _: ssl.SSLContext) -> None:
    """By the message that it answers: OP_REPLY to OP_QUERY (2004), OP_MSG to OP_MSG."""
    number = 0
    while True:
        try:
            length, request, _to, operation = struct.unpack("<iiii", exactly(sock, 16))
            exactly(sock, length - 16)
        except EOFError:
            return
        number += 1
        if operation == 2004:
            body, kind = struct.pack("<iqii", 8, 0, 0, 1) + bson(HELLO), 1
        else:
            body, kind = struct.pack("<i", 0) + b"\0" + bson(HELLO), 2013
        sock.sendall(struct.pack("<iiii", 16 + len(body), number, request, kind) + body)
