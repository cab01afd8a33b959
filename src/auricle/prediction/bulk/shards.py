"""Answers on a cluster: workers write shards of predictions into a folder, and each goes on where another died."""

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
from auricle.runtime.shards import Summary, write_shards

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
    """Let an engine write the rows of all files into a folder, as shards.

    As JSON lines, the shards joined in the order of their names are what one machine writes.

    Parameters
    ----------
    paths : files that all workers see; rows name them by their absolute path
    folder : one that all workers see
    resume : go on where a run to the same folder was stopped
    progress : told how many files are done

    Raises
    ------
    UsageError : what is asked fits no file, or is not what the run in the folder was asked
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


class _ThreadPool(threading.local):
    """The process that one thread of a worker has its files answered by, from one shard to the next."""

    run_settings: tuple[str, PredictionRequest, str] | None = None
    pool: WorkerPool[FileLines] | None = None

    def pool_for(self, bundle: Bundle, request: PredictionRequest, format_name: str) -> WorkerPool[FileLines]:
        run_settings = (bundle.id, request, format_name)
        if self.pool is None or self.run_settings != run_settings:
            self.close()
            self.run_settings, self.pool = (
                run_settings,
                WorkerPool((bundle, partial(render, request=request, format_name=format_name)), FileLines, 1),
            )
        return self.pool

    def close(self) -> None:
        if self.pool is not None:
            self.pool.stop()
        self.pool = None


_THREAD_POOL = _ThreadPool()


def _shard(
    path: Path, names: Sequence[str], *, bundle: Bundle, request: PredictionRequest, format_name: str
) -> Summary:
    """Answer some files in a process of its own, so that a decoder that dies costs one of them and not this worker."""
    classes = bundle.manifest.classes
    n_failed, sound_s = 0, 0.0
    try:
        with files.new_file(path) as stream:
            stream.write(FORMATS[format_name].head(classes).encode())
            for file, rows, died in _THREAD_POOL.pool_for(bundle, request, format_name).run(map(Path, names)):
                if died is not None:
                    rows.append(error_chunk(classes, file, died, format_name=format_name))
                stream.writelines(rows.text())
                n_failed += rows.last.error is not None
                sound_s += rows.last.sound_s
    except BaseException:
        _THREAD_POOL.close()  # it may be in the middle of a run
        raise
    return {"n_failed": n_failed, "sound_s": sound_s}
