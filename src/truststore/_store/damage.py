"""Files that OpenSSL does not read as a whole: which of their blocks it does read.

OpenSSL refuses a PEM file for one bad block. In a store that was found (not in a file that the program names itself), such a block costs
no more than itself: the blocks are cut apart here, OpenSSL is asked about them, and what it reads is loaded. What a certificate is, is
not decided here. One thing is kept from OpenSSL: a block with a header, as encrypted ones have, for it would ask for a password at the
terminal. Private keys and the like are not roots, damaged or not, and are left out silently.

OpenSSL is asked about all blocks at once, and where that fails, about each half. So a sound file is parsed once, and a bad block
costs about twice the logarithm of their number. The number of questions is limited: blocks without an answer by then do not count.
"""

from __future__ import annotations

import binascii
import os
import re
from itertools import islice
from ssl import SSLError

from .. import _der
from .._stdlib import CContext, plain_context
from . import pem

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

_MARK = re.compile(rb"-----(BEGIN|END) ([^\r\n-]{1,64})-----")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: What OpenSSL takes from a file alone, not from memory.
_TRUSTED, _CRL = b"TRUSTED CERTIFICATE", b"X509 CRL"
_FROM_FILES = (_TRUSTED, _CRL)
_WANTED = (b"CERTIFICATE", b"X509 CERTIFICATE", *_FROM_FILES)
#: So many blocks are looked at, so often OpenSSL is asked, and so many bad blocks get its reason, at most.
_MOST, _QUESTIONS, _REASONS = 10_000, 30_000, 50
#: No certificate is larger, by far: what is in it is not looked at.
_LARGE = 1 << 17
#: So many questions one context takes.
_FOR_ONE = 100
_SAID = 10


class Damaged:
    """A block that was left out."""

    __slots__ = ("line", "path", "reason", "subject")

    def __init__(self, path: str, line: int, subject: str, reason: str) -> None:
        self.path = path
        #: Where it begins, from 1.
        self.line = line
        #: As text, "" if it cannot be read.
        self.subject = subject
        #: OpenSSL's, or why OpenSSL was not asked.
        self.reason = reason

    def __str__(self) -> str:
        whose = f" ({self.subject})" if self.subject else ""
        return f"{self.path}, line {self.line}: left out a block{whose} that OpenSSL does not load: {self.reason}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"


def in_words(damaged: tuple[Damaged, ...]) -> str:
    """For a log or a note: not more lines than somebody reads."""
    lines = [str(block) for block in damaged[:_SAID]]
    return "\n".join([*lines, f"and {len(damaged) - _SAID} more"] if len(damaged) > _SAID else lines)


class Sound:
    """What OpenSSL reads of a file, in the file's order, and what it does not."""

    __slots__ = ("_blocks", "_whole", "certificates", "damaged", "is_empty", "is_whole")

    def __init__(self, blocks: list[_Block], damaged: tuple[Damaged, ...] = (), whole: str | None = None) -> None:
        self._blocks, self._whole = blocks, whole
        #: OpenSSL reads the file as it is.
        self.is_whole = whole is not None
        loaded = plain_context()
        self.load(loaded)
        #: OpenSSL loads no certificate of it.
        self.is_empty = not loaded.cert_store_stats()["x509"]
        #: DER, no duplicates, without those that OpenSSL's own settings keep from vouching for servers.
        self.certificates = _certificates(loaded, blocks)
        self.damaged = damaged

    def load(self, context: ssl.SSLContext) -> None:
        """Raises OSError if the file, or a temporary one, cannot be read now."""
        if self._whole:
            CContext.load_verify_locations(context, self._whole)
        elif self._blocks:
            _load(context, self._blocks)


class _Block:
    """One block as it stands in the file; `problem`: why OpenSSL is not asked about it."""

    __slots__ = ("der", "label", "line", "problem", "settings", "text")

    def __init__(self, label: bytes, text: bytes, line: int, problem: str) -> None:
        self.label, self.line = label, line
        self.text = text.rstrip() + b"\n"
        body = text.partition(b"\n")[2].rpartition(b"-----END ")[0]
        decoded = _decoded(body)
        size = pem.der_size(decoded) or len(decoded)
        self.der, self.settings = decoded[:size], decoded[size:]
        self.problem = problem or (
            "it has a header, as if it were encrypted" if b":" in body else "" if text.isascii() else "it is not text"
        )


def sound(data: bytes, path: str, by_file: bool = True) -> Sound:
    """Ask OpenSSL about each block in a file's bytes. Raises OSError if that is not possible now.

    Not `by_file`: no temporary file can be written, so what OpenSSL takes from files alone is left out.
    """
    found = list(islice(_blocks(data), _MOST + 1))
    wanted = [block for block in found[:_MOST] if block.label in _WANTED]
    if _is_read_whole(data, path):
        return Sound([block for block in wanted if not block.problem], whole=path)
    for block in found[_MOST:]:
        block.problem = f"it comes after {_MOST} others, and was not examined"
        wanted.append(block)
    for block in wanted:
        if block.label in _FROM_FILES and not by_file:
            block.problem = block.problem or "OpenSSL reads such a block only from a file, and no temporary file can be written"
    bad = {block for block in wanted if block.problem}
    bad |= _unreadable([block for block in wanted if not block.problem])
    good = [block for block in wanted if block not in bad]
    return Sound(good, _named([block for block in wanted if block in bad], good, path))


def _is_read_whole(data: bytes, path: str) -> bool:
    """Whether OpenSSL reads the file as it is: then what it makes of odd blocks is right by definition."""
    return b"-----BEGIN " in data and _succeeds(lambda: plain_context().load_verify_locations(path))


def _blocks(data: bytes) -> Iterator[_Block]:
    """Cut a file into its blocks. Where a newline is missing between two, as `cat` leaves it, the next one counts nevertheless."""
    lines = _Lines(data)
    start, end = None, -1
    for mark in _MARK.finditer(data):
        if mark[1] == b"END":
            if start:
                end = mark.end()
                yield _cut(data, start, end, lines, "" if mark[2] == start[2] else "another END line")
            start = None
        elif _begins_a_line(data, mark.start(), end):
            if start:
                yield _cut(data, start, mark.start(), lines, "no END line")
            start = mark
    if start:
        yield _cut(data, start, len(data), lines, "no END line")


def _begins_a_line(data: bytes, position: int, end: int) -> bool:
    return position in (0, end) or data[position - 1] == 0x0A or (position == 3 and data.startswith(_BYTE_ORDER_MARK))


def _cut(data: bytes, start: re.Match[bytes], end: int, lines: _Lines, problem: str) -> _Block:
    behind = data[start.end() : end].partition(b"\n")[0].strip()
    problem = f"it has {problem}" if problem else "it has text after BEGIN" if behind else ""
    return _Block(start[2], data[start.start() : end], lines.number(start.start()), problem)


class _Lines:
    """The numbers of lines, for rising positions."""

    def __init__(self, data: bytes) -> None:
        self._data, self._position, self._number = data, 0, 1

    def number(self, position: int) -> int:
        self._number += self._data.count(b"\n", self._position, position)
        self._position = position
        return self._number


def _decoded(body: bytes) -> bytes:
    try:
        return binascii.a2b_base64(body)
    except binascii.Error:
        return b""


def _unreadable(blocks: list[_Block]) -> set[_Block]:
    """Those that OpenSSL does not load."""
    bad: set[_Block] = set()
    waiting = [blocks] if blocks else []
    scratch = plain_context()
    for number in range(1, _QUESTIONS + 1):
        if not waiting:
            break
        if number % _FOR_ONE == 0:  # a full store is slow to add to
            scratch = plain_context()
        asked = waiting.pop()
        if _are_read(asked, scratch):
            continue
        if len(asked) == 1:
            bad.update(asked)
        else:
            middle = len(asked) // 2
            waiting += (asked[middle:], asked[:middle])  # the first half next
    return bad.union(*waiting)


def _are_read(blocks: list[_Block], scratch: ssl.SSLContext) -> bool:
    """Whether OpenSSL loads all of them. At some it stops without an error, so they are counted, in a context of their own."""
    if not _succeeds(lambda: _load(scratch, blocks)):
        return False
    counted = plain_context()
    _load(counted, blocks)
    loaded = counted.cert_store_stats()
    return loaded["x509"] + loaded["crl"] >= len({block.der for block in blocks})


def _succeeds(load: Callable[[], None]) -> bool:
    try:
        load()
    except SSLError as error:
        if error.reason == "MALLOC_FAILURE":  # not the file's fault
            raise
        return False
    return True


def _load(context: ssl.SSLContext, blocks: list[_Block]) -> None:
    text = b"".join(block.text for block in blocks)
    if any(block.label in _FROM_FILES for block in blocks):
        _load_by_file(context, text)
    else:
        CContext.load_verify_locations(context, cadata=text.decode("ascii"))


def _load_by_file(context: ssl.SSLContext, text: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "roots.pem")
        with open(path, "wb") as file:
            file.write(text)
        CContext.load_verify_locations(context, path)


def _named(bad: list[_Block], good: list[_Block], path: str) -> tuple[Damaged, ...]:
    example = next((block for block in good if block.label not in _FROM_FILES), None)
    reasons = [block.problem or _reason(block, example) for block in bad[:_REASONS]]
    reasons += [block.problem or "see the ones above" for block in bad[_REASONS:]]
    return tuple(Damaged(path, block.line, _subject(block.der), reason) for block, reason in zip(bad, reasons))


def _reason(block: _Block, example: _Block | None) -> str:
    """What is wrong with the first thing it reads OpenSSL does not say, so it gets a sound one before; from DER it says more."""
    context = plain_context()
    try:
        if example and pem.der_size(block.der):
            context.load_verify_locations(cadata=example.der + block.der)
        _load(context, [*filter(None, [example]), block])
    except SSLError as error:
        words = str(error.args[-1]).partition(" (_ssl.c")[0].partition(": cadata")[0]
        return f"it is {_kind(block.der)} (OpenSSL says: {words})"
    return f"it is {_kind(block.der)}"


def _subject(der: bytes) -> str:
    try:
        return _der.name(_der.Certificate(der[:_LARGE]).subject)
    except ValueError:
        return ""


#: What people put in a certificate's place, by the tags of what is signed in it, or of the whole.
_REQUEST = bytes((_der.INTEGER, _der.SEQUENCE, _der.SEQUENCE, 0xA0))
_PUBLIC_KEY = bytes((_der.SEQUENCE, _der.BIT_STRING))
_LIST = bytes((_der.SEQUENCE, _der.SEQUENCE, _der.UTC_TIME))


def _kind(der: bytes) -> str:
    """What a block is instead of a certificate, as far as its outer form tells."""
    try:
        ((_, content),) = _der.elements(der[:_LARGE])
        parts = list(_der.elements(content))
        signed = bytes(tag for tag, _ in _der.elements(parts[0][1])) if parts[0][0] == _der.SEQUENCE else b""
    except (ValueError, IndexError):
        return "an incomplete certificate"
    if signed.lstrip(bytes((_der.INTEGER,))).startswith(_LIST):
        return "a revocation list"
    if signed == _REQUEST:
        return "a request for a certificate"
    if bytes(tag for tag, _ in parts) == _PUBLIC_KEY:
        return "a public key"
    return "a PKCS #7 file or the like" if parts[0][0] == _der.OID else "not a certificate to OpenSSL"


def _certificates(loaded: ssl.SSLContext, blocks: list[_Block]) -> tuple[bytes, ...]:
    """The DER of what OpenSSL has loaded, if it is the same that OpenSSL sees in these blocks; otherwise the authorities that it shows."""
    mine = [block for block in blocks if block.label != _CRL]
    if not mine:
        return tuple(loaded.get_ca_certs(True))
    before = loaded.cert_store_stats()
    ders = dict.fromkeys(block.der for block in mine)
    if before["x509"] != len(ders) or not _succeeds(lambda: loaded.load_verify_locations(cadata=b"".join(ders))):
        return tuple(loaded.get_ca_certs(True))
    if loaded.cert_store_stats() != before:
        return tuple(dict.fromkeys(loaded.get_ca_certs(True)))
    return tuple(dict.fromkeys(block.der for block in mine if block.label != _TRUSTED or pem.vouches_for_servers(block.settings)))
