"""``enable``: every program of this environment with the system's trust."""

from __future__ import annotations

import sys

from . import export, pth, say
from .status import TRUSTED, CannotAsk

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def add(_parser: argparse.ArgumentParser) -> None:
    """It takes nothing."""


def answer(_options: argparse.Namespace) -> int:
    """Write the file that `site` reads at each start, even if it exists already."""
    if sys.version_info >= pth.LEFT_OUT_SINCE:
        raise CannotAsk("this Python ignores code in .pth files (PEP 829), which 'enable' needs")
    path = pth.path()
    export.write_file(path, pth.content())
    say.paragraph(f"Enabled by {path}: programs of this environment have the system's trust from their next start on.")
    say.paragraph("'truststore disable' undoes it.")
    return TRUSTED
