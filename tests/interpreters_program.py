"""A program that connects in interpreters of its own, beside its main one (Python 3.14 and later).

    interpreters_program.py inherited|initialized TRUSTED_PORT STRANGER_PORT

Injects, then has `WORKERS` interpreters connect to both servers, `initialized`: each with `initializer=truststore.inject_into_ssl`. Prints,
as JSON, what came of each connection, and last which class `ssl.SSLContext` is in the main interpreter after all of them have ended.
"""

from __future__ import annotations

import json
import sys

WORKERS = 4


def connect(port: int) -> str:
    import socket
    import ssl

    context = ssl.create_default_context()
    name = f"{type(context).__module__.partition('.')[0]}: "
    try:
        with socket.create_connection(("localhost", port)) as sock, context.wrap_socket(sock, server_hostname="localhost") as tls:
            tls.sendall(b"hello")
            return name + tls.recv(5).decode()
    except ssl.SSLCertVerificationError as error:
        return name + error.verify_message


def main(how: str, *ports: str) -> None:
    import ssl
    from concurrent.futures import InterpreterPoolExecutor  # type: ignore[attr-defined,unused-ignore]

    import truststore

    truststore.inject_into_ssl()
    initializer = truststore.inject_into_ssl if how == "initialized" else None
    with InterpreterPoolExecutor(WORKERS, initializer=initializer) as interpreters:
        outcomes = list(interpreters.map(connect, [int(port) for port in ports] * WORKERS))
    print(json.dumps([*outcomes, ssl.SSLContext.__module__]))


if __name__ == "__main__":
    main(*sys.argv[1:])
