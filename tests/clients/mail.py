"""What clients of mail and files do with a case. What their documentation recommends, and what they do without a context."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from .cases import TIMEOUT, CannotError, Case
from .web import own_context

if TYPE_CHECKING:
    from collections.abc import Callable

    Client = Callable[[Any, Case, Any], None]


def with_context(client: Client) -> Callable[[Any, Case], None]:
    """With one, whoever makes it: a program that passes none of ours passes ssl.create_default_context()."""
    return lambda lib, case: client(lib, case, own_context(case))


def without_context(client: Client) -> Callable[[Any, Case], None]:
    def attempt(lib: Any, case: Case) -> None:
        if case.context:
            raise CannotError
        if case.by_files:
            raise CannotError("takes no files any more")
        client(lib, case, None)

    return attempt


def smtps(lib: Any, case: Case, context: Any) -> None:
    with lib.SMTP_SSL(case.host, case.port, timeout=TIMEOUT, context=context) as client:
        client.noop()


def smtp(lib: Any, case: Case, context: Any) -> None:
    client = lib.SMTP(case.host, case.port, timeout=TIMEOUT)
    with contextlib.closing(client):
        client.starttls(context=context)
        client.noop()


def imaps(lib: Any, case: Case, context: Any) -> None:
    with lib.IMAP4_SSL(case.host, case.port, timeout=TIMEOUT, ssl_context=context) as client:
        client.noop()


def pops(lib: Any, case: Case, context: Any) -> None:
    client = lib.POP3_SSL(case.host, case.port, timeout=TIMEOUT, context=context)
    with contextlib.closing(client):
        client.noop()


def ftp(lib: Any, case: Case, context: Any) -> None:
    client = lib.FTP_TLS(timeout=TIMEOUT, context=context)
    with contextlib.closing(client):
        client.connect(case.host, case.port)
        client.login()
        client.prot_p()
        if client.nlst() != ["a file"]:
            raise AssertionError("another list")


def aiosmtplib(lib: Any, case: Case) -> None:
    options = {"tls_context": case.context} if case.context else {"cert_bundle": case.ca, "client_cert": case.cert}

    async def noop() -> None:
        async with lib.SMTP(hostname=case.host, port=case.port, use_tls=True, timeout=TIMEOUT, **options) as client:
            await client.noop()

    asyncio.run(noop())
