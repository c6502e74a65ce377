"""Hypothesis. Where it is not installed, the tests that need it are skipped, and the others of their modules run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


class Nothing:
    """In a strategy's place: whatever a module makes of it is nothing, too."""

    def __getattr__(self, name: str) -> Nothing:
        return self

    def __call__(self, *arguments: Any, **options: Any) -> Nothing:
        return self

    def __or__(self, other: object) -> Nothing:
        return self


def unchanged(*_arguments: Any, **_options: Any) -> Callable[[Any], Any]:
    return lambda function: function


def skipped(*_arguments: Any, **_options: Any) -> pytest.MarkDecorator:
    return pytest.mark.skip(reason="hypothesis is not installed")


try:
    from hypothesis import HealthCheck, example, given, settings
    from hypothesis import strategies as st
except ModuleNotFoundError:
    if not TYPE_CHECKING:
        HealthCheck = st = Nothing()
        example = settings = unchanged
        given = skipped

__all__ = ["HealthCheck", "example", "given", "settings", "st"]
