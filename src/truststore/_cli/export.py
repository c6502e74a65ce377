"""Files that are written completely or not at all: until then, and after a failure, readers find the old ones.

The new one has a plain name until then: under Wine what begins with a dot is hidden, and stays so when it is renamed; `site` skips that.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile

from .status import CannotAsk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def write_file(path: str, text: str) -> None:
    """Replace a file by an ASCII file with the same permissions. A link stays a link."""
    path = os.path.realpath(path)
    mode = _mode_of_file(path)
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix="truststore-", suffix=".new")
    try:
        with open(descriptor, "w", encoding="ascii", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_directory(path: str, files: Mapping[str, bytes]) -> None:
    """Make a directory of files. It must not exist, or be empty: otherwise roots of an earlier export would stay."""
    path = os.path.realpath(path)
    if os.path.lexists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise CannotAsk(f"{path} already exists, and is not an empty directory")
    temporary = tempfile.mkdtemp(dir=os.path.dirname(path), prefix="truststore-", suffix=".new")
    try:
        for name, content in files.items():
            with open(os.path.join(temporary, name), "wb") as file:
                file.write(content)
        os.chmod(temporary, 0o777 & ~_umask())
        if os.path.isdir(path):
            os.rmdir(path)
        os.rename(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _mode_of_file(path: str) -> int:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return 0o666 & ~_umask()
    if not stat.S_ISREG(status.st_mode):
        raise CannotAsk(f"{path} is not a regular file")
    return stat.S_IMODE(status.st_mode)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
