"""A laboratory for Windows where there is none: the genuine CPython for Windows, run by Wine.

``python -m tools.windows_lab`` builds it and runs programs and tests in it; docs/windows-lab.md says how, and what that proves.

Everything comes from PyPI and the distribution:

* `wine.py` finds Wine, and keeps prefixes: a prefix is a Windows of its own, with its own registry and so its own certificate stores.
* `interpreter.py` assembles CPython from a wheel that ships it (panda3d's, for games frozen on Linux), the standard library of a
  CPython of the same minor version on this machine, and two small files that mingw-w64 compiles.
* `__main__.py` is the command line, and the list of what runs in the lab.
"""
