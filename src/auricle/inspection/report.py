"""The HTML report of an inspection: findings, contents, sound quality, example spectrograms, duplicates."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from auricle.audio.clip import Samples
from auricle.audio.decode import read
from auricle.errors import AuricleError
from auricle.features.plots import label_bands
from auricle.features.spec import default_spec
from auricle.features.spectrum import log_mel
from auricle.inspection.findings import Finding, file_name, label_texts, name_of
from auricle.inspection.inspect import Inspection
from auricle.inspection.schedule import describe, schedules
from auricle.reports import charts
from auricle.reports.html import (
    Block,
    Gallery,
    Listing,
    Notice,
    Numbers,
    Page,
    Section,
    Table,
    Text,
    Tone,
    omissions,
    picture,
)

__all__ = ["build_report", "verdict_of"]

MAX_ROWS = 60
MAX_PICTURES = 12
MAX_HEAT = 24
SHOWN_S = 10.0
RANGE_DB = 80.0


def build_report(inspection: Inspection) -> Page:
    """Return the page of an inspection; example recordings are decoded again for their spectrograms."""
    tone, verdict = verdict_of(inspection.findings)
    sections = (
        Section("Possible leakage, confounders and recording faults", tuple(_notices(inspection))),
        Section("Contents", tuple(_contents(inspection))),
        *_schedule(inspection),
        Section("Sound quality", tuple(_measures(inspection))),
        Section("Example spectrograms", tuple(_examples(inspection))),
        Section("Duplicates", tuple(_duplicates(inspection))),
        Section("Method", (Text(_METHOD),)),
        *omissions(inspection.dataset.omitted),
    )
    source = inspection.dataset.source
    title = f"Inspection of {Path(source).resolve().name}"
    return Page(title, verdict, sections, subtitle=f"Dataset {source}", tone=tone)


def _schedule(inspection: Inspection) -> Iterator[Section]:
    column, found = schedules(inspection.dataset)
    if found:
        of = f"Recordings of each {column}, by their times" if column else "Recordings by their times"
        lines = tuple(line for schedule in found[:MAX_ROWS] for line in describe(schedule))
        yield Section("Recording schedule", (Text(f"{of}; those without a zone are taken as UTC."), Listing(lines)))


def verdict_of(findings: Sequence[Finding]) -> tuple[Tone, str]:
    """Return tone and text of the verdict."""
    serious = [finding.kind for finding in findings if finding.severity == "serious"]
    warnings = [finding.kind for finding in findings if finding.severity == "warning"]
    if serious:
        more = f" Also check: {_joined(warnings)}." if warnings else ""
        return "serious", f"Fix before training: {_joined(serious)}.{more}"
    if warnings:
        return "warning", f"Scores on this data may be misleading. Check: {_joined(warnings)}."
    return "good", "No leakage or confounders found."


def _joined(kinds: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(kinds))


def _notices(inspection: Inspection) -> Iterator[Block]:
    for finding in inspection.findings:
        files = tuple(file_name(inspection.dataset, file) for file in finding.files)
        yield Notice(finding.severity, finding.kind, finding.message, files)
    if not inspection.findings:
        yield Text("No duplicates, contradictory labels, shortcuts or recording faults.")


def _contents(inspection: Inspection) -> Iterator[Block]:
    dataset = inspection.dataset
    n_groups = np.unique(dataset.groups).size
    by = "files, each its own group" if dataset.group_column is None else f"groups, by {dataset.group_column}"
    items = [(f"{len(dataset)}", "recordings"), (_length(inspection.measured("duration_s").sum()), "of sound")]
    if dataset.task == "classify":
        items.append((f"{len(dataset.classes)}", "classes"))
    else:
        items.append((f"{dataset.targets.min():g} to {dataset.targets.max():g}", "range of the target"))
    items.append((f"{n_groups}", by))
    if inspection.failures:
        items.append((f"{len(inspection.failures)}", "unreadable"))
    yield Numbers(tuple(items))
    if dataset.task == "regress":
        figure, axes = charts.blank(6.4, 2.4)
        charts.histogram(axes[0, 0], dataset.targets, title="Target", unit="")
        yield picture(figure, "Histogram of the target", caption="Distribution of the target.")
        return
    counts = inspection.counts_of_classes()
    level_db = inspection.measured("level_db")
    rows = sorted(counts.items(), key=lambda item: -item[1]["recordings"])
    yield Table(
        ("class", "recordings", "share", "groups", "sound", "median level"),
        tuple(
            (
                label,
                f"{count['recordings']}",
                f"{count['recordings'] / len(dataset):.1%}",
                f"{count['groups']}",
                _length(count["seconds"]),
                f"{np.median(level_db[dataset.labels == label]):.0f} dB",
            )
            for label, count in rows[:MAX_ROWS]
        ),
        caption=f"The {MAX_ROWS} commonest of {len(rows)} classes." if len(rows) > MAX_ROWS else "",
    )
    shown = rows[:MAX_HEAT]
    figure, axes = charts.blank(6.4, 0.6 + 0.22 * len(shown))
    charts.bars(axes[0, 0], [label for label, _ in shown], [c["recordings"] for _, c in shown], unit="recordings")
    yield picture(figure, "Recordings of each class", caption="Balance of the classes.")
    yield from _balance(inspection)


def _balance(inspection: Inspection) -> Iterator[Block]:
    """Show the distribution of classes over groups or folds, if these are few."""
    dataset = inspection.dataset
    if dataset.group_column is None and dataset.folds is None:
        return
    sides, unit = (dataset.groups, "group") if dataset.folds is None else (dataset.folds, "published fold")
    names, codes = np.unique(sides, return_inverse=True)
    if not 2 <= names.size <= MAX_HEAT or len(dataset.classes) > MAX_HEAT:
        return
    counts = np.zeros((len(dataset.classes), names.size), int)
    np.add.at(counts, (np.searchsorted(dataset.classes, dataset.labels), codes), 1)
    figure, axes = charts.blank(max(4.0, 1.8 + 0.45 * names.size), 0.8 + 0.24 * len(dataset.classes))
    charts.heat(axes[0, 0], counts, rows=dataset.classes, columns=[str(name) for name in names])
    yield picture(figure, f"Recordings of each class in each {unit}", caption=f"Balance within each {unit}.")


def _measures(inspection: Inspection) -> Iterator[Block]:
    lengths_s = inspection.measured("duration_s")
    rates = inspection.counts_of_rates()
    yield Text(
        f"Sample rates: {', '.join(f'{rate} Hz ({n})' for rate, n in rates.items())}. Levels are in decibels relative "
        "to full scale; the noise floor is the level of the quietest tenth of 10 ms blocks."
    )
    figure, axes = charts.blank(9.2, 5.0, rows=2, columns=3)
    positive = lengths_s.min() > 0 and lengths_s.max() > 10 * lengths_s.min()
    charts.histogram(axes[0, 0], lengths_s, title="Duration", unit="s", log=positive)
    for axis, (name, title) in zip(axes.flat[1:], _LEVELS.items(), strict=False):
        charts.histogram(axis, inspection.measured(name), title=title, unit="dB")
    charts.histogram(axes[1, 2], inspection.measured("bandwidth_hz") / 1000, title="Bandwidth", unit="kHz")
    for row in axes:
        row[0].set_ylabel("recordings")
    yield picture(figure, "Histograms of duration, level, peak level, noise floor, signal-to-noise ratio and bandwidth")
    clipped, silent = inspection.measured("clipped"), inspection.measured("silent")
    dc = np.abs(inspection.measured("dc"))
    yield Table(
        ("measure", "median", "95th percentile", "maximum"),
        tuple(
            (name, *(f"{value:.2%}" for value in np.quantile(values, [0.5, 0.95, 1.0])))
            for name, values in (("clipped samples", clipped), ("digital silence", silent), ("DC offset", dc))
        ),
        caption="Clipping and silence as shares of a recording, DC offset as a share of full scale.",
    )


def _examples(inspection: Inspection) -> Iterator[Block]:
    """Draw the recording nearest to the mean of each class, or recordings over the range of the target."""
    dataset = inspection.dataset
    rows = np.stack([recording.row for recording in inspection.recordings]).astype(np.float64)
    rows = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-9)
    labels = label_texts(dataset)
    if dataset.task == "classify":
        members = [np.flatnonzero(dataset.labels == label) for label in dataset.classes[:MAX_PICTURES]]
        chosen = [group[((rows[group] - rows[group].mean(axis=0)) ** 2).sum(axis=1).argmin()] for group in members]
        left_out = len(dataset.classes) - len(chosen)
        yield Text(
            "Log-mel spectrogram of the recording nearest to the mean of each class. Brighter is louder, within 80 dB "
            "of the peak." + (f" {left_out} more classes are not shown." if left_out else "")
        )
    else:
        order = np.argsort(dataset.targets, kind="stable")
        chosen = list(dict.fromkeys(order[np.linspace(0, order.size - 1, 6).round().astype(int)]))
        yield Text("Log-mel spectrograms over the range of the target. Brighter is louder, within 80 dB of the peak.")
    drawn = []
    for index in map(int, chosen):
        example = dataset.examples[index]
        end_s = example.start_s + SHOWN_S if inspection.recordings[index].duration_s > SHOWN_S else example.end_s
        try:
            clip = read(example.file, start_s=example.start_s, end_s=end_s)
            figure = _spectrogram(clip.samples, clip.rate_hz)
        except AuricleError:  # too short for a frame, or removed since the scan
            continue
        name = f"{labels[index]}: {name_of(dataset, example)}"
        drawn.append(picture(figure, f"Log-mel spectrogram of {name}", caption=name, image_format="png"))
    yield Gallery(tuple(drawn))


def _spectrogram(samples: Samples, rate_hz: int) -> Figure:
    spec = default_spec(rate_hz)
    levels_db = log_mel(samples, spec)
    top_db = float(levels_db.max())
    figure, axes = charts.blank(3.4, 1.9)
    axes[0, 0].grid(visible=False)
    axes[0, 0].imshow(
        levels_db.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=top_db - RANGE_DB,
        vmax=top_db,
        extent=(0, samples.size / rate_hz, 0, spec.n_mels),
        interpolation="nearest",
    )
    label_bands(axes[0, 0], spec)
    axes[0, 0].set(xlabel="time (s)", ylabel="frequency (Hz)")
    return figure


def _duplicates(inspection: Inspection) -> Iterator[Block]:
    dataset, pairs = inspection.dataset, inspection.leaks.duplicates
    if not pairs:
        yield Text("No two recordings have the same samples, are near duplicates, or share a second of sound.")
        return
    labels = label_texts(dataset)
    yield Table(
        ("first", "second", "labels", "relation", "likeness"),
        tuple(
            (
                name_of(dataset, dataset.examples[pair.first]),
                name_of(dataset, dataset.examples[pair.second]),
                " / ".join(dict.fromkeys((labels[pair.first], labels[pair.second]))),
                pair.describe(),
                f"{pair.likeness:.2f}",
            )
            for pair in pairs[:MAX_ROWS]
        ),
        caption=f"The first {MAX_ROWS} of {len(pairs)} pairs." if len(pairs) > MAX_ROWS else f"{len(pairs)} in all.",
    )


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


_METHOD = (
    "Every recording was decoded once. Same samples: equal after decoding, independent of the container. Near "
    "duplicates: spectra between 150 and 3600 Hz and waveforms agree at one offset (likeness from about 0.6), over at "
    "least half of the shorter recording; they are found despite gain, trimming, resampling and lossy coding. "
    "Shortcuts: a single measure or column predicts the label in held-out groups. Group leakage: nearest neighbours by "
    "mean timbre have the same value of a column more often than when it is shuffled within each class. The first ten "
    "minutes of a recording are compared."
)

_LEVELS = {
    "level_db": "Level (RMS)",
    "peak_db": "Peak level",
    "noise_floor_db": "Noise floor",
    "snr_db": "Signal-to-noise ratio",
}
