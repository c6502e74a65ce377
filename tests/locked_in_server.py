"""The `server.py` of docs/store.md: loads the store as its argument says, locks itself in an empty directory, and connects.

    server.py load_default_certs|load_verify_locations FOLDER BUNDLE PORT...

Prints, as JSON, what came of visits to the ports, and of what else a program does with a context.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401
import json
import os
import socket
import ssl
import sys
from typing import TYPE_CHECKING

import truststore

if TYPE_CHECKING:
    from collections.abc import Callable

HOW, FOLDER, BUNDLE, *PORTS = sys.argv[1:]


def visit(context: ssl.SSLContext, port: int) -> str:
    sock = socket.create_connection(("127.0.0.1", port), 20)
    with sock, context.wrap_socket(sock, server_hostname="localhost") as tls:
        tls.sendall(b"ping from the client")
    return "trusted"


def outcome(act: Callable[[], object]) -> object:
    try:
        return act()
    except ssl.SSLCertVerificationError as error:
        return [error.verify_message, *getattr(error, "__notes__", ())]
    except Exception as error:  # noqa: BLE001 - told
        return repr(error)


def main() -> None:
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if HOW == "load_default_certs":
        context.load_default_certs()
    else:
        context.load_verify_locations(BUNDLE)
    os.chroot(FOLDER)
    os.chdir("/")
    said = {port: outcome(lambda port=int(port): visit(context, port)) for port in PORTS}  # type: ignore[misc]
    said["listed"] = outcome(lambda: len(context.get_ca_certs()))
    said["counted"] = outcome(lambda: context.cert_store_stats()["x509"])
    said["a chain"] = outcome(lambda: context.verify_chain([b""], "localhost"))
    said["another context"] = outcome(lambda: visit(truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), int(PORTS[0])))
    print(json.dumps(said))


if __name__ == "__main__":
    main()
