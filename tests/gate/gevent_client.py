"""What test_gate_runtimes.py runs: visit 127.0.0.1 with gevent, in each way, and print what came of it."""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import socket  # noqa: E402
import ssl  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402

import gevent  # noqa: E402
import pytest  # noqa: E402
from fake_verifier import FakeVerifier  # noqa: E402
from gate_servers import PING, client_context, converse, hear, judged_by  # noqa: E402
from servers import HOST, TIMEOUT  # noqa: E402

import truststore  # noqa: E402

Address = tuple[str, int]


def wrap_connected(context: ssl.SSLContext, address: Address) -> None:
    with socket.create_connection(address, TIMEOUT) as sock, context.wrap_socket(sock, server_hostname=HOST) as tls:
        assert type(tls).__module__ == "gevent.ssl"
        converse(tls)


def read_first(context: ssl.SSLContext, address: Address) -> None:
    with wrapped_later(context, socket.create_connection(address, TIMEOUT)) as tls:
        hear(tls.recv)
        tls.sendall(PING)


def write_first(context: ssl.SSLContext, address: Address) -> None:
    with wrapped_later(context, socket.create_connection(address, TIMEOUT)) as tls:
        converse(tls)


def wrap_before_connect(context: ssl.SSLContext, address: Address) -> None:
    with context.wrap_socket(socket.socket(), server_hostname=HOST) as tls:
        tls.settimeout(TIMEOUT)
        tls.connect(address)
        converse(tls)


def two_greenlets(context: ssl.SSLContext, address: Address) -> None:
    with wrapped_later(context, socket.create_connection(address, TIMEOUT)) as tls:
        tls.do_handshake()
        both: list[gevent.Greenlet[..., object]] = [gevent.spawn(hear, tls.recv), gevent.spawn(tls.sendall, PING)]
        gevent.joinall(both, raise_error=True)


def wrapped_later(context: ssl.SSLContext, sock: socket.socket) -> ssl.SSLSocket:
    return context.wrap_socket(sock, do_handshake_on_connect=False, server_hostname=HOST)


def outcome(visit: Callable[[ssl.SSLContext, Address], None], judge: FakeVerifier, address: Address) -> dict[str, int]:
    judge.questions.clear()
    code = 0
    try:
        visit(client_context(), address)
    except ssl.SSLCertVerificationError as refused:
        code = refused.verify_code
    return {"refused": code, "asked": len(judge.questions)}


def main(roots: str, *ports: str) -> None:
    visits = wrap_connected, read_first, write_first, wrap_before_connect, two_greenlets
    with open(roots, encoding="ascii") as file, pytest.MonkeyPatch.context() as monkeypatch:
        judge = judged_by(FakeVerifier([ssl.PEM_cert_to_DER_cert(file.read())]), monkeypatch)
        assert truststore.SSLContext.__mro__[2].__module__ == "gevent.ssl", truststore.SSLContext.__mro__
        addresses = [("127.0.0.1", int(port)) for port in ports]
        print(json.dumps([{visit.__name__: outcome(visit, judge, address) for visit in visits} for address in addresses]))


if __name__ == "__main__":
    main(*sys.argv[1:])
