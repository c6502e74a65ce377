"""Just enough DER to say whose a certificate is, and what it is valid for.

Nothing here makes a certificate trusted: the platform has parsed and judged it with its own code. What is read here goes into
messages, tells "expired" from "not yet valid" where the platform does not, and is looked at once more after the platform's yes (`_checks`).

Whatever is not well-formed raises `Malformed`, never an IndexError: the bytes come from the peer.
The structure is RFC 5280, section 4.1; the encoding X.690.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

INTEGER, BIT_STRING, OCTET_STRING, OID, SEQUENCE, SET = 0x02, 0x03, 0x04, 0x06, 0x30, 0x31
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
VERSION, EXTENSIONS = 0xA0, 0xA3  # TBSCertificate's [0] and [3]
DNS_NAME, IP_ADDRESS = 0x82, 0x87  # GeneralName's [2] and [7]
GENERAL_NAMES = frozenset((0xA0, 0x81, DNS_NAME, 0xA3, 0xA4, 0xA5, 0x86, IP_ADDRESS, 0x88))  # RFC 5280, section 4.2.1.6

CN = bytes.fromhex("550403")
SUBJECT_ALT_NAME, NAME_CONSTRAINTS, EXTENDED_KEY_USAGE = map(bytes.fromhex, ("551d11", "551d1e", "551d25"))

#: The attributes people know by a short name (RFC 4514, section 3; emailAddress from RFC 2985).
ATTRIBUTES = {
    CN: "CN",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("0992268993f22c640119"): "DC",
    bytes.fromhex("2a864886f70d010901"): "emailAddress",
}
#: String types and how their bytes are text; anything else is shown as latin-1.
CHARSETS = {0x0C: "utf-8", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}
#: The most characters of a name that a message shows.
SHOWN = 160


class Malformed(ValueError):
    """The bytes are not the DER structure that was expected."""


def elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (tag, content) of each element that `data` is made of."""
    position = 0
    while position < len(data):
        tag, start, end = _header(data, position)
        yield tag, data[start:end]
        position = end


def _header(data: bytes, position: int) -> tuple[int, int, int]:
    """The tag at `position`, and where its content starts and ends."""
    if position + 2 > len(data) or data[position] & 0x1F == 0x1F:
        raise Malformed("truncated element, or a tag of several bytes")
    start, length = position + 2, data[position + 1]
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4 or start + size > len(data):
            raise Malformed("a length that is indefinite, too long or truncated")
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    if start + length > len(data):
        raise Malformed("an element that ends after its container")
    return data[position], start, start + length


def only(data: bytes, tag: int) -> bytes:
    """The content of the one element of type `tag` that `data` is."""
    found = list(elements(data))
    if len(found) != 1 or found[0][0] != tag:
        raise Malformed(f"not a single element of type {tag:#x}")
    return found[0][1]


def oid(dotted: str) -> bytes:
    """The content of an OBJECT IDENTIFIER."""
    first, second, *rest = map(int, dotted.split("."))
    return b"".join(map(_base_128, (40 * first + second, *rest)))


def _base_128(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.insert(0, number & 0x7F | 0x80)
    return bytes(digits)


def algorithm(identifier: bytes) -> tuple[bytes, tuple[int, bytes]]:
    """What an AlgorithmIdentifier holds: an OID's content, and tag and content of the parameters, (0, b"") if there are none."""
    parts = [*elements(identifier), (0, b"")]
    if len(parts) > 3 or parts[0][0] != OID:
        raise Malformed("not an algorithm")
    return parts[0][1], parts[1]


class Certificate:
    """What a DER certificate says of itself. Raises `Malformed` if it is none."""

    __slots__ = ("_extensions", "issuer", "not_after", "not_before", "public_key", "signature_algorithms", "subject")

    def __init__(self, der: bytes) -> None:
        parts = list(elements(only(der, SEQUENCE)))
        if len(parts) != 3 or parts[0][0] != SEQUENCE:
            raise Malformed("not a certificate")
        fields = list(elements(parts[0][1]))
        if fields and fields[0][0] == VERSION:
            del fields[0]
        if len(fields) < 6:
            raise Malformed("a certificate without its mandatory fields")
        #: AlgorithmIdentifier's content, of what the issuer has signed and of the signature. They ought to be equal.
        self.signature_algorithms = fields[1][1], parts[1][1]
        #: Encoded names: equal bytes are equal names, `name()` makes them text.
        self.issuer, self.subject = fields[2][1], fields[4][1]
        #: "YYYYMMDDHHMMSSZ" in UTC, so that text order is time order.
        self.not_before, self.not_after = _validity(fields[3][1])
        #: SubjectPublicKeyInfo's content: an AlgorithmIdentifier and a BIT STRING.
        self.public_key = fields[5][1]
        self._extensions = next((content for tag, content in fields[6:] if tag == EXTENSIONS), b"")

    @property
    def addresses(self) -> list[bytes]:
        """The IP addresses it is for, 4 or 16 bytes each (RFC 5280, section 4.2.1.6)."""
        return [value for tag, value in self.alternative_names if tag == IP_ADDRESS]

    @property
    def dns_names(self) -> list[str]:
        """The DNS names it is for, as written."""
        return [value.decode("latin-1") for tag, value in self.alternative_names if tag == DNS_NAME]

    @property
    def purposes(self) -> frozenset[bytes]:
        """The OIDs of what it is for, nothing else (RFC 5280, section 4.2.1.12); empty: that is not said."""
        return frozenset(value for tag, value in self._elements_of(EXTENDED_KEY_USAGE) if tag == OID)

    @property
    def common_names(self) -> list[str]:
        """Those of its subject, as written."""
        return [
            value.decode(CHARSETS.get(tag, "latin-1"), "replace") for kind, tag, value in attributes(self.subject) if kind == CN
        ]

    @property
    def alternative_names(self) -> list[tuple[int, bytes]]:
        """All its names, each with the tag that says of which kind it is."""
        names = self._elements_of(SUBJECT_ALT_NAME)
        if not GENERAL_NAMES.issuperset(tag for tag, _ in names):
            raise Malformed("a name of no known kind")
        return names

    @property
    def constrains_names(self) -> bool:
        """Whether it limits what those that it issues are for (RFC 5280, section 4.2.1.10)."""
        return any(kind == NAME_CONSTRAINTS for kind, _ in self._each_extension())

    def _elements_of(self, which: bytes) -> list[tuple[int, bytes]]:
        """What an extension that is a sequence holds; nothing if there is none."""
        found = [value for kind, value in self._each_extension() if kind == which]
        if len(found) > 1:
            raise Malformed("an extension that stands twice")
        return [element for value in found for element in elements(only(value, SEQUENCE))]

    def _each_extension(self) -> Iterator[tuple[bytes, bytes]]:
        """OID and value."""
        for _, extension in elements(only(self._extensions, SEQUENCE) if self._extensions else b""):
            fields = list(elements(extension))
            if len(fields) < 2 or fields[0][0] != OID or fields[-1][0] != OCTET_STRING:
                raise Malformed("not an extension")
            yield fields[0][1], fields[-1][1]


def _validity(content: bytes) -> tuple[str, str]:
    times = [_time(tag, value) for tag, value in elements(content)]
    if len(times) != 2:
        raise Malformed("a validity without its two times")
    return times[0], times[1]


def _time(tag: int, value: bytes) -> str:
    """RFC 5280, 4.1.2.5: two-digit years from 50 are of the twentieth century."""
    text = value.decode("latin-1")
    if tag == UTC_TIME and len(text) == 13:
        text = ("19" if text >= "50" else "20") + text
    elif tag != GENERALIZED_TIME:
        raise Malformed("a time of unknown type")
    if len(text) != 15 or not text[:14].isdecimal() or text[14] != "Z":
        raise Malformed(f"not a time of RFC 5280: {text!r}")
    return text


def name(encoded: bytes) -> str:
    """A subject or issuer as text, most significant attribute first: ``O=Example, CN=Example Root``."""
    parts = [f"{ATTRIBUTES.get(kind, 'OID.' + kind.hex())}={_text(tag, value)}" for kind, tag, value in attributes(encoded)]
    return ", ".join(parts) or "(no name)"


def attributes(encoded: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """The parts of a subject or issuer: of what kind (OID), tag and content of the value."""
    for _, attribute_set in elements(encoded):
        for _, attribute in elements(attribute_set):
            fields = list(elements(attribute))
            if len(fields) != 2 or fields[0][0] != OID:
                raise Malformed("not an attribute of a name")
            yield fields[0][1], *fields[1]


def _text(tag: int, value: bytes) -> str:
    return printable(value.decode(CHARSETS.get(tag, "latin-1"), "replace"))


def shown(encoded: bytes) -> str:
    """The same for a message: of a name that is too long for one, the end, which tells most."""
    text = name(encoded)
    return text if len(text) <= SHOWN else f"…{text[1 - SHOWN :]}"


def printable(text: str) -> str:
    """The peer chooses these characters: what a terminal would obey is shown escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
