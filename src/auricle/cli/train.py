"""``auricle train``: train, select and score a model on labelled recordings, and write a bundle."""

import math
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from auricle.cli.options import (
    CacheOption,
    ChannelOption,
    DataArgument,
    EngineOption,
    FmaxOption,
    FminOption,
    FoldOption,
    GroupOption,
    JsonOption,
    LabelOption,
    ReportOption,
    RootOption,
    SampleRateOption,
    StrictOption,
    TargetOption,
    WorkersOption,
    check_report,
    duration_s,
    size_bytes,
)
from auricle.cli.outputs import check_output
from auricle.cli.terminal import TONES, Bars, err, print_json, print_omitted
from auricle.errors import UsageError
from auricle.tasks.table import TASKS

if TYPE_CHECKING:
    from auricle.training.result import TrainResult

__all__ = ["show", "train"]

_SHOWN = (("cv_score", 3, ""), ("cv_sd", 3, ""), ("fit_s", 2, " s"))


def train(
    data: DataArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Bundle to write.")],
    task: Annotated[
        Literal["auto", "classify", "regress"],
        typer.Option(help="Task; auto is regress if there is a target column."),
    ] = "auto",
    models: Annotated[
        str,
        typer.Option(
            help="Model families to try, separated by commas: forest,linear,svm,trees,neighbours,boosting,embedding,"
            "cnn,blend; or auto."
        ),
    ] = "auto",
    embedding: Annotated[
        list[str] | None,
        typer.Option(
            help="Pretrained embedding: yamnet, speech, FILE.onnx with its card FILE.json, or none; may be given more "
            "than once. All that are installed if not given."
        ),
    ] = None,
    tune: Annotated[
        Literal["none", "grid", "optuna"],
        typer.Option(
            help="grid tries every combination of each family's grid; optuna searches features, families and settings."
        ),
    ] = "none",
    budget: Annotated[
        str,
        typer.Option(
            help="Time for the search, such as 5m: first the defaults, then other features and settings. none tries "
            "the defaults, however long they take, and repeats bit for bit."
        ),
    ] = "none",
    split: Annotated[
        Literal["group", "time"],
        typer.Option(help="Test on held-out groups, or on the latest fifth of the recordings."),
    ] = "group",
    balance: Annotated[
        bool, typer.Option("--balance", help="Give every class the same weight, whatever its number of recordings.")
    ] = False,
    journal: Annotated[
        Path | None,
        typer.Option(
            help="With --tune optuna, the file of its trials, from which the same command resumes after a kill; "
            "OUTPUT.journal if not given."
        ),
    ] = None,
    label: LabelOption = None,
    target: TargetOption = None,
    group: GroupOption = None,
    fold: FoldOption = None,
    root: RootOption = None,
    window_s: Annotated[
        str, typer.Option(help="Length of a window in seconds; auto takes a clip of up to 10 s as one window.")
    ] = "auto",
    rate_hz: SampleRateOption = None,
    fmin_hz: FminOption = 0.0,
    fmax_hz: FmaxOption = None,
    channel: ChannelOption = "mean",
    seed: Annotated[int, typer.Option(help="Random seed of models and folds.", min=0, max=2**32 - 1)] = 0,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out recordings that cannot be used, and exit with 1.")
    ] = False,
    report: ReportOption = None,
    cache_max: CacheOption = "10GB",
    workers: WorkersOption = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option(help="Device that trains networks; auto takes a GPU if there is one."),
    ] = "auto",
    engine: EngineOption = "local",
    strict: StrictOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compute features, select a model by grouped cross-validation, score it, and write a bundle.

    Example: `auricle train sounds/ --group machine -o motor.auricle`
    """
    from auricle.datasets.dataset import Dataset
    from auricle.features.cache import FeatureCache
    from auricle.runtime.cluster import open_engine
    from auricle.training.report import build_report
    from auricle.training.train import train as run

    if tune == "optuna" and journal is None:
        journal = output.with_name(f"{output.name}.journal")
    inputs = (data, root, journal, *(embedding or ()))
    check_output(output, "bundle", inputs)
    check_report(report, *inputs, output)
    check_output(journal, "journal of trials", (data, root, *(embedding or ())))
    budget_s, max_bytes = duration_s(budget), size_bytes(cache_max)
    dataset = Dataset.load(data, task=task, label=label, target=target, group=group, fold=fold, root=root)
    print_omitted(dataset.omitted, strict=strict)
    with ExitStack() as stack:
        bars = stack.enter_context(Bars())
        stack.enter_context(open_engine(engine))
        cache = stack.enter_context(closing(FeatureCache(max_bytes=max_bytes))) if max_bytes else None
        result = run(
            dataset,
            models=models,
            embeddings=_embeddings(embedding),
            tune=tune,
            budget_s=budget_s,
            split=split,
            balance=balance,
            journal=journal,
            window_s=_window_s(window_s),
            rate_hz=rate_hz,
            fmin_hz=fmin_hz,
            fmax_hz=fmax_hz,
            channel=channel,
            name=output.stem,
            seed=seed,
            workers=workers,
            device=device,
            skip_bad=skip_bad,
            cache=cache,
            progress=bars,
        )
        print_omitted(result.dataset.omitted[len(dataset.omitted) :], strict=strict)
        result.bundle.save(output)
        curve = None if report is None else result.learning_curve(progress=bars)
    if report is not None and curve is not None:
        build_report(result, curve).save(report)
    if as_json:
        print_json(result.as_json(path=output, curve=curve))
    else:
        show(result)
        err.print(f"Wrote {output} ({output.stat().st_size / 1e6:.1f} MB) in {result.seconds:.0f} s.", markup=False)
    if report is not None:
        err.print(f"Wrote {report}.", markup=False)
    if result.failures:
        raise typer.Exit(1)


def _embeddings(names: list[str] | None) -> list[str] | None:
    """Return the named embeddings: None for all that are installed, an empty list for ``none``."""
    if not names:
        return None
    if "none" in names and len(names) > 1:
        raise UsageError(f"`--embedding` none must stand alone. Got {', '.join(names)}.")
    return [] if names == ["none"] else names


def _window_s(text: str) -> float | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        seconds = float(text)
    except ValueError:
        raise UsageError(f"`--window-s` must be auto or a number of seconds. Got {text!r}.") from None
    if not 0 < seconds < float("inf"):
        raise UsageError(f"`--window-s` must be above 0. Got {text}.")
    return seconds


def show(result: "TrainResult") -> None:
    """Print the candidates, the scores and the verdict."""
    from rich.table import Table

    summary = result.as_json()
    headline = TASKS[result.dataset.task].headline
    shown = sorted(
        summary["candidates"], key=lambda c: -math.inf if c["cv_score"] is None else c["cv_score"], reverse=True
    )
    table = Table(
        title=f"{summary['n_recordings']} recordings, {summary['n_windows']} windows, {summary['groups']} groups"
    )
    outcomes = {trial.candidate.name: trial.outcome for trial in result.search.trials}
    for column in ("model", f"cv {headline}", "± folds", "fit", *(["outcome"] if any(outcomes.values()) else [])):
        table.add_column(column, justify="left" if column == "model" else "right")
    for trial in shown[:20]:
        chosen = trial["model"] == summary["chosen"]
        table.add_row(
            trial["model"],
            *("" if trial["cv_score"] is None else f"{trial[key]:.{digits}f}{unit}" for key, digits, unit in _SHOWN),
            *([outcomes[trial["model"]]] if any(outcomes.values()) else []),
            style="bold" if chosen else None,
        )
    err.print(table)
    for failure in summary["failed"]:
        err.print(f"left out: {failure['error']['message']}", style="yellow", markup=False)
    for leak in summary["leaks"]:
        if leak["severity"] != "note":
            err.print(f"{leak['kind']}: {leak['message']}", style=TONES[leak["severity"]], markup=False)
    test = summary["test"]
    interval = "no 95% interval" if test["ci95"] is None else "95% interval {:.3f} to {:.3f}".format(*test["ci95"])
    numbers = ", ".join(
        f"{name} {test[name]:.3f}"
        for name in ("balanced_accuracy", "macro_f1", "log_loss", "ece", "mae", "rmse")
        if name in test
    )
    rate = summary["sample_rate"]
    err.print(f"Sample rate: {rate['rate_hz']} Hz, {rate['reason']}", markup=False)
    err.print(f"Chosen: {summary['chosen']}, cross-validated {headline} {summary['cv_score']:.3f}.", markup=False)
    held_out = f"Held out: {headline} {test[headline]:.3f} ({interval} over {test['n_groups']} groups), {numbers}"
    err.print(f"{held_out}; {summary['protocol']}.", markup=False)
    if summary["interval_groups"]:
        err.print(summary["interval_groups"], markup=False)
    err.print(summary["verdict"], style="bold", markup=False)
