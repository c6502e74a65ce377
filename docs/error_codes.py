"""A directive that lists errors by their verify code, from the tables in the code, when the documentation is built.

```{error-codes} usual
```

The argument is a group of codes: `usual`, `strict` or `others`. Each code has an anchor, such as `#verify-code-20`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import error_tables
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from truststore import _verify_codes

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class ErrorCodes(SphinxDirective):
    """A definition list: code and words, what to do, how the platforms say it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        for path in error_tables.READ:
            self.env.note_dependency(str(path))
        return [nodes.definition_list("", *map(_item, error_tables.codes(self.arguments[0])))]


def _item(code: int) -> nodes.definition_list_item:
    number, words = nodes.strong("", str(code)), nodes.Text(f" {error_tables.words(code)}")
    term = nodes.term("", "", number, words, ids=[f"verify-code-{code}"])
    paragraphs = [nodes.paragraph("", _verify_codes.REMEDIES[code]), *map(_paragraph, error_tables.platforms(code))]
    return nodes.definition_list_item("", term, nodes.definition("", *paragraphs))


def _paragraph(said: error_tables.Said) -> nodes.paragraph:
    names = [node for name in said.names for node in (nodes.literal("", name), nodes.Text(", "))][:-1]
    return nodes.paragraph("", f"{said.platform}: ", *names, nodes.Text(f". {said.remedy}" if said.remedy else ""))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("error-codes", ErrorCodes)
    return {"parallel_read_safe": True}
