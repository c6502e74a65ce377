"""How docstrings become the reference: names in backticks are code, with a link where there is something to link to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sphinx.domains.python import PyXRefRole

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


class Name(PyXRefRole):
    """A name of Python, shown as it is written: a function's may have its parentheses, an instance's attribute a class before it."""

    def process_link(
        self, env: BuildEnvironment, refnode: nodes.Element, has_explicit_title: bool, title: str, target: str
    ) -> tuple[str, str]:
        refnode["refdomain"], refnode["reftype"] = "py", "obj"
        _, target = super().process_link(env, refnode, has_explicit_title, title, target)
        return title, target.partition("(")[0]


def public_bases(app: Sphinx, name: str, obj: object, options: object, bases: list[object]) -> None:
    """Leave out the private class between `truststore.SSLContext` and `ssl.SSLContext`."""
    if name == "truststore.SSLContext":
        bases[:] = [":py:class:`ssl.SSLContext`"]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_role("name", Name())
    app.connect("autodoc-process-bases", public_bases)
    return {"parallel_read_safe": True}
