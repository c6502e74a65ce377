"""What clients of the web do with a case: each gets a page, or raises what it raises.

`lib` is the client's module. A context is passed, if the case has one; otherwise the case's files go to the client's own parameters.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from xml.parsers import expat

from .cases import TIMEOUT, CannotError, Case

if TYPE_CHECKING:
    from collections.abc import Callable


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


def no_proxy(case: Case) -> None:
    if case.proxy:
        raise CannotError("knows no such proxies")


def no_https_proxy(case: Case) -> None:
    if case.proxy and case.proxy.startswith("https:"):
        raise CannotError("knows no https:// proxies")


def http_client(lib: Any, case: Case) -> None:
    no_https_proxy(case)
    options = {"context": own_context(case)} if case.context or case.by_files else {}
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
    if case.context or case.by_files:
        handlers.append(lib.HTTPSHandler(context=own_context(case)))
    with lib.build_opener(*handlers).open(case.url, timeout=TIMEOUT) as response:
        checked(response.read())


def xmlrpc(lib: Any, case: Case) -> None:
    no_proxy(case)
    options = {"context": own_context(case)} if case.context or case.by_files else {}
    with lib.ServerProxy(case.url, **options) as server, contextlib.suppress(expat.ExpatError):  # the answer is no XML
        server.hello()


def logging_http(lib: Any, case: Case) -> None:
    import logging

    no_proxy(case)
    context = own_context(case) if case.context or case.by_files else None
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
    proxies = {"https": case.proxy} if case.proxy else {}
    return {"verify": case.ca or True, "cert": case.cert, "proxies": proxies, "timeout": TIMEOUT}


def requests_by_adapter(lib: Any, case: Case) -> None:
    """By the adapter that docs/usage.md has, whose own contexts these are."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "usage.md").read_text("utf-8")
    adapter = next(block for block in text.split("```") if "class SystemTrust" in block)
    names: dict[str, Any] = {}
    exec("import ssl, truststore\n" + adapter.removeprefix("python").partition("with requests.Session()")[0], names)
    with lib.Session() as session:
        session.mount("https://", names["SystemTrust"]())
        checked(session.get(case.url, **files_and_proxy(case)).content)


def google_auth(lib: Any, case: Case) -> None:
    if case.context:
        raise CannotError
    checked(lib.Request()(case.url, **files_and_proxy(case)).data)


def botocore(lib: Any, case: Case) -> None:
    from importlib import import_module

    if case.context:
        raise CannotError
    request = import_module("botocore.awsrequest").AWSRequest("GET", case.url).prepare()
    proxies = {"https": case.proxy} if case.proxy else None
    session = lib.URLLib3Session(verify=case.ca or True, proxies=proxies, timeout=TIMEOUT, client_cert=case.cert)
    checked(session.send(request).content)


def httplib2(lib: Any, case: Case) -> None:
    if case.context:
        raise CannotError
    no_https_proxy(case)
    proxy = urlsplit(case.proxy or "")
    http = lib.Http(ca_certs=case.ca, timeout=TIMEOUT, proxy_info=case.proxy and lib.ProxyInfo(3, proxy.hostname, proxy.port))
    if case.cert:
        http.add_certificate(case.cert, case.cert, "")
    checked(http.request(case.url)[1])


def httpx(lib: Any, case: Case) -> None:
    with lib.Client(**httpx_options(lib, case)) as client:
        checked(client.get(case.url).content)


def httpx_options(lib: Any, case: Case) -> dict[str, Any]:
    proxy = None
    if case.proxy:
        proxy = lib.Proxy(case.proxy, ssl_context=case.context) if case.proxy.startswith("https:") else case.proxy
    verify = own_context(case) if case.context or case.by_files else True
    return {"verify": verify, "proxy": proxy, "timeout": TIMEOUT}


def httpx_async(lib: Any, case: Case) -> None:
    async def get() -> None:
        async with lib.AsyncClient(**httpx_options(lib, case)) as client:
            checked((await client.get(case.url)).content)

    asyncio.run(get())


def aiohttp(lib: Any, case: Case) -> None:
    async def get() -> None:
        given = own_context(case) if case.context or case.by_files else True
        connector = lib.TCPConnector(ssl=given)
        async with lib.ClientSession(connector=connector) as session, session.get(case.url, proxy=case.proxy) as response:
            checked(await response.read())

    asyncio.run(get())


def tornado(lib: Any, case: Case) -> None:
    async def get() -> None:
        options = {"ssl_options": case.context} if case.context else {"ca_certs": case.ca, "client_cert": case.cert}
        response = await lib.AsyncHTTPClient(force_instance=True).fetch(case.url, request_timeout=TIMEOUT, **options)
        checked(response.body)

    asyncio.run(get())


REQUEST = b"GET / HTTP/1.1\r\n\r\n"


def streams(lib: Any, case: Case) -> None:
    async def get() -> None:
        reader, writer = await lib.open_connection(
            case.host, case.port, ssl=own_context(case) if case.context or case.by_files else True
        )
        writer.write(REQUEST)
        checked((await reader.read())[-2:])
        writer.close()
        await writer.wait_closed()

    asyncio.run(get())


def trio(lib: Any, case: Case) -> None:
    async def get() -> None:
        context = own_context(case) if case.context or case.by_files else None
        options = {"ssl_context": context, "https_compatible": True}
        async with await lib.open_ssl_over_tcp_stream(case.host, case.port, **options) as stream:
            await stream.send_all(REQUEST)
            checked(b"".join([part async for part in stream])[-2:])

    lib.run(get)


def anyio(lib: Any, case: Case) -> None:
    async def get() -> None:
        context = own_context(case) if case.context or case.by_files else None
        options = {"tls": True, "ssl_context": context, "tls_standard_compatible": False}
        async with await lib.connect_tcp(case.host, case.port, **options) as stream:
            await stream.send(REQUEST)
            checked(b"".join([part async for part in stream])[-2:])

    lib.run(get)


def websockets(lib: Any, case: Case) -> None:
    async def connect() -> None:
        async with lib.connect(f"wss://{case.host}:{case.port}/", **websocket_options(case)):
            pass

    answered_as_http(lambda: asyncio.run(connect()))


def websockets_sync(lib: Any, case: Case) -> None:
    answered_as_http(lambda: lib.connect(f"wss://{case.host}:{case.port}/", **websocket_options(case)).close())


def websocket_options(case: Case) -> dict[str, Any]:
    options: dict[str, Any] = {"proxy": case.proxy, "ssl": own_context(case) if case.context or case.by_files else None}
    if case.proxy and case.proxy.startswith("https:"):
        options["proxy_ssl"] = own_context(case)
    return {name: value for name, value in options.items() if value or name == "proxy"}


def websocket_client(lib: Any, case: Case) -> None:
    no_https_proxy(case)
    proxy = urlsplit(case.proxy or "")
    options = {"context": case.context} if case.context else {"ca_certs": case.ca, "certfile": case.cert}
    by_proxy = {"http_proxy_host": proxy.hostname, "http_proxy_port": proxy.port, "proxy_type": "http"} if case.proxy else {}
    url, sslopt = f"wss://{case.host}:{case.port}/", {name: value for name, value in options.items() if value}
    answered_as_http(lambda: lib.create_connection(url, timeout=TIMEOUT, sslopt=sslopt, **by_proxy).close())


def answered_as_http(connect: Callable[[], object]) -> None:
    """The server knows no WebSockets: that it says so, with status 200, is what can be had of it."""
    try:
        connect()
    except Exception as error:
        if "200" not in str(error):
            raise


def elasticsearch(lib: Any, case: Case) -> None:
    options = {"ssl_context": case.context} if case.context else {"ca_certs": case.ca, "client_cert": case.cert}
    with lib.Elasticsearch(case.url, max_retries=0, request_timeout=TIMEOUT, **{k: v for k, v in options.items() if v}) as client:
        try:
            client.info()
        except lib.UnsupportedProductError:  # as it is
            return
        raise AssertionError("who was that?")


def pycurl(lib: Any, case: Case) -> None:
    if case.context:
        raise CannotError
    answer = io.BytesIO()
    curl = lib.Curl()
    named = {"URL": case.url, "CAINFO": case.ca, "SSLCERT": case.cert, "PROXY": case.proxy or "", "TIMEOUT": TIMEOUT}
    for name, value in named.items():
        if value is not None:
            curl.setopt(getattr(lib, name), value)
    curl.setopt(lib.WRITEDATA, answer)
    curl.perform()
    checked(answer.getvalue())
