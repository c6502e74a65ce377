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
#: No other judge makes up for this.
FINAL = frozenset((REVOKED, REJECTED))
MISMATCHES = {HOSTNAME_MISMATCH: "Hostname", IP_ADDRESS_MISMATCH: "IP address"}

#: It is about the server's own certificate; or about the time, which a certificate itself tells.
OF_THE_LEAF = frozenset((HOSTNAME_MISMATCH, 63, IP_ADDRESS_MISMATCH, 66))
NOT_YET_VALID, EXPIRED = 9, 10

_ADD_THE_ROOT = (
    "If this is a company's server or proxy, add its root to the system's store (ask the administrators), "
    "or to this program alone with SSLContext.load_verify_locations()."
)
_INTERMEDIATE_OR_ROOT = "The server may have left out an intermediate certificate, which its operator has to add. " + _ADD_THE_ROOT
_ISSUE_ANEW = "Whoever runs the authority has to issue the certificate anew"
_ISSUE_THE_LIST_ANEW = "Whoever runs the authority has to issue its revocation list anew"
_NOT_ASKED_FOR = (
    "Neither ssl nor truststore asks OpenSSL for this, so there is no remedy to name: who has changed OpenSSL's settings knows."
)
_NOT_A_VERDICT = (
    "OpenSSL passes over such an issuer and looks for another: no verdict to expect, and so there is no remedy to name."
)
_PROXY = "This is a proxy certificate (RFC 3820), of no use to servers: the server's operator has to install one by an authority."
_SUITE_B = (
    "The program asks for Suite B (set_ciphers() with SUITEB128 or the like): the server's operator has to follow it, or the program to "
    "do without."
)


def _strict(rule: str, line: str) -> str:
    """What VERIFY_X509_STRICT asks for, and how OpenSSL's configuration has it."""
    return (
        f"VERIFY_X509_STRICT, which ssl.create_default_context() sets since Python 3.13, asks that {rule} (RFC 5280). "
        f"{_ISSUE_ANEW}: {line}. Until then this context can do without: context.verify_flags &= ~ssl.VERIFY_X509_STRICT."
    )


#: What a user can do about it, or why there is nothing, by X509_V_ERR_* code.
REMEDIES = {
    UNSPECIFIED: "Which rule was broken was not said, so there is no remedy to name.",
    2: "The store holds an intermediate certificate of this chain, but not the root above: add that, or set VERIFY_X509_PARTIAL_CHAIN, "
    "by which any certificate in the store ends a chain.",
    3: "Revocation was asked for (verify_flags), and nobody knows the answer: where OpenSSL judges, load the authority's current list with "
    "load_verify_locations(); where the system does, this machine has to reach the authority.",
    4: f"The signature cannot be read, so the certificate was damaged or badly made. {_ISSUE_ANEW}.",
    5: f"The signature of the revocation list cannot be read. {_ISSUE_THE_LIST_ANEW}.",
    6: f"The issuer's key is of a kind that this OpenSSL does not know, or badly written. {_ISSUE_ANEW}, with a usual key.",
    7: "The signature is not the issuer's: the certificate was changed on its way, or another authority has the same name. Do not go on, "
    "and tell the server's operator.",
    8: "The signature of the revocation list is not the authority's. Load the list anew, from the authority itself.",
    NOT_YET_VALID: "Check this machine's clock; if it is right, the server's operator has to act.",
    EXPIRED: "Check this machine's clock; if it is right, the server's operator has to renew the certificate.",
    11: "Check this machine's clock; if it is right, load the revocation list that counts today.",
    12: "Check this machine's clock; if it is right, load the authority's current revocation list.",
    13: f"Its notBefore is no time of RFC 5280. {_ISSUE_ANEW}.",
    14: f"Its notAfter is no time of RFC 5280. {_ISSUE_ANEW}.",
    15: f"The list's lastUpdate is no time of RFC 5280. {_ISSUE_THE_LIST_ANEW}.",
    16: f"The list's nextUpdate is no time of RFC 5280. {_ISSUE_THE_LIST_ANEW}.",
    17: "This says nothing of the server: try again when there is memory.",
    18: _ADD_THE_ROOT,
    19: _ADD_THE_ROOT,
    UNABLE_TO_GET_ISSUER_LOCALLY: _INTERMEDIATE_OR_ROOT,
    21: _INTERMEDIATE_OR_ROOT,
    22: "OpenSSL goes up a hundred certificates, and ssl cannot change that: the server's operator has to send a shorter chain.",
    REVOKED: "The certificate was withdrawn: do not go on, and tell the server's operator.",
    24: f"{_ISSUE_ANEW}, with a public key.",
    25: "An authority of the chain may not have as many below it: the server's operator needs a certificate by a shorter way, or the "
    "authority above has to allow this one.",
    26: "It, or an authority of its chain, is not for servers: the server's operator needs a certificate with serverAuth in its extended "
    "key usage, by authorities that may issue one.",
    27: "An authority of the chain is in the store, but not as one for servers: whoever maintains the store decides on that.",
    REJECTED: "The certificate or its authority is distrusted: do not go on, and tell the server's operator.",
    29: _NOT_A_VERDICT,
    30: _NOT_A_VERDICT,
    31: _NOT_A_VERDICT,
    32: f"An issuer of the chain may not sign certificates. {_ISSUE_ANEW}, with keyUsage = critical, keyCertSign, cRLSign.",
    33: "Load the certificate of whoever signed the revocation list, too, with load_verify_locations().",
    34: f"It says something critical that OpenSSL does not understand, and so must not accept. {_ISSUE_ANEW}, without that.",
    35: f"The issuer may not sign revocation lists. {_ISSUE_ANEW}, with cRLSign in its key usage.",
    36: f"The list says something critical that OpenSSL does not understand, and so must not accept. {_ISSUE_THE_LIST_ANEW}.",
    37: f"It is no authority's, but has what only an authority may have. {_ISSUE_ANEW}.",
    38: _PROXY,
    39: _PROXY,
    40: f"{_PROXY} If it is meant, set VERIFY_ALLOW_PROXY_CERTS.",
    INVALID_EXTENSION: f"An extension is badly written, is there twice, or contradicts another. {_ISSUE_ANEW}.",
    42: f"A policy extension is badly written, or contradicts another. {_ISSUE_ANEW}.",
    43: "An authority of the chain demands a policy that no certificate below it has: the server's operator needs one with that policy.",
    44: "The revocation list is for other certificates than this: load the one that its authority names for it.",
    45: f"An extension has a part that OpenSSL does not know. {_ISSUE_ANEW}, without that.",
    46: f"It is for addresses or networks that its issuer's does not have. {_ISSUE_ANEW}.",
    47: "An authority of the chain may issue certificates for certain names alone, and this has others: the server's operator needs a "
    "certificate by another authority, or for other names.",
    48: "An authority of the chain may not issue certificates for such names: the server's operator needs one by another authority.",
    49: f"An authority of the chain limits names in a way that RFC 5280 forbids. {_ISSUE_ANEW}, without minimum and maximum.",
    50: "The rule is one of whoever decided, not of OpenSSL: what they said of it has the remedy, if there is one.",
    51: f"An authority of the chain limits names of a kind that OpenSSL does not know. {_ISSUE_ANEW}, without that.",
    52: f"An authority of the chain limits names in a way that cannot be read. {_ISSUE_ANEW}.",
    53: f"A name in it cannot be compared with what its authorities may issue. {_ISSUE_ANEW}, with names as RFC 5280 has them.",
    54: "Whoever signed the revocation list is not trusted for it: load the list from the authority itself, and its signer's certificate.",
    55: "Authorities of the chain vouch for each other in a circle: the server's operator has to send the chain to a root.",
    56: _SUITE_B,
    57: _SUITE_B,
    58: _SUITE_B,
    59: _SUITE_B,
    60: _SUITE_B,
    61: _SUITE_B,
    HOSTNAME_MISMATCH: "Connect by a name that the certificate lists, or have the server's operator add this one.",
    63: _NOT_ASKED_FOR,
    IP_ADDRESS_MISMATCH: "Connect by a name that the certificate lists, or have the server's operator add this address.",
    65: _NOT_ASKED_FOR,
    EE_KEY_TOO_WEAK: "The server's operator needs a certificate with a stronger key (RSA of 2048 bits or more, P-256): "
    "SSLContext.security_level says what is asked for.",
    CA_KEY_TOO_WEAK: "An authority of the chain has too weak a key: the server's operator needs a certificate by a stronger one, and "
    "SSLContext.security_level says what is asked for.",
    SIGNATURE_TOO_WEAK: "A certificate of the chain is signed by way of a hash that is broken, such as SHA-1: whoever runs the authority "
    "has to sign with SHA-256.",
    69: "This is a fault of the program's, or of truststore's: please report it, with what led to it.",
    70: "The store could not be searched: see whether its files can be read.",
    71: _NOT_ASKED_FOR,
    72: _PROXY,
    73: _NOT_ASKED_FOR,
    74: _NOT_ASKED_FOR,
    75: _NOT_ASKED_FOR,
    76: f"It is signed in a way that this OpenSSL does not know. {_ISSUE_ANEW}, signed in a usual way.",
    77: f"It is signed in a way that does not go with its issuer's key. {_ISSUE_ANEW}.",
    78: f"It names two ways of signing, inside and outside, which have to be the same. {_ISSUE_ANEW}.",
    79: f"An issuer of the chain does not say that it is an authority. {_ISSUE_ANEW}: basicConstraints = critical, CA:TRUE. "
    "VERIFY_X509_STRICT takes nothing else for it, such as a certificate of version 1.",
    80: _strict("only an authority limits how many are below it", "basicConstraints = CA:FALSE, without pathlen"),
    81: _strict(
        "an authority that limits how many are below it may sign certificates",
        "keyUsage = critical, keyCertSign, cRLSign beside pathlen",
    ),
    82: _strict("only an authority may sign certificates", "keyUsage without keyCertSign"),
    83: _strict("an issuer has a name", "by an authority with a subject"),
    84: _strict("an authority has a name, and so has whoever lists no other", "with a subject, or a subjectAltName"),
    85: _strict("a certificate says which key of its issuer's has signed it", "authorityKeyIdentifier = keyid:always"),
    86: _strict("an authority says which key is its own", "subjectKeyIdentifier = hash"),
    87: _strict("a list of names holds one", "subjectAltName with a name, or without it"),
    88: _strict("the list of names is critical where there is no other name", "subjectAltName = critical, DNS:name"),
    89: _strict("what makes an authority is critical", "basicConstraints = critical, CA:TRUE"),
    90: _strict("the key of the issuer's is not critical", "authorityKeyIdentifier = keyid:always, not critical"),
    91: _strict("the key's own name is not critical", "subjectKeyIdentifier = hash, not critical"),
    92: _strict("an authority says what its key is for", "keyUsage = critical, keyCertSign, cRLSign"),
    93: _strict("what has extensions is of version 3", "by a tool of today, as X.509 version 3"),
    94: _strict("a curve is called by its name", "with a key made with -pkeyopt ec_param_enc:named_curve"),
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
