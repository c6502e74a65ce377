"""The commands of this system that repair its trust: tables, by what is on the machine. `FILE` is the root's certificate, in PEM."""

from __future__ import annotations

import os
import ssl
import sys
from typing import NamedTuple

from ..._store.places import NIX_STORE

FILE = "root.pem"


class Row(NamedTuple):
    """What `sys.platform` begins with; what is there alone; who that is, and where it is written; what to type."""

    platform: str
    marker: str
    who: str
    commands: tuple[str, ...]


#: To add a root, for all programs that ask the system. First match wins.
ADD_ROOT = (
    Row(
        "linux",
        "/etc/pki/ca-trust/source/anchors",
        "Fedora, RHEL and their like: update-ca-trust(8)",
        (f"sudo cp {FILE} /etc/pki/ca-trust/source/anchors/", "sudo update-ca-trust"),
    ),
    Row(
        "linux",
        "/etc/pki/trust/anchors",
        "SUSE: update-ca-certificates(8)",
        (f"sudo cp {FILE} /etc/pki/trust/anchors/", "sudo update-ca-certificates"),
    ),
    Row("linux", "/etc/ca-certificates/trust-source/anchors", "Arch: trust(1)", (f"sudo trust anchor --store {FILE}",)),
    Row(
        "linux",
        "/etc/NIXOS",
        "NixOS: its manual",
        (f"security.pki.certificateFiles = [ ./{FILE} ];  # in configuration.nix", "sudo nixos-rebuild switch"),
    ),
    Row(
        "linux",
        "/usr/sbin/update-ca-certificates",
        "Debian, Ubuntu, Alpine, Gentoo, Void: update-ca-certificates(8), which reads names in .crt alone",
        (f"sudo install -D -m 644 {FILE} /usr/local/share/ca-certificates/root.crt", "sudo update-ca-certificates"),
    ),
    Row("freebsd", "/usr/sbin/certctl", "FreeBSD: certctl(8)", (f"cp {FILE} /usr/local/share/certs/", "certctl rehash")),
    Row("netbsd", "/usr/sbin/certctl", "NetBSD: certctl(8)", (f"cp {FILE} /etc/openssl/certs/", "certctl rehash")),
    Row("openbsd", "/etc/ssl/cert.pem", "OpenBSD", (f"cat {FILE} >> /etc/ssl/cert.pem",)),
    Row("win32", "", "Windows: certutil, as administrator", (f"certutil -addstore -f Root {FILE}",)),
    Row(
        "darwin",
        "",
        "macOS: security(1)",
        (f"sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {FILE}",),
    ),
)

#: To install the system's roots, where there are none.
INSTALL_ROOTS = (
    Row("linux", "/usr/bin/apt-get", "Debian, Ubuntu", ("sudo apt-get install ca-certificates",)),
    Row("linux", "/usr/bin/dnf", "Fedora, RHEL", ("sudo dnf install ca-certificates",)),
    Row("linux", "/usr/bin/zypper", "SUSE", ("sudo zypper install ca-certificates ca-certificates-mozilla",)),
    Row("linux", "/sbin/apk", "Alpine", ("sudo apk add ca-certificates",)),
    Row("linux", "/usr/bin/pacman", "Arch", ("sudo pacman -S ca-certificates",)),
    Row("freebsd", "/usr/sbin/pkg", "FreeBSD", ("pkg install ca_root_nss",)),
)

#: That lead OpenSSL, and truststore where OpenSSL verifies, to another store. The last one is read by Nix's OpenSSL alone.
VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NIX_SSL_CERT_FILE")


def commands(table: tuple[Row, ...], platform: str = sys.platform, root: str = "/") -> tuple[str, ...]:
    """What to type on this system; nothing if it is not known. `root`: the directory that paths are taken in."""
    for row in table:
        if platform.startswith(row.platform) and os.path.exists(os.path.join(root, row.marker.lstrip("/"))):
            return row.commands
    return ()


def set_variables() -> list[str]:
    """Those that are set here, and are read."""
    is_nix = ssl.get_default_verify_paths().openssl_cafile.startswith(NIX_STORE)
    return [variable for variable in VARIABLES[: None if is_nix else -1] if variable in os.environ]


def unset_variables() -> tuple[str, ...]:
    """The commands that unset them."""
    if sys.platform == "win32":
        return tuple(f"set {variable}=" for variable in set_variables())
    return (f"unset {' '.join(set_variables())}",)
