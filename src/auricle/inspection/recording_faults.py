"""Faults of recordings (silence, clipping, DC offset), mixed rates and durations, and few or imbalanced classes."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from auricle.datasets.dataset import Dataset
from auricle.datasets.splits import folds_of
from auricle.errors import DataError
from auricle.features.spec import default_spec
from auricle.inspection.findings import Finding, Severity, listed, name_of
from auricle.inspection.sample_rate import SampleRate
from auricle.inspection.scan import Recording

__all__ = ["find_recording_faults"]

FEW = 10
"""Fewest recordings of a class, or groups, for a meaningful score."""
UNEVEN = 5.0
"""Ratio of the largest to the smallest class that counts as imbalance."""
SPREAD = 20.0
"""Ratio of the longest to the shortest recording that is reported."""
DISCARDED_DB = -10.0
"""Energy above half the rate of a model, relative to the whole, from which on it is a warning."""
RARE = 0.05
"""Share of recordings with a fault below which it is a note."""


@dataclass(frozen=True, slots=True)
class _Fault:
    kind: str
    severity: Severity
    applies: Callable[[Recording], bool]
    description: str
    advice: str


_FAULTS = (
    _Fault(
        kind="silence",
        severity="serious",
        applies=lambda r: not r.fingerprint.digest,
        description="Nothing but silence",
        advice="Training refuses them: remove them, or record them again",
    ),
    _Fault(
        kind="mostly silence",
        severity="warning",
        applies=lambda r: bool(r.fingerprint.digest) and r.quality.silent > 0.9,
        description="More than nine tenths digital silence",
        advice="Cut them to their sound",
    ),
    _Fault(
        kind="clipping",
        severity="warning",
        applies=lambda r: r.quality.clipped > 0.001,
        description="More than one sample of a thousand clipped",
        advice="Record them again with less gain",
    ),
    _Fault(
        kind="DC offset",
        severity="warning",
        applies=lambda r: abs(r.quality.dc) > 0.01,
        description="A DC offset above 1% of full scale",
        advice="Look at the recorder's input; a high-pass filter removes it",
    ),
    _Fault(
        kind="quiet",
        severity="note",
        applies=lambda r: bool(r.fingerprint.digest) and r.quality.level_db < -60,
        description="A level below -60 dB",
        advice="The noise of the recorder may dominate: raise its gain",
    ),
    _Fault(
        kind="short",
        severity="note",
        applies=lambda r: r.duration_s < 0.1,
        description="Shorter than 0.1 s",
        advice="They have few frames, and near duplicates cannot be found: make longer recordings",
    ),
)


def find_recording_faults(
    dataset: Dataset, recordings: Sequence[Recording], rate: SampleRate | None = None
) -> Iterator[Finding]:
    """Yield findings about single recordings, mixed rates and durations, and the sizes of classes and groups.

    Parameters
    ----------
    dataset : Dataset
    recordings : sequence of Recording
        Measures of its recordings, in the same order.
    rate : SampleRate, optional
        That a model of them hears at.
    """
    yield from _faults(dataset, recordings)
    yield from _shorter_than_a_frame(dataset, recordings, rate)
    yield from _sample_rates(recordings, rate)
    yield from _mixtures(recordings)
    yield from _numbers(dataset)
    try:
        folds_of(dataset)
    except DataError as error:
        yield Finding("split", "serious", f"Training will refuse this data: {error}")


def _faults(dataset: Dataset, recordings: Sequence[Recording]) -> Iterator[Finding]:
    for fault in _FAULTS:
        examples = [e for e, r in zip(dataset.examples, recordings, strict=True) if fault.applies(r)]
        if not examples:
            continue
        names = listed([name_of(dataset, example) for example in examples])
        count = f"all {len(examples)}" if len(examples) == len(recordings) else f"{len(examples)} of {len(recordings)}"
        is_rare = fault.severity == "warning" and len(examples) < RARE * len(recordings)
        yield Finding(
            fault.kind,
            "note" if is_rare else fault.severity,
            f"{fault.description}: {count} recordings ({names}). {fault.advice}.",
            tuple(dict.fromkeys(example.file for example in examples)),
        )


def _shorter_than_a_frame(
    dataset: Dataset, recordings: Sequence[Recording], rate: SampleRate | None
) -> Iterator[Finding]:
    if rate is None:
        return
    frame_s = default_spec(rate.rate_hz).n_fft / rate.rate_hz
    pairs = zip(dataset.examples, recordings, strict=True)
    short = [example for example, measured in pairs if measured.duration_s + 0.5 / rate.rate_hz < frame_s]
    if short:
        names = listed([example.where or name_of(dataset, example) for example in short])
        yield Finding(
            "frame",
            "serious",
            f"Shorter than one frame of the analysis ({frame_s * 1000:.3g} ms): {len(short)} of {len(recordings)} "
            f"recordings ({names}). Training refuses them: mark longer stretches, or leave them out with --skip-bad.",
            tuple(dict.fromkeys(example.file for example in short)),
        )


def _sample_rates(recordings: Sequence[Recording], rate: SampleRate | None) -> Iterator[Finding]:
    rates = Counter(recording.rate_hz for recording in recordings)
    hears = "" if rate is None else f" A model hears them at {rate.rate_hz} Hz: {rate.reason}"
    if len(rates) > 1:
        counts = listed([f"{n} at {rate_hz} Hz" for rate_hz, n in sorted(rates.items())], most=6)
        yield Finding("sample rates", "note", f"Sample rates differ: {counts}.{hears}")
    elif rate is not None and rate.discarded_db is not None and rate.discarded_db > DISCARDED_DB:
        yield Finding("bandwidth", "warning", f"Much of the sound is discarded.{hears} `--rate-hz` sets another rate.")


def _mixtures(recordings: Sequence[Recording]) -> Iterator[Finding]:
    channels = Counter(recording.channels for recording in recordings)
    if max(channels) > 1:
        counts = listed([f"{n} with {count}" for count, n in sorted(channels.items())], most=6)
        yield Finding("channels", "note", f"Channels are mixed to one: there are recordings with more ({counts}).")
    lengths_s = np.array([recording.duration_s for recording in recordings])
    if lengths_s.max() > SPREAD * lengths_s.min():
        yield Finding(
            "lengths",
            "note",
            f"Lengths differ much: {lengths_s.min():.2f} s to {lengths_s.max():.2f} s. Recordings longer than a window "
            "are cut into several, shorter ones keep their length, and each recording counts once.",
        )


def _numbers(dataset: Dataset) -> Iterator[Finding]:
    n_groups = np.unique(dataset.groups).size
    if dataset.group_column is not None and n_groups < FEW:
        yield Finding(
            "few groups",
            "note",
            f"There are {n_groups} groups (`{dataset.group_column}`): the intervals of scores "
            "will be wide. Record more of them.",
        )
    if dataset.task == "regress":
        return
    counts = Counter(dataset.labels.tolist())
    most, fewest = max(counts, key=lambda label: counts[label]), min(counts, key=lambda label: counts[label])
    if counts[most] >= UNEVEN * counts[fewest]:
        yield Finding(
            "imbalance",
            "warning",
            f"Classes are uneven: {counts[most]} recordings of {most!r}, {counts[fewest]} of {fewest!r}. Always "
            f"predicting {most!r} is right in {counts[most] / len(dataset):.0%}: use balanced accuracy.",
        )
    rare = sorted((label for label in counts if counts[label] < FEW), key=lambda label: counts[label])
    if rare:
        shown = listed([f"{label!r} ({counts[label]})" for label in rare], most=5)
        yield Finding(
            "few recordings",
            "warning",
            f"Classes with fewer than {FEW} recordings have unreliable scores, and prediction sets without coverage "
            f"per class: {shown}. Record more.",
        )
