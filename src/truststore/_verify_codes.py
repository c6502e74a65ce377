"""X509_V_ERR_* of OpenSSL (openssl/x509_vfy.h): the codes, OpenSSL's words for them, and what a user can do. Data only."""

from __future__ import annotations

from ssl import OPENSSL_VERSION_INFO

UNSPECIFIED = 1
UNABLE_TO_GET_ISSUER_LOCALLY = 20
REVOKED, REJECTED = 23, 28
INVALID_EXTENSION = 41
EE_KEY_TOO_WEAK, CA_KEY_TOO_WEAK, SIGNATURE_TOO_WEAK = 66, 67, 68
HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH = 62, 64
#: The issuer of the last certificate that OpenSSL knows was not found; or that one is its own, and not trusted.
ISSUER_NOT_FOUND, ITS_OWN_ISSUER = frozenset((2, 20, 21)), frozenset((18, 19))
#: What is missing is an issuer that is trusted: another judge may know one.
UNKNOWN_ISSUER = ISSUER_NOT_FOUND | ITS_OWN_ISSUER
#: Final: no other judge can accept after this.
FINAL = frozenset((REVOKED, REJECTED))
MISMATCHES = {HOSTNAME_MISMATCH: "Hostname", IP_ADDRESS_MISMATCH: "IP address"}

#: It is about the server's own certificate; or about the time, which a certificate itself tells.
OF_THE_LEAF = frozenset((HOSTNAME_MISMATCH, 63, IP_ADDRESS_MISMATCH, 66))
NOT_YET_VALID, EXPIRED = 9, 10

_ADD_THE_ROOT = (
    "If this is a company's server or proxy, add its root to the system's store (ask the administrators), "
    "or to this program alone with SSLContext.load_verify_locations()."
)
_INTERMEDIATE_OR_ROOT = (
    "Perhaps the server does not send an intermediate certificate, which its operator then has to add. " + _ADD_THE_ROOT
)
_ISSUE_AGAIN = "The authority has to issue the certificate again"
_ISSUE_THE_LIST_AGAIN = "The authority has to issue its revocation list again"
_NOT_ASKED_FOR = (
    "Neither ssl nor truststore asks OpenSSL for this check: it comes from OpenSSL's settings, which somebody has changed."
)
_NOT_A_VERDICT = "OpenSSL skips such an issuer and looks for another, so this is not a verdict to expect, and there is no remedy."
_PROXY = (
    "This is a proxy certificate (RFC 3820), which is not for servers: the server's operator has to install one from an authority."
)
_SUITE_B = (
    "The program requires Suite B (set_ciphers() with SUITEB128 or the like): the server's operator has to comply with it, or the "
    "program has to stop requiring it."
)


def _strict(rule: str, line: str) -> str:
    """What VERIFY_X509_STRICT requires, and the line of OpenSSL's configuration for it."""
    return (
        f"VERIFY_X509_STRICT, which ssl.create_default_context() sets since Python 3.13, requires that {rule} (RFC 5280). "
        f"{_ISSUE_AGAIN}: {line}. Until then this context can do without it: context.verify_flags &= ~ssl.VERIFY_X509_STRICT."
    )


#: What a user can do about it, or why there is nothing, by X509_V_ERR_* code.
REMEDIES = {
    UNSPECIFIED: "It is not known which rule was broken, so there is no remedy.",
    2: "The store holds an intermediate certificate of this chain, but not the root above it: add the root, or set "
    "VERIFY_X509_PARTIAL_CHAIN, so that any certificate in the store can end a chain.",
    3: "verify_flags ask for revocation, and there is no answer. Where OpenSSL judges, load the authority's current list (CRL) with "
    "load_verify_locations(); where the system judges, this machine has to reach the authority.",
    4: f"The signature cannot be read: the certificate is damaged or malformed. {_ISSUE_AGAIN}.",
    5: f"The signature of the revocation list cannot be read. {_ISSUE_THE_LIST_AGAIN}.",
    6: f"The issuer's key is of a kind that this OpenSSL does not know, or malformed. {_ISSUE_AGAIN}, with a usual key.",
    7: "The signature is not the issuer's: the certificate was changed on its way, or another authority has the same name. Do not "
    "continue, and tell the server's operator.",
    8: "The signature of the revocation list is not the authority's. Load the list again, from the authority itself.",
    NOT_YET_VALID: "Check this machine's clock. If it is right, the server's operator has to act.",
    EXPIRED: "Check this machine's clock. If it is right, the server's operator has to renew the certificate.",
    11: "Check this machine's clock. If it is right, load the revocation list that is valid today.",
    12: "Check this machine's clock. If it is right, load the authority's current revocation list.",
    13: f"Its notBefore is not a time of RFC 5280. {_ISSUE_AGAIN}.",
    14: f"Its notAfter is not a time of RFC 5280. {_ISSUE_AGAIN}.",
    15: f"The list's lastUpdate is not a time of RFC 5280. {_ISSUE_THE_LIST_AGAIN}.",
    16: f"The list's nextUpdate is not a time of RFC 5280. {_ISSUE_THE_LIST_AGAIN}.",
    17: "This is not about the server: try again when there is memory.",
    18: _ADD_THE_ROOT,
    19: _ADD_THE_ROOT,
    UNABLE_TO_GET_ISSUER_LOCALLY: _INTERMEDIATE_OR_ROOT,
    21: _INTERMEDIATE_OR_ROOT,
    22: "OpenSSL follows at most a hundred certificates, and ssl cannot change that: the server's operator has to send a shorter chain.",
    REVOKED: "The certificate was revoked: do not continue, and tell the server's operator.",
    24: f"{_ISSUE_AGAIN}, with a public key.",
    25: "An authority of the chain may not have so many authorities below it: the server's operator needs a certificate with a shorter "
    "chain, or the authority above has to allow this one.",
    26: "The certificate, or an authority of its chain, is not for servers: the server's operator needs a certificate with serverAuth in "
    "its extended key usage, from authorities that may issue one.",
    27: "An authority of the chain is in the store, but not trusted for servers: whoever maintains the store decides on that.",
    REJECTED: "The certificate or its authority is distrusted: do not continue, and tell the server's operator.",
    29: _NOT_A_VERDICT,
    30: _NOT_A_VERDICT,
    31: _NOT_A_VERDICT,
    32: f"An issuer of the chain may not sign certificates. {_ISSUE_AGAIN}, with keyUsage = critical, keyCertSign, cRLSign.",
    33: "Also load the certificate of the signer of the revocation list with load_verify_locations().",
    34: f"It has a critical extension that OpenSSL does not know, and so must not accept. {_ISSUE_AGAIN}, without that extension.",
    35: f"The issuer may not sign revocation lists. {_ISSUE_AGAIN}, with cRLSign in its key usage.",
    36: f"The list has a critical extension that OpenSSL does not know, and so must not accept. {_ISSUE_THE_LIST_AGAIN}.",
    37: f"It is not an authority's certificate, but has what only an authority may have. {_ISSUE_AGAIN}.",
    38: _PROXY,
    39: _PROXY,
    40: f"{_PROXY} If it is intended, set VERIFY_ALLOW_PROXY_CERTS.",
    INVALID_EXTENSION: f"An extension is malformed, appears twice, or contradicts another. {_ISSUE_AGAIN}.",
    42: f"A policy extension is malformed, or contradicts another. {_ISSUE_AGAIN}.",
    43: "An authority of the chain requires a policy that no certificate below it has: the server's operator needs one with that policy.",
    44: "The revocation list is for other certificates than this one: load the list that its authority names for it.",
    45: f"An extension has a part that OpenSSL does not know. {_ISSUE_AGAIN}, without that.",
    46: f"It is for addresses or networks that its issuer's certificate does not include. {_ISSUE_AGAIN}.",
    47: "An authority of the chain may issue certificates for certain names only, and this one has others: the server's operator needs a "
    "certificate from another authority, or for other names.",
    48: "An authority of the chain may not issue certificates for such names: the server's operator needs one from another authority.",
    49: f"An authority of the chain limits names in a way that RFC 5280 forbids. {_ISSUE_AGAIN}, without minimum and maximum.",
    50: "OpenSSL has no such rule: the message of whoever decided says what to do, if anything.",
    51: f"An authority of the chain limits names of a kind that OpenSSL does not know. {_ISSUE_AGAIN}, without that.",
    52: f"An authority of the chain limits names in a way that cannot be read. {_ISSUE_AGAIN}.",
    53: f"A name in it cannot be compared with what its authorities may issue. {_ISSUE_AGAIN}, with names as in RFC 5280.",
    54: "The signer of the revocation list is not trusted for it: load the list from the authority itself, and its signer's certificate.",
    55: "Authorities of the chain vouch for each other in a circle: the server's operator has to send a chain to a root.",
    56: _SUITE_B,
    57: _SUITE_B,
    58: _SUITE_B,
    59: _SUITE_B,
    60: _SUITE_B,
    61: _SUITE_B,
    HOSTNAME_MISMATCH: "Connect by a name that the certificate lists, or ask the server's operator to add this one.",
    63: _NOT_ASKED_FOR,
    IP_ADDRESS_MISMATCH: "Connect by a name that the certificate lists, or ask the server's operator to add this address.",
    65: _NOT_ASKED_FOR,
    EE_KEY_TOO_WEAK: "The server's operator needs a certificate with a stronger key (RSA of at least 2048 bits, P-256). "
    "SSLContext.security_level says what is required.",
    CA_KEY_TOO_WEAK: "An authority of the chain has too weak a key: the server's operator needs a certificate from a stronger one. "
    "SSLContext.security_level says what is required.",
    SIGNATURE_TOO_WEAK: "A certificate of the chain is signed with a broken hash, such as SHA-1: the authority has to sign with SHA-256.",
    69: "This is a fault of the program or of truststore: please report it, with what led to it.",
    70: "The store could not be searched: check that its files can be read.",
    71: _NOT_ASKED_FOR,
    72: _PROXY,
    73: _NOT_ASKED_FOR,
    74: _NOT_ASKED_FOR,
    75: _NOT_ASKED_FOR,
    76: f"It is signed in a way that this OpenSSL does not know. {_ISSUE_AGAIN}, signed in a usual way.",
    77: f"It is signed in a way that does not match its issuer's key. {_ISSUE_AGAIN}.",
    78: f"It names two different signature algorithms, which must be the same. {_ISSUE_AGAIN}.",
    79: f"An issuer of the chain does not say that it is an authority. {_ISSUE_AGAIN}: basicConstraints = critical, CA:TRUE. "
    "VERIFY_X509_STRICT accepts nothing else, such as a certificate of version 1.",
    80: _strict("only an authority limits how many are below it", "basicConstraints = CA:FALSE, without pathlen"),
    81: _strict(
        "an authority that limits how many are below it may sign certificates",
        "keyUsage = critical, keyCertSign, cRLSign beside pathlen",
    ),
    82: _strict("only an authority may sign certificates", "keyUsage without keyCertSign"),
    83: _strict("an issuer has a name", "by an authority with a subject"),
    84: _strict("an authority has a name, and so does a certificate that lists no other", "with a subject, or a subjectAltName"),
    85: _strict("a certificate says which key of its issuer signed it", "authorityKeyIdentifier = keyid:always"),
    86: _strict("an authority identifies its key", "subjectKeyIdentifier = hash"),
    87: _strict("a list of names is not empty", "subjectAltName with a name, or without it"),
    88: _strict("the list of names is critical where there is no other name", "subjectAltName = critical, DNS:name"),
    89: _strict("basic constraints of an authority are critical", "basicConstraints = critical, CA:TRUE"),
    90: _strict("the identifier of the issuer's key is not critical", "authorityKeyIdentifier = keyid:always, not critical"),
    91: _strict("the identifier of its own key is not critical", "subjectKeyIdentifier = hash, not critical"),
    92: _strict("an authority says what its key is for", "keyUsage = critical, keyCertSign, cRLSign"),
    93: _strict("a certificate with extensions is of version 3", "with a current tool, as X.509 version 3"),
    94: _strict("an elliptic curve is given by name", "with a key made with -pkeyopt ec_param_enc:named_curve"),
    95: _NOT_ASKED_FOR,
    96: _NOT_ASKED_FOR,
    97: _NOT_ASKED_FOR,
    98: _NOT_ASKED_FOR,
    99: _NOT_ASKED_FOR,
    100: _NOT_ASKED_FOR,
}

#: X509_verify_cert_error_string() by X509_V_ERR_* code (openssl/x509_vfy.h): OpenSSL 3.0's words, and those of the linked one's below.
OPENSSL_WORDS = {
    1: "unspecified certificate verification error",
    2: "unable to get issuer certificate",
    3: "unable to get certificate CRL",
    4: "unable to decrypt certificate's signature",
    5: "unable to decrypt CRL's signature",
    6: "unable to decode issuer public key",
    7: "certificate signature failure",
    8: "CRL signature failure",
    9: "certificate is not yet valid",
    10: "certificate has expired",
    11: "CRL is not yet valid",
    12: "CRL has expired",
    13: "format error in certificate's notBefore field",
    14: "format error in certificate's notAfter field",
    15: "format error in CRL's lastUpdate field",
    16: "format error in CRL's nextUpdate field",
    17: "out of memory",
    18: "self-signed certificate",
    19: "self-signed certificate in certificate chain",
    20: "unable to get local issuer certificate",
    21: "unable to verify the first certificate",
    22: "certificate chain too long",
    23: "certificate revoked",
    24: "issuer certificate doesn't have a public key",
    25: "path length constraint exceeded",
    26: "unsuitable certificate purpose",
    27: "certificate not trusted",
    28: "certificate rejected",
    29: "subject issuer mismatch",
    30: "authority and subject key identifier mismatch",
    31: "authority and issuer serial number mismatch",
    32: "key usage does not include certificate signing",
    33: "unable to get CRL issuer certificate",
    34: "unhandled critical extension",
    35: "key usage does not include CRL signing",
    36: "unhandled critical CRL extension",
    37: "invalid non-CA certificate (has CA markings)",
    38: "proxy path length constraint exceeded",
    39: "key usage does not include digital signature",
    40: "proxy certificates not allowed, please set the appropriate flag",
    41: "invalid or inconsistent certificate extension",
    42: "invalid or inconsistent certificate policy extension",
    43: "no explicit policy",
    44: "different CRL scope",
    45: "unsupported extension feature",
    46: "RFC 3779 resource not subset of parent's resources",
    47: "permitted subtree violation",
    48: "excluded subtree violation",
    49: "name constraints minimum and maximum not supported",
    50: "application verification failure",
    51: "unsupported name constraint type",
    52: "unsupported or invalid name constraint syntax",
    53: "unsupported or invalid name syntax",
    54: "CRL path validation error",
    55: "path loop",
    56: "Suite B: certificate version invalid",
    57: "Suite B: invalid public key algorithm",
    58: "Suite B: invalid ECC curve",
    59: "Suite B: invalid signature algorithm",
    60: "Suite B: curve not allowed for this LOS",
    61: "Suite B: cannot sign P-384 with P-256",
    62: "hostname mismatch",
    63: "email address mismatch",
    64: "IP address mismatch",
    65: "no matching DANE TLSA records",
    66: "EE certificate key too weak",
    67: "CA certificate key too weak",
    68: "CA signature digest algorithm too weak",
    69: "invalid certificate verification context",
    70: "issuer certificate lookup error",
    71: "Certificate Transparency required, but no valid SCTs found",
    72: "proxy subject name violation",
    73: "OCSP verification needed",
    74: "OCSP verification failed",
    75: "OCSP unknown cert",
    76: "Cannot find certificate signature algorithm",
    77: "subject signature algorithm and issuer public key algorithm mismatch",
    78: "cert info signature and signature algorithm mismatch",
    79: "invalid CA certificate",
    80: "Path length invalid for non-CA cert",
    81: "Path length given without key usage keyCertSign",
    82: "Key usage keyCertSign invalid for non-CA cert",
    83: "Issuer name empty",
    84: "Subject name empty",
    85: "Missing Authority Key Identifier",
    86: "Missing Subject Key Identifier",
    87: "Empty Subject Alternative Name extension",
    88: "Subject empty and Subject Alt Name extension not critical",
    89: "Basic Constraints of CA cert not marked critical",
    90: "Authority Key Identifier marked critical",
    91: "Subject Key Identifier marked critical",
    92: "CA cert does not include key usage extension",
    93: "Using cert extension requires at least X509v3",
    94: "Certificate public key has explicit ECC parameters",
}

#: What OpenSSL says since then, by the version that began it (crypto/x509/x509_txt.c).
NEWER_WORDS = {
    (3, 2): {95: "Raw public key untrusted, no trusted keys configured"},
    (3, 6): {
        9: "certificate is not yet valid or the system clock is incorrect",
        96: "OCSP response(s) invalid",
        97: "OCSP response signature verification failure",
        98: "OCSP response not yet valid (contains a date in the future)",
        99: "OCSP response has expired",
        100: "no OCSP response available for certificate",
    },
}
for _version, _words in NEWER_WORDS.items():
    if _version <= OPENSSL_VERSION_INFO:
        OPENSSL_WORDS.update(_words)
