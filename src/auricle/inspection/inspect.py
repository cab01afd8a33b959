"""Inspect a dataset: scan every recording, find leakage, confounders and faults, and summarise them as JSON."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.datasets.dataset import Dataset, Example
from auricle.datasets.feature_table import Failure, Progress
from auricle.datasets.headers import Headers, read_headers
from auricle.errors import DataError
from auricle.features.cache import FeatureCache
from auricle.inspection.findings import Finding, listed, sort
from auricle.inspection.leaks import Leaks, find_leaks
from auricle.inspection.recording_faults import find_recording_faults
from auricle.inspection.sample_rate import SampleRate, choose_rate, leave_out_odd
from auricle.inspection.scan import Recording, scan_dataset
from auricle.inspection.schedule import schedules
from auricle.records import Quality

__all__ = ["MEASURES", "Inspection", "inspect"]

MEASURES = ("duration_s", *(field.name for field in fields(Quality)))
"""Measures of every recording."""


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """The result of an inspection.

    Parameters
    ----------
    dataset : Dataset
        The readable recordings.
    recordings : tuple of Recording
        Their measures, in the same order.
    leaks : Leaks
        Duplicates and possible leakage.
    findings : tuple of Finding
        All findings, the most severe first.
    sample_rate : SampleRate
        That training would choose.
    failures : tuple of Failure
        Unreadable recordings.
    seconds : float
        Duration of the inspection.
    """

    dataset: Dataset
    recordings: tuple[Recording, ...]
    leaks: Leaks
    findings: tuple[Finding, ...]
    sample_rate: SampleRate
    failures: tuple[Failure, ...]
    seconds: float

    def measured(self, name: str) -> NDArray[np.float64]:
        """Return a measure of every recording, ``duration_s`` or a field of `Quality`, shape (n,)."""
        return np.array([getattr(r if name == "duration_s" else r.quality, name) for r in self.recordings], np.float64)

    def counts_of_rates(self) -> dict[int, int]:
        """Return the number of recordings per sample rate, the lowest first."""
        return _counts(recording.rate_hz for recording in self.recordings)

    def counts_of_classes(self) -> dict[str, dict[str, float]]:
        """Return the number of recordings, groups and seconds of each class."""
        labels, groups, lengths_s = self.dataset.labels, self.dataset.groups, self.measured("duration_s")
        return {
            label: {
                "recordings": int((labels == label).sum()),
                "groups": int(np.unique(groups[labels == label]).size),
                "seconds": round(float(lengths_s[labels == label].sum()), 3),
            }
            for label in self.dataset.classes
        }

    def schedule_as_json(self) -> dict[str, Any] | None:
        """Return when each recorder recorded, with its gaps; None where no recording has a time."""
        column, found = schedules(self.dataset)
        return {"column": column or None, "places": [one.as_json() for one in found]} if found else None

    def as_json(self) -> dict[str, Any]:
        """Return the output of ``auricle inspect --json``."""
        dataset = self.dataset
        targets = {"target": _summary(dataset.targets)} if dataset.task == "regress" else {}
        groups = Counter(dataset.groups.tolist())
        return {
            "source": dataset.source,
            "task": dataset.task,
            "n_recordings": len(self.recordings),
            "n_failed": len(self.failures),
            "sample_rate": self.sample_rate.as_json(),
            "omitted": [one.as_json() for one in dataset.omitted],
            "rates_hz": self.counts_of_rates(),
            "channels": _counts(recording.channels for recording in self.recordings),
            **{name: _summary(self.measured(name)) for name in MEASURES},
            "classes": self.counts_of_classes(),
            **targets,
            "groups": {
                "column": dataset.group_column,
                "n": len(groups),
                "smallest": min(groups.values()),
                "largest": max(groups.values()),
            },
            "schedule": self.schedule_as_json(),
            **self.leaks.as_json(dataset),
            "findings": [finding.as_json() for finding in self.findings],
            "recordings": [_as_json(e, r) for e, r in zip(dataset.examples, self.recordings, strict=True)],
            "failed": [{"file": str(failure.file), "error": failure.error.as_json()} for failure in self.failures],
            "seconds": round(self.seconds, 3),
        }


def inspect(
    dataset: Dataset,
    *,
    workers: int | None = None,
    cache: FeatureCache | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Scan every recording of a dataset once, and find possible leakage, confounders and faults.

    Parameters
    ----------
    dataset : Dataset
        Labelled recordings, with the groups or folds of their split.
    workers : int, optional
        Threads; None for every core.
    cache : FeatureCache, optional
        Keeps measures between inspections.
    progress : Progress, optional
        Called after every recording.

    Raises
    ------
    DataError
        No recording can be read.
    """
    started = time.perf_counter()
    kept, recordings, failures = scan_dataset(dataset, workers=workers, cache=cache, progress=progress)
    if not recordings:
        raise DataError(
            f"{dataset.source}: at least one recording must be readable. None of {len(failures)} is; the first: "
            f"{failures[0].error}"
        )
    readable = dataset.subset(kept) if failures else dataset
    leaks = find_leaks(readable, recordings)
    headers = read_headers(readable, workers=workers)
    readable = replace(readable, omitted=(*readable.omitted, *headers.omitted))
    rate = choose_rate(readable, headers, workers=workers)
    faults = find_recording_faults(readable, recordings, rate)
    findings = sort([*_failed(dataset, failures), *_odd(readable, headers, rate), *leaks.findings, *faults])
    return Inspection(
        readable,
        recordings,
        leaks,
        findings,
        sample_rate=rate,
        failures=failures,
        seconds=time.perf_counter() - started,
    )


def _odd(dataset: Dataset, headers: Headers, rate: SampleRate) -> Iterator[Finding]:
    try:
        leave_out_odd(dataset, headers, rate, skip_bad=False)
    except DataError as error:
        files = tuple(dataset.examples[index].file for index in rate.odd)
        yield Finding("odd sample rate", "serious", f"Training will refuse this data: {error}", files)


def _failed(dataset: Dataset, failures: Sequence[Failure]) -> Iterator[Finding]:
    if failures:
        shown = listed([str(failure.error) for failure in failures], between=" ")
        yield Finding(
            "unreadable",
            "serious",
            f"{len(failures)} of {len(dataset)} recordings cannot be read and are left out. {shown}",
            tuple(dict.fromkeys(failure.file for failure in failures)),
        )


def _counts(values: Iterable[int]) -> dict[int, int]:
    return dict(sorted(Counter(values).items()))


def _summary(values: NDArray[np.float64]) -> dict[str, float]:
    quantiles = np.quantile(values, [0, 0.05, 0.5, 0.95, 1])
    return {
        name: round(float(value), 4)
        for name, value in zip(("min", "p05", "median", "p95", "max"), quantiles, strict=True)
    }


def _as_json(example: Example, recording: Recording) -> dict[str, Any]:
    return {
        "file": str(example.file),
        "start_s": example.start_s,
        "label" if example.target is None else "target": example.label if example.target is None else example.target,
        "group": example.group,
        "duration_s": round(recording.duration_s, 4),
        "rate_hz": recording.rate_hz,
        "channels": recording.channels,
        **recording.quality.as_json(),
    }
