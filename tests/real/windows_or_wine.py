"""Windows, or Wine in the lab. A root that it learns stays in the machine's store."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

from windows import system

from real.systems import System, denied_of, roots_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases import World

assert sys.platform == "win32"


class Windows(System):
    def __init__(self, *, add_roots: bool) -> None:
        name = "Wine" if system.IS_WINE else "Windows"
        super().__init__(system.PLATFORM, f"{name}, {platform.platform()}", knows_roots=add_roots)
        system.ROOTS_CAN_BE_ADDED |= add_roots

    def learn(self, worlds: Sequence[World]) -> None:
        for root in roots_of(worlds):
            system.add(root.der)
        for certificate in denied_of(worlds):
            system.add(certificate.der, "Disallowed")
