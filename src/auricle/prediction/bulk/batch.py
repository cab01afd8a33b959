"""Answers for many files: side by side, in their order, and none that fails is passed over in silence."""

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
"""Up to here a run is over before processes have started, so it does without them unless it is told how many."""

K = TypeVar("K", bound=Sink)


def map_files(
    model: "Predictor",
    files: Sequence[Path],
    function: FileFunction,
    new_sink: Callable[[], K],
    *,
    workers: int | None = None,
) -> Iterator[tuple[Path, K, WorkerError | None]]:
    """Answer each file, in the order given, and gather the pieces of each answer.

    Parameters
    ----------
    model : what answers
    files : sound files
    function : what is done with a file
    new_sink : makes the place for the pieces of one file
    workers : processes; None for one a core, or for threads of this process where there are but a few short files

    Returns
    -------
    iterator of file, its pieces, and the error if processes died over it: in the order of the files

    Raises
    ------
    UsageError : ``workers`` is below 1
    WorkerError : processes die before they begin

    A decoder that dies in a process of its own costs one file. In this process it ends the run: that is the price of
    not starting any for a few short files, where there is little to lose.
    """
    count = n_workers(workers)
    if workers is not None or not _are_few(files):
        return map_files_in_workers(model.bundle, files, function, new_sink, workers=min(count, max(1, len(files))))

    def here(file: Path) -> tuple[Path, K, WorkerError | None]:
        sink = new_sink()
        for chunk in function(model, file):
            sink.append(chunk)
        return file, sink, None

    return parallel_map(here, files, workers=count)


def _are_few(files: Sequence[Path]) -> bool:
    if len(files) > FEW_FILES:
        return False
    return sum(file.stat().st_size for file in files if file.is_file()) <= FEW_BYTES
