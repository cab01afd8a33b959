"""The command line: one file per command, each of which parses, calls and prints."""

from auricle.cli.main import main

__all__ = ["main"]
