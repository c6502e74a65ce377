"""Sphinx's configuration. Build with `nox -s docs`."""

from __future__ import annotations

from importlib.metadata import metadata

project = "truststore"
author = copyright = "truststore contributors"  # noqa: A001 - Sphinx's name
release = version = metadata("truststore")["Version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"truststore {release}"

myst_enable_extensions = ["deflist", "fieldlist", "substitution"]
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"] if False else []

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
