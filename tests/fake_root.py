"""File systems of machines that are not this one, for `truststore._store.search.find`.

machine = FakeRoot(tmp_path)
machine.bundle("/etc/ssl/certs/ca-certificates.crt", root, company)
machine.hashed("/etc/ssl/certs", root, company)
machine.find(prefixes=["/opt/conda"], environ={"SSL_CERT_FILE": "/opt/conda/ssl/cacert.pem"})
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from certificates import Certificate, pem_file

from truststore._store import search, subjects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NOWHERE = "/nowhere/ssl/cert.pem", "/nowhere/ssl/certs"


class FakeRoot:
    """A directory in the place of "/". Paths begin with "/" and mean what they mean on that machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, path: str) -> str:
        """Where a path of that machine lies on this one."""
        return f"{self.folder}{path}"

    def write(self, path: str, content: str | bytes = "") -> str:
        os.makedirs(os.path.dirname(self(path)), exist_ok=True)
        with open(self(path), "wb") as file:
            file.write(content.encode("ascii") if isinstance(content, str) else content)
        return self(path)

    def directory(self, path: str) -> str:
        os.makedirs(self(path), exist_ok=True)
        return self(path)

    def link(self, path: str, target: str) -> str:
        os.makedirs(os.path.dirname(self(path)), exist_ok=True)
        os.symlink(os.path.relpath(self(target), os.path.dirname(self(path))), self(path))
        return self(path)

    def fifo(self, path: str) -> str:
        os.makedirs(os.path.dirname(self(path)), exist_ok=True)
        if sys.platform != "win32":
            os.mkfifo(self(path))
        return self(path)

    def bundle(self, path: str, *certificates: Certificate) -> str:
        return self.write(path, pem_file(certificates))

    def hashed(self, directory: str, *certificates: Certificate) -> str:
        """As update-ca-certificates and openssl rehash leave it: each certificate a file elsewhere, a link to it, and a link by hash."""
        self.directory(directory)
        for certificate in certificates:
            name = f"{certificate.parsed.serial_number:x}"
            source = f"/usr/share/ca-certificates/{name}.crt"
            self.write(source, certificate.pem)
            if not os.path.lexists(self(f"{directory}/{name}.pem")):
                self.link(f"{directory}/{name}.pem", source)
            self.link(f"{directory}/{self.free_name(directory, subject_hash(certificate))}", f"{directory}/{name}.pem")
        return self(directory)

    def free_name(self, directory: str, digest: str) -> str:
        number = 0
        while os.path.lexists(self(f"{directory}/{digest}.{number}")):
            number += 1
        return f"{digest}.{number}"

    def find(
        self,
        environ: Mapping[str, str] | None = None,
        prefixes: Iterable[str] = ("/usr",),
        compiled: tuple[str, str] = NOWHERE,
        platform: str = "linux",
    ) -> search.Store:
        return search.find(str(self.folder), environ or {}, prefixes, compiled, platform)


def subject_hash(certificate: Certificate) -> str:
    """The name OpenSSL looks for, said by OpenSSL; without pyOpenSSL by what test_hashed.py holds against it."""
    try:
        from OpenSSL import crypto
    except ModuleNotFoundError:
        return subjects.subject_hash(certificate.der)
    return f"{crypto.X509.from_cryptography(certificate.parsed).subject_name_hash():08x}"
