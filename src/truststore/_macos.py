"""macOS and iOS: ask Security.framework whether the system trusts a server.

Only the system is asked here: OpenSSL judges what the program loaded (`_first_flight`), and this module does not see it.

There is one SecTrust per question. The policy says what the certificates must be valid for, a TLS server of that name; then comes the
evaluation, once, then the chain it built. That can be done on whichever thread asks, without locks or globals: nothing is shared, the
work is done in another process (trustd), and the GIL is released during each call.

Every object is owned by the `_Objects` of its verification, which releases each once, however it ends. NULL is a failure wherever it
comes from and is never passed on: with a NULL policy Apple checks neither name nor purpose, with a NULL name not the name, and
CoreFoundation ends the process for a NULL in an array. A system that fails has not said yes: every failure is a refusal that says
"could not be evaluated".

CoreFoundation must not be used in a forked child, so there this is refused with a message instead of a crash.

What a refusal means, and what the user can do, is in `_osstatus`; the functions are declared in `_security`.
"""

from __future__ import annotations

import os
from ssl import VerifyFlags

from ._names import ip_address
from ._verdict import SECURITY_FRAMEWORK as PLATFORM
from ._verdict import no_verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from . import _security as security
    from ._verdict import Question

REVOCATION = VerifyFlags.VERIFY_CRL_CHECK_LEAF | VerifyFlags.VERIFY_CRL_CHECK_CHAIN


def verify(question: Question) -> Sequence[bytes]:
    """The chain that Security.framework built and trusts: DER, leaf first, root included.

    Raises ssl.SSLCertVerificationError if it does not trust the peer, or could not tell; ImportError where ctypes does not work.
    """
    _require_frameworks(question)
    try:
        with _Objects() as objects:
            trust = _trust(question, objects)
            _evaluate(question, trust, objects)
            chain = _built_chain(trust, objects)
    except _Failure as failure:
        raise no_verdict(question, PLATFORM, failure.why, failure.status) from None
    return chain


# --- what is asked


def _trust(question: Question, objects: _Objects) -> int:
    """A SecTrust that knows everything about the question."""
    certificates = objects.array(objects.certificates(question.chain))
    policies = objects.array(_policies(question, objects))
    trust = security.Object()
    status = security.SecTrustCreateWithCertificates(certificates, policies, trust)
    objects.own_if_any(trust.value)
    _must_succeed("SecTrustCreateWithCertificates", status)
    return _not_null("SecTrustCreateWithCertificates", trust.value)


def _policies(question: Question, objects: _Objects) -> list[int]:
    """What the certificate has to be good for: a TLS server of that name and, if asked for, not revoked."""
    policies = [objects.own("SecPolicyCreateSSL", security.SecPolicyCreateSSL(True, _name(question, objects)))]
    if question.flags & REVOCATION or question.revocation_best_effort:
        # Every certificate is looked up, by OCSP: since macOS 10.15 the method of lists does nothing. No answer is a refusal for the leaf
        # alone: trustd has no way to ask for more.
        wanted = security.kSecRevocationOCSPMethod | security.kSecRevocationCRLMethod
        if not question.revocation_best_effort:
            wanted |= security.kSecRevocationRequirePositiveResponse
        revocation = security.SecPolicyCreateRevocation(wanted)
        policies.append(objects.own("SecPolicyCreateRevocation", revocation))
    return policies


def _name(question: Question, objects: _Objects) -> int | None:
    """The name as a CFString; None only if the user switched the check off."""
    if question.hostname is None:
        return None
    if not question.hostname:
        raise _Failure("there is no name to compare with the certificate's")
    return objects.string(_in_full(question.hostname))


def _in_full(hostname: str) -> str:
    """An IPv6 address as eight groups: what Apple reads as an address has no zone and no IPv4 address inside."""
    address = ip_address(hostname)
    return address.hex(":", 2) if address and len(address) == 16 else hostname


# --- what is answered


def _evaluate(question: Question, trust: int, objects: _Objects) -> None:
    """Return if the peer is trusted, else raise."""
    evaluate, evaluate_of_old = security.SecTrustEvaluateWithError, security.SecTrustEvaluate
    if evaluate is not None:
        error = security.Object()
        trusted = evaluate(trust, error)
        objects.own_if_any(error.value)
        _accept_or_raise(question, trusted, error.value, objects)
    elif evaluate_of_old is not None:
        result = security.SecTrustResultType()
        _must_succeed("SecTrustEvaluate", evaluate_of_old(trust, result))
        _accept_result_or_raise(question, result.value)
    else:
        raise _Failure("this system has neither SecTrustEvaluateWithError nor SecTrustEvaluate")


def _accept_or_raise(question: Question, trusted: int, error: int | None, objects: _Objects) -> None:
    """True without an error is a yes, false with one a no. There is nothing else."""
    if trusted == 0 and error:
        from . import _osstatus

        raise _osstatus.refusal(question, security.CFErrorGetCode(error), objects.text(security.CFErrorCopyDescription(error)))
    if trusted != 1 or error:
        raise _Failure(f"SecTrustEvaluateWithError returned {trusted} with{'' if error else 'out'} an error")


def _accept_result_or_raise(question: Question, result: int) -> None:
    """For macOS before 10.14, which does not say why."""
    if result in (security.kSecTrustResultProceed, security.kSecTrustResultUnspecified):
        return
    from . import _osstatus

    if result not in _osstatus.RESULTS:
        raise _Failure(f"SecTrustEvaluate returned {result}")
    raise _osstatus.refusal_without_reason(question, result)


def _built_chain(trust: int, objects: _Objects) -> list[bytes]:
    return [objects.contents(security.SecCertificateCopyData(certificate)) for certificate in _built(trust, objects)]


def _built(trust: int, objects: _Objects) -> Iterable[int]:
    """The certificates of the chain, borrowed."""
    count: Callable[[int], int]
    get: Callable[[int, int], int | None]
    if security.SecTrustCopyCertificateChain is not None:
        holder = objects.own("SecTrustCopyCertificateChain", security.SecTrustCopyCertificateChain(trust))
        count, get = security.CFArrayGetCount, security.CFArrayGetValueAtIndex
    elif security.SecTrustGetCertificateCount is not None and security.SecTrustGetCertificateAtIndex is not None:
        holder = trust
        count, get = security.SecTrustGetCertificateCount, security.SecTrustGetCertificateAtIndex
    else:
        raise _Failure("this system does not return the chain it built")
    for index in range(count(holder)):
        yield _not_null("the chain that was built", get(holder, index))


# --- the frameworks, and who frees what


class _Failure(Exception):
    """A call failed, so nothing is known about the peer."""

    def __init__(self, why: str, status: int | None = None) -> None:
        self.why, self.status = why, status


class _Frameworks:
    """`_security`, imported when the first of its names is looked up: that loads ctypes and the frameworks."""

    def __getattr__(self, name: str) -> object:
        from . import _security

        return getattr(_security, name)


if not TYPE_CHECKING:
    security = _Frameworks()


def _require_frameworks(question: Question) -> None:
    try:
        loaded_by = security.loaded_by
    except ImportError as error:  # CPython 3.12 in a sub-interpreter with a GIL of its own
        raise ImportError(
            f"truststore cannot ask {PLATFORM.name}, since ctypes does not work in this interpreter: {error}"
        ) from error
    except (OSError, AttributeError) as error:
        raise no_verdict(question, PLATFORM, f"its functions cannot be loaded: {error}") from error
    if loaded_by != os.getpid():
        why = "Apple's frameworks cannot be used in a forked child: start it by 'spawn' (multiprocessing), or connect only in the child"
        raise no_verdict(question, PLATFORM, why)


def _must_succeed(call: str, status: int) -> None:
    if status != 0:
        raise _Failure(f"{call} failed", status)


def _not_null(call: str, pointer: int | None) -> int:
    if not pointer:
        raise _Failure(f"{call} returned NULL")
    return pointer


class _Objects:
    """The objects of one verification: each is released once, in reverse order, however it ends."""

    __slots__ = ("_owned",)

    def __init__(self) -> None:
        self._owned: list[int] = []

    def __enter__(self) -> _Objects:
        return self

    def __exit__(self, *exception: object) -> None:
        while self._owned:
            security.CFRelease(self._owned.pop())

    def own(self, call: str, pointer: int | None) -> int:
        """Take over what `call` made."""
        self._owned.append(_not_null(call, pointer))
        return self._owned[-1]

    def own_if_any(self, pointer: int | None) -> None:
        """Take over what a call may have made, whatever else it says."""
        if pointer:
            self._owned.append(pointer)

    def string(self, text: str) -> int:
        encoded = text.encode()
        string = security.CFStringCreateWithBytes(None, encoded, len(encoded), security.kCFStringEncodingUTF8, False)
        return self.own("CFStringCreateWithBytes", string)

    def array(self, pointers: Sequence[int]) -> int:
        values = (security.Object * len(pointers))(*pointers)
        array = security.CFArrayCreate(None, values, len(pointers), security.kCFTypeArrayCallBacks)
        return self.own("CFArrayCreate", array)

    def certificates(self, chain: Sequence[bytes]) -> list[int]:
        """Apple's objects for them. Apple cannot read all that OpenSSL reads; what it cannot read must not be left out."""
        made: list[int] = []
        for number, der in enumerate(chain, 1):
            data = self.own("CFDataCreate", security.CFDataCreate(None, der, len(der)))
            certificate = security.SecCertificateCreateWithData(None, data)
            if not certificate:
                raise _Failure(f"certificate {number} of the {len(chain)} that the peer sent cannot be read")
            made.append(self.own("SecCertificateCreateWithData", certificate))
        return made

    def contents(self, data: int | None) -> bytes:
        """What is in a CFData, which is taken over."""
        from ctypes import string_at

        self.own("SecCertificateCopyData", data)
        length, start = security.CFDataGetLength(data), security.CFDataGetBytePtr(data)
        if length <= 0:
            raise _Failure("CFDataGetLength answered that the certificate is empty")
        return string_at(_not_null("CFDataGetBytePtr", start), length)

    def text(self, string: int | None) -> str:
        """What is in a CFString, which is taken over; nothing if that cannot be read, since it says what is known already.

        It quotes the peer's own names, however long.
        """
        from ctypes import create_string_buffer

        self.own_if_any(string)
        length = security.CFStringGetLength(string) if string else 0
        size = security.CFStringGetMaximumSizeForEncoding(length, security.kCFStringEncodingUTF8) + 1 if length > 0 else 0
        if size <= 0:
            return ""
        buffer = create_string_buffer(size)
        if security.CFStringGetCString(string, buffer, size, security.kCFStringEncodingUTF8) != 1:
            return ""
        return buffer.value.decode("utf-8", "replace")
