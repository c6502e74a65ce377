"""The way to a server: directly, or through a proxy by CONNECT (RFC 9110, 9.3.6).

Which one: what `--proxy` says; else what the environment says, as urllib, curl and Requests read it: ``https_proxy``, or ``all_proxy``,
which alone counts where a protocol begins in plain text; but for hosts in ``no_proxy``. What is said of a proxy never has its credentials.
"""

from __future__ import annotations

import argparse
import base64
import socket
import ssl
from typing import NamedTuple
from urllib.parse import unquote

from ..obstacles import without_password
from ..status import CannotAsk
from . import trouble
from .starttls import quoted
from .stream import Timed, Tls
from .target import ascii_name, host_and_port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from .starttls import Stream
    from .target import Target

#: The schemes of proxies that are understood, and their ports.
SCHEMES = {"http": 80, "https": 443}
#: The longest answer to CONNECT.
MOST = 1 << 16


class Proxy(NamedTuple):
    """One proxy."""

    scheme: str
    host: str
    port: int
    #: What HTTP's Basic scheme sends, or nothing.
    credentials: str
    #: Its URL as it may be shown.
    shown: str

    def __str__(self) -> str:
        return self.shown


def given(text: str) -> Proxy | None:
    """For argparse: a URL, or nothing for no proxy. Raises ArgumentTypeError, without the URL's credentials."""
    if not text:
        return None
    shown = without_password(text)
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    if scheme.lower() not in SCHEMES:
        raise argparse.ArgumentTypeError(f"{shown!r} is not a usable proxy: write http://HOST:PORT or https://HOST:PORT")
    credentials, _, place = rest.partition("/")[0].rpartition("@")
    try:
        host, port = host_and_port(place, shown)
        ascii_name(host)
    except argparse.ArgumentTypeError:  # whose message may quote a part of a password
        raise argparse.ArgumentTypeError(f"{shown!r} names no proxy: write http://HOST:PORT") from None
    return Proxy(scheme.lower(), host, port or SCHEMES[scheme.lower()], unquote(credentials), shown)


def of_environment(target: Target) -> Proxy | None:
    """The one that the environment names for this server. Raises CannotAsk."""
    from urllib.request import getproxies_environment, proxy_bypass

    proxies = getproxies_environment()
    url = ("" if target.starttls else proxies.get("https", "")) or proxies.get("all", "")
    if not url or proxy_bypass(str(target)) or proxy_bypass(target.host):
        return None
    try:
        return given(url)
    except argparse.ArgumentTypeError as error:
        raise CannotAsk(f"the environment's proxy: {error} (--proxy '' connects without it)") from None


def reached(
    target: Target, proxy: Proxy | None, timeout: float, make_context: Callable[[], ssl.SSLContext], stack: ExitStack
) -> Stream:
    """A connection to the server, which `stack` closes. `make_context` is for the proxy's own TLS. Raises CannotAsk or OSError."""
    if proxy is None:
        return _connected((target.host, target.port), timeout, stack)
    try:
        stream: Stream = _connected((proxy.host, proxy.port), timeout, stack)
        if proxy.scheme == "https":
            stream = _secured(stream, proxy, make_context())
        _connect(stream, proxy, target)
    except OSError as error:
        raise CannotAsk(f"the proxy {proxy}: {trouble.on_the_way(error)}") from error
    return stream


def _connected(place: tuple[str, int], timeout: float, stack: ExitStack) -> Timed:
    return Timed(stack.enter_context(socket.create_connection(place, timeout)), timeout)


def _secured(stream: Stream, proxy: Proxy, context: ssl.SSLContext) -> Tls:
    try:
        tls = Tls(stream, context, ascii_name(proxy.host))
        tls.do_handshake()
    except ssl.SSLCertVerificationError as error:
        raise CannotAsk(f"the proxy {proxy} itself is refused: {error.verify_message}") from error
    except ssl.SSLError as error:
        raise CannotAsk(f"the TLS handshake with the proxy {proxy} failed ({error.reason or error})") from error
    return tls


def _connect(stream: Stream, proxy: Proxy, target: Target) -> None:
    place = f"[{target.name}]:{target.port}" if ":" in target.name else f"{target.name}:{target.port}"
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    if proxy.credentials:
        encoded = base64.b64encode(proxy.credentials.encode()).decode("ascii")
        lines.append(f"Proxy-Authorization: Basic {encoded}")
    stream.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    status = _head(stream, proxy).partition(b"\r\n")[0]
    version, _, words = status.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not words.startswith(b"2"):
        needs = "; it requires a user: http://USER:PASSWORD@HOST:PORT" if words.startswith(b"407") else ""
        raise CannotAsk(f"the proxy {proxy} does not connect to it; it says {quoted(status)}{needs}")


def _head(stream: Stream, proxy: Proxy) -> bytes:
    """The head of its answer, byte by byte: what comes after it is the server's."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = stream.recv(1) if len(head) < MOST else b""
        if not part:
            raise CannotAsk(f"the proxy {proxy} does not speak HTTP; it says {quoted(head)}")
        head += part
    return head
