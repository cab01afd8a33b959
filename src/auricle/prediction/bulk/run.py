"""Predict many files into one stream, one resumable file, or one file per recording, with progress and a report."""

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
from auricle.prediction.bulk.finished import read_finished, reopen
from auricle.prediction.bulk.outbox import EntryWriter, Outbox
from auricle.prediction.bulk.output import FileLines, OutputChunk, error_chunk, render
from auricle.prediction.bulk.resumable_file import ResumableFile, journal_of
from auricle.prediction.bulk.worker import FileFunction
from auricle.prediction.formats import FORMATS
from auricle.prediction.request import PredictionRequest
from auricle.runtime import files
from auricle.runtime.clock import new_id

if TYPE_CHECKING:
    from auricle.prediction.predictor import Predictor

__all__ = ["ProgressCallback", "Report", "run_settings", "run_to_file", "run_to_stream", "run_to_tracks"]

ProgressCallback = Callable[[int, float, OutputChunk], None]
"""Called after every file with the number of finished files, their sound in seconds, and the file's last chunk."""


@dataclass(frozen=True, slots=True)
class Report:
    """Counts and duration of a run.

    Parameters
    ----------
    n_files : int
        All files of the run.
    n_resumed : int
        Files that an earlier run had predicted.
    n_failed : int
        Files with an error in place of a prediction, the earlier run's included.
    sound_s : float
        Length of all recordings predicted now.
    seconds : float
        Duration of the run.
    """

    n_files: int
    n_resumed: int
    n_failed: int
    sound_s: float
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the counts and the speed."""
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
    """Write the rows of all files to a stream, in the order of the files, each as soon as possible.

    Raises
    ------
    UsageError : the request does not fit the model
    """
    stream.write(FORMATS[format_name].head(model.classes).encode())
    outbox = Outbox(write_entries)

    def write(file: Path, lines: FileLines) -> None:
        stream.writelines(lines.text())
        stream.flush()
        outbox.add(str(file), lines.last.entry)
        outbox.flush_batch()

    run = None if write_entries is None else new_id()
    try:
        return _run(
            model, paths, write, request=request, format_name=format_name, workers=workers, progress=progress, run=run
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
    """Write the rows of all files to one file; a killed run can be resumed.

    Parameters
    ----------
    write_entries : EntryWriter, optional
        Gets the log entries of files with safe rows; after a kill, it may get some of them again.

    Raises
    ------
    UsageError : the request does not fit the model, or differs from that of the run to resume, or of a finished one
    OutputError : the file cannot be written, or the disk is full; rows written before are safe
    StoreError : ``write_entries`` failed; rows and entries written before are safe
    """
    request.check(model.loaded)
    head = FORMATS[format_name].head(model.classes).encode()
    outbox = Outbox(write_entries)
    settings = run_settings(model, paths, request, format_name) | ({} if write_entries is None else {"keeps": True})
    if resume and output.is_file() and not journal_of(output).exists():
        finished = read_finished(output, model, paths, request, format_name)
        if set(finished.files) == set(map(str, paths)):
            n_files = len(paths)
            return Report(n_files=n_files, n_resumed=n_files, n_failed=finished.n_failed, sound_s=0.0, seconds=0.0)
        reopen(output, finished, settings)
    file = ResumableFile(output, settings, head=head, resume=resume, on_synced=outbox.flush)
    remaining = [path for path in paths if str(path) not in file.done] if file.done else paths
    resumed = (len(paths) - len(remaining), file.n_failed)
    folder = Path(os.path.realpath(output)).parent

    def write(path: Path, lines: FileLines) -> None:
        last = lines.last
        outbox.add(str(path), last.entry)
        file.write(str(path), lines.text(), sound_s=last.sound_s, is_failed=last.error is not None)

    try:
        with file:
            run = None if write_entries is None else file.run
            report = _run(
                model,
                remaining,
                write,
                request=request,
                format_name=format_name,
                workers=workers,
                progress=progress,
                run=run,
                resumed=resumed,
                folder=folder,
            )
            file.finish()
    except OSError as error:
        raise file.write_error(error) from error
    except StoreError as error:
        raise StoreError(f"{error} {file.resume_hint('Repair it')}") from error
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
    """Write one file per recording, whole or not at all; a recording that fails has none.

    Parameters
    ----------
    tracks : mapping of Path to Path
        Output file of each recording.
    write_entries : EntryWriter, optional
        Gets the log entries of recordings with written lines.

    Raises
    ------
    UsageError : the request does not fit the model
    OutputError : a file cannot be written
    """
    head = FORMATS[format_name].head(model.classes).encode()
    outbox = Outbox(write_entries)

    def write(file: Path, lines: FileLines) -> None:
        if lines.last.error is not None:
            return
        tracks[file].parent.mkdir(parents=True, exist_ok=True)
        with files.atomic_file(tracks[file]) as stream:
            stream.write(head)
            for block in lines.text():
                stream.write(block)
        outbox.add(str(file), lines.last.entry)
        outbox.flush_batch()

    run = None if write_entries is None else new_id()
    try:
        return _run(
            model,
            list(tracks),
            write,
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
    write: Callable[[Path, FileLines], None],
    *,
    request: PredictionRequest,
    format_name: str,
    workers: int | None,
    progress: ProgressCallback | None,
    run: str | None,
    resumed: tuple[int, int] = (0, 0),
    folder: Path | None = None,
) -> Report:
    request.check(model.loaded)
    n_resumed, n_failed = resumed
    function = partial(render, request=request, format_name=format_name, run=run)
    sound_s, started = 0.0, time.perf_counter()
    for done, (file, lines) in enumerate(_rows(model, paths, function, format_name, workers, folder), n_resumed + 1):
        write(file, lines)
        n_failed += lines.last.error is not None
        sound_s += lines.last.sound_s
        if progress is not None:
            progress(done, sound_s, lines.last)
    return Report(
        n_files=n_resumed + len(paths),
        n_resumed=n_resumed,
        n_failed=n_failed,
        sound_s=sound_s,
        seconds=time.perf_counter() - started,
    )


def _rows(
    model: "Predictor",
    paths: Sequence[Path],
    function: FileFunction,
    format_name: str,
    workers: int | None,
    folder: Path | None,
) -> Iterator[tuple[Path, FileLines]]:
    for file, lines, error in map_files(model, paths, function, partial(FileLines, folder), workers=workers):
        if error is not None:
            lines.append(error_chunk(model.classes, file, error, format_name=format_name))
        yield file, lines


def run_settings(
    model: "Predictor", paths: Iterable[Path], request: PredictionRequest, format_name: str
) -> dict[str, Any]:
    """Return the settings that determine the lines: two runs with equal settings write the same."""
    settings = {"auricle": version("auricle"), "model": model.name, "format": format_name, **request.as_json()}
    if not all(path.is_absolute() for path in paths):
        settings["folder"] = str(Path.cwd())  # base of the relative names
    return settings
