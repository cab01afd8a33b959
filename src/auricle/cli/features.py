"""``auricle features``: the feature rows of a data set as a table."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auricle.cli.options import (
    ChannelOption,
    DataArgument,
    EngineOption,
    FmaxOption,
    FminOption,
    FoldOption,
    GroupOption,
    JsonOption,
    LabelOption,
    RootOption,
    SampleRateOption,
    StrictOption,
    TargetOption,
    WorkersOption,
)
from auricle.cli.outputs import check_output
from auricle.cli.terminal import Bars, err, print_json, print_omitted
from auricle.errors import UsageError
from auricle.runtime.shards import MANIFEST

if TYPE_CHECKING:
    from auricle.datasets.dataset import Dataset
    from auricle.features.spec import FeatureSpec
    from auricle.inspection.sample_rate import SampleRate

__all__ = ["features"]


def features(
    data: DataArgument,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Table to write, .csv or .parquet; with --engine, a folder of tables."),
    ],
    label: LabelOption = None,
    target: TargetOption = None,
    group: GroupOption = None,
    fold: FoldOption = None,
    root: RootOption = None,
    rate_hz: SampleRateOption = None,
    fmin_hz: FminOption = 0.0,
    fmax_hz: FmaxOption = None,
    channel: ChannelOption = "mean",
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    resume: Annotated[bool, typer.Option("--resume", help="With --engine, resume a stopped run.")] = False,
    strict: StrictOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write one row per window: file, start, end, group, label, then the named features that training would use.

    Example: `auricle features sounds/ -o rows.csv`
    """
    from auricle.datasets.dataset import Dataset
    from auricle.datasets.feature_table import extract
    from auricle.datasets.headers import hear_channel, read_headers
    from auricle.datasets.row_files import check_name, table_rows, write_rows
    from auricle.inspection.sample_rate import choose_rate, leave_out_odd
    from auricle.training.defaults import choose_spec

    def load() -> "tuple[Dataset, FeatureSpec, SampleRate]":
        dataset = Dataset.load(data, label=label, target=target, group=group, fold=fold, root=root)
        print_omitted(dataset.omitted, strict=strict)
        headers = read_headers(dataset, workers=workers)
        rate = choose_rate(dataset, headers, rate_hz=rate_hz, workers=workers)
        leave_out_odd(dataset, headers, rate, skip_bad=False)
        print_omitted(headers.omitted, strict=strict)
        dataset = replace(dataset, omitted=(*dataset.omitted, *headers.omitted))
        dataset = hear_channel(dataset, headers, channel)
        return dataset, choose_spec(headers, rate.rate_hz, fmin_hz=fmin_hz, fmax_hz=fmax_hz), rate

    if engine != "local":
        if workers is not None:
            raise UsageError("`--workers` must not be given with `--engine`, which has workers of its own.")
        _on_engine(load, output, engine, resume=resume, as_json=as_json)
        return
    if resume:
        raise UsageError("`--resume` must be given with `--engine`: a single table is written whole or not at all.")
    check_output(
        output, f"{'Parquet' if check_name(str(output)) == '.parquet' else 'CSV'} table of features", (data, root)
    )
    dataset, spec, rate = load()
    with Bars() as bars:
        _, examples, _ = extract(dataset, spec, workers=workers, progress=bars)
    write_rows(output, dataset.task, spec, table_rows(dataset, examples))
    err.print(f"Sample rate: {rate.rate_hz} Hz, {rate.reason}", markup=False)
    if as_json:
        shape = {"n_recordings": len(dataset.examples), "n_rows": len(examples.rows), "columns": list(spec.columns)}
        print_json(
            {
                **shape,
                "sample_rate": rate.as_json(),
                "omitted": [one.as_json() for one in dataset.omitted],
                "output": str(output),
            }
        )


def _on_engine(
    load: "Callable[[], tuple[Dataset, FeatureSpec, SampleRate]]",
    output: Path,
    engine: str,
    *,
    resume: bool,
    as_json: bool,
) -> None:
    from auricle.datasets.row_files import shard_rows
    from auricle.runtime.cluster import open_engine

    with open_engine(engine) as found:
        if output.suffix.lower() in (".csv", ".parquet"):
            raise UsageError(f"{output}: `--engine` writes a folder of tables. Name a folder, such as {output.stem}.")
        dataset, spec, rate = load()
        n = len(dataset.examples)
        with Bars() as bars:
            assert found is not None  # noqa: S101 - it is not local
            written = shard_rows(
                dataset, spec, output, engine=found, resume=resume, progress=lambda done: bars("features", done, n)
            )
    err.print(f"Sample rate: {rate.rate_hz} Hz, {rate.reason}", markup=False)
    shards = written.shards
    failed = [failure for shard in shards.values() for failure in shard["failed"]]
    if as_json:
        n_rows = sum(shard["n_rows"] for shard in shards.values())
        shape = {"n_recordings": n, "n_rows": n_rows, "columns": list(spec.columns), "n_shards": len(shards)}
        print_json(
            {**shape, "failed": failed, "omitted": [one.as_json() for one in dataset.omitted], "output": str(output)}
        )
    if failed:
        err.print(
            f"{len(failed)} of {n} recordings failed; {output / MANIFEST} names each.", style="yellow", markup=False
        )
        raise typer.Exit(1)
