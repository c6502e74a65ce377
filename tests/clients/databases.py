"""What clients of databases and brokers do with a case: they connect and say hello."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from .cases import TIMEOUT, CannotError, Case
from .web import own_context


def redis(lib: Any, case: Case) -> None:
    if case.context:
        raise CannotError
    with lib.Redis(host=case.host, port=case.port, socket_timeout=TIMEOUT, **redis_options(case)) as client:
        client.ping()


def redis_async(lib: Any, case: Case) -> None:
    if case.context:
        raise CannotError

    async def ping() -> None:
        async with lib.Redis(host=case.host, port=case.port, socket_timeout=TIMEOUT, **redis_options(case)) as client:
            await client.ping()

    asyncio.run(ping())


def redis_options(case: Case) -> dict[str, Any]:
    return {"ssl": True, "ssl_ca_certs": case.ca, "ssl_certfile": case.cert, "ssl_keyfile": case.cert}


def asyncpg(lib: Any, case: Case) -> None:
    async def connect() -> None:
        given = own_context(case)  # as its documentation says: ssl=True and "require" verify nobody
        connection = await lib.connect(host=case.host, port=case.port, user="u", database="d", ssl=given, timeout=TIMEOUT)
        connection.terminate()

    asyncio.run(connect())


def pymysql(lib: Any, case: Case) -> None:
    files = {"ca": case.ca, "cert": case.cert, "key": case.cert}
    given = case.context or ({name: value for name, value in files.items() if value} if case.ca else own_context(case))
    lib.connect(host=case.host, port=case.port, user="u", ssl=given, connect_timeout=TIMEOUT).close()


def aiomysql(lib: Any, case: Case) -> None:
    async def connect() -> None:
        connection = await lib.connect(host=case.host, port=case.port, user="u", ssl=own_context(case), connect_timeout=TIMEOUT)
        connection.close()

    asyncio.run(connect())


def paho(lib: Any, case: Case) -> None:
    client = lib.Client(lib.CallbackAPIVersion.VERSION2)
    if case.context:
        client.tls_set_context(case.context)
    else:
        client.tls_set(ca_certs=case.ca, certfile=case.cert, keyfile=case.cert)
    client.connect(case.host, case.port)
    for _ in range(10 * TIMEOUT):
        client.loop(0.1)
        if client.is_connected():
            client.disconnect()
            return
    raise TimeoutError("no answer")


def ldap3(lib: Any, case: Case) -> None:
    if case.context:
        raise CannotError
    tls = lib.Tls(
        validate=ssl.CERT_REQUIRED, ca_certs_file=case.ca, local_certificate_file=case.cert, local_private_key_file=case.cert
    )
    server = lib.Server(case.host, port=case.port, use_ssl=True, tls=tls, get_info=lib.NONE, connect_timeout=TIMEOUT)
    lib.Connection(server, auto_bind=lib.AUTO_BIND_NO_TLS, receive_timeout=TIMEOUT).unbind()


def pymongo(lib: Any, case: Case) -> None:
    if case.context:
        raise CannotError
    files = {"tlsCAFile": case.ca, "tlsCertificateKeyFile": case.cert}
    given = {name: value for name, value in files.items() if value}
    with lib.MongoClient(case.host, case.port, tls=True, serverSelectionTimeoutMS=3000, **given) as client:
        client.admin.command("ping")
