"""Sphinx's configuration. Build with `nox -s docs`."""

from __future__ import annotations

import sys
from importlib.metadata import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "truststore"
author = copyright = "truststore contributors"  # noqa: A001
release = version = metadata("truststore")["Version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "real_output"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"truststore {release}"

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
