"""A finished file of predictions, resumed: it is verified, and reopened only for files that it lacks."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auricle.errors import UsageError
from auricle.prediction.bulk.resumable_file import journal_of
from auricle.prediction.request import PredictionRequest
from auricle.runtime import files
from auricle.runtime.clock import new_id

__all__ = ["Finished", "read_finished", "reopen"]


@dataclass(frozen=True, slots=True)
class Finished:
    """The files whose rows a finished output holds, in their order, and how many of them failed."""

    files: tuple[str, ...]
    n_failed: int


def read_finished(
    output: Path, model: str, inputs: Sequence[Path], request: PredictionRequest, format_name: str
) -> Finished:
    """Verify that a finished output is of the same inputs, model and request.

    Raises
    ------
    UsageError
        It is not, or does not tell.
    """
    if format_name != "jsonl":
        raise _refusal(output, f"A file of format {format_name} does not say which model wrote it")
    wanted = set(map(str, inputs))
    found: dict[str, None] = {}
    n_failed, levels = 0, set()
    for number, row in enumerate(_rows(output), 1):
        if not isinstance(row, dict) or not isinstance(row.get("file"), str):
            raise _refusal(output, f"Line {number} is no prediction")
        if row["file"] not in wanted:
            raise _refusal(output, f"It holds {row['file']}, which is not among the inputs")
        if row.get("model", model) != model:
            raise _refusal(output, f"It was written by {row['model']}, and this model is {model}")
        found[row["file"]] = None
        n_failed += "error" in row
        levels.add(row.get("level"))
    if "recording" in levels and ("window" in levels) != request.windows:
        raise _refusal(output, f"It has {'' if 'window' in levels else 'no '}lines of windows")
    if "event" in levels and request.events is None:
        raise _refusal(output, "It has lines of events")
    return Finished(tuple(found), n_failed)


def reopen(output: Path, finished: Finished, settings: Mapping[str, Any]) -> None:
    """Write the journal with which a `ResumableFile` takes a finished output for a stopped run."""
    done = {"files": finished.files, "bytes": output.stat().st_size, "failed": finished.n_failed, "sound_s": 0.0}
    lines = [{"run": new_id(), **settings}, done]
    files.write_bytes(journal_of(output), "".join(json.dumps(line) + "\n" for line in lines).encode())


def _rows(output: Path) -> Iterator[Any]:
    with output.open("rb") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                yield None


def _refusal(output: Path, why: str) -> UsageError:
    return UsageError(
        f"{output}: a finished file is resumed for the same inputs, model and options only. {why}. Name another file, "
        "or remove it."
    )
