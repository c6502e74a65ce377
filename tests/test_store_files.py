"""Files and directories that are not what they should be, and the proof that a directory may stand for a bundle."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import socket
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from certificates import KEYS, Authority, pem_file
from cryptography import x509
from cryptography.x509.oid import NameOID
from fake_root import NOWHERE, FakeRoot, subject_hash
from pem_files import BEGIN, END, block
from servers import in_memory

from truststore._store import files, pem
from truststore._store.search import NOTHING, OPENSSL, TABLE, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

if sys.platform == "win32":
    pytest.skip("FIFOs, symbolic links and permissions as on Unix", allow_module_level=True)

BUNDLE, DIRECTORY = "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs"
NEXT = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"

TWINS = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Twin")])
ROOTS = [Authority.new(f"Root {number}", key="p256") for number in range(3)]
ROOTS += [Authority.new(key="p256", subject=TWINS) for _ in range(2)]
OTHER = Authority.new("Other", key="p256")
CRL = block(OTHER.crl(), "X509 CRL")


@pytest.fixture
def machine(tmp_path: Path) -> FakeRoot:
    return FakeRoot(tmp_path.resolve())


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Root may read everything: be nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


class TestBundle:
    """What cannot serve is passed over with a reason, and the next place is looked at."""

    def passed_over(self, machine: FakeRoot) -> str:
        machine.bundle(NEXT, OTHER)
        store = machine.find()
        assert (store.step, store.file) == (TABLE, machine(NEXT))
        assert store.read() == [OTHER.der]
        return dict(store.passed_over)[machine(BUNDLE)]

    @pytest.mark.parametrize("content", ["", "\n\n", "# nothing\n", OTHER.key_pem, CRL])
    def test_without_certificates(self, content: str, machine: FakeRoot) -> None:
        machine.write(BUNDLE, content)
        assert self.passed_over(machine) == "holds no certificate"

    @pytest.mark.parametrize(
        "content",
        [
            ROOTS[0].pem[:300],
            ROOTS[0].pem.replace("\nM", "\n!M", 1),
            block(OTHER.crl()),
            OTHER.pem.replace("-----\n", "-----", 1),
            OTHER.pem[:200] + "\0" + OTHER.pem[200:],
        ],
    )
    def test_damaged(self, content: str, machine: FakeRoot) -> None:
        """No block that OpenSSL loads."""
        path = machine.write(BUNDLE, content)
        with pytest.raises(ssl.SSLError):
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        assert self.passed_over(machine) == "is damaged: OpenSSL refuses to read it"

    def test_directory(self, machine: FakeRoot) -> None:
        machine.directory(BUNDLE)
        assert self.passed_over(machine) == "is not a regular file"

    @pytest.mark.timeout(10)
    def test_fifo(self, machine: FakeRoot) -> None:
        machine.fifo(BUNDLE)
        assert self.passed_over(machine) == "is not a regular file"

    @pytest.mark.timeout(10)
    def test_fifo_that_came_in_between(self, machine: FakeRoot) -> None:
        """Even between the look and the reading nothing waits."""
        with pytest.raises(OSError, match="Not a regular file"):
            files._bundle_problem(machine.fifo("/fifo"), ())

    def test_socket(self, machine: FakeRoot, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(machine.directory(DIRECTORY))  # a socket's path must be short
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(os.path.basename(BUNDLE))
            assert self.passed_over(machine) == "is not a regular file"

    @pytest.mark.timeout(10)
    @pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
    def test_device(self, device: str, machine: FakeRoot) -> None:
        machine.directory(DIRECTORY)
        os.symlink(device, machine(BUNDLE))
        assert self.passed_over(machine) == "is not a regular file"

    def test_broken_link(self, machine: FakeRoot) -> None:
        machine.link(BUNDLE, "/nowhere.pem")
        assert self.passed_over(machine) == "is missing"

    def test_link_to_itself(self, machine: FakeRoot) -> None:
        machine.link(BUNDLE, BUNDLE)
        assert self.passed_over(machine).startswith("cannot be read (Too many levels")

    def test_below_a_file(self, machine: FakeRoot) -> None:
        machine.write(DIRECTORY)
        assert self.passed_over(machine).startswith("cannot be read (Not a directory")

    def test_unreadable(self, machine: FakeRoot, request: pytest.FixtureRequest) -> None:
        os.chmod(machine.bundle(BUNDLE, OTHER), 0)
        machine.bundle(NEXT, OTHER)
        make_reachable(machine)
        request.getfixturevalue("unprivileged")
        store = machine.find()
        assert store.file == machine(NEXT)
        assert dict(store.passed_over)[machine(BUNDLE)] == "cannot be read (Permission denied)"

    @pytest.mark.parametrize(
        "content",
        [
            f"Root 0\n======\n{ROOTS[0].pem}\n# comment\n{OTHER.pem}".encode(),
            pem_file([ROOTS[0], OTHER]).replace("\n", "\r\n").encode(),
            pem_file([ROOTS[0], OTHER, OTHER]).encode(),
            b"\xef\xbb\xbf" + pem_file([ROOTS[0], OTHER]).encode(),
            b"\xef\xbb\xbf# T\xc3\xbcrkTrust\n" + pem_file([ROOTS[0], OTHER]).encode(),
            pem_file([ROOTS[0], OTHER]).replace("CERTIFICATE", "TRUSTED CERTIFICATE").encode(),
        ],
    )
    def test_other_forms(self, content: bytes, machine: FakeRoot) -> None:
        machine.write(BUNDLE, content)
        store = machine.find()
        assert (store.file, store.covered, store.certificates) == (machine(BUNDLE), False, 2)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(machine(BUNDLE))
        assert set(context.get_ca_certs(True)) == set(store.read()) == {ROOTS[0].der, OTHER.der}

    def test_twenty_thousand(self, machine: FakeRoot) -> None:
        serial = OTHER.parsed.serial_number.to_bytes(20, "big")[-16:]
        head, tail = OTHER.der.split(serial)
        ders = [head + number.to_bytes(16, "big") + tail for number in range(20_000)]
        machine.write(BUNDLE, "".join(map(ssl.DER_cert_to_PEM_cert, ders)))
        assert machine.find().file == machine(BUNDLE)


def make_reachable(machine: FakeRoot) -> None:
    """For any user: pytest keeps its directories closed."""
    for folder in (machine.folder, *machine.folder.parents):
        if folder.stat().st_uid == os.geteuid() and folder.name.startswith(("pytest-", "test_", "popen-")):
            folder.chmod(0o755)


class TestCost:
    """What is looked at has a bound."""

    @pytest.fixture
    def calls(self) -> Iterator[list[str]]:
        """The calls of functions of `os`, from when `sys.setprofile(profile)` is."""
        seen: list[str] = []

        def profile(frame: object, event: str, function: Any) -> None:
            if event == "c_call" and (
                getattr(function, "__module__", "") == "posix" or "DirEntry.stat" in getattr(function, "__qualname__", "")
            ):
                seen.append(function.__name__)

        before = sys.getprofile()
        sys.setprofile(profile)
        try:
            yield seen
        finally:
            sys.setprofile(before)

    @pytest.mark.parametrize("links", [True, False])
    def test_five_thousand_names(self, links: bool, machine: FakeRoot, monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
        """As SSL_CERT_DIR, for three contexts: plain ssl takes a dozen. Up to fifteen are due to how deep the folder of the test lies."""
        monkeypatch.setattr(files, "_SETTLED_AFTER", 0)
        machine.bundle(BUNDLE, OTHER)
        machine.bundle("/home/user/one.pem", OTHER)
        machine.directory("/home/user/certs")
        for number in range(5000):
            path = machine(f"/home/user/certs/{number:08x}.0")
            os.symlink("../one.pem", path) if links else os.link(machine("/home/user/one.pem"), path)
        machine.link(f"{DIRECTORY}/{subject_hash(OTHER)}.0", "/home/user/one.pem")
        del calls[:]
        for _ in range(3):
            store = machine.find({"SSL_CERT_DIR": "/home/user/certs"}, compiled=(BUNDLE, DIRECTORY))
        assert store.directory == machine("/home/user/certs")
        looks = {"stat", "lstat", "fstat", "open", "read", "close", "scandir", "listdir", "readlink"}
        assert len([call for call in calls if call in looks]) <= 60

    def test_a_large_directory_is_not_compared(self, machine: FakeRoot, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files, "_PROVEN", 4)
        machine.bundle(BUNDLE, *ROOTS)
        machine.hashed(DIRECTORY, *ROOTS)
        assert not machine.find().covered

    @pytest.mark.timeout(10)
    @pytest.mark.parametrize("size", [300 << 20, 1 << 40])
    def test_large_bundle(self, size: int, machine: FakeRoot) -> None:
        path = machine.bundle(BUNDLE, OTHER)
        os.truncate(path, size)
        store = machine.find()
        assert not store
        assert dict(store.passed_over)[path] == "cannot be read (More than 16 MiB)"
        assert (
            machine.find({"SSL_CERT_FILE": BUNDLE}).warnings[0].startswith(f"SSL_CERT_FILE is set, but {path} cannot be read (More")
        )

    @pytest.mark.timeout(30)
    @pytest.mark.parametrize(
        "filling",
        ["\0", "\n", "x", "-----BEGIN ", f"{BEGIN}\n", block(b"ABC"), f"{BEGIN}\nA\n", "A" * 64 + "\n", "A\n", f"{END}\n"],
    )
    def test_odd_bundle(self, filling: str, machine: FakeRoot) -> None:
        """What is within the bound takes a second, not minutes."""
        machine.write(BUNDLE, OTHER.pem + filling * ((6 << 20) // len(filling)))
        machine.write(NEXT, f"{BEGIN}\n{filling * ((6 << 20) // len(filling))}")
        store = machine.find()
        assert store.file == machine(BUNDLE)
        assert store.read() == [OTHER.der]

    @pytest.mark.timeout(10)
    def test_file_that_grows_without_end(self, machine: FakeRoot, monkeypatch: pytest.MonkeyPatch) -> None:
        machine.bundle(BUNDLE, OTHER)
        monkeypatch.setattr(os, "read", lambda descriptor, size: b"\n" * size)
        assert dict(machine.find().passed_over)[machine(BUNDLE)] == "cannot be read (More than 16 MiB)"

    def test_short_reads(self, machine: FakeRoot, monkeypatch: pytest.MonkeyPatch) -> None:
        machine.bundle(BUNDLE, *ROOTS)
        original = os.read
        monkeypatch.setattr(os, "read", lambda descriptor, size: original(descriptor, min(size, 7)))
        assert set(machine.find().read()) == {root.der for root in ROOTS}

    def test_the_kernels_files_are_larger_than_they_say(self) -> None:
        assert os.path.getsize("/proc/self/status") == 0
        assert b"Name:" in pem.contents("/proc/self/status")


class TestHashedDirectory:
    def problem(self, machine: FakeRoot) -> str:
        store = machine.find()
        assert store.step == NOTHING
        return dict(store.passed_over)[machine(DIRECTORY)]

    def test_without_names(self, machine: FakeRoot) -> None:
        machine.bundle(f"{DIRECTORY}/other.pem", OTHER)
        machine.bundle(f"{DIRECTORY}/{subject_hash(OTHER)}.1", OTHER)
        assert self.problem(machine).startswith("holds no file with a name that OpenSSL looks for")

    def test_with_broken_links_alone(self, machine: FakeRoot) -> None:
        machine.link(f"{DIRECTORY}/{subject_hash(OTHER)}.0", "/nowhere.pem")
        assert self.problem(machine).startswith("holds no file with a name that OpenSSL looks for")

    def test_with_one_broken_link(self, machine: FakeRoot) -> None:
        machine.link(f"{DIRECTORY}/{subject_hash(OTHER)}.0", "/nowhere.pem")
        machine.hashed(DIRECTORY, ROOTS[0])
        assert machine.find().read() == [ROOTS[0].der]

    @pytest.mark.timeout(10)
    def test_with_a_fifo(self, machine: FakeRoot) -> None:
        """OpenSSL would open it, within a handshake, and wait."""
        machine.hashed(DIRECTORY, ROOTS[0])
        machine.fifo(f"{DIRECTORY}/{subject_hash(OTHER)}.0")
        assert self.problem(machine) == "holds a FIFO or a device, which OpenSSL would wait for"

    @pytest.mark.timeout(10)
    @pytest.mark.parametrize("linked", [True, False])
    @pytest.mark.parametrize("suffix", ["r0", "r1", "0", "7"])
    def test_fifo_among_the_names(self, suffix: str, linked: bool, machine: FakeRoot) -> None:
        """Of revocation lists, too, which OpenSSL looks for if it is told to check them."""
        machine.hashed(DIRECTORY, ROOTS[0])
        name = f"{DIRECTORY}/{subject_hash(OTHER)}.{suffix}"
        if linked:
            machine.link(name, machine.fifo("/fifo")[len(machine("")) :])
        else:
            machine.fifo(name)
        assert self.problem(machine) == "holds a FIFO or a device, which OpenSSL would wait for"

    def test_fifo_by_another_name(self, machine: FakeRoot) -> None:
        machine.hashed(DIRECTORY, ROOTS[0])
        machine.fifo(f"{DIRECTORY}/fifo")
        assert machine.find().directory == machine(DIRECTORY)

    def test_file(self, machine: FakeRoot) -> None:
        machine.write(DIRECTORY)
        assert self.problem(machine) == "is not a directory"

    def test_unreadable(self, machine: FakeRoot, request: pytest.FixtureRequest) -> None:
        os.chmod(machine.hashed(DIRECTORY, OTHER), 0o711)
        make_reachable(machine)
        request.getfixturevalue("unprivileged")
        assert self.problem(machine) == "cannot be read (Permission denied)"


class TestCoverage:
    """The directory stands for the bundle only if it is proven to hold the same."""

    @pytest.fixture
    def machine(self, machine: FakeRoot) -> FakeRoot:
        machine.bundle(BUNDLE, *ROOTS)
        machine.hashed(DIRECTORY, *ROOTS)
        return machine

    def find(self, machine: FakeRoot) -> Store:
        return machine.find(compiled=(BUNDLE, DIRECTORY))

    def name(self, authority: Authority, number: object = 0) -> str:
        return f"{DIRECTORY}/{subject_hash(authority)}.{number}"

    def target(self, machine: FakeRoot, authority: Authority) -> str:
        return os.path.realpath(machine(self.name(authority)))

    def test_untouched(self, machine: FakeRoot) -> None:
        store = self.find(machine)
        assert (store.step, store.covered) == (OPENSSL, True)
        assert set(store.read()) == {root.der for root in ROOTS}

    def test_roots_of_one_name_are_numbered(self, machine: FakeRoot) -> None:
        assert os.path.exists(machine(self.name(ROOTS[3], 1)))
        assert self.find(machine).covered

    def test_authority_appended_to_the_bundle(self, machine: FakeRoot) -> None:
        append(machine(BUNDLE), OTHER.pem)
        store = self.find(machine)
        assert not store.covered
        assert OTHER.der in store.read()

    def test_authority_removed_from_the_bundle(self, machine: FakeRoot) -> None:
        machine.bundle(BUNDLE, *ROOTS[1:])
        assert not self.find(machine).covered

    def test_certificate_twice_in_the_bundle(self, machine: FakeRoot) -> None:
        append(machine(BUNDLE), ROOTS[0].pem)
        assert not self.find(machine).covered

    def test_broken_link(self, machine: FakeRoot) -> None:
        os.remove(self.target(machine, ROOTS[0]))
        assert not self.find(machine).covered

    def test_removed_link(self, machine: FakeRoot) -> None:
        os.remove(machine(self.name(ROOTS[0])))
        assert not self.find(machine).covered

    def test_doubled_link(self, machine: FakeRoot) -> None:
        machine.link(self.name(ROOTS[0], 1), self.name(ROOTS[0]))
        assert not self.find(machine).covered

    def test_one_doubled_here_another_there(self, machine: FakeRoot) -> None:
        append(machine(BUNDLE), ROOTS[1].pem)
        machine.link(self.name(ROOTS[0], 1), self.name(ROOTS[0]))
        assert not self.find(machine).covered

    def test_one_doubled_and_one_removed(self, machine: FakeRoot) -> None:
        machine.link(self.name(ROOTS[0], 1), self.name(ROOTS[0]))
        os.remove(machine(self.name(ROOTS[1])))
        assert not self.find(machine).covered

    def test_authority_that_is_not_in_the_bundle(self, machine: FakeRoot) -> None:
        machine.hashed(DIRECTORY, OTHER)
        assert not self.find(machine).covered

    def test_authority_in_the_place_of_another(self, machine: FakeRoot) -> None:
        machine.hashed(DIRECTORY, OTHER)
        os.remove(machine(self.name(ROOTS[0])))
        assert not self.find(machine).covered

    def test_same_size_other_content(self, machine: FakeRoot) -> None:
        target = self.target(machine, ROOTS[0])
        forged = ROOTS[0].with_bad_signature().pem
        assert os.path.getsize(target) == len(forged)
        Path(target).write_text(forged)
        assert not self.find(machine).covered

    def test_revocation_list_in_the_bundle(self, machine: FakeRoot) -> None:
        """It would be lost with the bundle."""
        append(machine(BUNDLE), CRL)
        store = self.find(machine)
        assert (store.file, store.covered) == (machine(BUNDLE), False)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        assert not files.load(context, machine(BUNDLE))
        assert context.cert_store_stats()["crl"] == 1

    def test_certificate_copied_in_without_a_name(self, machine: FakeRoot) -> None:
        """Neither store has it: plain ssl does not see it either."""
        machine.bundle(f"{DIRECTORY}/other.crt", OTHER)
        assert self.find(machine).covered

    def test_gap(self, machine: FakeRoot) -> None:
        os.rename(machine(self.name(ROOTS[3], 0)), machine(self.name(ROOTS[3], 2)))
        assert not self.find(machine).covered

    def test_gap_before_something_else(self, machine: FakeRoot) -> None:
        machine.link(self.name(OTHER, 1), self.name(ROOTS[0]))
        assert not self.find(machine).covered

    @pytest.mark.parametrize("junk", ["", "junk", OTHER.pem[:300]])
    def test_junk_before_a_certificate(self, junk: str, machine: FakeRoot) -> None:
        os.rename(machine(self.name(ROOTS[0])), machine(self.name(ROOTS[0], 1)))
        machine.write(self.name(ROOTS[0]), junk)
        assert not self.find(machine).covered

    def test_directory_by_a_certificates_name(self, machine: FakeRoot) -> None:
        machine.directory(self.name(OTHER))
        assert not self.find(machine).covered

    @pytest.mark.timeout(10)
    def test_fifo_in_the_place_of_a_certificate(self, machine: FakeRoot) -> None:
        os.remove(machine(self.name(ROOTS[0])))
        machine.fifo(self.name(ROOTS[0]))
        store = self.find(machine)
        assert (store.file, store.directory, store.covered) == (machine(BUNDLE), None, False)

    @pytest.mark.parametrize("more", [OTHER, ROOTS[1]])
    def test_several_certificates_in_one_file(self, more: Authority, machine: FakeRoot) -> None:
        append(self.target(machine, ROOTS[0]), more.pem)
        assert not self.find(machine).covered

    def test_certificate_that_only_openssl_sees(self, machine: FakeRoot) -> None:
        """It reads lines in pieces of 254 characters."""
        append(self.target(machine, ROOTS[0]), "x" * 254 + OTHER.pem)
        assert not self.find(machine).covered

    def test_trust_settings(self, machine: FakeRoot) -> None:
        settings = bytes.fromhex("300c300a06082b06010505070304")  # for e-mail alone
        text = ssl.DER_cert_to_PEM_cert(ROOTS[0].der + settings).replace("CERTIFICATE", "TRUSTED CERTIFICATE")
        Path(self.target(machine, ROOTS[0])).write_text(text)
        assert not self.find(machine).covered

    def test_text_around(self, machine: FakeRoot) -> None:
        Path(self.target(machine, ROOTS[0])).write_text(f"Root\r\n{ROOTS[0].pem}\nbye".replace("\n", "\r\n"))
        assert self.find(machine).covered

    def test_unreadable_file(self, machine: FakeRoot, request: pytest.FixtureRequest) -> None:
        os.chmod(self.target(machine, ROOTS[0]), 0)
        make_reachable(machine)
        request.getfixturevalue("unprivileged")
        assert not self.find(machine).covered

    def test_directory_without_certificates(self, machine: FakeRoot) -> None:
        for name in os.listdir(machine(DIRECTORY)):
            if machine(f"{DIRECTORY}/{name}") != machine(BUNDLE):
                os.remove(machine(f"{DIRECTORY}/{name}"))
        store = self.find(machine)
        assert (store.directory, store.covered) == (None, False)

    def test_bundle_that_only_openssl_reads(self, machine: FakeRoot) -> None:
        """What cannot be compared is not the same, not even as an empty directory."""
        Path(machine(BUNDLE)).write_bytes(b"\xef\xbb\xbf" + OTHER.pem.encode())
        assert not self.find(machine).covered
        for name in os.listdir(machine(DIRECTORY)):
            if machine(f"{DIRECTORY}/{name}") != machine(BUNDLE):
                os.remove(machine(f"{DIRECTORY}/{name}"))
        assert not self.find(machine).covered
        assert (machine.find().file, machine.find().covered) == (machine(BUNDLE), False)

    def test_directory_of_no_system(self, machine: FakeRoot) -> None:
        """That its names are by today's hash is known of those in the table alone."""
        machine.hashed("/opt/openssl/certs", *ROOTS)
        assert not machine.find(compiled=(BUNDLE, "/opt/openssl/certs")).covered

    def test_link_to_a_directory_of_the_system(self, machine: FakeRoot) -> None:
        machine.link("/usr/lib/ssl/certs", DIRECTORY)
        assert machine.find(compiled=(BUNDLE, "/usr/lib/ssl/certs")).covered

    def test_not_covered_and_from_the_table_means_the_bundle_alone(self, machine: FakeRoot) -> None:
        machine.hashed(DIRECTORY, OTHER)
        store = machine.find()
        assert (store.step, store.file, store.directory) == (TABLE, machine(BUNDLE), None)
        assert OTHER.der not in store.read()

    def test_misnamed_link_is_not_seen_and_refuses(self, machine: FakeRoot) -> None:
        """The limit of the proof. It costs a connection, never safety."""
        os.rename(machine(self.name(ROOTS[0])), machine(self.name(OTHER)))
        store = self.find(machine)
        assert store.covered
        assert verifies(store, ROOTS[1])
        assert not verifies(store, ROOTS[0])

    @pytest.mark.parametrize("root", [ROOTS[0], ROOTS[3], ROOTS[4]])
    def test_openssl_finds_each(self, root: Authority, machine: FakeRoot) -> None:
        assert verifies(self.find(machine), root)
        assert not verifies(self.find(machine), OTHER)


def append(path: str, text: str) -> None:
    with open(path, "a", encoding="ascii") as file:
        file.write(text)


def verifies(store: Store, authority: Authority) -> bool:
    """Whether the directory alone, as a covered store is used, lets a server of this authority pass."""
    assert store.covered
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(capath=store.directory)
    try:
        in_memory(context, authority.issue("localhost").server_context())
    except ssl.SSLCertVerificationError:
        return False
    return True


class TestMemory:
    """Facts about files are remembered as long as the files are the same."""

    @pytest.fixture
    def machine(self, machine: FakeRoot, monkeypatch: pytest.MonkeyPatch) -> FakeRoot:
        machine.bundle(BUNDLE, *ROOTS)
        machine.hashed(DIRECTORY, *ROOTS)
        return machine

    @pytest.fixture
    def settled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As if the files were older than they are."""
        monkeypatch.setattr(files, "_SETTLED_AFTER", 0)

    @pytest.fixture
    def reads(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Whatever is read or listed from now on."""
        seen: list[str] = []

        def watched(function: Callable[[str], Any]) -> Callable[[str], Any]:
            def watch(path: str) -> Any:
                seen.append(path)
                return function(path)

            return watch

        monkeypatch.setattr(pem, "contents", watched(pem.contents))
        monkeypatch.setattr(os, "listdir", watched(os.listdir))
        monkeypatch.setattr(os, "scandir", watched(os.scandir))
        return seen

    def test_nothing_is_read_twice(self, machine: FakeRoot, settled: None, reads: list[str]) -> None:
        for compiled in (NOWHERE, (BUNDLE, DIRECTORY)):
            assert machine.find(compiled=compiled).covered
        assert machine(BUNDLE) in reads
        assert len(reads) > len(ROOTS)
        del reads[:]
        for compiled in (NOWHERE, (BUNDLE, DIRECTORY)):
            assert machine.find(compiled=compiled).covered
        assert not reads

    def test_what_was_just_changed_is_read_again(self, machine: FakeRoot, reads: list[str]) -> None:
        """It could change once more within the same tick of the file system's clock."""
        for _ in range(2):
            del reads[:]
            assert machine.find().covered
            assert len(reads) > len(ROOTS)

    def test_clock_that_went_back(self, machine: FakeRoot, reads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """Files from the future are no reason to read them for every context."""
        monkeypatch.setattr(files, "time_ns", itertools.count(1).__next__)
        machine.find()
        del reads[:]
        machine.find()
        assert not reads

    def test_bundle_appended_to(self, machine: FakeRoot, settled: None) -> None:
        assert machine.find().covered
        before = os.stat(machine(DIRECTORY))
        append(machine(BUNDLE), OTHER.pem)
        assert os.stat(machine(DIRECTORY)).st_mtime_ns == before.st_mtime_ns
        assert not machine.find().covered

    def test_bundle_of_the_same_size_and_time(self, machine: FakeRoot, settled: None) -> None:
        assert machine.find().covered
        before = os.stat(machine(BUNDLE))
        forged = pem_file([ROOTS[0].with_bad_signature(), *ROOTS[1:]])
        while os.stat(machine(BUNDLE)).st_ctime_ns == before.st_ctime_ns:  # a tick of the file system's clock at most
            Path(machine(BUNDLE)).write_text(forged)
            os.utime(machine(BUNDLE), ns=(before.st_atime_ns, before.st_mtime_ns))
        after = os.stat(machine(BUNDLE))
        assert (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)
        assert not machine.find().covered

    @pytest.mark.parametrize("change", ["added", "removed", "replaced"])
    def test_directory(self, change: str, machine: FakeRoot) -> None:
        assert machine.find().covered
        if change != "added":
            os.remove(machine(f"{DIRECTORY}/{subject_hash(ROOTS[0])}.0"))
        if change != "removed":
            machine.hashed(DIRECTORY, OTHER)
        assert not machine.find().covered

    def test_bundle_that_came_and_went(self, machine: FakeRoot, settled: None) -> None:
        assert machine.find().file == machine(BUNDLE)
        os.rename(machine(BUNDLE), machine("/kept"))
        assert machine.find().directory == machine(DIRECTORY)
        assert machine.find().file is None
        os.rename(machine("/kept"), machine(BUNDLE))
        assert machine.find().file == machine(BUNDLE)

    def test_bundle_that_became_good(self, machine: FakeRoot) -> None:
        machine.write(BUNDLE, "")
        assert machine.find().file is None
        machine.bundle(BUNDLE, *ROOTS)
        assert machine.find().file == machine(BUNDLE)

    def test_files_of_a_directory(self, machine: FakeRoot) -> None:
        machine.bundle("/system/etc/security/cacerts/11111111.0", ROOTS[0])
        assert len(machine.find(platform="android").files) == 1
        machine.bundle("/system/etc/security/cacerts/22222222.0", ROOTS[1])
        assert len(machine.find(platform="android").files) == 2

    @pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EIO, errno.ESTALE, errno.ENOMEM])
    @pytest.mark.parametrize("call", ["stat", "open", "fstat", "read", "scandir", "listdir"])
    @pytest.mark.parametrize("layout", ["bundle", "directory", "both", "android", "odd", "certifi"])
    def test_a_passing_error_passes(
        self, layout: str, call: str, code: int, machine: FakeRoot, settled: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is remembered are facts about files, never a look that failed."""
        find = self.laid_out(layout, machine)
        with monkeypatch.context() as patch:
            failing = [code]

            def fails(*arguments: Any, **keywords: Any) -> Any:
                if failing and not (isinstance(arguments[0], str) and not arguments[0].startswith(machine(""))):
                    raise OSError(code, os.strerror(code), arguments[0])
                return original(*arguments, **keywords)

            original = getattr(os, call)
            patch.setattr(os, call, fails)
            find()
            find()
        assert self.known(find()) == self.expected(layout, machine)

    @pytest.mark.parametrize("call", ["stat", "open", "fstat", "read", "scandir", "listdir"])
    @pytest.mark.parametrize("layout", ["bundle", "directory", "both", "android", "odd", "certifi"])
    @pytest.mark.parametrize("number", [1, 2, 3, 5, 8])
    def test_an_error_in_the_middle_passes(
        self, number: int, layout: str, call: str, machine: FakeRoot, settled: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        find = self.laid_out(layout, machine)
        calls = itertools.count(1)
        original = getattr(os, call)

        def fails_once(*arguments: Any, **keywords: Any) -> Any:
            if next(calls) == number:
                raise OSError(errno.EIO, "Input/output error")
            return original(*arguments, **keywords)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, fails_once)
            find()
        assert self.known(find()) == self.expected(layout, machine)

    def laid_out(self, layout: str, machine: FakeRoot) -> Callable[[], Store]:
        if layout not in ("bundle", "both"):
            os.remove(machine(BUNDLE))
        if layout not in ("directory", "both"):
            for name in os.listdir(machine(DIRECTORY)):
                if machine(f"{DIRECTORY}/{name}") != machine(BUNDLE):
                    os.remove(machine(f"{DIRECTORY}/{name}"))
        if layout == "android":
            machine.bundle("/system/etc/security/cacerts/11111111.0", ROOTS[0])
            machine.bundle("/system/etc/security/cacerts/22222222.0", ROOTS[1])
            return lambda: machine.find(platform="android")
        if layout == "odd":
            machine.write(BUNDLE, b"\xef\xbb\xbf" + pem_file(ROOTS).encode() + CRL.encode())
        if layout == "certifi":
            machine.write("/venv/certifi/cacert.pem", OTHER.pem)
            machine.write("/venv/certifi-1.dist-info/RECORD", "certifi/cacert.pem,sha256=AAAA,1\n")
            return lambda: machine.find({"SSL_CERT_FILE": "/venv/certifi/cacert.pem", "SSL_CERT_DIR": ""})
        return machine.find

    def known(self, store: Store) -> tuple[str | None, str | None, int, bool]:
        return store.file, store.directory, len(store.files), store.covered

    def expected(self, layout: str, machine: FakeRoot) -> tuple[str | None, str | None, int, bool]:
        file = machine("/venv/certifi/cacert.pem") if layout == "certifi" else machine(BUNDLE)
        directory = machine(DIRECTORY) if layout in ("directory", "both") else None
        return None if layout in ("directory", "android") else file, directory, 2 * (layout == "android"), layout == "both"

    def test_no_descriptor_left(self, machine: FakeRoot, settled: None) -> None:
        """In earnest, OpenSSL included."""
        import resource

        machine.write(BUNDLE, b"\xef\xbb\xbf" + pem_file(ROOTS).encode() + CRL.encode())
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        held: list[int] = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, limits[0]), limits[1]))
        try:
            with contextlib.suppress(OSError):
                while True:
                    held.append(os.open("/dev/null", os.O_RDONLY))
            assert not machine.find()
            with pytest.raises(OSError, match="Too many open files"):
                files.load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), machine(BUNDLE))
        finally:
            for descriptor in held:
                os.close(descriptor)
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert machine.find().file == machine(BUNDLE)
        assert files.load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), machine(BUNDLE)) == ()

    def test_link_that_cannot_be_followed_now(self, machine: FakeRoot, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
        """It may lead to a FIFO."""
        os.remove(machine(BUNDLE))
        machine.fifo("/fifo")
        machine.link(f"{DIRECTORY}/{subject_hash(OTHER)}.0", "/fifo")
        original = os.stat

        def fails(path: str, **keywords: Any) -> os.stat_result:
            if path.endswith(f"{subject_hash(OTHER)}.0"):
                raise PermissionError(errno.EACCES, "Permission denied")
            return original(path, **keywords)

        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", fails)
            assert machine.find().directory == machine(DIRECTORY)
        assert not machine.find()

    def test_it_has_a_bound(self) -> None:
        for remembered in (
            files._bundle_problem,
            files._hashed_directory_problem,
            files._covers,
            files._certificate_files,
            files._loadable,
        ):
            assert 0 < (remembered.cache_info().maxsize or 0) <= 64


def test_a_key_of_each_kind_can_be_a_root(machine: FakeRoot) -> None:
    roots = [Authority.new(kind, key=kind) for kind in KEYS if kind.startswith(("rsa2048", "p", "ed"))]
    machine.bundle(BUNDLE, *roots)
    machine.hashed(DIRECTORY, *roots)
    store = machine.find()
    assert store.covered
    assert set(store.read()) == {root.der for root in roots}
