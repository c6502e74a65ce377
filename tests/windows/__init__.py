"""What is tested on Windows alone: run it with `nox -s windows`, on Linux too (docs/windows-lab.md)."""
