"""The errors are those of OpenSSL and CPython, whoever gave the verdict."""

from __future__ import annotations

import _ssl
import ctypes
import gc
import pickle
import ssl
import sys
import weakref
from typing import Any

import cases
import pytest
from certificates import Authority, self_signed
from fake_verifier import chain_built, load

from truststore import _verdict, _verify_codes

PLATFORM = _verdict.Platform("Windows", "the machine's certificate store")
FLAGS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).verify_flags
NOTES = sys.version_info >= (3, 11)


def case_named(name: str) -> cases.Case:
    return next(case for case in cases.CASES if case.id == name)


def question_of(case: cases.Case) -> _verdict.Question:
    world = case.world()
    return _verdict.Question(world.ders, case.host, FLAGS, case.common_name)


def question(*ders: bytes, hostname: str | None = "www.example.test") -> _verdict.Question:
    return _verdict.Question(ders, hostname, FLAGS, True)


def attributes(error: BaseException) -> dict[str, Any]:
    return vars(error)


def note(error: BaseException) -> str:
    (only,) = attributes(error)["__notes__"]
    assert isinstance(only, str)
    return only


def openssl_says(case: cases.Case) -> ssl.SSLCertVerificationError:
    context: Any = _ssl._SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = case.host is not None
    load(context, [root.der for root in case.world().roots])
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        chain_built(context, case.world().ders, case.host)
    return caught.value


REFUSED = [
    "expired-leaf",
    "future-leaf",
    "wrong-name",
    "ipv4-wrong",
    "ipv6-wrong",
    "self-signed",
    "stranger-with-root",
    "missing-intermediate",
    "purpose-client",
    "bad-signature-leaf",
    "unknown-critical-leaf",
    "sha1-leaf",
]


@pytest.mark.parametrize("name", REFUSED)
def test_as_openssl_raises_it(name: str) -> None:
    case = case_named(name)
    real = openssl_says(case)
    ours = _verdict.refusal(question_of(case), real.verify_code, PLATFORM)
    assert type(ours) is type(real)
    assert f"{ours} (_ssl.c:" == str(real)[: len(str(ours)) + 9]
    assert ours.args == (real.args[0], str(ours))
    for attribute in ("errno", "strerror", "library", "reason", "verify_code", "verify_message", "filename"):
        theirs = getattr(real, attribute)
        assert getattr(ours, attribute) == (theirs.partition(" (_ssl.c:")[0] if attribute == "strerror" else theirs), attribute
    assert vars(real).keys() <= vars(ours).keys()


def test_words_are_openssl_s() -> None:
    words = _library_words()
    assert {code: words(code) for code in _verify_codes.OPENSSL_WORDS} == _verify_codes.OPENSSL_WORDS
    assert words(max(_verify_codes.OPENSSL_WORDS) + 1).startswith("unknown")


def _library_words() -> Any:
    """X509_verify_cert_error_string() of the very library that `ssl` uses."""
    if not (3, 0) <= ssl.OPENSSL_VERSION_INFO[:2] <= max(_verify_codes.NEWER_WORDS):
        pytest.skip(f"the table is that of OpenSSL 3.0 to 3.6, here is {ssl.OPENSSL_VERSION}")
    try:
        function = ctypes.CDLL(_ssl.__file__).X509_verify_cert_error_string
    except (AttributeError, OSError) as error:
        pytest.skip(f"libcrypto cannot be reached through _ssl: {error}")
    function.argtypes, function.restype = [ctypes.c_long], ctypes.c_char_p
    return lambda code: function(code).decode()


def test_unknown_code_is_unspecified() -> None:
    error = _verdict.refusal(question(b""), 4711, PLATFORM)
    assert (error.verify_code, error.verify_message) == (4711, "unspecified certificate verification error")


def test_mismatch_without_hostname_has_openssl_s_words() -> None:
    assert _verdict.refusal(question(b"", hostname=None), 62, PLATFORM).verify_message == "hostname mismatch"


@pytest.mark.parametrize(
    ("message", "code", "shown"),
    [
        ("", None, ""),
        ("Ein Zertifikat ist abgelaufen.\r\n", 0x800B0101, " (Windows: Ein Zertifikat ist abgelaufen., 0x800B0101)"),
        ("", -0x7FF4FEFF, " (Windows: 0x800B0101)"),
        ("“www” certificate is expired", -67818, " (Windows: “www” certificate is expired, -67818)"),
        ("refused", None, " (Windows: refused)"),
        ("", 0, " (Windows: 0)"),
        ("two\r\n  lines", None, " (Windows: two lines)"),
        ("\x1b[2Jinjected\0", None, r" (Windows: \x1b[2Jinjected\x00)"),
    ],
)
def test_what_the_platform_said(message: str, code: int | None, shown: str) -> None:
    error = _verdict.refusal(question(b""), 10, PLATFORM, platform_code=code, platform_message=message)
    assert str(error) == f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired{shown}"
    assert error.verify_message == "certificate has expired"
    kept = attributes(error)
    assert (kept["platform"], kept["platform_code"], kept["platform_message"]) == ("Windows", code, message)


def test_no_verdict() -> None:
    error = _verdict.no_verdict(question(b""), PLATFORM, "the service does not answer", -25291)
    assert error.verify_code == 1
    assert error.verify_message == "the certificate could not be evaluated: the service does not answer"
    assert str(error).endswith("the service does not answer (Windows: -25291)")


def test_nothing_to_verify_with() -> None:
    error = _verdict.nothing_to_verify_with(PLATFORM, [("/etc/ssl/cert.pem", "no such file"), ("/etc/certs", "empty")])
    assert "(looked at /etc/ssl/cert.pem: no such file; /etc/certs: empty)" in str(error)
    assert "looked at nowhere" in str(_verdict.nothing_to_verify_with(PLATFORM, []))
    assert (error.verify_code, error.reason, error.library) == (20, "CERTIFICATE_VERIFY_FAILED", "SSL")


# Notes. -----------------------------------------------------------------------------------------------------------------------------------

with_notes = pytest.mark.skipif(not NOTES, reason="exceptions have notes from Python 3.11")


@with_notes
def test_note_tells_whose_and_where() -> None:
    root = Authority.new(common_name="Example Root")
    leaf = root.issue("www.example.test", common_name="www")
    text = note(_verdict.refusal(question(leaf.der), 20, PLATFORM))
    assert "[O=truststore tests, CN=www], issued by [O=truststore tests, CN=Example Root], was refused." in text
    assert "Asked: Windows, with the machine's certificate store." in text
    assert "load_verify_locations()" in text


@with_notes
def test_note_points_at_the_culprit() -> None:
    case = case_named("expired-intermediate")
    text = note(_verdict.refusal(question_of(case), 10, PLATFORM, index=1))
    assert "CN=Intermediate " in text.partition("issued by")[0]


@with_notes
@pytest.mark.parametrize(("chain", "index"), [((), 0), ((b"",), 0), ((b"\x30\x03\x02\x01\x00",), 0), ((b"",), 7)])
def test_note_without_certificate(chain: tuple[bytes, ...], index: int) -> None:
    text = note(_verdict.refusal(question(*chain), 1, PLATFORM, index=index))
    assert text.startswith("The peer's certificate is missing or cannot be read. Asked: Windows")


@with_notes
def test_note_escapes_what_a_terminal_would_obey() -> None:
    leaf = self_signed("a.test", common_name="\x1b[31m\r\n\u202e")
    text = note(_verdict.refusal(question(leaf.der), 18, PLATFORM))
    assert r"CN=\x1b[31m\r\n\u202e" in text
    assert text.isprintable()


@with_notes
def test_note_has_the_remedy_given() -> None:
    text = note(_verdict.refusal(question(b""), 10, PLATFORM, remedy="Ask Apple."))
    assert text.endswith("Ask Apple.")
    assert "clock" not in text


def test_each_code_has_a_remedy_or_says_why_not() -> None:
    newer = {code for words in _verify_codes.NEWER_WORDS.values() for code in words}
    assert _verify_codes.REMEDIES.keys() == _verify_codes.OPENSSL_WORDS.keys() | newer
    for code, remedy in _verify_codes.REMEDIES.items():
        assert remedy.isprintable(), code
        assert remedy.endswith(".") or "~ssl" in remedy, code


def test_openssl_has_no_code_without_a_remedy() -> None:
    """The linked one: whoever adds codes is noticed."""
    words = _library_words()
    assert [code for code in range(1, 200) if code not in _verify_codes.REMEDIES and not words(code).startswith("unknown")] == []


@pytest.mark.parametrize("code", range(80, 95))
def test_what_strict_asks_for_can_be_done_without(code: int) -> None:
    remedy = _verify_codes.REMEDIES[code]
    assert remedy.startswith("VERIFY_X509_STRICT")
    assert "issue the certificate again: " in remedy
    assert remedy.endswith("context.verify_flags &= ~ssl.VERIFY_X509_STRICT.")


# Raised again. ----------------------------------------------------------------------------------------------------------------------------


def refused() -> ssl.SSLCertVerificationError:
    return _verdict.refusal(question(b""), 10, PLATFORM, platform_code=-67818, platform_message="expired")


def test_again_is_equal_and_fresh() -> None:
    try:
        raise refused() from ValueError("cause")
    except ssl.SSLCertVerificationError as error:
        original = error
    copy = _verdict.again(original)
    assert copy is not original
    assert (type(copy), copy.args, vars(copy)) == (type(original), original.args, vars(original))
    assert (copy.__traceback__, copy.__cause__, copy.__context__) == (None, None, None)


@with_notes
def test_again_has_notes_of_its_own() -> None:
    original = refused()
    copy = _verdict.again(original)
    attributes(copy)["__notes__"].append("added by a caller")
    assert len(attributes(original)["__notes__"]) == 1


def test_again_keeps_no_connection_alive() -> None:
    class Connection:
        """What remembers its refusal."""

        error = refused()

        def read(self) -> None:
            raise _verdict.again(self.error)

    connection = Connection()
    alive = weakref.ref(connection)
    gc.disable()
    try:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            connection.read()
        del caught, connection
        assert alive() is None
    finally:
        gc.enable()


def test_errors_travel_between_processes() -> None:
    original = refused()
    copy = pickle.loads(pickle.dumps(original))
    assert (type(copy), copy.args, vars(copy)) == (type(original), original.args, vars(original))


# Two judges. ------------------------------------------------------------------------------------------------------------------------------


def refused_by(code: int, platform: _verdict.Platform) -> ssl.SSLCertVerificationError:
    return _verdict.refusal(question(b""), code, platform)


@pytest.mark.parametrize(
    ("own", "systems", "said"),
    [(20, 62, 62), (62, 20, 62), (20, 19, 20), (2, 20, 2), (62, 10, 62), (10, 62, 10), (20, 1, 1), (18, 23, 23)],
)
def test_the_refusal_that_got_further_is_said(own: int, systems: int, said: int) -> None:
    error = _verdict.further(refused_by(own, _verdict.OWN), refused_by(systems, PLATFORM))
    assert error.verify_code == said


@with_notes
def test_the_note_names_both_judges() -> None:
    first, second = attributes(_verdict.further(refused_by(62, _verdict.OWN), refused_by(20, PLATFORM)))["__notes__"]
    assert "Asked: OpenSSL, with what the program loaded." in first
    assert second == "Also asked: Windows, with the machine's certificate store: unable to get local issuer certificate"


# Questions. -------------------------------------------------------------------------------------------------------------------------------


def test_question_is_a_snapshot() -> None:
    sent = [b"leaf"]
    asked = _verdict.Question(sent, "a.test", FLAGS, False, 3)
    sent.append(b"more")
    other = asked.about([b"other"])
    assert (asked.chain, other.chain) == ((b"leaf",), (b"other",))
    assert (other.hostname, other.flags, other.common_name, other.security_level) == ("a.test", FLAGS, False, 3)


@pytest.mark.parametrize(
    ("held", "compared"), [("a.test.", "a.test"), ("a.test", "a.test"), ("192.0.2.1.", "192.0.2.1."), (".", ""), (None, None)]
)
def test_systems_compare_names_without_a_trailing_dot(held: str | None, compared: str | None) -> None:
    """OpenSSL, which judges by what the program loaded, gets the name as the connection object holds it."""
    asked = _verdict.Question([b"leaf"], held, FLAGS, True)
    assert (asked.server_hostname, asked.hostname) == (held, compared)
