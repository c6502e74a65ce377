"""``disable``: undoes `enable`."""

from __future__ import annotations

import os

from . import pth, say
from .status import TRUSTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def add(_parser: argparse.ArgumentParser) -> None:
    """It takes nothing."""


def answer(_options: argparse.Namespace) -> int:
    """Remove the file, the only thing that `enable` has made. Does nothing if there is none."""
    path = pth.path()
    try:
        os.unlink(path)
    except FileNotFoundError:
        say.paragraph(f"It was not enabled: there is no {path}.")
    else:
        say.paragraph(f"Disabled: {path} is removed. Running programs are not affected.")
    return TRUSTED
