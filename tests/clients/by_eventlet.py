"""The standard library, patched by eventlet when this is imported."""

# ruff: noqa: E402 - they patch first

from __future__ import annotations

import os

os.environ["EVENTLET_NO_GREENDNS"] = "yes"

import importlib

importlib.import_module("eventlet").monkey_patch()

import urllib.request

build_opener, ProxyHandler, HTTPSHandler = urllib.request.build_opener, urllib.request.ProxyHandler, urllib.request.HTTPSHandler
