"""Map a function over many files in threads or worker processes, with results in the order of the files."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from auricle.errors import WorkerError
from auricle.prediction.bulk.worker import FileFunction
from auricle.prediction.bulk.worker_pool import Sink, map_files_in_workers
from auricle.runtime.compute import n_workers, parallel_map

if TYPE_CHECKING:
    from auricle.prediction.predictor import Predictor

__all__ = ["FEW_BYTES", "FEW_FILES", "map_files"]

FEW_FILES, FEW_BYTES = 64, 32_000_000
"""A run up to this size ends before processes would have started, so it uses threads unless ``workers`` is given."""

K = TypeVar("K", bound=Sink)


def map_files(
    model: "Predictor",
    files: Sequence[Path],
    function: FileFunction,
    new_sink: Callable[[], K],
    *,
    workers: int | None = None,
) -> Iterator[tuple[Path, K, WorkerError | None]]:
    """Apply a function to each file, in threads or worker processes, and gather the chunks that it yields.

    Parameters
    ----------
    model : Predictor
    files : sequence of Path
    function : FileFunction
    new_sink : function
        Returns an empty sink for the chunks of one file.
    workers : int, optional
        Number of processes. None for one per core, or for threads of this process if there are few short files.

    Returns
    -------
    iterator of (file, sink, error), in the order of the files; the error is None unless processes died over the file

    Raises
    ------
    UsageError : ``workers`` is below 1
    WorkerError : processes die before they begin

    Notes
    -----
    A decoder that crashes in a worker process costs one file. In a thread it ends the run: acceptable for a few short
    files.
    """
    count = n_workers(workers)
    if workers is not None or not _are_few(files):
        return map_files_in_workers(model.bundle, files, function, new_sink, workers=min(count, max(1, len(files))))

    def apply(file: Path) -> tuple[Path, K, WorkerError | None]:
        sink = new_sink()
        for chunk in function(model, file):
            sink.append(chunk)
        return file, sink, None

    return parallel_map(apply, files, workers=count)


def _are_few(files: Sequence[Path]) -> bool:
    if len(files) > FEW_FILES:
        return False
    return sum(file.stat().st_size for file in files if file.is_file()) <= FEW_BYTES
