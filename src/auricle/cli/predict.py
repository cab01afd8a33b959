"""``auricle predict``: answers for files, folders and patterns."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from auricle import files
from auricle.cli.options import ModelArgument, WorkersOption
from auricle.cli.terminal import Bars, err, print_json
from auricle.errors import UsageError

__all__ = ["predict"]


def predict(
    model: ModelArgument,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT…", help="Sound files, folders of them, or patterns.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write; stdout if not given.")] = None,
    form: Annotated[str, typer.Option("--format", help="jsonl or csv.")] = "jsonl",
    windows: Annotated[bool, typer.Option("--windows", help="A line for each window as well.")] = False,
    hop_s: Annotated[
        float | None, typer.Option(help="From one window to the next, in seconds; the model's own if not given.")
    ] = None,
    workers: WorkersOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="With -o: print one JSON object.")] = False,
) -> None:
    """Answer recordings: one line each, in the order given; a file that fails is a line with its error, and exit 1.

    Example: `auricle predict motor.auricle today/ -o today.jsonl`
    """
    from auricle.prediction.batch import predict_files
    from auricle.prediction.formats import check_format, lines
    from auricle.prediction.inputs import expand
    from auricle.prediction.predictor import load

    check_format(form)
    if as_json and output is None:
        raise UsageError("`--json` must be given with -o: without it, stdout holds the predictions themselves.")
    if output is not None:
        files.check_writable(output)
    found = expand(inputs)
    predictor = load(model)
    failed = 0
    with Bars(hidden=output is None) as bars:

        def rows() -> Iterator[dict[str, Any]]:
            nonlocal failed
            results = predict_files(predictor, found, windows=windows, hop_s=hop_s, workers=workers)
            for done, result in enumerate(results, 1):
                failed += result.error is not None
                yield from result.rows()
                bars("files", done, len(found))

        written = lines(rows(), form=form, classes=predictor.classes)
        if output is None:
            for line in written:
                sys.stdout.write(line)
        else:
            with files.new_file(output) as stream:
                for line in written:
                    stream.write(line.encode())
    if as_json:
        print_json({"n_files": len(found), "n_failed": failed, "model": predictor.name, "output": str(output)})
    if failed:
        err.print(f"{failed} of {len(found)} files failed; each has a line with its error.", style="yellow")
        raise typer.Exit(1)
