"""What `check` is given: HOST, HOST:PORT or a URL; and what that names, as it goes over the wire."""

from __future__ import annotations

import argparse
import re
from typing import NamedTuple

from ..._names import ip_address

HTTPS = 443

#: The schemes of URLs: the port, and the protocol by which TLS is started there, if it is not there from the beginning.
SCHEMES = {
    "https": (HTTPS, None),
    "wss": (HTTPS, None),
    "ftp": (21, "ftp"),
    "ftps": (990, None),
    "imap": (143, "imap"),
    "imaps": (993, None),
    "ldap": (389, "ldap"),
    "ldaps": (636, None),
    "mysql": (3306, "mysql"),
    "pop3": (110, "pop3"),
    "pop3s": (995, None),
    "postgres": (5432, "postgres"),
    "postgresql": (5432, "postgres"),
    "smtp": (25, "smtp"),
    "smtps": (465, None),
    "submission": (587, "smtp"),
    "xmpp": (5222, "xmpp"),
}
#: Of host names and addresses, in ASCII. Nothing else gets into what is sent to proxies and servers.
_HARMLESS = re.compile(r"[A-Za-z0-9_.:%~-]+")


class Target(NamedTuple):
    """One server."""

    host: str
    port: int
    #: By which protocol TLS is started; None: it is there from the beginning.
    starttls: str | None

    @property
    def name(self) -> str:
        """Its name as certificates and the DNS have it, an A-label; or its address."""
        return ascii_name(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Given(NamedTuple):
    """As it was given: what is None was not said."""

    host: str
    port: int | None
    scheme: str | None

    def with_starttls(self, wanted: str | None) -> Target:
        """The server, if `--starttls` says this."""
        port, starttls = SCHEMES[self.scheme or wanted or "https"]
        return Target(self.host, self.port or port, wanted or starttls)


def given(text: str) -> Given:
    """For argparse. Raises ArgumentTypeError."""
    before, separator, rest = text.partition("://")
    scheme = before.lower() if separator else None
    if scheme is not None and scheme not in SCHEMES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL of a protocol with TLS: {', '.join(sorted(SCHEMES))}")
    place = re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")[2] if scheme else text
    host, port = host_and_port(place, text)
    ascii_name(host)
    return Given(host, port, scheme)


def host_and_port(place: str, text: str) -> tuple[str, int | None]:
    """Split HOST, HOST:PORT, [IPV6]:PORT or IPV6. `text` is what messages name. Raises ArgumentTypeError."""
    host, port = place, None
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise argparse.ArgumentTypeError(f"{text!r} has no port after its bracket: write [ADDRESS]:PORT")
        port = rest[1:] if rest else None
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    if "/" in place or not host:
        raise argparse.ArgumentTypeError(f"{text!r} names no host: write HOST, HOST:PORT or a URL")
    return host, None if port is None else _port(port)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a port is a number from 1 to 65535")
    return int(text)


def ascii_name(host: str) -> str:
    """An A-label (as Python's `ssl` has it, by IDNA 2003), or an address without its zone. Raises ArgumentTypeError."""
    try:
        name = host if ip_address(_without_zone(host)) else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise argparse.ArgumentTypeError(f"{host!r} is not a host name: {error}") from None
    if not _HARMLESS.fullmatch(name):
        raise argparse.ArgumentTypeError(f"{host!r} is neither a host name nor an address")
    return _without_zone(name)


def _without_zone(name: str) -> str:
    """An IPv6 address without its zone, which says how to get there, not who that is (RFC 6874); anything else as it is."""
    return name.partition("%")[0] if ":" in name else name
