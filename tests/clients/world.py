"""What the clients meet: servers that they should trust and servers that they should not, proxies, and a system's store."""

from __future__ import annotations

import contextlib
import json
import ssl
from typing import TYPE_CHECKING, Any

from certificates import CLIENT_AUTH, Authority, pem_file
from dialogues import Ftp, Imap, Pop, Smtp
from servers import HOST, Server

from . import protocols
from .cases import BEHIND
from .proxies import connect, inspecting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: By protocol: who serves a connection, and whether TLS comes first. With the TLS context, for those who begin it themselves.
PROTOCOLS: dict[str, tuple[Callable[[Any, ssl.SSLContext], object], bool]] = {
    "https": (protocols.http, True),
    "smtps": (Smtp, True),
    "smtp": (Smtp, False),
    "imaps": (Imap, True),
    "pops": (Pop, True),
    "ftp": (Ftp, False),
    "redis": (protocols.redis, True),
    "mqtt": (protocols.mqtt, True),
    "ldap": (protocols.ldap, True),
    "mongo": (protocols.mongo, True),
    "postgres": (protocols.postgres, False),
    "mysql": (protocols.mysql, False),
}


class World:
    """Of one run: its authorities, its files, its proxies. Servers are made for each protocol when a client asks for them."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack, mitmdump: Path | None) -> None:
        self.folder = folder
        self.root, self.stranger, self.own, clients = (
            Authority.new(name, key="p256") for name in ("Root", "Stranger", "Own", "Clients")
        )
        self.trusted = self.root.issue(HOST, "127.0.0.1", BEHIND)
        self.untrusted = self.stranger.issue(HOST, "127.0.0.1", BEHIND)
        self.clients = clients
        self.ca = self._file("own.pem", self.own.pem)
        self.cert = self._file("client.pem", clients.issue("client", purposes=(CLIENT_AUTH,)).chain_and_key())
        self.store = folder / "store.pem"
        anchors = pem_file([self.root])
        tunnel = stack.enter_context(Server(None, connect)).port
        self.proxies = {
            "CONNECT proxy": f"http://{HOST}:{tunnel}",
            "https:// proxy": f"https://{HOST}:{stack.enter_context(Server(self.trusted.server_context(), connect)).port}",
        }
        if mitmdump:
            (folder / "mitmproxy").mkdir()
            self.proxies["inspecting proxy"], authority = stack.enter_context(inspecting(mitmdump, folder / "mitmproxy", tunnel))
            anchors += authority.read_text("ascii")
        self.store.write_text(anchors, "ascii")

    def _file(self, name: str, content: str) -> str:
        path = self.folder / name
        path.write_text(content, "ascii")
        return str(path)

    @contextlib.contextmanager
    def serving(self, protocol: str) -> Iterator[str]:
        """The servers of a protocol: the file that says where they are."""
        asking = self.trusted.server_context()
        asking.verify_mode = ssl.CERT_REQUIRED
        asking.load_verify_locations(cadata=self.clients.pem)
        contexts = {
            "trusted": self.trusted.server_context(),
            "untrusted": self.untrusted.server_context(),
            "wrong name": self.root.issue("elsewhere.example").server_context(),
            "own CA": self.own.issue(HOST, "127.0.0.1").server_context(),
            "client certificate": asking,
        }
        serve, tls_first = PROTOCOLS[protocol]
        with contextlib.ExitStack() as stack:
            ports = {name: stack.enter_context(server(serve, context, tls_first)).port for name, context in contexts.items()}
            behind = {name: ports["untrusted" if name == "inspecting proxy" else "trusted"] for name in self.proxies}
            told = {"ports": ports, "behind": behind, "proxies": self.proxies, "ca": self.ca, "cert": self.cert}
            yield self._file("world.json", json.dumps(told))


def server(serve: Callable[[Any, ssl.SSLContext], object], context: ssl.SSLContext, tls_first: bool) -> Server:
    return Server(context if tls_first else None, lambda sock: serve(sock, context))
