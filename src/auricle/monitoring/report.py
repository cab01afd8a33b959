"""A check as a page: what happened, what to do, and what was seen, in pictures."""

from collections.abc import Iterator, Sequence

import numpy as np

from auricle.bundles.bundle import Bundle
from auricle.bundles.profile import QUALITY_COLUMNS
from auricle.monitoring.check import Check
from auricle.monitoring.drift.feature_drift import FeatureDrift
from auricle.monitoring.performance.estimated_performance import ASSUMPTION
from auricle.monitoring.report_charts import time_series, histograms, class_shares
from auricle.monitoring.sources.sample import Sample, reference_sample, to_datetime64
from auricle.reports import charts
from auricle.reports.html import Block, Listing, Notice, Numbers, Page, Section, Table, Text, Tone, picture

__all__ = ["MEASURES", "build_report"]

TONES: dict[str, Tone] = {"ok": "good", "watch": "warning", "alarm": "serious"}
SEVERITY = tuple(TONES)

MEASURES: dict[str, tuple[str, str]] = {
    "level_db": ("Level", "dB"),
    "noise_floor_db": ("Noise floor", "dB"),
    "snr_db": ("Signal over noise", "dB"),
    "bandwidth_hz": ("Bandwidth", "Hz"),
    "hum_db": ("Hum of the mains", "dB"),
    "decay_db": ("Fall within 80 ms", "dB"),
    "peak_db": ("Peak level", "dB"),
    "attack_db": ("Rise within 80 ms", "dB"),
    "cutoff_db": ("Steepness of the cut-off", "dB"),
    "holes": ("Holes of a codec", "share of bands"),
    "flat_topped": ("Flat tops", "share of samples"),
    "clipped": ("Clipped at full scale", "share of samples"),
    "silent": ("Silence", "share of time"),
    "dropouts": ("Dropouts", "a second"),
    "dc": ("Offset", "of full scale"),
}
"""The sound's measures in words, the ones that matter most first."""

N_HISTOGRAMS = 6
MAX_ROWS = 40
MAX_CLASSES = 24


def build_report(checks: Sequence[tuple[Check, Bundle, Sample]], *, by: str | None = None) -> Page:
    """Return the page of a check of every version that answered, the worst first.

    Parameters
    ----------
    checks : each with the bundle that answered and the recordings that it answered
    by : the column that was asked about
    """
    ranked = sorted(checks, key=lambda one: -SEVERITY.index(one[0].verdict.state))
    if not ranked:
        return Page("Monitoring", "Not enough yet: no recordings were logged in this time.", (), tone="warning")
    sections = [section for check, bundle, window in ranked for section in _sections(check, bundle, window, by)]
    if len(ranked) > 1:
        sections = [
            Section(f"{check.model}: {section.title}", section.blocks)
            for check, bundle, window in ranked
            for section in _sections(check, bundle, window, by)
        ]
    worst = ranked[0][0]
    names = " and ".join(check.model.partition("@")[0] for check, _, _ in ranked[:3])
    return Page(
        f"Monitoring of {names}",
        f"{worst.verdict.state.capitalize()}. {worst.verdict.sentence}",
        (*sections, Section("How this was tested", (Text(_METHOD.format(rate=f"{worst.rate:.2g}")),))),
        subtitle=f"{worst.model}{_time_range(worst)}",
        tone=TONES[worst.verdict.state],
    )


def _sections(check: Check, bundle: Bundle, window: Sample, by: str | None) -> Iterator[Section]:
    reference = reference_sample(bundle)
    yield Section("What happened", tuple(_summary(check)))
    if check.verdict.steps:
        yield Section("What to do next", (Listing(check.verdict.steps),))
    yield Section("How good the answers are", tuple(_performance(check)))
    if check.drift is None:
        return
    yield Section("How the sound changed", tuple(_sound_changes(check, reference, window, by)))
    if check.drift.places:
        yield Section(f"Where: by {by}", (_subgroups(check, str(by)),))
    if check.drift.classes is not None:
        yield Section("What is answered", tuple(_class_shares(check)))
    yield Section("All that moved", (_drifted_features(check),))


def _summary(check: Check) -> Iterator[Block]:
    for cause in check.causes:
        yield Notice("serious", cause.kind.replace("_", " "), cause.sentence)
    if not check.causes:
        yield Notice(TONES[check.verdict.state], check.verdict.state, check.verdict.sentence)
    for note in check.notes:
        yield Notice("note", "to know", note)
    items = [(f"{check.n}", "recordings"), (f"{check.n_groups}", "groups"), (f"{check.n_reference}", "of training")]
    if check.unknown is not None:
        items.append((f"{check.unknown:.1%}", f"unknown, where it was {check.unknown_before:.1%}"))
    if check.drift is not None:
        items.append((f"{check.drift.row.auc:.2f}", "told apart (0.5 is not at all, 1 always)"))
    yield Numbers(tuple(items))


def _performance(check: Check) -> Iterator[Block]:
    estimate, measured = check.estimate, check.measured
    if estimate is not None and estimate.value is None:
        yield Notice("warning", "without labels", estimate.reason)
    elif estimate is not None and estimate.interval is not None:
        low, high = estimate.interval
        what = "accuracy" if estimate.score == "accuracy" else "mean absolute error"
        yield Numbers(
            ((f"{estimate.value:.3g}", f"estimated {what}, 95% {low:.3g} to {high:.3g}; was {estimate.reference:.3g}"),)
        )
        yield Text(ASSUMPTION)
    if measured is None:
        yield Text("Nobody told the truth of any of these recordings, so nothing was measured.")
        return
    low, high = measured.interval
    lag = "" if measured.lag_s is None else f" They came {measured.lag_s / 3600:.1f} hours after the answer, at the median."
    yield Text(
        f"{measured.n} recordings are labelled, {measured.coverage:.0%} of all.{lag} By them, the {measured.score} "
        f"over all is {measured.value:.3g} (95% interval {low:.3g} to {high:.3g}); it was {measured.reference:.3g}."
    )
    if measured.concept.is_found:
        yield Notice(
            "serious",
            "concept drift",
            f"{measured.concept.detector} saw errors become more frequent within {measured.concept.label} labels.",
        )
    parts = [part for part in measured.parts if np.isfinite(part.interval).all()]
    if len(parts) > 1:
        figure, axes = charts.blank(6.4, 2.4)
        labels = np.cumsum([part.n for part in parts])
        ends = [part.interval for part in parts]
        charts.trend(axes[0, 0], labels, [part.value for part in parts], ends, xlabel="labels", ylabel=measured.score)
        axes[0, 0].axhline(measured.reference, color=charts.SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
        yield picture(figure, f"Measured {measured.score} over time", caption="The dashed line is that of training.")


def _sound_changes(check: Check, reference: Sample, window: Sample, by: str | None) -> Iterator[Block]:
    assert check.drift is not None  # noqa: S101  (the caller asked)
    known = {column.name: column for column in check.drift.columns if column.name in QUALITY_COLUMNS}
    by_effect = sorted(known.values(), key=lambda column: -column.effect)
    told = [cause.measure for cause in check.causes if cause.measure in MEASURES]
    moved = [column.name for column in by_effect if column.drifted(check.feature_rate)]
    drawn = list(dict.fromkeys([*told, *moved, *MEASURES]))[:N_HISTOGRAMS]
    figure, axes = charts.blank(9.2, 4.6, rows=2, columns=3)
    for axis, name in zip(axes.flat, drawn, strict=False):
        label, unit = MEASURES[name]
        histograms(axis, reference.measure(name), window.measure(name), name=label, unit=unit)
    yield picture(
        figure,
        "Histograms of the sound's measures, of training and now",
        caption="Measures of the sound among the recordings of training (filled) and now (line).",
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
            yield picture(figure, f"{label} over time", caption="The band holds nine of ten recordings of training.")


def _subgroups(check: Check, by: str) -> Table:
    assert check.drift is not None  # noqa: S101  (the caller asked)
    rows = []
    for place in check.drift.places:
        known = {column.name: column for column in place.columns}
        shown = (f"{known[name].after - known[name].before:+.1f} dB" for name in ("level_db", "noise_floor_db"))
        signs = "; ".join(sign.what for sign in place.signs) or "unchanged"
        rows.append((place.value, f"{place.n}", *shown, signs))
    return Table((by, "recordings", "level", "noise floor", "what"), tuple(rows), "Against the recordings of training.")


def _class_shares(check: Check) -> Iterator[Block]:
    assert check.drift is not None  # noqa: S101  (the caller asked)
    assert check.drift.classes is not None  # noqa: S101  (the caller asked)
    shares = sorted(check.drift.classes.shares, key=lambda one: -abs(one.after - one.before))[:MAX_CLASSES]
    figure, axes = charts.blank(6.4, 0.9 + 0.26 * len(shares))
    class_shares(axes[0, 0], [s.label for s in shares], [s.before for s in shares], [s.after for s in shares])
    more = len(check.drift.classes.shares) - len(shares)
    left = f" {more} classes that changed less are not drawn." if more else ""
    yield picture(
        figure, "Share of every class", caption=f"How often each class comes, without what is mistaken for it.{left}"
    )


def _drifted_features(check: Check) -> Block:
    assert check.drift is not None  # noqa: S101  (the caller asked)
    moved = [column for column in check.drift.columns if column.drifted(check.feature_rate)]
    if not moved:
        return Text("No feature and no measure moved both significantly and far enough to act on.")
    ranked: list[FeatureDrift] = sorted(moved, key=lambda column: -column.effect)[:MAX_ROWS]
    return Table(
        ("measure", "before", "now", "moved by (spreads)", "KS distance", "q"),
        tuple(
            (c.name, f"{c.before:.4g}", f"{c.after:.4g}", f"{c.effect:.2f}", f"{c.gap:.2f}", f"{c.q:.1g}")
            for c in ranked
        ),
        f"The first {MAX_ROWS} of {len(moved)}." if len(moved) > MAX_ROWS else "Medians, and how far they moved.",
    )


def _time_range(check: Check) -> str:
    if check.first is None or check.last is None:
        return ""
    return f", {check.first:%-d %B %Y %H:%M} to {check.last:%-d %B %Y %H:%M} UTC"


_METHOD = (
    "Recordings, not windows, are compared with those of training, which were answered by models that had not trained "
    "on them. A Kolmogorov-Smirnov distance is called only where shuffling recordings between the two gives such a one "
    "so seldom that, over all that is asked, a check in which nothing has changed alarms with a chance of at most "
    "{rate}; and only where the measure moved by at least 0.3 spreads of training (Wasserstein distance). Recordings "
    "of one group count for what they say beside each other. A classifier tries to tell the two apart by everything at "
    "once, on groups that it was not fitted on. Live recordings that have only live ones for neighbours are counted. "
    "Causes are read from the measures of the sound."
)
