"""Entries on their way into a store: each goes there when the rows that tell it are safe, and no sooner."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from auricle.records import Entry

__all__ = ["EntryWriter", "Outbox"]

EntryWriter: TypeAlias = Callable[[Sequence[Entry]], None]
"""What writes entries into a store, all of them or none; those of a file that is answered again have the same ids."""

_TOGETHER = 64


class Outbox:
    """Holds the entries of files whose rows are not yet safe.

    Parameters
    ----------
    write_entries : what they are then given to; None where nothing is kept
    """

    def __init__(self, write_entries: EntryWriter | None) -> None:
        self._write_entries = write_entries
        self._entries: dict[str, Entry] = {}

    def take(self, file: str, entry: Entry | None) -> None:
        """Hold a file's entry; a file that failed has none."""
        if entry is not None:
            self._entries[file] = entry

    def flush(self, files: Sequence[str]) -> None:
        """Keep the entries of files, whose rows are safe; what cannot be kept is still held."""
        ready = [self._entries[file] for file in files if file in self._entries]
        if ready and self._write_entries is not None:
            self._write_entries(ready)
        for file in files:
            self._entries.pop(file, None)

    def flush_batch(self, *, is_end: bool = False) -> None:
        """Keep all that are held, once they are many or no more will come."""
        if is_end or len(self._entries) >= _TOGETHER:
            self.flush(list(self._entries))
