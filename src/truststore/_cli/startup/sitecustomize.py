"""Found by every Python that `truststore run` has started, of any version: so it is written in what all of them understand.

It begins to watch for `ssl`, then gets out of the way: its folder leaves `sys.path`, and whatever other `sitecustomize` there is takes its
place. If there is none, the ImportError is the one that Python expects.
"""

import os
import sys

_this = sys.modules.pop("sitecustomize")  # kept alive: Python 2 empties a module that nobody holds
_folder = os.path.dirname(__file__)
try:
    if sys.version_info >= (3, 10):
        __import__("_truststore_startup").begin(_folder)
except Exception:  # noqa: BLE001 - an interpreter starts, whatever fails here
    sys.stderr.write("truststore: %s is not used: %s\n" % (_folder, sys.exc_info()[1]))
sys.path[:] = [path for path in sys.path if path != _folder]

import sitecustomize  # type: ignore[import-not-found]  # noqa: E402
