"""What must work on a Python that cannot run the tests, for want of cryptography: a program, and the standard library alone.

    PYTHONPATH=src python other_python.py FOLDER

FOLDER has `root.pem`, `trusted.pem` (for localhost, with its key) and `stranger.pem` (the same, of an unknown issuer), and is where
truststore finds the system's store: by SSL_CERT_FILE, in which `root.pem` is. Prints, as JSON, what came of each trial.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import truststore
from truststore import _verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from truststore._verdict import Question

FOLDER = Path(sys.argv[-1])
HOST = "localhost"
FAKE = _verdict.Platform("Fake", "a fake store")


# -- connections --------------------------------------------------------------------------------------------------------------------


def serving(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER / f"{name}.pem")
    return context


def visit(context: ssl.SSLContext, server: ssl.SSLContext, host: str = HOST, **options: Any) -> str:
    """Over a socket, with data both ways."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=[listener, server])
        thread.start()
        try:
            sock = socket.create_connection(listener.getsockname()[:2], 20)
            with sock, context.wrap_socket(sock, server_hostname=host, **options) as tls:
                tls.sendall(b"ping")
                assert tls.recv(4) == b"pong"
                assert tls.context is context
                assert tls.getpeercert(True)
            return "trusted"
        except ssl.SSLCertVerificationError as error:
            return error.verify_message.partition(",")[0]
        finally:
            thread.join()


def serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    sock, _ = listener.accept()
    sock.settimeout(20)
    with sock:
        try:
            with context.wrap_socket(sock, server_side=True) as tls:
                tls.sendall(tls.recv(4).replace(b"i", b"o"))
                tls.recv(1)
        except OSError:
            return


def in_memory(context: ssl.SSLContext, server: ssl.SSLContext) -> str:
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [context.wrap_bio(to_client, to_server, server_hostname=HOST), server.wrap_bio(to_server, to_client, server_side=True)]
    for _ in range(4):
        for side in tuple(sides):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
            sides.remove(side)
    assert not sides
    return "trusted"


# -- trials -------------------------------------------------------------------------------------------------------------------------


def client() -> truststore.SSLContext:
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def bare() -> truststore.SSLContext:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return truststore.SSLContext()


def verdicts(make: Callable[[], ssl.SSLContext] = client) -> list[str]:
    trusted, stranger = serving("trusted"), serving("stranger")
    return [
        visit(make(), trusted),
        visit(make(), stranger),
        visit(make(), trusted, "other.test"),
        in_memory(make(), trusted),
        in_memory(make(), stranger),
        visit(make(), stranger, do_handshake_on_connect=False),
    ]


def unverified() -> list[str]:
    context = client()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return [visit(context, serving("stranger")), in_memory(context, serving("stranger"))]


def settings() -> list[object]:
    """As in `ssl`, whose setters go by the class's name."""
    context = client()
    try:
        context.verify_mode = ssl.CERT_NONE
    except ValueError as error:
        refused = str(error)
    context.options |= ssl.OP_NO_TICKET
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    kept = context.options & ssl.OP_NO_TICKET and context.verify_flags & ssl.VerifyFlags.VERIFY_X509_STRICT
    return [refused, bool(kept), context.minimum_version.name, context.verify_mode.name, context.check_hostname]


def served() -> list[str]:
    """By a context that was made without a protocol, which verifies as a client."""
    context = bare()
    context.load_cert_chain(FOLDER / "trusted.pem")
    return [visit(client(), context), in_memory(client(), context), visit(context, serving("stranger"))]


def lists() -> list[object]:
    context = client()
    visit(context, serving("trusted"))
    empty = context.get_ca_certs()
    context.load_verify_locations(FOLDER / "root.pem")
    return [empty, len(context.get_ca_certs()), context.cert_store_stats()]


def injected() -> list[object]:
    kept = ssl.SSLContext
    truststore.inject_into_ssl()
    try:
        by_name = isinstance(ssl.create_default_context(), truststore.SSLContext)
        return [by_name, type(kept(ssl.PROTOCOL_TLS_CLIENT)).__module__, *verdicts(ssl.create_default_context), *settings()]
    finally:
        truststore.extract_from_ssl()
        assert ssl.SSLContext is kept


def without_a_connection() -> list[str]:
    return [said_of(certificates(FOLDER / f"{name}.pem")) for name in ("trusted", "stranger")]


def said_of(chain: list[bytes]) -> str:
    try:
        client().verify_chain(chain, HOST)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message.partition(",")[0]
    return "trusted"


def gated() -> list[object]:
    """Another verifier in OpenSSL's place: accepts the one and refuses the other, by the chain that it is shown."""
    shown: list[Question] = []
    known = certificates(FOLDER / "trusted.pem")[0]

    def verifier(question: Question) -> tuple[bytes, ...]:
        shown.append(question)
        if question.chain[0] != known:
            raise _verdict.refusal(question, 20, FAKE)
        if question.hostname != HOST:
            raise _verdict.refusal(question, 62, FAKE)
        return tuple(question.chain)

    truststore.SSLContext._verifier = staticmethod(verifier)
    try:
        return [*verdicts(), sorted({len(question.chain) for question in shown}), *settings()]
    finally:
        truststore.SSLContext._verifier = None


def certificates(path: Path) -> list[bytes]:
    begin, end = "-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n"
    return [ssl.PEM_cert_to_DER_cert(begin + part.partition(end)[0] + end) for part in path.read_text("ascii").split(begin)[1:]]


TRIALS: dict[str, Callable[[], object]] = {
    "verdicts": verdicts,
    "verdicts of a bare context": lambda: verdicts(bare),
    "unverified": unverified,
    "settings": settings,
    "served": served,
    "lists": lists,
    "injected": injected,
    "without a connection": without_a_connection,
    "gated": gated,
}


def outcomes() -> Iterator[tuple[str, object]]:
    for name, trial in TRIALS.items():
        try:
            yield name, trial()
        except Exception as error:  # noqa: BLE001 - told
            yield name, f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    print(json.dumps(dict(outcomes())))
