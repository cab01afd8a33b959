"""Answers for many files: side by side, in their order, and none that fails is passed over in silence."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from auricle.errors import AuricleError, WorkerError
from auricle.prediction.bulk.worker import Answer
from auricle.prediction.bulk.worker_pool import Kept, answered_apart
from auricle.prediction.request import PredictionRequest, answers
from auricle.records import Prediction
from auricle.runtime.compute import n_workers, parallel_map

if TYPE_CHECKING:
    from auricle.prediction.predictor import Predictor

__all__ = ["FEW_BYTES", "FEW_FILES", "Result", "answered", "predict_files"]

FEW_FILES, FEW_BYTES = 64, 32_000_000
"""Up to here a run is over before processes have started, so it does without them unless it is told how many."""

K = TypeVar("K", bound=Kept)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file: its predictions, the recording's first, or the error that stopped it."""

    file: Path
    predictions: tuple[Prediction, ...] = ()
    error: AuricleError | None = None

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a prediction, or the one row that tells the error, as ``--format jsonl`` writes them."""
        if self.error is not None:
            return [{"file": str(self.file), "error": self.error.as_json()}]
        return [{"file": str(self.file), **prediction.as_json()} for prediction in self.predictions]


def predict_files(
    model: "Predictor", files: Sequence[Path], *, ask: PredictionRequest | None = None, workers: int | None = None
) -> Iterator[Result]:
    """Answer each file, in the order given.

    Parameters
    ----------
    model : what answers
    files : sound files
    ask : what is wanted beside the recording's answer, and the hop
    workers : processes; None for one a core, or for threads of this process where there are but a few short files

    Returns
    -------
    iterator of one result a file, in order; a file that cannot be answered, or over which processes died, is a result
    with its error

    Raises
    ------
    UsageError : what is asked fits no file; ``workers`` is below 1
    WorkerError : processes die before they begin
    """
    ask = ask or PredictionRequest()
    ask.check(model)
    keep: Callable[[], list[Any]] = list
    found = answered(model, files, partial(_predictions, ask=ask), keep, workers=workers)
    return (_result(file, pieces, died) for file, pieces, died in found)


def answered(
    model: "Predictor", files: Sequence[Path], answer: Answer, keep: Callable[[], K], *, workers: int | None = None
) -> Iterator[tuple[Path, K, WorkerError | None]]:
    """Ask about each file and gather the pieces of its answer; as :func:`predict_files`, whatever is asked.

    A decoder that dies in a process of its own costs one file. In this process it ends the run: that is the price of
    not starting any for a few short files, where there is little to lose.
    """
    count = n_workers(workers)
    if workers is not None or not _are_few(files):
        return answered_apart(model.bundle, files, answer, keep, workers=min(count, max(1, len(files))))

    def here(file: Path) -> tuple[Path, K, WorkerError | None]:
        kept = keep()
        for piece in answer(model, file):
            kept.append(piece)
        return file, kept, None

    return parallel_map(here, files, workers=count)


def _predictions(
    model: "Predictor", file: Path, *, ask: PredictionRequest
) -> Iterator[tuple[Prediction, ...] | AuricleError]:
    try:
        yield from answers(model, file, ask)
    except AuricleError as error:
        yield error


def _result(file: Path, pieces: list[Any], died: WorkerError | None) -> Result:
    error = died or next((piece for piece in pieces if isinstance(piece, AuricleError)), None)
    if error is not None:
        return Result(file, error=error)
    *parts, (recording,) = pieces
    return Result(file, (recording, *(prediction for part in parts for prediction in part)))


def _are_few(files: Sequence[Path]) -> bool:
    if len(files) > FEW_FILES:
        return False
    return sum(file.stat().st_size for file in files if file.is_file()) <= FEW_BYTES
