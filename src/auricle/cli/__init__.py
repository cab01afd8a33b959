"""The command line: one file per command, which parses options, calls a room and prints."""

from auricle.cli.main import main

__all__ = ["main"]
