"""Which store is found: on every kind of system, and whatever the environment says."""

from __future__ import annotations

import os
import re
import ssl
import sys
from pathlib import Path

import pytest
from certificates import Authority, Certificate
from fake_root import NOWHERE, FakeRoot

from truststore._store import places, search, secure
from truststore._store.search import ENVIRONMENT, NOTHING, OPENSSL, PRIVATE, TABLE, Store

if sys.platform == "win32":
    pytest.skip("symbolic links and paths as on Unix", allow_module_level=True)

DEBIAN = "/etc/ssl/certs/ca-certificates.crt"
FEDORA = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"


@pytest.fixture(scope="module")
def public() -> Authority:
    return Authority.new("Public", key="p256")


@pytest.fixture(scope="module")
def company() -> Authority:
    return Authority.new("Company", key="p256")


@pytest.fixture(scope="module")
def mozilla() -> Authority:
    """In somebody's copy of Mozilla's roots."""
    return Authority.new("Mozilla", key="p256")


@pytest.fixture
def machine(tmp_path: Path) -> FakeRoot:
    # A path that resolves to itself, as "/" does.
    return FakeRoot(tmp_path.resolve())


def check(store: Store, step: str, *roots: Certificate, warnings: int = 0) -> None:
    """The step, and that exactly these roots are found; by this package's reader and by OpenSSL."""
    assert store.step == step
    assert set(store.read()) == {root.der for root in roots}
    assert store.certificates == len(roots)
    assert len(store.warnings) == warnings
    assert bool(store) == bool(roots)
    if not store.directory:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for path in filter(None, (store.file, *store.files)):
            context.load_verify_locations(path)
        assert set(context.get_ca_certs(True)) == {root.der for root in roots}


def why(store: Store, path: str) -> str:
    return dict(store.passed_over)[path]


class TestSystems:
    """Layouts of real systems, with a Python that belongs to them or does not."""

    def test_debian(self, machine: FakeRoot, public: Authority, company: Authority) -> None:
        bundle = machine.bundle(DEBIAN, public, company)
        machine.hashed("/etc/ssl/certs", public, company)
        machine.link("/usr/lib/ssl/cert.pem", DEBIAN)
        machine.link("/usr/lib/ssl/certs", "/etc/ssl/certs")
        store = machine.find(compiled=("/usr/lib/ssl/cert.pem", "/usr/lib/ssl/certs"))
        check(store, OPENSSL, public, company)
        assert os.path.samefile(store.file or "", bundle)
        assert store.directory == machine("/usr/lib/ssl/certs")
        assert store.covered

    def test_debian_without_the_package_openssl(self, machine: FakeRoot, public: Authority) -> None:
        """A slim image has libssl alone: OpenSSL's own paths are dead."""
        machine.bundle(DEBIAN, public)
        machine.hashed("/etc/ssl/certs", public)
        store = machine.find(compiled=("/usr/lib/ssl/cert.pem", "/usr/lib/ssl/certs"))
        check(store, TABLE, public)
        assert (store.file, store.directory, store.covered) == (machine(DEBIAN), machine("/etc/ssl/certs"), True)
        assert why(store, machine("/usr/lib/ssl/cert.pem")) == "is missing"

    def test_python_image_from_docker(self, machine: FakeRoot, public: Authority) -> None:
        """Its prefix is /usr/local, which is not private."""
        machine.bundle("/usr/local/ssl/cert.pem", public)
        check(machine.find(prefixes=["/usr/local"], compiled=("/usr/local/ssl/cert.pem", "/usr/local/ssl/certs")), OPENSSL, public)

    def test_distroless(self, machine: FakeRoot, public: Authority) -> None:
        machine.bundle(DEBIAN, public)
        store = machine.find()
        check(store, TABLE, public)
        assert (store.file, store.directory, store.covered) == (machine(DEBIAN), None, False)

    def test_alpine(self, machine: FakeRoot, public: Authority) -> None:
        machine.bundle(DEBIAN, public)
        machine.link("/etc/ssl/cert.pem", DEBIAN)
        machine.hashed("/etc/ssl/certs", public)
        store = machine.find(compiled=("/etc/ssl/cert.pem", "/etc/ssl/certs"))
        check(store, OPENSSL, public)
        assert store.covered

    def test_arch(self, machine: FakeRoot, public: Authority, company: Authority) -> None:
        machine.bundle("/etc/ca-certificates/extracted/tls-ca-bundle.pem", public, company)
        machine.hashed("/etc/ca-certificates/extracted/cadir", public, company)
        machine.link(DEBIAN, "/etc/ca-certificates/extracted/tls-ca-bundle.pem")
        machine.link("/etc/ssl/cert.pem", "/etc/ca-certificates/extracted/tls-ca-bundle.pem")
        check(machine.find(compiled=("/etc/ssl/cert.pem", "/etc/ssl/certs")), OPENSSL, public, company)
        store = machine.find()
        check(store, TABLE, public, company)
        assert (store.directory, store.covered) == (machine("/etc/ca-certificates/extracted/cadir"), True)

    @pytest.mark.parametrize("release", [41, 42, 44])
    def test_fedora(self, release: int, machine: FakeRoot, public: Authority) -> None:
        machine.bundle(FEDORA, public)
        pki = "/etc/pki/tls/cert.pem", "/etc/pki/tls/certs"
        if release >= 42:
            machine.hashed("/etc/pki/ca-trust/extracted/pem/directory-hash", public)
            digest = next(
                name for name in os.listdir(machine("/etc/pki/ca-trust/extracted/pem/directory-hash")) if name.endswith(".0")
            )
            machine.link(f"/etc/pki/tls/certs/{digest}", f"/etc/pki/ca-trust/extracted/pem/directory-hash/{digest}")
        if release < 44:
            machine.link("/etc/pki/tls/certs/ca-bundle.crt", FEDORA)
            machine.link("/etc/pki/tls/cert.pem", FEDORA)
        store = machine.find(compiled=pki)
        check(store, OPENSSL, public)
        assert bool(store.file) == (release < 44)
        assert bool(store.directory) == (release >= 42)
        assert store.covered == (release == 42)
        check(machine.find(), TABLE, public)

    def test_rhel_8_with_a_python_that_expects_debian(self, machine: FakeRoot, public: Authority) -> None:
        """python-build-standalone: uv, rye, hatch, mise."""
        machine.bundle(FEDORA, public)
        machine.link("/etc/pki/tls/certs/ca-bundle.crt", FEDORA)
        machine.link("/etc/ssl/certs", "/etc/pki/tls/certs")
        store = machine.find(
            prefixes=["/root/.local/share/uv/python/cpython-3.12"], compiled=("/etc/ssl/cert.pem", "/etc/ssl/certs")
        )
        check(store, TABLE, public)
        assert store.file == machine(FEDORA)
        assert why(store, machine("/etc/ssl/certs")).startswith("holds no file with a name that OpenSSL looks for")

    def test_debian_with_python_build_standalone(self, machine: FakeRoot, public: Authority) -> None:
        """It has no cert.pem in /etc/ssl: the directory alone."""
        machine.bundle(DEBIAN, public)
        machine.hashed("/etc/ssl/certs", public)
        store = machine.find(
            prefixes=["/root/.local/share/uv/python/cpython-3.12"], compiled=("/etc/ssl/cert.pem", "/etc/ssl/certs")
        )
        check(store, OPENSSL, public)
        assert (store.file, store.directory, store.covered) == (None, machine("/etc/ssl/certs"), False)

    def test_suse(self, machine: FakeRoot, public: Authority) -> None:
        machine.bundle("/var/lib/ca-certificates/ca-bundle.pem", public)
        machine.hashed("/var/lib/ca-certificates/pem", public)
        machine.link("/etc/ssl/certs", "/var/lib/ca-certificates/pem")
        machine.link("/etc/ssl/ca-bundle.pem", "/var/lib/ca-certificates/ca-bundle.pem")
        store = machine.find()
        check(store, TABLE, public)
        assert (store.file, store.directory) == (machine("/etc/ssl/ca-bundle.pem"), machine("/etc/ssl/certs"))

    def test_suse_where_openssl_reads_a_directory_for_all_purposes(self, machine: FakeRoot, public: Authority) -> None:
        """It is OpenSSL's own default, in its own format: not ours to judge, and never taken for a copy of the bundle."""
        machine.hashed("/var/lib/ca-certificates/openssl", public)
        machine.bundle("/var/lib/ca-certificates/ca-bundle.pem", public)
        store = machine.find(compiled=("/var/lib/ca-certificates/ca-bundle.pem", "/var/lib/ca-certificates/openssl"))
        check(store, OPENSSL, public)
        assert not store.covered

    def test_nixos(self, machine: FakeRoot, public: Authority) -> None:
        python, openssl = "/nix/store/aaaa-python3-3.12.4", "/nix/store/bbbb-openssl-3.0.14"
        machine.bundle("/nix/store/cccc-nss-cacert-3.101/etc/ssl/certs/ca-bundle.crt", public)
        machine.link(DEBIAN, "/nix/store/cccc-nss-cacert-3.101/etc/ssl/certs/ca-bundle.crt")
        store = machine.find(prefixes=[python], compiled=(DEBIAN, f"{openssl}/etc/ssl/certs"))
        check(store, OPENSSL, public)
        assert (store.file, store.directory) == (machine(DEBIAN), None)

    def test_nix_on_another_system(self, machine: FakeRoot, public: Authority, mozilla: Authority) -> None:
        """Its OpenSSL falls back to the copy in Nix's default profile: the system's own store comes first."""
        copy = "/nix/var/nix/profiles/default/etc/ssl/certs/ca-bundle.crt"
        machine.bundle(copy, mozilla)
        machine.bundle(FEDORA, public)
        compiled = copy, "/nix/store/bbbb-openssl-3.5.0/etc/ssl/certs"
        check(machine.find(prefixes=["/nix/store/aaaa-python3-3.12.4"], compiled=compiled), TABLE, public)
        os.remove(machine(FEDORA))
        check(machine.find(prefixes=["/nix/store/aaaa-python3-3.12.4"], compiled=compiled), PRIVATE, mozilla, warnings=1)

    def test_guix_on_another_system(self, machine: FakeRoot, public: Authority, mozilla: Authority) -> None:
        """Its profile's variables are the user's: `guix shell` sets them on request."""
        profile = "/home/user/.guix-profile/etc/ssl/certs"
        machine.bundle(f"{profile}/ca-certificates.crt", mozilla)
        machine.hashed(profile, mozilla)
        machine.bundle(DEBIAN, public)
        python, openssl = "/gnu/store/aaaa-python-3.10.7", "/gnu/store/bbbb-openssl-3.0.8/share/openssl-3.0.8"
        compiled = f"{openssl}/cert.pem", f"{openssl}/certs"
        check(machine.find(prefixes=[python], compiled=compiled), TABLE, public)
        environ = {"SSL_CERT_DIR": profile, "SSL_CERT_FILE": f"{profile}/ca-certificates.crt"}
        check(machine.find(environ, prefixes=[python], compiled=compiled), ENVIRONMENT, mozilla)

    @pytest.mark.parametrize("environ", [{}, {"CONDA_PREFIX": "/opt/conda/envs/work"}])
    def test_conda(self, environ: dict[str, str], machine: FakeRoot, public: Authority, mozilla: Authority) -> None:
        prefix = "/opt/conda/envs/work"
        machine.bundle(f"{prefix}/ssl/cacert.pem", mozilla)
        machine.link(f"{prefix}/ssl/cert.pem", f"{prefix}/ssl/cacert.pem")
        machine.bundle(DEBIAN, public)
        prefixes = [] if environ else [prefix]
        store = machine.find(environ, prefixes=prefixes, compiled=(f"{prefix}/ssl/cert.pem", f"{prefix}/ssl/certs"))
        check(store, TABLE, public)
        assert "not the system's" in why(store, machine(f"{prefix}/ssl/cert.pem"))

    @pytest.mark.parametrize("prefix", ["/home/linuxbrew/.linuxbrew", "/home/user/brew"])
    def test_homebrew(self, prefix: str, machine: FakeRoot, public: Authority, mozilla: Authority) -> None:
        compiled = f"{prefix}/etc/openssl@3/cert.pem", f"{prefix}/etc/openssl@3/certs"
        machine.bundle(compiled[0], mozilla)
        machine.bundle(DEBIAN, public)
        check(machine.find(prefixes=[f"{prefix}/Cellar/python@3.12/3.12.4"], compiled=compiled), TABLE, public)
        check(
            machine.find({"HOMEBREW_PREFIX": prefix}, prefixes=["/home/user/.pyenv/versions/3.12.4"], compiled=compiled),
            TABLE,
            public,
        )

    def test_pyenv_with_an_openssl_of_its_own(self, machine: FakeRoot, public: Authority) -> None:
        prefix = "/home/user/.pyenv/versions/3.12.4"
        machine.directory(f"{prefix}/openssl/ssl/certs")
        machine.bundle(DEBIAN, public)
        compiled = f"{prefix}/openssl/ssl/cert.pem", f"{prefix}/openssl/ssl/certs"
        check(machine.find(prefixes=[prefix], compiled=compiled), TABLE, public)

    def test_virtual_environment(self, machine: FakeRoot, public: Authority) -> None:
        machine.bundle("/usr/lib/ssl/cert.pem", public)
        store = machine.find(prefixes=["/srv/app/venv", "/usr"], compiled=("/usr/lib/ssl/cert.pem", "/usr/lib/ssl/certs"))
        check(store, OPENSSL, public)

    def test_pyinstaller(self, machine: FakeRoot, public: Authority, mozilla: Authority) -> None:
        """A common hook points SSL_CERT_FILE to the certifi in the program's folder; OpenSSL's paths are those of the build host."""
        folder = "/tmp/_MEIx5gF2p"
        machine.bundle(f"{folder}/roots/cacert.pem", mozilla)
        machine.bundle(FEDORA, public)
        store = machine.find({"SSL_CERT_FILE": f"{folder}/roots/cacert.pem"}, prefixes=[folder])
        check(store, TABLE, public, warnings=1)
        assert "SSL_CERT_FILE" in why(store, machine(f"{folder}/roots/cacert.pem"))

    def test_appimage(self, machine: FakeRoot, public: Authority, mozilla: Authority) -> None:
        mount = "/tmp/.mount_AppX1Y2Z3"
        machine.bundle(f"{mount}/roots.pem", mozilla)
        machine.bundle(DEBIAN, public)
        environ = {"APPDIR": mount, "SSL_CERT_FILE": f"{mount}/roots.pem"}
        check(machine.find(environ, prefixes=[f"{mount}/opt/python3.12"]), TABLE, public, warnings=1)

    def test_flatpak(self, machine: FakeRoot, public: Authority) -> None:
        """The runtime's /etc, with the host's roots forwarded into it."""
        machine.bundle(DEBIAN, public)
        machine.link("/etc/pki/tls/certs/ca-bundle.crt", DEBIAN)
        check(machine.find(prefixes=["/app", "/usr"], compiled=("/etc/ssl/cert.pem", "/etc/ssl/certs")), TABLE, public)

    @pytest.mark.parametrize("package", ["com.termux"])
    def test_termux(self, package: str, machine: FakeRoot, public: Authority) -> None:
        prefix = f"/data/data/{package}/files/usr"
        machine.bundle(f"{prefix}/etc/tls/cert.pem", public)
        compiled = f"{prefix}/etc/tls/cert.pem", f"{prefix}/etc/tls/certs"
        check(machine.find({"PREFIX": prefix}, prefixes=[prefix], compiled=compiled, platform="android"), OPENSSL, public)
        check(machine.find({"PREFIX": prefix}, prefixes=[prefix], platform="android"), TABLE, public)

    @pytest.mark.parametrize("release", [13, 14])
    def test_android(self, release: int, machine: FakeRoot, public: Authority, company: Authority, mozilla: Authority) -> None:
        """Names by the old hash, which OpenSSL does not look for; behind each certificate its text."""
        old, new = "/system/etc/security/cacerts", "/apex/com.android.conscrypt/cacerts"
        for name, root in (("00673b5b.0", public), ("04f60c28.0", company)):
            machine.write(f"{old}/{name}", root.pem + "Certificate:\n    Data:\n        Version: 3 (0x2)\n")
        machine.write(f"{old}/README.cacerts", "see AOSP")
        if release >= 14:
            machine.bundle(f"{new}/00673b5b.0", public)
        machine.bundle("/data/misc/user/0/cacerts-added/11111111.0", mozilla)
        store = machine.find(prefixes=["/data/user/0/org.example.app/files/python"], platform="android")
        check(store, TABLE, *([public] if release >= 14 else [public, company]))
        assert (store.file, store.directory) == (None, None)
        assert store.files[0] == machine(f"{new if release >= 14 else old}/00673b5b.0")

    def test_openharmony(self, machine: FakeRoot, public: Authority) -> None:
        machine.bundle("/etc/security/certificates/3ad48a91.0", public)
        check(machine.find(), TABLE, public)
        machine.bundle("/etc/ssl/certs/cacert.pem", public)
        assert machine.find().file == machine("/etc/ssl/certs/cacert.pem")

    def test_freebsd(self, machine: FakeRoot, public: Authority) -> None:
        """Since 12.2 certctl(8) makes links by hash; cert.pem comes with the port ca_root_nss."""
        machine.hashed("/etc/ssl/certs", public)
        etc = "/etc/ssl/cert.pem", "/etc/ssl/certs"
        store = machine.find(prefixes=["/usr/local"], compiled=etc, platform="freebsd14")
        check(store, OPENSSL, public)
        assert store.directory == machine("/etc/ssl/certs")
        machine.bundle("/usr/local/share/certs/ca-root-nss.crt", public)
        machine.link("/etc/ssl/cert.pem", "/usr/local/share/certs/ca-root-nss.crt")
        assert machine.find(prefixes=["/usr/local"], compiled=etc, platform="freebsd14").covered

    def test_freebsd_with_openssl_from_ports(self, machine: FakeRoot, public: Authority) -> None:
        machine.hashed("/etc/ssl/certs", public)
        store = machine.find(
            prefixes=["/usr/local"], compiled=("/usr/local/openssl/cert.pem", "/usr/local/openssl/certs"), platform="freebsd14"
        )
        check(store, TABLE, public)

    def test_netbsd(self, machine: FakeRoot, public: Authority) -> None:
        machine.bundle("/etc/openssl/certs/ca-certificates.crt", public)
        machine.hashed("/etc/openssl/certs", public)
        store = machine.find(prefixes=["/usr/pkg"], compiled=("/etc/openssl/cert.pem", "/etc/openssl/certs"), platform="netbsd10")
        check(store, OPENSSL, public)
        store = machine.find(prefixes=["/usr/pkg"], platform="netbsd10")
        check(store, TABLE, public)
        assert store.covered

    def test_python_of_pkgsrc_with_its_openssl(self, machine: FakeRoot, public: Authority) -> None:
        """The prefix is shared: what lies there belongs to the system's package manager."""
        machine.hashed("/usr/pkg/etc/openssl/certs", public)
        compiled = "/usr/pkg/etc/openssl/cert.pem", "/usr/pkg/etc/openssl/certs"
        check(machine.find(prefixes=["/usr/pkg"], compiled=compiled, platform="netbsd9"), OPENSSL, public)

    def test_openindiana(self, machine: FakeRoot, public: Authority) -> None:
        machine.bundle("/etc/certs/ca-certificates.crt", public)
        machine.hashed("/etc/certs/CA", public)
        store = machine.find(platform="sunos5")
        check(store, TABLE, public)
        assert store.covered

    def test_smartos(self, machine: FakeRoot, public: Authority) -> None:
        machine.hashed("/opt/local/etc/openssl/certs", public)
        compiled = "/opt/local/etc/openssl/cert.pem", "/opt/local/etc/openssl/certs"
        check(machine.find(prefixes=["/opt/local"], compiled=compiled, platform="sunos5"), OPENSSL, public)

    def test_aix_with_files_alone(self, machine: FakeRoot, public: Authority, company: Authority) -> None:
        machine.bundle("/var/ssl/certs/public.pem", public)
        machine.bundle("/var/ssl/certs/company.pem", company)
        check(machine.find(prefixes=["/opt/freeware"], platform="aix"), TABLE, public, company)

    @pytest.mark.parametrize(
        ("platform", "path"),
        [(platform, path) for platform, rows in places.BUNDLES.items() for path, *_ in rows]
        + [("cygwin", FEDORA), ("gnu0", DEBIAN)],
    )
    def test_each_bundle_alone(self, platform: str, path: str, machine: FakeRoot, public: Authority) -> None:
        machine.bundle(path, public)
        store = machine.find(platform=platform)
        check(store, TABLE, public)
        assert store.file == machine(path)

    @pytest.mark.parametrize(
        ("platform", "path"), [(platform, path) for platform, rows in places.HASHED_DIRECTORIES.items() for path, *_ in rows]
    )
    def test_each_hashed_directory_alone(self, platform: str, path: str, machine: FakeRoot, public: Authority) -> None:
        machine.hashed(path, public)
        store = machine.find(platform=platform)
        check(store, TABLE, public)
        assert store.directory == machine(path)

    @pytest.mark.parametrize(
        ("platform", "path"), [(platform, path) for platform, rows in places.OTHER_DIRECTORIES.items() for path, *_ in rows]
    )
    def test_each_other_directory_alone(self, platform: str, path: str, machine: FakeRoot, public: Authority) -> None:
        machine.bundle(f"{path}/whatever", public)
        store = machine.find(platform=platform)
        check(store, TABLE, public)
        assert store.files == (machine(f"{path}/whatever"),)

    def test_another_systems_places_do_not_count(self, machine: FakeRoot, public: Authority) -> None:
        machine.bundle("/etc/openssl/certs/ca-certificates.crt", public)
        check(machine.find(), NOTHING)

    @pytest.mark.parametrize(
        "path",
        [
            "/etc/pki/ca-trust/extracted/openssl/ca-bundle.trust.crt",
            "/etc/pki/ca-trust/extracted/pem/email-ca-bundle.pem",
            "/etc/pki/ca-trust/extracted/pem/objsign-ca-bundle.pem",
            "/var/lib/ca-certificates/openssl/11111111.0",
            "/usr/local/share/ca-certificates/company.crt",
            "/etc/ssl/certs/company.pem",
        ],
    )
    def test_roots_for_other_purposes_are_not_taken(self, path: str, machine: FakeRoot, public: Authority) -> None:
        machine.bundle(path, public)
        check(machine.find(), NOTHING)


class TestEnvironment:
    """SSL_CERT_FILE and SSL_CERT_DIR: each replaces its half of OpenSSL's default, and no more."""

    COMPILED = "/usr/lib/ssl/cert.pem", "/usr/lib/ssl/certs"

    @pytest.fixture
    def debian(self, machine: FakeRoot, public: Authority) -> FakeRoot:
        machine.bundle(self.COMPILED[0], public)
        machine.hashed(self.COMPILED[1], public)
        machine.bundle(DEBIAN, public)
        return machine

    def test_file(self, debian: FakeRoot, company: Authority, public: Authority) -> None:
        mine = debian.bundle("/home/user/company.pem", company)
        store = debian.find({"SSL_CERT_FILE": "/home/user/company.pem"}, compiled=self.COMPILED)
        check(store, ENVIRONMENT, company, public)
        assert (store.file, store.directory) == (mine, debian(self.COMPILED[1]))

    def test_directory(self, debian: FakeRoot, company: Authority, public: Authority) -> None:
        mine = debian.hashed("/home/user/roots", company)
        store = debian.find({"SSL_CERT_DIR": "/home/user/roots"}, compiled=self.COMPILED)
        check(store, ENVIRONMENT, company, public)
        assert (store.file, store.directory) == (debian(self.COMPILED[0]), mine)

    def test_both(self, debian: FakeRoot, company: Authority, mozilla: Authority) -> None:
        debian.bundle("/home/user/company.pem", company)
        debian.hashed("/home/user/roots", mozilla)
        environ = {"SSL_CERT_FILE": "/home/user/company.pem", "SSL_CERT_DIR": "/home/user/roots"}
        check(debian.find(environ, compiled=self.COMPILED), ENVIRONMENT, company, mozilla)

    def test_the_other_half_is_openssls_and_not_the_tables(self, machine: FakeRoot, public: Authority, company: Authority) -> None:
        machine.bundle(DEBIAN, public)
        machine.hashed("/etc/ssl/certs", public)
        machine.bundle("/home/user/company.pem", company)
        check(machine.find({"SSL_CERT_FILE": "/home/user/company.pem"}), ENVIRONMENT, company)

    def test_the_other_half_is_not_a_private_copy(self, machine: FakeRoot, company: Authority, mozilla: Authority) -> None:
        machine.hashed("/opt/conda/ssl/certs", mozilla)
        machine.bundle("/home/user/company.pem", company)
        compiled = "/opt/conda/ssl/cert.pem", "/opt/conda/ssl/certs"
        store = machine.find({"SSL_CERT_FILE": "/home/user/company.pem"}, prefixes=["/opt/conda"], compiled=compiled)
        check(store, ENVIRONMENT, company)

    @pytest.mark.parametrize("value", ["/home/user/missing.pem", "", "/home/user", "/dev/null", "/home/user/\0"])
    def test_file_that_is_none_leaves_its_half_empty(self, value: str, debian: FakeRoot, public: Authority) -> None:
        debian.directory("/home/user")
        debian.directory("/dev")
        if value == "/dev/null":
            os.symlink("/dev/null", debian("/dev/null"))
        store = debian.find({"SSL_CERT_FILE": value}, compiled=self.COMPILED)
        check(store, ENVIRONMENT, public, warnings=1)
        assert (store.file, store.directory) == (None, debian(self.COMPILED[1]))
        assert store.warnings[0].startswith("SSL_CERT_FILE is set")
        assert "set" in why(store, debian(value) if value else "SSL_CERT_FILE")

    @pytest.mark.parametrize("value", ["/home/user/missing", "", "/home/user", ":", "/home/user/missing:/home/user"])
    def test_directory_that_is_none_leaves_its_half_empty(self, value: str, debian: FakeRoot, public: Authority) -> None:
        """Nobody needs to be warned of a directory that is empty, for all to see."""
        debian.directory("/home/user")
        store = debian.find({"SSL_CERT_DIR": value}, compiled=self.COMPILED)
        check(store, ENVIRONMENT, public, warnings=value.count("missing"))
        assert (store.file, store.directory) == (debian(self.COMPILED[0]), None)

    def test_nothing_is_no_mistake(self, debian: FakeRoot, company: Authority) -> None:
        """As the documentation recommends it."""
        debian.bundle("/home/user/company.pem", company)
        debian.hashed("/home/user/certs", company)
        environ = {"SSL_CERT_FILE": "/home/user/company.pem", "SSL_CERT_DIR": ""}
        check(debian.find(environ, compiled=self.COMPILED), ENVIRONMENT, company)
        environ = {"SSL_CERT_FILE": "", "SSL_CERT_DIR": "/home/user/certs"}
        check(debian.find(environ, compiled=self.COMPILED), ENVIRONMENT, company)

    def test_nothing_at_all_is_what_the_user_asked_for(self, debian: FakeRoot) -> None:
        store = debian.find({"SSL_CERT_FILE": "/missing.pem", "SSL_CERT_DIR": "/missing"}, compiled=self.COMPILED)
        check(store, ENVIRONMENT, warnings=2)
        assert [path for path, _ in store.passed_over] == [debian("/missing.pem"), debian("/missing")]

    def test_list_of_directories(self, debian: FakeRoot, company: Authority, mozilla: Authority, public: Authority) -> None:
        debian.hashed("/home/user/a", company)
        debian.hashed("/home/user/b", mozilla)
        store = debian.find({"SSL_CERT_DIR": "/home/user/a:/home/user/none::/home/user/b"}, compiled=self.COMPILED)
        check(store, ENVIRONMENT, company, mozilla, public, warnings=1)
        assert store.directory == f"{debian('/home/user/a')}:{debian('/home/user/b')}"

    def test_relative_paths(self, debian: FakeRoot, company: Authority, public: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
        debian.bundle("/home/user/company.pem", company)
        monkeypatch.chdir(debian("/home/user"))
        store = debian.find({"SSL_CERT_FILE": "company.pem"}, compiled=self.COMPILED)
        check(store, ENVIRONMENT, company, public)

    @pytest.mark.parametrize("value", ["company.pem", "roots/company.pem"])
    def test_relative_path_without_a_working_directory(
        self, value: str, debian: FakeRoot, public: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(debian.directory("/home/user"))
        os.rmdir(debian("/home/user"))
        check(debian.find({"SSL_CERT_FILE": value}, compiled=self.COMPILED), ENVIRONMENT, public, warnings=1)

    @pytest.mark.parametrize(
        ("path", "prefixes", "more"),
        [
            ("/opt/conda/ssl/cacert.pem", ["/opt/conda"], {}),
            ("/opt/conda/ssl/cacert.pem", ["/usr"], {"CONDA_PREFIX": "/opt/conda"}),
            ("/opt/conda/ssl/cacert.pem", ["/usr"], {"CONDA_PREFIX": "/opt/conda/"}),
            ("/opt/conda/ssl/cacert.pem", ["/opt/link"], {}),
            ("/opt/link/ssl/cacert.pem", ["/opt/conda"], {}),
            ("/opt/conda/ssl/cacert.pem", ["/usr"], {"__CONDA_OPENSLL_CERT_FILE_SET": "1"}),
            ("/usr/lib/python3/dist-packages/certifi/cacert.pem", ["/usr"], {}),
            ("/srv/venv/lib/python3.12/site-packages/pip/_vendor/certifi/cacert.pem", ["/usr"], {}),
            ("/srv/venv/roots.pem", ["/srv/venv", "/usr"], {}),
            ("/home/linuxbrew/.linuxbrew/etc/openssl@3/cert.pem", ["/usr"], {}),
        ],
    )
    def test_not_the_users_wish(
        self, path: str, prefixes: list[str], more: dict[str, str], debian: FakeRoot, mozilla: Authority, public: Authority
    ) -> None:
        debian.link("/opt/link", "/opt/conda")
        debian.bundle(path.replace("link", "conda", 1) if path.startswith("/opt") else path, mozilla)
        store = debian.find({"SSL_CERT_FILE": path, **more}, prefixes=prefixes, compiled=self.COMPILED)
        check(store, OPENSSL, public, warnings=1)
        assert "not the user's choice" in why(store, debian(path))
        assert store.warnings[0].startswith(f"SSL_CERT_FILE names {debian(path)}, which is ")

    @pytest.mark.parametrize(
        ("path", "prefixes", "more"),
        [
            ("/usr/local/share/company.pem", ["/usr/local"], {}),
            ("/usr/share/company.pem", ["/usr"], {"CONDA_PREFIX": "/usr"}),
            ("/opt/conda-like/company.pem", ["/opt/conda"], {}),
            ("/home/user/company.pem", ["/opt/conda"], {"CONDA_PREFIX": "/opt/conda", "__CONDA_OPENSLL_CERT_FILE_SET": "1"}),
            ("/home/user/company.pem", ["/usr"], {"CONDA_PREFIX": "", "APPDIR": "", "HOMEBREW_PREFIX": "relative"}),
            ("/home/user/company.pem", ["/", ""], {}),
            ("/home/user/certifi.pem", ["/usr"], {}),
            ("/home/user/ssl/cacert.pem", ["/usr"], {}),
            ("/home/user/company.pem", ["/opt/linked-to-usr"], {}),
        ],
    )
    def test_the_users_wish(
        self, path: str, prefixes: list[str], more: dict[str, str], debian: FakeRoot, company: Authority, public: Authority
    ) -> None:
        debian.link("/opt/linked-to-usr", "/usr")
        debian.bundle(path, company)
        check(debian.find({"SSL_CERT_FILE": path, **more}, prefixes=prefixes, compiled=self.COMPILED), ENVIRONMENT, company, public)

    def test_empty_value_in_a_virtual_environments_directory(
        self, debian: FakeRoot, public: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An empty path is not the working directory."""
        monkeypatch.chdir(debian.directory("/srv/venv"))
        environ = {"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}
        check(debian.find(environ, prefixes=["/srv/venv"], compiled=self.COMPILED), ENVIRONMENT, warnings=1)

    def test_the_standard_library_keeps_no_copy(
        self, debian: FakeRoot, company: Authority, mozilla: Authority, public: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is in the prefix, but what CPython's own tests name in there is their wish (`test_load_default_certs_env`)."""
        library = "/opt/python/lib/python3.12"
        monkeypatch.setattr(os, "__file__", debian.write(f"{library}/os.py"))
        for path, root, step in (
            (f"{library}/test/certdata/ca.pem", company, ENVIRONMENT),
            (f"{library}/ca.pem", mozilla, OPENSSL),
            (f"{library}/site-packages/ca.pem", mozilla, OPENSSL),
        ):
            debian.bundle(path, root)
            store = debian.find({"SSL_CERT_FILE": path}, prefixes=["/opt/python"], compiled=self.COMPILED)
            assert store.step == step
            assert (root.der in store.read()) == (root is company)

    def test_private_directory_that_is_a_link(self, debian: FakeRoot, mozilla: Authority, public: Authority) -> None:
        debian.bundle("/mnt/shared/cacert.pem", mozilla)
        debian.link("/opt/conda/ssl", "/mnt/shared")
        store = debian.find({"SSL_CERT_FILE": "/opt/conda/ssl/cacert.pem"}, prefixes=["/opt/conda"], compiled=self.COMPILED)
        check(store, OPENSSL, public, warnings=1)

    def test_link_to_a_private_copy_is_the_users_wish(self, debian: FakeRoot, mozilla: Authority, public: Authority) -> None:
        debian.bundle("/srv/venv/site-packages/certifi/cacert.pem", mozilla)
        debian.link("/home/user/roots.pem", "/srv/venv/site-packages/certifi/cacert.pem")
        store = debian.find({"SSL_CERT_FILE": "/home/user/roots.pem"}, prefixes=["/srv/venv"], compiled=self.COMPILED)
        check(store, ENVIRONMENT, mozilla, public)

    def test_directories_that_are_not_the_users(
        self, debian: FakeRoot, company: Authority, mozilla: Authority, public: Authority
    ) -> None:
        debian.hashed("/opt/conda/ssl/certs", mozilla)
        debian.hashed("/home/user/roots", company)
        environ = {"SSL_CERT_DIR": "/opt/conda/ssl/certs"}
        check(debian.find(environ, prefixes=["/opt/conda"], compiled=self.COMPILED), OPENSSL, public, warnings=1)
        environ = {"SSL_CERT_DIR": "/opt/conda/ssl/certs:/home/user/roots"}
        store = debian.find(environ, prefixes=["/opt/conda"], compiled=self.COMPILED)
        check(store, ENVIRONMENT, company, public, warnings=1)
        assert store.directory == debian("/home/user/roots")

    @pytest.mark.parametrize("nix", ["python", "openssl"])
    def test_nix_asks_its_own_variable_first(
        self, nix: str, debian: FakeRoot, company: Authority, mozilla: Authority, public: Authority
    ) -> None:
        debian.bundle("/nix/store/cccc-nss-cacert/etc/ssl/certs/ca-bundle.crt", mozilla)
        debian.bundle("/home/user/company.pem", company)
        environ = {
            "NIX_SSL_CERT_FILE": "/nix/store/cccc-nss-cacert/etc/ssl/certs/ca-bundle.crt",
            "SSL_CERT_FILE": "/home/user/company.pem",
        }
        prefixes = ["/nix/store/aaaa-python3"] if nix == "python" else ["/srv/venv"]
        compiled = (DEBIAN, "/nix/store/bbbb-openssl/etc/ssl/certs") if nix == "openssl" else (DEBIAN, NOWHERE[1])
        check(debian.find(environ, prefixes=prefixes, compiled=compiled), ENVIRONMENT, mozilla)
        check(debian.find({"SSL_CERT_FILE": environ["SSL_CERT_FILE"]}, prefixes=prefixes, compiled=compiled), ENVIRONMENT, company)
        check(debian.find(environ, compiled=self.COMPILED), ENVIRONMENT, company, public)

    def test_nix_sandbox(self, debian: FakeRoot, company: Authority) -> None:
        """Nix's builder sets a path that does not exist: no network is meant, and no roots."""
        debian.bundle("/home/user/company.pem", company)
        environ = {"NIX_SSL_CERT_FILE": "/no-cert-file.crt", "SSL_CERT_FILE": "/home/user/company.pem"}
        check(debian.find(environ, prefixes=["/nix/store/aaaa-python3"]), ENVIRONMENT, warnings=1)

    def test_nixs_variable_is_nothing_to_others(self, debian: FakeRoot, mozilla: Authority, public: Authority) -> None:
        debian.bundle("/home/user/roots.pem", mozilla)
        check(debian.find({"NIX_SSL_CERT_FILE": "/home/user/roots.pem"}, compiled=self.COMPILED), OPENSSL, public)

    def test_what_the_user_shadows(self, debian: FakeRoot, company: Authority, public: Authority) -> None:
        debian.bundle("/home/user/company.pem", company)
        assert debian.find({"SSL_CERT_FILE": "/home/user/company.pem"}, compiled=self.COMPILED).file == debian(
            "/home/user/company.pem"
        )
        check(debian.find({}, compiled=self.COMPILED), OPENSSL, public)

    def test_a_bundle_and_directory_of_the_system_by_name(self, machine: FakeRoot, public: Authority) -> None:
        """Many container images set both variables to what is the default anyway."""
        machine.bundle(DEBIAN, public)
        machine.hashed("/etc/ssl/certs", public)
        store = machine.find({"SSL_CERT_FILE": DEBIAN, "SSL_CERT_DIR": "/etc/ssl/certs"})
        check(store, ENVIRONMENT, public)
        assert store.covered


class TestPrivateCopy:
    def test_is_the_last_resort(self, machine: FakeRoot, mozilla: Authority) -> None:
        machine.bundle("/opt/conda/ssl/cert.pem", mozilla)
        compiled = "/opt/conda/ssl/cert.pem", "/opt/conda/ssl/certs"
        store = machine.find(prefixes=["/opt/conda"], compiled=compiled)
        check(store, PRIVATE, mozilla, warnings=1)
        assert machine("/opt/conda/ssl/cert.pem") in store.warnings[0]
        assert machine("/opt/conda/ssl/cert.pem") not in dict(store.passed_over)

    def test_directory(self, machine: FakeRoot, mozilla: Authority) -> None:
        machine.hashed("/opt/conda/ssl/certs", mozilla)
        compiled = "/opt/conda/ssl/cert.pem", "/opt/conda/ssl/certs"
        check(machine.find(prefixes=["/opt/conda"], compiled=compiled), PRIVATE, mozilla, warnings=1)

    def test_from_the_environment(self, machine: FakeRoot, mozilla: Authority) -> None:
        machine.bundle("/srv/site-packages/certifi/cacert.pem", mozilla)
        check(machine.find({"SSL_CERT_FILE": "/srv/site-packages/certifi/cacert.pem"}), PRIVATE, mozilla, warnings=1)

    def test_that_is_missing_does_not_count(self, machine: FakeRoot) -> None:
        check(machine.find({"SSL_CERT_FILE": "/srv/site-packages/certifi/cacert.pem"}), NOTHING, warnings=1)


class TestNothing:
    def test_everything_looked_at_is_told(self, machine: FakeRoot) -> None:
        store = machine.find()
        check(store, NOTHING)
        expected = [*NOWHERE]
        for table in (places.BUNDLES, places.HASHED_DIRECTORIES, places.OTHER_DIRECTORIES):
            expected += [path for path, *_ in table["linux"]]
        assert store.passed_over == tuple((machine(path), "is missing") for path in expected)

    def test_in_words(self, machine: FakeRoot) -> None:
        assert str(machine.find()).startswith("no store")


class TestWords:
    def test_of_each_step(self, machine: FakeRoot, public: Authority) -> None:
        bundle = machine.bundle(DEBIAN, public)
        assert str(machine.find()) == f"the roots in {bundle} (where this kind of system keeps them)"
        directory = machine.hashed("/etc/ssl/certs", public)
        why = "set in the environment, the directory instead of the file, with the same certificates"
        expected = f"the roots in {bundle} and {directory} ({why})"
        assert str(machine.find({"SSL_CERT_FILE": DEBIAN, "SSL_CERT_DIR": "/etc/ssl/certs"})) == expected
        assert repr(machine.find(compiled=(DEBIAN, NOWHERE[1]))) == f"<Store: the roots in {bundle} (what OpenSSL was built for)>"

    def test_of_a_half_that_nobody_set(self, machine: FakeRoot, public: Authority, company: Authority) -> None:
        bundle = machine.bundle("/home/user/company.pem", company)
        directory = machine.hashed("/etc/ssl/certs", public)
        store = machine.find({"SSL_CERT_FILE": "/home/user/company.pem"}, compiled=(NOWHERE[0], "/etc/ssl/certs"))
        assert str(store) == f"the roots in {bundle} (set in the environment) and {directory} (what OpenSSL was built for)"
        store = machine.find({"SSL_CERT_FILE": "/missing.pem"}, compiled=(NOWHERE[0], "/etc/ssl/certs"))
        assert str(store) == f"the roots in {directory} (what OpenSSL was built for)"
        store = machine.find({"SSL_CERT_DIR": ""}, compiled=("/home/user/company.pem", NOWHERE[1]))
        assert str(store) == f"the roots in {bundle} (what OpenSSL was built for)"

    def test_of_files(self, machine: FakeRoot, public: Authority) -> None:
        machine.bundle("/system/etc/security/cacerts/00673b5b.0", public)
        directory = machine("/system/etc/security/cacerts")
        assert (
            str(machine.find(platform="android")) == f"the roots in 1 files in {directory} (where this kind of system keeps them)"
        )


class TestHere:
    """What the arguments are when none are given."""

    def test_environment_and_compiled_paths(self, tmp_path: Path, public: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
        bundle = FakeRoot(tmp_path).bundle("/mine.pem", public)
        monkeypatch.setenv("SSL_CERT_FILE", bundle)
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
        store = search.find()
        check(store, ENVIRONMENT, public, warnings=1)
        assert store.file == bundle
        paths = ssl.get_default_verify_paths()
        assert search._compiled() == (paths.openssl_cafile, paths.openssl_capath)

    def test_prefixes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "prefix", "/srv/venv")  # the user's: what lies there is a wish
        assert sys.base_prefix in search._prefixes()
        assert "/srv/venv" not in search._prefixes()
        monkeypatch.setattr(sys, "executable", "/opt/app/app")
        assert "/opt/app" not in search._prefixes()
        monkeypatch.setattr(sys, "frozen", True, raising=False)
        assert "/opt/app" in search._prefixes()
        monkeypatch.setattr(sys, "_MEIPASS", "/opt/app/_internal", raising=False)
        assert {"/opt/app/_internal", "/opt/app"} <= {*search._prefixes()}
        monkeypatch.setattr(sys, "_MEIPASS", "/tmp/_MEIx5gF2p", raising=False)
        assert "/tmp/_MEIx5gF2p" in search._prefixes()
        assert "/opt/app" not in search._prefixes()  # what lies beside a program in one file may be the user's

    def test_frozen_programs_have_no_exempt_folder(
        self, machine: FakeRoot, mozilla: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """PyInstaller and Nuitka say that os.py lies in the program's folder, where it does not."""
        app = "/opt/app"
        monkeypatch.setattr(os, "__file__", machine(f"{app}/os.pyc"))
        for path in f"{app}/cacert.pem", f"{app}/test/cacert.pem":
            machine.bundle(path, mozilla)
            assert machine.find({"SSL_CERT_FILE": path}, prefixes=[app]).step == PRIVATE

    def test_android_has_said_linux(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Until Python 3.13."""
        monkeypatch.setattr(sys, "getandroidapilevel", lambda: 24, raising=False)
        assert search._platform() == "android"

    @pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "CONDA_PREFIX"])
    def test_program_with_more_rights_ignores_the_environment(self, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(variable, "/somebody/elses")
        assert search._environ()[variable] == "/somebody/elses"
        monkeypatch.setattr(secure, "is_secure", lambda: True)
        assert not search._environ()

    def test_rights_are_no_question_without_a_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for variable in search._VARIABLES:
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setattr(secure, "is_secure", None)
        assert not search._environ()


class TestTable:
    """The data, and its copy for readers."""

    TABLES = (places.BUNDLES, places.HASHED_DIRECTORIES, places.OTHER_DIRECTORIES)

    def test_each_row_is_complete(self) -> None:
        for table in self.TABLES:
            assert list(table) == list(places.BUNDLES)
            for rows in table.values():
                assert all(
                    path == os.path.normpath(path) and path.startswith("/") and system and source for path, system, source in rows
                )
                assert len({path for path, *_ in rows}) == len(rows)

    def test_documentation_lists_each_path(self) -> None:
        page = Path(__file__).parent.parent.joinpath("docs", "store.md").read_text("utf-8")
        listed = set(re.findall(r"^\| `(/[^`]*)` \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE))
        kinds = {"file": self.TABLES[0], "hashed directory": self.TABLES[1], "directory": self.TABLES[2]}
        assert listed == {(path, kind, who) for kind, table in kinds.items() for rows in table.values() for path, who, _ in rows}
