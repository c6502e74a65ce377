"""One client in one way, in a process of its own: `python -m clients.attempt CLIENT WAY WORLD` prints what became of each case, as JSON.

Run by the client's environment, which has no more than the client.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import ssl
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from clients.cases import AFTER, BEFORE, BEHIND, BY_PROXY, DIRECT, HOST, PASSED, REACHED, WITHOUT, CannotError, Case, became
from clients.table import Client, by_name


def main(name: str, way: str, path: str) -> None:
    client = by_name(name)
    with open(path, encoding="utf-8") as file:
        world: dict[str, Any] = json.load(file)
    warnings.simplefilter("ignore")
    if way == BEFORE:
        inject()
    library = importlib.import_module(client.module)
    if way == AFTER:
        inject()
    print(json.dumps({"version": version_of(client), "cases": dict(outcomes(client, library, way, world))}))


def inject() -> None:
    import truststore

    truststore.inject_into_ssl()


def version_of(client: Client) -> str:
    try:
        return version(client.distribution)
    except PackageNotFoundError:
        return "of Python"


def outcomes(client: Client, library: Any, way: str, world: dict[str, Any]) -> list[tuple[str, str]]:
    names = (*DIRECT, *(each for each in BY_PROXY if client.knows_proxies and each in world["proxies"]))
    return [
        (name, outcome(client, library, name, way, world)) for name in names if way != WITHOUT or name in {"trusted", "untrusted"}
    ]


def outcome(client: Client, library: Any, name: str, way: str, world: dict[str, Any]) -> str:
    case = of(name, world)
    try:
        client.attempt(library, with_context(case) if way == PASSED else case)
    except CannotError as error:
        return f"cannot: {error}" if str(error) else "cannot"
    except Exception as error:  # noqa: BLE001 - whatever the client raises
        return became(error)
    return REACHED


def of(name: str, world: dict[str, Any]) -> Case:
    """The case of this name, for the client's own parameters."""
    if name in BY_PROXY:
        return Case(BEHIND, world["behind"][name], proxy=world["proxies"][name])
    files = {"own CA": {"ca": world["ca"]}, "client certificate": {"cert": world["cert"]}}
    return Case(HOST, world["ports"][name], **files.get(name, {}))


def with_context(case: Case) -> Case:
    """The same, with all that is needed in a context."""
    import truststore

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if case.ca:
        context.load_verify_locations(case.ca)
    if case.cert:
        context.load_cert_chain(case.cert)
    return dataclasses.replace(case, context=context)


if __name__ == "__main__":
    main(*sys.argv[1:])
