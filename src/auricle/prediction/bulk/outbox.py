"""Hold the log entries of predicted files until their rows are safely written, then write them to the store."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from auricle.records import Entry

__all__ = ["EntryWriter", "Outbox"]

EntryWriter: TypeAlias = Callable[[Sequence[Entry]], None]
"""Writes entries into a store, all or none; a file that is predicted again gives an entry of the same id."""

_BATCH = 64


class Outbox:
    """Hold the log entries of files with rows not yet safe.

    Parameters
    ----------
    write_entries : EntryWriter, optional
        None to discard entries.
    """

    def __init__(self, write_entries: EntryWriter | None) -> None:
        self._write_entries = write_entries
        self._entries: dict[str, Entry] = {}

    def add(self, file: str, entry: Entry | None) -> None:
        """Hold the entry of a file; a failed file has none."""
        if entry is not None:
            self._entries[file] = entry

    def flush(self, files: Sequence[str]) -> None:
        """Write the entries of files with safe rows; if writing fails, all are still held."""
        ready = [self._entries[file] for file in files if file in self._entries]
        if ready and self._write_entries is not None:
            self._write_entries(ready)
        for file in files:
            self._entries.pop(file, None)

    def flush_batch(self, *, is_end: bool = False) -> None:
        """Write all held entries, once there are many or no more will come."""
        if is_end or len(self._entries) >= _BATCH:
            self.flush(list(self._entries))
