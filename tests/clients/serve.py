"""Servers under injection: `python -m clients.serve NAME WAY PORT CERTIFICATE [AUTHORITY]` serves until it is ended.

With an authority they ask for a client certificate of it, by the server's own parameters, and refuse who has none.
"""

from __future__ import annotations

import asyncio
import importlib
import ssl
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    Start = Callable[[Any, int, str, str | None], object]


def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


async def asgi(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


def context(certificate: str, authority: str | None) -> ssl.SSLContext:
    """For servers that take one."""
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
    made.load_cert_chain(certificate)
    made.verify_mode = ssl.CERT_REQUIRED if authority else ssl.CERT_NONE
    return made


def uvicorn(lib: Any, port: int, certificate: str, authority: str | None) -> None:
    asking = {"ssl_ca_certs": authority, "ssl_cert_reqs": ssl.CERT_REQUIRED} if authority else {}
    lib.run(asgi, port=port, log_level="error", lifespan="off", ssl_certfile=certificate, ssl_keyfile=certificate, **asking)


def hypercorn(lib: Any, port: int, certificate: str, authority: str | None) -> None:
    config = importlib.import_module("hypercorn.config").Config()
    config.bind, config.certfile, config.keyfile = [f"127.0.0.1:{port}"], certificate, certificate
    if authority:
        config.ca_certs, config.verify_mode = authority, ssl.CERT_REQUIRED
    asyncio.run(lib.serve(asgi, config))


def gunicorn(lib: Any, port: int, certificate: str, authority: str | None) -> None:
    """Its workers are forked by what injects here."""
    asking = [f"--ca-certs={authority}", "--cert-reqs=2"] if authority else []
    sys.argv = [
        "gunicorn",
        f"--bind=127.0.0.1:{port}",
        f"--certfile={certificate}",
        f"--keyfile={certificate}",
        *asking,
        "clients.serve:wsgi",
    ]
    lib.run()


def werkzeug(lib: Any, port: int, certificate: str, authority: str | None) -> None:
    lib.run_simple("127.0.0.1", port, wsgi, ssl_context=context(certificate, authority), threaded=True)


def cheroot(lib: Any, port: int, certificate: str, authority: str | None) -> None:
    adapter = importlib.import_module("cheroot.ssl.builtin").BuiltinSSLAdapter(certificate, certificate)
    adapter.context = context(certificate, authority)
    server = lib.Server(("127.0.0.1", port), wsgi)
    server.ssl_adapter = adapter
    server.start()


def aiohttp(lib: Any, port: int, certificate: str, authority: str | None) -> None:
    async def answer(request: object) -> Any:
        return lib.Response(text="ok")

    application = lib.Application()
    application.router.add_get("/", answer)
    lib.run_app(application, host="127.0.0.1", port=port, ssl_context=context(certificate, authority), print=None)


def tornado(lib: Any, port: int, certificate: str, authority: str | None) -> None:
    web = importlib.import_module("tornado.web")

    class Hello(web.RequestHandler):  # type: ignore[name-defined,misc]
        def get(self) -> None:
            self.write("ok")

    async def serve() -> None:
        lib.HTTPServer(web.Application([("/", Hello)]), ssl_options=context(certificate, authority)).listen(port, "127.0.0.1")
        await asyncio.Event().wait()

    asyncio.run(serve())


#: By name: what is imported, what to install, and what starts it.
SERVERS: dict[str, tuple[str, str, Start]] = {
    "uvicorn": ("uvicorn", "uvicorn", uvicorn),
    "hypercorn": ("hypercorn.asyncio", "hypercorn", hypercorn),
    "gunicorn": ("gunicorn.app.wsgiapp", "gunicorn", gunicorn),
    "werkzeug": ("werkzeug.serving", "werkzeug", werkzeug),
    "cheroot": ("cheroot.wsgi", "cheroot", cheroot),
    "aiohttp": ("aiohttp.web", "aiohttp", aiohttp),
    "tornado": ("tornado.httpserver", "tornado", tornado),
}


def main(name: str, way: str, port: str, certificate: str, authority: str | None = None) -> None:
    from clients.attempt import inject
    from clients.cases import AFTER, BEFORE

    module, _, start = SERVERS[name]
    if way == BEFORE:
        inject()
    library = importlib.import_module(module)
    if way == AFTER:
        inject()
    start(library, int(port), certificate, authority)


if __name__ == "__main__":
    main(*sys.argv[1:])
