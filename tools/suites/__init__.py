"""Test-suites of third parties, as they are and with truststore injected: `python -m tools.suites --help`."""
