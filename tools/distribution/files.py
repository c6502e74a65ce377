"""The files, by their names below /usr/share."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from . import bash, fish, manual, zsh
from .command_line import commands

if TYPE_CHECKING:
    from collections.abc import Mapping


def all_of_them(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    date = time.strftime("%Y-%m-%d", time.gmtime(float(environ.get("SOURCE_DATE_EPOCH") or time.time())))
    found = commands()
    return {
        "bash-completion/completions/truststore": bash.completion(found),
        "zsh/site-functions/_truststore": zsh.completion(found),
        "fish/vendor_completions.d/truststore.fish": fish.completion(found),
        "man/man1/truststore.1": manual.page(found, date),
    }
