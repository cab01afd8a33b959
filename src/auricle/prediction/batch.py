"""Answers for many files: side by side, in their order, and none that fails is passed over in silence."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auricle.compute import spread
from auricle.errors import AuricleError
from auricle.prediction.stream import Stream
from auricle.records import Prediction

if TYPE_CHECKING:
    from auricle.prediction.predictor import Predictor

__all__ = ["Result", "predict_files"]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file: its predictions, or the error that stopped it."""

    file: Path
    predictions: tuple[Prediction, ...] = ()
    error: AuricleError | None = None

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a prediction, or the one row that tells the error, as ``--format jsonl`` writes them."""
        if self.error is not None:
            return [{"file": str(self.file), "error": self.error.as_json()}]
        return [{"file": str(self.file), **prediction.as_json()} for prediction in self.predictions]


def predict_files(
    model: "Predictor",
    files: Iterable[Path],
    *,
    windows: bool = False,
    hop_s: float | None = None,
    workers: int | None = None,
) -> Iterator[Result]:
    """Answer each file, in the order given.

    Parameters
    ----------
    model : what answers
    files : sound files
    windows : give each window's answer after the recording's
    hop_s : from one window to the next; None for the model's own
    workers : threads; None for every core

    Returns
    -------
    iterator of one result a file, in order; a file that cannot be answered is a result with its error

    Raises
    ------
    UsageError : ``hop_s`` fits no file; ``workers`` is below 1
    """
    Stream(model, rate_hz=model.bundle.manifest.spec.rate_hz, hop_s=hop_s)  # said once, and not in every file's row

    def answer(file: Path) -> Result:
        try:
            if not windows:
                return Result(file, (model.predict(file, hop_s=hop_s),))
            recording, parts = model.answers(file, hop_s=hop_s)
            return Result(file, (recording, *parts))
        except AuricleError as error:
            return Result(file, error=error)

    return spread(answer, files, workers=workers)
