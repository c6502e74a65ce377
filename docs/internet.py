"""Runs one command line as on some Linux machine, in an internet of this machine's own: `docs/internet.py 'truststore check example.com'`.

Every name leads to a server in this process, which has a certificate for it; the machine's store, certifi's bundle and what OpenSSL was
built for are files of a temporary directory. Nothing of this machine shows, and the network is not used.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import socket
import ssl
import sys
import tempfile
import threading
import types
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("src", "tests")]

from certificates import Authority, Certificate, pem_file  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.x509.oid import NameOID  # noqa: E402

from truststore import _cli  # noqa: E402
from truststore._cli.judged import judges, remedies  # noqa: E402
from truststore._store import search  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Where the machine keeps its roots; below the working directory, since there is no other root directory to be had.
STORE = "etc/ssl/certs/ca-certificates.crt"


def authority(name: str, issuer: Authority | None = None) -> Authority:
    """Of ten years, as they are."""
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"), x509.NameAttribute(NameOID.COMMON_NAME, name)])
    profile: dict[str, Any] = {"subject": subject, "key": "p256", "starts": -1000, "ends": 2650}
    return issuer.authority(**profile) if issuer else Authority.new(**profile)


def certificate(issuer: Authority, name: str, **profile: Any) -> Certificate:
    """Of ninety days."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return issuer.issue(name, **{"subject": subject, "key": "p256", "starts": -10, "ends": 80.5, **profile})


def main(line: str) -> int:
    """Run it: variables, `truststore`, arguments."""
    words = shlex.split(line)
    variables = [words.pop(0).partition("=") for _ in range(len(words)) if re.match(r"[A-Z_]+=", words[0])]
    assert words.pop(0) == "truststore"
    os.environ.clear()
    os.environ.update({name: value for name, _, value in variables})
    with tempfile.TemporaryDirectory() as folder, within(folder):
        public, company = authority("Example Root"), authority("Example Corp Root")
        issuing = authority("Example Issuing Authority", public)
        servers = {
            "example.com": certificate(issuing, "example.com").server_context(),
            "expired.example.com": certificate(issuing, "expired.example.com", starts=-93, ends=-3).server_context(),
            "incomplete.example.com": incomplete(
                certificate(issuing, "incomplete.example.com", issuer_url="http://example.com/issuing.crt")
            ),
            "www.example.org": certificate(authority("Example Corp TLS Inspection"), "www.example.org").server_context(),
            "intranet.corp.example": certificate(company, "intranet.corp.example").server_context(),
        }
        write({STORE: [public, company], "old.pem": [authority("Old Root")], "certifi.pem": [public]})
        write({"chain.pem": certificate(issuing, "example.com").chain})
        with machine(servers), contextlib.redirect_stdout(StringIO()) as printed:
            status = _cli.main(words)
    print(printed.getvalue().replace(STORE, f"/{STORE}"), end="")
    return status


@contextlib.contextmanager
def within(folder: str) -> Iterator[None]:
    """contextlib.chdir() is there from Python 3.11 on."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def incomplete(leaf: Certificate) -> ssl.SSLContext:
    return leaf.server_context([leaf])


def write(files: Mapping[str, Any]) -> None:
    for name, certificates in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pem_file(certificates), "ascii")


@contextlib.contextmanager
def machine(servers: Mapping[str, ssl.SSLContext]) -> Iterator[None]:
    """What the command finds."""
    search._compiled = lambda: (STORE, "etc/none")  # type: ignore[assignment]
    judges._plain_ssl = lambda: judges._bundle(os.environ.get("SSL_CERT_FILE", STORE))
    sys.modules["certifi"] = types.ModuleType("certifi")
    vars(sys.modules["certifi"]).update(where=lambda: "certifi.pem", __version__="2026.1.4")
    marker = Path("usr/sbin/update-ca-certificates")
    marker.parent.mkdir(parents=True)
    marker.touch()
    remedies.commands = partial(remedies.commands, platform="linux", root=".")
    threads: list[threading.Thread] = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        near, far = socket.socketpair()
        near.settimeout(timeout)
        threads.append(threading.Thread(target=serve, args=[far, servers[address[0]]]))
        threads[-1].start()
        return near

    socket.create_connection = connect  # type: ignore[assignment]
    yield
    for thread in threads:
        thread.join()


def serve(sock: socket.socket, context: ssl.SSLContext) -> None:
    with sock, contextlib.suppress(OSError), context.wrap_socket(sock, server_side=True) as tls:
        tls.recv(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
