"""The standard library, patched by gevent when this is imported."""

# ruff: noqa: E402 - they patch first

from __future__ import annotations

import importlib

importlib.import_module("gevent.monkey").patch_all()

import urllib.request

build_opener, ProxyHandler, HTTPSHandler = urllib.request.build_opener, urllib.request.ProxyHandler, urllib.request.HTTPSHandler
