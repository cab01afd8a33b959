"""A run over many files: who answers them, where their rows go, and how far it has come."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from auricle.errors import OutputError, StoreError
from auricle.prediction.bulk.batch import map_files
from auricle.prediction.bulk.outbox import EntryWriter, Outbox
from auricle.prediction.bulk.output import FileLines, OutputChunk, error_chunk, render
from auricle.prediction.bulk.resumable_file import ResumableFile
from auricle.prediction.bulk.worker import FileFunction
from auricle.prediction.formats import FORMATS
from auricle.prediction.request import PredictionRequest
from auricle.runtime import files
from auricle.runtime.clock import new_id

if TYPE_CHECKING:
    from auricle.prediction.predictor import Predictor

__all__ = ["ProgressCallback", "Report", "run_settings", "run_to_file", "run_to_stream", "run_to_tracks"]

ProgressCallback = Callable[[int, float, OutputChunk], None]
"""Told of every file that is done: how many are, how many seconds of sound they held, and its last piece."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did.

    Parameters
    ----------
    n_files : all that were named
    n_resumed : those that an earlier run had answered
    n_failed : those that have an error in place of an answer, the earlier run's among them
    sound_s : length of all recordings that were answered now
    seconds : what that took
    """

    n_files: int
    n_resumed: int
    n_failed: int
    sound_s: float
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the numbers, and how fast it went."""
        return {
            "n_files": self.n_files,
            "n_resumed": self.n_resumed,
            "n_failed": self.n_failed,
            "sound_s": round(self.sound_s, 3),
            "seconds": round(self.seconds, 3),
            "files_per_s": round((self.n_files - self.n_resumed) / self.seconds, 2),
            "x_real_time": round(self.sound_s / self.seconds, 1),
        }


def run_to_stream(
    model: "Predictor",
    paths: Sequence[Path],
    stream: BinaryIO,
    *,
    request: PredictionRequest,
    format_name: str,
    workers: int | None = None,
    progress: ProgressCallback | None = None,
    write_entries: EntryWriter | None = None,
) -> Report:
    """Write the rows of all files to a stream, in their order, each as soon as those before it are done.

    The system's own error passes where the stream cannot be written.

    Raises
    ------
    UsageError : what is asked fits no file
    """
    stream.write(FORMATS[format_name].head(model.classes).encode())
    outbox = Outbox(write_entries)

    def take(file: Path, rows: FileLines) -> None:
        stream.writelines(rows.text())
        stream.flush()
        outbox.take(str(file), rows.last.entry)
        outbox.flush_batch()

    run = None if write_entries is None else new_id()
    try:
        return _run(
            model, paths, take, request=request, format_name=format_name, workers=workers, progress=progress, run=run
        )
    finally:
        outbox.flush_batch(is_end=True)


def run_to_file(
    model: "Predictor",
    paths: Sequence[Path],
    output: Path,
    *,
    request: PredictionRequest,
    format_name: str,
    workers: int | None = None,
    resume: bool = False,
    progress: ProgressCallback | None = None,
    write_entries: EntryWriter | None = None,
) -> Report:
    """Write the rows of all files to one file, which a killed run leaves so that another can go on.

    Parameters
    ----------
    write_entries : takes the entries of files whose rows are safe; after a kill, perhaps some of them once more

    Raises
    ------
    UsageError : what is asked fits no file, or is not what a run that is to go on was asked
    OutputError : the file cannot be written, or the disk is full: then what was written is safe
    StoreError : ``write_entries`` cannot; what was written and kept is safe
    """
    request.check(model.loaded)
    head = FORMATS[format_name].head(model.classes).encode()
    outbox = Outbox(write_entries)
    settings = run_settings(model, paths, request, format_name) | ({} if write_entries is None else {"keeps": True})
    file = ResumableFile(output, settings, head=head, resume=resume, flush=outbox.flush)
    left = [path for path in paths if str(path) not in file.done] if file.done else paths
    before = (len(paths) - len(left), file.n_failed)
    folder = Path(os.path.realpath(output)).parent

    def take(path: Path, rows: FileLines) -> None:
        last = rows.last
        outbox.take(str(path), last.entry)
        file.write(str(path), rows.text(), sound_s=last.sound_s, is_failed=last.error is not None)

    try:
        with file:
            run = None if write_entries is None else file.run
            report = _run(
                model,
                left,
                take,
                request=request,
                format_name=format_name,
                workers=workers,
                progress=progress,
                run=run,
                before=before,
                folder=folder,
            )
            file.finish()
    except OSError as error:
        raise file.full(error) from error
    except StoreError as error:
        raise StoreError(f"{error} {file.left('Mend it')}") from error
    return report


def run_to_tracks(
    model: "Predictor",
    tracks: Mapping[Path, Path],
    *,
    request: PredictionRequest,
    format_name: str,
    workers: int | None = None,
    progress: ProgressCallback | None = None,
    write_entries: EntryWriter | None = None,
) -> Report:
    """Write one file a recording, whole or not at all; a recording that fails has none.

    Parameters
    ----------
    tracks : the file of each recording
    write_entries : takes the entries of files whose rows are written

    Raises
    ------
    UsageError : what is asked fits no file
    OutputError : a file cannot be written
    """
    head = FORMATS[format_name].head(model.classes).encode()
    outbox = Outbox(write_entries)

    def take(file: Path, rows: FileLines) -> None:
        if rows.last.error is not None:
            return
        tracks[file].parent.mkdir(parents=True, exist_ok=True)
        with files.new_file(tracks[file]) as stream:
            stream.write(head)
            for block in rows.text():
                stream.write(block)
        outbox.take(str(file), rows.last.entry)
        outbox.flush_batch()

    run = None if write_entries is None else new_id()
    try:
        return _run(
            model,
            list(tracks),
            take,
            request=request,
            format_name=format_name,
            workers=workers,
            progress=progress,
            run=run,
        )
    except OSError as error:
        raise OutputError(f"{error.filename}: cannot be written: {error.strerror}.") from error
    finally:
        outbox.flush_batch(is_end=True)


def _run(
    model: "Predictor",
    paths: Sequence[Path],
    take: Callable[[Path, FileLines], None],
    *,
    request: PredictionRequest,
    format_name: str,
    workers: int | None,
    progress: ProgressCallback | None,
    run: str | None,
    before: tuple[int, int] = (0, 0),
    folder: Path | None = None,
) -> Report:
    request.check(model.loaded)
    n_before, n_failed = before
    answer = partial(render, request=request, format_name=format_name, run=run)
    sound_s, started = 0.0, time.perf_counter()
    for done, (file, rows) in enumerate(_rows(model, paths, answer, format_name, workers, folder), n_before + 1):
        take(file, rows)
        n_failed += rows.last.error is not None
        sound_s += rows.last.sound_s
        if progress is not None:
            progress(done, sound_s, rows.last)
    return Report(
        n_files=n_before + len(paths),
        n_resumed=n_before,
        n_failed=n_failed,
        sound_s=sound_s,
        seconds=time.perf_counter() - started,
    )


def _rows(
    model: "Predictor",
    paths: Sequence[Path],
    answer: FileFunction,
    format_name: str,
    workers: int | None,
    folder: Path | None,
) -> Iterator[tuple[Path, FileLines]]:
    for file, rows, died in map_files(model, paths, answer, partial(FileLines, folder), workers=workers):
        if died is not None:
            rows.append(error_chunk(model.classes, file, died, format_name=format_name))
        yield file, rows


def run_settings(
    model: "Predictor", paths: Iterable[Path], request: PredictionRequest, format_name: str
) -> dict[str, Any]:
    """Return what decides the rows: equal for two runs, they write the same."""
    settings = {"auricle": version("auricle"), "model": model.name, "format": format_name, **request.as_json()}
    if not all(path.is_absolute() for path in paths):
        settings["folder"] = str(Path.cwd())  # what relative names are relative to
    return settings
