"""Predict many files on a cluster: workers write shards of rows into one folder, and a stopped run can be resumed."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auricle.bundles.bundle import Bundle
from auricle.errors import UsageError
from auricle.prediction.bulk.output import FileLines, error_chunk, render
from auricle.prediction.bulk.run import Report, run_settings
from auricle.prediction.bulk.worker_pool import WorkerPool
from auricle.prediction.formats import FORMATS
from auricle.prediction.request import PredictionRequest
from auricle.runtime import files
from auricle.runtime.compute import Engine
from auricle.runtime.shards import ShardSummary, write_shards

if TYPE_CHECKING:
    from auricle.prediction.predictor import Predictor

__all__ = ["run_to_shards"]

SHARDED: Final = tuple(name for name, format_name in FORMATS.items() if not format_name.is_of_one_recording)


def run_to_shards(
    model: "Predictor",
    paths: Sequence[Path],
    folder: Path,
    *,
    request: PredictionRequest,
    format_name: str,
    engine: Engine,
    resume: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Write the rows of all files into a folder, as shards, on an engine.

    The shards of JSON lines, joined in the order of their names, equal the file that one machine writes.

    Parameters
    ----------
    model : Predictor
    paths : sequence of Path
        Files that all workers can read; rows name them by absolute path.
    folder : Path
        A folder that all workers can write.
    resume : bool
        Resume a stopped run to the same folder.
    progress : function, optional
        Called with the number of finished files.

    Raises
    ------
    UsageError : the request does not fit the model, or differs from that of the run in the folder
    OutputError : the folder holds something else, or cannot be written
    """
    request.check(model.loaded)
    if format_name not in SHARDED:
        raise UsageError(f"On a cluster, the format must be {' or '.join(SHARDED)}. Got {format_name}.")
    started = time.perf_counter()
    paths = [path.absolute() for path in paths]
    run = write_shards(
        folder,
        list(map(str, paths)),
        partial(_shard, bundle=model.bundle, request=request, format_name=format_name),
        engine=engine,
        settings=run_settings(model, paths, request, format_name),
        suffix=FORMATS[format_name].suffix,
        resume=resume,
        progress=progress,
    )
    return Report(
        n_files=len(paths),
        n_resumed=sum(run.shards[name]["n_items"] for name in run.resumed),
        n_failed=sum(shard["n_failed"] for shard in run.shards.values()),
        sound_s=sum(shard["sound_s"] for name, shard in run.shards.items() if name not in run.resumed),
        seconds=time.perf_counter() - started,
    )


class _LocalPool(threading.local):
    """Worker pool of one process for each thread, kept from one shard to the next."""

    job: tuple[str, PredictionRequest, str] | None = None
    pool: WorkerPool[FileLines] | None = None

    def pool_for(self, bundle: Bundle, request: PredictionRequest, format_name: str) -> WorkerPool[FileLines]:
        job = (bundle.id, request, format_name)
        if self.pool is None or self.job != job:
            self.close()
            function = partial(render, request=request, format_name=format_name)
            self.job, self.pool = job, WorkerPool((bundle, function), FileLines, 1)
        return self.pool

    def close(self) -> None:
        if self.pool is not None:
            self.pool.stop()
        self.pool = None


_LOCAL_POOL = _LocalPool()


def _shard(
    path: Path, names: Sequence[str], *, bundle: Bundle, request: PredictionRequest, format_name: str
) -> ShardSummary:
    """Write the rows of one shard; a separate process predicts, so a decoder that crashes costs one file only."""
    classes = bundle.manifest.classes
    n_failed, sound_s = 0, 0.0
    try:
        with files.atomic_file(path) as stream:
            stream.write(FORMATS[format_name].head(classes).encode())
            for file, lines, error in _LOCAL_POOL.pool_for(bundle, request, format_name).run(map(Path, names)):
                if error is not None:
                    lines.append(error_chunk(classes, file, error, format_name=format_name))
                stream.writelines(lines.text())
                n_failed += lines.last.error is not None
                sound_s += lines.last.sound_s
    except BaseException:
        _LOCAL_POOL.close()  # it may be in the middle of a run
        raise
    return {"n_failed": n_failed, "sound_s": sound_s}
