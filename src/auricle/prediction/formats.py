"""How predictions are written: one row a prediction, as JSON lines or as a table."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from auricle.errors import UsageError

__all__ = ["FORMATS", "check_format", "lines"]

Row = Mapping[str, Any]


def _jsonl(rows: Iterable[Row], classes: tuple[str, ...]) -> Iterator[str]:  # noqa: ARG001  (one signature for all formats)
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def _csv(rows: Iterable[Row], classes: tuple[str, ...]) -> Iterator[str]:
    answer = ["label", "confidence", *(f"p_{name}" for name in classes)] if classes else ["value"]
    columns = ["file", "level", "start_s", "end_s", *answer, "model", "error"]
    yield _csv_line(columns)
    for row in rows:
        flat = {**row, **{f"p_{name}": p for name, p in row.get("probabilities", {}).items()}}
        if "error" in row:
            flat["error"] = f"{row['error']['kind']}: {row['error']['message']}"
        yield _csv_line([flat.get(column, "") for column in columns])


def _csv_line(values: Iterable[Any]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(values)  # so that cells with either are quoted
    return stream.getvalue().removesuffix("\r\n") + "\n"


FORMATS: dict[str, Callable[[Iterable[Row], tuple[str, ...]], Iterator[str]]] = {"jsonl": _jsonl, "csv": _csv}


def check_format(form: str) -> None:
    """Refuse a format that is not a key of ``FORMATS``.

    Raises
    ------
    UsageError : an unknown format
    """
    if form not in FORMATS:
        raise UsageError(f"`format` must be among {', '.join(FORMATS)}. Got {form!r}.")


def lines(rows: Iterable[Row], *, form: str = "jsonl", classes: tuple[str, ...] = ()) -> Iterator[str]:
    r"""Yield the lines of a file of predictions, each with its line end, as soon as its row is there.

    A byte of a file's name that is not UTF-8 is written as the escape ``\udce9``, which readers of JSON understand.

    Parameters
    ----------
    rows : from :meth:`~auricle.prediction.batch.Result.rows`
    form : a key of ``FORMATS``
    classes : the model's classes, which become columns of a table

    Raises
    ------
    UsageError : an unknown format
    """
    check_format(form)
    return (line.encode("utf-8", "backslashreplace").decode() for line in FORMATS[form](rows, classes))
