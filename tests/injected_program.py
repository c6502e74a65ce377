"""A program that imports, injects and patches in the order of its arguments, and then connects with everything it has got.

    injected_program.py STORE TRUSTED_PORT STRANGER_PORT STEP...

STORE is what truststore, and nobody else, takes for the system's. Prints, as JSON, what came of each way to connect to the two servers:
"ok", "refused", or another error.
"""

from __future__ import annotations

import json
import sys
import warnings
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

HOST = "localhost"

#: What the steps have left for later.
kept: dict[str, Any] = {}


# -- the steps ----------------------------------------------------------------------------------------------------------------------


def import_kept() -> None:
    from ssl import SSLContext

    kept["class"] = SSLContext


def make_context() -> None:
    import ssl

    kept["context"] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def import_truststore() -> None:
    import truststore
    from truststore._store import search

    vars(search)["find"] = lambda: search.Store(search.ENVIRONMENT, sys.argv[1])
    kept["truststore"] = truststore


def inject() -> None:
    if "truststore" not in kept:
        import_truststore()
    kept["truststore"].inject_into_ssl()


def extract() -> None:
    kept["truststore"].extract_from_ssl()


def patch_with_gevent() -> None:
    from gevent import monkey  # type: ignore[import-untyped,unused-ignore]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", monkey.MonkeyPatchWarning)  # of ssl being imported: what these tests are about
        monkey.patch_all()


def preload() -> None:
    """As requests 2.32.0 to 2.32.3 did when it was imported."""
    import requests.adapters
    from urllib3.util.ssl_ import create_urllib3_context

    vars(requests.adapters).update(create_urllib3_context=create_urllib3_context, _preloaded_ssl_context=create_urllib3_context())


STEPS: dict[str, Callable[[], object]] = {
    "ssl": partial(import_module, "ssl"),
    "kept": import_kept,
    "made": make_context,
    "truststore": import_truststore,
    "inject": inject,
    "extract": extract,
    "gevent": patch_with_gevent,
    "preloaded": preload,
    **{name: partial(import_module, name) for name in ("urllib3", "requests", "aiohttp", "httpx", "asyncio")},
    "botocore": partial(import_module, "botocore.httpsession"),
    "urllib": partial(import_module, "urllib.request"),
}


# -- the connections ------------------------------------------------------------------------------------------------------------------


def by_ssl(port: int) -> None:
    import ssl

    connect(ssl.create_default_context(), port)


def connect(context: ssl.SSLContext, port: int) -> None:
    import socket

    with socket.create_connection((HOST, port)) as sock, context.wrap_socket(sock, server_hostname=HOST) as tls:
        assert tls.context is context
        tls.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert tls.recv(12) == b"HTTP/1.1 200"


def by_kept(port: int) -> None:
    """The class that was imported by its name is called for, and so is truststore's."""
    import ssl

    context = kept["class"](ssl.PROTOCOL_TLS_CLIENT)
    assert isinstance(context, ssl.SSLContext)
    change(context)
    connect(context, port)


def by_made(port: int) -> None:
    """A context made early is ssl's for good, with its own trust; all that can be done with it still can."""
    import ssl

    context = kept["context"]
    assert isinstance(context, ssl.SSLContext)
    change(context)
    connect(context, port)


def change(context: Any) -> None:
    """Each setter that ssl.py implements by the class's global name."""
    for name in ("options", "verify_flags", "verify_mode", "minimum_version", "maximum_version", "_msg_callback", "check_hostname"):
        value = getattr(context, name)
        setattr(context, name, value)
        assert getattr(context, name) == value


def by_asyncio(port: int) -> None:
    import asyncio

    async def get() -> None:
        reader, writer = await asyncio.open_connection(HOST, port, ssl=True)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.readexactly(12) == b"HTTP/1.1 200"
        writer.close()

    asyncio.run(get())


def by_urllib(port: int) -> None:
    import urllib.request

    with urllib.request.urlopen(f"https://{HOST}:{port}/") as response:
        assert response.read() == b"ok"


def by_urllib3(port: int) -> None:
    import urllib3

    with urllib3.PoolManager(retries=False) as pool:
        assert pool.request("GET", f"https://{HOST}:{port}/").data == b"ok"


def by_requests(port: int) -> None:
    import requests

    with requests.Session() as session:
        session.trust_env = False
        assert session.get(f"https://{HOST}:{port}/").text == "ok"


def by_httpx(port: int) -> None:
    import httpx

    with httpx.Client(trust_env=False) as client:
        assert client.get(f"https://{HOST}:{port}/").text == "ok"


def by_aiohttp(port: int) -> None:
    import asyncio

    import aiohttp

    async def get() -> None:
        async with aiohttp.ClientSession() as session, session.get(f"https://{HOST}:{port}/") as response:
            assert await response.text() == "ok"

    asyncio.run(get())


def by_botocore(port: int) -> None:
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session

    session = URLLib3Session()
    try:
        assert session.send(AWSRequest("GET", f"https://{HOST}:{port}/").prepare()).content == b"ok"
    finally:
        session.close()


CONNECTIONS: dict[str, Callable[[int], None]] = {
    "ssl": by_ssl,
    "kept": by_kept,
    "made": by_made,
    "asyncio": by_asyncio,
    "urllib": by_urllib,
    "urllib3": by_urllib3,
    "requests": by_requests,
    "preloaded": by_requests,
    "httpx": by_httpx,
    "aiohttp": by_aiohttp,
    "botocore": by_botocore,
}


def outcome(attempt: Callable[[int], None], port: int) -> str:
    try:
        attempt(port)
    except Exception as error:  # noqa: BLE001 - told
        return "refused" if "CERTIFICATE_VERIFY_FAILED" in str(error) else f"{type(error).__name__}: {error}"
    return "ok"


def main(ports: list[int], steps: list[str]) -> None:
    for step in steps:
        STEPS[step]()
    print(json.dumps({name: [outcome(CONNECTIONS[name], port) for port in ports] for name in CONNECTIONS if name in steps}))


if __name__ == "__main__":
    main([int(port) for port in sys.argv[2:4]], sys.argv[4:])
