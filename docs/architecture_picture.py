"""Two directives, for the picture of `architecture` and for its description in full, made when the documentation is built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import architecture
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class Picture(SphinxDirective):
    """The parts as boxes, the imports as arrows."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(architecture.__file__)))
        return [nodes.raw("", f'<div class="drawing">\n{architecture.svg()}\n</div>', format="html")]


class Parts(SphinxDirective):
    """Every part, its modules, and all that it imports."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(architecture.__file__)))
        return [nodes.definition_list("", *map(_item, architecture.PARTS))]


def _item(part: architecture.Part) -> nodes.definition_list_item:
    modules = [node for name in part.modules for node in (nodes.literal("", name), nodes.Text(", "))][:-1]
    imports = f"Imports: {'; '.join(part.imports)}." if part.imports else "Imports none of the others."
    paragraphs = (
        nodes.paragraph("", f"{part.what[0].upper()}{part.what[1:]}: ", *modules, nodes.Text(".")),
        nodes.paragraph("", imports),
    )
    return nodes.definition_list_item("", nodes.term("", part.name), nodes.definition("", *paragraphs))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("architecture-picture", Picture)
    app.add_directive("architecture-parts", Parts)
    return {"parallel_read_safe": True}
