"""The file that `enable` writes: a line of code that `site` runs at each start of a Python of this environment.

The line is short, since it is compiled each time: it puts a finder before Python's own, which does nothing until the program imports
`ssl`. Then it leaves, and has `startup/_truststore_startup.py` do the rest. If the package is not there any more, nothing happens.
"""

from __future__ import annotations

import os
import site
import sysconfig

from .run import FOLDER
from .status import CannotAsk

#: The first of its directory: other such lines may import `ssl`.
NAME = "00-truststore-enabled.pth"

#: From then on `site` leaves out such lines (PEP 829). What comes after them, a .start file, names a function in a module to import at each
#: start; to import one of this package imports `ssl`.
LEFT_OUT_SINCE = (3, 18)

#: What the finder does when it comes to it: as text, which costs nothing before. `asked` is what it was asked for.
_CODE = """\
import sys
spec = None
sys.meta_path = [finder for finder in sys.meta_path if not hasattr(finder, "of_truststore")]
sys.path.insert(0, folder)
try:
    from _truststore_startup import enabled
    spec = enabled(folder, *asked)
except Exception:
    pass
finally:
    if folder in sys.path:
        sys.path.remove(folder)
"""

_COMMENT = "# Written by 'truststore enable': https://github.com/truststore/truststore. 'truststore disable' removes it.\n"
_LINE = (
    "import sys; sys.meta_path.insert(0, type(sys.implementation)(of_truststore=1, "
    "find_spec=lambda *asked, **_: asked[0] in ('ssl', 'truststore') and eval({code}, {{'asked': asked}}) or None))\n"
)


def content() -> str:
    """Of the file."""
    code = f"folder = {FOLDER!a}\n{_CODE}"
    return _COMMENT + _LINE.format(code=ascii(f"(own := {{'asked': asked}}, exec({code!a}, own))[0]['spec']"))


def path() -> str:
    """Where the file is, or would be: where packages of this environment are installed. Raises CannotAsk if `site` does not look there."""
    folder = sysconfig.get_path("purelib")
    looked_at = map(os.path.realpath, (*site.getsitepackages(), site.getusersitepackages()))
    if os.path.realpath(folder) not in looked_at:
        raise CannotAsk(f"this Python does not look for startup files in {folder}, where its packages are installed")
    return os.path.join(folder, NAME)


def is_written() -> bool:
    """Whether it is there."""
    return os.path.lexists(os.path.join(sysconfig.get_path("purelib"), NAME))
