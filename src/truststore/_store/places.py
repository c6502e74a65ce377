"""Where systems keep the roots for TLS servers: data only. The rules are in `search`.

Each line says who has the path and where that is written. First match wins, so a system's own layout stands before what it keeps for
compatibility. Not here, on purpose: bundles with roots that are not meant for TLS servers (``ca-bundle.trust.crt``, ``email-*``,
``objsign-*``, SUSE's ``/var/lib/ca-certificates/openssl``), what an administrator puts in for a tool to pick up
(``/usr/local/share/ca-certificates``), and Android's ``cacerts-added``: apps do not trust certificates that a user added since Android 7.

Sources: Go (crypto/x509/root_*.go), probe (rustls' openssl-probe), Fedora (Changes/dropingOfCertPemFile and ca-certificates' README),
SUSE (ca-certificates' README), Arch (update-ca-trust(8)), nixpkgs (cacert, openssl/*.patch), NetBSD and FreeBSD (certctl(8)),
AOSP (system/ca-certificates' README), and the packages of the systems themselves.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    Row = tuple[str, str, str]  # path, who has it, source

#: Files with all roots, by the start of `sys.platform`. A platform that is not named here is looked up as Linux.
BUNDLES: Mapping[str, tuple[Row, ...]] = {
    "linux": (
        ("/etc/ssl/certs/ca-certificates.crt", "Debian, Ubuntu, Alpine, Arch, Gentoo, Void, NixOS, Guix, OpenWrt, Flatpak", "Go, probe"),
        ("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "Fedora, RHEL 7 and later, CentOS, Amazon Linux, Azure Linux", "Fedora, Go"),
        ("/etc/pki/tls/certs/ca-bundle.crt", "Fedora up to 43, RHEL 6 and later", "Fedora, Go"),
        ("/etc/ssl/ca-bundle.pem", "SUSE, openSUSE", "SUSE, Go"),
        ("/etc/ca-certificates/extracted/tls-ca-bundle.pem", "Arch", "Arch"),
        ("/etc/pki/tls/cacert.pem", "OpenELEC, LibreELEC", "Go, probe"),
        ("/etc/pki/tls/cert.pem", "Fedora up to 42, RHEL up to 10", "Fedora"),
        ("/etc/ssl/cert.pem", "Alpine, OpenWrt", "Go, probe"),
        ("/etc/ssl/certs/ca-bundle.crt", "NixOS of old, some RPM systems", "nixpkgs"),
        ("/etc/ssl/certs/cacert.pem", "OpenHarmony", "probe"),
        ("/opt/etc/ssl/certs/ca-certificates.crt", "Entware, on routers and NAS", "probe"),
        ("/usr/share/ssl/certs/ca-bundle.crt", "Red Hat Linux of old", "the package"),
        ("/usr/local/ssl/cert.pem", "an OpenSSL that the administrator built", "OpenSSL's INSTALL"),
    ),
    "android": (
        ("/data/data/com.termux/files/usr/etc/tls/cert.pem", "Termux", "probe"),
    ),
    "freebsd": (
        ("/etc/ssl/cert.pem", "FreeBSD", "FreeBSD, Go"),
        ("/usr/local/etc/ssl/cert.pem", "FreeBSD with ca_root_nss", "Go"),
        ("/usr/local/share/certs/ca-root-nss.crt", "FreeBSD up to 12.1 with ca_root_nss", "Go"),
    ),
    "dragonfly": (
        ("/etc/ssl/cert.pem", "DragonFly", "Go"),
        ("/usr/local/etc/ssl/cert.pem", "DragonFly with ca_root_nss", "Go"),
        ("/usr/local/share/certs/ca-root-nss.crt", "DragonFly with ca_root_nss", "Go"),
    ),
    "openbsd": (
        ("/etc/ssl/cert.pem", "OpenBSD", "Go"),
    ),
    "netbsd": (
        ("/etc/openssl/certs/ca-certificates.crt", "NetBSD 10 and later", "NetBSD, Go, probe"),
    ),
    "sunos": (
        ("/etc/certs/ca-certificates.crt", "Solaris 11.2 and later, OpenIndiana", "Go"),
        ("/etc/ssl/certs/ca-certificates.crt", "SmartOS", "Go"),
        ("/etc/ssl/cacert.pem", "OmniOS", "probe"),
    ),
    "aix": (
        ("/var/ssl/certs/ca-bundle.crt", "AIX", "Go"),
        ("/var/ssl/cert.pem", "AIX", "OpenSSL's default there"),
    ),
    "haiku": (
        ("/boot/system/data/ssl/CARootCertificates.pem", "Haiku", "probe"),
    ),
}  # fmt: skip

#: Directories whose files have the names that today's OpenSSL looks for (8 hex digits, a dot, a number).
HASHED_DIRECTORIES: Mapping[str, tuple[Row, ...]] = {
    "linux": (
        ("/etc/ssl/certs", "Debian, Ubuntu, Alpine, Arch, Gentoo, Void, Slackware, SUSE, Fedora 43 and later", "the packages"),
        ("/etc/pki/tls/certs", "Fedora 42 and later, RHEL 10", "Fedora"),
        ("/etc/pki/ca-trust/extracted/pem/directory-hash", "Fedora 42 and later", "Fedora"),
        ("/etc/ca-certificates/extracted/cadir", "Arch", "Arch"),
    ),
    "android": (),
    "freebsd": (
        ("/etc/ssl/certs", "FreeBSD 12.2 and later", "FreeBSD"),
    ),
    "dragonfly": (),
    "openbsd": (),
    "netbsd": (
        ("/etc/openssl/certs", "NetBSD 10 and later", "NetBSD"),
    ),
    "sunos": (
        ("/etc/certs/CA", "Solaris, illumos", "probe"),
    ),
    "aix": (),
    "haiku": (),
}  # fmt: skip

#: Directories where OpenSSL finds nothing, as the names are others: every file is read.
OTHER_DIRECTORIES: Mapping[str, tuple[Row, ...]] = {
    "linux": (
        ("/etc/security/certificates", "OpenHarmony", "probe"),
    ),
    "android": (
        ("/apex/com.android.conscrypt/cacerts", "Android 14 and later (names by OpenSSL 0.9's hash)", "AOSP"),
        ("/system/etc/security/cacerts", "Android up to 13 (names by OpenSSL 0.9's hash)", "AOSP"),
    ),
    "freebsd": (),
    "dragonfly": (),
    "openbsd": (),
    "netbsd": (),
    "sunos": (),
    "aix": (
        ("/var/ssl/certs", "AIX", "probe"),
    ),
    "haiku": (),
}  # fmt: skip

#: Prefixes that a Python shares with the system: what lies beside it is the system's, not the Python's own.
SHARED_PREFIXES: tuple[tuple[str, str], ...] = (
    ("/", "merged layouts"),
    ("/usr", "every distribution"),
    ("/usr/local", "BSD ports, official container images"),
    ("/usr/pkg", "NetBSD's pkgsrc"),
    ("/opt", "Entware"),
    ("/opt/local", "SmartOS's pkgsrc"),
    ("/opt/freeware", "AIX Toolbox"),
    ("/boot/system", "Haiku"),
    ("/data/data/com.termux/files/usr", "Termux"),
    ("/data/user/0/com.termux/files/usr", "Termux, by another name"),
)

#: Prefixes of package managers that bring an OpenSSL with roots of its own: its file exists, but it is not the system's.
PRIVATE_PREFIXES: tuple[tuple[str, str], ...] = (
    ("/home/linuxbrew/.linuxbrew", "Homebrew on Linux"),
    ("/nix/var/nix/profiles", "Nix, whose OpenSSL goes there if /etc/ssl/certs/ca-certificates.crt is missing"),
)

#: Environment variables that name such a prefix.
PRIVATE_PREFIX_VARIABLES: tuple[tuple[str, str], ...] = (
    ("CONDA_PREFIX", "conda, micromamba, pixi: the environment"),
    ("HOMEBREW_PREFIX", "Homebrew, where it is installed elsewhere"),
    ("APPDIR", "AppImage: where the image is mounted"),
)

#: Where Nix keeps what it built: an OpenSSL from there asks NIX_SSL_CERT_FILE first (nixpkgs, openssl/3.0/nix-ssl-cert-file.patch).
NIX_STORE = "/nix/store"

#: Set by conda's activation script (sic) when the script itself has set SSL_CERT_FILE, to <prefix>\Library\ssl\cacert.pem.
CONDA_MARKER = "__CONDA_OPENSLL_CERT_FILE_SET"
