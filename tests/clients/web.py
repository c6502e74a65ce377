"""What clients of the web do with a case: each gets a page, or raises what it raises.

`lib` is the client's module. A context is passed, if the case has one; otherwise the case's files go to the client's own parameters.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any
from urllib.parse import urlsplit

from .cases import TIMEOUT, CannotError, Case


def checked(body: bytes | str) -> None:
    if body not in {b"ok", "ok"}:
        raise AssertionError(f"not the page: {body[:80]!r}")


def own_context(case: Case) -> ssl.SSLContext:
    """For libraries whose one parameter is a context: made as their documentation says, by the standard library."""
    if case.context:
        return case.context
    context = ssl.create_default_context(cafile=case.ca)
    if case.cert:
        context.load_cert_chain(case.cert)
    return context


def no_files(case: Case) -> None:
    if case.ca or case.cert:
        raise CannotError("takes no files")


def no_proxy(case: Case) -> None:
    if case.proxy:
        raise CannotError("knows no such proxies")


def no_https_proxy(case: Case) -> None:
    if case.proxy and case.proxy.startswith("https:"):
        raise CannotError("knows no https:// proxies")


def http_client(lib: Any, case: Case) -> None:
    no_https_proxy(case)
    options = {"context": own_context(case)} if case.context or case.ca or case.cert else {}
    proxy = urlsplit(case.proxy or "")
    connection = lib.HTTPSConnection(proxy.hostname or case.host, proxy.port or case.port, timeout=TIMEOUT, **options)
    if case.proxy:
        connection.set_tunnel(case.host, case.port)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        checked(connection.getresponse().read())


def urllib_request(lib: Any, case: Case) -> None:
    no_https_proxy(case)
    handlers = [lib.ProxyHandler({"https": case.proxy} if case.proxy else {})]
    if case.context or case.ca or case.cert:
        handlers.append(lib.HTTPSHandler(context=own_context(case)))
    with lib.build_opener(*handlers).open(case.url, timeout=TIMEOUT) as response:
        checked(response.read())


def xmlrpc(lib: Any, case: Case) -> None:
    no_proxy(case)
    options = {"context": own_context(case)} if case.context or case.ca or case.cert else {}
    with lib.ServerProxy(case.url, **options) as server:
        if server.hello() != "ok":
            raise AssertionError("not the answer")


def logging_http(lib: Any, case: Case) -> None:
    import logging

    no_proxy(case)
    context = own_context(case) if case.context or case.ca or case.cert else None
    handler = lib.HTTPHandler(f"{case.host}:{case.port}", "/", secure=True, context=context)
    errors: list[BaseException] = []
    handler.handleError = lambda record: errors.append(__import__("sys").exc_info()[1])
    handler.emit(logging.makeLogRecord({"msg": "hello"}))
    if errors:
        raise errors[0]


def urllib3(lib: Any, case: Case) -> None:
    options: dict[str, Any] = {"retries": False, "timeout": TIMEOUT}
    options |= {"ssl_context": case.context} if case.context else {"ca_certs": case.ca, "cert_file": case.cert}
    pool = lib.ProxyManager(case.proxy, proxy_ssl_context=case.context, **options) if case.proxy else lib.PoolManager(**options)
    with pool:
        checked(pool.request("GET", case.url).data)


def requests(lib: Any, case: Case) -> None:
    with lib.Session() as session:
        if case.context:
            raise CannotError("has no parameter for it")
        checked(session.get(case.url, **files_and_proxy(case)).content)


def files_and_proxy(case: Case) -> dict[str, Any]:
    return {
        "verify": case.ca or True,
        "cert": case.cert,
        "proxies": {"https": case.proxy} if case.proxy else {},
        "timeout": TIMEOUT,
    }


def httpx(lib: Any, case: Case) -> None:
    with lib.Client(**httpx_options(lib, case)) as client:
        checked(client.get(case.url).content)


def httpx_options(lib: Any, case: Case) -> dict[str, Any]:
    proxy = None
    if case.proxy:
        proxy = lib.Proxy(case.proxy, ssl_context=case.context) if case.proxy.startswith("https:") else case.proxy
    verify = own_context(case) if case.context or case.ca or case.cert else True
    return {"verify": verify, "proxy": proxy, "timeout": TIMEOUT}


def httpx_async(lib: Any, case: Case) -> None:
    async def get() -> None:
        async with lib.AsyncClient(**httpx_options(lib, case)) as client:
            checked((await client.get(case.url)).content)

    asyncio.run(get())


def aiohttp(lib: Any, case: Case) -> None:
    async def get() -> None:
        given = own_context(case) if case.context or case.ca or case.cert else True
        connector = lib.TCPConnector(ssl=given)
        async with lib.ClientSession(connector=connector) as session, session.get(case.url, proxy=case.proxy) as response:
            checked(await response.read())

    asyncio.run(get())
