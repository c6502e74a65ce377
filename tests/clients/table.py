"""The clients: what to install, what to import, how each is given a context, and what is known of it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import web

if TYPE_CHECKING:
    from .cases import Case


@dataclasses.dataclass(frozen=True)
class Client:
    #: For the command line and the documentation.
    name: str
    #: What does the work, called with the module and the case.
    attempt: Callable[[Any, Case], None]
    #: What is imported before or after the injection.
    module: str
    #: For pip; none: it is of the standard library.
    requirement: str = ""
    #: How a context is handed to it, for the documentation; "": it cannot be.
    how: str = ""
    #: What the server speaks.
    protocol: str = "https"
    knows_proxies: bool = False
    #: What it does that nobody would expect, for the documentation.
    remark: str = ""
    #: Those of one name share an environment.
    environment: str = "shared"

    @property
    def distribution(self) -> str:
        return re.split(r"[^\w.-]", self.requirement, maxsplit=1)[0] or "none"


CLIENTS = (
    Client("http.client", web.http_client, "http.client", how="`HTTPSConnection(context=)`", knows_proxies=True),
    Client("urllib.request", web.urllib_request, "urllib.request", how="`HTTPSHandler(context=)`", knows_proxies=True),
    Client(
        "urllib3",
        web.urllib3,
        "urllib3",
        "urllib3",
        "`PoolManager(ssl_context=)`, `ProxyManager(proxy_ssl_context=)`",
        knows_proxies=True,
    ),
    Client("requests", web.requests, "requests", "requests", knows_proxies=True),
    Client("httpx", web.httpx, "httpx", "httpx", "`Client(verify=)`, `Proxy(ssl_context=)`", knows_proxies=True),
    Client(
        "httpx, asynchronous",
        web.httpx_async,
        "httpx",
        "httpx",
        "`AsyncClient(verify=)`, `Proxy(ssl_context=)`",
        knows_proxies=True,
    ),
    Client("aiohttp", web.aiohttp, "aiohttp", "aiohttp", "`TCPConnector(ssl=)`", knows_proxies=True),
)


def by_name(name: str) -> Client:
    return next(client for client in CLIENTS if client.name == name)
