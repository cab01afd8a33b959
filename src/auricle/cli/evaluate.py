"""``auricle evaluate``: scores of a bundle on labelled recordings."""

from typing import TYPE_CHECKING

import typer

from auricle.cli.options import (
    DataArgument,
    GroupOption,
    JsonOption,
    LabelOption,
    ModelArgument,
    ReportOption,
    RootOption,
    StrictOption,
    TargetOption,
    WorkersOption,
    check_report,
)
from auricle.cli.terminal import Bars, err, print_json, print_omitted, stdout_console
from auricle.tasks.table import TASKS

if TYPE_CHECKING:
    from auricle.evaluation.evaluate import Evaluation

__all__ = ["evaluate"]

MAX_SHOWN = 20


def evaluate(
    model: ModelArgument,
    data: DataArgument,
    label: LabelOption = None,
    target: TargetOption = None,
    group: GroupOption = None,
    root: RootOption = None,
    report: ReportOption = None,
    workers: WorkersOption = None,
    strict: StrictOption = False,
    as_json: JsonOption = False,
) -> None:
    """Score a bundle on labelled recordings: by recording, class and column, with intervals and worst mistakes.

    The verdict says first whether recordings were in the training set. Exits with 1 if some recordings fail.

    Example: `auricle evaluate motor.auricle new_sounds/ --group machine --report report.html`
    """
    from auricle.datasets.dataset import Dataset
    from auricle.evaluation.evaluate import evaluate as run
    from auricle.prediction.predictor import load

    check_report(report, model, data, root)
    loaded = load(model)
    dataset = Dataset.load(data, task=loaded.bundle.manifest.task, label=label, target=target, group=group, root=root)
    print_omitted(dataset.omitted, strict=strict)
    with Bars() as bars:
        evaluation = run(loaded, dataset, workers=workers, progress=bars)
    if report is not None:
        evaluation.report.save(report)
    if as_json:
        print_json(evaluation.as_json())
    else:
        _show(evaluation)
    if report is not None:
        err.print(f"Wrote {report}.", markup=False)
    if evaluation.failures:
        raise typer.Exit(1)


def _show(evaluation: "Evaluation") -> None:
    """Print the verdict, the scores and the worst mistakes."""
    from rich.table import Table
    from rich.text import Text

    found = evaluation.as_json()
    out = stdout_console()
    out.print(Text(found["verdict"], style="bold"))
    shown = found["scores_not_in_training"] or found["scores"]
    names = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece", "r2", "mae", "rmse")
    numbers = ", ".join(f"{name} {shown[name]:.4g}" for name in names if shown.get(name) is not None)
    out.print(f"{numbers}; {found['unknown_rate']:.1%} flagged unknown.")
    unknown = found["unknown_classes"]
    if unknown["classes"]:
        names_shown = ", ".join(map(repr, unknown["classes"][:MAX_SHOWN]))
        out.print(
            f"The model does not know {names_shown}: {unknown['n_recordings']} recordings are not scored; "
            f"{unknown['unknown_rate']:.1%} of them are flagged unknown.",
            markup=False,
        )
    if "by_class" in found:
        table = Table(title="Performance by class, the worst first", title_justify="left")
        for name in ("class", "recordings", "recall", "precision", "F1"):
            table.add_column(name, justify="left" if name == "class" else "right")
        for row in sorted(found["by_class"], key=lambda row: row["f1"])[:MAX_SHOWN]:
            cells = (f"{row[name]:.2f}" for name in ("recall", "precision", "f1"))
            table.add_row(Text(row["label"]), f"{row['n']}", *cells)
        out.print(table)
    for column, parts in found["by_column"].items():
        for part in parts:
            if part["is_worse"]:
                score = TASKS[evaluation.dataset.task].part_score
                out.print(f"{column} {part['value']} is worse: {score} {part['score']:.3g}.", markup=False)
    for wrong in found["mistakes"][:5]:
        by = f"confidence {wrong['confidence']:.2f}" if "confidence" in wrong else f"error {wrong['error']:+.4g}"
        out.print(f"{wrong['file']}: {wrong['truth']}, predicted {wrong['answer']} ({by})", markup=False)
    for failure in found["failed"]:
        err.print(failure["error"]["message"], style="yellow", markup=False)
