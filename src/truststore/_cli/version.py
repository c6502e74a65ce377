"""The version: of this copy, vendored or not, installed or not."""

from __future__ import annotations

#: pyproject.toml has the same.
VERSION = "1.0.0.dev0"
