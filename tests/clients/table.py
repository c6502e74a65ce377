"""The clients: what to install, what to import, how each is given a context, and what is known of it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import databases, mail, web

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
    #: For pip, with spaces between; none: it is of the standard library.
    requirement: str = ""
    #: How a context is handed to it, for the documentation; "": it cannot be.
    how: str = ""
    #: What the server speaks.
    protocol: str = "https"
    knows_proxies: bool = False
    #: What it does that nobody would expect, for the documentation.
    remark: str = ""
    #: It is given truststore in the way without it, too.
    always_given: bool = False
    #: Those of one name share an environment.
    environment: str = "shared"

    @property
    def distribution(self) -> str:
        return re.split(r"[^\w.-]", self.requirement, maxsplit=1)[0] or "none"


#: Of the standard library.
PYTHONS_OWN = (
    Client("http.client", web.http_client, "http.client", how="`HTTPSConnection(context=)`", knows_proxies=True),
    Client("urllib.request", web.urllib_request, "urllib.request", how="`HTTPSHandler(context=)`", knows_proxies=True),
    Client("asyncio", web.streams, "asyncio", how="`open_connection(ssl=)`"),
    Client("xmlrpc.client", web.xmlrpc, "xmlrpc.client", how="`ServerProxy(context=)`"),
    Client("logging.handlers", web.logging_http, "logging.handlers", how="`HTTPHandler(context=)`"),
    Client("smtplib", mail.with_context(mail.smtps), "smtplib", how="`SMTP_SSL(context=)`", protocol="smtps"),
    Client("smtplib, STARTTLS", mail.with_context(mail.smtp), "smtplib", how="`starttls(context=)`", protocol="smtp"),
    Client("imaplib", mail.with_context(mail.imaps), "imaplib", how="`IMAP4_SSL(ssl_context=)`", protocol="imaps"),
    Client("poplib", mail.with_context(mail.pops), "poplib", how="`POP3_SSL(context=)`", protocol="pops"),
    Client("ftplib", mail.with_context(mail.ftp), "ftplib", how="`FTP_TLS(context=)`", protocol="ftp"),
    Client(
        "smtplib, without a context",
        mail.without_context(mail.smtps),
        "smtplib",
        protocol="smtps",
        remark="[as in plain `ssl`](usage.md#without-a-context)",
    ),
    Client(
        "imaplib, without a context",
        mail.without_context(mail.imaps),
        "imaplib",
        protocol="imaps",
        remark="[as in plain `ssl`](usage.md#without-a-context)",
    ),
    Client(
        "poplib, without a context",
        mail.without_context(mail.pops),
        "poplib",
        protocol="pops",
        remark="[as in plain `ssl`](usage.md#without-a-context)",
    ),
    Client(
        "ftplib, without a context",
        mail.without_context(mail.ftp),
        "ftplib",
        protocol="ftp",
        remark="[as in plain `ssl`](usage.md#without-a-context)",
    ),
)

BY_PROXIES = "`PoolManager(ssl_context=)`, `ProxyManager(ssl_context=, proxy_ssl_context=)`"
BY_ADAPTER = "[an adapter](usage.md#requests)"

WEB = (
    Client("urllib3", web.urllib3, "urllib3", "urllib3", BY_PROXIES, knows_proxies=True),
    Client("urllib3 1.26", web.urllib3, "urllib3", "urllib3==1.26.*", BY_PROXIES, knows_proxies=True, environment="older"),
    Client("requests", web.requests, "requests", "requests", knows_proxies=True),
    Client(
        "requests, with an adapter",
        web.requests_by_adapter,
        "requests",
        "requests",
        BY_ADAPTER,
        knows_proxies=True,
        always_given=True,
    ),
    Client("requests 2.31", web.requests, "requests", "requests==2.31.0", knows_proxies=True, environment="older"),
    Client(
        "requests 2.32.2",
        web.requests,
        "requests",
        "requests==2.32.2",
        knows_proxies=True,
        environment="preloading",
        remark="ignores an adapter's context",
    ),
    Client("niquests", web.requests, "niquests", "niquests", knows_proxies=True),
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
    Client("tornado", web.tornado, "tornado.httpclient", "tornado", "`fetch(ssl_options=)`"),
    Client("httplib2", web.httplib2, "httplib2", "httplib2 pysocks", knows_proxies=True),
    Client("botocore", web.botocore, "botocore.httpsession", "botocore", knows_proxies=True),
    Client("google-auth", web.google_auth, "google.auth.transport.requests", "google-auth", knows_proxies=True),
    Client("elasticsearch", web.elasticsearch, "elasticsearch", "elasticsearch", "`Elasticsearch(ssl_context=)`"),
    Client(
        "websockets", web.websockets, "websockets.asyncio.client", "websockets", "`connect(ssl=, proxy_ssl=)`", knows_proxies=True
    ),
    Client(
        "websockets, synchronous",
        web.websockets_sync,
        "websockets.sync.client",
        "websockets",
        "`connect(ssl=, proxy_ssl=)`",
        knows_proxies=True,
        remark="an https:// proxy needs `proxy_ssl=`, with plain `ssl` too",
    ),
    Client(
        "websocket-client", web.websocket_client, "websocket", "websocket-client", '`sslopt={"context": …}`', knows_proxies=True
    ),
    Client("trio", web.trio, "trio", "trio", "`open_ssl_over_tcp_stream(ssl_context=)`"),
    Client("anyio", web.anyio, "anyio", "anyio", "`connect_tcp(ssl_context=)`"),
    Client("gevent", web.urllib_request, "clients.by_gevent", "gevent", "as `urllib.request`", knows_proxies=True),
    Client("eventlet", web.urllib_request, "clients.by_eventlet", "eventlet", "as `urllib.request`", knows_proxies=True),
    Client("pycurl", web.pycurl, "pycurl", "pycurl", knows_proxies=True, remark="is not `ssl`: [below](#not-ssl)"),
)

OTHERS = (
    Client("aiosmtplib", mail.aiosmtplib, "aiosmtplib", "aiosmtplib", "`SMTP(tls_context=)`", "smtps"),
    Client("redis", databases.redis, "redis", "redis", protocol="redis"),
    Client("redis, asynchronous", databases.redis_async, "redis.asyncio", "redis", protocol="redis"),
    Client(
        "asyncpg",
        databases.asyncpg,
        "asyncpg",
        "asyncpg",
        "`connect(ssl=)`",
        "postgres",
        remark='`ssl="require"` verifies nobody',
    ),
    Client(
        "pymysql",
        databases.pymysql,
        "pymysql",
        "pymysql",
        "`connect(ssl=)`",
        "mysql",
        remark="verifies nobody without a context or `ca`",
    ),
    Client("aiomysql", databases.aiomysql, "aiomysql", "aiomysql", "`connect(ssl=)`", "mysql"),
    Client("paho-mqtt", databases.paho, "paho.mqtt.client", "paho-mqtt", "`tls_set_context()`", "mqtt"),
    Client("ldap3", databases.ldap3, "ldap3", "ldap3", protocol="ldap"),
    Client("pymongo", databases.pymongo, "pymongo", "pymongo", protocol="mongo"),
)

CLIENTS = (*PYTHONS_OWN, *WEB, *OTHERS)


def by_name(name: str) -> Client:
    return next(client for client in CLIENTS if client.name == name)
