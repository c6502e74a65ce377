"""Let the operating system decide which TLS servers to trust.

`SSLContext` is a drop-in for `ssl.SSLContext`. `inject_into_ssl()` puts it in its place for a whole program, and `extract_from_ssl()`
takes it out again. `system_store()` says what is used here, and why.
"""

from . import _stdlib  # noqa: F401 - first: where Python lacks what is needed, it says so
from ._context import SSLContext, system_store
from ._inject import extract_from_ssl, inject_into_ssl

__all__ = ["SSLContext", "extract_from_ssl", "inject_into_ssl", "system_store"]
