"""Monitoring report: an HTML page of one or more checks, with causes, next steps, performance and plots."""

from collections.abc import Iterator, Sequence

import numpy as np

from auricle.bundles.bundle import Bundle
from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.monitoring.check import Check
from auricle.monitoring.drift.battery import DriftResult
from auricle.monitoring.drift.label_shift import ClassShare
from auricle.monitoring.findings import SCORE_NAMES
from auricle.monitoring.performance.estimated_performance import ASSUMPTION
from auricle.monitoring.report_charts import class_shares, histograms, time_series
from auricle.monitoring.sources.sample import Sample, reference_sample, to_datetime64
from auricle.records import Omitted
from auricle.reports import charts
from auricle.reports.html import Block, Listing, Notice, Numbers, Page, Section, Table, Text, Tone, omissions, picture

__all__ = ["MEASURES", "build_report"]

TONES: dict[str, Tone] = {"ok": "good", "watch": "warning", "alarm": "serious"}
SEVERITY = tuple(TONES)

MEASURES: dict[str, tuple[str, str]] = {
    "level_db": ("Level", "dB"),
    "noise_floor_db": ("Noise floor", "dB"),
    "snr_db": ("Signal-to-noise ratio", "dB"),
    "bandwidth_hz": ("Bandwidth", "Hz"),
    "hum_db": ("Mains hum", "dB"),
    "decay_db": ("Decay within 80 ms", "dB"),
    "peak_db": ("Peak level", "dB"),
    "attack_db": ("Attack within 80 ms", "dB"),
    "cutoff_db": ("Cut-off steepness", "dB"),
    "holes": ("Codec holes", "share of bands"),
    "flat_topped": ("Flat-topped", "share of samples"),
    "clipped": ("Clipped at full scale", "share of samples"),
    "silent": ("Silence", "share of time"),
    "dropouts": ("Dropouts", "per second"),
    "dc": ("DC offset", "of full scale"),
}
"""Name and unit of each quality measure, the most important first."""

MAX_ROWS = 40
MAX_CLASSES = 24


def build_report(
    checks: Sequence[tuple[Check, Bundle, Sample]], *, by: str | None = None, omitted: Sequence[Omitted] = ()
) -> Page:
    """Return the report of the checks of several model versions, the worst verdict first.

    Parameters
    ----------
    checks : sequence of (Check, Bundle, Sample)
        Each check with the bundle that predicted and its live recordings.
    by : str, optional
        Metadata column of the subgroups.
    omitted : sequence of Omitted
        What reading the live recordings left out.
    """
    ranked = sorted(checks, key=lambda one: -SEVERITY.index(one[0].verdict.state))
    if not ranked:
        return Page("Monitoring", "Not enough yet: no recordings were logged in this time.", (), tone="warning")
    sections = [
        Section(f"{check.model}: {section.title}", section.blocks) if len(ranked) > 1 else section
        for check, bundle, window in ranked
        for section in _sections(check, bundle, window, by)
    ]
    worst = ranked[0][0]
    names = " and ".join(check.model.rpartition("@")[0] for check, _, _ in ranked[:3])
    return Page(
        f"Monitoring of {names}",
        f"{worst.verdict.state.capitalize()}. {worst.verdict.sentence}",
        (*sections, Section("Method", (Text(_METHOD.format(rate=f"{worst.rate:.2g}")),)), *omissions(omitted)),
        subtitle=f"{worst.model}{_time_range(worst)}",
        tone=TONES[worst.verdict.state],
    )


def _sections(check: Check, bundle: Bundle, window: Sample, by: str | None) -> Iterator[Section]:
    yield Section("Findings", tuple(_findings(check)))
    if check.verdict.steps:
        yield Section("What to do next", (Listing(check.verdict.steps),))
    yield Section("Performance", tuple(_performance(check)))
    if (drift := check.drift) is None:
        return
    yield Section("Audio quality", tuple(_audio_quality(check, drift, reference_sample(bundle), window, by)))
    if drift.subgroups.tested:
        yield Section(f"Audio quality by {by}", (_subgroups(drift, str(by)),))
    if drift.label_shift is not None:
        yield Section("Class shares", tuple(_class_shares(drift.label_shift.shares)))
    yield Section("Feature drift", (_feature_drift(drift, check.feature_rate),))


def _findings(check: Check) -> Iterator[Block]:
    for cause in check.causes:
        yield Notice("serious", cause.kind.replace("_", " "), cause.sentence)
    if not check.causes:
        yield Notice(TONES[check.verdict.state], check.verdict.state, check.verdict.sentence)
    for note in check.notes:
        yield Notice("note", "note", note)
    items = [
        (f"{check.n}", "recordings"),
        (f"{check.n_groups}", "independent units" if check.units.n_sources is None else "sources"),
        (f"{check.n_reference}", "training data"),
    ]
    if check.unknown is not None:
        items.append((f"{check.unknown:.1%}", f"out of distribution, {check.unknown_before:.1%} in training"))
    if check.drift is not None:
        items.append((f"{check.drift.multivariate.auc:.2f}", "domain-classifier AUC (0.5 is chance)"))
    yield Numbers(tuple(items))


def _performance(check: Check) -> Iterator[Block]:
    estimate, measured = check.estimate, check.measured
    if estimate is not None and estimate.value is None and not (measured is not None and measured.is_judged):
        yield Notice("warning", "without labels", estimate.reason)
    elif estimate is not None and estimate.value is not None and estimate.interval is not None:
        low, high = estimate.interval
        name = f"estimated {SCORE_NAMES[estimate.score]}"
        interval = f"95% interval {low:.3g} to {high:.3g}"
        yield Numbers(((f"{estimate.value:.3g}", f"{name}, {interval}; {estimate.reference:.3g} in training"),))
        yield Text(ASSUMPTION)
    if measured is None:
        yield Text("No labels available, so performance was not measured.")
        return
    low, high = measured.interval
    lag = "" if measured.lag_s is None else f" Median delay of a label: {measured.lag_s / 3600:.1f} hours."
    name = SCORE_NAMES[measured.score]
    yield Text(
        f"{measured.n} recordings are labelled ({measured.coverage:.0%}).{lag} Measured {name} over all recordings: "
        f"{measured.value:.3g} (95% interval {low:.3g} to {high:.3g}), against {measured.reference:.3g} in training."
    )
    if measured.is_judged and (calibration := measured.calibration) is not None:
        yield Text(
            f"Confidence: where it differs most from training, predictions of {calibration.confidence:.0%} confidence "
            f"are right in {calibration.accuracy:.0%} ({calibration.n} labels), against {calibration.expected:.0%} of "
            f"similar training recordings (p = {calibration.p:.2g} over all parts)."
        )
    if measured.concept.is_found:
        yield Notice(
            "serious",
            "concept drift",
            f"Errors became more frequent, detected by {measured.concept.detector} within {measured.concept.label} "
            "labels.",
        )
    parts = [part for part in measured.parts if np.isfinite(part.interval).all()]
    if len(parts) > 1:
        figure, axes = charts.blank(6.4, 2.4)
        labels = np.cumsum([part.n for part in parts])
        intervals = [part.interval for part in parts]
        charts.trend(axes[0, 0], labels, [part.value for part in parts], intervals, xlabel="labels", ylabel=name)
        axes[0, 0].axhline(measured.reference, color=charts.SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
        yield picture(figure, f"Measured {name} over time", caption="Dashed: training data, out of fold.")


def _audio_quality(
    check: Check, drift: DriftResult, reference: Sample, window: Sample, by: str | None
) -> Iterator[Block]:
    quality = sorted((f for f in drift.features if f.name in QUALITY_COLUMNS), key=lambda feature: -feature.effect)
    of_causes = [cause.measure for cause in check.causes if cause.measure in MEASURES]
    drifted = [feature.name for feature in quality if feature.drifted(check.feature_rate)]
    figure, axes = charts.blank(9.2, 4.6, rows=2, columns=3)
    for axis, name in zip(axes.flat, list(dict.fromkeys([*of_causes, *drifted, *MEASURES])), strict=False):
        label, unit = MEASURES[name]
        histograms(axis, reference.measure(name), window.measure(name), name=label, unit=unit)
    yield picture(
        figure,
        "Histograms of quality measures in the training data and now",
        caption="Quality measures of the training data (filled) and of live recordings (line).",
    )
    for cause in check.causes:
        part = window if cause.where is None else window.subset(window.metadata[str(by)] == cause.where)
        timed = ~np.isnat(part.times)
        if cause.measure in MEASURES and timed.sum() > 1:
            label, unit = MEASURES[cause.measure]
            low, high = np.quantile(reference.measure(cause.measure), [0.05, 0.95])
            since = None if cause.since is None else to_datetime64(cause.since)
            figure, axes = charts.blank(9.2, 2.2)
            values = part.measure(cause.measure)[timed]
            time_series(axes[0, 0], part.times[timed], values, (float(low), float(high)), unit=unit, since=since)
            charts.title(axes[0, 0], label if cause.where is None else f"{label} at {by}={cause.where}")
            yield picture(figure, f"{label} over time", caption="The band holds 90% of the training data.")


def _subgroups(drift: DriftResult, by: str) -> Table:
    rows = []
    for subgroup in drift.subgroups.tested:
        measures = {column.name: column for column in subgroup.columns}
        shifts = (f"{measures[name].after - measures[name].before:+.1f} dB" for name in ("level_db", "noise_floor_db"))
        faults = "; ".join(fault.description for fault in subgroup.faults) or "unchanged"
        against = "the same in training" if subgroup.against == "training" else "its first half"
        rows.append((subgroup.value, f"{subgroup.n}", against, *shifts, faults))
    head = (by, "recordings", "compared with", "level", "noise floor", "faults")
    return Table(head, tuple(rows), "Each value against its own past.")


def _class_shares(shares: Sequence[ClassShare]) -> Iterator[Block]:
    largest = sorted(shares, key=lambda one: -abs(one.after - one.before))[:MAX_CLASSES]
    figure, axes = charts.blank(6.4, 0.9 + 0.26 * len(largest))
    class_shares(axes[0, 0], [s.label for s in largest], [s.before for s in largest], [s.after for s in largest])
    n_left = len(shares) - len(largest)
    left = f" {n_left} classes with smaller changes are not shown." if n_left else ""
    yield picture(figure, "Share of each predicted class", caption=f"Share of each predicted class.{left}")


def _feature_drift(drift: DriftResult, rate: float) -> Block:
    drifted = [feature for feature in drift.features if feature.drifted(rate)]
    if not drifted:
        return Text("No feature or quality measure shifted both significantly and far enough to act on.")
    ranked = sorted(drifted, key=lambda feature: -feature.effect)[:MAX_ROWS]
    return Table(
        ("measure", "before", "now", "shift (standard deviations)", "KS distance", "q"),
        tuple(
            (f.name, f"{f.before:.4g}", f"{f.after:.4g}", f"{f.effect:.2f}", f"{f.gap:.2f}", f"{f.q:.1g}")
            for f in ranked
        ),
        f"The first {MAX_ROWS} of {len(drifted)}." if len(drifted) > MAX_ROWS else "Medians and their shift.",
    )


def _time_range(check: Check) -> str:
    if check.first is None or check.last is None:
        return ""
    return f", {check.first:%-d %B %Y %H:%M} to {check.last:%-d %B %Y %H:%M} UTC"


_METHOD = (
    "Recordings, not windows, are compared with the training data and its out-of-fold predictions. The false alarm "
    "rate over all tests is {rate}. Each feature and quality measure: Kolmogorov-Smirnov distance against "
    "permutations of the recordings, false discovery rate over all, and a shift of at least 0.3 standard deviations "
    "of the training data (Wasserstein distance). Recordings that follow each other count by their effective sample "
    "size, and an alarm needs more than the sources of the training data differ among each other. A "
    "domain classifier tests all features at once, on groups that it was not fitted on. New kinds of sound: live "
    "recordings with live neighbours only. Causes are read from the quality measures."
)
