"""A folder of shards: what many tasks wrote, each a file that is whole or not there, and a manifest of what is done."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from auricle.errors import ClusterError, OutputError, UsageError
from auricle.runtime import files
from auricle.runtime.compute import Engine

__all__ = ["MANIFEST", "Summary", "Write", "Written", "write_shards"]

T = TypeVar("T")

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1

MOST_ITEMS = 1000
"""Most items a shard: what is lost when a worker dies, and what lies between two marks of progress."""

_SHARDS_A_SLOT = 8
_MANIFEST_S = 1.0  # between two writings: a shard that is not in it yet is written again, which costs little
_SEEN_WITHIN_S = 10.0  # network file systems may show a new file late

Summary: TypeAlias = dict[str, Any]
"""What is told of a shard: small, and plain enough for JSON."""


@dataclass(frozen=True, slots=True)
class Written:
    """The shards of a run that is done.

    Parameters
    ----------
    shards : what is told of each by the name of its file, in order
    resumed : names of those that an earlier run had written
    """

    shards: dict[str, Summary]
    resumed: frozenset[str]


Write: TypeAlias = Callable[[Path, Sequence[T]], Summary]
"""Writes one shard from its items, whole or not at all."""


def write_shards(
    folder: str | Path,
    items: Sequence[T],
    write: Write[T],
    *,
    engine: Engine,
    settings: Mapping[str, Any],
    suffix: str,
    resume: bool = False,
    told: Callable[[int], None] | None = None,
) -> Written:
    """Let an engine's workers write the shards of a run into a folder that all of them see.

    Parameters
    ----------
    items : what the shards are made of, in order; shards hold neighbours
    write : done by a worker
    settings : what decides the content; a run that goes on must have the same
    suffix : how the names of shards end
    resume : go on where a run to the same folder was stopped; shards whose items have changed are written again
    told : told how many items are done

    Raises
    ------
    UsageError : the run in the folder had other settings
    OutputError : the folder holds something else, or cannot be written
    ClusterError : workers write, and this machine does not see it
    """
    folder = Path(folder).absolute()
    run = _Run.begun(folder, settings, len(items), engine.n_slots, resume=resume)
    slices = [range(start, min(start + run.size, len(items))) for start in range(0, len(items), run.size)]
    names = [f"part-{index:05d}{suffix}" for index in range(len(slices))]
    hashes = [_digest(items[place] for place in some) for some in slices]
    run.shards = {name: run.shards[name] for name, digest in zip(names, hashes, strict=True) if run.has(name, digest)}
    left = [index for index, name in enumerate(names) if name not in run.shards]
    resumed = frozenset(run.shards)
    done = len(items) - sum(len(slices[index]) for index in left)
    tasks = [(folder / names[index], [items[place] for place in slices[index]]) for index in left]
    try:
        for task, summary in engine.run(partial(_write, write=write), tasks):
            index = left[task]
            _see(folder / names[index])
            run.shards[names[index]] = {"items_sha256": hashes[index], "n_items": len(slices[index]), **summary}
            run.save(at_most_every_s=_MANIFEST_S)
            done += len(slices[index])
            if told:
                told(done)
    finally:
        run.save()
    for left_over in (*folder.glob(".*.part"), *(path for path in folder.glob("part-*") if path.name not in names)):
        left_over.unlink(missing_ok=True)  # of workers that were killed, and of items that are no more
    return Written({name: run.shards[name] for name in names}, resumed)


def _write(task: tuple[Path, Sequence[T]], *, write: Write[T]) -> Summary:
    path, items = task
    return write(path, items)


def _digest(items: Any) -> str:
    return hashlib.sha256("\n".join(map(repr, items)).encode()).hexdigest()


def _see(path: Path) -> None:
    until = time.monotonic() + _SEEN_WITHIN_S
    while not path.exists():
        if time.monotonic() > until:
            raise ClusterError(
                f"{path.parent}: the output's folder must be one that all workers share. A worker wrote {path.name}, "
                "and it is not here."
            )
        time.sleep(0.1)


@dataclass(slots=True)
class _Run:
    """What the manifest holds."""

    folder: Path
    settings: dict[str, Any]
    size: int
    shards: dict[str, Summary]
    saved_at_s: float = 0.0

    @classmethod
    def begun(cls, folder: Path, settings: Mapping[str, Any], n_items: int, n_slots: int, *, resume: bool) -> "_Run":
        plain = json.loads(json.dumps(settings))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            there = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
        except OSError as error:
            raise OutputError(
                f"{folder}: the output must be a folder that can be written. {error.strerror}."
            ) from error
        if not resume or not there:
            if there:
                raise OutputError(
                    f"{folder}: the output's folder must be empty. It holds {len(there)} files: name another, or go on "
                    "with what it holds by --resume."
                )
            size = max(1, min(MOST_ITEMS, n_items // (_SHARDS_A_SLOT * n_slots)))
            return cls(folder, plain, size, {})
        run = cls._read(folder)
        if differing := sorted(
            key for key in plain.keys() | run.settings.keys() if plain.get(key) != run.settings.get(key)
        ):
            key = differing[0]
            raise UsageError(
                f"{folder}: a run that goes on must be asked the same. Its `{key}` was {run.settings.get(key)!r}, "
                f"and now is {plain.get(key)!r}."
            )
        return run

    @classmethod
    def _read(cls, folder: Path) -> "_Run":
        try:
            told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            if told["format"] != FORMAT:
                raise UsageError(f"{folder / MANIFEST}: the format must be {FORMAT}. Got {told['format']}.")
            return cls(folder, dict(told["settings"]), int(told["items_a_shard"]), dict(told["shards"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(
                f"{folder}: a folder to go on with must hold the {MANIFEST} of a run. It does not ({error}). "
                "Name an empty folder."
            ) from error

    def has(self, name: str, digest: str) -> bool:
        shard = self.shards.get(name)
        return shard is not None and shard["items_sha256"] == digest and (self.folder / name).is_file()

    def save(self, *, at_most_every_s: float = 0.0) -> None:
        if time.monotonic() - self.saved_at_s < at_most_every_s:
            return
        told = {"format": FORMAT, "settings": self.settings, "items_a_shard": self.size}
        shards = dict(sorted(self.shards.items()))
        files.write_bytes(self.folder / MANIFEST, json.dumps({**told, "shards": shards}, indent=1).encode() + b"\n")
        self.saved_at_s = time.monotonic()
