"""Sphinx's configuration. Build with `nox -s docs`."""

from __future__ import annotations

import sys
from importlib.metadata import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "truststore"
author = copyright = "truststore contributors"  # noqa: A001
release = version = metadata("truststore")["Version"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "architecture_picture",
    "client_pages",
    "error_codes",
    "python_reference",
    "real_output",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"truststore {release}"
html_static_path = ["static"]
html_css_files = ["truststore.css"]

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
add_module_names = False
python_display_short_literal_types = True
default_role = "name"  # of docstrings: `python_reference`
# The names that are used, since a build needs no network.
intersphinx_mapping = {"python": ("https://docs.python.org/3", "python.inv")}
