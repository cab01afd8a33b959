"""``auricle predict``: predictions of sound files, folders and glob patterns, as lines or files."""

import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.event_options import (
    ConfirmOption,
    EventsOption,
    MaxGapOption,
    MinDurationOption,
    OffOption,
    OnlyOption,
    OnOption,
    SmoothOption,
    event_rules,
)
from auricle.cli.options import EngineOption, KeepOption, ModelArgument, StrictOption, open_outbox
from auricle.cli.outputs import check_output
from auricle.cli.terminal import Bars, err, leave_if_unread, print_json, print_omitted
from auricle.errors import OutputError, UsageError
from auricle.runtime.files import check_writable

if TYPE_CHECKING:
    from auricle.prediction.bulk.outbox import EntryWriter
    from auricle.prediction.bulk.output import OutputChunk
    from auricle.prediction.bulk.run import Report
    from auricle.prediction.predictor import Predictor
    from auricle.prediction.request import PredictionRequest

__all__ = ["predict"]

_KINDS = {"jsonl": "JSON lines of predictions", "csv": "CSV table of predictions"}


def predict(
    model: ModelArgument,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT…", help="Sound files, folders, or glob patterns.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="File to write, or a folder for audacity, raven and --engine; stdout if not given."
        ),
    ] = None,
    form: Annotated[
        str | None,
        typer.Option(
            "--format", help="Output format: jsonl, csv, audacity or raven; csv for a -o that ends so, else jsonl."
        ),
    ] = None,
    windows: Annotated[bool, typer.Option("--windows", help="Add a line for each window.")] = False,
    hop_s: Annotated[
        float | None, typer.Option(help="Seconds from one window to the next; the model's own if not given.")
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option(
            help="Channel of recordings: mean, a number from 0, max-energy, each; the model's own if not given."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume a stopped run to the same -o.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes; one per core if not given, and none for a few short files."),
    ] = None,
    engine: EngineOption = "local",
    store: KeepOption = None,
    events: EventsOption = False,
    on: OnOption = None,
    off: OffOption = None,
    min_duration_s: MinDurationOption = 0.0,
    max_gap_s: MaxGapOption = 0.0,
    smooth: SmoothOption = 1,
    confirm: ConfirmOption = 1,
    only: OnlyOption = None,
    strict: StrictOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="With -o, print one JSON object on stdout.")] = False,
) -> None:
    """Predict recordings: one line each, in the given order; a failed file is a line with its error, and exit 1.

    Example: `auricle predict motor.auricle today/ -o today.jsonl`
    """
    from auricle.prediction.bulk.inputs import expand
    from auricle.prediction.formats import FORMATS, check_format
    from auricle.prediction.predictor import load
    from auricle.prediction.request import PredictionRequest
    from auricle.runtime.compute import n_workers

    form = form or ("csv" if output is not None and output.suffix.lower() == ".csv" else "jsonl")
    check_format(form)
    n_workers(workers)
    rules = event_rules(
        events=events,
        on=on,
        off=off,
        min_duration_s=min_duration_s,
        max_gap_s=max_gap_s,
        smooth=smooth,
        confirm=confirm,
        only=only,
    )
    request = PredictionRequest(windows=windows, events=rules, hop_s=hop_s, channel=channel)
    has_own_files = FORMATS[form].is_of_one_recording
    if output is None and (as_json or resume):
        raise UsageError(
            f"`{'--json' if as_json else '--resume'}` must be given with -o: stdout holds the predictions."
        )
    if engine != "local" and (output is None or has_own_files or workers is not None):
        raise UsageError(
            "`--engine` must be given with -o, a folder that all workers see, for jsonl or csv, without `--workers`."
        )
    if engine != "local" and store is not None:
        raise UsageError("`--store` must be given without `--engine`: only one machine may write to the store.")
    if has_own_files and windows and events:
        raise UsageError(f"A file of format {form} holds one level. Give `--windows` or `--events`, not both.")
    if has_own_files and resume:
        raise UsageError(
            f"`--resume` must be given with jsonl or csv. Format {form} is one file per recording, whole or absent: "
            "name the recordings that have no file yet."
        )
    if output is not None and engine == "local" and not has_own_files:
        database = None if store is None else store.removeprefix("sqlite:///")
        check_output(output, _KINDS[form], (model, database, *([] if resume else inputs)))
    elif output is not None and engine == "local" and not output.is_dir():
        check_writable(output)
        _check_no_labels(output)
    if engine != "local" and output is not None and output.suffix.lower() in (".jsonl", ".csv"):
        raise UsageError(f"{output}: `--engine` writes a folder of parts. Name a folder, such as {output.stem}.")
    named = expand(inputs)
    print_omitted(named.omitted, strict=strict)
    found = named.files
    predictor = load(model)
    request.check(predictor.loaded)
    if engine != "local" and output is not None:
        report = _run_on_engine(predictor, found, output, request, form, engine, resume=resume)
    else:
        with open_outbox(store) as keep:
            report = _run(predictor, found, output, request, form, workers, resume=resume, keep=keep)
    if as_json:
        omitted = [one.as_json() for one in named.omitted]
        print_json({**report.as_json(), "omitted": omitted, "model": predictor.name, "output": str(output)})
    if report.n_failed:
        remains = "has none" if has_own_files else "has a line with its error"
        err.print(f"{report.n_failed} of {report.n_files} files failed; each {remains}.", style="yellow")
        raise typer.Exit(1)


def _run(
    model: "Predictor",
    found: list[Path],
    output: Path | None,
    request: "PredictionRequest",
    form: str,
    workers: int | None,
    *,
    resume: bool,
    keep: "EntryWriter | None",
) -> "Report":
    from auricle.prediction.bulk.run import run_to_file, run_to_stream, run_to_tracks
    from auricle.prediction.formats import FORMATS

    has_own_files = FORMATS[form].is_of_one_recording
    started, n_done = time.monotonic(), 0
    with Bars(hidden=output is None) as bars:

        def report_progress(done: int, sound_s: float, last: "OutputChunk") -> None:
            nonlocal n_done
            n_done += 1
            if has_own_files and last.error is not None:
                err.print(last.error, style="yellow", markup=False)
            seconds = max(time.monotonic() - started, 1e-9)
            bars("files", done, len(found), f"{n_done / seconds:.0f} files/s, {sound_s / seconds:.0f} x real time")

        if output is not None and not has_own_files:
            return run_to_file(
                model,
                found,
                output,
                request=request,
                format_name=form,
                workers=workers,
                resume=resume,
                progress=report_progress,
                write_entries=keep,
            )
        if output is not None:
            tracks = _tracks(found, output, FORMATS[form].suffix)
            return run_to_tracks(
                model,
                tracks,
                request=request,
                format_name=form,
                workers=workers,
                progress=report_progress,
                write_entries=keep,
            )
        if has_own_files and len(found) > 1:
            raise UsageError(
                f"Format {form} is one file per recording. Name a folder with -o for {len(found)} recordings."
            )
        with leave_if_unread():
            stdout = sys.stdout.buffer
            return run_to_stream(
                model,
                found,
                stdout,
                request=request,
                format_name=form,
                workers=workers,
                progress=report_progress,
                write_entries=keep,
            )


def _run_on_engine(
    model: "Predictor",
    found: list[Path],
    folder: Path,
    request: "PredictionRequest",
    form: str,
    engine: str,
    *,
    resume: bool,
) -> "Report":
    from auricle.prediction.bulk.shards import run_to_shards
    from auricle.runtime.cluster import open_engine

    with Bars() as bars, open_engine(engine) as workers:
        assert workers is not None  # noqa: S101 - it is not local
        return run_to_shards(
            model,
            found,
            folder,
            request=request,
            format_name=form,
            engine=workers,
            resume=resume,
            progress=lambda done: bars("files", done, len(found)),
        )


def _tracks(found: list[Path], output: Path, suffix: str) -> dict[Path, Path]:
    """Return the output file of each recording: the named file, or one of the same relative path in a folder."""
    if not output.is_dir():
        if len(found) > 1:
            raise UsageError(f"{output}: for {len(found)} recordings it must be an existing folder. Create it first.")
        return {found[0]: output}
    root = Path(os.path.commonpath([os.path.abspath(file.parent) for file in found]))  # noqa: PTH100
    tracks = {
        file: output / Path(os.path.abspath(file)).relative_to(root).parent / f"{file.stem}{suffix}"  # noqa: PTH100
        for file in found
    }
    shared, n_recordings = Counter(tracks.values()).most_common(1)[0]
    if n_recordings > 1:
        raise UsageError(f"{shared}: {n_recordings} recordings would share one output file. Give them different names.")
    _check_no_labels(*tracks.values())
    return tracks


def _check_no_labels(*tracks: Path) -> None:
    if existing := [track for track in tracks if track.exists()]:
        raise OutputError(
            f"{existing[0]}: the file exists, and may hold labels made by hand. Move it away, or write elsewhere."
        )
