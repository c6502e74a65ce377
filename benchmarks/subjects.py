"""The contexts that are compared."""

from __future__ import annotations

import importlib.util
import ssl
import sys
from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

import truststore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from truststore._verdict import Question

    Make = Callable[[], ssl.SSLContext]

#: Elsewhere the platform does, which does not know our root: the gate alone can be measured, with a verifier of our own.
OPENSSL_VERIFIES = truststore.SSLContext._verifier is None


def plain() -> ssl.SSLContext:
    return ssl.create_default_context()


def plain_without_trust() -> ssl.SSLContext:
    """OpenSSL builds the chain whatever the mode, as far as it has something to build it of: here it has nothing, as under the gate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ours() -> ssl.SSLContext:
    return _like_plain(truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


class Gated(truststore.SSLContext):
    """As where the platform decides, with a verdict that costs nothing."""

    @staticmethod
    def _verifier(question: Question) -> Sequence[bytes]:
        return question.chain


def gated() -> ssl.SSLContext:
    return _like_plain(Gated(ssl.PROTOCOL_TLS_CLIENT))


def _like_plain(context: ssl.SSLContext) -> ssl.SSLContext:
    """With the flags that create_default_context() sets on Python 3.13 and later: verification is to be the same."""
    context.verify_flags = _FLAGS
    return context


_FLAGS = ssl.create_default_context().verify_flags


@cache
def peer(directory: Path) -> Make:
    """The truststore of PyPI, from a folder that pip installed it into. It goes by another name here: ours has that one."""
    init = directory / "truststore" / "__init__.py"
    spec = importlib.util.spec_from_file_location("peer_truststore", init, submodule_search_locations=[str(init.parent)])
    if spec is None or spec.loader is None or not init.exists():
        raise FileNotFoundError(f"{init}: install it with  pip install --no-deps --target {directory} truststore==0.10.5")
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules["peer_truststore"] = module
    spec.loader.exec_module(module)
    return lambda: _like_plain(module.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def with_code_of_its_own(context: ssl.SSLContext) -> ssl.SSLContext:
    """Copies of ssl's `read` and `write` for this context's connections.

    The interpreter adapts each call to the type it meets there. A program meets one; here two, in turns, would slow each other down.
    """
    context.sslobject_class = _copied(ssl.SSLObject)
    context.sslsocket_class = _copied(ssl.SSLSocket)
    return context


def _copied(cls: type[Any]) -> type[Any]:
    methods = {name: vars(cls)[name] for name in ("read", "write")}
    return type(cls.__name__, (cls,), {name: _copy(method) for name, method in methods.items()})


def _copy(function: FunctionType) -> FunctionType:
    code, names = function.__code__.replace(), function.__globals__
    return FunctionType(code, names, function.__name__, function.__defaults__, function.__closure__)
