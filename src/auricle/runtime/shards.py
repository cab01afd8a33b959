"""Sharded output: an engine's tasks each write one file of a folder, and a manifest lets a run resume."""

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

__all__ = ["MANIFEST", "ShardSummary", "ShardWriter", "ShardedRun", "write_shards"]

T = TypeVar("T")

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1

MOST_ITEMS = 1000
"""Most items in a shard: the most that are lost when a worker dies."""

_SHARDS_A_SLOT = 8
_MANIFEST_S = 1.0  # between two writes; shards missing from it are written again, which costs little
_VISIBLE_WITHIN_S = 10.0  # network file systems may show a new file late

ShardSummary: TypeAlias = dict[str, Any]
"""A shard's entry in the manifest: small, and plain JSON."""


@dataclass(frozen=True, slots=True)
class ShardedRun:
    """The shards of a finished run.

    Parameters
    ----------
    shards : dict of str to dict
        Summary by file name, in order.
    resumed : frozenset of str
        Names of the shards that an earlier run had written.
    """

    shards: dict[str, ShardSummary]
    resumed: frozenset[str]


ShardWriter: TypeAlias = Callable[[Path, Sequence[T]], ShardSummary]
"""Writes one shard from its items, whole or not at all, and returns its summary."""


def write_shards(
    folder: str | Path,
    items: Sequence[T],
    write: ShardWriter[T],
    *,
    engine: Engine,
    settings: Mapping[str, Any],
    suffix: str,
    resume: bool = False,
    progress: Callable[[int], None] | None = None,
) -> ShardedRun:
    """Write items into shards of a folder that all workers of an engine see.

    Parameters
    ----------
    folder : str or Path
    items : sequence
        In order; a shard holds neighbours.
    write : callable
        Runs on a worker.
    engine : Engine
    settings : dict
        Everything that decides the content; a resumed run must have the same.
    suffix : str
        End of the shards' names.
    resume : bool
        Continue a stopped run to the same folder; shards with changed items are written again.
    progress : callable or None
        Called with the number of items done.

    Raises
    ------
    UsageError : the run in the folder had other settings
    OutputError : the folder holds other files, or cannot be written
    ClusterError : this machine does not see the files that workers write
    """
    folder = Path(folder).absolute()
    run = _Run.start(folder, settings, len(items), engine.n_slots, resume=resume)
    slices = [range(start, min(start + run.size, len(items))) for start in range(0, len(items), run.size)]
    names = [f"part-{index:05d}{suffix}" for index in range(len(slices))]
    hashes = [_digest(items[index] for index in part) for part in slices]
    run.shards = {name: run.shards[name] for name, digest in zip(names, hashes, strict=True) if run.has(name, digest)}
    left = [index for index, name in enumerate(names) if name not in run.shards]
    resumed = frozenset(run.shards)
    done = len(items) - sum(len(slices[index]) for index in left)
    tasks = [(folder / names[index], [items[i] for i in slices[index]]) for index in left]
    try:
        for task, summary in engine.run(partial(_write, write=write), tasks):
            index = left[task]
            _wait_until_visible(folder / names[index])
            run.shards[names[index]] = {"items_sha256": hashes[index], "n_items": len(slices[index]), **summary}
            run.save(at_most_every_s=_MANIFEST_S)
            done += len(slices[index])
            if progress:
                progress(done)
    finally:
        run.save()
    for stale in (*folder.glob(".*.part"), *(path for path in folder.glob("part-*") if path.name not in names)):
        stale.unlink(missing_ok=True)  # of killed workers, and of items no longer in the run
    return ShardedRun({name: run.shards[name] for name in names}, resumed)


def _write(task: tuple[Path, Sequence[T]], *, write: ShardWriter[T]) -> ShardSummary:
    path, items = task
    return write(path, items)


def _digest(items: Any) -> str:
    return hashlib.sha256("\n".join(map(repr, items)).encode()).hexdigest()


def _wait_until_visible(path: Path) -> None:
    until = time.monotonic() + _VISIBLE_WITHIN_S
    while not path.exists():
        if time.monotonic() > until:
            raise ClusterError(
                f"{path.parent}: all workers must share the output's folder. A worker wrote {path.name}, which is not "
                "visible here. Name a folder on a shared file system."
            )
        time.sleep(0.1)


@dataclass(slots=True)
class _Run:
    """The manifest of a run, in memory."""

    folder: Path
    settings: dict[str, Any]
    size: int
    shards: dict[str, ShardSummary]
    saved_at_s: float = 0.0

    @classmethod
    def start(cls, folder: Path, settings: Mapping[str, Any], n_items: int, n_slots: int, *, resume: bool) -> "_Run":
        plain = json.loads(json.dumps(settings))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            existing = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
        except OSError as error:
            raise OutputError(
                f"{folder}: the output must be a folder that can be written. {error.strerror}."
            ) from error
        if not resume or not existing:
            if existing:
                raise OutputError(
                    f"{folder}: the output's folder must be empty. It holds {len(existing)} files: name another, or "
                    "continue its run with --resume."
                )
            size = max(1, min(MOST_ITEMS, n_items // (_SHARDS_A_SLOT * n_slots)))
            return cls(folder, plain, size, {})
        run = cls._read(folder)
        if differing := sorted(
            key for key in plain.keys() | run.settings.keys() if plain.get(key) != run.settings.get(key)
        ):
            key = differing[0]
            raise UsageError(
                f"{folder}: a resumed run must have the same settings. Its `{key}` was {run.settings.get(key)!r}, "
                f"and now is {plain.get(key)!r}."
            )
        return run

    @classmethod
    def _read(cls, folder: Path) -> "_Run":
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            if manifest["format"] != FORMAT:
                raise UsageError(f"{folder / MANIFEST}: the format must be {FORMAT}. Got {manifest['format']}.")
            return cls(folder, dict(manifest["settings"]), int(manifest["items_a_shard"]), dict(manifest["shards"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OutputError(
                f"{folder}: to resume, the folder must hold the {MANIFEST} of a run. It does not ({error}). "
                "Name an empty folder."
            ) from error

    def has(self, name: str, digest: str) -> bool:
        shard = self.shards.get(name)
        return shard is not None and shard["items_sha256"] == digest and (self.folder / name).is_file()

    def save(self, *, at_most_every_s: float = 0.0) -> None:
        if time.monotonic() - self.saved_at_s < at_most_every_s:
            return
        manifest = {"format": FORMAT, "settings": self.settings, "items_a_shard": self.size}
        shards = dict(sorted(self.shards.items()))
        files.write_bytes(self.folder / MANIFEST, json.dumps({**manifest, "shards": shards}, indent=1).encode() + b"\n")
        self.saved_at_s = time.monotonic()
