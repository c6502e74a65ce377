"""A directive for what a command really prints, made when the documentation is built, in the internet of `internet.py`.

```{real-output} 1
$ truststore check expired.example.com
```

The argument is the exit status that the command has to end with. Anything else is an error of the build.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

INTERNET = Path(__file__).with_name("internet.py")


class RealOutput(SphinxDirective):
    """The commands of its content, each after a prompt, and what they print."""

    has_content = True
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(INTERNET))
        printed = [f"{command}\n{self.output_of(command)}" for command in self.content]
        block = nodes.literal_block(text := "\n".join(printed), text, language="console")
        self.set_source_info(block)
        return [block]

    def output_of(self, command: str) -> str:
        if not command.startswith("$ "):
            raise self.error(f"no command: {command}")
        done = subprocess.run(
            [sys.executable, "-W", "error", str(INTERNET), command[2:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if str(done.returncode) != self.arguments[0] or "Traceback" in done.stdout:
            raise self.error(f"{command} ends with {done.returncode}, not {self.arguments[0]}:\n{done.stdout}")
        return done.stdout.rstrip()


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("real-output", RealOutput)
    return {"parallel_read_safe": True}
