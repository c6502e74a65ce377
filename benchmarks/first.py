"""A program with one connection, for somebody who counts from outside: python benchmarks/first.py plain|ours|injected SERVER.

It imports nothing but what it is about, and connects in memory, client and server in one thread.
"""

import ssl
import sys


def connect(how: str, certificate: str) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        context(how).wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while False in [is_done(end) for end in ends]:  # each has a turn
        pass


def context(how: str) -> ssl.SSLContext:
    if how == "plain":
        return ssl.create_default_context()
    import truststore

    if how == "ours":
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    truststore.inject_into_ssl()
    return ssl.create_default_context()


def is_done(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


if __name__ == "__main__":
    connect(sys.argv[1], sys.argv[2])
